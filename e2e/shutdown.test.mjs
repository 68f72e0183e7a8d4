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
