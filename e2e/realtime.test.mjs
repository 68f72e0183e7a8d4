/**
 * The unmodified `firebase` web SDK in headless Chromium against the real binary, over WebChannel: WebChannel
 * specification, section 12, number 8. In dev mode, where everybody may use documents.
 */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { chromium } from 'playwright-core';

import { Server, certificate, temporaryFolder } from './harness.mjs';
import { CHROMIUM, CHROMIUM_FLAGS, FIRESTORE_PAGE, Proxy, openPage, staticServer } from './pages.mjs';
import { KINDS, changeAtRandom, crud, latency, listenToAll, transforms } from './realtime-cases.mjs';

const skip = existsSync(CHROMIUM) ? false : `no ${CHROMIUM}: \`make test\` installs it`;

/** A server, a browser, and where pages are: `open(options)` gives a page. */
async function world(t, { args = [], scheme = 'http' } = {}) {
  const folder = await temporaryFolder(t);
  const server = await Server.start({ data: path.join(folder, 'data'), dev: true, args });
  t.after(() => server.abandon());
  const projectId =
    scheme === 'http' ? (await server.get('/')).body.firekeep.projectId : 'demo-over-tls';
  const origin = await staticServer(t, { '/': FIRESTORE_PAGE });
  const browser = await chromium.launchPersistentContext(path.join(folder, 'browser'), {
    executablePath: CHROMIUM,
    args: CHROMIUM_FLAGS,
    headless: true,
    ignoreHTTPSErrors: true,
  });
  t.after(() => browser.close());
  const faults = [];
  const host = `127.0.0.1:${server.port}`;
  const pages = [];
  const open = async (options = {}) => {
    const page = await browser.newPage();
    pages.push(page);
    page.on('pageerror', (error) => faults.push(String(error)));
    return openPage(page, origin, { host, projectId, ...options });
  };
  const documents = `projects/${projectId}/databases/(default)/documents`;
  /** Writes without an SDK: `{ 'c/a': { n: 1 } }`; `null` deletes. */
  const commit = async (changes) => {
    const writes = Object.entries(changes).map(([name, fields]) =>
      fields === null
        ? { delete: `${documents}/${name}` }
        : { update: { name: `${documents}/${name}`, fields: wired(fields) } },
    );
    const { status, text } = await server.post(`/v1/${documents}:commit`, { writes });
    assert.equal(status, 200, text);
  };
  /**
   * A test of its own, whose pages are closed behind it: over HTTP/1.1 a browser has six connections to a server, of
   * which each page that listens and writes keeps two.
   */
  const step = (name, body) =>
    t.test(name, async (context) => {
      try {
        await body(context);
      } finally {
        for (const page of pages.splice(0)) await page.close();
      }
    });
  return { server, browser, open, step, commit, faults, host, origin, projectId, documents };
}

/** Whole numbers and strings as the protocol has them. */
function wired(fields) {
  const value = (it) => (typeof it === 'number' ? { integerValue: String(it) } : { stringValue: it });
  return Object.fromEntries(Object.entries(fields).map(([name, it]) => [name, value(it)]));
}

test('the web SDK in Chromium', { skip }, async (t) => {
  const { open, step, commit, faults, server, host, documents, browser } = await world(t);

  await step('creates, reads, changes and deletes', async () => {
    const page = await open();
    assert.deepEqual(await page.evaluate(crud), 'done');
  });

  await step('transforms', async () => {
    const page = await open();
    assert.deepEqual(await page.evaluate(transforms), 'done');
  });

  await step('listens to every kind of query, and sees what a query of the server sees', async () => {
    const [page, writer] = [await open(), await open()];
    await page.evaluate(listenToAll);
    for (let round = 0; round < 12; round += 1) {
      await writer.evaluate(changeAtRandom, round);
      const wrong = await page.evaluate(async (kinds) => {
        const { fk } = window;
        const wrong = [];
        for (const name of kinds) {
          const { query } = fk.listeners[name];
          const truth = await fk.fs.getDocsFromServer(query);
          const whole = JSON.stringify(truth.docs.map((found) => [found.ref.path, found.data().at]));
          const same = () => JSON.stringify(fk.newest(name).whole) === whole && !fk.newest(name).fromCache;
          await fk.until(same, 10_000).catch(() => wrong.push([name, whole, fk.newest(name)]));
        }
        return wrong;
      }, KINDS);
      assert.deepEqual(wrong, [], `round ${round}`);
    }
  });

  await step('shows its own writes at once', async () => {
    const page = await open();
    assert.deepEqual(await page.evaluate(latency), 'done');
  });

  await step('two pages see what each other does', async () => {
    const pages = [await open(), await open()];
    for (const page of pages) {
      await page.evaluate(() => window.fk.listen('chat', window.fk.fs.collection(window.fk.db, 'chat')));
    }
    for (const [at, page] of pages.entries()) {
      await page.evaluate(
        (from) => window.fk.fs.setDoc(window.fk.fs.doc(window.fk.db, `chat/m${from}`), { from }),
        at,
      );
    }
    for (const page of pages) {
      const seen = await page.evaluate(async () => {
        await window.fk.until(() => Object.keys(window.fk.newest('chat')?.docs ?? {}).length === 2);
        return window.fk.newest('chat').docs;
      });
      assert.deepEqual(seen, { m0: { from: 0 }, m1: { from: 1 } });
    }
    // A listener hears of a commit of many documents in one snapshot.
    const together = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`chat/b${n}`, { n }]));
    await commit(together);
    for (const page of pages) {
      const sizes = await page.evaluate(async () => {
        await window.fk.until(() => Object.keys(window.fk.newest('chat').docs).length === 22);
        return window.fk.listeners.chat.events.map(({ order }) => order.length);
      });
      assert.ok(sizes.every((size) => size <= 2 || size === 22), String(sizes));
    }
  });

  await step('goes offline and online again', async () => {
    const page = await open();
    const found = await page.evaluate(async () => {
      const { fs, db, listen, until, newest } = window.fk;
      const where = fs.doc(db, 'offline/a');
      await fs.setDoc(where, { n: 1 });
      listen('a', where, { includeMetadataChanges: true });
      await until(() => newest('a') && !newest('a').fromCache);
      await fs.disableNetwork(db);
      let acknowledged = false;
      const write = fs.updateDoc(where, { n: fs.increment(1) }).then(() => (acknowledged = true));
      await until(() => newest('a').docs.a.n === 2);
      const offline = { ...newest('a'), acknowledged };
      await fs.enableNetwork(db);
      await write;
      await until(() => !newest('a').pending && !newest('a').fromCache);
      return { offline, online: newest('a') };
    });
    const { offline, online } = found;
    assert.deepEqual([offline.fromCache, offline.pending, offline.acknowledged], [true, true, false]);
    assert.deepEqual(online.docs, { a: { n: 2 } });
  });

  await step('signs in and out while it listens', async () => {
    const page = await open();
    const found = await page.evaluate(async () => {
      const { fs, au, db, auth, listen, until, newest } = window.fk;
      listen('users', fs.collection(db, 'users'), { includeMetadataChanges: true });
      await until(() => newest('users') && !newest('users').fromCache);
      const uids = [];
      for (let round = 0; round < 3; round += 1) {
        const { user } = await au.signInAnonymously(auth);
        uids.push(user.uid);
        await fs.setDoc(fs.doc(db, 'users', user.uid), { round });
        await until(() => newest('users').docs[user.uid] && !newest('users').fromCache);
        await au.signOut(auth);
        await fs.setDoc(fs.doc(db, 'users', `nobody${round}`), { round });
        await until(() => newest('users').docs[`nobody${round}`]);
      }
      await until(() => !newest('users').fromCache && !newest('users').pending);
      const error = window.fk.listeners.users.error ?? null;
      return { distinct: new Set(uids).size, size: newest('users').order.length, error };
    });
    assert.deepEqual(found, { distinct: 3, size: 6, error: null });
  });

  await step('long polls, when it is told to', async () => {
    const proxy = await Proxy.start(t, server.port);
    const settings = { experimentalForceLongPolling: true };
    const page = await open({ host: proxy.host, settings });
    assert.deepEqual(await page.evaluate(latency), 'done');
    await page.evaluate(async () => {
      const { fs, db, listen, until, newest } = window.fk;
      listen('polled', fs.collection(db, 'polled'));
      await until(() => newest('polled') && !newest('polled').fromCache);
    });
    await commit({ 'polled/a': { n: 1 } });
    await page.evaluate(() => window.fk.until(() => window.fk.newest('polled').docs.a));
    assert.ok(proxy.asked.includes('CI=1'), String(proxy.asked));
    assert.ok(!proxy.asked.includes('CI=0'), String(proxy.asked));
  });

  await step('long polls by itself behind a proxy that buffers', async () => {
    const proxy = await Proxy.start(t, server.port);
    proxy.buffers = true;
    const page = await open({ host: proxy.host });
    await page.evaluate(async () => {
      const { fs, db, listen, until, newest } = window.fk;
      listen('polled', fs.collection(db, 'polled'));
      await until(() => newest('polled') && !newest('polled').fromCache);
    });
    await commit({ 'polled/b': { n: 1 } });
    await page.evaluate(() => window.fk.until(() => window.fk.newest('polled').docs.b));
    assert.ok(proxy.asked.includes('CI=1'), String(proxy.asked));
  });

  await step('streams by XMLHttpRequest', async () => {
    const page = await open({ settings: { useFetchStreams: false } });
    assert.deepEqual(await page.evaluate(latency), 'done');
    assert.deepEqual(await page.evaluate(transforms), 'done');
  });

  await step('streams, and does not take the server for a proxy that buffers', async () => {
    const proxy = await Proxy.start(t, server.port);
    for (let round = 0; round < 5; round += 1) {
      const page = await open({ host: proxy.host });
      await page.evaluate(async () => {
        const { fs, db } = window.fk;
        await fs.getDocsFromServer(fs.collection(db, 'polled'));
        await fs.setDoc(fs.doc(db, 'streamed/a'), { n: 1 });
      });
      await page.close();
    }
    // On a loaded machine the SDK may believe it of some (section 6.2), which then poll.
    const [streams, polls] = ['CI=0', 'CI=1'].map((mode) => proxy.asked.filter((kind) => kind === mode).length);
    t.diagnostic(`${polls} long polls among ${streams} streams`);
    assert.ok(polls <= streams / 2, String(proxy.asked));
  });

  await step('keeps a cache on disk, resumes its listeners, and sends what it could not, once', async () => {
    const proxy = await Proxy.start(t, server.port);
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`kept/d${n}`, { n, at: 0 }]));
    await commit(many);
    const options = { host: proxy.host, cache: 'single' };
    const page = await open(options);
    await page.evaluate(async () => {
      const { fs, db, listen, until, newest } = window.fk;
      await fs.setDoc(fs.doc(db, 'count/a'), { n: 0 });
      listen('kept', fs.collection(db, 'kept'));
      await until(() => newest('kept')?.order.length === 200 && !newest('kept').fromCache);
      await fs.disableNetwork(db);
      void fs.updateDoc(fs.doc(db, 'count/a'), { n: fs.increment(1) });
      void fs.updateDoc(fs.doc(db, 'count/a'), { n: fs.increment(1) });
      await until(async () => (await fs.getDocFromCache(fs.doc(db, 'count/a'))).data().n === 2);
    });
    assert.ok(proxy.documents >= 200, String(proxy.documents));
    await page.close();
    await commit({ 'kept/d7': { n: 7, at: 1 }, 'kept/new': { n: 200, at: 1 }, 'kept/d8': null });
    proxy.reset();
    const again = await open(options);
    const found = await again.evaluate(async () => {
      const { fs, db, listen, until, newest, listeners } = window.fk;
      listen('kept', fs.collection(db, 'kept'), { includeMetadataChanges: true });
      await until(() => newest('kept') && !newest('kept').fromCache);
      await fs.waitForPendingWrites(db);
      const { n } = (await fs.getDocFromServer(fs.doc(db, 'count/a'))).data();
      const { docs, order } = newest('kept');
      return { n, first: listeners.kept.events[0].order.length, size: order.length, d7: docs.d7, d8: docs.d8 ?? null };
    });
    assert.deepEqual(found, { n: 2, first: 200, size: 200, d7: { n: 7, at: 1 }, d8: null });
    assert.ok(proxy.documents < 20, `${proxy.documents} documents were sent`);
  });

  await step('several tabs share one connection, and another takes over', async () => {
    const proxy = await Proxy.start(t, server.port);
    const options = { host: proxy.host, cache: 'multi' };
    const tabs = [await open(options), await open(options)];
    for (const tab of tabs) {
      await tab.evaluate(async () => {
        const { fs, db, listen, until, newest } = window.fk;
        listen('tabs', fs.collection(db, 'tabs'));
        await until(() => newest('tabs') && !newest('tabs').fromCache);
      });
    }
    const write = (tab, id) =>
      tab.evaluate((name) => window.fk.fs.setDoc(window.fk.fs.doc(window.fk.db, 'tabs', name), { name }), id);
    const sees = (tab, id) => tab.evaluate((name) => window.fk.until(() => window.fk.newest('tabs').docs[name]), id);
    await write(tabs[1], 'a');
    await Promise.all(tabs.map((tab) => sees(tab, 'a')));
    await tabs[0].close();
    await commit({ 'tabs/b': { name: 'b' } });
    await sees(tabs[1], 'b');
    await write(tabs[1], 'c');
    await sees(tabs[1], 'c');
  });

  await step('goes on when the server was away', async () => {
    const page = await open();
    await page.evaluate(async () => {
      const { fs, db, listen, until, newest } = window.fk;
      await fs.setDoc(fs.doc(db, 'away/a'), { n: 1 });
      listen('away', fs.collection(db, 'away'), { includeMetadataChanges: true });
      await until(() => newest('away')?.docs.a && !newest('away').fromCache);
    });
    await server.stop();
    await page.evaluate(async () => {
      const { fs, db, until, newest } = window.fk;
      window.written = fs.updateDoc(fs.doc(db, 'away/a'), { n: fs.increment(1) });
      await until(() => newest('away').docs.a.n === 2);
    });
    const next = await server.again();
    t.after(() => next.abandon());
    const { status } = await next.post(`/v1/${documents}:commit`, {
      writes: [{ update: { name: `${documents}/away/b`, fields: wired({ n: 3 }) } }],
    });
    assert.equal(status, 200);
    const found = await page.evaluate(async () => {
      const { until, newest } = window.fk;
      await window.written;
      await until(() => newest('away').docs.b && !newest('away').fromCache && !newest('away').pending, 60_000);
      return newest('away').docs;
    });
    assert.deepEqual(found, { a: { n: 2 }, b: { n: 3 } });
    await browser.close();
    assert.equal(next.port, Number(host.split(':')[1]));
    await next.stop();
  });

  await step('nothing failed on the way', () => assert.deepEqual(faults, []));
});

test('the web SDK in Chromium over TLS with HTTP/2', { skip }, async (t) => {
  const folder = await temporaryFolder(t);
  const { crt, key } = certificate(path.join(folder, 'server'));
  const args = ['--tls-cert', crt, '--tls-key', key, '--project', 'demo-over-tls'];
  const { open, browser, origin, host, projectId, server } = await world(t, { args, scheme: 'https' });
  const page = await browser.newPage();
  const network = await browser.newCDPSession(page);
  await network.send('Network.enable');
  const protocols = new Map();
  network.on('Network.responseReceived', ({ response }) => {
    const { pathname } = new URL(response.url);
    if (pathname.endsWith('/channel')) protocols.set(response.protocol, (protocols.get(response.protocol) ?? 0) + 1);
  });
  await openPage(page, origin, { host, ssl: true, projectId });
  assert.deepEqual(await page.evaluate(crud), 'done');
  assert.deepEqual(await page.evaluate(latency), 'done');
  // Many POSTs at once, which overtake each other.
  const sum = await page.evaluate(async () => {
    const { fs, db } = window.fk;
    const where = fs.doc(db, 'sums/a');
    await fs.setDoc(where, { n: 0 });
    const counts = Array.from({ length: 100 }, () => fs.updateDoc(where, { n: fs.increment(1) }));
    const listeners = Array.from({ length: 50 }, (_, n) => fs.getDocs(fs.query(fs.collection(db, 'sums'), fs.limit(n + 1))));
    await Promise.all([...counts, ...listeners]);
    return (await fs.getDocFromServer(where)).data().n;
  });
  assert.equal(sum, 100);
  assert.deepEqual([...protocols.keys()], ['h2']);
  await page.close();
  await browser.close();
  await server.stop();
  void open;
});
