/**
 * The main flow, in safe mode, with the unmodified `firebase` SDK and `jose`: auth specification, section 1.
 * An app's account signs in with a custom token, refreshes, changes its profile, signs out; everything is still there
 * after a restart. (`kill -9` is `crash.test.mjs`.)
 */

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import path from 'node:path';
import test from 'node:test';

import {
  EmailAuthProvider,
  createUserWithEmailAndPassword,
  deleteUser,
  linkWithCredential,
  reload,
  signInAnonymously,
  signInWithCustomToken,
  signInWithEmailAndPassword,
  signOut,
  updatePassword,
  updateProfile,
} from 'firebase/auth';
import { createRemoteJWKSet, importX509, jwtVerify } from 'jose';

import { authOf } from './client.mjs';
import {
  Server,
  command,
  customToken,
  decode,
  nextSecond,
  project,
  safeServer,
  serviceAccount,
  temporaryFolder,
} from './harness.mjs';

const PASSWORD = 'correct horse battery staple';
const ISSUER = 'https://securetoken.google.com/';
const AUDIENCE =
  'https://identitytoolkit.googleapis.com/google.identity.identitytoolkit.v1.IdentityToolkit';
const JWKS = '/.well-known/jwks.json';
const SECURE_TOKEN_ACCOUNT = 'securetoken@system.gserviceaccount.com';

function code(expected) {
  return (error) => {
    assert.equal(error.code, expected, String(error));
    return true;
  };
}

/** Verifies as any backend would: auth specification, section 20.4. */
function verify(server, projectId, token) {
  const keys = createRemoteJWKSet(new URL(JWKS, server.url));
  return jwtVerify(token, keys, {
    algorithms: ['RS256'],
    issuer: ISSUER + projectId,
    audience: projectId,
    requiredClaims: ['sub', 'exp', 'iat', 'auth_time'],
  });
}

async function signUp(server, body) {
  const answer = await server.post('/account/v1/signup', { password: PASSWORD, ...body });
  assert.equal(answer.status, 201, answer.text);
  return answer.body;
}

async function logIn(server, body) {
  const answer = await server.post('/account/v1/login', { password: PASSWORD, ...body });
  assert.equal(answer.status, 200, answer.text);
  return answer.body;
}

function refresh(server, apiKey, refreshToken) {
  return server.post(`/securetoken.googleapis.com/v1/token?key=${apiKey}`, {
    grant_type: 'refresh_token',
    refresh_token: refreshToken,
  });
}

test('the main flow', async (t) => {
  const setup = await safeServer(t);
  const { server, projectId, apiKey, accounts } = setup;
  const client = (context) => authOf(context, { url: server.url, apiKey, projectId });

  await t.test('a new account is answered with a custom token', async () => {
    const email = 'Alice@Example.com';
    const answer = await signUp(server, { email, username: 'alice', displayName: 'Alice' });
    assert.equal(answer.tokenType, 'firebase-custom-token');
    assert.equal(answer.expiresIn, 300);
    assert.match(answer.uid, /^[A-Za-z0-9]{28}$/);
    // The names that no-code tools pick by JSON path.
    assert.equal(answer.token, answer.customToken);
    assert.equal(answer.jwt_token, answer.customToken);
    const { header, claims } = decode(answer.customToken);
    assert.equal(header.alg, 'RS256');
    assert.equal(claims.aud, AUDIENCE);
    assert.equal(claims.iss, claims.sub);
    assert.equal(claims.uid, answer.uid);
    assert.equal(claims.exp - claims.iat, 300);
  });

  await t.test('login by email address and by username finds the same account', async () => {
    const first = await logIn(server, { login: 'alice@example.com' });
    const others = [
      { login: 'ALICE@EXAMPLE.COM' },
      { login: 'alice' },
      { login: 'Alice' },
      { email: 'alice@example.com' },
      { username: 'alice' },
    ];
    for (const body of others) {
      assert.equal((await logIn(server, body)).uid, first.uid, JSON.stringify(body));
    }
  });

  await t.test('every wrong login has the same answer', async () => {
    const wrong = [
      { login: 'alice@example.com', password: 'wrong password' },
      { login: 'alice', password: 'wrong password' },
      { login: 'nobody@example.com', password: PASSWORD },
      { login: 'nobody', password: PASSWORD },
    ];
    const answers = [];
    for (const body of wrong) {
      const { status, body: found } = await server.post('/account/v1/login', body);
      assert.equal(status, 401, JSON.stringify(body));
      assert.equal(found.error.code, 'invalid_credentials');
      answers.push(found.error.message);
    }
    assert.equal(new Set(answers).size, 1, 'the message does not tell the cases apart');
  });

  await t.test('a sign-up that cannot be is refused', async () => {
    const rows = [
      [{ email: 'weak@example.com', password: '12345' }, 400, 'weak_password'],
      [{ password: PASSWORD }, 400, 'invalid_request'],
      [{ email: 'no-at-sign', password: PASSWORD }, 400, 'invalid_request'],
      [{ username: 'a b', password: PASSWORD }, 400, 'invalid_request'],
    ];
    for (const [body, status, expected] of rows) {
      const answer = await server.post('/account/v1/signup', body);
      assert.equal(answer.status, status, answer.text);
      assert.equal(answer.body.error.code, expected, answer.text);
      assert.equal(typeof answer.body.error.message, 'string');
    }
    const taken = await server.post('/account/v1/signup', {
      username: 'ALICE',
      password: PASSWORD,
    });
    assert.equal(taken.status, 409, taken.text);
    assert.equal(taken.body.error.code, 'already_exists');
    // Whether an address is known may be hidden, but it is never signed in.
    const email = 'alice@example.com';
    const known = await server.post('/account/v1/signup', { email, password: 'another one' });
    assert.ok([202, 409].includes(known.status), known.text);
    assert.doesNotMatch(known.text, /eyJ/);
  });

  await t.test('the SDK signs in with the custom token and knows the uid', async (s) => {
    const { uid, customToken: token } = await logIn(server, { login: 'alice' });
    const { user } = await signInWithCustomToken(client(s), token);
    assert.equal(user.uid, uid);
    assert.equal(user.isAnonymous, false);
    assert.equal(user.email, 'alice@example.com');
    assert.equal(user.displayName, 'Alice');
    assert.equal((await user.getIdTokenResult()).signInProvider, 'custom');
    assert.ok(Number.isFinite(Date.parse(user.metadata.creationTime)));
    assert.ok(Number.isFinite(Date.parse(user.metadata.lastSignInTime)));
  });

  await t.test('a token of `firekeep token` signs in, and creates the user', async (s) => {
    const uid = 'external/user 1 ü';
    const token = await customToken(accounts[0].file, uid);
    const first = await signInWithCustomToken(client(s), token);
    assert.equal(first.user.uid, uid);
    assert.deepEqual(first.user.providerData, []);
    assert.equal(first.user.email, null);
    // Custom tokens are reusable until they expire.
    const second = await signInWithCustomToken(client(s), token);
    assert.equal(second.user.uid, uid);
  });

  await t.test('a refresh keeps session claims and auth_time', async (s) => {
    const claims = { role: 'editor', teams: ['a', 'b'], level: 3, nested: { deep: true } };
    const token = await customToken(accounts[0].file, 'claims', claims);
    const { user } = await signInWithCustomToken(client(s), token);
    const before = await user.getIdTokenResult();
    await nextSecond();
    const fresh = await user.getIdToken(true);
    assert.notEqual(fresh, before.token);
    const after = await user.getIdTokenResult();
    for (const [name, value] of Object.entries(claims)) {
      assert.deepEqual(before.claims[name], value, name);
      assert.deepEqual(after.claims[name], value, name);
    }
    assert.equal(after.claims.auth_time, before.claims.auth_time);
    assert.ok(Number(after.claims.iat) > Number(before.claims.iat));
    assert.equal(Number(after.claims.exp) - Number(after.claims.iat), 3600);
    assert.equal(after.signInProvider, 'custom');
  });

  await t.test('each session has its own auth_time', async (s) => {
    const token = await customToken(accounts[0].file, 'two-devices');
    const { user: phone } = await signInWithCustomToken(client(s), token);
    const at = (await phone.getIdTokenResult()).claims.auth_time;
    await nextSecond();
    const { user: laptop } = await signInWithCustomToken(client(s), token);
    assert.ok(Number((await laptop.getIdTokenResult()).claims.auth_time) > Number(at));
    assert.equal((await phone.getIdTokenResult(true)).claims.auth_time, at);
  });

  await t.test('a profile changes, and the next token tells', async (s) => {
    const auth = client(s);
    const { user } = await signInWithCustomToken(
      auth,
      await customToken(accounts[0].file, 'profile'),
    );
    const photoURL = 'https://example.com/photo.png';
    await updateProfile(user, { displayName: 'Grace Hopper', photoURL });
    assert.equal(user.displayName, 'Grace Hopper');
    await reload(user);
    assert.equal(user.displayName, 'Grace Hopper');
    assert.equal(user.photoURL, photoURL);
    const { claims } = await user.getIdTokenResult(true);
    assert.equal(claims.name, 'Grace Hopper');
    assert.equal(claims.picture, photoURL);
    // An empty name clears it.
    await updateProfile(user, { displayName: '' });
    await reload(user);
    assert.ok(!user.displayName, `still ${user.displayName}`);
    assert.equal(user.photoURL, photoURL);
  });

  await t.test('any JWT library verifies the ID token from the published keys', async (s) => {
    const token = await customToken(accounts[0].file, 'verified', { admin: true });
    const { user } = await signInWithCustomToken(client(s), token);
    const idToken = await user.getIdToken();
    const { payload, protectedHeader } = await verify(server, projectId, idToken);
    assert.equal(payload.sub, 'verified');
    assert.equal(payload.user_id, 'verified');
    assert.equal(payload.admin, true);
    assert.ok(payload.auth_time <= Date.now() / 1000);
    assert.deepEqual(payload.firebase.identities, {});
    assert.equal(payload.firebase.sign_in_provider, 'custom');
    assert.equal(protectedHeader.typ, 'JWT');
    assert.match(protectedHeader.kid, /^[0-9a-f]{40}$/);

    const [header, body, signature] = idToken.split('.');
    const { claims } = decode(idToken);
    const forged = Buffer.from(JSON.stringify({ ...claims, sub: 'admin' })).toString('base64url');
    await assert.rejects(verify(server, projectId, [header, forged, signature].join('.')));
    await assert.rejects(verify(server, 'another-project', [header, body, signature].join('.')));

    const certificates = await server.get(
      `/www.googleapis.com/robot/v1/metadata/x509/${SECURE_TOKEN_ACCOUNT}`,
    );
    assert.equal(certificates.status, 200);
    const pem = certificates.body[protectedHeader.kid];
    const certificate = new X509Certificate(pem);
    assert.ok(new Date(certificate.validTo) > new Date());
    const options = { issuer: ISSUER + projectId, audience: projectId };
    assert.ok(await jwtVerify(idToken, await importX509(pem, 'RS256'), options));
  });

  await t.test('the keys are published where consumers look, and may be cached', async () => {
    const { body: keys } = await server.get(JWKS);
    assert.ok(keys.keys.length > 0);
    for (const key of keys.keys) {
      assert.deepEqual(
        { kty: key.kty, alg: key.alg, use: key.use, e: key.e },
        { kty: 'RSA', alg: 'RS256', use: 'sig', e: 'AQAB' },
      );
      assert.equal(key.d, undefined, 'no private part');
    }
    const account = encodeURIComponent(SECURE_TOKEN_ACCOUNT);
    for (const route of [
      `/www.googleapis.com/service_accounts/v1/jwk/${SECURE_TOKEN_ACCOUNT}`,
      `/www.googleapis.com/service_accounts/v1/jwk/${account}`,
      `/www.googleapis.com/service_accounts/v1/metadata/jwk/${account}`,
    ]) {
      const answer = await server.get(route);
      assert.equal(answer.status, 200, route);
      assert.deepEqual(answer.body, keys, route);
      assert.match(answer.headers['cache-control'], /^public, max-age=[1-9][0-9]*/, route);
      assert.match(answer.headers['content-type'], /^application\/json/i, route);
    }
    const discovery = await server.get(
      `/securetoken.google.com/${projectId}/.well-known/openid-configuration`,
    );
    assert.equal(discovery.status, 200);
    assert.equal(discovery.body.issuer, ISSUER + projectId);
    assert.deepEqual(discovery.body.id_token_signing_alg_values_supported, ['RS256']);
    assert.deepEqual(discovery.body.subject_types_supported, ['public']);
    assert.ok(URL.canParse(discovery.body.jwks_uri), discovery.body.jwks_uri);
    // The service account's public key, for whoever checks custom tokens.
    const { client_email: email, private_key_id: kid } = accounts[0].key;
    const own = await server.get(
      `/www.googleapis.com/service_accounts/v1/jwk/${encodeURIComponent(email)}`,
    );
    assert.equal(own.status, 200, own.text);
    assert.deepEqual(own.body.keys.map((key) => key.kid), [kid]);
    const token = await customToken(accounts[0].file, 'checked-by-others');
    for (const kind of ['robot/v1/metadata/x509', 'service_accounts/v1/metadata/x509']) {
      const found = await server.get(`/www.googleapis.com/${kind}/${encodeURIComponent(email)}`);
      assert.equal(found.status, 200, found.text);
      assert.match(found.headers['cache-control'], /max-age=3600/);
      assert.deepEqual(Object.keys(found.body), [kid]);
      const certificate = new X509Certificate(found.body[kid]);
      assert.equal(certificate.subject, `CN=${email.replace('@', '.')}`);
      assert.ok(certificate.verify(certificate.publicKey), 'self-signed');
      assert.ok(new Date(certificate.validTo).getUTCFullYear() === 9999);
      const key = await importX509(found.body[kid], 'RS256');
      const { payload } = await jwtVerify(token, key, { issuer: email, audience: AUDIENCE });
      assert.equal(payload.uid, 'checked-by-others');
    }
    // Where the key file says.
    const { pathname } = new URL(accounts[0].key.client_x509_cert_url);
    assert.deepEqual(Object.keys((await server.get(pathname)).body), [kid]);
    const nobody = await server.get('/www.googleapis.com/robot/v1/metadata/x509/nobody%40a.b');
    assert.equal(nobody.status, 404);
  });

  await t.test('signing out in the SDK is local', async (s) => {
    const auth = client(s);
    const token = await customToken(accounts[0].file, 'leaves');
    const { user } = await signInWithCustomToken(auth, token);
    const { refreshToken } = user;
    await signOut(auth);
    assert.equal(auth.currentUser, null);
    const answer = await refresh(server, apiKey, refreshToken);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.body.user_id, 'leaves');
    assert.equal(answer.body.token_type, 'Bearer');
    assert.equal(answer.body.expires_in, '3600');
    assert.equal(answer.body.access_token, answer.body.id_token);
  });

  await t.test('the account server knows its caller by the ID token', async (s) => {
    const { uid, customToken: token } = await logIn(server, { login: 'alice' });
    const { user } = await signInWithCustomToken(client(s), token);
    const bearer = await user.getIdToken();
    const me = await server.get('/account/v1/me', { bearer });
    assert.equal(me.status, 200, me.text);
    assert.equal(me.body.uid, uid);
    assert.equal(me.body.email, 'alice@example.com');
    assert.equal(me.body.username, 'alice');
    assert.doesNotMatch(me.text, /argon2|password/i);
    const again = await server.post('/account/v1/token', {}, { bearer });
    assert.equal(again.status, 200, again.text);
    const second = await signInWithCustomToken(client(s), again.body.customToken);
    assert.equal(second.user.uid, uid);
    for (const options of [{}, { bearer: 'garbage' }, { bearer: token }]) {
      assert.equal((await server.get('/account/v1/me', options)).status, 401);
    }
  });

  await t.test('logging out ends this session, or all of them, at once', async (s) => {
    const session = async () => {
      const { customToken: token } = await logIn(server, { login: 'alice' });
      const { user } = await signInWithCustomToken(client(s), token);
      return { user, bearer: await user.getIdToken() };
    };
    const [first, second, third] = [await session(), await session(), await session()];
    const out = await server.post('/account/v1/logout', {}, { bearer: first.bearer });
    assert.equal(out.status, 204, out.text);
    await assert.rejects(first.user.getIdToken(true), code('auth/user-token-expired'));
    assert.equal((await server.get('/account/v1/me', { bearer: first.bearer })).status, 401);
    assert.ok(await second.user.getIdToken(true), 'the other session goes on');

    const everywhere = { everywhere: true };
    const all = await server.post('/account/v1/logout', everywhere, { bearer: second.bearer });
    assert.equal(all.status, 204, all.text);
    for (const { user, bearer } of [second, third]) {
      await assert.rejects(user.getIdToken(true), code('auth/user-token-expired'));
      assert.equal((await server.get('/account/v1/me', { bearer })).status, 401);
    }
    const fresh = await session();
    assert.ok(await fresh.user.getIdToken(true), 'a new login works at once');
  });

  await t.test('a changed password ends the other sessions', async (s) => {
    const { uid } = await signUp(server, { username: 'changes' });
    const token = (await logIn(server, { login: 'changes' })).customToken;
    const { user } = await signInWithCustomToken(client(s), token);
    const bearer = await user.getIdToken();
    const change = (body) => server.post('/account/v1/password/change', body, { bearer });
    const newPassword = 'an even better password';
    const wrong = await change({ oldPassword: 'not this one', newPassword });
    assert.equal(wrong.status, 401, wrong.text);
    const weak = await change({ oldPassword: PASSWORD, newPassword: '12345' });
    assert.equal(weak.body.error.code, 'weak_password');
    const changed = await change({ oldPassword: PASSWORD, newPassword });
    assert.equal(changed.status, 200, changed.text);
    assert.equal(changed.body.uid, uid);
    await assert.rejects(user.getIdToken(true), code('auth/user-token-expired'));
    const next = await signInWithCustomToken(client(s), changed.body.customToken);
    assert.ok(await next.user.getIdToken(true));
    await logIn(server, { login: 'changes', password: newPassword });
    const old = await server.post('/account/v1/login', { login: 'changes', password: PASSWORD });
    assert.equal(old.status, 401);
  });

  await t.test('the SDK signs up and in with email address and password', async (s) => {
    const email = 'sdk@example.com';
    const auth = client(s);
    const { user } = await createUserWithEmailAndPassword(auth, email, PASSWORD);
    assert.equal(user.email, email);
    assert.deepEqual(user.providerData.map((entry) => entry.providerId), ['password']);
    await assert.rejects(
      createUserWithEmailAndPassword(client(s), email, PASSWORD),
      code('auth/email-already-in-use'),
    );
    const other = await signInWithEmailAndPassword(client(s), 'SDK@example.com', PASSWORD);
    assert.equal(other.user.uid, user.uid);
    const { claims, signInProvider } = await other.user.getIdTokenResult();
    assert.equal(signInProvider, 'password');
    assert.deepEqual(claims.firebase.identities, { email: [email] });
    assert.equal(claims.email_verified, false);
    for (const [name, password] of [[email, 'wrong'], ['nobody@example.com', PASSWORD]]) {
      await assert.rejects(
        signInWithEmailAndPassword(client(s), name, password),
        code('auth/invalid-credential'),
      );
    }
    // The account server and Identity Toolkit have one user store.
    assert.equal((await logIn(server, { login: email })).uid, user.uid);
    // The device that changes the password stays signed in; the other does not.
    await updatePassword(user, 'the second password');
    assert.ok(await user.getIdToken(true));
    await assert.rejects(other.user.getIdToken(true), code('auth/user-token-expired'));
    await deleteUser(user);
    await assert.rejects(
      signInWithEmailAndPassword(client(s), email, 'the second password'),
      code('auth/invalid-credential'),
    );
  });

  await t.test('an anonymous user can take an email address and password', async (s) => {
    const auth = client(s);
    const { user } = await signInAnonymously(auth);
    assert.equal(user.isAnonymous, true);
    const { uid } = user;
    assert.equal((await user.getIdTokenResult()).claims.provider_id, 'anonymous');
    const credential = EmailAuthProvider.credential('upgraded@example.com', PASSWORD);
    const linked = await linkWithCredential(user, credential);
    assert.equal(linked.user.uid, uid);
    assert.equal(linked.user.isAnonymous, false);
    assert.ok(await linked.user.getIdToken(true));
    const again = await signInWithEmailAndPassword(client(s), 'upgraded@example.com', PASSWORD);
    assert.equal(again.user.uid, uid);
  });

  await t.test('a deleted user is signed out', async (s) => {
    const token = await customToken(accounts[0].file, 'goes-away');
    const here = await signInWithCustomToken(client(s), token);
    const there = await signInWithCustomToken(client(s), token);
    await deleteUser(here.user);
    const gone = await refresh(server, apiKey, there.user.refreshToken);
    assert.equal(gone.body?.error?.message, 'INVALID_REFRESH_TOKEN', gone.text);
    await assert.rejects(reload(there.user), code('auth/user-token-expired'));
  });

  await t.test('tokens are never cached', async () => {
    const token = await customToken(accounts[0].file, 'uncached');
    const route = `/identitytoolkit.googleapis.com/v1/accounts:signInWithCustomToken?key=${apiKey}`;
    const answers = [
      await server.post('/account/v1/login', { login: 'alice', password: PASSWORD }),
      await server.post(route, { token, returnSecureToken: true }),
    ];
    answers.push(await refresh(server, apiKey, answers[1].body.refreshToken));
    for (const answer of answers) {
      assert.equal(answer.status, 200, answer.text);
      assert.match(answer.headers['cache-control'], /no-store/);
    }
  });

  await t.test('no password and no token is in the log', () => {
    assert.ok(!server.output.includes(PASSWORD));
    assert.doesNotMatch(server.output, /eyJ[A-Za-z0-9_-]+\.eyJ|fk1\.|PRIVATE KEY/);
  });

  await t.test('it stops on SIGTERM with exit code 0', () => server.stop());
});

test('a restart keeps accounts, sessions and keys', async (t) => {
  const { server: first, accounts, ...rest } = await safeServer(t);
  const client = () => authOf(t, { url: first.url, ...rest });
  const uid = 'stays';
  const token = await customToken(accounts[0].file, uid, { role: 'editor' });
  const { user } = await signInWithCustomToken(client(), token);
  await updateProfile(user, { displayName: 'Stays' });
  const ended = await signInWithCustomToken(client(), token);
  const bearer = await ended.user.getIdToken();
  assert.equal((await first.post('/account/v1/logout', {}, { bearer })).status, 204);
  await signUp(first, { username: 'restarts' });
  const before = await user.getIdToken(true);
  const keys = (await first.get(JWKS)).body;
  await first.stop();

  const second = await first.again();
  t.after(() => second.abandon());
  assert.deepEqual((await second.get(JWKS)).body, keys);
  assert.ok(await verify(second, rest.projectId, before));
  await reload(user);
  assert.equal(user.displayName, 'Stays');
  const { claims } = await user.getIdTokenResult(true);
  assert.equal(claims.sub, uid);
  assert.equal(claims.role, 'editor');
  assert.equal(claims.auth_time, decode(before).claims.auth_time);
  await assert.rejects(ended.user.getIdToken(true), code('auth/user-token-expired'));
  await logIn(second, { login: 'restarts' });
  await second.stop();
});

test('the command line and the server share a data folder', async (t) => {
  const folder = await temporaryFolder(t);
  const data = path.join(folder, 'data');
  // Stopped: the folder is made.
  const made = await serviceAccount(data, path.join(folder, 'stopped.json'), '--name', 'stopped');
  const email = 'made@example.com';
  await command('user', 'create', '--data', data, '--email', email, '--password', PASSWORD);
  const { projectId, apiKeys } = await project(data);
  assert.equal(made.key.project_id, projectId);
  const server = await Server.start({ data });
  t.after(() => server.abandon());
  const { uid } = await logIn(server, { login: email });

  // Running: what a command makes works at once, and it sees what the server made.
  const out = path.join(folder, 'running.json');
  const late = await serviceAccount(data, out, '--name', 'running');
  assert.notEqual(late.key.client_email, made.key.client_email);
  const second = 'second@example.com';
  await command('user', 'create', '--data', data, '--email', second, '--password', PASSWORD);
  assert.notEqual((await logIn(server, { login: second })).uid, uid);
  assert.deepEqual((await project(data)).apiKeys, apiKeys);
  const shown = await command('user', 'get', email, '--data', data, '--json');
  assert.equal(JSON.parse(shown).uid, uid);
  for (const { file } of [made, late]) {
    const token = await customToken(file, 'by-command');
    const auth = authOf(t, { url: server.url, apiKey: apiKeys[0], projectId });
    assert.equal((await signInWithCustomToken(auth, token)).user.uid, 'by-command');
  }
  await server.stop();
});
