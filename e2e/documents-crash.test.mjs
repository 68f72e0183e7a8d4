/**
 * `kill -9` while 64 writers commit documents, several times over the same data: every acknowledged write is there
 * afterwards, a batch whole or not at all, a counter counts every acknowledged increment, and `firekeep verify` finds
 * the index entries of each document. Over REST by hand: an SDK would try again by itself, and then nobody knows what a
 * commit that was not answered did.
 */

import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';

import { Server, run, temporaryFolder } from './harness.mjs';

const DATABASE = 'projects/demo-crash/databases/(default)';
const DOCUMENTS = `${DATABASE}/documents`;
const WRITERS = 64;
const COUNTERS = 8;
const BATCH = 3;
/** After how many acknowledged commits the server is killed, per round. */
const ROUNDS = [1, 40, 150, 400];

const integer = (n) => ({ integerValue: String(n) });
const update = (name, fields) => ({ update: { name: `${DOCUMENTS}/${name}`, fields } });
const number = (fields) => Number(fields?.n?.integerValue ?? 0);

/** A method of the service; a refusal is an error with its `status`. */
async function call(server, method, body) {
  const url = `${server.url}/v1/${DOCUMENTS}:${method}`;
  const answer = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
  const parsed = await answer.json();
  if (answer.ok) return parsed;
  const { error } = Array.isArray(parsed) ? parsed[0] : parsed;
  throw Object.assign(new Error(`${method}: ${JSON.stringify(error)}`), { status: error.status });
}

/** The documents of a query: id → fields, in the order of the answer. */
async function query(server, collectionId, where) {
  const structuredQuery = { from: [{ collectionId }], where };
  const rows = await call(server, 'runQuery', { structuredQuery });
  const found = rows.flatMap(({ document }) => (document ? [document] : []));
  return new Map(found.map(({ name, fields }) => [name.split('/').at(-1), fields]));
}

/** What a document of `sets` holds: scalars, an array and a map, so that it has many index entries. */
const valueOf = (n) => ({
  n: integer(n),
  text: { stringValue: `value ${n}` },
  tags: { arrayValue: { values: [integer(n % 3), { stringValue: 'all' }] } },
  deep: { mapValue: { fields: { n: integer(n) } } },
});

/** What the writers were told, and what they tried. */
class Ledger {
  /** Document → the newest value that was acknowledged, and the newest that was sent. */
  sets = new Map();
  /** Batch → whether it was acknowledged. */
  batches = new Map();
  /** Counter → acknowledged increments, and those that were sent. */
  counters = new Map();
  acknowledged = 0;

  async set(server, id, n) {
    const known = this.sets.get(id) ?? { acknowledged: 0, tried: 0 };
    this.sets.set(id, known);
    known.tried = n;
    await call(server, 'commit', { writes: [update(`sets/${id}`, valueOf(n))] });
    known.acknowledged = n;
  }

  async batch(server, id) {
    this.batches.set(id, false);
    const part = (n) => update(`batches/${id}.${n}`, { n: integer(n) });
    await call(server, 'commit', { writes: Array.from({ length: BATCH }, (_, n) => part(n)) });
    this.batches.set(id, true);
  }

  async increment(server, counter) {
    const known = this.counters.get(counter) ?? { acknowledged: 0, tried: 0 };
    this.counters.set(counter, known);
    let retryTransaction;
    for (;;) {
      const options = { readWrite: { retryTransaction } };
      const { transaction } = await call(server, 'beginTransaction', { options });
      const documents = [`${DOCUMENTS}/counters/${counter}`];
      const [{ found }] = await call(server, 'batchGet', { documents, transaction });
      const writes = [update(`counters/${counter}`, { n: integer(number(found?.fields) + 1) })];
      known.tried += 1;
      try {
        await call(server, 'commit', { writes, transaction });
        known.acknowledged += 1;
        return;
      } catch (error) {
        if (error.status !== 'ABORTED') throw error;
        known.tried -= 1;
        retryTransaction = transaction;
      }
    }
  }
}

/** One writer: all kinds of commits in turn, until one fails because the server is gone. */
async function write({ ledger, server, round, index, acknowledge, isKilled }) {
  for (let n = 1; !isKilled(); n += 1) {
    const kind = (n + index) % 3;
    try {
      if (kind === 0) await ledger.set(server, index, round * 1_000_000 + n);
      else if (kind === 1) await ledger.batch(server, `${round}-${index}-${n}`);
      else await ledger.increment(server, index % COUNTERS);
    } catch (error) {
      assert.ok(isKilled(), `before the kill: ${error.stack}`);
      return;
    }
    acknowledge();
  }
}

/** That the data is what the ledger says. What is there now has to stay, so the ledger takes it down. */
async function check(server, ledger) {
  const [sets, batches, counters] = await Promise.all(
    ['sets', 'batches', 'counters'].map((name) => query(server, name)),
  );
  for (const [id, known] of ledger.sets) {
    const fields = sets.get(String(id));
    const n = number(fields);
    const shown = `sets/${id}: ${n}, and ${known.acknowledged} was acknowledged, ${known.tried} sent`;
    assert.ok(n === known.acknowledged || n === known.tried, shown);
    if (fields) assert.deepEqual(fields, valueOf(n));
    Object.assign(known, { acknowledged: n, tried: n });
  }
  let unheard = 0;
  for (const [id, acknowledged] of ledger.batches) {
    const there = Array.from({ length: BATCH }, (_, n) => batches.get(`${id}.${n}`)).filter(Boolean);
    assert.ok(there.length === BATCH || there.length === 0, `batch ${id}: ${there.length} of ${BATCH}`);
    assert.deepEqual(there.map(number), [...there.keys()]);
    assert.ok(there.length === BATCH || !acknowledged, `batch ${id} was acknowledged`);
    if (acknowledged) continue;
    unheard += there.length === BATCH;
    if (there.length === BATCH) ledger.batches.set(id, true);
    else ledger.batches.delete(id);
  }
  assert.equal(batches.size, BATCH * ledger.batches.size);
  for (const [id, known] of ledger.counters) {
    const n = number(counters.get(String(id)));
    const shown = `counters/${id}: ${n}, and ${known.acknowledged} were acknowledged, ${known.tried} sent`;
    assert.ok(n >= known.acknowledged && n <= known.tried, shown);
    Object.assign(known, { acknowledged: n, tried: n });
  }
  // The indexes answer what the documents say.
  for (const rest of [0, 1, 2]) {
    const tagged = { field: { fieldPath: 'tags' }, op: 'ARRAY_CONTAINS', value: integer(rest) };
    const found = await query(server, 'sets', { fieldFilter: tagged });
    const expected = [...sets].filter(([, fields]) => number(fields) % 3 === rest);
    assert.deepEqual([...found.keys()], expected.map(([id]) => id));
  }
  return { documents: sets.size + batches.size + counters.size, unheard };
}

/** `firekeep verify` on the folder of a server that is gone: nothing is damaged. What it counted. */
async function isSound(data) {
  const { code, stdout, stderr } = await run(['verify', '--data', data, '--json']);
  assert.equal(code, 0, stdout + stderr);
  const answer = JSON.parse(stdout);
  assert.deepEqual(answer.problems, []);
  const found = answer.databases.find(({ name }) => name === DATABASE);
  assert.equal(found.faults, 0);
  return found;
}

test('kill -9 keeps every acknowledged commit of documents', { timeout: 240_000 }, async (t) => {
  const data = path.join(await temporaryFolder(t), 'data');
  const ledger = new Ledger();
  const first = await Server.start({ data, dev: true });
  let server = first;
  t.after(() => server.abandon());
  for (const [round, until] of ROUNDS.entries()) {
    await t.test(`after ${until} acknowledged commits of ${WRITERS} writers`, async (s) => {
      const before = ledger.acknowledged;
      let killed;
      const acknowledge = () => {
        ledger.acknowledged += 1;
        if (ledger.acknowledged - before >= until) killed ??= server.kill();
      };
      const isKilled = () => killed !== undefined;
      const writer = (_, index) => write({ ledger, server, round, index, acknowledge, isKilled });
      await Promise.all(Array.from({ length: WRITERS }, writer));
      await killed;
      // As the kill left it; then what a server makes of it.
      const sound = await isSound(data);
      server = await first.again();
      const { documents, unheard } = await check(server, ledger);
      assert.equal(sound.documents, documents);
      assert.ok(sound.indexEntries >= documents);
      s.diagnostic(
        `${ledger.acknowledged - before} acknowledged, ${unheard} batches more were made; ` +
          `${documents} documents, ${sound.indexEntries} index entries`,
      );
    });
  }
  await t.test('the data is sound after a graceful end', async () => {
    const { documents } = await check(server, ledger);
    await server.stop();
    assert.equal((await isSound(data)).documents, documents);
  });
});
