/**
 * The real binary, for tests: starts and stops a server on a free port of loopback, runs commands of the command line,
 * speaks HTTP. It knows nothing of any SDK.
 *
 * The binary is `FIREKEEP_BIN`, or the newer of `../target/release/firekeep` and `../target/debug/firekeep`.
 */

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** A cold start on a loaded machine, in a debug build, takes a few seconds. */
const START_MILLIS_MAX = 30_000;
/** A graceful stop waits for requests that are in flight. */
const STOP_MILLIS_MAX = 25_000;
const COMMAND_MILLIS_MAX = 60_000;

const HERE = path.dirname(fileURLToPath(import.meta.url));

/** The path of the binary under test. */
export function binary() {
  if (process.env.FIREKEEP_BIN) return path.resolve(process.env.FIREKEEP_BIN);
  const built = ['release', 'debug']
    .map((profile) => path.join(HERE, '..', 'target', profile, 'firekeep'))
    .filter((file) => existsSync(file))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  assert.ok(built.length > 0, 'no binary: run `cargo build --bin firekeep`, or set FIREKEEP_BIN');
  return built[0];
}

/** The environment without anything that would configure the server or an SDK. */
function environment(extra = {}) {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(FIREKEEP|FIREBASE|GOOGLE|GCLOUD)_/.test(name),
  );
  return { ...Object.fromEntries(kept), ...extra };
}

/** A new folder, removed after `context` (a test's or a suite's context, or anything with `after`). */
export async function temporaryFolder(context) {
  const folder = await mkdtemp(path.join(tmpdir(), 'firekeep-e2e-'));
  context.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/**
 * Runs a command to its end: `{ code, stdout, stderr }`. `program` is another copy of the binary, `uid` its user.
 * One that does not end is ended after `millis`.
 */
export function run(args, { env, program = binary(), uid, gid = uid, millis = COMMAND_MILLIS_MAX } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: environment(env),
      uid,
      gid,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: millis,
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/** Runs a command that must succeed; its standard output. */
export async function command(...args) {
  const { code, stdout, stderr } = await run(args);
  assert.equal(code, 0, `firekeep ${args.join(' ')}\n${stdout}${stderr}`);
  return stdout;
}

/** `project show`: `{ projectId, apiKeys, mode, … }`. */
export async function project(data) {
  return JSON.parse(await command('project', 'show', '--data', data, '--json'));
}

/** Makes a service account; its key file, parsed, and the file's path. */
export async function serviceAccount(data, out, ...more) {
  await command('service-account', 'create', '--data', data, '--out', out, ...more);
  return { file: out, key: JSON.parse(await readFile(out, 'utf8')) };
}

/** `firekeep token`: a custom token, made offline. */
export async function customToken(keyFile, uid, claims) {
  const more = claims === undefined ? [] : ['--claims', JSON.stringify(claims)];
  return (await command('token', '--key', keyFile, '--uid', uid, ...more)).trim();
}

/** A self-signed certificate for names of hosts and this machine, made with openssl: `{ crt, key }`, two files. */
export function certificate(stem, hosts = ['localhost']) {
  const [crt, key] = [`${stem}.crt`, `${stem}.key`];
  const names = [...hosts.map((host) => `DNS:${host}`), 'IP:127.0.0.1'].join(',');
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const subject = ['-subj', '/CN=firekeep-e2e', '-addext', `subjectAltName=${names}`];
  const files = ['-keyout', key, '-out', crt, '-days', '2'];
  execFileSync('openssl', ['req', '-x509', ...curve, ...subject, ...files], { stdio: 'pipe' });
  return { crt, key };
}

/** A running server. */
export class Server {
  /**
   * Starts a server and waits until it serves.
   * `port` 0 takes a free one; `args` are more arguments; `shell` is what a shell does first, such as `ulimit -n 256`.
   */
  static async start({ data, dev = false, port = 0, args = [], env, shell } = {}) {
    const server = new Server();
    server.options = { data, dev, args, env, shell };
    const flags = ['serve', '--data', data, '--listen', `127.0.0.1:${port}`];
    const serve = [binary(), ...flags, ...(dev ? ['--dev'] : []), ...args];
    const [program, ...rest] = shell ? ['sh', '-c', `${shell}; exec "$0" "$@"`, ...serve] : serve;
    server.child = spawn(program, rest, {
      env: environment(env),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    server.output = '';
    for (const stream of [server.child.stdout, server.child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (server.output += text));
    }
    server.exit = new Promise((resolve) => {
      server.child.on('close', (code, signal) => {
        server.ended = { code, signal };
        resolve(server.ended);
      });
    });
    server.child.on('error', (error) => (server.output += String(error)));
    try {
      await server.#ready();
    } catch (error) {
      server.child.kill('SIGKILL');
      throw error;
    }
    return server;
  }

  async #ready() {
    const until = Date.now() + START_MILLIS_MAX;
    while (Date.now() < until) {
      assert.equal(this.ended, undefined, `the server ended at once:\n${this.output}`);
      const found = /(https?):\/\/127\.0\.0\.1:([1-9][0-9]*)/.exec(this.output);
      if (found) {
        this.port = Number(found[2]);
        this.url = found[0];
        // A TLS server's certificate is the test's own business.
        if (found[1] === 'https') return;
        const status = await fetch(`${this.url}/`).then((answer) => answer.status, () => 0);
        if (status === 200) return;
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.fail(`the server does not serve after ${START_MILLIS_MAX} ms:\n${this.output}`);
  }

  /** Ends the server gracefully: SIGTERM to its own pid, exit code 0. */
  async stop() {
    if (!this.ended) process.kill(this.child.pid, 'SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), STOP_MILLIS_MAX);
    const ended = await this.exit;
    clearTimeout(timer);
    assert.deepEqual(ended, { code: 0, signal: null }, `the server's end:\n${this.output}`);
  }

  /** Ends the server as a power cut would: no warning, no clean-up. */
  async kill() {
    process.kill(this.child.pid, 'SIGKILL');
    await this.exit;
  }

  /** The process's resident memory, in KiB; `undefined` where the machine does not tell. */
  async residentKib() {
    const status = await readFile(`/proc/${this.child.pid}/status`, 'utf8').catch(() => '');
    const found = /^VmRSS:\s+(\d+) kB$/m.exec(status);
    return found ? Number(found[1]) : undefined;
  }

  /** Starts the same server again, on the same port and data. */
  async again() {
    return Server.start({ ...this.options, port: this.port });
  }

  /** Ends the server if a failed test left it running. */
  async abandon() {
    if (!this.ended) await this.kill();
  }

  /** `POST path` with a JSON body (or `raw` text): `{ status, headers, body }`. */
  async post(route, body, options = {}) {
    return this.request('POST', route, { ...options, body });
  }

  /** `GET path`. */
  async get(route, options = {}) {
    return this.request('GET', route, options);
  }

  /** Any request; `bearer` is a credential, `host` the `Host` header, `raw` a body that is no JSON of ours. */
  request(method, route, { body, raw, bearer, host, headers = {} } = {}) {
    const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const all = { ...headers };
    // `null` leaves the content type out.
    if (payload !== undefined && all['content-type'] === undefined) {
      all['content-type'] = 'application/json';
    }
    if (payload !== undefined) all['content-length'] = Buffer.byteLength(payload);
    if (all['content-type'] === null) delete all['content-type'];
    if (bearer !== undefined) all.authorization = `Bearer ${bearer}`;
    if (host !== undefined) all.host = host;
    // Not `fetch`: it sets the `Host` header itself.
    return new Promise((resolve, reject) => {
      const request = http.request(
        { host: '127.0.0.1', port: this.port, method, path: route, headers: all, agent: false },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (part) => (text += part));
          response.on('error', reject);
          response.on('end', () => {
            let parsed;
            try {
              parsed = JSON.parse(text);
            } catch {
              parsed = undefined;
            }
            const { statusCode: status, headers: found } = response;
            resolve({ status, headers: found, text, body: parsed });
          });
        },
      );
      request.on('error', reject);
      request.end(payload);
    });
  }
}

/**
 * A server in safe mode with a service account of its own, and what a client needs to use it.
 * The account is made with the server stopped.
 */
export async function safeServer(context, { args = [], accounts = ['e2e-tests'] } = {}) {
  const folder = await temporaryFolder(context);
  const data = path.join(folder, 'data');
  const made = [];
  for (const name of accounts) {
    made.push(await serviceAccount(data, path.join(folder, `${name}.json`), '--name', name));
  }
  const { projectId, apiKeys, mode } = await project(data);
  assert.equal(mode, 'safe');
  assert.ok(apiKeys.length > 0, 'a new project has an API key');
  const server = await Server.start({ data, args });
  context.after(() => server.abandon());
  return { server, folder, data, accounts: made, projectId, apiKey: apiKeys[0] };
}

/** Waits until the next second begins: JWT times are whole seconds. */
export async function nextSecond() {
  await new Promise((resolve) => setTimeout(resolve, 1005 - (Date.now() % 1000)));
}

/** The header and claims of a JWS, unverified. */
export function decode(token) {
  const [header, payload] = token.split('.');
  const read = (part) => JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
  return { header: read(header), claims: read(payload) };
}
