/**
 * The unmodified `firebase-admin` SDK in emulator mode against a server in dev mode: auth specification, sections 17 and
 * 20.3. It always sends `Bearer owner`, so this is for a developer's machine only; `admin-production.test.mjs` is the
 * other half.
 */

import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';

import { deleteApp, initializeApp } from 'firebase-admin/app';
import { getAuth } from 'firebase-admin/auth';
import { signInWithCustomToken, signInWithEmailAndPassword } from 'firebase/auth';

import { authOf } from './client.mjs';
import { Server, decode, temporaryFolder } from './harness.mjs';

const PROJECT = 'demo-firekeep';
const PASSWORD = 'a password of the admin';

const failsWith = (code) => (error) => {
  assert.equal(error.code, code, String(error));
  return true;
};

test('firebase-admin in emulator mode', async (t) => {
  const data = path.join(await temporaryFolder(t), 'data');
  const server = await Server.start({ data, dev: true });
  t.after(() => server.abandon());
  process.env.FIREBASE_AUTH_EMULATOR_HOST = `127.0.0.1:${server.port}`;
  const app = initializeApp({ projectId: PROJECT });
  t.after(() => deleteApp(app));
  const admin = getAuth(app);
  const client = (context) =>
    authOf(context, { url: server.url, apiKey: 'any', projectId: PROJECT });

  await t.test('creates a user with everything, and finds it every way', async () => {
    const made = await admin.createUser({
      uid: 'ada',
      email: 'Ada@Example.com',
      emailVerified: true,
      password: PASSWORD,
      displayName: 'Ada Lovelace',
      photoURL: 'https://example.com/ada.png',
      phoneNumber: '+441234567890',
    });
    assert.equal(made.uid, 'ada');
    for (const user of [
      made,
      await admin.getUser('ada'),
      await admin.getUserByEmail('ada@example.com'),
      await admin.getUserByEmail('ADA@example.com'),
      await admin.getUserByPhoneNumber('+441234567890'),
    ]) {
      assert.equal(user.uid, 'ada');
      assert.equal(user.email, 'ada@example.com');
      assert.equal(user.emailVerified, true);
      assert.equal(user.displayName, 'Ada Lovelace');
      assert.equal(user.photoURL, 'https://example.com/ada.png');
      assert.equal(user.phoneNumber, '+441234567890');
      assert.equal(user.disabled, false);
      const providers = user.providerData.map((entry) => entry.providerId).sort();
      assert.deepEqual(providers, ['password', 'phone']);
      assert.ok(Date.parse(user.metadata.creationTime) > Date.now() - 600_000);
      assert.ok(user.tokensValidAfterTime);
    }
    const generated = await admin.createUser({});
    assert.match(generated.uid, /^[A-Za-z0-9]{28}$/);
    assert.deepEqual(generated.providerData, []);
  });

  await t.test('refuses what is taken, wrong or unknown', async () => {
    const rows = [
      [() => admin.createUser({ uid: 'ada' }), 'auth/uid-already-exists'],
      [() => admin.createUser({ email: 'ada@example.com' }), 'auth/email-already-exists'],
      [() => admin.createUser({ phoneNumber: '+441234567890' }), 'auth/phone-number-already-exists'],
      [() => admin.getUser('nobody'), 'auth/user-not-found'],
      [() => admin.getUserByEmail('nobody@example.com'), 'auth/user-not-found'],
      [() => admin.updateUser('nobody', { displayName: 'x' }), 'auth/user-not-found'],
      [() => admin.deleteUser('nobody'), 'auth/user-not-found'],
    ];
    for (const [call, code] of rows) await assert.rejects(call(), failsWith(code));
    await admin.createUser({ uid: 'grace', email: 'grace@example.com' });
    await assert.rejects(
      admin.updateUser('grace', { email: 'ada@example.com' }),
      failsWith('auth/email-already-exists'),
    );
    // A refused creation leaves nothing behind.
    await assert.rejects(admin.createUser({ uid: 'half', email: 'ada@example.com' }));
    await assert.rejects(admin.getUser('half'), failsWith('auth/user-not-found'));
  });

  await t.test('finds many at once', async () => {
    const { users, notFound } = await admin.getUsers([
      { uid: 'ada' },
      { email: 'grace@example.com' },
      { phoneNumber: '+441234567890' },
      { uid: 'nobody' },
    ]);
    assert.deepEqual(users.map((user) => user.uid).sort(), ['ada', 'grace']);
    assert.deepEqual(notFound, [{ uid: 'nobody' }]);
  });

  await t.test('changes and clears what it likes', async () => {
    const changed = await admin.updateUser('ada', {
      displayName: 'Countess',
      email: 'countess@example.com',
      emailVerified: true,
    });
    assert.equal(changed.displayName, 'Countess');
    assert.equal(changed.email, 'countess@example.com');
    assert.equal(changed.emailVerified, true);
    await assert.rejects(
      admin.getUserByEmail('ada@example.com'),
      failsWith('auth/user-not-found'),
    );
    const cleared = await admin.updateUser('ada', {
      displayName: null,
      photoURL: null,
      phoneNumber: null,
    });
    assert.equal(cleared.displayName, undefined);
    assert.equal(cleared.photoURL, undefined);
    assert.equal(cleared.phoneNumber, undefined);
    assert.deepEqual(cleared.providerData.map((entry) => entry.providerId), ['password']);
    // The number is free again.
    await admin.updateUser('grace', { phoneNumber: '+441234567890' });
    assert.equal((await admin.getUserByPhoneNumber('+441234567890')).uid, 'grace');
  });

  await t.test('a password that it sets signs in', async (s) => {
    await admin.updateUser('ada', { password: 'a newer password' });
    const email = 'countess@example.com';
    const { user } = await signInWithEmailAndPassword(client(s), email, 'a newer password');
    assert.equal(user.uid, 'ada');
    await assert.rejects(signInWithEmailAndPassword(client(s), email, PASSWORD));
  });

  await t.test('custom claims reach the next ID token, below session claims', async (s) => {
    await admin.setCustomUserClaims('ada', { role: 'admin', level: 7 });
    assert.deepEqual((await admin.getUser('ada')).customClaims, { role: 'admin', level: 7 });
    const token = await admin.createCustomToken('ada', { role: 'guest' });
    const { user } = await signInWithCustomToken(client(s), token);
    const { claims } = await user.getIdTokenResult();
    assert.equal(claims.role, 'guest', 'the session’s claim wins');
    assert.equal(claims.level, 7);
    await admin.setCustomUserClaims('ada', { level: 8 });
    assert.equal((await user.getIdTokenResult(true)).claims.level, 8);
    await admin.setCustomUserClaims('ada', null);
    assert.equal((await user.getIdTokenResult(true)).claims.level, undefined);
    assert.equal((await user.getIdTokenResult()).claims.role, 'guest');
    const large = { a: 'x'.repeat(1000) };
    await assert.rejects(admin.setCustomUserClaims('ada', large));
    await assert.rejects(admin.setCustomUserClaims('ada', { firebase: 1 }));
  });

  await t.test('unsigned custom tokens sign in, in dev mode only', async (s) => {
    const token = await admin.createCustomToken('emulated', { a: 1 });
    assert.equal(decode(token).header.alg, 'none');
    const { user } = await signInWithCustomToken(client(s), token);
    assert.equal(user.uid, 'emulated');
    assert.equal((await user.getIdTokenResult()).claims.a, 1);
    const bare = JSON.stringify({ uid: 'bare', claims: { b: 2 } });
    const { user: plain } = await signInWithCustomToken(client(s), bare);
    assert.equal(plain.uid, 'bare');
    assert.equal((await plain.getIdTokenResult()).claims.b, 2);
    const broken = [
      '{"uid":',
      token.replace(/\.[^.]*\./, `.${Buffer.from('{"uid":"x","aud":"y"}').toString('base64url')}.`),
    ];
    for (const wrong of broken) {
      await assert.rejects(
        signInWithCustomToken(client(s), wrong),
        failsWith('auth/invalid-custom-token'),
      );
    }
  });

  await t.test('revoked refresh tokens sign the client out', async (s) => {
    const token = await admin.createCustomToken('revoked');
    const { user } = await signInWithCustomToken(client(s), token);
    // `validSince` is in whole seconds: a session of the same second goes on.
    await new Promise((resolve) => setTimeout(resolve, 1100));
    await admin.revokeRefreshTokens('revoked');
    await assert.rejects(user.getIdToken(true), failsWith('auth/user-token-expired'));
    const { tokensValidAfterTime } = await admin.getUser('revoked');
    assert.ok(Math.abs(Date.parse(tokensValidAfterTime) - Date.now()) < 60_000);
    const again = await signInWithCustomToken(client(s), token);
    assert.ok(await again.user.getIdToken(true), 'a new sign-in works at once');
  });

  await t.test('a disabled user is out, and in again when enabled', async (s) => {
    const token = await admin.createCustomToken('disabled');
    const { user } = await signInWithCustomToken(client(s), token);
    assert.equal((await admin.updateUser('disabled', { disabled: true })).disabled, true);
    await assert.rejects(
      signInWithCustomToken(client(s), token),
      failsWith('auth/user-disabled'),
    );
    await assert.rejects(user.getIdToken(true), failsWith('auth/user-disabled'));
    assert.equal((await admin.updateUser('disabled', { disabled: false })).disabled, false);
    const again = await signInWithCustomToken(client(s), token);
    assert.equal(again.user.uid, 'disabled');
  });

  await t.test('lists users in pages, by uid', async () => {
    for (let index = 0; index < 7; index += 1) await admin.createUser({ uid: `page-${index}` });
    const uids = [];
    let token;
    let pages = 0;
    do {
      const page = await admin.listUsers(3, token);
      assert.ok(page.users.length <= 3);
      uids.push(...page.users.map((user) => user.uid));
      token = page.pageToken;
      pages += 1;
    } while (token);
    assert.ok(pages > 2);
    assert.deepEqual(uids, [...uids].sort(), 'in order');
    assert.equal(new Set(uids).size, uids.length, 'each once');
    assert.ok(uids.includes('page-0') && uids.includes('page-6') && uids.includes('ada'));
    const { users } = await admin.listUsers();
    assert.equal(users.length, uids.length);
    const ada = users.find((user) => user.uid === 'ada');
    assert.ok(ada.passwordHash, 'an export has the hash');
  });

  await t.test('deletes a user with its sessions and names', async (s) => {
    const token = await admin.createCustomToken('grace');
    const { user } = await signInWithCustomToken(client(s), token);
    await admin.deleteUser('grace');
    await assert.rejects(admin.getUser('grace'), failsWith('auth/user-not-found'));
    await assert.rejects(user.getIdToken(true), failsWith('auth/invalid-refresh-token'));
    const again = await admin.createUser({ email: 'grace@example.com' });
    assert.notEqual(again.uid, 'grace');
  });

  await t.test('its `verifyIdToken` wants unsigned tokens, as documented', async (s) => {
    // COMPAT: in emulator mode the Node SDK accepts only `alg: none`; ours are signed. Verify with a JWT library, or in
    // production mode (admin-production.test.mjs).
    const token = await admin.createCustomToken('signed');
    const { user } = await signInWithCustomToken(client(s), token);
    const idToken = await user.getIdToken();
    assert.equal(decode(idToken).header.alg, 'RS256');
    await assert.rejects(admin.verifyIdToken(idToken), failsWith('auth/argument-error'));
  });

  await t.test('any project id is served', async (s) => {
    const other = initializeApp({ projectId: 'another-project' }, 'other');
    s.after(() => deleteApp(other));
    const made = await getAuth(other).createUser({ uid: 'elsewhere' });
    assert.equal(made.uid, 'elsewhere');
  });

  await t.test('it stops cleanly', () => server.stop());
});
