/**
 * Listeners while the server is killed with `kill -9` under load, several times over the same data. What each of them
 * sees is compared with a model: at every snapshot, its view is the answer to its query at the snapshot's time, as the
 * server gives it after everything; times never go back; and the last commit is seen. One listener speaks gRPC by hand, with
 * several targets on one stream, and goes on by its tokens as client SDKs do; another one is the server SDK.
 */

import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';

import Gapic, { Firestore } from '@google-cloud/firestore';
import gax from 'google-gax';

import { Server, temporaryFolder } from './harness.mjs';

const { grpc } = gax;

const PROJECT = 'demo-listen';
const DATABASE = `projects/${PROJECT}/databases/(default)`;
const DOCUMENTS = `${DATABASE}/documents`;
const WRITERS = 16;
const IDS = 40;
/** After how many acknowledged commits the server is killed, per round. */
const ROUNDS = [5, 150, 400, 250, 600];
/** Snapshots of a listener that are compared; of more, evenly many are left out. */
const COMPARED_MAX = 100;
const AGAIN_MILLIS = 30;
const LAST_MILLIS_MAX = 60_000;

const sleep = (millis) => new Promise((resolve) => setTimeout(resolve, millis));
const nameOf = (id) => `${DOCUMENTS}/c/${id}`;
const micros = ({ seconds, nanos }) => BigInt(seconds) * 1_000_000n + BigInt(Math.trunc((nanos ?? 0) / 1000));
const microsOfText = (text) => {
  const [, whole, part = ''] = /^(.*?)(?:\.(\d+))?Z$/.exec(text);
  return BigInt(Date.parse(`${whole}Z`)) * 1000n + BigInt(part.padEnd(6, '0').slice(0, 6));
};
const asTime = (time) => ({ seconds: String(time / 1_000_000n), nanos: Number(time % 1_000_000n) * 1000 });

const all = { from: [{ collectionId: 'c' }] };
const byN = { field: { fieldPath: 'n' }, direction: 'ASCENDING' };
/** Targets: queries, and one of documents. */
const QUERIES = {
  1: all,
  3: {
    ...all,
    where: { fieldFilter: { field: { fieldPath: 'n' }, op: 'GREATER_THAN_OR_EQUAL', value: { integerValue: 500 } } },
  },
  5: { ...all, orderBy: [byN], limit: { value: 5 } },
};
const NAMED = 7;
const NAMES = [0, 1, 2].map(nameOf);

const shown = ({ fields, updateTime }) => `${fields.n.integerValue}@${micros(updateTime)}`;
const sorted = (view) => [...view].sort(([a], [b]) => (a < b ? -1 : 1));

function clientOf(server) {
  return new Gapic.v1.FirestoreClient({
    servicePath: '127.0.0.1',
    port: server.port,
    sslCreds: grpc.credentials.createInsecure(),
    'grpc.initial_reconnect_backoff_ms': 50,
    'grpc.max_reconnect_backoff_ms': 200,
  });
}

const METADATA = new grpc.Metadata();
METADATA.set('authorization', 'Bearer owner');

/** A client with several targets on one stream: what it has seen, and how far it can go on. */
class Listener {
  snapshots = [];
  streams = 0;
  /** Target → its documents, as of the last snapshot; and the token for it. */
  views = new Map();
  tokens = new Map();
  newest = 0n;

  constructor(stub) {
    this.stub = stub;
    this.open();
  }

  open() {
    this.streams += 1;
    // What came behind the last snapshot is forgotten.
    this.draft = new Map([...this.views].map(([id, view]) => [id, new Map(view)]));
    this.active = new Set();
    this.current = new Set();
    this.versions = new Map();
    const call = this.stub.listen(METADATA);
    this.call = call;
    call.on('data', (message) => {
      try {
        this.take(message);
      } catch (error) {
        this.error ??= error;
      }
    });
    let ended = false;
    const again = () => {
      if (ended || this.stopped) return;
      ended = true;
      setTimeout(() => this.open(), AGAIN_MILLIS);
    };
    call.on('error', again).on('end', again);
    for (const id of [...Object.keys(QUERIES).map(Number), NAMED]) {
      const what =
        id === NAMED
          ? { documents: { documents: NAMES } }
          : { query: { parent: DOCUMENTS, structuredQuery: QUERIES[id] } };
      const token = this.tokens.get(id);
      const resumed = token && { resumeToken: token, expectedCount: { value: this.views.get(id).size } };
      call.write({ database: DATABASE, addTarget: { ...what, targetId: id, ...resumed } });
    }
  }

  take({ targetChange, documentChange, documentDelete, documentRemove, filter }) {
    if (targetChange) return this.target(targetChange);
    assert.ok(!filter, 'the server doubts what the client holds');
    const change = documentChange ?? documentDelete ?? documentRemove;
    const name = documentChange ? documentChange.document.name : change.document;
    const id = name.split('/').at(-1);
    if (documentChange) {
      const version = micros(documentChange.document.updateTime);
      assert.ok(version >= (this.versions.get(id) ?? 0n), `${id} is told in an old state behind a newer one`);
      this.versions.set(id, version);
    }
    for (const target of change.removedTargetIds) this.viewOf(target).delete(id);
    for (const target of change.targetIds ?? []) this.viewOf(target).set(id, shown(documentChange.document));
  }

  viewOf(target) {
    assert.ok(this.active.has(target), `the target ${target} is not active`);
    return this.draft.get(target);
  }

  target({ targetChangeType: type, targetIds, readTime, resumeToken, cause }) {
    const [id] = targetIds;
    assert.ok(!cause, JSON.stringify(cause));
    if (type === 'ADD') {
      assert.ok(!this.active.has(id));
      this.active.add(id);
      if (!this.draft.has(id)) this.draft.set(id, new Map());
    } else if (type === 'RESET') this.viewOf(id).clear();
    else if (type === 'CURRENT') this.current.add(id);
    else {
      assert.equal(type, 'NO_CHANGE');
      assert.deepEqual(targetIds, []);
      const time = micros(readTime);
      assert.ok(time >= this.newest, 'times go back');
      assert.deepEqual([...this.active], [...this.current], 'a snapshot while a target loads');
      this.newest = time;
      const views = new Map();
      for (const target of this.active) {
        views.set(target, new Map(this.draft.get(target)));
        this.tokens.set(target, resumeToken);
      }
      this.views = new Map([...this.views, ...views]);
      this.snapshots.push({ time, views });
      this.versions.clear();
    }
  }

  stop() {
    this.stopped = true;
    this.call.cancel();
  }
}

/** What a target is at a time, as the server says. */
function answer(stub, target, time) {
  const readTime = asTime(time);
  const call =
    target === NAMED
      ? stub.batchGetDocuments({ database: DATABASE, documents: NAMES, readTime }, METADATA)
      : stub.runQuery({ parent: DOCUMENTS, structuredQuery: QUERIES[target], readTime }, METADATA);
  return new Promise((resolve, reject) => {
    const view = new Map();
    call.on('data', ({ document, found }) => {
      const there = document ?? found;
      if (there) view.set(there.name.split('/').at(-1), shown(there));
    });
    call.on('error', reject).on('end', () => resolve(view));
  });
}

async function commit(server, writes) {
  const url = `${server.url}/v1/${DOCUMENTS}:commit`;
  const reply = await fetch(url, { method: 'POST', body: JSON.stringify({ writes }) });
  const body = await reply.json();
  // It lost against others too often, and was not made.
  if (body.error?.status === 'ABORTED') return 0n;
  assert.ok(reply.ok, JSON.stringify(body));
  return microsOfText(body.commitTime);
}

function someWrites() {
  const ids = new Set(Array.from({ length: 1 + Math.trunc(Math.random() * 3) }, () => Math.trunc(Math.random() * IDS)));
  return [...ids].map((id) => {
    if (Math.random() < 0.2) return { delete: nameOf(id) };
    const n = { integerValue: String(Math.trunc(Math.random() * 1000)) };
    return { update: { name: nameOf(id), fields: { n } } };
  });
}

/** Writes until the server has acknowledged so many commits, and is killed. */
async function write(server, until) {
  let acknowledged = 0;
  let newest = 0n;
  let killed;
  const writer = async () => {
    while (!killed) {
      try {
        const time = await commit(server, someWrites());
        if (time === 0n) continue;
        if (time > newest) newest = time;
      } catch (error) {
        const early = !killed;
        killed ??= server.kill();
        assert.ok(!early, `before the kill: ${error.stack}`);
        return;
      }
      acknowledged += 1;
      if (acknowledged >= until) killed ??= server.kill();
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, writer));
  await killed;
  return newest;
}

function some(snapshots) {
  const every = Math.ceil(snapshots.length / COMPARED_MAX);
  return snapshots.filter((_, n) => n % every === 0 || n === snapshots.length - 1);
}

async function becomes(reached, what) {
  const until = Date.now() + LAST_MILLIS_MAX;
  while (!reached()) {
    assert.ok(Date.now() < until, what);
    await sleep(20);
  }
}

test('listeners see exactly the commits across kill -9', { timeout: 240_000 }, async (t) => {
  const data = path.join(await temporaryFolder(t), 'data');
  const first = await Server.start({ data, dev: true });
  let server = first;
  t.after(() => server.abandon());
  const client = clientOf(server);
  const stub = await client.initialize();
  const listener = new Listener(stub);
  t.after(() => listener.stop());

  process.env.FIRESTORE_EMULATOR_HOST = `127.0.0.1:${server.port}`;
  const db = new Firestore({ projectId: PROJECT });
  delete process.env.FIRESTORE_EMULATOR_HOST;
  t.after(() => db.terminate());
  const told = [];
  const stop = db.collection('c').onSnapshot((snapshot) => {
    const time = micros({ seconds: snapshot.readTime.seconds, nanos: snapshot.readTime.nanoseconds });
    const version = ({ seconds, nanoseconds }) => micros({ seconds, nanos: nanoseconds });
    const view = new Map(snapshot.docs.map((doc) => [doc.id, `${doc.get('n')}@${version(doc.updateTime)}`]));
    told.push({ time, view });
  });
  t.after(stop);

  await becomes(() => told.length > 0 && listener.snapshots.length > 0, 'nothing is seen');
  for (const until of ROUNDS) {
    const newest = await write(server, until);
    server = await first.again();
    await becomes(() => listener.error || listener.newest >= newest, 'the commits before the kill are not seen');
    assert.ifError(listener.error);
  }
  const last = await commit(server, [{ update: { name: nameOf(0), fields: { n: { integerValue: '7' } } } }]);
  await becomes(() => listener.error || listener.newest >= last, 'the last commit is not seen');
  await becomes(() => told.at(-1)?.time >= last, 'the server SDK does not see the last commit');
  assert.ifError(listener.error);

  assert.ok(listener.streams > ROUNDS.length);
  for (const { time, views } of some(listener.snapshots)) {
    for (const [target, view] of views) {
      const model = await answer(stub, target, time);
      assert.deepEqual(sorted(view), sorted(model), `the target ${target} at ${time}`);
    }
  }
  let before = 0n;
  for (const { time, view } of some(told)) {
    assert.ok(time >= before, 'times go back');
    before = time;
    assert.deepEqual(sorted(view), sorted(await answer(stub, 1, time)), `the server SDK at ${time}`);
  }
  t.diagnostic(
    `${listener.snapshots.length} snapshots over ${listener.streams} streams, ${told.length} of the server SDK`,
  );
  stop();
  listener.stop();
  await db.terminate();
  await client.close();
  await server.stop();
});
