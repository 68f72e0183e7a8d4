/**
 * Web pages with the unmodified `firebase` SDK, in headless browsers: what serves them, what opens them, and a proxy of
 * loopback between them and the server, which counts, holds back and breaks.
 */

import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const CHROMIUM = '/usr/bin/chromium';
export const SDK = path.join(path.dirname(fileURLToPath(import.meta.url)), 'node_modules', 'firebase');
export const VERSION = JSON.parse(readFileSync(path.join(SDK, 'package.json'), 'utf8')).version;
export const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The bundles import each other by Google's address; the file is the same one. */
export const IMPORT_MAP = JSON.stringify({
  imports: { [`https://www.gstatic.com/firebasejs/${VERSION}/firebase-app.js`]: '/firebase-app.js' },
});

/** Serves pages (`{ '/': text }`) and the SDK's bundles, and nothing else: where. Closed after `context`. */
export async function staticServer(context, pages) {
  const server = http.createServer(async (request, response) => {
    const bundle = /^\/(firebase-(?:app|auth|firestore)\.js)$/.exec(request.url ?? '');
    const page = pages[request.url.split('?')[0]];
    if (bundle) {
      response.setHeader('content-type', 'text/javascript; charset=utf-8');
      response.end(await readFile(path.join(SDK, bundle[1])));
    } else if (page) {
      response.setHeader('content-type', 'text/html; charset=utf-8');
      response.end(page);
    } else {
      response.statusCode = 404;
      response.end();
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://localhost:${server.address().port}`;
}

/**
 * A page with Firestore and Auth. What it connects to stands behind `#`, as JSON: `{ host, ssl, projectId, settings,
 * cache }`, where `settings` are Firestore's and `cache` is `single` or `multi` for a persistent one. What tests use is
 * `window.fk`: `fs` and `au`, the modules; `db`, `auth`; `listen` and `until`.
 */
export const FIRESTORE_PAGE = `<!doctype html>
<meta charset="utf-8">
<title>loading</title>
<script type="importmap">${IMPORT_MAP}</script>
<script type="module">
  import { initializeApp } from '/firebase-app.js';
  import * as au from '/firebase-auth.js';
  import * as fs from '/firebase-firestore.js';
  const { host, ssl = false, projectId, settings = {}, cache } = JSON.parse(decodeURIComponent(location.hash.slice(1)));
  const app = initializeApp({ apiKey: 'fake-key', projectId, appId: '1:2:web:3' });
  const managers = { single: fs.persistentSingleTabManager, multi: fs.persistentMultipleTabManager };
  const localCache = cache && fs.persistentLocalCache({ tabManager: managers[cache]({}) });
  const db = fs.initializeFirestore(app, { host, ssl, ...settings, ...(localCache && { localCache }) });
  const auth = au.getAuth(app);
  au.connectAuthEmulator(auth, (ssl ? 'https://' : 'http://') + host, { disableWarnings: true });
  await auth.authStateReady();
  // A listener's newest snapshot, and how many there were: { docs: { id: data }, … }.
  const listeners = {};
  const shown = (snapshot) => ({
    docs: snapshot.docs
      ? Object.fromEntries(snapshot.docs.map((found) => [found.id, found.data()]))
      : { [snapshot.id]: snapshot.data() },
    order: snapshot.docs?.map((found) => found.id),
    whole: snapshot.docs?.map((found) => [found.ref.path, found.data().at]),
    exists: snapshot.docs ? undefined : snapshot.exists(),
    changes: snapshot.docChanges?.().map(({ type, doc }) => type + ' ' + doc.id),
    fromCache: snapshot.metadata.fromCache,
    pending: snapshot.metadata.hasPendingWrites,
  });
  const listen = (name, of, options = {}) => {
    const found = (listeners[name] = { events: [] });
    const next = (snapshot) => found.events.push(shown(snapshot));
    const fail = (error) => (found.error = error.code);
    found.stop = fs.onSnapshot(of, options, next, fail);
  };
  // Waits until something is so; what it is then.
  const until = async (what, millis = 20_000) => {
    for (const end = Date.now() + millis; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
      const found = await what();
      if (found) return found;
      if (Date.now() > end) throw new Error('not so after ' + millis + ' ms: ' + what + '\\n' + JSON.stringify(listeners));
    }
  };
  const newest = (name) => listeners[name].events.at(-1);
  window.fk = { fs, au, db, auth, listeners, listen, until, newest };
  document.title = 'ready';
</script>`;

/** Opens the page, and waits until it is ready. */
export async function openPage(page, origin, options) {
  await page.goto(`${origin}/#${encodeURIComponent(JSON.stringify(options))}`);
  await page.waitForFunction(() => document.title === 'ready');
  return page;
}

/** A proxy of loopback before `target`, a port. It counts, and does what it is told. */
export class Proxy {
  static async start(context, target) {
    const proxy = new Proxy();
    proxy.target = target;
    /** Answers are held back until they have ended. */
    proxy.buffers = false;
    proxy.reset();
    proxy.server = http.createServer((request, response) => proxy.#pass(request, response));
    await new Promise((resolve) => proxy.server.listen(0, '127.0.0.1', resolve));
    proxy.port = proxy.server.address().port;
    proxy.host = `127.0.0.1:${proxy.port}`;
    context.after(() => {
      proxy.server.close();
      proxy.server.closeAllConnections();
    });
    return proxy;
  }

  /** Forgets what was counted. */
  reset() {
    /** The documents that listeners were sent, and what the channels' requests were: `handshake`, `CI=0`, `CI=1`. */
    this.documents = 0;
    this.asked = [];
  }

  #pass(request, response) {
    const url = new URL(request.url, 'http://localhost');
    if (url.pathname.endsWith('/channel')) {
      const kind = url.searchParams.get('TYPE') ?? (url.searchParams.has('SID') ? 'forward' : 'handshake');
      this.asked.push(kind === 'xmlhttp' ? `CI=${url.searchParams.get('CI')}` : kind);
    }
    const { method, headers, url: path } = request;
    const passed = http.request({ host: '127.0.0.1', port: this.target, method, path, headers });
    passed.on('response', (answer) => {
      let held = [];
      const send = () => response.writeHead(answer.statusCode, answer.headers);
      if (!this.buffers) send().flushHeaders();
      else held = [];
      const { buffers } = this;
      answer.on('data', (bytes) => {
        this.documents += bytes.toString('latin1').split('"documentChange"').length - 1;
        if (buffers) held.push(bytes);
        else response.write(bytes);
      });
      answer.on('end', () => {
        if (buffers) send();
        response.end(Buffer.concat(held));
      });
      answer.on('error', () => response.destroy());
    });
    passed.on('error', () => response.destroy());
    response.on('close', () => passed.destroy());
    request.on('error', () => passed.destroy());
    request.pipe(passed);
  }
}
