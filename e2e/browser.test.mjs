/**
 * A built web app in headless Chromium, with the unmodified `firebase` SDK and one script tag before it, `/firekeep.js`:
 * FlutterFlow notes, section 10. The SDK is in production mode; it believes that it speaks to Google.
 */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import test from 'node:test';

import { chromium } from 'playwright-core';

import { customToken, nextSecond, safeServer, temporaryFolder } from './harness.mjs';
import { CHROMIUM, CHROMIUM_FLAGS, IMPORT_MAP, staticServer } from './pages.mjs';

/** An answer that a page may read, at Google's address. */
const CONFIGURATION = 'https://identitytoolkit.googleapis.com/v1/projects';

/** The app: its own options as a builder writes them, and nothing about Firekeep but the script tag. */
function appPage({ script, apiKey, projectId }) {
  const options = { apiKey, projectId, authDomain: `${projectId}.firebaseapp.com`, appId: '1:1:web:1' };
  return `<!doctype html>
<meta charset="utf-8">
<title>app</title>
<script src="${script}"></script>
<script type="importmap">${IMPORT_MAP}</script>
<script type="module">
  import { initializeApp } from '/firebase-app.js';
  import * as sdk from '/firebase-auth.js';
  const auth = sdk.getAuth(initializeApp(${JSON.stringify(options)}));
  window.firekeepTest = { sdk, auth };
  await auth.authStateReady();
  document.title = 'ready';
</script>`;
}

const skip = existsSync(CHROMIUM) ? false : `no ${CHROMIUM}: \`make test\` installs it`;

test('a web app with one script tag', { skip }, async (t) => {
  const { server, projectId, apiKey, accounts } = await safeServer(t);
  const script = `${server.url}/firekeep.js`;
  const origin = await staticServer(t, { '/': appPage({ script, apiKey, projectId }) });
  const browser = await chromium.launchPersistentContext(await temporaryFolder(t), {
    executablePath: CHROMIUM,
    args: CHROMIUM_FLAGS,
    headless: true,
  });
  t.after(() => browser.close());
  const page = await browser.newPage();
  const asked = [];
  const faults = [];
  page.on('request', (request) => asked.push(request.url()));
  page.on('pageerror', (error) => faults.push(String(error)));
  const open = async () => {
    await page.goto(`${origin}/`);
    await page.waitForFunction(() => document.title === 'ready');
  };
  await open();

  await t.test('the script is served as JavaScript', async () => {
    const { status, headers, text } = await server.get('/firekeep.js');
    assert.equal(status, 200);
    assert.match(headers['content-type'], /^(text|application)\/javascript/);
    assert.ok(text.length > 0);
  });

  await t.test('signs in with a custom token', async () => {
    const token = await customToken(accounts[0].file, 'in-the-browser', { role: 'editor' });
    const user = await page.evaluate(async (custom) => {
      const { sdk, auth } = window.firekeepTest;
      const { user: found } = await sdk.signInWithCustomToken(auth, custom);
      const { claims, signInProvider } = await found.getIdTokenResult();
      return { uid: found.uid, role: claims.role, iss: claims.iss, signInProvider };
    }, token);
    assert.deepEqual(user, {
      uid: 'in-the-browser',
      role: 'editor',
      iss: `https://securetoken.google.com/${projectId}`,
      signInProvider: 'custom',
    });
  });

  await t.test('refreshes and changes its profile', async () => {
    await nextSecond();
    const changed = await page.evaluate(async () => {
      const { sdk, auth } = window.firekeepTest;
      const before = await auth.currentUser.getIdToken();
      await sdk.updateProfile(auth.currentUser, { displayName: 'Browser' });
      const after = await auth.currentUser.getIdToken(true);
      const { claims } = await auth.currentUser.getIdTokenResult();
      await sdk.reload(auth.currentUser);
      const { displayName } = auth.currentUser;
      return { fresh: before !== after, name: claims.name, role: claims.role, displayName };
    });
    assert.deepEqual(changed, {
      fresh: true,
      name: 'Browser',
      role: 'editor',
      displayName: 'Browser',
    });
  });

  await t.test('is still signed in after the page is loaded again', async () => {
    await open();
    const uid = await page.evaluate(() => window.firekeepTest.auth.currentUser?.uid);
    assert.equal(uid, 'in-the-browser');
  });

  await t.test('reads the error of a refused token', async () => {
    const code = await page.evaluate(async () => {
      const { sdk, auth } = window.firekeepTest;
      return sdk.signInWithCustomToken(auth, 'a.b.c').then(
        () => 'signed in',
        (error) => error.code,
      );
    });
    assert.equal(code, 'auth/invalid-custom-token');
  });

  await t.test('every way to ask Google asks the server, and others are left alone', async () => {
    const found = await page.evaluate(async (url) => {
      const byXhr = await new Promise((resolve, reject) => {
        const request = new XMLHttpRequest();
        request.open('GET', url);
        request.onload = () => resolve(JSON.parse(request.responseText).projectId);
        request.onerror = () => reject(new Error('XMLHttpRequest'));
        request.send();
      });
      const ask = async (what) => (await (await fetch(what)).json()).projectId;
      return {
        byXhr,
        byText: await ask(url),
        byUrl: await ask(new URL(url)),
        byRequest: await ask(new Request(url)),
        byPost: (
          await (
            await fetch(
              new Request(url.replace('/projects', '/accounts:lookup'), {
                method: 'POST',
                headers: { 'content-type': 'application/json' },
                body: '{"idToken":"a.b.c"}',
              }),
            )
          ).json()
        ).error.code.toString(),
        own: (await fetch('/firebase-app.js')).ok,
        ownXhr: await new Promise((resolve) => {
          const request = new XMLHttpRequest();
          request.open('GET', '/firebase-app.js', true);
          request.onload = () => resolve(request.status);
          request.send();
        }),
      };
    }, `${CONFIGURATION}?key=${apiKey}`);
    const { own, ownXhr, ...asks } = found;
    assert.equal(own, true);
    assert.equal(ownXhr, 200);
    for (const [how, number] of Object.entries(asks)) assert.match(number, /^[0-9]+$/, how);
  });

  await t.test('signs out', async () => {
    const user = await page.evaluate(async () => {
      const { sdk, auth } = window.firekeepTest;
      await sdk.signOut(auth);
      return auth.currentUser;
    });
    assert.equal(user, null);
    await open();
    assert.equal(await page.evaluate(() => window.firekeepTest.auth.currentUser), null);
  });

  await t.test('nothing was asked of anybody else, and nothing failed', () => {
    const ours = [new URL(origin).host, new URL(server.url).host];
    const strange = asked.filter((url) => !ours.includes(new URL(url).host));
    assert.deepEqual(strange, []);
    const toolkit = `${server.url}/identitytoolkit.googleapis.com/v1/accounts:`;
    assert.ok(asked.some((url) => url.startsWith(toolkit)));
    assert.deepEqual(faults, []);
  });

  await browser.close();
  await server.stop();
});
