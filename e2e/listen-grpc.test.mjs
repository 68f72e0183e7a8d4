/**
 * Listening over gRPC: the unmodified `@google-cloud/firestore`, and the Node build of the unmodified `firebase`, whose
 * reads and writes are streams. Firestore specification, sections 10 and 11.
 */

import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';

import { FieldValue, Firestore } from '@google-cloud/firestore';
import { deleteApp, initializeApp } from 'firebase/app';
import * as sdk from 'firebase/firestore';

import { Server, safeServer, temporaryFolder } from './harness.mjs';

const MILLIS_MAX = 20_000;

/** Follows what a listener is told. `start(next, error)` begins to listen, and gives what ends it. */
function follow(t, start) {
  const seen = [];
  let wake = () => {};
  const tell = (entry) => {
    seen.push(entry);
    wake();
  };
  const stop = start(
    (snapshot) => tell({ snapshot }),
    (error) => tell({ error }),
  );
  t.after(stop);
  return {
    stop,
    seen,
    /** The first snapshot, of those not asked for yet, that is as wanted. */
    async until(wanted) {
      const end = Date.now() + MILLIS_MAX;
      for (;;) {
        while (seen.length > 0) {
          const { snapshot, error } = seen.shift();
          if (error) throw error;
          if (wanted(snapshot)) return snapshot;
        }
        assert.ok(Date.now() < end, 'nobody was told');
        await new Promise((resolve) => {
          wake = resolve;
          setTimeout(resolve, 500);
        });
      }
    },
  };
}

const ids = (snapshot) => snapshot.docs.map((doc) => doc.id);
const has = (...wanted) => (snapshot) => ids(snapshot).join() === wanted.join();

function admin(t, server, options = {}) {
  process.env.FIRESTORE_EMULATOR_HOST = `127.0.0.1:${server.port}`;
  const db = new Firestore({ projectId: 'demo-firekeep', ...options });
  delete process.env.FIRESTORE_EMULATOR_HOST;
  t.after(() => db.terminate());
  return db;
}

async function devServer(t) {
  const server = await Server.start({ data: path.join(await temporaryFolder(t), 'data'), dev: true });
  t.after(() => server.abandon());
  return server;
}

/** What server SDKs are told. */
const CASES = {
  async 'a document: missing, made, changed, deleted'(t, db) {
    const ref = db.doc('one/a');
    const told = follow(t, (next, error) => ref.onSnapshot(next, error));
    await told.until((doc) => !doc.exists);
    const { writeTime } = await ref.set({ n: 1 });
    const made = await told.until((doc) => doc.exists);
    assert.deepEqual(made.data(), { n: 1 });
    assert.ok(made.updateTime.isEqual(writeTime));
    assert.ok(made.readTime.valueOf() >= writeTime.valueOf());
    await ref.update({ n: FieldValue.increment(1) });
    assert.equal((await told.until((doc) => doc.get('n') === 2)).id, 'a');
    await db.doc('one/b').set({});
    await ref.delete();
    await told.until((doc) => !doc.exists);
  },

  async 'a query: what enters, changes and leaves'(t, db) {
    const all = db.collection('q');
    await all.doc('old').set({ n: 1 });
    const told = follow(t, (next, error) => all.where('n', '>', 0).orderBy('n').onSnapshot(next, error));
    const first = await told.until(has('old'));
    assert.deepEqual(first.docChanges().map((change) => change.type), ['added']);
    await all.doc('new').set({ n: 2 });
    await told.until(has('old', 'new'));
    await all.doc('old').set({ n: 3 });
    const changed = await told.until(has('new', 'old'));
    assert.deepEqual(
      changed.docChanges().map(({ type, doc, oldIndex, newIndex }) => [type, doc.id, oldIndex, newIndex]),
      [['modified', 'old', 0, 1]],
    );
    await all.doc('new').update({ n: 0 });
    const left = await told.until(has('old'));
    assert.deepEqual(left.docChanges().map((change) => change.type), ['removed']);
    await all.doc('old').delete();
    await told.until(has());
    await all.doc('other').set({ m: 1 });
    await all.doc('last').set({ n: 1 });
    await told.until(has('last'));
  },

  async 'a batch is seen as a whole'(t, db) {
    const all = db.collection('batch');
    const told = follow(t, (next, error) => all.onSnapshot(next, error));
    await told.until(has());
    const names = Array.from({ length: 20 }, (_, n) => `d${String(n).padStart(2, '0')}`);
    for (const value of [1, 2, 3]) {
      const batch = db.batch();
      for (const name of names) batch.set(all.doc(name), { value });
      await batch.commit();
    }
    let last = 0;
    while (last < 3) {
      const snapshot = await told.until(() => true);
      const values = new Set(snapshot.docs.map((doc) => doc.get('value')));
      assert.equal(values.size, 1, 'half a batch');
      assert.equal(snapshot.size, names.length);
      [last] = values;
    }
  },

  async 'windows: limits from both ends, offsets'(t, db) {
    const all = db.collection('window');
    for (let n = 1; n <= 6; n += 1) await all.doc(`d${n}`).set({ n });
    const queries = {
      first: [all.orderBy('n').limit(2), ['d1', 'd2'], ['d3', 'd4']],
      last: [all.orderBy('n').limitToLast(2), ['d5', 'd6'], ['d6', 'd2']],
      behind: [all.orderBy('n').offset(2).limit(2), ['d3', 'd4'], ['d5', 'd6']],
    };
    const told = {};
    for (const [name, [query, before]] of Object.entries(queries)) {
      told[name] = follow(t, (next, error) => query.onSnapshot(next, error));
      await told[name].until(has(...before));
    }
    await all.doc('d1').delete();
    await all.doc('d2').set({ n: 9 });
    for (const [name, [, , after]] of Object.entries(queries)) await told[name].until(has(...after));
  },

  async 'a group of collections'(t, db) {
    const told = follow(t, (next, error) => db.collectionGroup('rooms').onSnapshot(next, error));
    await told.until(has());
    await db.doc('rooms/a').set({});
    await db.doc('houses/x/rooms/b').set({});
    const both = await told.until((snapshot) => snapshot.size === 2);
    assert.deepEqual(both.docs.map((doc) => doc.ref.path).sort(), ['houses/x/rooms/b', 'rooms/a']);
    await db.doc('houses/x/rooms/b').delete();
    await told.until(has('a'));
  },

  async 'many documents, and large ones'(t, db) {
    const all = db.collection('many');
    const writer = db.bulkWriter();
    for (let n = 0; n < 1_000; n += 1) writer.set(all.doc(String(n)), { n });
    for (let n = 0; n < 8; n += 1) writer.set(all.doc(`large${n}`), { n, text: 'x'.repeat(900_000) });
    await writer.close();
    const told = follow(t, (next, error) => all.onSnapshot(next, error));
    const found = await told.until((snapshot) => snapshot.size === 1_008);
    assert.equal(found.docChanges().length, 1_008);
  },

  async 'what cannot be listened to is an error of that listener'(t, db) {
    const told = follow(t, (next, error) => db.collection('a/__bad__/b').onSnapshot(next, error));
    await assert.rejects(told.until(() => true), /Error 3: .*`__bad__` is reserved/);
  },
};

test('the server SDK', async (t) => {
  const server = await devServer(t);
  const db = admin(t, server);
  for (const [name, check] of Object.entries(CASES)) await t.test(name, (t) => check(t, db));
  await db.terminate();
  await server.stop();
});

test('the server SDK goes on where it was when the server comes back', async (t) => {
  const server = await devServer(t);
  const db = admin(t, server);
  const all = db.collection('c');
  for (const id of ['a', 'b', 'c']) await all.doc(id).set({ n: 1 });
  const told = follow(t, (next, error) => all.onSnapshot(next, error));
  await told.until(has('a', 'b', 'c'));
  await server.stop();
  const next = await server.again();
  t.after(() => next.abandon());
  const other = admin(t, next);
  await other.doc('c/a').delete();
  await other.doc('c/b').set({ n: 2 });
  const after = await told.until(has('b', 'c'));
  const changes = after.docChanges().map(({ type, doc }) => `${type} ${doc.id}`);
  assert.deepEqual(changes.sort(), ['modified b', 'removed a']);
  told.stop();
  await db.terminate();
  await other.terminate();
  await next.stop();
});

test('who may not read is told so', async (t) => {
  const { server, projectId } = await safeServer(t);
  const plain = { host: '127.0.0.1', port: server.port, ssl: false };
  const db = new Firestore({ projectId, ...plain, customHeaders: { Authorization: 'Bearer nobody' } });
  t.after(() => db.terminate());
  const told = follow(t, (next, error) => db.doc('a/b').onSnapshot(next, error));
  // The SDK tries again and again; nothing is ever told.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  assert.equal(told.seen.filter(({ snapshot }) => snapshot).length, 0);
  told.stop();
});

/** A client app. */
function app(t, server, name) {
  const made = initializeApp({ projectId: 'demo-firekeep', apiKey: 'fake' }, name);
  t.after(() => deleteApp(made));
  const db = sdk.getFirestore(made);
  sdk.connectFirestoreEmulator(db, '127.0.0.1', server.port);
  return db;
}

const CLIENT_CASES = {
  async 'reads and writes'(t, db) {
    const ref = sdk.doc(db, 'crud/a');
    assert.equal((await sdk.getDoc(ref)).exists(), false);
    await sdk.setDoc(ref, { n: 1, at: sdk.serverTimestamp(), list: [1] });
    await sdk.updateDoc(ref, { n: sdk.increment(2), list: sdk.arrayUnion(2) });
    const read = await sdk.getDocFromServer(ref);
    assert.deepEqual([read.get('n'), read.get('list')], [3, [1, 2]]);
    assert.ok(read.get('at') instanceof sdk.Timestamp);
    await assert.rejects(sdk.updateDoc(sdk.doc(db, 'crud/none'), { n: 1 }), { code: 'not-found' });
    // The stream that was refused is opened again.
    await sdk.setDoc(sdk.doc(db, 'crud/b'), { n: 2 });
    const found = await sdk.getDocs(sdk.query(sdk.collection(db, 'crud'), sdk.orderBy('n', 'desc')));
    assert.deepEqual(ids(found), ['a', 'b']);
    await sdk.deleteDoc(ref);
    assert.equal((await sdk.getDocFromServer(ref)).exists(), false);
    const count = await sdk.getCountFromServer(sdk.collection(db, 'crud'));
    assert.equal(count.data().count, 1);
  },

  async 'many writes at once, in their order'(t, db) {
    const ref = sdk.doc(db, 'order/a');
    const writes = Array.from({ length: 60 }, (_, n) => sdk.setDoc(ref, { n, list: sdk.arrayUnion(n) }, { merge: true }));
    await Promise.all(writes);
    const read = await sdk.getDocFromServer(ref);
    assert.deepEqual(read.get('list'), Array.from({ length: 60 }, (_, n) => n));
  },

  async 'transactions'(t, db) {
    const ref = sdk.doc(db, 'tx/a');
    await Promise.all(
      [1, 2, 3].map(() =>
        sdk.runTransaction(db, async (tx) => {
          const n = (await tx.get(ref)).get('n') ?? 0;
          tx.set(ref, { n: n + 1 });
        }),
      ),
    );
    assert.equal((await sdk.getDocFromServer(ref)).get('n'), 3);
  },

  async 'listens, and is told by others'(t, db, other) {
    const all = sdk.query(sdk.collection(db, 'shared'), sdk.where('open', '==', true), sdk.orderBy('n'));
    const told = follow(t, (next, error) => sdk.onSnapshot(all, { includeMetadataChanges: true }, next, error));
    const settled = (...wanted) => (snapshot) => !snapshot.metadata.fromCache && has(...wanted)(snapshot);
    await told.until(settled());
    await sdk.setDoc(sdk.doc(other, 'shared/a'), { open: true, n: 2 });
    await told.until(settled('a'));
    await sdk.setDoc(sdk.doc(db, 'shared/b'), { open: true, n: 1 });
    await told.until((snapshot) => settled('b', 'a')(snapshot) && !snapshot.metadata.hasPendingWrites);
    await sdk.updateDoc(sdk.doc(other, 'shared/a'), { open: false });
    await told.until(settled('b'));
    await sdk.deleteDoc(sdk.doc(other, 'shared/b'));
    await told.until(settled());
  },

  async 'limits'(t, db, other) {
    const all = sdk.collection(other, 'top');
    for (let n = 1; n <= 4; n += 1) await sdk.setDoc(sdk.doc(all, `d${n}`), { n });
    const top = sdk.query(sdk.collection(db, 'top'), sdk.orderBy('n', 'desc'), sdk.limit(2));
    const told = follow(t, (next, error) => sdk.onSnapshot(top, next, error));
    await told.until(has('d4', 'd3'));
    await sdk.deleteDoc(sdk.doc(all, 'd4'));
    await told.until(has('d3', 'd2'));
    await sdk.setDoc(sdk.doc(all, 'd1'), { n: 9 });
    await told.until(has('d1', 'd3'));
  },

  async 'goes offline, and catches up'(t, db, other) {
    const all = sdk.collection(db, 'away');
    for (const id of ['a', 'b', 'c']) await sdk.setDoc(sdk.doc(other, `away/${id}`), { n: 1 });
    const told = follow(t, (next, error) => sdk.onSnapshot(all, { includeMetadataChanges: true }, next, error));
    await told.until((snapshot) => !snapshot.metadata.fromCache && has('a', 'b', 'c')(snapshot));
    await sdk.disableNetwork(db);
    await sdk.deleteDoc(sdk.doc(other, 'away/a'));
    await sdk.setDoc(sdk.doc(other, 'away/b'), { n: 2 });
    await sdk.setDoc(sdk.doc(other, 'away/d'), { n: 1 });
    await sdk.enableNetwork(db);
    const after = await told.until((snapshot) => !snapshot.metadata.fromCache && has('b', 'c', 'd')(snapshot));
    assert.equal(after.docs[0].get('n'), 2);
  },

  async 'a bad path is an error of its listener, twice'(t, db) {
    for (let n = 0; n < 2; n += 1) {
      const told = follow(t, (next, error) => sdk.onSnapshot(sdk.collection(db, 'a/__badpath__/b'), next, error));
      await assert.rejects(told.until(() => true), { code: 'invalid-argument' });
    }
    assert.equal((await sdk.getDocFromServer(sdk.doc(db, 'a/b'))).exists(), false);
  },

  async 'forty listeners come and go'(t, db, other) {
    for (let round = 0; round < 3; round += 1) {
      const listeners = Array.from({ length: 40 }, (_, n) =>
        follow(t, (next, error) => sdk.onSnapshot(sdk.doc(db, `busy/${n % 7}`), next, error)),
      );
      for (const told of listeners) await told.until(() => true);
      await sdk.setDoc(sdk.doc(other, 'busy/3'), { round });
      await listeners[3].until((doc) => doc.get('round') === round);
      for (const told of listeners) told.stop();
    }
  },
};

test('the client SDK', async (t) => {
  const server = await devServer(t);
  const [db, other] = [app(t, server, 'one'), app(t, server, 'other')];
  for (const [name, check] of Object.entries(CLIENT_CASES)) await t.test(name, (t) => check(t, db, other));
  await sdk.terminate(db);
  await sdk.terminate(other);
  await server.stop();
});
