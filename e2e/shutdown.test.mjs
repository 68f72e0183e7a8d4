/** SIGTERM: what is in flight is finished, what is idle is closed, what is new is refused, and the end is clean. */

import assert from 'node:assert/strict';
import http2 from 'node:http2';
import path from 'node:path';
import test from 'node:test';

import { Server, temporaryFolder } from './harness.mjs';
import { answersOf, connect, request } from './raw.mjs';

const PASSWORD = 'correct horse battery staple';
const SIGN_UP = '/account/v1/signup';
/** More than the server hashes at once, so that some are still waiting. */
const SIGN_UPS = 16;
/** Far below what requests in flight are given. */
const LISTENERS_END_MILLIS_MAX = 8_000;

const sleep = (millis) => new Promise((resolve) => setTimeout(resolve, millis));
const account = (username) => JSON.stringify({ username, password: PASSWORD });

/** What comes on a socket until it closes. */
function all(socket) {
  let text = '';
  socket.on('data', (part) => (text += part));
  return new Promise((resolve) => socket.once('close', () => resolve(text)));
}

async function start(t) {
  const data = path.join(await temporaryFolder(t), 'data');
  const server = await Server.start({ data });
  t.after(() => server.abandon());
  return server;
}

/** A field of a message of Protocol Buffers that is no number. */
const field = (number, bytes) => Buffer.concat([Buffer.from([number * 8 + 2, bytes.length]), Buffer.from(bytes)]);

/** A message as gRPC frames it. */
function framed(message) {
  const length = Buffer.alloc(5);
  length.writeUInt32BE(message.length, 1);
  return Buffer.concat([length, message]);
}

/** Opens `Listen` in a session and listens to a document: `{ stream, heard, ended }`, `ended` being the trailers. */
function listen(session) {
  const database = 'projects/demo-firekeep/databases/(default)';
  const stream = session.request({
    ':method': 'POST',
    ':path': '/google.firestore.v1.Firestore/Listen',
    'content-type': 'application/grpc',
    te: 'trailers',
    authorization: 'Bearer owner',
  });
  const documents = field(2, `${database}/documents/c/a`);
  const target = Buffer.concat([field(3, documents), Buffer.from([5 * 8, 1])]);
  stream.write(framed(Buffer.concat([field(1, database), field(2, target)])));
  return {
    stream,
    heard: new Promise((resolve) => stream.once('data', resolve)),
    ended: new Promise((resolve, reject) => {
      stream.on('trailers', resolve);
      stream.on('error', reject);
    }),
  };
}

async function canLogIn(server, names) {
  for (const login of names) {
    const answer = await server.post('/account/v1/login', { login, password: PASSWORD });
    assert.equal(answer.status, 200, `${login}: ${answer.text}`);
  }
}

test('sign-ups in flight are finished', async (t) => {
  const first = await start(t);
  const names = Array.from({ length: SIGN_UPS }, (_, index) => `in-flight-${index}`);
  let stopped;
  const answers = names.map(async (name) => {
    const answer = await first.post(SIGN_UP, undefined, { raw: account(name) });
    // The others are being hashed, or wait for it.
    stopped ??= first.stop();
    return answer;
  });
  for (const answer of await Promise.all(answers)) assert.equal(answer.status, 201, answer.text);
  await stopped;
  const second = await first.again();
  t.after(() => second.abandon());
  await canLogIn(second, names);
  await second.stop();
});

test('a request that has begun may end, and no other begins', async (t) => {
  const first = await start(t);
  const body = account('half-way');
  const headers = ['content-type: application/json', `content-length: ${body.length}`];
  const http1 = await connect(first);
  const read = all(http1);
  http1.write(request('POST', SIGN_UP, headers, body.slice(0, -1)));

  const session = http2.connect(first.url);
  session.on('error', () => {});
  const stream = session.request({
    ':method': 'POST',
    ':path': SIGN_UP,
    'content-type': 'application/json',
  });
  const status = new Promise((resolve, reject) => {
    stream.on('response', (found) => resolve(found[':status']));
    stream.on('error', reject);
  });
  const body2 = account('half-way-2');
  stream.write(body2.slice(0, -1));

  // Who has nothing under way is not waited for.
  const idle = await connect(first);
  const closed = all(idle);
  const kept = await connect(first);
  const answered = all(kept);
  kept.write(request('GET', '/healthz'));
  await sleep(500);

  const stopped = first.stop();
  assert.equal(await closed, '');
  assert.match(await answered, /^HTTP\/1.1 204 /);
  await assert.rejects(connect(first), /ECONNREFUSED/);
  assert.equal(first.ended, undefined, 'it waits for the two');
  http1.write(body.slice(-1));
  stream.end(body2.slice(-1));
  const [answer] = answersOf(await read);
  assert.equal(answer.status, 201, answer.body);
  assert.equal(await status, 201);
  session.destroy();
  await stopped;

  const second = await first.again();
  t.after(() => second.abandon());
  await canLogIn(second, ['half-way', 'half-way-2']);
  await second.stop();
});

test('who listens over HTTP/2 is told to listen elsewhere, and keeps no server from its end', async (t) => {
  const data = path.join(await temporaryFolder(t), 'data');
  const server = await Server.start({ data, dev: true });
  t.after(() => server.abandon());
  const session = http2.connect(server.url);
  session.on('error', () => {});
  t.after(() => session.destroy());
  const goneAway = new Promise((resolve) => session.once('goaway', resolve));
  // Two of one connection, of which one has closed its half.
  const [open, half] = [listen(session), listen(session)];
  await Promise.all([open.heard, half.heard]);
  half.stream.end();
  const other = listen(session);
  await other.heard;

  const began = Date.now();
  const stopped = server.stop();
  for (const { ended } of [open, other]) {
    const trailers = await ended;
    // UNAVAILABLE: SDKs go on elsewhere, without a word to the application.
    assert.equal(trailers['grpc-status'], '14', JSON.stringify(trailers));
    assert.match(decodeURIComponent(trailers['grpc-message']), /the server is stopping/);
  }
  assert.equal(await goneAway, http2.constants.NGHTTP2_NO_ERROR);
  await half.ended;
  await stopped;
  assert.ok(Date.now() - began < LISTENERS_END_MILLIS_MAX, 'it waited for who listens');
});
