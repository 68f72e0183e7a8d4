/**
 * Firefox, headless, by WebDriver BiDi over its own remote debugging: no geckodriver, and no build of a browser's own. As
 * much of it as tests need: pages that go somewhere and run functions.
 */

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';

import { temporaryFolder } from './harness.mjs';

/** Debian's `firefox-esr`, and the usual name. */
export const FIREFOX = ['/usr/bin/firefox-esr', '/usr/bin/firefox'].find((file) => existsSync(file));
const START_MILLIS_MAX = 60_000;
/** Nothing that goes out by itself; and pages of tests may be at `localhost`. */
const PREFERENCES = {
  'app.update.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'browser.startup.page': 0,
  'datareporting.policy.dataSubmissionEnabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'remote.active-protocols': 1,
  'toolkit.telemetry.reportingpolicy.firstRun': false,
};

/** A WebSocket, as its client: text in, text out. Source: RFC 6455. */
class Socket {
  static connect(url) {
    const { hostname, port, pathname } = new URL(url);
    const headers = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': randomBytes(16).toString('base64'),
    };
    return new Promise((resolve, reject) => {
      const request = http.get({ host: hostname, port, path: pathname, headers });
      request.on('upgrade', (_, stream, head) => resolve(new Socket(stream, head)));
      request.on('response', ({ statusCode }) => reject(new Error(`no WebSocket: ${statusCode}`)));
      request.on('error', reject);
    });
  }

  constructor(stream, head) {
    this.stream = stream;
    this.bytes = head;
    this.parts = [];
    stream.on('error', () => {});
    stream.on('data', (bytes) => {
      this.bytes = Buffer.concat([this.bytes, bytes]);
      while (this.#frame());
    });
  }

  /** Takes a frame off what has come; whether there was one. */
  #frame() {
    const { bytes } = this;
    if (bytes.length < 2) return false;
    let [length, begin] = [bytes[1] & 0x7f, 2];
    if (length >= 126) {
      begin = length === 126 ? 4 : 10;
      if (bytes.length < begin) return false;
      length = length === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
    }
    if (bytes.length < begin + length) return false;
    const [last, kind] = [bytes[0] & 0x80, bytes[0] & 0x0f];
    const payload = bytes.subarray(begin, begin + length);
    this.bytes = bytes.subarray(begin + length);
    if (kind === 9) this.#send(10, payload);
    if (kind <= 1) {
      this.parts.push(payload);
      if (last) this.heard(Buffer.concat(this.parts.splice(0)).toString('utf8'));
    }
    return true;
  }

  send(text) {
    this.#send(1, Buffer.from(text));
  }

  #send(kind, payload) {
    const mask = randomBytes(4);
    const long = payload.length > 65_535;
    const head = Buffer.alloc(long ? 10 : payload.length > 125 ? 4 : 2);
    head[0] = 0x80 | kind;
    head[1] = 0x80 | (long ? 127 : payload.length > 125 ? 126 : payload.length);
    if (long) head.writeBigUInt64BE(BigInt(payload.length), 2);
    else if (payload.length > 125) head.writeUInt16BE(payload.length, 2);
    const masked = payload.map((byte, at) => byte ^ mask[at % 4]);
    this.stream.write(Buffer.concat([head, mask, masked]));
  }
}

/** A running Firefox. */
export class Firefox {
  /** Starts one; it ends after `context`. */
  static async start(context) {
    const profile = await temporaryFolder(context);
    const lines = Object.entries(PREFERENCES).map((pair) => `user_pref(${JSON.stringify(pair).slice(1, -1)});`);
    await writeFile(path.join(profile, 'user.js'), lines.join('\n'));
    const firefox = new Firefox();
    const args = ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', '0'];
    firefox.child = spawn(FIREFOX, args, {
      env: { ...process.env, HOME: profile, MOZ_CRASHREPORTER_DISABLE: '1' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    firefox.exit = new Promise((resolve) => firefox.child.on('close', resolve));
    context.after(() => firefox.close());
    const url = await firefox.#listens();
    firefox.socket = await Socket.connect(`${url}/session`);
    firefox.waiting = new Map();
    firefox.socket.heard = (text) => firefox.#hear(JSON.parse(text));
    await firefox.send('session.new', { capabilities: {} });
    return firefox;
  }

  #listens() {
    return new Promise((resolve, reject) => {
      let output = '';
      const timer = setTimeout(() => reject(new Error(`Firefox does not start:\n${output}`)), START_MILLIS_MAX);
      this.child.stderr.setEncoding('utf8').on('data', (text) => {
        output += text;
        const found = /WebDriver BiDi listening on (ws:\/\/\S+)/.exec(output);
        if (!found) return;
        clearTimeout(timer);
        resolve(found[1]);
      });
    });
  }

  #hear({ id, type, result, error, message }) {
    const { resolve, reject } = this.waiting.get(id) ?? {};
    this.waiting.delete(id);
    if (type === 'success') resolve?.(result);
    else reject?.(new Error(`${error}: ${message}`));
  }

  /** One command; its result. */
  send(method, params) {
    this.id = (this.id ?? 0) + 1;
    const answer = new Promise((resolve, reject) => this.waiting.set(this.id, { resolve, reject }));
    this.socket.send(JSON.stringify({ id: this.id, method, params }));
    return answer;
  }

  /** A new tab, with those of a page of Playwright's that `pages.mjs` uses. */
  async newPage() {
    const { context } = await this.send('browsingContext.create', { type: 'tab' });
    const evaluate = async (work, arg) => {
      const declaration = `async () => JSON.stringify((await (${work})(${JSON.stringify(arg)})) ?? null)`;
      const found = await this.send('script.callFunction', {
        functionDeclaration: declaration,
        awaitPromise: true,
        target: { context },
      });
      if (found.type === 'exception') throw new Error(found.exceptionDetails.text);
      return JSON.parse(found.result.value);
    };
    return {
      evaluate,
      goto: (url) => this.send('browsingContext.navigate', { context, url, wait: 'complete' }),
      waitForFunction: async (work) => {
        while (!(await evaluate(work))) await new Promise((resolve) => setTimeout(resolve, 20));
      },
      close: () => this.send('browsingContext.close', { context }),
    };
  }

  /** Ends it, by its own process. */
  async close() {
    if (this.child.exitCode === null) this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 10_000);
    await this.exit;
    clearTimeout(timer);
  }
}
