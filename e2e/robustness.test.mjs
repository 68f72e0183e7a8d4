/**
 * Requests as no honest client sends them, byte by byte: each has its answer, none is taken for another request, and
 * the server serves on. What is wrong inside of a well-formed request is `identity-errors.test.mjs`; who is slow, or
 * many, is `connections.test.mjs`.
 */

import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import test from 'node:test';

import { HEADER, claimsOf, jws } from './forge.mjs';
import { customToken, safeServer } from './harness.mjs';
import { request, talk } from './raw.mjs';

const LOGIN = '/account/v1/login';
const JSON_TYPE = 'content-type: application/json';
const CHUNKED = 'transfer-encoding: chunked';
const MIB = 1024 * 1024;
/** How far large bodies may push the resident memory of a debug build. */
const GROWTH_KIB_MAX = 64 * 1024;

test('requests that are none', async (t) => {
  const { server, apiKey, accounts } = await safeServer(t);
  const toolkit = (name) => `/identitytoolkit.googleapis.com/v1/${name}?key=${apiKey}`;
  const token = await customToken(accounts[0].file, 'victim');
  const { idToken } = (await server.post(toolkit('accounts:signInWithCustomToken'), { token }))
    .body;

  // A request with a body, which is answered with 200 when it is read as it should be.
  const BODY = JSON.stringify({ idToken });
  const LENGTH = `content-length: ${BODY.length}`;
  const SIZE = BODY.length.toString(16);
  const CHUNKS = `${SIZE}\r\n${BODY}\r\n0\r\n\r\n`;
  const lookup = (headers, body) =>
    request('POST', toolkit('accounts:lookup'), [JSON_TYPE, ...headers], body);
  const status = async (bytes) => (await talk(server, bytes, { until: 1 })).answers[0]?.status;

  /** Sends each row's bytes; the first answer has that status, and there is no second one. */
  async function check(rows) {
    for (const [name, bytes, expected] of rows) {
      const { answers, text } = await talk(server, bytes, { until: 1 });
      assert.equal(answers[0]?.status, expected, `${name}: ${text}`);
      assert.equal(answers.length, 1, `${name}: ${text}`);
    }
  }

  await t.test('a body whose end is a matter of opinion ends the connection', async () => {
    // Behind a proxy that reads the head another way, the rest would be the next client's request.
    const smuggled = request('GET', '/smuggled');
    const rows = [
      ['length before chunks', lookup([LENGTH, CHUNKED], CHUNKS), 200],
      ['chunks before length', lookup([CHUNKED, LENGTH], CHUNKS), 200],
      ['a short length and chunks', lookup(['content-length: 5', CHUNKED], CHUNKS), 200],
      ['two lengths', lookup([LENGTH, 'content-length: 5'], BODY), 400],
      ['a list of lengths', lookup([`content-length: ${BODY.length}, 5`], BODY), 400],
      ['chunked twice', lookup(['transfer-encoding: chunked, chunked'], CHUNKS), 400],
      ['chunked twice, two lines', lookup([CHUNKED, CHUNKED], CHUNKS), 400],
      ['gzip within', lookup(['transfer-encoding: gzip, chunked'], CHUNKS), 400],
      ['gzip around', lookup(['transfer-encoding: chunked, gzip'], CHUNKS), 400],
      ['identity', lookup(['transfer-encoding: identity', LENGTH], BODY), 400],
      ['an unknown coding', lookup(['transfer-encoding: xchunked'], CHUNKS), 400],
      ['a vertical tab', lookup(['transfer-encoding: chunked\v'], CHUNKS), 400],
      ['a space before the colon', lookup(['transfer-encoding : chunked'], CHUNKS), 400],
      ['a folded line', lookup(['transfer-encoding:\r\n chunked'], CHUNKS), 400],
      ['a hidden line', lookup([`x: a\rtransfer-encoding: chunked`, LENGTH], BODY), 400],
      ['chunks in HTTP/1.0', lookup([CHUNKED], CHUNKS).replace('HTTP/1.1', 'HTTP/1.0'), 400],
    ];
    for (const length of ['+5', '-1', '0x5', '5 5', '5e0', '', 'five', '9'.repeat(30)]) {
      rows.push([`length \`${length}\``, lookup([`content-length: ${length}`], BODY), 400]);
    }
    for (const [name, bytes, expected] of rows) {
      const { answers, text, done } = await talk(server, bytes + smuggled);
      assert.equal(answers[0]?.status, expected, `${name}: ${text}`);
      assert.equal(answers.length, 1, `${name}: the rest was read as a request:\n${text}`);
      assert.equal(done, 'closed', name);
    }
  });

  await t.test('a wrong chunk is no body', async () => {
    const rows = [
      ['no size', ''],
      ['no number', 'zz'],
      ['a negative number', '-1'],
      ['another notation', `0x${SIZE}`],
      ['a space in front', ` ${SIZE}`],
      ['more than 64 bits', 'f'.repeat(17)],
      ['too short', (BODY.length - 1).toString(16)],
      ['too long', (BODY.length + 1).toString(16)],
      ['a long extension', `${SIZE};${'x'.repeat(20_000)}`],
    ];
    for (const [name, wrong] of rows) {
      const bytes = lookup([CHUNKED], `${wrong}\r\n${BODY}\r\n0\r\n\r\n`);
      const { answers, text, done } = await talk(server, bytes + request('GET', '/smuggled'));
      assert.deepEqual(
        answers.map((answer) => answer.status),
        [400],
        `${name}: ${text}`,
      );
      assert.match(answers[0].body, /The body ended early/, name);
      assert.equal(done, 'closed', name);
    }
    await check([['bare line ends', lookup([CHUNKED], CHUNKS.replaceAll('\r', '')), 400]]);
    const half = await talk(server, lookup(['content-length: 1000'], BODY), { end: true });
    assert.match(half.answers[0].body, /The body ended early/);
  });

  await t.test('requests that come together are answered in order', async () => {
    const gets = ['/', '/nothing', '/healthz'].map((path) => request('GET', path)).join('');
    const bytes = gets + lookup([LENGTH], BODY) + lookup([CHUNKED], CHUNKS) + gets;
    const { answers } = await talk(server, bytes, { until: 8 });
    const found = answers.map((answer) => answer.status);
    assert.deepEqual(found, [200, 404, 204, 200, 200, 200, 404, 204]);
    // A body of a request that reads none is no request.
    const hidden = request('GET', '/smuggled');
    const carrying = request('GET', '/healthz', [`content-length: ${hidden.length}`], hidden);
    const both = await talk(server, carrying + request('GET', '/'), { until: 2 });
    assert.deepEqual(
      both.answers.map((answer) => answer.status),
      [204, 200],
    );
    const many = await talk(server, request('GET', '/healthz').repeat(1000), { until: 1000 });
    assert.equal(many.answers.length, 1000);
  });

  await t.test('a head has its limits', async () => {
    const long = 'x'.repeat(70_000);
    await check([
      ['a long header', request('GET', '/', [`x: ${long}`]), 431],
      ['a long name', request('GET', '/', [`${long}: x`]), 431],
      ['a long path', request('GET', `/${long}`), 431],
      ['a long method', request(long, '/'), 431],
      [
        'many headers',
        request(
          'GET',
          '/',
          Array.from({ length: 200 }, (_, i) => `x${i}: y`),
        ),
        431,
      ],
      ['within the limits', request('GET', `/${'x'.repeat(20_000)}`), 404],
    ]);
  });

  await t.test('odd heads', async () => {
    const get = (line) => `${line}\r\nhost: localhost\r\n\r\n`;
    await check([
      ['no HTTP', '\0\0\0\0 nothing\r\n\r\n', 400],
      ['TLS', Buffer.from('16030100a5010000a10303'.padEnd(200, '0'), 'hex'), 400],
      ['HTTP/0.9', 'GET /\r\n\r\n', 400],
      ['HTTP/2.0 by name', get('GET / HTTP/2.0'), 400],
      ['HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n', 200],
      ['no method', get(' / HTTP/1.1'), 400],
      ['a space in the path', get('GET /a b HTTP/1.1'), 400],
      ['a NUL in the method', get('G\0T / HTTP/1.1'), 400],
      ['a NUL in the path', get('GET /a\0b HTTP/1.1'), 400],
      ['a NUL in a header', request('GET', '/', ['x: a\0b']), 400],
      ['a bare line end', request('GET', '/', ['x: a\rb']), 400],
      ['bytes above ASCII in the path', Buffer.from(get('GET /\xff HTTP/1.1'), 'latin1'), 400],
      [
        'bytes above ASCII in a header',
        Buffer.from(request('GET', '/', ['x: \xff']), 'latin1'),
        200,
      ],
      ['an upgrade to HTTP/2', request('GET', '/', ['connection: upgrade', 'upgrade: h2c']), 200],
      ['a WebSocket', request('GET', '/', ['connection: upgrade', 'upgrade: websocket']), 200],
    ]);
  });

  await t.test('paths', async () => {
    const get = (path) => request('GET', path);
    await check([
      ['half an escape', get('/%'), 404],
      ['no escape', get('/%zz'), 404],
      ['an escaped NUL', get('/v1/accounts%00:lookup'), 404],
      ['no UTF-8', get('/%ff'), 400],
      ['an overlong slash', get('/%c0%af'), 400],
      ['a surrogate', get('/%ed%a0%80'), 400],
      ['upwards', get('/../../etc/passwd'), 404],
      ['upwards, escaped', get('/%2e%2e/%2e%2e/etc/passwd'), 404],
      ['upwards, below a host', get('/identitytoolkit.googleapis.com/../healthz'), 404],
      ['a whole URL', get('http://localhost/healthz'), 204],
      ['the URL of another', get('http://example.com/nothing'), 404],
      ['a wrong query', get('/healthz?key=%&%ff=%00&&=&a'), 204],
    ]);
    const odd = toolkit('accounts:lookup').replace('key=', 'key=%ff%00');
    assert.equal(
      (await server.post(odd, {})).status,
      400,
      'an API key of odd bytes is a wrong one',
    );
  });

  await t.test('methods', async () => {
    for (const method of [
      'PUT',
      'PATCH',
      'DELETE',
      'TRACE',
      'CONNECT',
      'BREW',
      'get',
      'M'.repeat(99),
    ]) {
      for (const path of ['/', '/healthz', LOGIN, '/v1/accounts:lookup', '/v1/nothing']) {
        const { answers } = await talk(server, request(method, path, ['x-echo: me']), { until: 1 });
        assert.equal(answers[0].status, 404, `${method} ${path}`);
        // The account server's errors have a form of their own, where nothing was found or read too.
        const { code, status: kind } = JSON.parse(answers[0].body).error;
        assert.equal(path === LOGIN ? code : kind, path === LOGIN ? 'not_found' : 'NOT_FOUND');
        assert.doesNotMatch(answers[0].body, /x-echo/);
      }
    }
    for (const path of ['/', LOGIN, '/nothing', '*']) {
      assert.equal(await status(request('OPTIONS', path)), 204, `OPTIONS ${path}`);
    }
    for (const [path, expected] of [
      ['/', 200],
      ['/healthz', 204],
      [LOGIN, 404],
      ['/nothing', 404],
    ]) {
      const { text } = await talk(server, request('HEAD', path, ['connection: close']));
      assert.match(text, new RegExp(`^HTTP/1.1 ${expected} `), `HEAD ${path}`);
      assert.ok(text.endsWith('\r\n\r\n'), `HEAD ${path} has a body: ${text}`);
    }
  });

  await t.test('hosts', async () => {
    const named = (...hosts) => {
      const lines = hosts.map((host) => `host: ${host}\r\n`).join('');
      return Buffer.from(`GET /healthz HTTP/1.1\r\n${lines}\r\n`, 'latin1');
    };
    // An unknown name is a name of ours; a host of Google's has no health.
    const rows = [
      ['no host', named(), 400],
      ['two hosts', named('a', 'b'), 400],
    ];
    for (const host of ['', 'fk.example.com', 'my_host:80', '[::1]:80', 'x'.repeat(5000), '0']) {
      rows.push([`host \`${host}\``, named(host), 204]);
    }
    for (const host of ['a b', 'a/b', 'user@a', 'http://a', '[::1', '\xff']) {
      rows.push([`host \`${host}\``, named(host), 400]);
    }
    for (const host of ['identitytoolkit.googleapis.com', 'IdentityToolkit.GoogleApis.com:443']) {
      rows.push([`host \`${host}\``, named(host), 404]);
    }
    await check(rows);
  });

  await t.test('bodies that are no JSON', async () => {
    const latin = (text) => Buffer.from(text, 'latin1');
    const rows = [
      '{',
      '{"password":',
      '\0',
      '\ufeff{}',
      '{"a":1}}',
      '{"a":"\u0001"}',
      "{'a':1}",
      'NaN',
      '{"a":NaN}',
    ];
    rows.push(
      '{"a":"\\ud800"}',
      '{"a":"\\x41"}',
      '{"a":01}',
      '{"a":1e999}',
      `{"a":${'['.repeat(100_000)}`,
    );
    for (const raw of [
      ...rows,
      latin('{"a":"\xff"}'),
      latin('{"\xc0\xaf":1}'),
      latin('\xff\xfe{\0}\0'),
    ]) {
      const name = String(raw).slice(0, 20);
      const wrong = await server.post(toolkit('accounts:lookup'), undefined, { raw });
      assert.equal(wrong.status, 400, `${name}: ${wrong.text}`);
      assert.match(wrong.body.error.message, /^Invalid JSON payload received\./, name);
      const account = await server.post(LOGIN, undefined, { raw });
      assert.equal(account.status, 400, `${name}: ${account.text}`);
      assert.equal(account.body.error.code, 'invalid_request', name);
    }
    const zipped = await server.post(LOGIN, undefined, {
      raw: latin('\x1f\x8b\x08\0\0'),
      headers: { 'content-encoding': 'gzip' },
    });
    assert.equal(zipped.status, 400);
  });

  await t.test('fields of another kind', async () => {
    /** Not a string, not a boolean, not a number, not a list of strings, not an object. */
    const wrong = {
      string: [true, {}, [], ['a'], { a: 1 }],
      bool: [7, 'yes', {}, [true]],
      int: ['seven', 1.5, 1e300, {}, [7], true],
      strings: [{}, [{}], [['a']], true],
      enums: ['NOTHING', 99, [{}], [-1]],
      object: ['text', 7, [], true],
      objects: ['text', {}, ['a'], [7]],
    };
    const { client_email: email, private_key: pem } = accounts[0].key;
    const claims = { ...claimsOf(accounts[0].key), aud: 'https://identitytoolkit.googleapis.com/' };
    const bearer = jws(HEADER, { ...claims, iss: email, sub: email }, createPrivateKey(pem));
    const rows = [
      ['string', 'accounts:lookup', 'idToken', {}],
      ['string', 'accounts:signInWithCustomToken', 'token', {}],
      ['string', 'accounts:signInWithPassword', 'email', { password: 'secret password' }],
      ['string', 'accounts:signInWithPassword', 'password', { email: 'a@example.com' }],
      ['string', 'accounts:update', 'displayName', { idToken }],
      ['enums', 'accounts:update', 'deleteAttribute', { idToken }],
      ['strings', 'accounts:update', 'deleteProvider', { idToken }],
      ['bool', 'accounts:update', 'disableUser', { localId: 'victim' }, bearer],
      ['int', 'accounts:update', 'validSince', { localId: 'victim' }, bearer],
      ['int', 'accounts:update', 'createdAt', { localId: 'victim' }, bearer],
      ['string', 'accounts:update', 'customAttributes', { localId: 'victim' }, bearer],
      ['object', 'accounts:update', 'linkProviderUserInfo', { localId: 'victim' }, bearer],
      ['strings', 'accounts:lookup', 'email', {}, bearer],
      ['objects', 'accounts:lookup', 'federatedUserId', {}, bearer],
    ];
    for (const [kind, operation, field, others, as] of rows) {
      for (const value of wrong[kind]) {
        const answer = await server.post(
          toolkit(operation),
          { ...others, [field]: value },
          { bearer: as },
        );
        const name = `${operation} ${field} ${JSON.stringify(value)}: ${answer.text}`;
        assert.equal(answer.status, 400, name);
        assert.equal(answer.body.error.status, 'INVALID_ARGUMENT', name);
        assert.match(answer.body.error.message, /^Invalid JSON payload received\./, name);
      }
    }
    const account = { login: 'a', password: 'secret password' };
    for (const [route, field, values] of [
      [LOGIN, 'login', [7, true, {}, ['a']]],
      [LOGIN, 'password', [7, null, {}, ['a']]],
      ['/account/v1/signup', 'username', [7, {}, ['a']]],
      ['/account/v1/signup', 'attributes', [7, 'a', ['a']]],
    ]) {
      for (const value of values) {
        const answer = await server.post(route, { ...account, [field]: value });
        const name = `${route} ${field} ${JSON.stringify(value)}: ${answer.text}`;
        assert.equal(answer.status, 400, name);
        assert.equal(answer.body.error.code, 'invalid_request', name);
        assert.doesNotMatch(answer.text, /secret password/, name);
      }
    }
  });

  await t.test('large bodies are refused, and take no memory', async () => {
    const before = await server.residentKib();
    const refused = (answer) => {
      assert.equal(answer.status, 413, answer.text);
      const { code, message } = answer.body.error;
      assert.ok([413, 'invalid_request'].includes(code), answer.text);
      assert.match(message, /^Request payload size exceeds the limit: 1048576 bytes\.$/);
    };
    const raw = JSON.stringify({ idToken: 'x'.repeat(10 * MIB) });
    const sending = Array.from({ length: 32 }, () =>
      server.post(toolkit('accounts:lookup'), undefined, { raw }),
    );
    for (const answer of await Promise.all(sending)) refused(answer);
    const after = await server.residentKib();
    assert.ok(
      after - before < GROWTH_KIB_MAX,
      `${before} KiB before, ${after} KiB after 32 bodies of 10 MiB`,
    );
    refused(await server.post(LOGIN, undefined, { raw: 'x'.repeat(31 * MIB) }));
    // What nobody would read to its end is refused unread; a client that asks first sends nothing.
    for (const headers of [
      ['content-length: 1099511627776'],
      ['content-length: 2097152', 'expect: 100-continue'],
    ]) {
      const { answers, done } = await talk(server, lookup(headers, ''));
      assert.deepEqual(
        answers.map((answer) => answer.status),
        [413],
        headers[0],
      );
      assert.equal(done, 'closed', headers[0]);
    }
    const endless = `${MIB.toString(16)}\r\n${'x'.repeat(MIB)}\r\n`.repeat(40);
    const { answers } = await talk(server, lookup([CHUNKED], endless));
    assert.ok(answers.length === 0 || answers[0].status === 413, 'chunks without an end');
    // The limit itself still fits.
    const fits = JSON.stringify({ idToken: 'x'.repeat(MIB - '{"idToken":""}'.length) });
    assert.equal(fits.length, MIB);
    const answer = await server.post(toolkit('accounts:lookup'), undefined, { raw: fits });
    assert.match(answer.body.error.message, /^INVALID_ID_TOKEN/);
  });

  await t.test('and the server lives, without a fault in its log', async () => {
    assert.equal((await server.get('/')).status, 200);
    assert.doesNotMatch(server.output, /panick|ERROR/);
    await server.stop();
  });
});
