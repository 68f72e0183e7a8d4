/**
 * `firekeep export` and `firekeep import`: with the server stopped and running, our format and the official emulator's.
 * What the files hold is tested in Rust; here, that the commands lead there.
 */

import assert from 'node:assert/strict';
import { readFile, readdir, stat, truncate } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

import { Server, command, run, temporaryFolder } from './harness.mjs';

/** An export of the official emulator: 24 documents with values of every type. */
const EMULATOR = fileURLToPath(
  new URL('../crates/managed-export/tests/it/emulator_export', import.meta.url),
);

const exists = (file) => stat(file).then(() => true, () => false);

/** Runs a command with `--json`; what it says of the export or import. */
async function told(...args) {
  return JSON.parse(await command(...args, '--json'));
}

/** The outputs of a managed export, which are the same bytes for the same documents. */
async function output(folder) {
  return readFile(path.join(folder, 'all_namespaces/all_kinds/output-0'));
}

test('documents come from the emulator, move to another folder, and go out as they came', async (t) => {
  const folder = await temporaryFolder(t);
  const [one, two] = ['one', 'two'].map((name) => path.join(folder, name));
  const file = path.join(folder, 'documents.fkx');

  const first = await told('import', '--data', one, EMULATOR);
  assert.deepEqual([first.done, first.documents, first.unchanged, first.notes], [true, 24, 0, []]);
  const again = await told('import', '--data', one, EMULATOR);
  assert.deepEqual([again.documents, again.unchanged], [0, 24]);

  assert.match(
    await command('export', '--data', one, '--out', file),
    /^exported 24 documents, as they were at 20.*Z\n$/,
  );
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.equal((await told('import', '--data', two, file)).documents, 24);

  const [left, right] = [one, two].map((data) => `${data}-managed`);
  await command('export', '--data', one, '--managed', '--out', left);
  await command('export', '--data', two, '--managed', '--out', right);
  const outputs = [await output(left), await output(right)];
  assert.ok(outputs[0].length > 40_000);
  assert.ok(outputs[0].equals(outputs[1]), 'the same documents are the same bytes');
  assert.ok((await readdir(left)).includes('one-managed.overall_export_metadata'));
  assert.equal((await told('import', '--data', two, left)).unchanged, 24);
});

test('a running server does it, for the command line of its own user', async (t) => {
  const folder = await temporaryFolder(t);
  const data = path.join(folder, 'data');
  const server = await Server.start({ data });
  t.after(() => server.abandon());
  assert.equal((await told('import', '--data', data, EMULATOR)).documents, 24);
  const file = path.join(folder, 'documents.fkx');
  assert.equal((await told('export', '--data', data, '--out', file)).documents, 24);
  assert.equal((await told('import', '--data', data, file)).unchanged, 24);

  const ask = { command: 'documents-export', database: '(default)', to: path.join(folder, 'x') };
  const refused = await server.post('/firekeep/v1/admin', ask, { bearer: 'owner' });
  assert.notEqual(refused.status, 200);
  assert.ok(!(await exists(ask.to)));
  await server.stop();
  // What it wrote is there without it.
  assert.equal((await told('import', '--data', data, file)).unchanged, 24);
});

test('what goes wrong is a sentence, and leaves nothing behind', async (t) => {
  const folder = await temporaryFolder(t);
  const data = path.join(folder, 'data');
  const file = path.join(folder, 'documents.fkx');
  const refused = async (words, ...args) => {
    const { code, stderr } = await run([...args, '--data', data]);
    assert.equal(code, 1, stderr);
    assert.match(stderr, words);
  };
  await refused(/there is no data in/, 'export', '--out', file);
  await command('import', '--data', data, EMULATOR);
  await command('export', '--data', data, '--out', file);
  await refused(/is there already; name another file/, 'export', '--out', file);
  await refused(/cannot be read or written/, 'export', '--out', path.join(folder, 'no/such'));
  await refused(/too old/, 'export', '--out', `${file}2`, '--at', '2020-01-01T00:00:00Z');
  await refused(/does not exist for project/, 'export', '--out', `${file}2`, '--database', 'other');
  await refused(/a database id is/, 'export', '--out', `${file}2`, '--database', 'Other');
  await refused(/cannot be read or written/, 'import', path.join(folder, 'nothing'));
  await refused(/is no managed export/, 'import', path.join(EMULATOR, 'all_namespaces'));
  await truncate(file, (await stat(file)).size - 1);
  await refused(/documents.fkx`: the export is cut off in block 2/, 'import', file);
  assert.deepEqual((await readdir(folder)).sort(), ['data', 'documents.fkx']);
});
