/**
 * The command line: what it refuses and how, what it leaves behind, and which server it asks. What it does to accounts
 * is `flow.test.mjs`.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';

import { Server, binary, certificate, command, project, run, temporaryFolder } from './harness.mjs';

const exists = (file) => stat(file).then(() => true, () => false);
const mode = async (file) => (await stat(file)).mode & 0o777;

/** A folder for a test, and the name of a data folder in it. */
async function place(t) {
  const folder = await temporaryFolder(t);
  return { folder, data: path.join(folder, 'data') };
}

async function start(t, options) {
  const server = await Server.start(options);
  t.after(() => server.abandon());
  return server;
}

/** `firekeep doctor`: its findings, and whether all is well. */
async function doctor(data, ...more) {
  const { stdout } = await run(['doctor', '--data', data, '--json', ...more]);
  const { ok, findings } = JSON.parse(stdout);
  return { ok, text: findings.map((found) => `${found.ok} ${found.text}`).join('\n') };
}

/** A TCP server that answers whatever it is asked with `answer`, and remembers what it was asked. */
async function stranger(t, port, answer) {
  const asked = [];
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      asked.push(String(bytes));
      socket.end(answer);
    });
  });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  t.after(() => server.close());
  return { asked, port: server.address().port };
}

test('only the owner reads what is stored', async (t) => {
  const { data } = await place(t);
  await mkdir(data);
  await chmod(data, 0o755);
  const server = await start(t, { data });
  assert.match(server.output, /other users of this machine can enter .*: chmod 700/);
  const db = path.join(data, 'db');
  assert.equal(await mode(db), 0o700);
  for (const file of await readdir(db)) assert.equal(await mode(path.join(db, file)), 0o600, file);
  for (const file of ['README.txt', 'running.json'])
    assert.equal(await mode(path.join(data, file)), 0o600, file);
  assert.match((await doctor(data)).text, /^false other users can enter .*chmod 700/);
  await server.stop();

  // A folder of an older version.
  await chmod(data, 0o700);
  await chmod(db, 0o755);
  const again = await start(t, { data });
  assert.equal(await mode(db), 0o700);
  assert.doesNotMatch(again.output, /other users/);
  await again.stop();
});

test('a note that a killed server left means nothing', async (t) => {
  const { data } = await place(t);
  const server = await start(t, { data });
  assert.match((await doctor(data)).text, new RegExp(`true a server listens on ${server.url}`));
  assert.match((await doctor(data)).text, /true it is ready/);
  const note = path.join(data, 'running.json');
  const left = await readFile(note);
  await server.kill();
  assert.ok(await exists(note), 'the note is left');
  assert.match((await doctor(data)).text, /true no server runs on this folder/);

  // Another program has the port by now.
  const json = '{"firekeep":{},"error":{"message":"mine"}}';
  for (const answer of ['hello\n', `HTTP/1.0 200 OK\r\n\r\n${json}`]) {
    await writeFile(note, left);
    const other = await stranger(t, 0, answer);
    const stale = { ...JSON.parse(left), url: `http://127.0.0.1:${other.port}` };
    await writeFile(note, JSON.stringify(stale));
    await command('user', 'create', '--data', data, '--password', 'correct horse');
    assert.match((await doctor(data)).text, /true no server runs on this folder/);
    assert.deepEqual(other.asked, [], 'it is told nothing');
  }
});

test('a server that cannot start leaves nothing behind', async (t) => {
  const { data } = await place(t);
  const other = await stranger(t, 0, '');
  const flags = ['--listen', '127.0.0.1:0', '--metrics-listen', `127.0.0.1:${other.port}`];
  const { code, stderr } = await run(['serve', '--data', data, ...flags], { millis: 10_000 });
  assert.equal(code, 1);
  assert.match(stderr, /cannot listen on 127.* name another port with --metrics-listen/);
  assert.ok(!(await exists(data)));
});

test('key files lead to where clients reach the server', async (t) => {
  const { folder, data } = await place(t);
  const create = async (name, ...more) => {
    const out = path.join(folder, `${name}.json`);
    const args = ['service-account', 'create', '--data', data, '--out', out, '--json', ...more];
    const summary = JSON.parse(await command(...args));
    const key = JSON.parse(await readFile(out, 'utf8'));
    assert.equal(await mode(out), 0o600);
    assert.deepEqual(summary, {
      clientEmail: key.client_email,
      privateKeyId: key.private_key_id,
      tokenUri: key.token_uri,
      file: out,
    });
    return key.token_uri;
  };
  const end = '/oauth2.googleapis.com/token';
  assert.equal(await create('first'), `http://127.0.0.1:7070${end}`);
  const url = 'https://fk.example.com';
  const server = await start(t, { data, args: ['--base-url', `${url}/`] });
  assert.match(server.output, new RegExp(`is ready at ${url}\n`));
  assert.match(server.output, new RegExp(`listens +on http://127.0.0.1:${server.port}\n`));
  assert.match(server.output, new RegExp(`curl ${url}/account/v1/signup`));
  assert.equal(await create('running'), `${url}${end}`);
  const expected = {
    baseUrl: url,
    jwksUrl: `${url}/.well-known/jwks.json`,
    issuer: 'https://securetoken.google.com/firekeep',
    accountServerUrl: `${url}/account/v1`,
    openApiUrl: `${url}/account/v1/openapi.json`,
    mode: 'safe',
  };
  const shown = await project(data);
  for (const [name, value] of Object.entries(expected)) assert.equal(shown[name], value, name);
  await server.stop();
  assert.equal(await create('stopped'), `${url}${end}`, 'as it was served last');
  assert.equal(await create('named', '--base-url', 'http://[::1]:80'), `http://[::1]:80${end}`);
  assert.deepEqual({ ...(await project(data)), ...expected }, await project(data));
});

test('a key is not made when its file cannot be written', async (t) => {
  const { folder, data } = await place(t);
  await command('project', 'show', '--data', data);
  const create = (out, ...more) =>
    run(['service-account', 'create', '--data', data, '--out', path.join(folder, out), ...more]);
  await writeFile(path.join(folder, 'there.json'), 'mine');
  for (const [out, sentence] of [
    ['none/key.json', /`.*none\/key.json` cannot be written; name another file with --out/],
    ['there.json', /exists; name another file with --out/],
  ]) {
    const { code, stderr } = await create(out);
    assert.equal(code, 1);
    assert.match(stderr, sentence);
  }
  assert.equal(await readFile(path.join(folder, 'there.json'), 'utf8'), 'mine');
  const refused = await create('refused.json', '--name', 'UPPER');
  assert.match(refused.stderr, /a service account's name has/);
  assert.ok(!(await exists(path.join(folder, 'refused.json'))), 'no empty file');
  const list = await command('service-account', 'list', '--data', data, '--json');
  const accounts = JSON.parse(list).serviceAccounts;
  assert.deepEqual(accounts.map((account) => account.builtIn), [true]);
});

test('what users wrote does not reach the terminal as it is', async (t) => {
  const { data } = await place(t);
  const name = '\u001b[2J\u009b31m\nadmin: true';
  const create = ['user', 'create', '--data', data, '--uid', 'mallory', '--display-name', name];
  await command(...create);
  const shown = await command('user', 'get', 'mallory', '--data', data);
  assert.match(shown, /^displayName: \\u\{1b\}\[2J\\u\{9b\}31m\\nadmin: true$/m);
  const json = await command('user', 'get', 'mallory', '--data', data, '--json');
  assert.doesNotMatch(json, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  assert.equal(JSON.parse(json).displayName, name);
  const part = Buffer.from(JSON.stringify({ alg: '\u009b2J', kid: '\u007f' })).toString('base64url');
  const { stdout, stderr } = await run(['token', 'inspect', `${part}.${part}.${part}`]);
  assert.match(stdout, /\\u\{9b\}2J/);
  assert.doesNotMatch(stdout + stderr, /[\u007f-\u009f]/);
});

test('commands about what is there make no data folder', async (t) => {
  const { folder, data } = await place(t);
  const key = path.join(folder, 'key.json');
  await command('service-account', 'create', '--data', path.join(folder, 'other'), '--out', key);
  for (const words of [
    ['user', 'list'],
    ['user', 'get', 'alice'],
    ['user', 'delete', 'alice'],
    ['user', 'disable', 'alice'],
    ['keys', 'list'],
    ['keys', 'rotate'],
    ['service-account', 'list'],
    ['service-account', 'disable', 'a@b'],
    ['service-account', 'import', key],
    ['verify'],
  ]) {
    const { code, stderr } = await run([...words, '--data', data]);
    assert.equal(code, 1, words.join(' '));
    const sentence = `firekeep: there is no data in \`${data}\`; name the folder with --data\n`;
    assert.equal(stderr, sentence, words.join(' '));
  }
  assert.match((await doctor(data)).text, /^false there is no data folder/);
  await mkdir(data);
  assert.match((await doctor(data)).text, /false there is no data in/);
  assert.deepEqual(await readdir(data), []);
  for (const [index, words] of [['user', 'create'], ['project', 'show']].entries()) {
    const fresh = `${data}-${index}`;
    const { code, stderr } = await run([...words, '--data', fresh]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^made a new data folder `.*` with the project `firekeep`\n$/);
    assert.equal((await run([...words, '--data', fresh])).stderr, '');
  }
});

test('wrong words get advice', async (t) => {
  const { data } = await place(t);
  for (const [words, sentence] of [
    [['serve', '--listen', '7070'], /such as 127\.0\.0\.1:7070/],
    [['serve', '--base-url', 'fk.example.com'], /such as https:\/\/fk\.example\.com/],
    [['serve', '--base-url', 'https://fk.example.com/path'], /no path/],
    [['serve', '--dev-allow-remote'], /nothing without --dev/],
    [['serve', '--documents', 'open'], /goes with --dev only/],
    [['user', 'list', '--limit', '0'], /1\.\.=1000/],
    [['user', 'list', '--limit', '1001'], /1\.\.=1000/],
    [
      ['service-account', 'import', '/etc/passwd'],
      /`\/etc\/passwd` is no service account's key file; `firekeep service-account create` makes one/,
    ],
  ]) {
    const { code, stderr } = await run([...words, '--data', data], { millis: 10_000 });
    assert.notEqual(code, 0, words.join(' '));
    assert.match(stderr, sentence);
  }
});

test('switches in the environment', async (t) => {
  const { folder } = await place(t);
  const serve = (name, env) => start(t, { data: path.join(folder, name), env });
  for (const [index, [value, found]] of [
    ['1', 'dev'],
    ['yes', 'dev'],
    ['TRUE', 'dev'],
    ['0', 'safe'],
    ['off', 'safe'],
    ['', 'safe'],
  ].entries()) {
    const env = { FIREKEEP_DEV: value, FIREKEEP_DEV_ALLOW_REMOTE: '0', FIREKEEP_BASE_URL: '' };
    const server = await serve(`data-${index}`, env);
    assert.equal((await server.get('/')).body.firekeep.mode, found, `\`${value}\``);
    await server.stop();
  }
  const { code } = await run(['serve'], { env: { FIREKEEP_DEV: 'maybe' }, millis: 10_000 });
  assert.equal(code, 2);
});

test('dev mode says what it does to a folder of safe mode', async (t) => {
  const { data } = await place(t);
  await command('project', 'show', '--data', data);
  const server = await start(t, { data, dev: true, args: ['--log-format', 'json'] });
  await server.stop();
  const lines = server.output.split('\n').filter((line) => line.startsWith('{'));
  const warnings = lines.map((line) => JSON.parse(line)).filter(({ level }) => level === 'WARN');
  const messages = warnings.map(({ message }) => message).join('\n');
  assert.match(messages, /dev mode takes it over; from now on safe mode refuses it/);
  assert.match(messages, /dev mode: anybody who can reach this server is an administrator/);
  assert.doesNotMatch(server.output, /\u001b|^WARNING/m);
  await assert.rejects(Server.start({ data }), /was used in dev mode/);
});

test('a reader that goes away is no fault', async (t) => {
  const { data } = await place(t);
  await command('project', 'show', '--data', data);
  const piped = (words) =>
    execFileSync('bash', ['-c', `set -o pipefail; "$0" ${words} | head -c0`, binary()], {
      stdio: 'pipe',
    });
  // `head` may be gone before or after the first byte: a few times each.
  for (let round = 0; round < 5; round += 1) {
    piped('completions bash');
    piped(`user list --data '${data}'`);
    piped(`project show --json --data '${data}'`);
  }
});

test('doctor looks at the certificate', async (t) => {
  const { folder, data } = await place(t);
  await command('project', 'show', '--data', data);
  const { crt, key } = certificate(path.join(folder, 'tls'));
  const soon = await doctor(data, '--tls-cert', crt);
  assert.equal(soon.ok, false);
  assert.match(soon.text, /false the certificate .* expires in [12] days: renew it/);
  assert.match((await doctor(data, '--tls-cert', key)).text, /false no certificate can be read/);
  const well = await doctor(data);
  assert.equal(well.ok, true, well.text);
  for (const sentence of ['safe mode', 'from this machine only', 'one key signs ID tokens'])
    assert.ok(well.text.includes(sentence), sentence);
});
