/**
 * The unmodified `@google-cloud/firestore` over gRPC (plain HTTP/2 with prior knowledge): Firestore specification,
 * sections 4 to 7. Against a server in dev mode by the emulator variable, which makes everybody an administrator; and
 * against one in safe mode with a service account's credential. Both must do the same.
 */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';

import { AggregateField, FieldPath, FieldValue, Filter, Firestore, Timestamp } from '@google-cloud/firestore';
import { SignJWT, importPKCS8 } from 'jose';

import { Server, certificate, project, safeServer, serviceAccount, temporaryFolder } from './harness.mjs';

/** gRPC's numbers. */
const Code = { INVALID: 3, NOT_FOUND: 5, EXISTS: 6, DENIED: 7, PRECONDITION: 9, UNIMPLEMENTED: 12, UNAUTHENTICATED: 16 };

const failsWith = (code, text) => (error) => {
  assert.equal(error.code, code, String(error));
  if (text) assert.match(error.message, text);
  return true;
};

const names = (snapshot) => snapshot.docs.map((doc) => doc.ref.path);

/** What every client can do, whoever it is. */
const CASES = {
  async 'creates, reads, updates and deletes documents'(db) {
    const ref = db.collection('crud').doc('a');
    const value = {
      text: 'grüße',
      integer: 7,
      double: 1.5,
      nothing: null,
      yes: true,
      bytes: Buffer.from([1, 2, 3]),
      when: new Timestamp(1_700_000_000, 123_456_000),
      list: [1, { deep: [2] }],
      map: { 'odd.name': 1 },
      other: db.doc('crud/b'),
      vector: FieldValue.vector([1, 2.5]),
    };
    const created = await ref.create(value);
    await assert.rejects(ref.create({}), failsWith(Code.EXISTS, /Document already exists/));
    const read = await ref.get();
    const { vector, other, ...rest } = read.data();
    const { vector: _, other: __, ...expected } = value;
    assert.deepEqual(rest, expected);
    assert.deepEqual(vector.toArray(), [1, 2.5]);
    assert.equal(other.path, 'crud/b');
    assert.ok(read.createTime.isEqual(created.writeTime));
    assert.ok(read.readTime.valueOf() >= created.writeTime.valueOf());

    await ref.update({ 'map.b': 2, text: FieldValue.delete() });
    await ref.set({ count: FieldValue.increment(2), tags: FieldValue.arrayUnion('x') }, { merge: true });
    await ref.set({ at: FieldValue.serverTimestamp() }, { mergeFields: ['at'] });
    const changed = (await ref.get()).data();
    assert.deepEqual(changed.map, { 'odd.name': 1, b: 2 });
    assert.equal(changed.text, undefined);
    assert.equal(changed.count, 2);
    assert.deepEqual(changed.tags, ['x']);
    assert.ok(changed.at instanceof Timestamp);
    await assert.rejects(db.doc('crud/none').update({ a: 1 }), failsWith(Code.NOT_FOUND, /No document to update/));
    await assert.rejects(
      ref.delete({ lastUpdateTime: created.writeTime }),
      failsWith(Code.PRECONDITION, /does not match the required base version/),
    );
    await ref.delete();
    await ref.delete();
    assert.equal((await ref.get()).exists, false);
    const generated = await db.collection('crud').add({ a: 1 });
    assert.match(generated.id, /^[A-Za-z0-9]{20}$/);
  },

  async 'reads many documents and the masked fields of them'(db) {
    const all = Array.from({ length: 70 }, (_, n) => db.doc(`many/${n}`));
    const batch = db.batch();
    all.forEach((ref, n) => batch.set(ref, { n, m: -n }));
    const results = await batch.commit();
    assert.equal(results.length, 70);
    const got = await db.getAll(...all, db.doc('many/none'), { fieldMask: ['n'] });
    assert.deepEqual(
      got.map((doc) => doc.data()),
      [...all.map((_, n) => ({ n })), undefined],
    );
  },

  async 'a batch is all or nothing'(db) {
    const batch = db.batch();
    batch.set(db.doc('atomic/a'), { a: 1 });
    batch.update(db.doc('atomic/none'), { a: 1 });
    await assert.rejects(batch.commit(), failsWith(Code.NOT_FOUND));
    assert.equal((await db.doc('atomic/a').get()).exists, false);
  },

  async 'ten transactions count to ten'(db) {
    const ref = db.doc('counters/c');
    await ref.set({ n: 0 });
    const increment = () =>
      db.runTransaction(
        async (tx) => {
          const { n } = (await tx.get(ref)).data();
          tx.update(ref, { n: n + 1 });
        },
        { maxAttempts: 30 },
      );
    await Promise.all(Array.from({ length: 10 }, increment));
    assert.equal((await ref.get()).get('n'), 10);
  },

  async 'transactions read queries, and read-only ones the past'(db) {
    const stock = db.collection('stock');
    await stock.doc('a').set({ n: 1 });
    const before = (await stock.doc('a').get()).readTime;
    const total = await db.runTransaction(async (tx) => {
      const found = await tx.get(stock.where('n', '>', 0));
      const counted = await tx.get(stock.count());
      assert.equal(counted.data().count, 1);
      const sum = found.docs.reduce((sum, doc) => sum + doc.get('n'), 0);
      tx.set(stock.doc('total'), { sum });
      return sum;
    });
    assert.equal(total, 1);
    await stock.doc('a').set({ n: 2 });
    const past = await db.runTransaction((tx) => tx.get(stock.doc('a')), { readOnly: true, readTime: before });
    assert.equal(past.get('n'), 1);
    await assert.rejects(
      db.runTransaction(async (tx) => {
        await tx.get(stock.doc('a'));
        throw new Error('on purpose');
      }),
      /on purpose/,
    );
  },

  async 'queries'(db) {
    const cities = db.collection('cities');
    const batch = db.batch();
    const rows = [
      ['b', 'de', 3_700_000, ['capital', 'river']],
      ['h', 'de', 1_900_000, ['harbour', 'river']],
      ['m', 'de', 1_500_000, ['river']],
      ['p', 'fr', 2_100_000, ['capital', 'river']],
      ['z', 'ch', 430_000, []],
    ];
    for (const [id, country, people, tags] of rows) batch.set(cities.doc(id), { country, people, tags });
    await batch.commit();
    const check = async (query, expected) =>
      assert.deepEqual((await query.get()).docs.map((doc) => doc.id).join(''), expected);
    await check(cities, 'bhmpz');
    await check(cities.where('country', '==', 'de'), 'bhm');
    await check(cities.where('country', '!=', 'de'), 'zp');
    await check(cities.where('people', '>=', 1_900_000).orderBy('people', 'desc'), 'bph');
    await check(cities.where('country', '==', 'de').where('people', '<', 2_000_000).orderBy('people'), 'mh');
    await check(cities.where('country', 'in', ['fr', 'ch']), 'pz');
    await check(cities.where('country', 'not-in', ['fr', 'ch']), 'bhm');
    await check(cities.where('tags', 'array-contains', 'capital'), 'bp');
    await check(cities.where('tags', 'array-contains-any', ['capital', 'harbour']), 'bhp');
    await check(
      cities.where(Filter.or(Filter.where('country', '==', 'ch'), Filter.where('people', '>', 2_000_000))).orderBy('people'),
      'zpb',
    );
    await check(cities.orderBy('people').limit(2), 'zm');
    await check(cities.orderBy('people').limitToLast(2), 'pb');
    await check(cities.orderBy('people').offset(1).limit(2), 'mh');
    await check(cities.orderBy('people').startAfter(1_500_000).endAt(2_100_000), 'hp');
    await check(cities.orderBy(FieldPath.documentId()).startAt('m'), 'mpz');
    await check(cities.where(FieldPath.documentId(), '>', 'm'), 'pz');
    const selected = await cities.select('country').where('people', '<', 500_000).get();
    assert.deepEqual(selected.docs.map((doc) => doc.data()), [{ country: 'ch' }]);
    assert.deepEqual((await cities.where('people', '<', 0).get()).docs, []);
    const streamed = [];
    for await (const doc of cities.orderBy('people', 'desc').stream()) streamed.push(doc.id);
    assert.equal(streamed.join(''), 'bphmz');
    await assert.rejects(
      cities.orderBy('people').orderBy('people').get(),
      failsWith(Code.INVALID, /duplicate fields/),
    );
  },

  async 'aggregations'(db) {
    const numbers = db.collection('numbers');
    const batch = db.batch();
    for (const n of [1, 2, 3, 4]) batch.set(numbers.doc(String(n)), { n });
    await batch.commit();
    const found = await numbers.where('n', '>', 1).aggregate({
      count: AggregateField.count(),
      sum: AggregateField.sum('n'),
      average: AggregateField.average('n'),
    }).get();
    assert.deepEqual(found.data(), { count: 3, sum: 9, average: 3 });
    assert.equal((await db.collection('empty').count().get()).data().count, 0);
  },

  async 'collection groups, lists of collections and of missing documents'(db) {
    await Promise.all(['x/1/leaf/a', 'x/2/leaf/b', 'leaf/c'].map((name) => db.doc(name).set({ n: 1 })));
    assert.deepEqual(names(await db.collectionGroup('leaf').get()), ['leaf/c', 'x/1/leaf/a', 'x/2/leaf/b']);
    const ids = async (parent) => (await parent.listCollections()).map((collection) => collection.id);
    assert.deepEqual(await ids(db.doc('x/1')), ['leaf']);
    const top = await ids(db);
    assert.ok(top.includes('x') && top.includes('leaf'), String(top));
    const missing = await db.collection('x').listDocuments();
    assert.deepEqual(missing.map((ref) => ref.path), ['x/1', 'x/2']);
  },

  async 'partitions cover a group once'(db) {
    const writer = db.bulkWriter();
    for (let n = 0; n < 300; n += 1) writer.set(db.doc(`parts/p${n % 7}/shard/${n}`), { n });
    await writer.close();
    let count = 0;
    for await (const partition of db.collectionGroup('shard').getPartitions(4)) {
      count += (await partition.toQuery().get()).size;
    }
    assert.equal(count, 300);
  },

  async 'BulkWriter writes each for itself'(db) {
    const writer = db.bulkWriter();
    const refused = [];
    writer.onWriteError((error) => {
      refused.push(error.code);
      return false;
    });
    const writes = [];
    for (let n = 0; n < 60; n += 1) writes.push(writer.create(db.doc(`bulk/${n}`), { n }));
    const twice = assert.rejects(writer.create(db.doc('bulk/0'), {}), failsWith(Code.EXISTS));
    await Promise.all(writes);
    await twice;
    await writer.close();
    assert.deepEqual(refused, [Code.EXISTS]);
    assert.equal((await db.collection('bulk').count().get()).data().count, 60);
  },

  async 'recursiveDelete removes what is below, and nothing beside'(db) {
    const kept = ['tree-beside/1', 'trees/2'];
    const gone = ['tree/1', 'tree/1/a/2', 'tree/1/a/2/b/3', 'tree/4/c/5'];
    await Promise.all([...kept, ...gone].map((name) => db.doc(name).set({ n: 1 })));
    await db.recursiveDelete(db.collection('tree'));
    for (const name of gone) assert.equal((await db.doc(name).get()).exists, false, name);
    for (const name of kept) assert.equal((await db.doc(name).get()).exists, true, name);
  },

  async 'queries explain themselves'(db) {
    const query = db.collection('explained').where('n', '>', 1);
    await Promise.all([1, 2, 3].map((n) => db.doc(`explained/${n}`).set({ n })));
    const planned = await query.explain({ analyze: false });
    assert.ok(planned.metrics.planSummary.indexesUsed.length > 0);
    assert.equal(planned.metrics.executionStats, null);
    assert.equal(planned.snapshot, null);
    const analyzed = await query.explain({ analyze: true });
    assert.equal(analyzed.metrics.executionStats.resultsReturned, 2);
    assert.equal(analyzed.snapshot.size, 2);
    const counted = await query.count().explain({ analyze: true });
    assert.equal(counted.snapshot.data().count, 2);
  },

  async 'near vectors'(db) {
    const points = db.collection('points');
    await Promise.all(
      [[0, 0], [3, 4], [6, 8]].map((v, n) => points.doc(String(n)).set({ v: FieldValue.vector(v) })),
    );
    const found = await points.findNearest({
      vectorField: 'v',
      queryVector: [0, 0],
      limit: 2,
      distanceMeasure: 'EUCLIDEAN',
      distanceResultField: 'd',
    }).get();
    assert.deepEqual(found.docs.map((doc) => [doc.id, doc.get('d')]), [['0', 0], ['1', 5]]);
  },

  async 'large commits and documents go through, too large ones are refused'(db) {
    const text = 'x'.repeat(1_000_000);
    const batch = db.batch();
    for (let n = 0; n < 9; n += 1) batch.set(db.doc(`large/${n}`), { text });
    await batch.commit();
    const read = await db.collection('large').get();
    assert.equal(read.docs.reduce((sum, doc) => sum + doc.get('text').length, 0), 9_000_000);
    const more = db.batch();
    for (let n = 0; n < 11; n += 1) more.set(db.doc(`large/${n}`), { text });
    await assert.rejects(more.commit(), failsWith(Code.INVALID, /exceeds the limit/));
    await assert.rejects(db.doc('large/a').set({ text: 'x'.repeat(1_048_570) }), failsWith(Code.INVALID));
  },

  async 'listening says that it is not here yet'(db) {
    const error = await new Promise((resolve) => db.doc('a/b').onSnapshot(() => {}, resolve));
    assert.ok(failsWith(Code.UNIMPLEMENTED, /onSnapshot/)(error));
  },
};

async function checkAll(t, db) {
  for (const [name, check] of Object.entries(CASES)) await t.test(name, () => check(db));
}

test('in dev mode, by the emulator variable', async (t) => {
  const server = await Server.start({ data: path.join(await temporaryFolder(t), 'data'), dev: true });
  t.after(() => server.abandon());
  process.env.FIRESTORE_EMULATOR_HOST = `127.0.0.1:${server.port}`;
  const db = new Firestore({ projectId: 'demo-firekeep' });
  delete process.env.FIRESTORE_EMULATOR_HOST;
  t.after(() => db.terminate());
  await checkAll(t, db);
  await db.terminate();
  await server.stop();
});

/** An access token of a service account. */
async function accessToken(server, key) {
  const signing = await importPKCS8(key.private_key, 'RS256');
  const assertion = await new SignJWT({ scope: 'https://www.googleapis.com/auth/datastore' })
    .setProtectedHeader({ alg: 'RS256', kid: key.private_key_id })
    .setIssuer(key.client_email)
    .setSubject(key.client_email)
    .setAudience(key.token_uri)
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(signing);
  const body = { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion };
  const answer = await server.post('/oauth2.googleapis.com/token', body);
  assert.equal(answer.status, 200, answer.text);
  return answer.body.access_token;
}

test('in safe mode, with an access token', async (t) => {
  const { server, accounts, projectId } = await safeServer(t);
  const token = await accessToken(server, accounts[0].key);
  const connect = (authorization) => {
    const plain = { host: '127.0.0.1', port: server.port, ssl: false };
    const db = new Firestore({ projectId, ...plain, customHeaders: { Authorization: authorization } });
    t.after(() => db.terminate());
    return db;
  };
  const db = connect(`Bearer ${token}`);
  await checkAll(t, db);
  await t.test('who is not an administrator gets nothing', async () => {
    for (const [authorization, code] of [
      ['Bearer owner', Code.UNAUTHENTICATED],
      [`Bearer ${token}x`, Code.UNAUTHENTICATED],
      ['Basic b3duZXI6', Code.UNAUTHENTICATED],
    ]) {
      await assert.rejects(connect(authorization).doc('a/b').get(), failsWith(code), authorization);
    }
  });
  await t.test('another project has no database here', async () => {
    const other = new Firestore({
      projectId: 'another-project',
      host: '127.0.0.1',
      port: server.port,
      ssl: false,
      customHeaders: { Authorization: `Bearer ${token}` },
    });
    t.after(() => other.terminate());
    await assert.rejects(other.doc('a/b').get(), (error) => [Code.NOT_FOUND, Code.DENIED].includes(error.code));
  });
});

/** What a program of the SDK's users looks like: a key file, and no token of their own making. */
const PROGRAM = `
  import { Firestore } from '@google-cloud/firestore';
  const [projectId, keyFilename, port] = process.argv.slice(1);
  const db = new Firestore({ projectId, keyFilename, host: 'localhost', port: Number(port), ssl: true });
  await db.doc('a/b').set({ n: 1 });
  console.log((await db.doc('a/b').get()).get('n'));
  await db.terminate();
`;

test('over TLS, with a key file', async (t) => {
  const folder = await temporaryFolder(t);
  const data = path.join(folder, 'data');
  const { file } = await serviceAccount(data, path.join(folder, 'key.json'), '--name', 'e2e-tests');
  const { projectId } = await project(data);
  const { crt, key } = certificate(path.join(folder, 'tls'));
  const server = await Server.start({ data, args: ['--tls-cert', crt, '--tls-key', key] });
  t.after(() => server.abandon());
  const program = ['--input-type=module', '-e', PROGRAM, projectId, file, String(server.port)];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, program, {
    cwd: import.meta.dirname,
    env: { ...process.env, GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: crt },
    timeout: 60_000,
  });
  assert.equal(stdout, '1\n', stderr);
});
