/** `--json`: one JSON value on the standard output, and nothing else, of every command that has it. */

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';

import { Server, run, serviceAccount, temporaryFolder } from './harness.mjs';

/** The commands, in an order in which each has what it needs; then the member or members that its value has. */
function rows(folder, email) {
  const file = (name) => path.join(folder, name);
  return [
    [['project', 'show'], ['projectId', 'apiKeys']],
    [['keys', 'list'], ['keys']],
    [['keys', 'rotate'], ['keys']],
    [['user', 'create', '--username', 'alice', '--password', 'correct horse battery'], ['uid']],
    [['user', 'list'], ['users']],
    [['user', 'get', 'alice'], ['uid', 'username']],
    [['user', 'disable', 'alice'], ['disabled']],
    [['user', 'enable', 'alice'], ['disabled']],
    [['user', 'delete', 'alice'], []],
    [['service-account', 'list'], []],
    [['service-account', 'disable', email], []],
    [['service-account', 'enable', email], []],
    [['databases', 'create', 'staging'], ['id', 'name', 'uid']],
    [['databases', 'list'], ['databases']],
    [['databases', 'protect', 'staging'], ['protected']],
    [['databases', 'protect', 'staging', '--off'], ['protected']],
    [['databases', 'delete', 'staging', '--yes'], ['id']],
    [['indexes', 'deploy', file('indexes.json')], ['created', 'removed', 'unchanged']],
    [['indexes', 'list'], ['indexes', 'fieldOverrides']],
    [['indexes', 'mode', 'warn'], ['mode']],
    [['export', '--out', file('all.fkx')], ['documents', 'done']],
    [['import', file('all.fkx')], ['documents', 'unchanged']],
    [['doctor'], []],
  ];
}

async function check(data, [words, members]) {
  const args = [...words, '--data', data, '--json'];
  const { code, stdout, stderr } = await run(args);
  const what = `${args.join(' ')}\n${stdout}${stderr}`;
  assert.ok(code === 0 || words[0] === 'doctor', what);
  const value = JSON.parse(stdout);
  for (const member of members) assert.ok(member in value, `${what}: no ${member}`);
}

test('every command says what it says as JSON', async (t) => {
  const folder = await temporaryFolder(t);
  const index = { collectionGroup: 'c', fields: [{ fieldPath: 'a', order: 'ASCENDING' }, { fieldPath: 'b', order: 'ASCENDING' }] };
  for (const running of [false, true]) {
    const at = path.join(folder, String(running));
    const data = path.join(at, 'data');
    const server = running ? await Server.start({ data }) : undefined;
    t.after(() => server?.abandon());
    const { key } = await serviceAccount(data, `${at}-key.json`, '--name', 'json-tests');
    await writeFile(path.join(at, 'indexes.json'), JSON.stringify({ indexes: [index] }));
    for (const row of rows(at, key.client_email)) {
      await t.test(`${row[0].join(' ').replaceAll(at, '.')}${running ? ', of a server' : ''}`, () => check(data, row));
    }
    await server?.stop();
    await t.test(`verify${running ? ', of a server' : ''}`, () => check(data, [['verify'], ['ok', 'databases']]));
  }
});
