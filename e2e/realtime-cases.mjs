/**
 * What pages do with Firestore, in whichever browser: functions that run in the page of `pages.mjs`, each whole in itself.
 * They throw when something is not as it should be.
 */

/** Names of the listeners of `listenToAll`. */
export const KINDS = [
  'all', 'equal', 'less', 'between', 'different', 'in', 'notIn', 'contains', 'containsAny', 'ordered', 'first', 'last',
  'from', 'or', 'and', 'group', 'below', 'ids',
];

/** Creates, reads, changes and deletes. */
export async function crud() {
  const { fs, db } = window.fk;
  const same = (found, expected, what) => {
    if (JSON.stringify(found) !== JSON.stringify(expected)) {
      throw new Error(`${what}: ${JSON.stringify(found)} is not ${JSON.stringify(expected)}`);
    }
  };
  const folder = fs.collection(db, `crud/${Math.random()}/c`);
  const where = fs.doc(folder, 'é漢😀');
  const values = {
    text: 'é漢😀 \u2028 "\\',
    whole: 9007199254740991,
    part: -0.5,
    huge: Number.MAX_VALUE,
    yes: true,
    nothing: null,
    list: [1, 'two', { three: 3 }],
    map: { a: { b: { c: 1 } }, 'a.b`c': 'dots' },
  };
  await fs.setDoc(where, values);
  same((await fs.getDocFromServer(where)).data().text, values.text, 'text');
  const special = {
    time: fs.Timestamp.fromMillis(1_234_567_890_123),
    bytes: fs.Bytes.fromUint8Array(new Uint8Array([0, 255, 128])),
    place: new fs.GeoPoint(47.5, -122.25),
    link: where,
    vector: fs.vector([1, 2.5, -3]),
    nan: NaN,
    endless: -Infinity,
  };
  const other = fs.doc(folder, 'special');
  await fs.setDoc(other, special);
  const read = (await fs.getDocFromServer(other)).data();
  same(read.time.toMillis(), 1_234_567_890_123, 'time');
  same(read.bytes.toBase64(), 'AP+A', 'bytes');
  same([read.place.latitude, read.place.longitude], [47.5, -122.25], 'place');
  same(read.link.path, where.path, 'link');
  same(read.vector.toArray(), [1, 2.5, -3], 'vector');
  same([Number.isNaN(read.nan), read.endless === -Infinity], [true, true], 'numbers');

  const whole = (await fs.getDocFromServer(where)).data();
  for (const [name, value] of Object.entries(values)) {
    const sorted = (it) =>
      it && typeof it === 'object' && !Array.isArray(it)
        ? Object.fromEntries(Object.keys(it).sort().map((key) => [key, sorted(it[key])]))
        : it;
    same(sorted(whole[name]), sorted(value), name);
  }
  await fs.updateDoc(where, { 'map.a.b': fs.deleteField(), whole: 2 });
  await fs.setDoc(where, { more: 1 }, { merge: true });
  const changed = (await fs.getDoc(where)).data();
  same([changed.map.a, changed.whole, changed.more, changed.yes], [{}, 2, 1, true], 'changed');

  const added = await fs.addDoc(folder, { n: 1 });
  same((await fs.getDoc(added)).data(), { n: 1 }, 'added');
  const batch = fs.writeBatch(db);
  batch.set(fs.doc(folder, 'b1'), { n: 2 });
  batch.update(added, { n: 3 });
  batch.delete(other);
  await batch.commit();
  same((await fs.getDocsFromServer(folder)).docs.map((found) => found.data().n ?? null).sort(), [2, 3, null], 'batch');
  same((await fs.getDocFromServer(other)).exists(), false, 'deleted');
  const failed = await fs.updateDoc(other, { n: 1 }).then(() => 'updated', (error) => error.code);
  same(failed, 'not-found', 'what is not there cannot be updated');
  await fs.runTransaction(db, async (transaction) => {
    const { n } = (await transaction.get(added)).data();
    transaction.update(added, { n: n + 1 });
  });
  same((await fs.getDocFromServer(added)).data(), { n: 4 }, 'transaction');
  same((await fs.getCountFromServer(folder)).data().count, 3, 'count');
  await fs.deleteDoc(where);
  same((await fs.getDoc(where)).exists(), false, 'deleted');
  return 'done';
}

/** Every transform, and what the server makes of it. */
export async function transforms() {
  const { fs, db } = window.fk;
  const where = fs.doc(db, `transforms/${Math.random()}`);
  await fs.setDoc(where, { n: 1, list: ['a', 'b'], keep: 'k' });
  await fs.updateDoc(where, {
    n: fs.increment(2.5),
    list: fs.arrayUnion('b', 'é漢😀'),
    at: fs.serverTimestamp(),
    'deep.count': fs.increment(7),
  });
  await fs.updateDoc(where, { list: fs.arrayRemove('a'), big: fs.increment(Number.MAX_SAFE_INTEGER) });
  const { at, ...rest } = (await fs.getDocFromServer(where)).data();
  const expected = {
    n: 3.5,
    keep: 'k',
    list: ['b', 'é漢😀'],
    deep: { count: 7 },
    big: Number.MAX_SAFE_INTEGER,
  };
  const sorted = (it) => JSON.stringify(Object.entries(it).sort());
  if (sorted(rest) !== sorted(expected)) throw new Error(JSON.stringify(rest));
  if (Math.abs(at.toMillis() - Date.now()) > 60_000) throw new Error(`the server's time is ${at.toDate()}`);
  return 'done';
}

/** A page's own writes are seen at once, and then as the server has them. */
export async function latency() {
  const { fs, db, listen, until, newest, listeners } = window.fk;
  const where = fs.doc(db, `latency/${Math.random()}`);
  listen('latency', where, { includeMetadataChanges: true });
  await until(() => newest('latency') && !newest('latency').fromCache);
  listeners.latency.events.length = 0;
  const write = fs.setDoc(where, { text: 'é漢😀', at: fs.serverTimestamp() });
  // Told before anything was sent.
  await until(() => newest('latency'), 1000);
  const first = listeners.latency.events[0];
  const [own] = Object.values(first.docs);
  if (!first.pending || own.text !== 'é漢😀' || own.at !== null) throw new Error(JSON.stringify(first));
  await write;
  await until(() => !newest('latency').pending);
  const [stored] = Object.values(newest('latency').docs);
  if (stored.text !== 'é漢😀' || !stored.at) throw new Error(JSON.stringify(stored));
  listeners.latency.stop();
  return 'done';
}

/** Listens to every kind of query, and waits until each has an answer of the server. */
export async function listenToAll() {
  const { fs, db, listen, until, newest, listeners } = window.fk;
  const { query, where, orderBy, limit, limitToLast } = fs;
  const c = fs.collection(db, 'kinds');
  const queries = {
    all: query(c),
    equal: query(c, where('a', '==', 1)),
    less: query(c, where('a', '<', 3)),
    between: query(c, where('a', '>=', 1), where('a', '<', 4), orderBy('a', 'desc')),
    different: query(c, where('a', '!=', 2)),
    in: query(c, where('a', 'in', [1, 3, 'x'])),
    notIn: query(c, where('a', 'not-in', [1, 3])),
    contains: query(c, where('tags', 'array-contains', 't1')),
    containsAny: query(c, where('tags', 'array-contains-any', ['t0', 't2'])),
    ordered: query(c, orderBy('a'), orderBy('at', 'desc')),
    first: query(c, orderBy('at'), limit(5)),
    last: query(c, orderBy('at'), limitToLast(4)),
    from: query(c, orderBy('a'), fs.startAt(1), fs.endBefore(4)),
    or: query(c, fs.or(where('a', '==', 1), where('tags', 'array-contains', 't2'))),
    and: query(c, where('a', '==', 2), where('tags', 'array-contains', 't1'), orderBy('at'), limit(3)),
    group: query(fs.collectionGroup(db, 'inner'), where('a', '>', 1)),
    below: query(fs.collection(db, 'kinds/d1/inner')),
    ids: query(c, where(fs.documentId(), 'in', ['d1', 'd2', 'd30'])),
  };
  for (const [name, of] of Object.entries(queries)) {
    listen(name, of, { includeMetadataChanges: true });
    listeners[name].query = of;
  }
  await until(() => Object.keys(queries).every((name) => newest(name) && !newest(name).fromCache));
}

/** Some writes in one batch, which depend on a number alone. */
export async function changeAtRandom(seed) {
  const { fs, db } = window.fk;
  let state = seed * 7919 + 17;
  const below = (limit) => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor((state / 2147483648) * limit);
  };
  const batch = fs.writeBatch(db);
  for (let n = 0; n < 8; n += 1) {
    const inner = below(4) === 0;
    const name = inner ? `kinds/d${below(3)}/inner/i${below(6)}` : `kinds/d${below(40)}`;
    if (below(5) === 0) {
      batch.delete(fs.doc(db, name));
    } else {
      const tags = ['t0', 't1', 't2'].filter(() => below(2));
      batch.set(fs.doc(db, name), { a: below(5), at: seed * 100 + n, tags });
    }
  }
  await batch.commit();
}
