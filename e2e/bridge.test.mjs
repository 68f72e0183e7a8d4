/**
 * The bridge: the account server signs its custom tokens with a Google service account's key, so that they sign in at
 * that Google project while the accounts stay here. Auth specification, sections 5 and 14.
 */

import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';

import { cert, deleteApp, initializeApp } from 'firebase-admin/app';
import { getAuth } from 'firebase-admin/auth';
import { jwtVerify } from 'jose';

import { AUDIENCE } from './forge.mjs';
import { Server, command, customToken, decode, project, run, temporaryFolder } from './harness.mjs';

const PASSWORD = 'correct horse battery staple';
const PROJECT = 'my-google-app';
const EMAIL = `firebase-adminsdk-x1y2z@${PROJECT}.iam.gserviceaccount.com`;
const KEY_ID = '0123456789abcdef0123456789abcdef01234567';

/** A key file as Google's console gives it; nobody at Google knows this one. */
function googleKeyFile() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return {
    type: 'service_account',
    project_id: PROJECT,
    private_key_id: KEY_ID,
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    client_email: EMAIL,
    client_id: '123456789012345678901',
    auth_uri: 'https://accounts.google.com/o/oauth2/auth',
    token_uri: 'https://oauth2.googleapis.com/token',
    auth_provider_x509_cert_url: 'https://www.googleapis.com/oauth2/v1/certs',
    client_x509_cert_url: `https://www.googleapis.com/robot/v1/metadata/x509/${encodeURIComponent(EMAIL)}`,
    universe_domain: 'googleapis.com',
  };
}

test('the account server signs for a Google project', async (t) => {
  const folder = await temporaryFolder(t);
  const data = path.join(folder, 'data');
  const file = path.join(folder, 'google.json');
  const key = googleKeyFile();
  await writeFile(file, JSON.stringify(key, null, 2));
  const server = await Server.start({ data, args: ['--bridge-key', file, '--project', PROJECT] });
  t.after(() => server.abandon());
  const { apiKeys } = await project(data);
  const signIn = (token) =>
    server.post(`/v1/accounts:signInWithCustomToken?key=${apiKeys[0]}`, { token });

  /** As Google verifies: with the account's public key. */
  async function verify(token, uid) {
    const { payload, protectedHeader } = await jwtVerify(token, createPublicKey(key.private_key), {
      algorithms: ['RS256'],
      issuer: EMAIL,
      subject: EMAIL,
      audience: AUDIENCE,
      requiredClaims: ['iat', 'exp', 'uid'],
    });
    // No `kid`, as the Node Admin SDK signs; Google then tries each key of the account.
    assert.deepEqual(protectedHeader, { alg: 'RS256', typ: 'JWT' });
    assert.equal(payload.uid, uid);
    assert.equal(payload.exp - payload.iat, 300);
    // Google refuses claims that it does not know at this level.
    const names = Object.keys(payload).sort();
    assert.deepEqual(names, ['aud', 'exp', 'iat', 'iss', 'sub', 'uid']);
  }

  const account = { username: 'alice', password: PASSWORD };
  const made = (await server.post('/account/v1/signup', account)).body;

  await t.test('each answer with a custom token', async () => {
    await verify(made.customToken, made.uid);
    const { status, body } = await server.post('/account/v1/login', {
      login: 'alice',
      password: PASSWORD,
    });
    assert.equal(status, 200);
    assert.equal(body.uid, made.uid);
    assert.equal(body.jwt_token, body.customToken);
    await verify(body.customToken, made.uid);
  });

  await t.test('Firekeep itself takes such tokens when the key is imported', async () => {
    const before = await signIn(made.customToken);
    assert.equal(before.status, 400);
    assert.match(before.body.error.message, /^CREDENTIAL_MISMATCH/);
    await command('service-account', 'import', file, '--data', data);
    const { status, body, text } = await signIn(made.customToken);
    assert.equal(status, 200, text);
    const { claims } = decode(body.idToken);
    assert.deepEqual(
      [claims.sub, claims.iss],
      [made.uid, `https://securetoken.google.com/${PROJECT}`],
    );

    const bearer = body.idToken;
    const fresh = await server.post('/account/v1/token', {}, { bearer });
    assert.equal(fresh.status, 200, fresh.text);
    await verify(fresh.body.customToken, made.uid);
    const passwords = { oldPassword: PASSWORD, newPassword: `another ${PASSWORD}` };
    const changed = await server.post('/account/v1/password/change', passwords, { bearer });
    assert.equal(changed.status, 200, changed.text);
    await verify(changed.body.customToken, made.uid);
  });

  await t.test('the official Admin SDK and `firekeep token` sign with the same file', async (s) => {
    const app = initializeApp({ credential: cert(file), projectId: PROJECT }, 'bridge');
    s.after(() => deleteApp(app));
    for (const token of [
      await getAuth(app).createCustomToken('by-sdk'),
      await customToken(file, 'by-command'),
    ]) {
      assert.equal((await signIn(token)).status, 200);
    }
  });

  await t.test('the private key is nowhere in the log', async () => {
    assert.ok(!server.output.includes(key.private_key.slice(40, 80)));
    await server.stop();
  });
});

test('key files that cannot sign', async (t) => {
  const folder = await temporaryFolder(t);
  const file = path.join(folder, 'key.json');
  const right = googleKeyFile();
  const short = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const pem = (key) => key.export({ type: 'pkcs8', format: 'pem' });
  const without = (name) =>
    Object.fromEntries(Object.entries(right).filter(([key]) => key !== name));
  for (const [name, content] of [
    ['no file', undefined],
    ['no JSON', '{'],
    ['a list', '[]'],
    ['no private key', without('private_key')],
    ['no address', without('client_email')],
    ['another kind of file', { ...right, type: 'authorized_user', private_key: undefined }],
    ['no PEM', { ...right, private_key: 'text' }],
    ['a short key', { ...right, private_key: pem(short) }],
    ['a key of another kind', { ...right, private_key: pem(ec) }],
  ]) {
    if (content !== undefined)
      await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
    const args = [
      'serve',
      '--data',
      path.join(folder, 'data'),
      '--listen',
      '127.0.0.1:0',
      '--bridge-key',
      file,
    ];
    const { code, stdout, stderr } = await run(args, { millis: 10_000 });
    assert.equal(code, 1, `${name}: it started:\n${stdout}${stderr}`);
    const sentence = stderr.slice(stderr.indexOf('firekeep: '));
    assert.match(sentence, /--bridge-key/, name);
    assert.ok(sentence.includes(file), `${name}: the file is named: ${sentence}`);
    assert.doesNotMatch(sentence, /panicked|BEGIN PRIVATE|[A-Za-z0-9+/]{40}/, name);
    t.diagnostic(`${name}: ${sentence.trim()}`);
  }
});
