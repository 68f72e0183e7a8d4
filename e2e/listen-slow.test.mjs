/**
 * Listeners that do not read, and listeners that are gone without a word: they cost a bounded amount of memory, slow no
 * commit, and what they get when they read again is whole.
 */

import assert from 'node:assert/strict';
import http2 from 'node:http2';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';

import { Server, temporaryFolder } from './harness.mjs';

const DOCUMENTS = 'projects/demo-slow/databases/(default)/documents';
const LISTENERS = 12;
const IDS = 20;
const TEXT = 'x'.repeat(900_000);
const ROUNDS = 4;
/** Much less than what is written meanwhile, and than what would wait for all listeners. */
const GROWN_KIB_MAX = 120 * 1024;
/** How much longer commits may take: others use the machine too. */
const SLOWER_MAX = 2.5;
/** `PING_EVERY` of the server, hyper's time for the answer, and room for a loaded machine. */
const SILENT_MILLIS_MAX = 120_000;

const sleep = (millis) => new Promise((resolve) => setTimeout(resolve, millis));

/** A field of a protobuf message: text, bytes, or a number below 128. */
function field(number, value) {
  if (typeof value === 'number') return Buffer.from([number << 3, value]);
  const bytes = Buffer.from(value);
  const length = [];
  for (let rest = bytes.length; ; rest >>= 7) {
    length.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) break;
  }
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), bytes]);
}

/** `ListenRequest` for a collection, in its frame. */
function listenTo(collection) {
  const query = field(2, Buffer.concat([field(1, DOCUMENTS), field(2, field(2, field(2, collection)))]));
  const target = field(2, Buffer.concat([query, field(5, 1)]));
  const message = Buffer.concat([field(1, DOCUMENTS.slice(0, -'/documents'.length)), target]);
  const frame = Buffer.alloc(5);
  frame.writeUInt32BE(message.length, 1);
  return Buffer.concat([frame, message]);
}

function listen(port, collection) {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  session.on('error', () => {});
  const stream = session.request({
    ':method': 'POST',
    ':path': '/google.firestore.v1.Firestore/Listen',
    'content-type': 'application/grpc',
    te: 'trailers',
    authorization: 'Bearer owner',
  });
  stream.on('error', () => {});
  stream.write(listenTo(collection));
  return { session, stream };
}

/** Writes every document of a collection once; how long the commits took, in the middle. */
async function write(server, collection, n) {
  const times = [];
  for (let id = 0; id < IDS; id += 1) {
    const name = `${DOCUMENTS}/${collection}/${id}`;
    const fields = { n: { integerValue: String(n) }, text: { stringValue: TEXT } };
    const began = performance.now();
    const answer = await fetch(`${server.url}/v1/${DOCUMENTS}:commit`, {
      method: 'POST',
      body: JSON.stringify({ writes: [{ update: { name, fields } }] }),
    });
    assert.ok(answer.ok, await answer.text());
    await answer.arrayBuffer().catch(() => {});
    times.push(performance.now() - began);
  }
  return times.sort((a, b) => a - b)[times.length >> 1];
}

async function devServer(t) {
  const server = await Server.start({ data: path.join(await temporaryFolder(t), 'data'), dev: true });
  t.after(() => server.abandon());
  return server;
}

test('listeners that never read', { timeout: 240_000 }, async (t) => {
  const server = await devServer(t);
  // The store has its buffers by then.
  for (let n = 0; n < ROUNDS; n += 1) await write(server, 'before', n);
  const alone = await write(server, 'c', 0);
  const before = await server.residentKib();
  const listeners = Array.from({ length: LISTENERS }, () => listen(server.port, 'c'));
  t.after(() => listeners.forEach(({ session }) => session.destroy()));
  await sleep(1_000);
  const times = [];
  for (let n = 1; n <= ROUNDS; n += 1) times.push(await write(server, 'c', n));
  await sleep(1_000);
  const grown = (await server.residentKib()) - before;
  const slowest = Math.max(...times);
  t.diagnostic(`${grown} KiB more; ${alone.toFixed(1)} ms a commit, ${slowest.toFixed(1)} ms with listeners`);
  assert.ok(grown < GROWN_KIB_MAX, `${grown} KiB more`);
  assert.ok(slowest < alone * SLOWER_MAX + 10, `${slowest} ms a commit, and ${alone} ms without listeners`);

  // One reads after all. What it is told at the end is the last state of every document.
  const [{ stream }] = listeners;
  const newest = new Map();
  let rest = Buffer.alloc(0);
  let parts = [];
  stream.on('data', (part) => parts.push(part));
  const isWhole = () => newest.size === IDS && [...newest.values()].every((n) => n === ROUNDS);
  const until = Date.now() + 60_000;
  while (!isWhole() && Date.now() < until) {
    await sleep(50);
    rest = Buffer.concat([rest, ...parts.splice(0)]);
    while (rest.length >= 5 && rest.length >= 5 + rest.readUInt32BE(1)) {
      const length = rest.readUInt32BE(1);
      const message = rest.subarray(5, 5 + length);
      rest = rest.subarray(5 + length);
      if (length < TEXT.length) continue;
      const [, id] = /\/documents\/c\/(\d+)/.exec(message.subarray(0, 200).toString('latin1'));
      // `n` is an `integer_value`: its field is 2.
      const at = message.indexOf(Buffer.from([0x0a, 1, 0x6e, 0x12, 2, 0x10]));
      newest.set(id, message[at + 6]);
    }
  }
  assert.ok(isWhole(), JSON.stringify([...newest]));
  listeners.forEach(({ session }) => session.destroy());
  await server.stop();
});

test('a listener that is gone without a word is given up', { timeout: 240_000 }, async (t) => {
  const server = await devServer(t);
  await write(server, 'c', 0);
  // Keeps both connections open, and at some time lets nothing through any more.
  let isCut = false;
  let gone;
  const closed = new Promise((resolve) => (gone = resolve));
  const proxy = net.createServer((client) => {
    const upstream = net.connect(server.port, '127.0.0.1');
    client.on('data', (part) => isCut || upstream.write(part)).on('error', () => {});
    upstream.on('data', (part) => isCut || client.write(part)).on('error', () => {});
    upstream.on('close', gone);
    client.on('close', () => isCut || upstream.destroy());
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  t.after(() => proxy.close());
  const { session, stream } = listen(proxy.address().port, 'c');
  await new Promise((resolve) => stream.once('data', resolve));
  isCut = true;
  session.destroy();
  const began = Date.now();
  const late = new Promise((resolve) => setTimeout(resolve, SILENT_MILLIS_MAX, 'late').unref());
  assert.notEqual(await Promise.race([closed, late]), 'late', 'the server keeps the connection');
  t.diagnostic(`given up after ${Date.now() - began} ms`);
  await server.stop();
});
