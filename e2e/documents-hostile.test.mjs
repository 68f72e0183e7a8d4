/**
 * Requests that are made to hurt: too long, too deep, too many at once, no text, readers that do not read and clients
 * that go away. The server says what is wrong, at once, and goes on serving within its memory.
 */

import assert from 'node:assert/strict';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';

import { Server, temporaryFolder } from './harness.mjs';
import { Wire } from './firestore-wire.mjs';

const [OK, INVALID, NOT_FOUND, EXHAUSTED] = [0, 3, 5, 8];
const MIB = 1024 * 1024;
/** In a debug build on a loaded machine. */
const AT_ONCE_MILLIS = 5_000;

const database = 'projects/demo-hostile/databases/(default)';
const root = `${database}/documents`;
const doc = (name) => `${root}/${name}`;
const int = (value) => ({ integerValue: String(value) });
const numbered = (count, make) => Array.from({ length: count }, (_, n) => make(n));
const equal = (fieldPath, n) => ({ fieldFilter: { field: { fieldPath }, op: 'EQUAL', value: int(n) } });
const composite = (op, filters) => ({ compositeFilter: { op, filters } });
const any = (name, count) => composite('OR', numbered(count, (n) => equal(name, n)));
const isIn = (fieldPath, count, op = 'IN') => ({
  fieldFilter: { field: { fieldPath }, op, value: { arrayValue: { values: numbered(count, int) } } },
});
const query = (where) => ['runQuery', { parent: root, structuredQuery: { from: [{ collectionId: 'c' }], where } }];

async function start(t) {
  const data = path.join(await temporaryFolder(t), 'data');
  const server = await Server.start({ data, dev: true });
  t.after(() => server.abandon());
  return { server, wire: await Wire.connect(t, server) };
}

/** Runs `what`, which must not take long; its value. */
async function atOnce(name, what, millisMax = AT_ONCE_MILLIS) {
  const began = Date.now();
  const value = await what();
  const millis = Date.now() - began;
  assert.ok(millis < millisMax, `${name} took ${millis} ms`);
  return value;
}

/** The server still does what it is for. */
async function serves(wire) {
  const write = { update: { name: doc('alive/a'), fields: { n: int(1) } } };
  const written = await atOnce('a write', () => wire.grpc('commit', { database, writes: [write] }));
  assert.equal(written.code, OK, written.text);
  const read = await atOnce('a read', () => wire.grpc('getDocument', { name: doc('alive/a') }));
  assert.equal(read.code, OK, read.text);
}

/** A length-delimited field of a protobuf message. */
function part(number, bytes) {
  const varint = (value) => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]);
  return Buffer.concat([Buffer.from([...varint(number * 8 + 2), ...varint(bytes.length)]), bytes]);
}

test('requests that are too large', async (t) => {
  const { server, wire } = await start(t);
  const text = (length) => 'x'.repeat(length);
  const writes = (count, length) => ({
    database,
    writes: numbered(count, (n) => ({ update: { name: doc(`large/${n}`), fields: { f: { stringValue: text(length) } } } })),
  });
  const fits = await wire.grpc('commit', writes(10, 1_048_000));
  assert.equal(fits.code, OK, fits.text);
  for (const [what, request, code, status, says] of [
    ['more than 10 MiB', writes(11, 1_000_000), INVALID, 413, /exceeds the limit: 10485760 bytes/],
    ['13 MiB', writes(13, MIB - 100), EXHAUSTED, 413, /more than 12582912/],
    ['64 MiB', writes(64, MIB - 100), EXHAUSTED, 413, /more than 12582912/],
  ]) {
    const said = await wire.grpc('commit', request);
    assert.equal(said.code, code, `${what}: ${said.text}`);
    assert.match(said.text, says, what);
    if (what === '64 MiB') continue;
    const rest = await wire.rest('commit', request);
    assert.ok([400, 413].includes(rest.status), `${what}: ${rest.status}`);
    assert.equal(rest.code, 'INVALID_ARGUMENT', what);
    assert.match(rest.text, /exceeds|too large|larger/i, what);
  }
  await serves(wire);
  await server.stop();
});

test('requests of many small things', async (t) => {
  const { server, wire } = await start(t);
  await wire.grpc('commit', { database, writes: numbered(60, (n) => ({ update: { name: doc(`c/${n}`), fields: { n: int(n) } } })) });
  const fields = Object.fromEntries(numbered(39_000, (n) => [`f${n}`, int(n)]));
  const tooMany = Object.fromEntries(numbered(40_000, (n) => [`f${n}`, int(n)]));
  const paths = numbered(200_000, (n) => `g${n}`);
  const rows = [
    ['200 000 paths to read', ['batchGetDocuments', { database, documents: numbered(60, (n) => doc(`c/${n}`)), mask: { fieldPaths: paths } }], OK],
    ['200 000 paths to project', ['runQuery', { parent: root, structuredQuery: { from: [{ collectionId: 'c' }], select: { fields: paths.map((fieldPath) => ({ fieldPath })) } } }], OK],
    ['200 000 paths to update', ['commit', { database, writes: [{ update: { name: doc('m/a') }, updateMask: { fieldPaths: paths } }] }], OK],
    ['a document of 40 000 fields', ['commit', { database, writes: [{ update: { name: doc('m/b'), fields: tooMany } }] }], INVALID],
    ['a document of 39 000 fields, all in the mask', ['commit', { database, writes: [{ update: { name: doc('m/b'), fields }, updateMask: { fieldPaths: Object.keys(fields) } }] }], OK],
    ['100 000 elements to append', ['commit', { database, writes: [{ update: { name: doc('m/c') }, updateTransforms: [{ fieldPath: 'a', appendMissingElements: { values: numbered(100_000, int) } }] }] }], INVALID],
    ['39 000 elements to append', ['commit', { database, writes: [{ update: { name: doc('m/c') }, updateTransforms: [{ fieldPath: 'a', appendMissingElements: { values: numbered(39_000, int) } }] }] }], OK],
    ['39 000 elements to append again', ['commit', { database, writes: [{ update: { name: doc('m/c') }, updateMask: {}, updateTransforms: [{ fieldPath: 'a', appendMissingElements: { values: numbered(39_000, int) } }] }] }], OK],
    ['100 000 elements to remove', ['commit', { database, writes: [{ update: { name: doc('m/c') }, updateMask: {}, updateTransforms: [{ fieldPath: 'a', removeAllFromArray: { values: numbered(100_000, int) } }] }] }], OK],
    ['100 000 documents that are not there', ['batchGetDocuments', { database, documents: numbered(100_000, (n) => doc(`n/${n}`)) }], OK],
    ['one document 100 000 times', ['batchGetDocuments', { database, documents: numbered(100_000, () => doc('c/1')) }], OK],
    ['50 000 deletes of nothing', ['commit', { database, writes: numbered(50_000, (n) => ({ delete: doc(`n/${n}`) })) }], OK],
    ['30 000 increments of one small document', ['commit', { database, writes: numbered(30_000, () => ({ transform: { document: doc('m/d'), fieldTransforms: [{ fieldPath: 'n', increment: int(1) }] } })) }], INVALID],
    ['400 increments of one large document', ['commit', { database, writes: numbered(400, () => ({ transform: { document: doc('m/b'), fieldTransforms: [{ fieldPath: 'n', increment: int(1) }] } })) }], OK],
    ['20 000 orders', ['runQuery', { parent: root, structuredQuery: { from: [{ collectionId: 'c' }], orderBy: numbered(20_000, (n) => ({ field: { fieldPath: `f${n}` } })) } }], INVALID],
    ['a cursor of 100 000 values', ['runQuery', { parent: root, structuredQuery: { from: [{ collectionId: 'c' }], startAt: { values: numbered(100_000, int) } } }], INVALID],
    ['20 000 aggregations', ['runAggregationQuery', { parent: root, structuredAggregationQuery: { structuredQuery: { from: [{ collectionId: 'c' }] }, aggregations: numbered(20_000, () => ({ count: {} })) } }], INVALID],
  ];
  for (const [what, [rpc, request], code] of rows) {
    await t.test(what, async () => {
      const said = await atOnce(what, () => wire.grpc(rpc, request), 20_000);
      assert.equal(said.code, code, said.text);
    });
  }
  await serves(wire);
  await server.stop();
});

test('filters that explode', async (t) => {
  const { server, wire } = await start(t);
  const rows = [
    ['31 disjunctions', any('a', 31), /Result had 31 disjunctions/],
    ['IN of 10 000', isIn('a', 10_000), /supports up to 30/],
    ['ARRAY_CONTAINS_ANY of 10 000', isIn('a', 10_000, 'ARRAY_CONTAINS_ANY'), /supports up to 30/],
    ['NOT_IN of 10 000', isIn('a', 10_000, 'NOT_IN'), /supports up to 10/],
    ['8 by 8 by 8', composite('AND', ['a', 'b', 'c'].map((name) => any(name, 8))), /Too many disjunctions/],
    ['2 to the 40th', composite('AND', numbered(40, (n) => any(`f${n}`, 2))), /Too many disjunctions/],
    ['30 to the 50th', composite('AND', numbered(50, (n) => isIn(`f${n}`, 30))), /Too many disjunctions/],
    ['30 INs of 30', composite('OR', numbered(30, (n) => isIn(`f${n}`, 30))), /Too many disjunctions/],
    ['20 000 filters', composite('AND', numbered(20_000, (n) => equal('a', n))), /at most 100 filters/],
    ['20 000 filters by OR', any('a', 20_000), /at most 100 filters/],
    ['40 levels', numbered(40, Number).reduce((inner, n) => composite('AND', [inner, any(`f${n}`, 2)]), equal('a', 1)), /Too many disjunctions|nested deeper than 100 levels/],
  ];
  for (const [what, where, says] of rows) {
    for (const way of ['grpc', 'rest']) {
      const { code, text } = await atOnce(`${what} by ${way}`, () => wire[way](...query(where)));
      assert.ok(code === INVALID || code === 'INVALID_ARGUMENT', `${what}: ${code} ${text}`);
      assert.match(text, says, what);
    }
  }
  // Many words for few disjunctions are fine.
  const same = composite('AND', numbered(6, () => any('a', 10)));
  const odd = await atOnce('the same six times', () => wire.grpc(...query(same)));
  assert.ok([OK, INVALID].includes(odd.code), odd.text);
  await serves(wire);
  await server.stop();
});

test('what is nested too deep', async (t) => {
  const { server, wire } = await start(t);
  const filters = (levels) => numbered(levels, Number).reduce((inner) => composite('AND', [inner]), equal('a', 1));
  const shallow = await wire.grpc(...query(filters(40)));
  assert.equal(shallow.code, OK, shallow.text);
  // The official encoder gives up at this depth: by hand, then.
  let filter = part(2, Buffer.concat([part(1, part(1, Buffer.from('a'))), Buffer.from([2 * 8, 5]), part(3, Buffer.from([2 * 8, 1]))]));
  for (let n = 0; n < 1_000; n += 1) filter = part(1, Buffer.concat([Buffer.from([8, 1]), part(2, filter)]));
  const structured = Buffer.concat([part(2, part(2, Buffer.from('c'))), part(3, filter)]);
  const said = await atOnce('filters', () => wire.bytes('RunQuery', Buffer.concat([part(1, Buffer.from(root)), part(2, structured)])));
  assert.equal(said.code, INVALID, said.text);
  const rest = await atOnce('filters', () => wire.rest(...query(filters(1_000))));
  assert.equal(rest.status, 400, rest.text);

  // Maps in maps, more of them than may be.
  let value = part(1, Buffer.from('x'));
  for (let n = 0; n < 400; n += 1) value = part(6, part(1, Buffer.concat([part(1, Buffer.from('a')), part(2, value)])));
  const write = part(1, Buffer.concat([part(1, Buffer.from(doc('d/d'))), part(2, Buffer.concat([part(1, Buffer.from('f')), part(2, value)]))]));
  const request = Buffer.concat([part(1, Buffer.from(database)), part(2, write)]);
  const deep = await atOnce('maps', () => wire.bytes('Commit', request));
  assert.equal(deep.code, INVALID, deep.text);

  for (const [what, raw] of [
    ['lists', '['.repeat(1_000_000)],
    ['objects', '{"a":'.repeat(1_000_000)],
    ['filters', '{"structuredQuery":{"where":' + '{"compositeFilter":{"op":"AND","filters":['.repeat(10_000)],
    ['values', '{"writes":[{"update":{"fields":{"a":' + '{"mapValue":{"fields":{"a":'.repeat(10_000)],
  ]) {
    for (const verb of ['commit', 'runQuery']) {
      const answer = await atOnce(what, () => server.request('POST', `/v1/${root}:${verb}`, { raw, bearer: 'owner' }));
      assert.equal(answer.status, 400, `${what}: ${answer.text}`);
      assert.ok(answer.text.length < 2_000, what);
    }
  }
  // What nobody knows is passed over, however deep it is.
  const unknown = `{"unknown":${'['.repeat(200_000)}${']'.repeat(200_000)}}`;
  const over = await server.request('POST', `/v1/${root}:commit`, { raw: unknown, bearer: 'owner' });
  assert.equal(over.status, 200, over.text);
  await serves(wire);
  await server.stop();
});

test('what is no text, and no message', async (t) => {
  const { server, wire } = await start(t);
  const bad = Buffer.from([0x61, 0xff, 0xfe]);
  for (const [what, method, bytes] of [
    ['a name', 'GetDocument', part(1, bad)],
    ['a database', 'Commit', part(1, bad)],
    ['a field name', 'Commit', Buffer.concat([part(1, Buffer.from(database)), part(2, part(1, Buffer.concat([part(1, Buffer.from(doc('a/b'))), part(2, part(1, bad))])))])],
    ['a string value', 'Commit', Buffer.concat([part(1, Buffer.from(database)), part(2, part(1, part(2, Buffer.concat([part(1, Buffer.from('f')), part(2, part(17, bad))]))))])],
    ['half a code point', 'GetDocument', part(1, Buffer.from([0x61, 0xed, 0xa0, 0x80]))],
    ['a length beyond the end', 'RunQuery', Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f])],
    ['a number without an end', 'RunQuery', Buffer.alloc(32, 0xff)],
    ['a wrong wire type', 'RunAggregationQuery', Buffer.from([0x0b])],
    ['field number 0', 'BeginTransaction', Buffer.from([0x02, 0x00])],
    ['bytes of anything', 'BatchGetDocuments', Buffer.from(numbered(4_000, (n) => (n * 151) % 256))],
  ]) {
    const said = await atOnce(what, () => wire.bytes(method, bytes));
    assert.equal(said.code, INVALID, `${what}: ${said.text}`);
  }
  for (const [what, raw] of [
    ['bytes that are no text', Buffer.concat([Buffer.from('{"writes":[{"delete":"'), bad, Buffer.from('"}]}')])],
    ['half a code point', '{"writes":[{"delete":"\\ud800"}]}'],
    ['half a code point as a name', '{"writes":[{"update":{"fields":{"\\udc00":{"nullValue":null}}}}]}'],
    ['a NUL outside of a text', '{"writes":\0[]}'],
    ['a byte order mark of another encoding', Buffer.from('{"writes":[]}', 'utf16le')],
    ['a number that is none', '{"writes":[{"update":{"fields":{"a":{"doubleValue":1e}}}}]}'],
    ['a member twice', '{"writes":[{"delete":"a","delete":"b"}]}'],
  ]) {
    const answer = await server.request('POST', `/v1/${root}:commit`, { raw, bearer: 'owner' });
    assert.equal(answer.status, 400, `${what}: ${answer.text}`);
    assert.equal(answer.body.error.status, 'INVALID_ARGUMENT', what);
  }
  // Text with NULs and other odd characters is text.
  const odd = { update: { name: doc('odd/\0\u{1f600}'), fields: { '\0': { stringValue: '\0\u{ffff}' } } } };
  assert.equal((await wire.grpc('commit', { database, writes: [odd] })).code, OK);
  const read = await wire.rest('getDocument', { name: odd.update.name });
  assert.deepEqual(read.body.fields, odd.update.fields);
  assert.equal((await wire.grpc('getDocument', { name: doc('odd/\0') })).code, NOT_FOUND);
  await serves(wire);
  await server.stop();
});

const READERS = 24;
/** What the process may grow by while nobody reads: for each reader a page of large documents, as it is stored and as it leaves. */
const GROWTH_KIB_MAX = 2 * READERS * 6 * 1024;

test('readers that do not read, and those that go away', async (t) => {
  const { server, wire } = await start(t);
  const count = 90;
  for (let n = 0; n < count; n += 9) {
    const writes = numbered(9, (k) => ({ update: { name: doc(`c/${n + k}`), fields: { f: { bytesValue: Buffer.alloc(1_000_000, n + k) } } } }));
    assert.equal((await wire.grpc('commit', { database, writes })).code, OK);
  }
  const [, request] = query(undefined);
  // One who reads: what the answer costs when it flows.
  const whole = await wire.grpc('runQuery', request);
  assert.equal(whole.messages.length, count);
  const before = await server.residentKib();

  const calls = numbered(READERS, () => {
    const call = wire.stub.runQuery(request, wire.metadata);
    call.on('error', () => {});
    return call;
  });
  const body = JSON.stringify({ structuredQuery: request.structuredQuery });
  const head = `POST /v1/${encodeURI(root)}:runQuery HTTP/1.1\r\nhost: x\r\nauthorization: Bearer owner\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`;
  const sockets = await Promise.all(numbered(READERS, () => new Promise((resolve, reject) => {
    const socket = net.connect({ port: server.port, host: '127.0.0.1' }, () => {
      socket.pause();
      socket.write(head + body);
      resolve(socket);
    });
    socket.on('error', reject);
  })));
  await new Promise((resolve) => setTimeout(resolve, 4_000));
  await t.test('memory stays bounded', async () => {
    await serves(wire);
    const after = await server.residentKib();
    if (before !== undefined) assert.ok(after - before < GROWTH_KIB_MAX, `${before} KiB before, ${after} KiB after`);
    t.diagnostic(`${before} KiB before, ${after} KiB with ${2 * READERS} readers`);
  });
  await t.test('who reads late reads all', async () => {
    // They share a connection, and what it lets through.
    for (const call of calls.slice(1)) call.cancel();
    const ids = new Set();
    await new Promise((resolve, reject) => {
      calls[0].on('data', (message) => ids.add(message.document?.name));
      calls[0].on('end', resolve).on('error', reject);
    });
    assert.equal(ids.size, count);
  });
  await t.test('who goes away leaves nothing', async () => {
    for (const socket of sockets) socket.destroy();
    await serves(wire);
    for (let n = 0; n < 20; n += 1) {
      const call = wire.stub.runQuery(request, wire.metadata);
      const ended = new Promise((resolve) => call.on('error', resolve));
      call.once('data', () => call.cancel());
      assert.equal((await ended).code, 1);
    }
    await serves(wire);
    const after = await server.residentKib();
    if (before !== undefined) assert.ok(after - before < GROWTH_KIB_MAX, `${before} KiB before, ${after} KiB after`);
  });
  await atOnce('the end', () => server.stop(), 10_000);
});
