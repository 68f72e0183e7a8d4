/**
 * `kill -9` in the middle of many sign-ups: every acknowledged account is there afterwards, and whole; none is there by
 * halves. What a full or damaged disk does is `faults.test.mjs`.
 */

import assert from 'node:assert/strict';
import test from 'node:test';

import { command, run, safeServer } from './harness.mjs';

const PASSWORD = 'correct horse battery staple';
const AT_ONCE = 64;
/** After how many acknowledged accounts the server is killed, per round. */
const ROUNDS = [1, 9, 30, 55];

test('kill -9 keeps every acknowledged account, whole', async (t) => {
  const {
    server: first,
    data,
    apiKey,
  } = await safeServer(t, { args: ['--trusted-proxy', '127.0.0.1'] });
  let server = first;
  let requests = 0;
  /** Each from an address of its own, or they would run into the limits. */
  const post = (route, body) => {
    requests += 1;
    const headers = {
      'x-forwarded-for': `10.${requests >> 16}.${(requests >> 8) & 255}.${requests & 255}`,
    };
    return server.post(route, body, { headers });
  };
  const account = (name) => ({ username: name, email: `${name}@example.com`, password: PASSWORD });
  const logIn = (login) => post('/account/v1/login', { login, password: PASSWORD });

  /** That an account can be used, by each of its names. */
  async function isWhole({ username, email }) {
    const [byName, byEmail] = [await logIn(username), await logIn(email)];
    assert.equal(byName.status, 200, `${username}: ${byName.text}`);
    assert.equal(byEmail.status, 200, `${email}: ${byEmail.text}`);
    assert.equal(byName.body.uid, byEmail.body.uid, username);
    const { customToken: token } = byName.body;
    const { body } = await post(`/v1/accounts:signInWithCustomToken?key=${apiKey}`, { token });
    const found = await post(`/v1/accounts:lookup?key=${apiKey}`, { idToken: body.idToken });
    assert.equal(found.body.users.length, 1, found.text);
    assert.equal(found.body.users[0].email, email);
    return byName.body.uid;
  }

  for (const [round, until] of ROUNDS.entries()) {
    await t.test(`after ${until} acknowledged of ${AT_ONCE} accounts`, async (s) => {
      const accounts = Array.from({ length: AT_ONCE }, (_, index) =>
        account(`crash-${round}-${index}`),
      );
      const acknowledged = new Map();
      let killed;
      const signUp = async (one) => {
        const answer = await post('/account/v1/signup', one).catch(() => undefined);
        if (answer?.status === 201) acknowledged.set(one.username, answer.body.uid);
        if (acknowledged.size >= until) killed ??= server.kill();
      };
      await Promise.all(accounts.map(signUp));
      assert.ok(
        acknowledged.size >= until && acknowledged.size < AT_ONCE,
        `${acknowledged.size} acknowledged`,
      );
      await killed;

      server = await first.again();
      const made = await command('user', 'list', '--data', data, '--json', '--limit', '1000');
      let unheard = 0;
      for (const one of accounts) {
        if (acknowledged.has(one.username)) {
          assert.equal(await isWhole(one), acknowledged.get(one.username));
          continue;
        }
        // Nobody was told: it is there, or it is not; both names are taken, or both are free.
        const { email, ...byName } = one;
        const { username: _, ...byEmail } = one;
        const again = await post('/account/v1/signup', one);
        if (again.status === 201) {
          assert.ok(!made.includes(`"${email}"`), 'a user whose names are free is not there');
          continue;
        }
        unheard += 1;
        assert.equal(again.status, 409, again.text);
        assert.equal(again.body.error.code, 'already_exists');
        for (const half of [byName, byEmail]) {
          assert.equal(
            (await post('/account/v1/signup', half)).status,
            409,
            'both names are taken',
          );
        }
        assert.ok(made.includes(`"${email}"`), 'a user whose names are taken is there');
        const exists = await post(`/v1/accounts:signUp?key=${apiKey}`, {
          email,
          password: PASSWORD,
        });
        assert.match(exists.body.error.message, /^EMAIL_EXISTS/);
        await isWhole(one);
      }
      s.diagnostic(`${acknowledged.size} acknowledged, ${unheard} more were made`);
    });
  }

  await t.test('the data is sound', async () => {
    await server.stop();
    const { code, stdout, stderr } = await run(['verify', '--data', data, '--json']);
    assert.equal(code, 0, stderr);
    assert.deepEqual(JSON.parse(stdout).problems, []);
  });
});
