/**
 * Documents over REST: plain `fetch`, and the unmodified `firebase/firestore/lite` SDK, which speaks nothing else.
 * Firestore specification, section 8.
 */

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';

import { deleteApp, initializeApp } from 'firebase/app';
import {
  Bytes,
  GeoPoint,
  Timestamp,
  addDoc,
  arrayUnion,
  average,
  collection,
  collectionGroup,
  connectFirestoreEmulator,
  count,
  deleteDoc,
  deleteField,
  doc,
  endAt,
  getAggregate,
  getCount,
  getDoc,
  getDocs,
  getFirestore,
  increment,
  limit,
  or,
  orderBy,
  query,
  runTransaction,
  serverTimestamp,
  setDoc,
  setLogLevel,
  startAfter,
  sum,
  updateDoc,
  vector,
  where,
  writeBatch,
} from 'firebase/firestore/lite';

import { Server, command, customToken, run, safeServer, temporaryFolder } from './harness.mjs';

const PROJECT = 'demo-rest';

// What the SDK is refused, it also prints.
setLogLevel('silent');

let apps = 0;

/** A `Firestore` of the lite SDK; its app is deleted after `context`. */
function lite(context, server, { projectId = PROJECT, databaseId, mockUserToken } = {}) {
  apps += 1;
  const app = initializeApp({ projectId, apiKey: 'fake-key' }, `lite-${apps}`);
  context.after(() => deleteApp(app));
  const firestore = databaseId ? getFirestore(app, databaseId) : getFirestore(app);
  connectFirestoreEmulator(firestore, '127.0.0.1', server.port, { mockUserToken });
  return firestore;
}

const failsWith = (code) => (error) => {
  assert.equal(error.code, code, String(error));
  return true;
};

test('the lite SDK in dev mode', async (t) => {
  const data = path.join(await temporaryFolder(t), 'data');
  const server = await Server.start({ data, dev: true });
  t.after(() => server.abandon());
  const firestore = lite(t, server);

  await t.test('sets, gets, updates and deletes', async () => {
    const ref = doc(firestore, 'rooms/r:1 (a)/messages/ü');
    assert.equal((await getDoc(ref)).exists(), false);
    const value = {
      text: 'Hi',
      n: 7,
      big: 9007199254740991,
      half: 0.5,
      negativeZero: -0,
      nan: NaN,
      infinity: Infinity,
      ok: true,
      nothing: null,
      when: new Timestamp(1_800_000_000, 123_456_000),
      where: new GeoPoint(1.5, -2.5),
      bytes: Bytes.fromUint8Array(new Uint8Array([0, 255, 251])),
      list: [1, 'two', { three: 3 }],
      deep: { a: { 'b.c': [] } },
      vector: vector([1, 2.5]),
    };
    await setDoc(ref, value);
    const found = (await getDoc(ref)).data();
    assert.deepEqual(Object.keys(found).sort(), Object.keys(value).sort());
    for (const name of ['when', 'where', 'bytes', 'vector']) {
      assert.ok(found[name].isEqual(value[name]), name);
      delete found[name];
    }
    const { when, where: place, bytes, vector: near, ...plain } = value;
    assert.deepEqual(found, plain);
    assert.ok(Object.is(found.negativeZero, -0));

    await updateDoc(ref, {
      n: increment(2),
      'deep.a.x': 'new',
      text: deleteField(),
      list: arrayUnion(1, 9),
      at: serverTimestamp(),
    });
    const updated = (await getDoc(ref)).data();
    assert.equal(updated.n, 9);
    assert.deepEqual(updated.deep, { a: { 'b.c': [], x: 'new' } });
    assert.deepEqual(updated.list, [1, 'two', { three: 3 }, 9]);
    assert.ok(!('text' in updated));
    assert.ok(Math.abs(updated.at.toMillis() - Date.now()) < 60_000);

    await setDoc(ref, { merged: 1 }, { merge: true });
    assert.equal((await getDoc(ref)).get('merged'), 1);
    await deleteDoc(ref);
    assert.equal((await getDoc(ref)).exists(), false);
    // The lite SDK knows the HTTP code alone: 404 is this one.
    await assert.rejects(updateDoc(ref, { a: 1 }), failsWith('not-found'));
  });

  await t.test('queries', async () => {
    const cities = collection(firestore, 'cities');
    const batch = writeBatch(firestore);
    const rows = [
      ['bj', { name: 'Beijing', people: 21_500_000, tags: ['north', 'capital'] }],
      ['la', { name: 'Los Angeles', people: 3_900_000, tags: ['west'] }],
      ['sf', { name: 'San Francisco', people: 860_000, tags: ['west', 'bay'] }],
      ['tok', { name: 'Tokyo', people: 9_000_000, tags: ['capital'] }],
    ];
    for (const [id, city] of rows) batch.set(doc(cities, id), city);
    batch.set(doc(firestore, 'states/ca/cities/sd'), { name: 'San Diego', people: 1_400_000 });
    await batch.commit();
    const ids = async (...parts) => (await getDocs(query(...parts))).docs.map((found) => found.id);
    assert.deepEqual(await ids(cities), ['bj', 'la', 'sf', 'tok']);
    assert.deepEqual(await ids(cities, where('people', '>', 1_000_000), orderBy('people', 'desc')), [
      'bj',
      'tok',
      'la',
    ]);
    assert.deepEqual(await ids(cities, where('tags', 'array-contains', 'west')), ['la', 'sf']);
    assert.deepEqual(await ids(cities, where('name', 'in', ['Tokyo', 'Beijing'])), ['bj', 'tok']);
    assert.deepEqual(
      await ids(cities, or(where('people', '<', 1_000_000), where('name', '==', 'Tokyo'))),
      ['sf', 'tok'],
    );
    assert.deepEqual(await ids(cities, orderBy('people'), startAfter(860_000), endAt(9_000_000)), [
      'la',
      'tok',
    ]);
    assert.deepEqual(await ids(cities, orderBy('name', 'desc'), limit(1)), ['tok']);
    assert.deepEqual(await ids(collectionGroup(firestore, 'cities'), orderBy('people'), limit(2)), [
      'sf',
      'sd',
    ]);
    assert.deepEqual(await ids(collection(firestore, 'none')), []);
    assert.equal((await getCount(cities)).data().count, 4);
    const west = query(cities, where('tags', 'array-contains', 'west'));
    const numbers = await getAggregate(west, {
      total: sum('people'),
      mean: average('people'),
      n: count(),
    });
    assert.deepEqual(numbers.data(), { total: 4_760_000, mean: 2_380_000, n: 2 });
  });

  await t.test('transactions do not lose an increment', async () => {
    const ref = doc(firestore, 'counters/one');
    await setDoc(ref, { n: 0 });
    const add = () =>
      runTransaction(firestore, async (transaction) => {
        const found = await transaction.get(ref);
        transaction.update(ref, { n: found.get('n') + 1 });
      });
    for (const _ of [1, 2, 3]) await Promise.all([add(), add()]);
    assert.equal((await getDoc(ref)).get('n'), 6);
    const missing = doc(firestore, 'counters/new');
    await runTransaction(firestore, async (transaction) => {
      assert.equal((await transaction.get(missing)).exists(), false);
      transaction.set(missing, { made: true });
    });
    assert.equal((await getDoc(missing)).get('made'), true);
  });

  await t.test('another database is apart', async () => {
    const other = lite(t, server, { databaseId: 'second' });
    const { id } = await addDoc(collection(other, 'c'), { a: 1 });
    assert.match(id, /^[A-Za-z0-9]{20}$/);
    assert.equal((await getDoc(doc(other, 'c', id))).get('a'), 1);
    assert.equal((await getDoc(doc(firestore, 'c', id))).exists(), false);
  });

  await t.test('a large document and a long answer', async () => {
    const text = 'x'.repeat(900_000);
    const large = collection(firestore, 'large');
    for (const id of ['a', 'b', 'c', 'd']) await setDoc(doc(large, id), { text });
    const found = await getDocs(large);
    assert.equal(found.docs.length, 4);
    assert.ok(found.docs.every((one) => one.get('text') === text));
    // Many documents in one request: more than any other edge takes.
    const batch = writeBatch(firestore);
    for (let n = 0; n < 8; n += 1) batch.set(doc(large, `m${n}`), { text });
    await batch.commit();
    assert.equal((await getCount(large)).data().count, 12);
  });

  await t.test('test tools empty the database', async () => {
    const emptied = await server.request(
      'DELETE',
      `/emulator/v1/projects/${PROJECT}/databases/(default)/documents`,
    );
    assert.deepEqual([emptied.status, emptied.body], [200, {}]);
    assert.equal((await getCount(collection(firestore, 'large'))).data().count, 0);
  });
});

test('plain requests', async (t) => {
  const data = path.join(await temporaryFolder(t), 'data');
  const server = await Server.start({ data, dev: true });
  t.after(() => server.abandon());
  const root = `${server.url}/v1/projects/${PROJECT}/databases/(default)/documents`;
  const send = async (method, url, body) => {
    const answer = await fetch(url, { method, body: body && JSON.stringify(body) });
    return { status: answer.status, headers: answer.headers, body: await answer.json() };
  };
  const made = await send('POST', `${root}/c?documentId=a%3Ab`, {
    fields: { n: { integerValue: '1' } },
  });
  assert.equal(made.status, 200);
  assert.equal(made.headers.get('content-type'), 'application/json; charset=UTF-8');
  assert.match(made.body.updateTime, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  assert.deepEqual((await send('GET', `${root}/c/a:b`)).body, made.body);
  const encoded = root.replace('(default)', '%28default%29');
  assert.deepEqual((await send('GET', `${encoded}/c/a%3Ab`)).body, made.body);
  const hosted = root.replace('/v1/', '/firestore.googleapis.com/v1/');
  assert.deepEqual((await send('GET', `${hosted}/c/a:b`)).body, made.body);

  const streamed = await send('POST', `${root}:runQuery`, {
    structuredQuery: { from: [{ collectionId: 'c' }] },
  });
  assert.equal(streamed.body.length, 1);
  assert.deepEqual(streamed.body[0].document, made.body);
  const refused = await send('GET', `${root}/c/x`);
  assert.equal(refused.status, 404);
  assert.equal(refused.body.error.status, 'NOT_FOUND');
  assert.equal((await send('POST', `${root}:listen`, {})).status, 501);
  const tooLarge = await send('POST', `${root}:commit`, { x: 'y'.repeat(11 * 1024 * 1024) });
  assert.equal(tooLarge.status, 400);
  assert.equal(tooLarge.body.error.status, 'INVALID_ARGUMENT');
  // A browser on another origin may.
  const preflight = await fetch(`${root}:commit`, {
    method: 'OPTIONS',
    headers: { origin: 'https://app.example.com', 'access-control-request-method': 'POST' },
  });
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers.get('access-control-allow-origin'), 'https://app.example.com');
});

test('safe mode lets administrators only', async (t) => {
  const { server, accounts, projectId, apiKey } = await safeServer(t);
  const root = `/v1/projects/${projectId}/databases/(default)/documents`;
  const token = await customToken(accounts[0].file, 'alice');
  const signedIn = await server.post(`/v1/accounts:signInWithCustomToken?key=${apiKey}`, {
    token,
    returnSecureToken: true,
  });
  assert.equal(signedIn.status, 200, signedIn.text);
  const user = signedIn.body.idToken;
  const unsigned = (part) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const mock = `${unsigned({ alg: 'none' })}.${unsigned({ sub: 'alice', user_id: 'alice' })}.`;
  const commit = { writes: [{ delete: `${root.slice(4)}/c/a` }] };
  for (const [bearer, status] of [
    [undefined, 403],
    [user, 403],
    [mock, 401],
    ['owner', 401],
  ]) {
    for (const answer of [
      await server.get(`${root}/c/a`, { bearer }),
      await server.post(`${root}:commit`, commit, { bearer }),
      await server.request('DELETE', `/emulator${root}`, { bearer }),
    ]) {
      assert.equal(answer.status, status, answer.text);
    }
  }
  const admin = await adminToken(server, accounts[0].key);
  const set = await server.request('PATCH', `${root}/c/a`, {
    bearer: admin,
    body: { fields: { n: { integerValue: 1 } } },
  });
  assert.equal(set.status, 200, set.text);
  assert.equal((await server.get(`${root}/c/a?access_token=${admin}`)).status, 200);
  assert.equal((await server.get(`${root}/c/a`, { bearer: user })).status, 403);
});

/** An access token as Google's libraries get one: by a signed assertion. */
async function adminToken(server, key) {
  const { SignJWT, importPKCS8 } = await import('jose');
  const signer = await importPKCS8(key.private_key, 'RS256');
  const now = Math.floor(Date.now() / 1000);
  const assertion = await new SignJWT({ scope: 'https://www.googleapis.com/auth/datastore' })
    .setProtectedHeader({ alg: 'RS256', kid: key.private_key_id })
    .setIssuer(key.client_email)
    .setAudience('https://oauth2.googleapis.com/token')
    .setIssuedAt(now)
    .setExpirationTime(now + 600)
    .sign(signer);
  const body = new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    assertion,
  });
  const answer = await fetch(`${server.url}/token`, { method: 'POST', body });
  assert.equal(answer.status, 200);
  return (await answer.json()).access_token;
}

test('databases and indexes on the command line', async (t) => {
  const folder = await temporaryFolder(t);
  const data = path.join(folder, 'data');
  const server = await Server.start({ data });
  t.after(() => server.abandon());
  const json = async (...args) => JSON.parse(await command(...args, '--data', data, '--json'));
  await json('databases', 'create', 'staging');
  const { databases } = await json('databases', 'list');
  assert.ok(databases.some(({ id }) => id === 'staging'), JSON.stringify(databases));
  const again = await run(['databases', 'create', 'staging', '--data', data]);
  assert.equal(again.code, 1);

  const file = path.join(folder, 'firestore.indexes.json');
  const declared = {
    indexes: [
      {
        collectionGroup: 'posts',
        queryScope: 'COLLECTION',
        fields: [
          { fieldPath: 'author', order: 'ASCENDING' },
          { fieldPath: 'time', order: 'DESCENDING' },
        ],
      },
    ],
    fieldOverrides: [{ collectionGroup: 'posts', fieldPath: 'text', indexes: [] }],
  };
  await writeFile(file, `// What the app needs.\n${JSON.stringify(declared)}`);
  const deploy = (...more) => json('indexes', 'deploy', '--database', 'staging', ...more, file);
  const first = await deploy();
  assert.equal(first.created.length, 2);
  assert.deepEqual(await deploy(), { created: [], removed: [], unchanged: 2 });
  const list = () => json('indexes', 'list', '--database', 'staging');
  for (let tries = 0; tries < 100 && (await list()).indexes[0].state; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.deepEqual(await list(), declared);
  const mode = (...more) => json('indexes', 'mode', '--database', 'staging', ...more);
  assert.deepEqual(await mode(), { mode: 'auto' });
  assert.deepEqual(await mode('enforce'), { mode: 'enforce' });
  assert.deepEqual(await mode(), { mode: 'enforce' });
  await writeFile(file, '{}');
  assert.equal((await deploy()).kept.length, 2);
  assert.equal((await deploy('--prune')).removed.length, 2);
  assert.deepEqual(await list(), { indexes: [], fieldOverrides: [] });

  const unsure = await run(['databases', 'delete', 'staging', '--data', data]);
  assert.match(unsure.stderr, /--yes/);
  await json('databases', 'delete', 'staging', '--yes');
  const left = (await json('databases', 'list')).databases;
  assert.ok(!left.some(({ id }) => id === 'staging'));
});
