/**
 * Right tokens in the wrong place: at another project, in another tenant, for another purpose; two keys with one id; and
 * names that only the server may give to claims. The rest of auth specification, section 22.1, is `forgeries.test.mjs`.
 */

import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';

import { HEADER, claimsOf, jws } from './forge.mjs';
import {
  Server,
  command,
  customToken,
  decode,
  project,
  run,
  serviceAccount,
  temporaryFolder,
} from './harness.mjs';

const RESERVED =
  'iss aud sub iat exp nbf jti nonce azp acr amr cnf auth_time firebase at_hash c_hash'.split(' ');

/** A server in safe mode for a project of that name, with a service account. */
async function serverOf(t, projectId) {
  const data = path.join(await temporaryFolder(t), 'data');
  const account = await serviceAccount(
    data,
    `${data}.json`,
    '--name',
    'e2e-tests',
    '--project',
    projectId,
  );
  const { apiKeys } = await project(data);
  const server = await Server.start({ data });
  t.after(() => server.abandon());
  const toolkit = (name, body, options) =>
    server.post(`/v1/${name}?key=${apiKeys[0]}`, body, options);
  const signIn = (token, more) => toolkit('accounts:signInWithCustomToken', { token, ...more });
  const refresh = (refreshToken, more) =>
    toolkit('token', { grant_type: 'refresh_token', refresh_token: refreshToken, ...more });
  return { server, data, account, toolkit, signIn, refresh };
}

/** A service account's own access token. */
function bearerOf({ key }, aud = 'https://identitytoolkit.googleapis.com/') {
  const { uid: _, ...claims } = claimsOf(key);
  return jws(HEADER, { ...claims, aud }, createPrivateKey(key.private_key));
}

test('right tokens in the wrong place', async (t) => {
  const [alpha, beta] = [await serverOf(t, 'project-alpha'), await serverOf(t, 'project-beta')];
  const token = await customToken(alpha.account.file, 'traveller');
  const session = (await alpha.signIn(token)).body;
  assert.equal(decode(session.idToken).claims.aud, 'project-alpha');
  // The traveller is known on the other side too.
  const theirs = await customToken(beta.account.file, 'traveller');
  assert.equal((await beta.signIn(theirs)).status, 200);

  /** Refused with that message. */
  async function refused(name, answer, message, status = 400) {
    const { status: found, body, text } = await answer;
    assert.equal(found, status, `${name}: ${text}`);
    assert.match(body.error.message ?? body.error_description, message, name);
  }

  await t.test(
    'cross-project replay: custom token, ID token, refresh token, administrator',
    async () => {
      await refused('custom token', beta.signIn(token), /^CREDENTIAL_MISMATCH/);
      const { idToken, refreshToken } = session;
      for (const operation of ['accounts:lookup', 'accounts:update', 'accounts:delete']) {
        await refused(operation, beta.toolkit(operation, { idToken }), /^INVALID_ID_TOKEN/);
      }
      await refused('refresh token', beta.refresh(refreshToken), /^INVALID_REFRESH_TOKEN$/);
      const me = await beta.server.get('/account/v1/me', { bearer: idToken });
      assert.equal(me.status, 401);
      const list = (server, bearer, of) =>
        server.get(`/v1/projects/${of}/accounts:batchGet`, { bearer });
      const bearer = bearerOf(alpha.account);
      assert.equal((await list(alpha.server, bearer, 'project-alpha')).status, 200);
      assert.equal((await list(beta.server, bearer, 'project-beta')).status, 401);
      assert.notEqual((await list(alpha.server, bearer, 'project-beta')).status, 200);
    },
  );

  await t.test('cross-tenant replay: custom token, ID token, refresh token', async () => {
    const { idToken, refreshToken } = session;
    const tenantId = 'tenant-1';
    for (const [name, answer] of [
      ['a custom token of none', alpha.signIn(token, { tenantId })],
      ['an ID token of none', alpha.toolkit('accounts:lookup', { idToken, tenantId })],
      ['a change', alpha.toolkit('accounts:update', { idToken, tenantId, displayName: 'x' })],
      ['a refresh token of none', alpha.refresh(refreshToken, { tenantId })],
    ]) {
      await refused(name, answer, /^TENANT_NOT_FOUND$/);
    }
    const key = createPrivateKey(alpha.account.key.private_key);
    const ofTenant = jws(HEADER, { ...claimsOf(alpha.account.key, 'x'), tenant_id: tenantId }, key);
    await refused('a custom token of a tenant', alpha.signIn(ofTenant), /^TENANT_ID_MISMATCH/);
  });

  await t.test('another purpose: no token stands for a token of another kind', async () => {
    const { idToken, refreshToken } = session;
    const bearer = bearerOf(alpha.account);
    const kinds = { token, idToken, refreshToken, bearer };
    for (const [name, other] of Object.entries(kinds)) {
      if (name !== 'token') {
        await refused(
          `${name} as custom token`,
          alpha.signIn(other),
          /^(INVALID_CUSTOM_TOKEN|CREDENTIAL_MISMATCH)/,
        );
      }
      if (name !== 'idToken') {
        await refused(
          `${name} as ID token`,
          alpha.toolkit('accounts:lookup', { idToken: other }),
          /^INVALID_ID_TOKEN/,
        );
        assert.equal(
          (await alpha.server.get('/account/v1/me', { bearer: other })).status,
          401,
          name,
        );
      }
      if (name !== 'refreshToken') {
        await refused(`${name} as refresh token`, alpha.refresh(other), /^INVALID_REFRESH_TOKEN$/);
      }
      if (name !== 'bearer') {
        const admin = alpha.server.get('/v1/projects/project-alpha/accounts:batchGet', {
          bearer: other,
        });
        assert.ok([401, 403].includes((await admin).status), `${name} as administrator`);
      }
    }
    const aud = 'https://oauth2.googleapis.com/token';
    const body = { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer' };
    const exchange = (assertion) =>
      alpha.server.post('/oauth2.googleapis.com/token', { ...body, assertion });
    assert.equal((await exchange(bearerOf(alpha.account, aud))).status, 200);
    for (const [name, assertion] of Object.entries({ token, idToken, refreshToken })) {
      assert.equal((await exchange(assertion)).body.error, 'invalid_grant', `${name} as assertion`);
    }
  });

  await t.test(
    'a kid of another account names no key; one account never has two keys with one kid',
    async (s) => {
      const folder = await temporaryFolder(s);
      const second = await serviceAccount(
        alpha.data,
        path.join(folder, 'second.json'),
        '--name',
        'e2e-second',
      );
      const { private_key_id: kid } = alpha.account.key;
      // Another account may have a key of the same id, as ids are chosen elsewhere.
      const twin = {
        ...second.key,
        private_key_id: kid,
        client_email: 'twin@elsewhere.iam.gserviceaccount.com',
      };
      const twinFile = path.join(folder, 'twin.json');
      await writeFile(twinFile, JSON.stringify(twin));
      await command('service-account', 'import', twinFile, '--data', alpha.data);
      const sign = (of, by) =>
        jws({ ...HEADER, kid }, claimsOf(of, 'x'), createPrivateKey(by.private_key));
      assert.equal((await alpha.signIn(sign(alpha.account.key, alpha.account.key))).status, 200);
      assert.equal((await alpha.signIn(sign(twin, twin))).status, 200);
      await refused(
        'the twin for the first',
        alpha.signIn(sign(alpha.account.key, twin)),
        /^INVALID_CUSTOM_TOKEN/,
      );
      await refused(
        'the first for the twin',
        alpha.signIn(sign(twin, alpha.account.key)),
        /^INVALID_CUSTOM_TOKEN/,
      );
      // The same account with another key of the same id.
      await writeFile(
        twinFile,
        JSON.stringify({ ...alpha.account.key, private_key: second.key.private_key }),
      );
      const { code, stderr } = await run([
        'service-account',
        'import',
        twinFile,
        '--data',
        alpha.data,
      ]);
      assert.equal(code, 1);
      assert.match(stderr, /has another key with the id/);
      const { body: jwks } = await alpha.server.get('/.well-known/jwks.json');
      const kids = jwks.keys.map((key) => key.kid);
      assert.equal(new Set(kids).size, kids.length);
    },
  );

  await t.test('reserved names in custom attributes are refused, odd ones are data', async () => {
    const bearer = bearerOf(alpha.account);
    const set = (customAttributes) =>
      alpha.toolkit('accounts:update', { localId: 'traveller', customAttributes }, { bearer });
    for (const name of RESERVED) {
      await refused(
        name,
        set(JSON.stringify({ [name]: 'x' })),
        new RegExp(`^FORBIDDEN_CLAIM : ${name}$`),
      );
    }
    for (const wrong of ['[]', '"text"', '7', '{', '{"a":1,"a":2}x']) {
      await refused(wrong, set(wrong), /^INVALID_CLAIMS/);
    }
    await refused('large', set(JSON.stringify({ a: 'x'.repeat(1000) })), /^CLAIMS_TOO_LARGE/);
    assert.equal(
      (await set('{"__proto__":{"admin":true},"constructor":1,"toString":"x"}')).status,
      200,
    );
    const { claims } = decode((await alpha.signIn(token)).body.idToken);
    assert.ok(Object.hasOwn(claims, '__proto__'));
    assert.deepEqual([claims.admin, claims.constructor, claims.toString], [undefined, 1, 'x']);
    // Claims of the account never replace what the server says.
    assert.equal(
      (await set('{"user_id":"admin","email":"a@b.c","email_verified":true}')).status,
      200,
    );
    const kept = decode((await alpha.signIn(token)).body.idToken).claims;
    assert.deepEqual([kept.user_id, kept.sub, kept.email], ['traveller', 'traveller', undefined]);
  });

  await t.test('no token is in the log', async () => {
    for (const { server } of [alpha, beta]) {
      for (const text of [token, session.idToken, session.refreshToken]) {
        assert.ok(!server.output.includes(text.slice(-60)));
      }
      await server.stop();
    }
  });
});
