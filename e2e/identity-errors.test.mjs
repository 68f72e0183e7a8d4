/**
 * What Identity Toolkit and Secure Token answer to requests that are wrong, odd or old: auth specification, sections 4,
 * 15 and 19. Safe mode unless a test says otherwise. SDKs compare the HTTP code and the message, so both are exact.
 */

import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';

import { Server, customToken, decode, safeServer, temporaryFolder } from './harness.mjs';

const TOOLKIT = 'identitytoolkit.googleapis.com';
const SECURE_TOKEN = 'securetoken.googleapis.com';
const LEGACY = '/www.googleapis.com/identitytoolkit/v3/relyingparty';

/** The whole envelope of a business error. */
function business(message) {
  const errors = [{ message, reason: 'invalid', domain: 'global' }];
  return { error: { code: 400, message, errors } };
}

/** Asserts an envelope's HTTP code, `status` and reason; the message by text, or by pattern. */
function refused(answer, { code, message, status, reason, ...entry }) {
  assert.equal(answer.status, code, answer.text);
  assert.match(answer.headers['content-type'], /^application\/json; charset=utf-8$/i);
  const { error } = answer.body;
  assert.equal(error.code, code);
  if (message instanceof RegExp) assert.match(error.message, message);
  else if (message !== undefined) assert.equal(error.message, message);
  assert.equal(error.status, status);
  assert.equal(error.errors.length, 1);
  if (reason !== undefined) assert.equal(error.errors[0].reason, reason);
  for (const [name, value] of Object.entries(entry)) assert.equal(error.errors[0][name], value);
}

const UNAUTHENTICATED = {
  code: 401,
  status: 'UNAUTHENTICATED',
  reason: 'authError',
  message: /./,
  domain: 'global',
  location: 'Authorization',
  locationType: 'header',
};

test('identity errors in safe mode', async (t) => {
  const { server, projectId, apiKey, accounts } = await safeServer(t);
  const key = `?key=${apiKey}`;
  const toolkit = (name) => `/${TOOLKIT}/v1/${name}${key}`;
  const admin = `/${TOOLKIT}/v1/projects/${projectId}/accounts`;
  const signIn = async (uid, claims) => {
    const token = await customToken(accounts[0].file, uid, claims);
    const answer = await server.post(toolkit('accounts:signInWithCustomToken'), { token });
    assert.equal(answer.status, 200, answer.text);
    return answer.body;
  };

  await t.test('the status document names version and mode', async () => {
    const { status, body, headers } = await server.get('/');
    assert.equal(status, 200);
    assert.equal(body.firekeep.mode, 'safe');
    assert.match(body.firekeep.version, /^\d+\.\d+\.\d+/);
    assert.equal(headers['x-firekeep-mode'], undefined);
  });

  await t.test('`Bearer owner` and other made-up administrators are refused', async () => {
    const idToken = (await signIn('no-admin')).idToken;
    const custom = await customToken(accounts[0].file, 'no-admin');
    for (const bearer of ['owner', 'ya29.a0AfH6', 'garbage', apiKey, idToken, custom]) {
      const body = { localId: ['no-admin'] };
      refused(await server.post(`${admin}:lookup`, body, { bearer }), UNAUTHENTICATED);
      // An API key beside it does not help.
      refused(await server.post(`${admin}:lookup${key}`, body, { bearer }), UNAUTHENTICATED);
    }
    const lower = { headers: { authorization: 'bearer owner' } };
    refused(await server.post(`${admin}:lookup`, {}, lower), UNAUTHENTICATED);
  });

  await t.test('an API key alone never administrates', async () => {
    const message =
      'INSUFFICIENT_PERMISSION : Only authenticated requests can specify target_project_id.';
    const expected = { code: 400, reason: 'invalid', message };
    refused(await server.post(`${admin}:lookup${key}`, { localId: ['x'] }), expected);
    refused(await server.post(`${admin}${key}`, { email: 'x@example.com' }), expected);
    refused(await server.get(`${admin}:batchGet${key}`), expected);
    refused(await server.post(`${admin}:batchDelete${key}`, { localIds: ['x'] }), expected);
    const named = { idToken: 'x', targetProjectId: projectId };
    refused(await server.post(toolkit('accounts:lookup'), named), expected);
  });

  await t.test('a missing credential is 401, a missing API key 403', async () => {
    refused(await server.post(`${admin}:lookup`, { localId: ['x'] }), {
      ...UNAUTHENTICATED,
      reason: 'required',
    });
    const missing = {
      code: 403,
      message: 'The request is missing a valid API key.',
      status: 'PERMISSION_DENIED',
      reason: 'forbidden',
    };
    refused(await server.post(`/${TOOLKIT}/v1/accounts:lookup`, { idToken: 'x' }), missing);
    const grant = { grant_type: 'refresh_token', refresh_token: 'x' };
    refused(await server.post(`/${SECURE_TOKEN}/v1/token`, grant), missing);
    // Another scheme than `Bearer` is no credential.
    const basic = { headers: { authorization: 'Basic b3duZXI6' } };
    refused(await server.post(`/${TOOLKIT}/v1/accounts:lookup`, { idToken: 'x' }, basic), missing);
  });

  await t.test('an unknown API key is refused', async () => {
    for (const route of [
      `/${TOOLKIT}/v1/accounts:signUp?key=unknown`,
      `/v1/accounts:signUp?key=unknown`,
      `/${SECURE_TOKEN}/v1/token?key=unknown`,
      `${LEGACY}/signupNewUser?key=unknown`,
    ]) {
      refused(await server.post(route, { returnSecureToken: true }), {
        code: 400,
        message: /API key not valid\. Please pass a valid API key\.$/,
        status: 'INVALID_ARGUMENT',
      });
    }
  });

  await t.test('an API key in the header is as good as one in the query', async () => {
    const headers = { 'x-goog-api-key': apiKey };
    const answer = await server.post(`/${TOOLKIT}/v1/accounts:lookup`, {}, { headers });
    assert.deepEqual(answer.body, business('MISSING_ID_TOKEN'));
  });

  await t.test('what is missing or wrong has its exact code', async () => {
    const { idToken, refreshToken } = await signIn('exact-codes');
    const token = `/${SECURE_TOKEN}/v1/token${key}`;
    const rows = [
      [toolkit('accounts:signInWithCustomToken'), {}, 'MISSING_CUSTOM_TOKEN'],
      [toolkit('accounts:lookup'), {}, 'MISSING_ID_TOKEN'],
      [toolkit('accounts:lookup'), { idToken: null }, 'MISSING_ID_TOKEN'],
      [toolkit('accounts:lookup'), { idToken: 'x' }, 'INVALID_ID_TOKEN'],
      [toolkit('accounts:delete'), {}, 'MISSING_ID_TOKEN'],
      [
        toolkit('accounts:update'),
        { displayName: 'x' },
        'INVALID_REQ_TYPE : Unsupported request parameters.',
      ],
      [
        toolkit('accounts:update'),
        { idToken, customAttributes: '{}' },
        'INSUFFICIENT_PERMISSION',
      ],
      [toolkit('accounts:update'), { idToken, disableUser: true }, 'OPERATION_NOT_ALLOWED'],
      [
        toolkit('accounts:update'),
        { idToken, password: '12345' },
        'WEAK_PASSWORD : Password should be at least 6 characters',
      ],
      [toolkit('accounts:signUp'), { localId: 'x' }, 'UNEXPECTED_PARAMETER : User ID'],
      [toolkit('accounts:signUp'), { password: 'secret1' }, 'MISSING_EMAIL'],
      [toolkit('accounts:signUp'), { email: 'a@b.c' }, 'MISSING_PASSWORD'],
      [toolkit('accounts:signUp'), { email: '' }, 'INVALID_EMAIL'],
      [toolkit('accounts:signUp'), { email: '', password: 'secret1' }, 'MISSING_EMAIL'],
      [toolkit('accounts:signUp'), { email: 'a@b@c', password: 'secret1' }, 'INVALID_EMAIL'],
      [
        toolkit('accounts:signUp'),
        { email: 'a@b.c', password: '12345' },
        'WEAK_PASSWORD : Password should be at least 6 characters',
      ],
      [toolkit('accounts:signInWithPassword'), { password: 'x' }, 'MISSING_EMAIL'],
      [toolkit('accounts:signInWithPassword'), { email: 'x', password: 'x' }, 'INVALID_EMAIL'],
      [toolkit('accounts:signInWithPassword'), { email: 'a@b.c' }, 'MISSING_PASSWORD'],
      [
        toolkit('accounts:signInWithPassword'),
        { email: 'nobody@b.c', password: 'secret1' },
        'INVALID_LOGIN_CREDENTIALS',
      ],
      [token, {}, 'MISSING_GRANT_TYPE'],
      [token, { grant_type: 'authorization_code' }, 'INVALID_GRANT_TYPE'],
      [token, { grant_type: 'refresh_token' }, 'MISSING_REFRESH_TOKEN'],
      [token, { grant_type: 'refresh_token', refresh_token: 'x' }, 'INVALID_REFRESH_TOKEN'],
      [
        token,
        { grant_type: 'refresh_token', refresh_token: `${refreshToken}A` },
        'INVALID_REFRESH_TOKEN',
      ],
    ];
    for (const [route, body, message] of rows) {
      const answer = await server.post(route, body);
      assert.equal(answer.status, 400, `${route} ${JSON.stringify(body)}: ${answer.text}`);
      // A reason may follow the code.
      const { message: found } = answer.body.error;
      const known = found === message || found.startsWith(`${message} : `);
      assert.ok(known, `${route} ${JSON.stringify(body)}: expected ${message}, got ${found}`);
      assert.deepEqual(answer.body, business(found));
    }
  });

  await t.test('an unknown route is 404', async () => {
    const expected = { code: 404, status: 'NOT_FOUND', reason: 'notFound', domain: undefined };
    for (const route of [
      toolkit('accounts:fly'),
      `/${TOOLKIT}/v9/accounts:lookup${key}`,
      `/v1/nothing${key}`,
      `${LEGACY}/verifyNothing${key}`,
      `/${SECURE_TOKEN}/v1/tokens${key}`,
      '/nothing/here',
    ]) {
      refused(await server.post(route, {}), expected);
    }
    const method = (await server.get(toolkit('accounts:lookup'))).status;
    assert.ok([404, 405].includes(method), String(method));
  });

  await t.test('the emulator’s own endpoints do not exist in safe mode', async () => {
    const routes = [
      ['GET', `/emulator/v1/projects/${projectId}/config`],
      ['DELETE', `/emulator/v1/projects/${projectId}/accounts`],
      ['GET', `/emulator/v1/projects/${projectId}/oobCodes`],
      ['GET', `/emulator/v1/projects/${projectId}/verificationCodes`],
      ['GET', '/emulator/auth/handler?apiKey=x&providerId=google.com'],
      ['GET', '/emulator/action?mode=signIn'],
    ];
    for (const [method, route] of routes) {
      for (const bearer of [undefined, 'owner']) {
        assert.equal((await server.request(method, route, { bearer })).status, 404, route);
      }
    }
  });

  await t.test('what is specified but not here says so', async () => {
    for (const [route, body] of [
      [toolkit('accounts:signInWithPhoneNumber'), { sessionInfo: 'x', code: '123456' }],
      [toolkit('accounts:signInWithIdp'), { requestUri: 'http://localhost', postBody: 'x' }],
      [toolkit('accounts:signInWithEmailLink'), { email: 'a@b.c', oobCode: 'x' }],
      [`/${TOOLKIT}/v2/accounts/mfaEnrollment:start${key}`, { idToken: 'x' }],
      [`/${TOOLKIT}/v1/projects/${projectId}:queryAccounts`, {}],
    ]) {
      const answer = await server.post(route, body);
      const { code, message, status } = answer.body.error;
      const documented =
        (code === 501 && status === 'NOT_IMPLEMENTED') ||
        (code === 400 && /^OPERATION_NOT_ALLOWED/.test(message));
      assert.ok(documented && answer.status === code, `${route}: ${answer.text}`);
    }
  });

  await t.test('malformed JSON and wrong types are told apart', async () => {
    const lookup = toolkit('accounts:lookup');
    for (const raw of ['{', '{"idToken":}', 'idToken', '{"idToken":"x"} x', '\u0000', '{"a":1,}']) {
      refused(await server.post(lookup, undefined, { raw }), {
        code: 400,
        message: /^Invalid JSON payload received\./,
        status: 'INVALID_ARGUMENT',
        reason: 'parseError',
      });
    }
    for (const body of [{ idToken: {} }, { idToken: ['x'] }, { idToken: true }]) {
      refused(await server.post(lookup, body), {
        code: 400,
        message: /^Invalid JSON payload received\./,
        status: 'INVALID_ARGUMENT',
        reason: 'invalid',
      });
    }
    for (const raw of ['[]', '"text"', '7']) {
      const answer = await server.post(lookup, undefined, { raw });
      assert.equal(answer.status, 400, `${raw}: ${answer.text}`);
      assert.equal(answer.body.error.status, 'INVALID_ARGUMENT', raw);
    }
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    const answer = await server.post(lookup, undefined, { raw: `{"idToken":${deep}}` });
    assert.equal(answer.status, 400);
    assert.equal((await server.get('/')).status, 200, 'and the server lives');
  });

  await t.test('a body that is too large is refused', async () => {
    const idToken = 'x'.repeat(10 * 1024 * 1024);
    const outcome = await server.post(toolkit('accounts:lookup'), { idToken }).then(
      (answer) => answer.status,
      // The server may answer and close before it has read everything.
      (error) => error.code,
    );
    assert.ok([413, 'EPIPE', 'ECONNRESET'].includes(outcome), String(outcome));
    assert.equal((await server.get('/')).status, 200);
  });

  await t.test('every path form is the same endpoint', async () => {
    const { idToken } = await signIn('path-forms');
    const query = `?key=${apiKey}`;
    for (const [route, host] of [
      [`/${TOOLKIT}/v1/accounts:lookup${query}`],
      [`/${TOOLKIT}/v1/accounts%3Alookup${query}`],
      [`/v1/accounts:lookup${query}`],
      [`/v1/accounts%3alookup${query}`],
      [`/v1/accounts:lookup${query}`, TOOLKIT],
      [`/v1/accounts:lookup${query}`, `${TOOLKIT}:443`],
      [`${LEGACY}/getAccountInfo${query}`],
      [`/identitytoolkit/v3/relyingparty/getAccountInfo${query}`],
      [`/identitytoolkit/v3/relyingparty/getAccountInfo${query}`, 'www.googleapis.com'],
    ]) {
      const answer = await server.post(route, { idToken }, { host });
      assert.equal(answer.status, 200, `${host ?? ''}${route}: ${answer.text}`);
      assert.equal(answer.body.kind, 'identitytoolkit#GetAccountInfoResponse');
      assert.equal(answer.body.users[0].localId, 'path-forms');
    }
  });

  await t.test('the names of version 3 do a whole sign-in, as iOS does', async () => {
    const token = await customToken(accounts[0].file, 'ios', { role: 'editor' });
    const legacy = (name, body) => server.post(`${LEGACY}/${name}${key}`, body);
    const signedIn = await legacy('verifyCustomToken', { token, returnSecureToken: true });
    assert.equal(signedIn.status, 200, signedIn.text);
    assert.equal(signedIn.body.kind, 'identitytoolkit#VerifyCustomTokenResponse');
    assert.equal(signedIn.body.expiresIn, '3600');
    assert.equal(signedIn.body.isNewUser, true);
    const { idToken, refreshToken } = signedIn.body;
    const changed = await legacy('setAccountInfo', { idToken, displayName: 'iOS' });
    assert.equal(changed.status, 200, changed.text);
    const found = await legacy('getAccountInfo', { idToken });
    assert.equal(found.body.users[0].displayName, 'iOS');
    // iOS sends JSON in camelCase to the token endpoint.
    const body = { grantType: 'refresh_token', refreshToken, scope: '', code: '' };
    const fresh = await server.post(`/${SECURE_TOKEN}/v1/token${key}`, body);
    assert.equal(fresh.status, 200, fresh.text);
    assert.equal(decode(fresh.body.id_token).claims.role, 'editor');
    const gone = await legacy('deleteAccount', { idToken: fresh.body.id_token });
    assert.equal(gone.body.kind, 'identitytoolkit#DeleteAccountResponse', gone.text);
    const email = 'ios@example.com';
    const password = 'a password of iOS';
    const made = await legacy('signupNewUser', { email, password, returnSecureToken: true });
    assert.equal(made.body.kind, 'identitytoolkit#SignupNewUserResponse', made.text);
    const again = await legacy('verifyPassword', { email, password });
    assert.equal(again.body.kind, 'identitytoolkit#VerifyPasswordResponse', again.text);
    assert.equal(again.body.localId, made.body.localId);
    assert.equal((await legacy('signOutUser', {})).status, 501);
  });

  await t.test('the token endpoint reads forms and JSON, at every address', async () => {
    const { refreshToken } = await signIn('forms');
    const form = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken });
    const type = { 'content-type': 'application/x-www-form-urlencoded' };
    const snake = { grant_type: 'refresh_token', refresh_token: refreshToken };
    const camel = { grantType: 'refresh_token', refreshToken };
    const rows = [
      [`/${SECURE_TOKEN}/v1/token${key}`, undefined, { raw: form.toString(), headers: type }],
      [`/${SECURE_TOKEN}/v1/token${key}`, snake],
      [`/${SECURE_TOKEN}/v1/token${key}`, camel],
      [`/v1/token${key}`, camel],
      [`/v1/token${key}`, camel, { host: SECURE_TOKEN }],
    ];
    for (const [route, body, options] of rows) {
      const answer = await server.post(route, body, options);
      assert.equal(answer.status, 200, `${route}: ${answer.text}`);
      assert.equal(answer.body.user_id, 'forms');
      assert.equal(answer.body.refresh_token.length > 0, true);
      assert.match(answer.body.project_id, /^[0-9]+$/);
    }
  });

  await t.test('bodies are read as protobuf-JSON reads them', async () => {
    const { idToken } = await signIn('lenient');
    const update = (body, options) => server.post(toolkit('accounts:update'), body, options);
    const name = async () => {
      const { body } = await server.post(toolkit('accounts:lookup'), { id_token: idToken });
      return body.users[0].displayName;
    };
    await update({ id_token: idToken, display_name: 'snake', return_secure_token: false });
    assert.equal(await name(), 'snake');
    await update({ idToken, displayName: 5, unknownMember: { a: [1] } });
    assert.equal(await name(), '5');
    await update({ idToken, displayName: null, photoUrl: 'https://example.com/p.png' });
    assert.equal(await name(), '5', '`null` means absent');
    await update({ idToken, displayName: 'no type' }, { headers: { 'content-type': null } });
    assert.equal(await name(), 'no type');
    // `curl -d` calls JSON a form.
    for (const type of ['text/plain', 'application/x-www-form-urlencoded']) {
      await update({ idToken, displayName: type }, { headers: { 'content-type': type } });
      assert.equal(await name(), type);
    }
    // DISPLAY_NAME, by its index as Android sends it, and by name.
    for (const deleteAttribute of [[2], ['DISPLAY_NAME']]) {
      await update({ idToken, displayName: 'to go' });
      const answer = await update({ idToken, deleteAttribute });
      assert.equal(answer.status, 200, answer.text);
      assert.equal(await name(), undefined);
    }
  });

  await t.test('absent members are left out, never null', async () => {
    const { idToken, refreshToken } = await signIn('no-nulls');
    const grant = { grant_type: 'refresh_token', refresh_token: refreshToken };
    for (const answer of [
      await server.post(toolkit('accounts:lookup'), { idToken }),
      await server.post(toolkit('accounts:update'), { idToken, displayName: 'x' }),
      await server.post(`/v1/token${key}`, grant),
    ]) {
      assert.equal(answer.status, 200, answer.text);
      assert.doesNotMatch(answer.text, /:\s*null\b/);
    }
  });

  await t.test('a password is never shown', async () => {
    const body = { email: 'hidden@example.com', password: 'a hidden password' };
    const { idToken } = (await server.post(toolkit('accounts:signUp'), body)).body;
    const { users } = (await server.post(toolkit('accounts:lookup'), { idToken })).body;
    // The SDK asks whether there is one; the value says nothing.
    assert.equal(users[0].passwordHash, 'UkVEQUNURUQ=');
    assert.equal(users[0].salt, undefined);
    assert.deepEqual(
      users[0].providerUserInfo.map((entry) => entry.providerId),
      ['password'],
    );
    assert.match(users[0].createdAt, /^[0-9]{13}$/);
    assert.match(users[0].validSince, /^[0-9]{10}$/);
  });

  await t.test('repeated wrong passwords lock, with the code that SDKs know', async () => {
    const body = { email: 'locked@example.com', password: 'the right password' };
    assert.equal((await server.post(toolkit('accounts:signUp'), body)).status, 200);
    const route = toolkit('accounts:signInWithPassword');
    const wrong = () => server.post(route, { ...body, password: 'a wrong password' });
    for (let attempt = 0; attempt < 5; attempt += 1) {
      assert.deepEqual((await wrong()).body, business('INVALID_LOGIN_CREDENTIALS'));
    }
    refused(await wrong(), {
      code: 400,
      message: /^TOO_MANY_ATTEMPTS_TRY_LATER( : |$)/,
      reason: 'invalid',
    });
  });

  await t.test('browsers may call from any origin', async () => {
    const origin = 'https://app.example.com';
    for (const route of [toolkit('accounts:lookup'), '/account/v1/login']) {
      const preflight = await server.request('OPTIONS', route, {
        headers: {
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'content-type,x-client-version,x-firebase-gmpid',
          'access-control-request-private-network': 'true',
        },
      });
      assert.equal(preflight.status, 204, route);
      const { headers } = preflight;
      assert.equal(headers['access-control-allow-origin'], origin);
      assert.equal(
        headers['access-control-allow-headers'].replaceAll(' ', ''),
        'content-type,x-client-version,x-firebase-gmpid',
      );
      assert.match(headers['access-control-allow-methods'], /POST/);
      assert.equal(headers['access-control-allow-private-network'], 'true');
      assert.match(headers.vary, /origin/i);
      assert.equal(headers['access-control-allow-credentials'], undefined);
      // A refusal must be readable too.
      const answer = await server.post(route, {}, { headers: { origin } });
      assert.equal(answer.headers['access-control-allow-origin'], origin, route);
    }
  });

  await t.test('project configuration for clients', async () => {
    const { status, body } = await server.get(`/${TOOLKIT}/v1/projects${key}`);
    assert.equal(status, 200);
    assert.match(body.projectId, /^[0-9]+$/, 'the number, not the id');
    assert.ok(Array.isArray(body.authorizedDomains));
    const legacy = await server.get(`${LEGACY}/getProjectConfig${key}`);
    assert.deepEqual(legacy.body, body);
  });

  await t.test('it stops cleanly', () => server.stop());
});

test('dev mode is open, and says so', async (t) => {
  const data = path.join(await temporaryFolder(t), 'data');
  const server = await Server.start({ data, dev: true });
  t.after(() => server.abandon());
  const { body, headers } = await server.get('/');
  assert.equal(body.firekeep.mode, 'dev');
  assert.equal(body.authEmulator.ready, true);
  assert.equal(headers['x-firekeep-mode'], 'dev');
  const signUp = await server.post(`/${TOOLKIT}/v1/accounts:signUp?key=any`, {});
  assert.equal(signUp.status, 200, signUp.text);
  assert.equal(decode(signUp.body.idToken).header.alg, 'RS256', 'signed all the same');
  const found = await server.post(
    `/${TOOLKIT}/v1/projects/demo-firekeep/accounts:lookup`,
    { localId: [signUp.body.localId] },
    { bearer: 'owner' },
  );
  assert.equal(found.body.users.length, 1, found.text);

  // It tells who has an account, as the emulator does.
  const account = { email: 'dev@example.com', password: 'the right one' };
  await server.post(`/${TOOLKIT}/v1/accounts:signUp?key=any`, account);
  const signIn = (body) => server.post(`/${TOOLKIT}/v1/accounts:signInWithPassword?key=any`, body);
  const wrong = { ...account, password: 'a wrong one' };
  assert.deepEqual((await signIn(wrong)).body, business('INVALID_PASSWORD'));
  const nobody = { ...account, email: 'nobody@example.com' };
  assert.deepEqual((await signIn(nobody)).body, business('EMAIL_NOT_FOUND'));

  // The emulator's own endpoints would be here, and are not yet.
  const config = await server.get('/emulator/v1/projects/demo-firekeep/config');
  refused(config, { code: 501, status: 'NOT_IMPLEMENTED', reason: 'unimplemented' });
  await server.stop();

  // Its accounts may be forged, so safe mode does not take the folder over.
  await assert.rejects(Server.start({ data }), /dev mode/);
});
