/**
 * TLS with a given certificate: HTTP/1.1 and HTTP/2 on one port, a renewed certificate without a restart, and files that
 * are no certificate. HTTP/2 without TLS too, for proxies that end it.
 */

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import http2 from 'node:http2';
import https from 'node:https';
import path from 'node:path';
import test from 'node:test';
import tls from 'node:tls';

import { Server, certificate, run, temporaryFolder } from './harness.mjs';
import { closed, connect, request, talk } from './raw.mjs';

const PASSWORD = 'correct horse battery staple';
/** The server looks every two seconds whether the files have changed. */
const RELOAD_MILLIS_MAX = 20_000;
/** `HANDSHAKE_TIME_MAX`, and room for a loaded machine. */
const HANDSHAKE_MILLIS_MAX = 25_000;

const sleep = (millis) => new Promise((resolve) => setTimeout(resolve, millis));

/** `GET route` over TLS with HTTP/1.1: `{ status, headers }`. */
function getTls(server, ca, route = '/healthz', options = {}) {
  return new Promise((resolve, reject) => {
    const where = { host: '127.0.0.1', port: server.port, path: route, ca, agent: false };
    https
      .get({ ...where, ...options }, (response) => {
        response
          .resume()
          .on('end', () => resolve({ status: response.statusCode, headers: response.headers }));
      })
      .on('error', reject);
  });
}

/** One request on an HTTP/2 session: `{ status, headers, body }`. */
function ask(session, headers, body) {
  return new Promise((resolve, reject) => {
    const stream = session.request(headers);
    let [text, found] = ['', undefined];
    stream.setEncoding('utf8').on('data', (part) => (text += part));
    stream.on('response', (answer) => (found = answer));
    stream.on('error', reject);
    stream.on('end', () => resolve({ status: found[':status'], headers: found, body: text }));
    stream.end(body);
  });
}

/** An HTTP/2 session, closed after the test. */
function session(t, url, options) {
  const opened = http2.connect(url, options);
  opened.on('error', () => {});
  t.after(() => opened.destroy());
  return opened;
}

/** The certificate that the server shows to somebody new. */
function shown(server) {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: '127.0.0.1', port: server.port, rejectUnauthorized: false });
    socket.on('error', reject);
    socket.on('secureConnect', () => {
      resolve(socket.getPeerX509Certificate().fingerprint256);
      socket.destroy();
    });
  });
}

const fingerprint = async (file) => new X509Certificate(await readFile(file)).fingerprint256;

test('TLS with a given certificate', async (t) => {
  const folder = await temporaryFolder(t);
  const { crt, key } = certificate(path.join(folder, 'tls'));
  const ca = await readFile(crt);
  const server = await Server.start({
    data: path.join(folder, 'data'),
    args: ['--tls-cert', crt, '--tls-key', key],
  });
  t.after(() => server.abandon());
  const silent = await connect(server);
  const givenUp = closed(silent, HANDSHAKE_MILLIS_MAX);

  await t.test('HTTP/1.1 and HTTP/2 are answered on one port', async (s) => {
    assert.equal((await getTls(server, ca)).status, 204, 'without a word about the protocol');
    const named = await getTls(server, ca, '/', { ALPNProtocols: ['http/1.1'] });
    assert.equal(named.status, 200);
    assert.equal(named.headers['strict-transport-security'], 'max-age=31536000');
    const client = session(s, server.url, { ca });
    const answer = await ask(client, { ':path': '/' });
    assert.equal(answer.status, 200);
    assert.equal(client.alpnProtocol, 'h2');
    assert.match(answer.headers['x-request-id'], /^[0-9a-f]{16}$/);
    const json = {
      ':method': 'POST',
      ':path': '/account/v1/signup',
      'content-type': 'application/json',
    };
    const made = await ask(client, json, JSON.stringify({ username: 'alice', password: PASSWORD }));
    assert.equal(made.status, 201, made.body);
  });

  await t.test('many requests on one connection', async (s) => {
    const client = session(s, server.url, { ca });
    const all = Array.from({ length: 1000 }, () => ask(client, { ':path': '/healthz' }));
    assert.ok((await Promise.all(all)).every((answer) => answer.status === 204));
    const long = await ask(client, { ':path': '/', x: 'x'.repeat(70_000) }).catch(() => ({
      status: 431,
    }));
    assert.equal(long.status, 431);
  });

  await t.test('versions before 1.2 are refused', async () => {
    for (const version of ['TLSv1.2', 'TLSv1.3']) {
      const only = { minVersion: version, maxVersion: version };
      assert.equal((await getTls(server, ca, '/healthz', only)).status, 204, version);
    }
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' };
    await assert.rejects(
      getTls(server, ca, '/healthz', old),
      /alert (protocol version|handshake failure)/,
    );
  });

  await t.test('plain HTTP is not answered there', async () => {
    const { answers, done } = await talk(server, request('GET', '/'));
    assert.deepEqual([answers, done], [[], 'closed']);
    assert.equal((await getTls(server, ca)).status, 204);
  });

  await t.test('a renewed certificate is taken over without a restart', async (s) => {
    const held = session(s, server.url, { ca });
    await ask(held, { ':path': '/healthz' });
    const before = await fingerprint(crt);
    assert.equal(await shown(server), before);
    const renewed = certificate(path.join(folder, 'renewed'));
    const now = await fingerprint(renewed.crt);

    // One file after the other: meanwhile they do not fit together.
    await copyFile(renewed.crt, crt);
    const until = Date.now() + RELOAD_MILLIS_MAX;
    while (!server.output.includes('not usable; the old one stays') && Date.now() < until)
      await sleep(50);
    assert.equal(await shown(server), before, 'the old one stays');
    await copyFile(renewed.key, key);
    while ((await shown(server)) !== now && Date.now() < until) await sleep(50);
    assert.equal(await shown(server), now);
    assert.equal((await ask(held, { ':path': '/healthz' })).status, 204, 'connections stay');
    assert.equal(server.output.match(/not usable/g).length, 1, 'it is said once');
    assert.equal((await getTls(server, await readFile(crt))).status, 204);
  });

  await t.test('a client that does not begin the handshake is given up', async () => {
    assert.ok(await givenUp, `still open after ${HANDSHAKE_MILLIS_MAX} ms`);
    await server.stop();
  });
});

test('HTTP/2 without TLS, by prior knowledge', async (t) => {
  const data = path.join(await temporaryFolder(t), 'data');
  const server = await Server.start({ data });
  t.after(() => server.abandon());
  const client = session(t, server.url);
  const answers = await Promise.all(
    ['/', '/healthz', '/nothing'].map((route) => ask(client, { ':path': route })),
  );
  assert.deepEqual(
    answers.map((answer) => answer.status),
    [200, 204, 404],
  );
  assert.equal(answers[0].headers['strict-transport-security'], undefined);
  // The answer to HEAD is that to GET without the content, and ends the stream.
  for (const route of ['/', '/healthz', '/firekeep.js', '/.well-known/jwks.json', '/nothing']) {
    const [get, head] = await Promise.all(
      ['GET', 'HEAD'].map((method) => ask(client, { ':method': method, ':path': route })),
    );
    assert.equal(head.status, get.status, route);
    assert.equal(head.headers['content-type'], get.headers['content-type'], route);
    assert.equal(head.headers['content-length'], get.headers['content-length'], route);
    assert.equal(head.body, '', route);
  }
  // The name of the host stands in the pseudo-header.
  const google = { ':authority': 'identitytoolkit.googleapis.com', ':path': '/healthz' };
  assert.equal((await ask(client, google)).status, 404);
  assert.equal((await server.get('/')).status, 200, 'HTTP/1.1 on the same port');
  await server.stop();
});

test('files that are no certificate', async (t) => {
  const folder = await temporaryFolder(t);
  const file = (name) => path.join(folder, name);
  const { crt, key } = certificate(file('right'));
  const other = certificate(file('other'));
  await writeFile(file('text'), 'no PEM\n');
  await writeFile(file('broken'), '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
  const noCertificate =
    /no certificate can be read from `(.*)`; give the file of a chain in PEM form with --tls-cert/;
  const noKey =
    /no private key can be read from `(.*)`; give its file in PEM form, without a passphrase, with --tls-key/;
  for (const [name, certFile, keyFile, sentence, named] of [
    ['no certificate file', file('none'), key, noCertificate, file('none')],
    ['no key file', crt, file('none'), noKey, file('none')],
    ['text as certificate', file('text'), key, noCertificate, file('text')],
    ['text as key', crt, file('text'), noKey, file('text')],
    ['a broken certificate', file('broken'), key, noCertificate, file('broken')],
    ['the key as certificate', key, key, noCertificate, key],
    ['the certificate as key', crt, crt, noKey, crt],
    [
      'another key',
      crt,
      other.key,
      /`(.*)` and the private key .* do not fit together; give the key that the certificate was made for/,
      crt,
    ],
  ]) {
    const flags = ['--tls-cert', certFile, '--tls-key', keyFile, '--listen', '127.0.0.1:0'];
    const { code, stdout, stderr } = await run(['serve', '--data', file('data'), ...flags], {
      millis: 10_000,
    });
    assert.equal(code, 1, `${name}: ${stdout}${stderr}`);
    const found = sentence.exec(stderr);
    assert.ok(found, `${name}: ${stderr}`);
    assert.equal(found[1], named, name);
    assert.doesNotMatch(stderr, /PRIVATE KEY-----|panicked/, name);
  }
  for (const [flags, sentence] of [
    [['--tls-cert', crt], /--tls-key/],
    [
      ['--listen', '0.0.0.0:0'],
      /must not travel in clear: give --tls-cert and --tls-key, or --insecure-http/,
    ],
  ]) {
    const { code, stderr } = await run(['serve', '--data', file('data'), ...flags], {
      millis: 10_000,
    });
    assert.notEqual(code, 0);
    assert.match(stderr, sentence);
  }
});
