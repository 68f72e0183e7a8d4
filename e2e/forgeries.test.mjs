/**
 * Tokens that must be refused, against the running server in safe mode: each row of auth specification, section 22.1.
 * (Replays, and names of claims that are reserved to the server: `replays.test.mjs`.)
 * A row is a name, a way to forge, and how the documented message begins.
 *
 * Rows that need the server's own ID-token key (an ID token signed well with wrong claims) are unit tests of the `token`
 * crate: nobody outside the server has that key.
 */

import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import http from 'node:http';
import test from 'node:test';

import {
  HEADER,
  claimsOf,
  encode,
  flip,
  jws,
  publicForms,
  strangers,
  trailingBits,
} from './forge.mjs';
import { command, customToken, decode, run, safeServer } from './harness.mjs';

const INVALID = 'INVALID_CUSTOM_TOKEN';
const FORMAT = 'INVALID_CUSTOM_TOKEN : Invalid assertion format';
const MISMATCH = 'CREDENTIAL_MISMATCH';
const now = () => Math.floor(Date.now() / 1000);

/** `kid` values that want to be more than a name. */
const HOSTILE_KIDS = {
  unknown: '0'.repeat(40),
  empty: '',
  'path traversal': '../../../../dev/null',
  'an absolute path': '/etc/passwd',
  'a URL': 'http://127.0.0.1:1/key.pem',
  'a NUL': 'key\u0000.pem',
  SQL: "x' UNION SELECT 'AAAA' -- ",
  'a long value': 'k'.repeat(8 * 1024),
  'a prototype': '__proto__',
};

/** Header members that name a key, or change what is signed. */
function forbiddenHeaders(url) {
  const jwk = createPublicKey(strangers.rsa).export({ format: 'jwk' });
  return {
    jku: `${url}/jwks.json`,
    jwk,
    x5u: `${url}/certificate.pem`,
    x5c: ['MIIB'],
    x5t: 'AAAA',
    'x5t#S256': 'AAAA',
    crit: ['exp'],
    b64: false,
    zip: 'DEF',
    enc: 'A256GCM',
  };
}

/** Forgeries of the form, which need no key: from a right token, `[name, token]`. */
function* malformed(right) {
  const [header, payload, signature] = right.split('.');
  yield ['no segment', ''.padEnd(20, 'A')];
  yield ['a missing third segment', `${header}.${payload}`];
  yield ['a fourth segment', `${right}.`];
  yield ['a fourth segment with text', `${right}.${signature}`];
  yield ['five segments', `${header}.${payload}.${signature}.${payload}.${signature}`];
  yield ['an empty header', `.${payload}.${signature}`];
  yield ['an empty payload', `${header}..${signature}`];
  yield ['only dots', '..'];
  yield ['padding', `${header}.${payload}.${signature}=`.replace(/=*$/, '==')];
  yield ['a space in front', ` ${right}`];
  yield ['a line end behind', `${right}\n`];
  yield ['a space within', `${header}. ${payload}.${signature}`];
  const broken = `${payload.slice(0, 8)}\n${payload.slice(8)}`;
  yield ['a line end within a segment', `${header}.${broken}.${signature}`];
  yield ['the other base64 alphabet', `${header}.${payload}.+/${signature.slice(2)}`];
  const bits = trailingBits(signature);
  if (bits) yield ['trailing bits', `${header}.${payload}.${bits}`];
  yield ['JSON serialisation', JSON.stringify({ payload, protected: header, signature })];
  yield [
    'general JSON serialisation',
    JSON.stringify({ payload, signatures: [{ protected: header, signature }] }),
  ];
  const large = encode({ uid: 'x', pad: 'x'.repeat(17_000) });
  yield ['more than 16 KiB', `${header}.${large}.${signature}`];
}

test('forged tokens', async (t) => {
  const names = ['e2e-first', 'e2e-second', 'e2e-disabled'];
  const { server, data, accounts, apiKey, projectId } = await safeServer(t, {
    accounts: names,
  });
  const [first, second, disabled] = accounts.map(({ key }) => ({
    ...key,
    private: createPrivateKey(key.private_key),
  }));
  await command('service-account', 'disable', disabled.client_email, '--data', data);

  // A listener that nothing may ever ask for a key.
  let fetched = 0;
  const bait = http.createServer((_, response) => {
    fetched += 1;
    response.end('{"keys":[]}');
  });
  await new Promise((resolve) => bait.listen(0, '127.0.0.1', resolve));
  t.after(() => bait.close());
  const baitUrl = `http://127.0.0.1:${bait.address().port}`;

  const toolkit = (name, body) =>
    server.post(`/identitytoolkit.googleapis.com/v1/${name}?key=${apiKey}`, body);
  const signIn = (token) => toolkit('accounts:signInWithCustomToken', { token });
  const tried = [];

  /** The only code that knows the endpoint: signs in and expects that message. */
  async function refuse(name, token, expected) {
    tried.push(token);
    const answer = await signIn(token);
    assert.equal(answer.status, 400, `${name}: ${answer.text.slice(0, 300)}`);
    const { message } = answer.body.error;
    // A reason may follow the documented text.
    const rest = message.startsWith(expected) ? message.slice(expected.length) : 'another code';
    assert.match(rest, /^($|[ :(])/, `${name}: expected \`${expected}\`, got \`${message}\``);
    assert.doesNotMatch(answer.text, /idToken|refreshToken/, name);
  }

  async function accept(name, token) {
    const answer = await signIn(token);
    assert.equal(answer.status, 200, `${name}: ${answer.text}`);
    return decode(answer.body.idToken).claims;
  }

  const claims = (change = {}) => ({ ...claimsOf(first, 'forged'), ...change });
  const make = (change, header = {}) =>
    jws({ ...HEADER, ...header }, claims(change), first.private);
  const without = (...gone) => {
    const kept = Object.entries(claims()).filter(([name]) => !gone.includes(name));
    return jws(HEADER, Object.fromEntries(kept), first.private);
  };

  await t.test('the forger can make right tokens', async () => {
    assert.equal((await accept('plain', make({}))).sub, 'forged');
    assert.equal((await accept('kid', make({}, { kid: first.private_key_id }))).sub, 'forged');
    assert.equal((await accept('no typ', make({}, { typ: undefined }))).sub, 'forged');
    assert.equal((await accept('user_id', make({ uid: undefined, user_id: 'old' }))).sub, 'old');
    assert.equal((await accept('a number', make({ uid: 42 }))).sub, '42');
    assert.equal((await accept('128 characters', make({ uid: 'ü'.repeat(128) }))).sub.length, 128);
    const late = { iat: now() - 3600 - 30, exp: now() - 30 };
    assert.equal((await accept('within the leeway', make(late))).sub, 'forged');
    const other = jws(HEADER, claimsOf(second, 'b'), second.private);
    assert.equal((await accept('the second account', other)).sub, 'b');
  });

  await t.test('algorithms', async () => {
    const [header, payload, signature] = make({}).split('.');
    for (const alg of ['none', 'None', 'NONE', 'nOnE', '']) {
      const unsigned = encode({ alg, typ: 'JWT' });
      await refuse(`alg ${alg}, no signature`, `${unsigned}.${payload}.`, INVALID);
      await refuse(`alg ${alg}, a signature`, `${unsigned}.${payload}.${signature}`, INVALID);
      await refuse(`alg ${alg}, two segments`, `${unsigned}.${payload}`, FORMAT);
    }
    await refuse('an empty signature', `${header}.${payload}.`, INVALID);
    for (const alg of ['HS256', 'HS384', 'HS512']) {
      for (const [form, secret] of Object.entries(publicForms(first.private))) {
        const token = jws({ alg, typ: 'JWT' }, claims(), secret);
        await refuse(`${alg} with the public key (${form}) as secret`, token, INVALID);
        const lying = jws(HEADER, claims(), secret, alg);
        await refuse(`${alg} called RS256 (${form})`, lying, INVALID);
      }
    }
    for (const [alg, key] of [
      ['RS384', first.private],
      ['RS512', first.private],
      ['PS256', first.private],
      ['ES256', strangers.ec],
      ['EdDSA', strangers.ed],
    ]) {
      await refuse(alg, jws({ alg, typ: 'JWT' }, claims(), key), INVALID);
      await refuse(`${alg} called RS256`, jws(HEADER, claims(), key, alg), INVALID);
    }
    for (const alg of [undefined, null, 256, ['RS256'], { RS256: true }, 'rs256', 'RS256 ']) {
      const token = jws({ ...HEADER, alg }, claims(), first.private, 'RS256');
      await refuse(`alg ${JSON.stringify(alg)}`, token, INVALID);
    }
    await refuse('typ', make({}, { typ: 'at+jwt' }), INVALID);
  });

  await t.test('signatures', async () => {
    const [header, payload, signature] = make({}).split('.');
    const other = encode(claims({ uid: 'admin' }));
    await refuse('another payload', `${header}.${other}.${signature}`, INVALID);
    await refuse('one bit of the signature', `${header}.${payload}.${flip(signature)}`, INVALID);
    await refuse('one bit of the end', `${header}.${payload}.${flip(signature, 255)}`, INVALID);
    await refuse('a short signature', `${header}.${payload}.${encode('short')}`, INVALID);
    await refuse('zeroes', `${header}.${payload}.${encode(Buffer.alloc(256))}`, INVALID);
    await refuse('a stranger’s key', jws(HEADER, claims(), strangers.rsa), INVALID);
    const bySecond = jws(HEADER, claims(), second.private);
    await refuse('another registered account’s key', bySecond, INVALID);
    const named = jws({ ...HEADER, kid: second.private_key_id }, claims(), second.private);
    await refuse('another account’s key, by its kid', named, INVALID);
    const swapped = jws({ ...HEADER, kid: first.private_key_id }, claims(), second.private);
    await refuse('another account’s key, by the right kid', swapped, INVALID);
  });

  await t.test('accounts', async () => {
    const email = `nobody@${projectId}.iam.gserviceaccount.com`;
    const unknown = { iss: email, sub: email };
    await refuse('an unknown issuer', make(unknown), MISMATCH);
    const stranger = jws(HEADER, claims(unknown), strangers.rsa);
    await refuse('an unknown issuer with its own key', stranger, MISMATCH);
    const elsewhere = first.client_email.replace(projectId, 'another-project');
    await refuse('an issuer of another project', make({ iss: elsewhere, sub: elsewhere }), MISMATCH);
    const emulator = 'firebase-auth-emulator@example.com';
    await refuse('the emulator', make({ iss: emulator, sub: emulator }), MISMATCH);
    const off = jws(HEADER, claimsOf(disabled, 'x'), disabled.private);
    await refuse('a disabled account', off, MISMATCH);
    await refuse('sub is another account', make({ sub: second.client_email }), INVALID);
    await refuse('no sub', without('sub'), INVALID);
    for (const iss of [7, null, [first.client_email], {}]) {
      tried.push(make({ iss }));
      const answer = await signIn(make({ iss }));
      assert.equal(answer.status, 400);
      assert.match(answer.body.error.message, /^(INVALID_CUSTOM_TOKEN|CREDENTIAL_MISMATCH)/);
    }
    await command('service-account', 'disable', second.client_email, '--data', data);
    const late = jws(HEADER, claimsOf(second, 'b'), second.private);
    await refuse('an account disabled while the server runs', late, MISMATCH);
  });

  await t.test('key ids name a key of the account, and nothing else', async () => {
    for (const [name, kid] of Object.entries(HOSTILE_KIDS)) {
      const token = jws({ ...HEADER, kid }, claims(), strangers.rsa);
      await refuse(`kid: ${name}`, token, INVALID);
    }
    for (const kid of [7, null, ['a'], { a: 1 }]) {
      const token = jws({ ...HEADER, kid }, claims(), strangers.rsa);
      await refuse(`kid ${JSON.stringify(kid)}`, token, INVALID);
    }
  });

  await t.test('header members that name or carry a key', async () => {
    for (const [name, value] of Object.entries(forbiddenHeaders(baitUrl))) {
      await refuse(`${name}, well signed`, make({}, { [name]: value }), INVALID);
      const token = jws({ ...HEADER, [name]: value }, claims(), strangers.rsa);
      await refuse(`${name}, signed by a stranger`, token, INVALID);
    }
    assert.equal(fetched, 0, 'nothing was fetched');
  });

  await t.test('the form', async () => {
    for (const [name, token] of malformed(make({}))) await refuse(name, token, FORMAT);
    const raw = (header, payload) => jws(header, payload, first.private, 'RS256');
    const text = JSON.stringify(claims());
    const twice = `${text.slice(0, -1)},"uid":"admin"}`;
    await refuse('a claim twice', raw(HEADER, twice), FORMAT);
    const nested = `${text.slice(0, -1)},"claims":{"a":1,"a":2}}`;
    await refuse('a nested name twice', raw(HEADER, nested), FORMAT);
    const escaped = `${text.slice(0, -1)},"\\u0075id":"admin"}`;
    await refuse('a claim twice, once escaped', raw(HEADER, escaped), FORMAT);
    const header = '{"alg":"RS256","typ":"JWT","alg":"RS256"}';
    await refuse('a header member twice', raw(header, text), FORMAT);
    const bytes = Buffer.from(text.replace('forged', 'f\u00ffrged'), 'latin1');
    await refuse('a payload that is not UTF-8', raw(HEADER, bytes), FORMAT);
    const latin = Buffer.from('{"alg":"RS256","\u00ff":1}', 'latin1');
    await refuse('a header that is not UTF-8', raw(latin, text), FORMAT);
    for (const payload of ['[]', '"text"', '7', 'null', '', '{', `${text} x`, `\ufeff${text}`]) {
      await refuse(`payload ${payload.slice(0, 8)}`, raw(HEADER, payload), FORMAT);
    }
    for (const wrong of ['[]', '"RS256"', 'null', '{"alg":"RS256"']) {
      await refuse(`header ${wrong}`, raw(wrong, text), FORMAT);
    }
    const deep = (levels) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
    const withClaims = (more) => raw(HEADER, `${text.slice(0, -1)},"claims":${more}}`);
    await refuse('17 levels', withClaims(deep(16)), FORMAT);
    await refuse('1000 levels', withClaims(deep(1000)), FORMAT);
    const deepHeader = `{"alg":"RS256","a":${deep(16)}}`;
    await refuse('17 levels in the header', raw(deepHeader, text), FORMAT);
    const largeHeader = JSON.stringify({ ...HEADER, pad: 'x'.repeat(17_000) });
    await refuse('a header of more than 16 KiB', raw(largeHeader, text), FORMAT);
    await refuse('5000 lists', withClaims('['.repeat(5000) + ']'.repeat(5000)), FORMAT);
    for (const token of ['{"uid":"x"}', '{"uid":"x","claims":{}}', '{']) {
      await refuse('a bare JSON object', token, FORMAT);
    }
  });

  await t.test('audience', async () => {
    const { aud } = claims();
    const others = [
      projectId,
      `${aud}/`,
      aud.replace('https', 'http'),
      [aud],
      [aud, projectId],
      { aud },
      7,
      null,
      '',
    ];
    for (const wrong of others) {
      await refuse(`aud ${JSON.stringify(wrong)}`, make({ aud: wrong }), INVALID);
    }
    await refuse('no aud', without('aud'), INVALID);
  });

  await t.test('times', async () => {
    const at = now();
    const expired = 'INVALID_CUSTOM_TOKEN : Token expired';
    const rows = [
      ['expired', { iat: at - 7200, exp: at - 3600 }, expired],
      ['just expired', { iat: at - 3600, exp: at - 90 }, expired],
      ['from the future', { iat: at + 400, exp: at + 3000 }, INVALID],
      ['longer than an hour', { iat: at, exp: at + 3601 }, INVALID],
      ['a day long', { iat: at - 10, exp: at + 86_400 }, INVALID],
      ['no life', { iat: at, exp: at }, INVALID],
      ['ends before it begins', { iat: at + 100, exp: at + 50 }, INVALID],
      ['iat as text', { iat: String(at) }, INVALID],
      ['exp as text', { exp: String(at + 3600) }, INVALID],
      ['half a second', { iat: at + 0.5 }, INVALID],
      ['exp with a fraction', { exp: at + 60.5 }, INVALID],
      ['huge', { exp: 1e300 }, INVALID],
      ['above 64 bits', { exp: 2 ** 64 }, INVALID],
      ['at the end of 64 bits', { iat: -(2 ** 63), exp: 2 ** 53 }, INVALID],
      ['negative', { iat: -10, exp: -5 }, INVALID],
      ['exp null', { exp: null }, INVALID],
      ['iat true', { iat: true }, INVALID],
      ['milliseconds', { iat: Date.now(), exp: Date.now() + 3_600_000 }, INVALID],
    ];
    for (const [name, change, expected] of rows) await refuse(name, make(change), expected);
    await refuse('no exp', without('exp'), INVALID);
    await refuse('no iat', without('iat'), INVALID);
    await refuse('no times', without('iat', 'exp'), INVALID);
  });

  await t.test('uid', async () => {
    await refuse('no uid', without('uid'), 'MISSING_IDENTIFIER');
    const others = ['', 'a'.repeat(129), 'ü'.repeat(129), {}, ['a']];
    for (const uid of others) {
      await refuse(`uid ${JSON.stringify(uid).slice(0, 12)}`, make({ uid }), INVALID);
    }
  });

  await t.test('tenants', async () => {
    const tenant = 'tenant0000000000000000000000';
    await refuse('of a tenant, for none', make({ tenant_id: tenant }), 'TENANT_ID_MISMATCH');
  });

  await t.test('developer claims', async () => {
    const reserved =
      'iss aud sub iat exp nbf jti nonce azp acr amr cnf auth_time firebase at_hash c_hash';
    for (const name of reserved.split(' ')) {
      const token = make({ claims: { [name]: 'x' } });
      await refuse(`claim ${name}`, token, `FORBIDDEN_CLAIM : ${name}`);
    }
    for (const wrong of [[], ['a'], 'text', 7, true]) {
      await refuse(`claims ${JSON.stringify(wrong)}`, make({ claims: wrong }), 'INVALID_CLAIMS');
    }
    await refuse('large', make({ claims: { a: 'x'.repeat(1000) } }), 'CLAIMS_TOO_LARGE');
    const fits = { a: 'x'.repeat(1000 - '{"a":""}'.length) };
    assert.equal((await accept('just fits', make({ claims: fits }))).a, fits.a);
    // Names that mean something to other languages are plain data.
    const text = JSON.stringify(claims());
    const odd = `${text.slice(0, -1)},"claims":{"__proto__":{"admin":true},"constructor":1}}`;
    const found = await accept('__proto__', jws(HEADER, odd, first.private, 'RS256'));
    assert.ok(Object.hasOwn(found, '__proto__'));
    assert.equal(found.admin, undefined);
    assert.equal(found.constructor, 1);
    // Claims never replace what the server says.
    const own = { user_id: 'admin', email: 'a@b.c', email_verified: true, provider_id: 'x', name: 'n' };
    const kept = await accept('the server’s claims', make({ uid: 'kept', claims: own }));
    assert.equal(kept.user_id, 'kept');
    assert.equal(kept.sub, 'kept');
    assert.equal(kept.email, undefined);
    assert.equal(kept.provider_id, undefined);
    assert.equal(kept.name, 'n', 'a claim may replace the name');
  });

  await t.test('ID tokens', async (s) => {
    const answer = await signIn(make({ uid: 'victim' }));
    const { idToken, refreshToken } = answer.body;
    const [header, payload, signature] = idToken.split('.');
    const right = decode(idToken);
    const { body: jwks } = await server.get('/.well-known/jwks.json');
    const jwk = jwks.keys.find((key) => key.kid === right.header.kid);
    const serverKey = createPublicKey({ key: jwk, format: 'jwk' });
    const lookup = (token) => toolkit('accounts:lookup', { idToken: token });
    assert.equal((await lookup(idToken)).status, 200);

    const rows = [...malformed(idToken)];
    const change = (more) => encode({ ...right.claims, ...more });
    const head = (more) => ({ ...right.header, ...more });
    for (const alg of ['none', 'None', 'NONE', '']) {
      rows.push([`alg ${alg}`, `${encode(head({ alg }))}.${payload}.`]);
      rows.push([`alg ${alg}, no kid`, `${encode({ alg, typ: 'JWT' })}.${payload}.`]);
      rows.push([`alg ${alg}, a signature`, `${encode(head({ alg }))}.${payload}.${signature}`]);
    }
    for (const alg of ['HS256', 'HS384', 'HS512']) {
      for (const [form, secret] of Object.entries(publicForms(serverKey))) {
        rows.push([`${alg} with the public key (${form})`, jws(head({ alg }), right.claims, secret)]);
      }
    }
    for (const [alg, by] of [
      ['RS384', strangers.rsa],
      ['RS512', strangers.rsa],
      ['PS256', strangers.rsa],
      ['ES256', strangers.ec],
      ['EdDSA', strangers.ed],
    ]) {
      rows.push([alg, jws(head({ alg }), right.claims, by)]);
      rows.push([`${alg} called RS256`, jws(right.header, right.claims, by, alg)]);
      rows.push([`RS256 called ${alg}`, `${encode(head({ alg }))}.${payload}.${signature}`]);
    }
    const cookie = `https://session.firebase.google.com/${projectId}`;
    for (const signer of [strangers.rsa, first.private]) {
      rows.push(['a session cookie', jws(right.header, { ...right.claims, iss: cookie }, signer)]);
    }
    rows.push(['a header of more than 16 KiB', `${encode(head({ pad: 'x'.repeat(17_000) }))}.${payload}.${signature}`]);
    rows.push(['another uid', `${header}.${change({ sub: 'a', user_id: 'a' })}.${signature}`]);
    rows.push(['a later end', `${header}.${change({ exp: 2 ** 33 })}.${signature}`]);
    rows.push(['an empty signature', `${header}.${payload}.`]);
    rows.push(['one bit', `${header}.${payload}.${flip(signature)}`]);
    rows.push(['a stranger’s key', jws(right.header, right.claims, strangers.rsa)]);
    rows.push(['a service account’s key', jws(right.header, right.claims, first.private)]);
    rows.push(['no kid', jws(head({ kid: undefined }), right.claims, strangers.rsa)]);
    for (const [name, kid] of Object.entries(HOSTILE_KIDS)) {
      rows.push([`kid: ${name}`, jws(head({ kid }), right.claims, strangers.rsa)]);
    }
    for (const [name, value] of Object.entries(forbiddenHeaders(baitUrl))) {
      rows.push([name, jws(head({ [name]: value }), right.claims, strangers.rsa)]);
      const dressed = encode(head({ [name]: value }));
      rows.push([`${name}, the right signature`, `${dressed}.${payload}.${signature}`]);
    }
    rows.push(['a custom token', make({ uid: 'victim' })]);
    rows.push(['a refresh token', refreshToken]);
    rows.push(['an API key', apiKey]);

    for (const [name, token] of rows) {
      tried.push(token);
      for (const [operation, body] of [
        ['accounts:lookup', { idToken: token }],
        ['accounts:update', { idToken: token, displayName: 'forged' }],
        ['accounts:delete', { idToken: token }],
      ]) {
        const refused = await toolkit(operation, body);
        assert.equal(refused.status, 400, `${operation}: ${name}: ${refused.text}`);
        const { message } = refused.body.error;
        assert.match(message, /^INVALID_ID_TOKEN( : |$)/, `${operation}: ${name}`);
      }
      // As a bearer it makes no administrator, and no user of the account server.
      if (/^[\x21-\x7e]+$/.test(token) && token.length < 8000) {
        const me = await server.get('/account/v1/me', { bearer: token });
        assert.equal(me.status, 401, `bearer: ${name}`);
      }
    }
    const { users } = (await lookup(idToken)).body;
    assert.equal(users[0].localId, 'victim', 'the victim is as it was');
    assert.equal(users[0].displayName, undefined);
    assert.equal(fetched, 0, 'nothing was fetched');

    await s.test('an ID token is no custom token, a refresh token is neither', async () => {
      tried.push(idToken, refreshToken);
      for (const token of [idToken, refreshToken]) {
        const refused = await signIn(token);
        assert.equal(refused.status, 400);
        assert.match(refused.body.error.message, /^(INVALID_CUSTOM_TOKEN|CREDENTIAL_MISMATCH)/);
      }
    });
  });

  await t.test('refresh tokens', async () => {
    const { idToken, refreshToken } = (await signIn(make({ uid: 'refreshes' }))).body;
    const refresh = (token) =>
      server.post(`/securetoken.googleapis.com/v1/token?key=${apiKey}`, {
        grant_type: 'refresh_token',
        refresh_token: token,
      });
    assert.equal((await refresh(refreshToken)).status, 200);
    const [scheme, secret] = [refreshToken.slice(0, 4), refreshToken.slice(4)];
    const rows = {
      'an ID token': idToken,
      'a custom token': make({}),
      'cut off': refreshToken.slice(0, -1),
      'longer': `${refreshToken}AAAA`,
      'the first bit': scheme + flip(secret),
      'the last bit': scheme + flip(secret, Buffer.from(secret, 'base64url').length - 1),
      'no scheme': secret,
      'another scheme': `fk9.${secret}`,
      'the emulator’s form': encode(
        JSON.stringify({ _AuthEmulatorRefreshToken: 'DO NOT MODIFY', localId: 'refreshes' }),
      ),
      'nothing but the scheme': scheme,
      'a megabyte': 'A'.repeat(900_000),
    };
    const bits = trailingBits(secret);
    if (bits) rows['trailing bits'] = scheme + bits;
    for (const [name, token] of Object.entries(rows)) {
      tried.push(token);
      const answer = await refresh(token);
      assert.equal(answer.status, 400, `${name}: ${answer.text}`);
      assert.equal(answer.body.error.message, 'INVALID_REFRESH_TOKEN', name);
    }
  });

  await t.test('tokens of another server', async (s) => {
    // The same project id and the same account name, but another server: other keys.
    const other = await safeServer(s, { accounts: ['e2e-first'] });
    assert.equal(other.projectId, projectId);
    const [theirs] = other.accounts;
    const token = await customToken(theirs.file, 'traveller');
    const route = `/v1/accounts:signInWithCustomToken?key=${other.apiKey}`;
    const { idToken, refreshToken } = (await other.server.post(route, { token })).body;
    tried.push(token, idToken, refreshToken);
    await refuse('a custom token', token, INVALID);
    const lookup = await toolkit('accounts:lookup', { idToken });
    assert.match(lookup.body.error.message, /^INVALID_ID_TOKEN/);
    const grant = { grant_type: 'refresh_token', refresh_token: refreshToken };
    const refresh = await server.post(`/v1/token?key=${apiKey}`, grant);
    assert.equal(refresh.body.error.message, 'INVALID_REFRESH_TOKEN');
    const key = await server.post(`/v1/accounts:signUp?key=${other.apiKey}`, {});
    assert.match(key.body.error.message, /API key not valid/);
    await other.server.stop();
  });

  await t.test('`firekeep token inspect` says which check fails', async () => {
    const text = async (token) => {
      const { stdout, stderr } = await run(['token', 'inspect', token]);
      return stdout + stderr;
    };
    assert.match(await text(make({ iat: now() - 7200, exp: now() - 3600 })), /expired/i);
    assert.match(await text(make({ aud: 'x' })), /aud/);
  });

  await t.test('no token is in the log, and the server lives', async () => {
    const parts = tried
      .filter((token) => token.length > 60)
      .flatMap((token) => [token.slice(0, 60), token.slice(-60)]);
    for (const part of parts) {
      assert.ok(!server.output.includes(part), `the log has ${part}`);
    }
    assert.ok(tried.length > 200, `${tried.length} forgeries`);
    assert.equal((await signIn(make({}))).status, 200);
    await server.stop();
  });
});
