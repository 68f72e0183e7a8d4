/**
 * The unmodified `firebase` web SDK in headless Firefox: what Chromium is asked in `realtime.test.mjs`, as far as it could
 * be another thing in another browser.
 */

import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';

import { FIREFOX, Firefox } from './bidi.mjs';
import { Server, temporaryFolder } from './harness.mjs';
import { FIRESTORE_PAGE, Proxy, openPage, staticServer } from './pages.mjs';
import { KINDS, changeAtRandom, crud, latency, listenToAll, transforms } from './realtime-cases.mjs';

const skip = FIREFOX ? false : 'no Firefox: `make test` installs it';

test('the web SDK in Firefox', { skip, timeout: 300_000 }, async (t) => {
  const server = await Server.start({ data: path.join(await temporaryFolder(t), 'data'), dev: true });
  t.after(() => server.abandon());
  const { projectId } = (await server.get('/')).body.firekeep;
  const origin = await staticServer(t, { '/': FIRESTORE_PAGE });
  const firefox = await Firefox.start(t);
  const host = `127.0.0.1:${server.port}`;
  /** As in Chromium: each page keeps connections, of which there are six. */
  const step = (name, options, body) =>
    t.test(name, async (context) => {
      const page = await firefox.newPage();
      try {
        await openPage(page, origin, { host, projectId, ...options });
        await body(page, context);
      } finally {
        await page.close();
      }
    });
  const listens = async () => {
    const { fs, db, listen, until, newest } = window.fk;
    listen('c', fs.collection(db, 'c'), { includeMetadataChanges: true });
    await until(() => newest('c') && !newest('c').fromCache);
    await fs.setDoc(fs.doc(db, 'c/a'), { text: 'é漢😀' });
    await until(() => newest('c').docs.a && !newest('c').pending);
    return newest('c').docs.a.text;
  };

  await step('creates, reads, changes and deletes', {}, async (page) => {
    assert.equal(await page.evaluate(crud), 'done');
    assert.equal(await page.evaluate(transforms), 'done');
  });

  await step('shows its own writes at once', {}, async (page) => {
    assert.equal(await page.evaluate(latency), 'done');
  });

  await step('listens to every kind of query', {}, async (page) => {
    await page.evaluate(listenToAll);
    for (let round = 0; round < 6; round += 1) {
      await page.evaluate(changeAtRandom, round);
      const wrong = await page.evaluate(async (kinds) => {
        const { fk } = window;
        const wrong = [];
        for (const name of kinds) {
          const truth = await fk.fs.getDocsFromServer(fk.listeners[name].query);
          const whole = JSON.stringify(truth.docs.map((found) => [found.ref.path, found.data().at]));
          const same = () => JSON.stringify(fk.newest(name).whole) === whole && !fk.newest(name).fromCache;
          await fk.until(same, 10_000).catch(() => wrong.push([name, whole, fk.newest(name)]));
        }
        return wrong;
      }, KINDS);
      assert.deepEqual(wrong, [], `round ${round}`);
    }
  });

  for (const [name, settings] of [
    ['long polls, when it is told to', { experimentalForceLongPolling: true }],
    ['streams by XMLHttpRequest', { useFetchStreams: false }],
  ]) {
    await step(name, { settings }, async (page) => assert.equal(await page.evaluate(listens), 'é漢😀'));
  }

  const proxy = await Proxy.start(t, server.port);
  await step('streams, and does not take the server for a proxy that buffers', { host: proxy.host }, async (page, context) => {
    assert.equal(await page.evaluate(listens), 'é漢😀');
    context.diagnostic(String(proxy.asked));
  });

  await step('keeps a cache on disk', { cache: 'multi' }, async (page) => {
    assert.equal(await page.evaluate(listens), 'é漢😀');
    const text = await page.evaluate(async () => {
      const { fs, db } = window.fk;
      return (await fs.getDocFromCache(fs.doc(db, 'c/a'))).data().text;
    });
    assert.equal(text, 'é漢😀');
  });

  await firefox.close();
  await server.stop();
});
