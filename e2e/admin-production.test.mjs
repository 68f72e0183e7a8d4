/**
 * The unmodified `firebase-admin` SDK in production mode against a server in safe mode with TLS: auth specification,
 * sections 17.1 and 20.3. The SDK calls Google's host names; an agent leads its connections here, and a certificate of
 * those names, made for the test, answers.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import test from 'node:test';

import { cert, deleteApp, initializeApp } from 'firebase-admin/app';
import { getAuth } from 'firebase-admin/auth';
import { createRemoteJWKSet, customFetch, jwtVerify } from 'jose';

import {
  Server,
  certificate,
  command,
  customToken,
  decode,
  nextSecond,
  project,
  serviceAccount,
  temporaryFolder,
} from './harness.mjs';

const HOSTS = [
  'identitytoolkit.googleapis.com',
  'securetoken.googleapis.com',
  'www.googleapis.com',
  'oauth2.googleapis.com',
  'localhost',
];

/** Leads every connection to a server on loopback, whatever its name. */
class Redirect extends https.Agent {
  constructor(port, ca) {
    super({ keepAlive: true });
    this.to = { host: '127.0.0.1', port, ca };
    this.hosts = new Set();
  }

  createConnection(options, callback) {
    const servername = options.servername || options.host;
    this.hosts.add(servername);
    return super.createConnection({ ...options, ...this.to, servername }, callback);
  }
}

const failsWith = (code) => (error) => {
  assert.equal(error.code, code, String(error));
  return true;
};

test('firebase-admin in production mode, over TLS', async (t) => {
  assert.equal(process.env.FIREBASE_AUTH_EMULATOR_HOST, undefined);
  const folder = await temporaryFolder(t);
  const data = path.join(folder, 'data');
  const { file, key } = await serviceAccount(data, path.join(folder, 'key.json'));
  const { projectId, apiKeys } = await project(data);
  const tls = certificate(path.join(folder, 'tls'), HOSTS);
  const server = await Server.start({
    data,
    args: ['--tls-cert', tls.crt, '--tls-key', tls.key],
  });
  t.after(() => server.abandon());
  assert.match(server.url, /^https:/);
  const ca = readFileSync(tls.crt);
  const agent = new Redirect(server.port, ca);
  t.after(() => agent.destroy());
  // From the file: with a parsed object the SDK forgets the agent when it fetches its access token.
  const app = initializeApp({ credential: cert(file, agent), httpAgent: agent, projectId });
  t.after(() => deleteApp(app));
  const admin = getAuth(app);

  /** A client's request to an address of Google's, led here. */
  const call = (host, route, body, headers = {}) =>
    new Promise((resolve, reject) => {
      const options = {
        host,
        path: route,
        method: body === undefined ? 'GET' : 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        agent,
      };
      const request = https.request(options, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part) => (text += part));
        response.on('end', () => resolve({ status: response.statusCode, body: JSON.parse(text) }));
      });
      request.on('error', reject);
      request.end(body === undefined ? undefined : JSON.stringify(body));
    });
  const signIn = async (token) => {
    const route = `/v1/accounts:signInWithCustomToken?key=${apiKeys[0]}`;
    const answer = await call('identitytoolkit.googleapis.com', route, { token });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return answer.body;
  };
  const refresh = (refreshToken) =>
    call('securetoken.googleapis.com', `/v1/token?key=${apiKeys[0]}`, {
      grant_type: 'refresh_token',
      refresh_token: refreshToken,
    });

  await t.test('the key file has what Admin SDKs need', () => {
    assert.equal(key.type, 'service_account');
    assert.equal(key.project_id, projectId);
    assert.match(key.private_key_id, /^[0-9a-f]{40}$/);
    assert.match(key.private_key, /^-----BEGIN PRIVATE KEY-----\n/);
    assert.match(key.client_email, /^[a-z0-9-]+@.+\.iam\.gserviceaccount\.com$/);
    assert.match(key.client_id, /^[0-9]{21}$/);
    assert.match(key.token_uri, /\/token$/);
    assert.ok(key.client_x509_cert_url.endsWith(encodeURIComponent(key.client_email)));
    assert.equal(key.universe_domain, 'googleapis.com');
  });

  await t.test('the SDK’s custom token and that of `firekeep token` are equal', async () => {
    const claims = { role: 'editor', level: 3 };
    const theirs = await admin.createCustomToken('both', claims);
    const ours = await customToken(file, 'both', claims);
    const [a, b] = [decode(theirs), decode(ours)];
    assert.deepEqual(b.header, a.header);
    assert.deepEqual(Object.keys(b.claims).sort(), Object.keys(a.claims).sort());
    for (const { claims: found } of [a, b]) assert.equal(found.exp - found.iat, 3600);
    const times = { iat: 0, exp: 0 };
    assert.deepEqual({ ...b.claims, ...times }, { ...a.claims, ...times });
    const [plain, ourPlain] = [
      decode(await admin.createCustomToken('plain')),
      decode(await customToken(file, 'plain')),
    ];
    assert.deepEqual({ ...ourPlain.claims, ...times }, { ...plain.claims, ...times });

    for (const token of [theirs, ours]) {
      const found = decode((await signIn(token)).idToken).claims;
      assert.equal(found.sub, 'both');
      assert.equal(found.role, 'editor');
    }
  });

  await t.test('`verifyIdToken` accepts our ID tokens, and only whole ones', async () => {
    const { idToken } = await signIn(await admin.createCustomToken('checked', { a: 1 }));
    const claims = await admin.verifyIdToken(idToken);
    assert.equal(claims.uid, 'checked');
    assert.equal(claims.a, 1);
    assert.equal((await admin.verifyIdToken(idToken, true)).uid, 'checked');
    const [header, , signature] = idToken.split('.');
    const payload = Buffer.from(JSON.stringify({ ...claims, sub: 'x' })).toString('base64url');
    await assert.rejects(
      admin.verifyIdToken(`${header}.${payload}.${signature}`),
      failsWith('auth/argument-error'),
    );
    assert.ok(agent.hosts.has('www.googleapis.com'), 'it fetched our certificates');
    const certificates = '/robot/v1/metadata/x509/securetoken@system.gserviceaccount.com';
    const published = await call('www.googleapis.com', certificates);
    assert.ok(decode(idToken).header.kid in published.body);
    assert.deepEqual(await call('localhost', certificates), published, 'the bare form too');
    const discovery = (id) => call('localhost', `/${id}/.well-known/openid-configuration`);
    assert.equal((await discovery(projectId)).body.issuer, claims.iss);
    assert.equal((await discovery('another-project')).status, 404);
    const own = createRemoteJWKSet(new URL('https://localhost/.well-known/jwks.json'), {
      [customFetch]: async (url) =>
        Response.json((await call(new URL(url).hostname, new URL(url).pathname)).body),
    });
    const issuer = `https://securetoken.google.com/${projectId}`;
    assert.ok(await jwtVerify(idToken, own, { issuer, audience: projectId }));
  });

  await t.test('users are administrated with an access token of ours', async () => {
    const email = 'prod@example.com';
    const made = await admin.createUser({ uid: 'prod', email, password: 'a long password' });
    assert.equal(made.email, email);
    assert.equal((await admin.getUserByEmail(email)).uid, 'prod');
    assert.equal((await admin.updateUser('prod', { displayName: 'P' })).displayName, 'P');
    await admin.setCustomUserClaims('prod', { role: 'owner' });
    assert.deepEqual((await admin.getUser('prod')).customClaims, { role: 'owner' });
    const { users } = await admin.listUsers(10);
    assert.ok(users.some((user) => user.uid === 'prod'));
    await admin.deleteUser('prod');
    await assert.rejects(admin.getUser('prod'), failsWith('auth/user-not-found'));
    assert.ok(agent.hosts.has('oauth2.googleapis.com') || agent.hosts.has('www.googleapis.com'));
  });

  await t.test('a revocation check sees revocation and disabling', async () => {
    const { idToken, refreshToken } = await signIn(await admin.createCustomToken('leaver'));
    await nextSecond();
    await admin.revokeRefreshTokens('leaver');
    assert.equal((await admin.verifyIdToken(idToken)).uid, 'leaver', 'unchecked, it still holds');
    await assert.rejects(admin.verifyIdToken(idToken, true), failsWith('auth/id-token-revoked'));
    assert.equal((await refresh(refreshToken)).body.error.message, 'TOKEN_EXPIRED');

    const next = await signIn(await admin.createCustomToken('leaver'));
    assert.equal((await admin.verifyIdToken(next.idToken, true)).uid, 'leaver');
    await admin.updateUser('leaver', { disabled: true });
    await assert.rejects(
      admin.verifyIdToken(next.idToken, true),
      failsWith('auth/user-disabled'),
    );
    assert.equal((await refresh(next.refreshToken)).body.error.message, 'USER_DISABLED');
  });

  await t.test('a service account can be its own access token', async () => {
    const { SignJWT, importPKCS8 } = await import('jose');
    const signer = await importPKCS8(key.private_key, 'RS256');
    const make = (claims) =>
      new SignJWT({ iss: key.client_email, sub: key.client_email, ...claims })
        .setProtectedHeader({ alg: 'RS256', kid: key.private_key_id, typ: 'JWT' })
        .setIssuedAt()
        .setExpirationTime('1h')
        .sign(signer);
    const lookup = async (bearer) => {
      const route = `/v1/projects/${projectId}/accounts:lookup`;
      const headers = { authorization: `Bearer ${bearer}` };
      const body = { localId: ['leaver'] };
      return (await call('identitytoolkit.googleapis.com', route, body, headers)).status;
    };
    assert.equal(await lookup(await make({ aud: 'https://identitytoolkit.googleapis.com/' })), 200);
    assert.equal(await lookup(await make({ aud: 'https://pubsub.googleapis.com/' })), 401);
    assert.equal(await lookup('owner'), 401);
  });

  await t.test('a disabled service account administrates no more, at once', async () => {
    await command('service-account', 'disable', key.client_email, '--data', data);
    await assert.rejects(admin.getUser('leaver'));
    const route = `/v1/accounts:signInWithCustomToken?key=${apiKeys[0]}`;
    const token = await admin.createCustomToken('leaver');
    const answer = await call('identitytoolkit.googleapis.com', route, { token });
    assert.equal(answer.body.error.message.split(' ')[0], 'CREDENTIAL_MISMATCH');
    agent.destroy();
    await server.stop();
  });
});
