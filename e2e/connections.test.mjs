/**
 * Clients that are many, or slow, or silent: they get what they may have, and everybody else is served meanwhile.
 *
 * How long a request's head may take, and a client that does not read, are unit tests of `server/connections.rs` and
 * `server/patience.rs`: with a clock that need not be waited for.
 */

import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';

import {
  Server,
  command,
  customToken,
  project,
  serviceAccount,
  temporaryFolder,
} from './harness.mjs';
import { answersOf, closed, connect, request } from './raw.mjs';

const IDLE_CONNECTIONS = 10_000;
/** Files of this process that are no connections of the test. */
const FILES_OF_OURS = 500;
const IDLE_KIB_MAX = 200 * 1024;
/** What may stay of the memory of connections that are closed. */
const LEFT_KIB_MAX = 64 * 1024;
/** `BODY_TIME_MAX` of `wire-http`, and room for a loaded machine. */
const BODY_MILLIS = { min: 29_000, max: 45_000 };

const sleep = (millis) => new Promise((resolve) => setTimeout(resolve, millis));

/** Whether something becomes true within some seconds. */
async function becomes(true_, millis = 20_000) {
  const until = Date.now() + millis;
  while (Date.now() < until) {
    if (await true_()) return true;
    await sleep(50);
  }
  return false;
}

/** This process's limit on open files. */
async function filesMax() {
  const text = await readFile('/proc/self/limits', 'utf8');
  const [, soft] = /^Max open files +(\d+|unlimited)/m.exec(text);
  return soft === 'unlimited' ? Infinity : Number(soft);
}

async function connectMany(server, count) {
  const sockets = [];
  while (sockets.length < count) {
    const some = Array.from({ length: Math.min(250, count - sockets.length) }, () =>
      connect(server),
    );
    sockets.push(...(await Promise.all(some)));
  }
  return sockets;
}

/** How many files the server has open. */
const filesOf = async (server) => (await readdir(`/proc/${server.child.pid}/fd`)).length;

/** The processor time that the server has taken, in hundredths of a second. */
async function ticksOf(server) {
  const stat = await readFile(`/proc/${server.child.pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

/** A server that was started with `shell`'s limits; `signIn` is a user at work. */
async function start(t, shell) {
  const folder = await temporaryFolder(t);
  const data = path.join(folder, 'data');
  const { file } = await serviceAccount(data, path.join(folder, 'key.json'));
  const { apiKeys } = await project(data);
  const server = await Server.start({ data, shell });
  t.after(() => server.abandon());
  const token = await customToken(file, 'at-work');
  const signIn = async () => {
    const route = `/v1/accounts:signInWithCustomToken?key=${apiKeys[0]}`;
    const answer = await server.post(route, { token });
    assert.equal(answer.status, 200, answer.text);
    return answer.body.idToken;
  };
  return { server, data, signIn };
}

/** Sends `head`, then a byte now and then: what came back, and after how long the server closed, if it did. */
async function trickle(server, head) {
  const socket = await connect(server);
  let text = '';
  socket.on('data', (part) => (text += part));
  const timer = setInterval(() => socket.write('1'), 250);
  socket.write(head);
  const millis = await closed(socket, BODY_MILLIS.max);
  clearInterval(timer);
  socket.destroy();
  return { text, millis };
}

test('many clients, and slow ones', async (t) => {
  // A soft limit as many systems have it: the server raises it by itself.
  const { server, signIn } = await start(t, 'ulimit -Sn 256');
  const slow = [
    ['a body', ['content-length: 100000']],
    ['chunks', ['transfer-encoding: chunked']],
    ['a large body', ['content-length: 30000000']],
  ].map(async ([name, headers]) => {
    const head = request(
      'POST',
      '/v1/accounts:lookup',
      headers,
      name === 'chunks' ? 'ffff\r\n' : '',
    );
    return { name, ...(await trickle(server, head)) };
  });

  await t.test('the limit on open files is raised as far as it may be', async () => {
    const limits = await readFile(`/proc/${server.child.pid}/limits`, 'utf8');
    const [, soft, hard] = /^Max open files +(\S+) +(\S+)/m.exec(limits);
    assert.equal(soft, hard);
  });

  await t.test('slow heads keep nobody from signing in', async () => {
    const sockets = await connectMany(server, 500);
    for (const socket of sockets)
      socket.write('POST /v1/accounts:lookup HTTP/1.1\r\nhost: a\r\nx: ');
    const timer = setInterval(() => sockets.forEach((socket) => socket.write('y')), 100);
    for (let round = 0; round < 10; round += 1) await signIn();
    clearInterval(timer);
    assert.ok(sockets.every((socket) => !socket.destroyed));
    sockets.forEach((socket) => socket.destroy());
  });

  await t.test('many idle connections cost little, and give it back', async (s) => {
    const count = Math.min(IDLE_CONNECTIONS, (await filesMax()) - FILES_OF_OURS);
    if (count < IDLE_CONNECTIONS) s.diagnostic(`only ${count} connections: raise \`ulimit -Hn\``);
    const filesBefore = await filesOf(server);
    const before = await server.residentKib();
    const sockets = await connectMany(server, count);
    assert.ok(await becomes(async () => (await filesOf(server)) >= filesBefore + count - 10));
    // Half of them have asked something once, as a browser does that stays connected.
    for (const socket of sockets.slice(0, count / 2)) socket.write(request('GET', '/healthz'));
    for (let round = 0; round < 10; round += 1) await signIn();
    const during = await server.residentKib();
    assert.ok(during < IDLE_KIB_MAX, `${during} KiB with ${count} connections`);
    assert.ok(
      sockets.every((socket) => !socket.destroyed),
      'nobody was cut off',
    );
    sockets.forEach((socket) => socket.destroy());
    assert.ok(
      await becomes(async () => (await filesOf(server)) <= filesBefore + 10),
      'all are closed',
    );
    const returned = async () => (await server.residentKib()) < before + LEFT_KIB_MAX;
    const back = await becomes(returned);
    const after = await server.residentKib();
    s.diagnostic(`${count} connections: ${before} KiB before, ${during} during, ${after} after`);
    assert.ok(back, `${before} KiB before, ${after} KiB after`);
    await signIn();
  });

  await t.test('a body that trickles is given up', async () => {
    for (const { name, text, millis } of await Promise.all(slow)) {
      assert.ok(millis, `${name}: still open after ${BODY_MILLIS.max} ms`);
      assert.ok(millis > BODY_MILLIS.min, `${name}: closed after ${millis} ms: ${text}`);
      const [answer] = answersOf(text);
      assert.equal(answer.status, 408, `${name}: ${text}`);
      assert.equal(JSON.parse(answer.body).error.message, 'The request took too long to arrive.');
    }
    await signIn();
    await server.stop();
  });
});

test('a server that may open few files', async (t) => {
  const { server, data, signIn } = await start(t, 'ulimit -n 256');
  await signIn();
  const sockets = await connectMany(server, 400);
  await sleep(500);
  assert.ok((await filesOf(server)) < 256, 'some are left for the engine');
  const before = await ticksOf(server);
  await sleep(1500);
  const ticks = (await ticksOf(server)) - before;
  assert.ok(ticks < 50, `${ticks * 10} ms of processor time for waiting`);
  assert.equal(server.ended, undefined, server.output);
  // The command line has a door of its own.
  const listed = await command('user', 'list', '--data', data, '--json');
  assert.match(listed, /at-work/);
  sockets.forEach((socket) => socket.destroy());
  await signIn();
  const written = await server.post('/account/v1/signup', {
    username: 'alice',
    password: 'correct horse',
  });
  assert.equal(written.status, 201, written.text);
  assert.match(server.output, /ulimit -Hn/, 'it says what keeps connections few');
  await server.stop();
});

test('a server that may open no file more', async (t) => {
  const { server: first, data } = await start(t);
  const files = await filesOf(first);
  await first.stop();
  // Room for fewer connections than the server would take.
  const server = await Server.start({ data, shell: `ulimit -n ${files + 3}` });
  t.after(() => server.abandon());
  const sockets = await connectMany(server, 50);
  const refused = () => server.output.match(/could not be accepted/g)?.length ?? 0;
  assert.ok(await becomes(() => refused() > 0), server.output);
  const before = await ticksOf(server);
  await sleep(1000);
  assert.ok((await ticksOf(server)) - before < 50, 'it does not spin');
  assert.ok(refused() < 50, 'nor fill the log');
  sockets.forEach((socket) => socket.destroy());
  assert.equal((await server.get('/')).status, 200);
  await server.stop();
});
