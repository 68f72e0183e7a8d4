/** What an operator does: looks at health, metrics and logs, changes keys, tends users from the command line. */

import assert from 'node:assert/strict';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';

import { Server, command, customToken, decode, run, safeServer, temporaryFolder } from './harness.mjs';

const JWKS = '/.well-known/jwks.json';
const PASSWORD = 'correct horse battery staple';

/** A port that nobody listens on. */
async function freePort() {
  const server = net.createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test('health and metrics', async (t) => {
  const port = await freePort();
  const args = ['--metrics-listen', `127.0.0.1:${port}`];
  const { server } = await safeServer(t, { args });
  for (const route of ['/healthz', '/readyz']) {
    assert.equal((await server.get(route)).status, 204, route);
  }
  const scrape = async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
    assert.match(answer.headers.get('content-type'), /^text\/plain; version=0\.0\.4/);
    const text = await answer.text();
    return (name) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
  };
  const refusals = 'firekeep_http_answers_total\\{class="4xx"\\}';
  const before = await scrape();
  for (let count = 0; count < 3; count += 1) await server.get('/nothing');
  const after = await scrape();
  assert.equal(after(refusals) - before(refusals), 3);
  assert.ok(after('firekeep_http_seconds_total') > before('firekeep_http_seconds_total'));
  assert.ok(after('firekeep_disk_free_bytes') > 0);
  // The public door does not tell.
  assert.equal((await server.get('/metrics')).status, 404);
  await server.stop();
});

test('logs for machines name requests, and no secret', async (t) => {
  const args = ['--log-format', 'json', '--log', 'debug'];
  const { server, accounts, apiKey } = await safeServer(t, { args });
  const token = await customToken(accounts[0].file, 'logged');
  const signIn = `/v1/accounts:signInWithCustomToken?key=${apiKey}`;
  const answer = await server.post(signIn, { token });
  const { idToken, refreshToken } = answer.body;
  const account = { username: 'logged', password: PASSWORD };
  const { customToken: made } = (await server.post('/account/v1/signup', account)).body;
  await server.post('/account/v1/login', { login: 'logged', password: PASSWORD });
  await server.post('/account/v1/login', { login: 'logged', password: `not ${PASSWORD}` });
  await server.get('/account/v1/me', { bearer: idToken });
  await server.post(`/v1/token?key=${apiKey}`, {
    grant_type: 'refresh_token',
    refresh_token: refreshToken,
  });
  await server.stop();

  const lines = server.output.split('\n').filter((line) => line.startsWith('{'));
  const entries = lines.map((line) => JSON.parse(line));
  for (const entry of entries) assert.ok(entry.timestamp && entry.level, JSON.stringify(entry));
  const named = entries.filter((entry) => entry.span?.id === answer.headers['x-request-id']);
  const found = named.find((entry) => entry.message === 'request');
  assert.equal(found?.path, '/v1/accounts:signInWithCustomToken', server.output);
  assert.equal(found.status, 200);
  const ends = [token, idToken, refreshToken, made].map((text) => text.slice(-60));
  for (const secret of [PASSWORD, apiKey, ...ends]) {
    // The first lines show the API key to who starts the server; they are no log.
    assert.ok(!lines.some((line) => line.includes(secret)), secret);
  }
});

test('keys are changed while clients are signed in', async (t) => {
  const { server, data, accounts, apiKey } = await safeServer(t);
  const keys = async (...words) => command('keys', ...words, '--data', data);
  const list = async () => JSON.parse(await keys('list', '--json')).keys;
  const published = async () => (await server.get(JWKS)).body.keys.map((key) => key.kid).sort();
  const token = await customToken(accounts[0].file, 'rotates');
  const answer = await server.post(`/v1/accounts:signInWithCustomToken?key=${apiKey}`, { token });
  const { idToken, refreshToken } = answer.body;
  const kidOf = (text) => decode(text).header.kid;
  const lookup = () => server.post(`/v1/accounts:lookup?key=${apiKey}`, { idToken });
  const refresh = async () => {
    const body = { grant_type: 'refresh_token', refresh_token: refreshToken };
    const { status, body: fresh } = await server.post(`/v1/token?key=${apiKey}`, body);
    assert.equal(status, 200);
    return kidOf(fresh.id_token);
  };

  await keys('rotate');
  const states = Object.fromEntries((await list()).map((key) => [key.state, key.kid]));
  assert.deepEqual(Object.keys(states).sort(), ['current', 'next']);
  assert.equal(states.current, kidOf(idToken));
  assert.deepEqual(await published(), Object.values(states).sort());
  assert.equal(await refresh(), states.current, 'the next key does not sign yet');
  assert.equal((await lookup()).status, 200);

  await keys('rotate', '--emergency');
  const [only, ...others] = await list();
  assert.equal(others.length, 0);
  assert.equal(only.state, 'current');
  assert.ok(!Object.values(states).includes(only.kid));
  assert.deepEqual(await published(), [only.kid]);
  assert.match((await lookup()).body.error.message, /^INVALID_ID_TOKEN/);
  assert.equal(await refresh(), only.kid, 'sessions go on');
  await server.stop();
});

test('users from the command line', async (t) => {
  const { server, data } = await safeServer(t);
  const user = async (...words) => JSON.parse(await command('user', ...words, '--data', data, '--json'));
  const email = 'tended@example.com';
  const { uid } = await user('create', '--email', email, '--username', 'tended', '--password', PASSWORD);
  const logIn = async () =>
    (await server.post('/account/v1/login', { login: email, password: PASSWORD })).status;
  assert.equal(await logIn(), 200);
  for (const name of [uid, email, 'tended']) assert.equal((await user('get', name)).uid, uid, name);
  assert.deepEqual((await user('list')).users.map((one) => one.uid), [uid]);
  await user('disable', email);
  assert.notEqual(await logIn(), 200);
  await user('enable', email);
  assert.equal(await logIn(), 200);
  await user('delete', email);
  assert.notEqual(await logIn(), 200);
  const { code, stderr } = await run(['user', 'get', email, '--data', data]);
  assert.equal(code, 1);
  assert.match(stderr, /tended@example\.com/);
  await server.stop();
});

test('service accounts from the command line', async (t) => {
  const { server, data, accounts, apiKey } = await safeServer(t);
  const [{ file, key }] = accounts;
  const accountCommand = (...words) => command('service-account', ...words, '--data', data, '--json');
  const listed = async () => {
    const all = JSON.parse(await accountCommand('list')).serviceAccounts;
    return all.find((account) => account.clientEmail === key.client_email);
  };
  const signIn = async () => {
    const token = await customToken(file, 'signed');
    const route = `/v1/accounts:signInWithCustomToken?key=${apiKey}`;
    return (await server.post(route, { token })).status;
  };
  const { keyIds, builtIn } = await listed();
  assert.deepEqual([keyIds, builtIn], [[key.private_key_id], false]);
  for (const [word, disabled, status] of [
    ['disable', true, 400],
    ['enable', false, 200],
  ]) {
    await accountCommand(word, key.client_email);
    assert.equal((await listed()).disabled, disabled, word);
    assert.equal(await signIn(), status, word);
  }
  await server.stop();
});

test('ended sessions stay ended after kill -9', async (t) => {
  const { server, data, accounts, apiKey } = await safeServer(t);
  const signIn = async (uid) => {
    const token = await customToken(accounts[0].file, uid);
    const route = `/v1/accounts:signInWithCustomToken?key=${apiKey}`;
    return (await server.post(route, { token })).body;
  };
  const end = {
    'logged-out': ({ idToken }) =>
      server.post('/account/v1/logout', { everywhere: true }, { bearer: idToken }),
    disabled: () => command('user', 'disable', 'disabled', '--data', data),
    deleted: () => command('user', 'delete', 'deleted', '--data', data),
    'still-in': () => {},
  };
  const sessions = {};
  for (const uid of Object.keys(end)) sessions[uid] = await signIn(uid);
  for (const [uid, how] of Object.entries(end)) await how(sessions[uid]);
  await server.kill();

  const second = await server.again();
  t.after(() => second.abandon());
  const answers = {};
  for (const [uid, { idToken, refreshToken }] of Object.entries(sessions)) {
    const grant = { grant_type: 'refresh_token', refresh_token: refreshToken };
    const refresh = await second.post(`/v1/token?key=${apiKey}`, grant);
    const lookup = await second.post(`/v1/accounts:lookup?key=${apiKey}`, { idToken });
    answers[uid] = [refresh, lookup].map(({ body }) => body.error?.message ?? 'good');
  }
  assert.deepEqual(answers, {
    'logged-out': ['TOKEN_EXPIRED', 'TOKEN_EXPIRED'],
    disabled: ['USER_DISABLED', 'USER_DISABLED'],
    deleted: ['INVALID_REFRESH_TOKEN', 'USER_NOT_FOUND'],
    'still-in': ['good', 'good'],
  });
  await second.stop();
});

test('dev mode serves this machine alone, unless told otherwise', async (t) => {
  const data = path.join(await temporaryFolder(t), 'data');
  const args = ['serve', '--data', data, '--dev', '--listen', '0.0.0.0:0'];
  const { code, stderr } = await run(args, { millis: 10_000 });
  assert.equal(code, 1);
  assert.match(stderr, /on this machine only/);
  const allowed = await Server.start({ data, dev: true, args: ['--dev-allow-remote'] });
  t.after(() => allowed.abandon());
  await allowed.stop();
});

test('every shell has completions', async () => {
  for (const shell of ['bash', 'zsh', 'fish', 'elvish', 'powershell']) {
    assert.match(await command('completions', shell), /service-account/, shell);
  }
});
