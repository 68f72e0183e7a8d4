/**
 * Random documents and random queries, asked of Firekeep and of the official Firestore emulator over REST: the answers
 * must agree. The emulator is a reference where a machine has it, and no dependency: without it the test is skipped, and
 * says so. Where the specification says that it differs from the real service, `DIFFERENCES` leaves the query out, with
 * the reason.
 *
 * The jar is `FIRESTORE_EMULATOR_JAR`, or in the folder of the Cloud CLI. `FIREKEEP_SEED` is
 * the seed, or `random`.
 */

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readdirSync, realpathSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';

import { Server, temporaryFolder } from './harness.mjs';

const DATABASE = 'projects/demo-oracle/databases/(default)';
const DOCUMENTS = `${DATABASE}/documents`;
/** How long queries are asked; longer where that is not enough for so many. */
const MILLIS = 20_000;
const QUERIES_MIN = 100;
const QUERIES_MAX = 4_000;
const AT_ONCE = 4;
/** The emulator is a Java program: on a loaded machine it takes its time. */
const START_MILLIS_MAX = 60_000;
const SHOWN_MAX = 5;

// ---- the emulator ----

function which(program) {
  try {
    return execFileSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).trim();
  } catch {
    return undefined;
  }
}

/** The emulator's jar, or why there is none. */
function findJar() {
  if (!which('java')) return { missing: 'there is no java' };
  const named = process.env.FIRESTORE_EMULATOR_JAR;
  if (named) return existsSync(named) ? { jar: named } : { missing: `there is no ${named}` };
  const cli = which('gcloud');
  if (!cli) return { missing: 'neither FIRESTORE_EMULATOR_JAR nor the Cloud CLI is there' };
  const platform = path.join(path.dirname(realpathSync(cli)), '..', 'platform');
  const jar = existsSync(platform)
    ? readdirSync(platform)
        .map((name) => path.join(platform, name, 'cloud-firestore-emulator.jar'))
        .find((file) => existsSync(file))
    : undefined;
  return jar ? { jar } : { missing: 'the Cloud CLI has no Firestore emulator' };
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function startEmulator(t, jar) {
  const port = await freePort();
  const main = 'com.google.cloud.datastore.emulator.firestore.CloudFirestore';
  const args = ['-Duser.language=en', '-Xmx1g', '-cp', jar, main, 'start'];
  const child = spawn('java', [...args, '--host', '127.0.0.1', '--port', String(port)], {
    stdio: 'ignore',
  });
  const ended = new Promise((resolve) => child.on('close', resolve));
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const url = `http://127.0.0.1:${port}`;
  for (const until = Date.now() + START_MILLIS_MAX; Date.now() < until; ) {
    if (await fetch(url).then((answer) => answer.ok, () => false)) return { url };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return assert.fail(`the emulator does not serve after ${START_MILLIS_MAX} ms`);
}

// ---- chance ----

/** SplitMix64's little sister: a run is repeated by its seed. */
function seeded(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
  const below = (limit) => next() % limit;
  const pick = (from) => from[below(from.length)];
  const some = (least, most, make) => Array.from({ length: least + below(most - least + 1) }, make);
  return { below, pick, some, chance: (times) => below(times) === 0 };
}

// ---- documents ----

const NULL = { nullValue: null };
const integer = (n) => ({ integerValue: String(n) });
const double = (n) => ({ doubleValue: n });
const string = (text) => ({ stringValue: text });
const reference = (name) => ({ referenceValue: `${DOCUMENTS}/${name}` });
const array = (values) => ({ arrayValue: { values } });
const map = (fields) => ({ mapValue: { fields } });
const vector = (values) => map({ __type__: string('__vector__'), value: array(values.map(double)) });

/** Few values of every type, so that documents share them; numbers whose sums are exact in every order. */
const SCALARS = [
  NULL,
  { booleanValue: false },
  { booleanValue: true },
  double('NaN'),
  double('-Infinity'),
  double(-1.5),
  integer(-1),
  double('-0'),
  integer(0),
  double(0.5),
  integer(1),
  double(1),
  integer(2),
  integer(7),
  { timestampValue: '2020-01-01T00:00:00Z' },
  { timestampValue: '2020-01-01T00:00:00.000001Z' },
  string(''),
  string('a'),
  string('a\u0000'),
  string('ab'),
  string('é'),
  string('\u{1f600}'),
  string('\uff5e'),
  { bytesValue: '' },
  { bytesValue: 'AA==' },
  { bytesValue: '/w==' },
  reference('c/d1'),
  reference('c/d10'),
  reference('c/d1/c/d2'),
  { geoPointValue: { latitude: -1, longitude: 2 } },
  { geoPointValue: { latitude: 1.5, longitude: -2 } },
];

function value(random) {
  const scalar = () => random.pick(SCALARS);
  switch (random.below(10)) {
    case 0:
      return array(random.some(0, 3, scalar));
    case 1:
      return map(Object.fromEntries(random.some(0, 2, () => [random.pick(['x', 'y']), scalar()])));
    case 2:
      return vector(random.some(1, 3, () => random.pick([-1, 0, 1.5])));
    default:
      return scalar();
  }
}

const FIELDS = ['a', 'b', 'm', 'm.x', 'tags', '`odd.name`'];

function fields(random) {
  const made = {};
  for (const name of ['a', 'b', 'odd.name']) if (!random.chance(5)) made[name] = value(random);
  if (!random.chance(3)) made.m = random.chance(4) ? value(random) : map({ x: value(random) });
  if (!random.chance(4)) made.tags = array(random.some(0, 4, () => random.pick(SCALARS)));
  return made;
}

/** Documents of a collection, and of one of the same id below one of them. */
function documents(random) {
  const names = Array.from({ length: 60 }, (_, n) => [`c/d${n}`, `c/d1/c/d${n}`]).flat();
  const there = names.filter(() => !random.chance(5));
  return there.map((name) => ({ name: `${DOCUMENTS}/${name}`, fields: fields(random) }));
}

// ---- queries ----

const NAME = '__name__';
const named = (random) => reference(`${random.chance(3) ? 'c/d1/' : ''}c/d${random.below(60)}`);
const valueOf = (random, field) => (field === NAME ? named(random) : value(random));

function fieldFilter(random) {
  const field = { fieldPath: random.chance(8) ? NAME : random.pick(FIELDS) };
  if (field.fieldPath !== NAME && random.chance(6)) {
    return { unaryFilter: { op: random.pick(['IS_NULL', 'IS_NAN', 'IS_NOT_NULL', 'IS_NOT_NAN']), field } };
  }
  const one = () => valueOf(random, field.fieldPath);
  const ranges = ['LESS_THAN', 'LESS_THAN_OR_EQUAL', 'GREATER_THAN', 'GREATER_THAN_OR_EQUAL'];
  const comparisons = ['EQUAL', 'NOT_EQUAL', ...ranges];
  const lists = ['IN', 'NOT_IN', ...(field.fieldPath === NAME ? [] : ['ARRAY_CONTAINS_ANY'])];
  if (random.chance(3)) {
    return { fieldFilter: { field, op: random.pick(lists), value: array(random.some(1, 4, () => flat(one()))) } };
  }
  if (field.fieldPath !== NAME && random.chance(5)) {
    return { fieldFilter: { field, op: 'ARRAY_CONTAINS', value: random.pick(SCALARS) } };
  }
  return { fieldFilter: { field, op: random.pick(comparisons), value: one() } };
}

/** An element of a list cannot be an array or a vector. */
const flat = (one) => (one.arrayValue || one.mapValue ? integer(1) : one);

function filter(random, depth = 0) {
  if (depth === 2 || random.below(5) < 3) return fieldFilter(random);
  const filters = random.some(2, 3, () => filter(random, depth + 1));
  return { compositeFilter: { op: random.pick(['AND', 'OR']), filters } };
}

function query(random) {
  const made = { from: [{ collectionId: 'c', allDescendants: random.chance(3) }] };
  if (!random.chance(4)) made.where = filter(random);
  if (!random.chance(3)) {
    // Nothing is left to order behind the name.
    const paths = [...new Set(random.some(1, 2, () => random.pick(FIELDS))), ...(random.chance(4) ? [NAME] : [])];
    made.orderBy = paths.map((fieldPath) => ({
      field: { fieldPath },
      direction: random.pick(['ASCENDING', 'DESCENDING']),
    }));
    const cursor = () => {
      const of = made.orderBy.slice(0, 1 + random.below(made.orderBy.length));
      const values = of.map(({ field }) => valueOf(random, field.fieldPath));
      return { values, before: random.chance(2) };
    };
    if (random.chance(3)) made.startAt = cursor();
    if (random.chance(3)) made.endAt = cursor();
  }
  if (random.chance(3)) made.limit = 1 + random.below(20);
  if (random.chance(4)) made.offset = random.below(5);
  if (random.chance(6)) made.select = { fields: [{ fieldPath: random.pick(['a', 'm.x', NAME]) }] };
  return made;
}

const AGGREGATIONS = [
  { alias: 'n', count: {} },
  { alias: 'few', count: { upTo: '3' } },
  { alias: 'sum', sum: { field: { fieldPath: 'a' } } },
  { alias: 'mean', avg: { field: { fieldPath: 'a' } } },
];

// ---- known differences ----

/** Every field filter of a query. */
function* filtersOf(where) {
  if (!where) return;
  for (const one of where.compositeFilter?.filters ?? []) yield* filtersOf(one);
  if (where.fieldFilter) yield { ...where.fieldFilter, path: where.fieldFilter.field.fieldPath };
  if (where.unaryFilter) yield { ...where.unaryFilter, path: where.unaryFilter.field.fieldPath };
}

const isNan = (operand) => operand.doubleValue === 'NaN';
const listed = (operand) => operand?.arrayValue?.values ?? [];

/** That the emulator refuses with a text what Firekeep answers. */
const refuses =
  (...texts) =>
  ({ ours, theirs }) =>
    !ours.refused && theirs.refused === 'INVALID_ARGUMENT' && texts.some((text) => theirs.text.startsWith(text));

/**
 * Answers that are not compared, each with the reason. The refusals are rules of the cloud about queries that have a
 * right answer all the same: here they hold for databases that `enforce`, not for this one (`Strictness` in
 * `documents::query`).
 */
const DIFFERENCES = [
  {
    why: 'the cloud takes one inequality that is no range (specification, 7.3)',
    of: refuses("Only a single 'NOT_EQUAL', 'NOT_IN', 'IS_NOT_NAN', or 'IS_NOT_NULL' filter allowed"),
  },
  {
    why: 'the cloud takes no NOT_IN beside a disjunction (specification, 7.3)',
    of: refuses("'NOT_IN' cannot be used in the same query with"),
  },
  {
    why: 'the cloud takes one array filter in a disjunction (specification, 7.3)',
    of: refuses("A maximum of 1 'ARRAY_CONTAINS' filter is allowed per disjunction"),
  },
  {
    why: 'the cloud has no order behind the name, which leaves nothing to order (specification, 7.4)',
    of: refuses('order by clause cannot contain more fields after the key'),
  },
  {
    why: 'the same for the field that is summed, which the emulator puts behind the name',
    of: refuses('This query requires an index that has fields [a] after __name__'),
  },
  {
    why: 'a limit of the emulator: it has no index of names beside inequalities of other fields',
    of: refuses('Equality on key is not allowed if there are other inequality fields'),
  },
  {
    why: 'a limit of the emulator: it scans no collection backwards',
    of: refuses('Firestore does not support descending key scans'),
  },
  {
    why: 'the emulator takes `!= null` for nothing; it is everything but null (specification, 7.3), and SDKs say IS_NOT_NULL',
    of: ({ filters }) => filters.some(({ op, value: operand }) => op === 'NOT_EQUAL' && 'nullValue' in operand),
  },
  {
    why: 'the emulator finds nothing equal to NaN or null; it means IS_NAN, IS_NULL (specification, 7.3), and SDKs say so',
    of: ({ filters }) =>
      filters.some(({ op, value: operand }) => op === 'EQUAL' && (isNan(operand) || 'nullValue' in operand)),
  },
  {
    why: 'for the emulator NaN is not equal to itself where it is denied; here `!= NaN` finds no NaN (specification, 7.3)',
    of: ({ filters }) =>
      filters.some(
        ({ op, value: operand }) =>
          (op === 'NOT_EQUAL' && isNan(operand)) || (op === 'NOT_IN' && listed(operand).some(isNan)),
      ),
  },
  {
    why: 'the emulator counts every element of a list as a disjunction; here equal ones count once, NaN and null do not',
    of: refuses('Too many disjunctions after normalization'),
  },
  {
    why:
      'a range of NaN or null holds for nothing, and for the emulator it is none: the order, and so the answer of an OR, ' +
      'goes by the field all the same (specification, 7.4); SDKs do not build it',
    of: ({ filters }) =>
      filters.some(({ op, value: operand }) => /^(LESS|GREATER)/.test(op) && (isNan(operand) || 'nullValue' in operand)),
  },
];

// ---- the comparison ----

/** An answer in a form that can be compared: the documents or numbers, or the status of a refusal. */
async function ask(server, method, body) {
  const url = `${server.url}/v1/${DOCUMENTS}:${method}`;
  const answer = await fetch(url, {
    method: 'POST',
    headers: { authorization: 'Bearer owner' },
    body: JSON.stringify(body),
  });
  const parsed = await answer.json();
  const rows = Array.isArray(parsed) ? parsed : [parsed];
  const refused = rows.find((row) => row.error);
  if (refused) return { refused: refused.error.status, text: refused.error.message };
  if (method === 'commit') return {};
  if (method === 'runAggregationQuery') return { numbers: plain(rows[0].result.aggregateFields) };
  const found = rows.flatMap(({ document }) => (document ? [document] : []));
  const shown = ({ name, fields }) => ({ name: name.slice(DOCUMENTS.length + 1), fields: plain(fields ?? {}) });
  return { documents: found.map(shown) };
}

/** JSON with sorted members, and numbers in one form. */
function plain(found) {
  if (Array.isArray(found)) return found.map(plain);
  if (found === null || typeof found !== 'object') return found;
  // The emulator forgets the sign of a zero that comes as JSON.
  if ('doubleValue' in found) return { doubleValue: String(found.doubleValue).replace(/^-0$/, '0') };
  if ('timestampValue' in found) {
    const [, seconds, fraction = ''] = /^([^.Z]*)\.?(\d*)Z$/.exec(found.timestampValue);
    return { timestampValue: `${seconds}.${fraction.padEnd(9, '0')}` };
  }
  if ('arrayValue' in found) return { arrayValue: plain(found.arrayValue.values ?? []) };
  if ('mapValue' in found) return { mapValue: plain(found.mapValue.fields ?? {}) };
  const sorted = Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted.map(([name, one]) => [name, plain(one)]));
}

const same = (ours, theirs) => JSON.stringify({ ...ours, text: 0 }) === JSON.stringify({ ...theirs, text: 0 });

const found = findJar();

const skip = found.missing && `no emulator here: ${found.missing}`;

test('answers agree with the official emulator', { skip, timeout: 180_000 }, async (t) => {
  // The same in every run, unless asked for: a difference that is found by chance is no reason to stop other work.
  const given = process.env.FIREKEEP_SEED ?? '620764207';
  const seed = given === 'random' ? Date.now() % 1_000_000_000 : Number(given);
  t.diagnostic(`FIREKEEP_SEED=${seed}`);
  const random = seeded(seed);
  const data = path.join(await temporaryFolder(t), 'data');
  const [emulator, server] = await Promise.all([startEmulator(t, found.jar), Server.start({ data, dev: true })]);
  t.after(() => server.abandon());
  const both = (method, body) => Promise.all([server, emulator].map((one) => ask(one, method, body)));

  const made = documents(random);
  const writes = made.map((update) => ({ update }));
  assert.deepEqual(await both('commit', { writes }), [{}, {}]);
  const [ours, theirs] = await both('runQuery', { structuredQuery: { from: [{ collectionId: 'c', allDescendants: true }] } });
  assert.equal(ours.documents.length, made.length);
  assert.deepEqual(ours, theirs);

  const counts = { agreed: 0, refused: 0 };
  const left = new Map();
  const wrong = [];
  const until = Date.now() + MILLIS;
  async function compare() {
    const asked = () => counts.agreed + wrong.length;
    while (asked() < QUERIES_MIN || (Date.now() < until && asked() < QUERIES_MAX)) {
      const structuredQuery = query(random);
      const aggregate = random.chance(4) && { aggregations: [random.pick(AGGREGATIONS)] };
      if (aggregate) delete structuredQuery.select;
      const [ours, theirs] = aggregate
        ? await both('runAggregationQuery', { structuredAggregationQuery: { structuredQuery, ...aggregate } })
        : await both('runQuery', { structuredQuery });
      if (same(ours, theirs)) {
        counts.agreed += 1;
        counts.refused += ours.refused !== undefined;
        continue;
      }
      const filters = [...filtersOf(structuredQuery.where)];
      const asked = { query: structuredQuery, aggregate, filters, ours, theirs };
      const known = DIFFERENCES.find(({ of }) => of(asked));
      if (known) left.set(known.why, (left.get(known.why) ?? 0) + 1);
      else wrong.push(asked);
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, compare));
  t.diagnostic(`${counts.agreed} answers agree, ${counts.refused} of them refusals`);
  for (const [why, times] of left) t.diagnostic(`${times} left out: ${why}`);
  const shown = wrong.slice(0, Number(process.env.FIREKEEP_SHOWN ?? SHOWN_MAX)).map(({ query: asked, aggregate, ours, theirs }) => {
    const short = ({ documents: rows, ...rest }) => JSON.stringify(rows ? rows.map(({ name }) => name) : rest);
    return `${JSON.stringify({ ...asked, ...aggregate })}\n  firekeep ${short(ours)}\n  emulator ${short(theirs)}`;
  });
  assert.equal(wrong.length, 0, `${wrong.length} answers differ, seed ${seed}:\n${shown.join('\n')}`);
});
