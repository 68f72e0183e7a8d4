/**
 * Data folders that cannot be used: each refuses to start with a sentence that names the folder and says what to do.
 * And disks that fill up while the server runs. What a power cut leaves is `crash.test.mjs`.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmod,
  copyFile,
  cp,
  mkdtemp,
  readFile,
  readdir,
  rm,
  rmdir,
  statfs,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'node:test';

import { Server, binary, run, temporaryFolder } from './harness.mjs';

const PASSWORD = 'correct horse battery staple';
/** The user `nobody`: somebody who owns nothing here. */
const NOBODY = 65_534;
const DISK_MIB = 24;

/** `firekeep serve`, which must not start: its last words. */
async function refuses(data, pattern, options = {}) {
  const args = ['serve', '--data', data, '--listen', '127.0.0.1:0'];
  const { code, stdout, stderr } = await run(args, { millis: 10_000, ...options });
  assert.equal(code, 1, `it started:\n${stdout}${stderr}`);
  const sentence = stderr.slice(stderr.indexOf('firekeep: '));
  assert.match(sentence, pattern);
  assert.ok(sentence.includes(data), `the folder is named: ${sentence}`);
  assert.doesNotMatch(stderr, /panicked/);
  return sentence;
}

/** A stopped server's folder with an account in it; `end` is how it stopped. */
async function folderWithData(t, end = 'stop') {
  const folder = await temporaryFolder(t);
  const data = path.join(folder, 'data');
  const server = await Server.start({ data });
  t.after(() => server.abandon());
  await signUp(server, 'alice');
  await server[end]();
  return { folder, data };
}

async function signUp(server, username) {
  const answer = await server.post('/account/v1/signup', { username, password: PASSWORD });
  assert.equal(answer.status, 201, answer.text);
}

async function logIn(server, login) {
  const answer = await server.post('/account/v1/login', { login, password: PASSWORD });
  assert.equal(answer.status, 200, `${login}: ${answer.text}`);
}

/** A small disk for a test; skips the test where this user may not mount one. */
async function smallDisk(t) {
  const disk = await mkdtemp(path.join(tmpdir(), 'firekeep-e2e-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MIB}m`, 'tmpfs', disk], {
      stdio: 'pipe',
    });
    t.after(() => execFileSync('umount', ['--lazy', disk]));
  } catch (error) {
    await rmdir(disk);
    return t.skip(`a small disk cannot be mounted: ${String(error.stderr ?? error).trim()}`);
  }
  t.after(() => rmdir(disk));
  return disk;
}

/** Fills a disk but for `left` bytes, with the file that it gives. */
async function fill(disk, left = 0) {
  const ballast = path.join(disk, `ballast-${left}`);
  const { bavail, bsize } = await statfs(disk);
  await writeFile(ballast, Buffer.alloc(Math.max(0, bavail * bsize - left)));
  return ballast;
}

test('a folder that another process uses', async (t) => {
  const data = path.join(await temporaryFolder(t), 'data');
  const server = await Server.start({ data });
  t.after(() => server.abandon());
  await signUp(server, 'alice');
  await refuses(
    data,
    /in use by another process; stop that process first, or choose another folder/,
  );
  const { code, stderr } = await run(['verify', '--data', data]);
  assert.equal(code, 1);
  assert.match(stderr, /in use by another process; stop that process first/);
  await logIn(server, 'alice');
  await server.stop();
});

test(
  'a folder that cannot be written',
  { skip: process.getuid() !== 0 && 'only root can be somebody else' },
  async (t) => {
    const { folder, data } = await folderWithData(t);
    await chmod(folder, 0o755);
    // Where the binary stands, nobody may look.
    const program = path.join(folder, 'firekeep');
    await copyFile(binary(), program);
    const somebody = { program, uid: NOBODY };
    const write =
      /cannot be written \(.*[Pp]ermission denied.*\); give the user that runs this program write permission for it, or choose another folder/;
    await refuses(data, write, somebody);
    execFileSync('chmod', ['-R', 'a+rX', data]);
    await refuses(data, write, somebody);
    // All but one file.
    execFileSync('chmod', ['-R', 'a+rwX', data]);
    await chmod(path.join(data, 'db', 'CURRENT'), 0o600);
    await refuses(data, write, somebody);
    const none = path.join(folder, 'none');
    await refuses(
      none,
      /cannot be made; name another one with --data: Permission denied/,
      somebody,
    );
  },
);

test('a folder on a disk that is mounted read-only', async (t) => {
  const disk = await smallDisk(t);
  if (!disk) return;
  const { data: made } = await folderWithData(t);
  const data = path.join(disk, 'data');
  await cp(made, data, { recursive: true });
  execFileSync('mount', ['-o', 'remount,ro', disk]);
  await refuses(
    data,
    /cannot be written \(.*[Rr]ead-only file system.*\); give the user .* write permission/,
  );
});

test('a folder that is a file', async (t) => {
  const data = path.join(await temporaryFolder(t), 'data');
  await writeFile(data, 'text');
  await refuses(data, /cannot be made; name another one with --data/);
});

test('a folder of a newer version', async (t) => {
  const { data } = await folderWithData(t, 'kill');
  const db = path.join(data, 'db');
  const [log] = (await readdir(db)).filter((name) => name.endsWith('.log'));
  const bytes = await readFile(path.join(db, log));
  // The row of the folder's format, in RocksDB's log: key, length of the value, value.
  const at = bytes.indexOf(Buffer.from('folder-format\x04')) + 'folder-format\x04'.length;
  assert.equal(bytes.readUInt32BE(at), 1, 'the format, where it is looked for');
  bytes.writeUInt32BE(2, at);
  sealLogRecord(bytes, at);
  await writeFile(path.join(db, log), bytes);
  await refuses(
    data,
    /was written by a newer version \(.*2.*\); start that version, or restore a backup made before the upgrade/,
  );
});

test('a folder with a damaged file', async (t) => {
  const damaged =
    /is damaged: .*; keep a copy of it, check the disk, and restore the newest backup into an empty folder/s;
  const stopped = await folderWithData(t);
  // A second start moves what was in the log to tables.
  const again = await Server.start({ data: stopped.data });
  await again.stop();
  const killed = await folderWithData(t, 'kill');
  for (const [kind, { folder, data }, pattern] of [
    ['a table', stopped, /\.sst$/],
    ['the manifest', stopped, /^MANIFEST-/],
    ['the file that names the manifest', stopped, /^CURRENT$/],
    ['the log', killed, /\.log$/],
    ['the manifest after a crash', killed, /^MANIFEST-/],
  ]) {
    for (const place of [0.05, 0.5, 0.9]) {
      const copy = path.join(folder, `${kind} ${place}`);
      await cp(data, copy, { recursive: true });
      const found = (await readdir(path.join(copy, 'db'))).filter((name) => pattern.test(name));
      const file = path.join(copy, 'db', found.at(-1));
      const bytes = await readFile(file);
      assert.ok(bytes.length > 0, file);
      bytes[Math.floor(bytes.length * place)] ^= 0x10;
      await writeFile(file, bytes);
      await t.test(`${kind}, at ${place}`, async () => {
        await refuses(copy, damaged);
        const { code, stdout, stderr } = await run(['verify', '--data', copy]);
        assert.equal(code, 1, stdout);
        assert.match(stderr, /is damaged/);
      });
    }
  }
  await t.test('a table that is gone', async () => {
    const db = path.join(stopped.data, 'db');
    const table = (await readdir(db)).find((name) => name.endsWith('.sst'));
    await rm(path.join(db, table));
    await refuses(stopped.data, damaged);
  });
  await t.test('a database that is gone', async () => {
    await rm(path.join(killed.data, 'db'), { recursive: true });
    await refuses(
      killed.data,
      /is damaged: it had data, and now its database is empty; restore the newest backup/,
    );
  });
});

test('a full disk', { timeout: 60_000 }, async (t) => {
  const disk = await smallDisk(t);
  if (!disk) return;
  const data = path.join(disk, 'data');
  const full = /is full; make room on it and start again, no committed data is lost/;

  await t.test('a server does not start on it', async () => {
    const ballast = await fill(disk);
    await refuses(data, full);
    await rm(ballast);
  });

  await t.test('a server keeps what it acknowledged when it fills up', async (s) => {
    const server = await Server.start({ data, args: ['--trusted-proxy', '127.0.0.1'] });
    s.after(() => server.abandon());
    const acknowledged = [];
    let addresses = 0;
    const create = async (username) => {
      // Each from an address of its own, or sign-ups would run into their limit.
      addresses += 1;
      const headers = { 'x-forwarded-for': `10.0.${addresses >> 8}.${addresses & 255}` };
      const body = { username, password: PASSWORD };
      const answer = await server
        .post('/account/v1/signup', body, { headers })
        .catch(() => undefined);
      if (answer?.status === 201) acknowledged.push(username);
      return answer;
    };
    await create('before');
    const ballast = await fill(disk, 64 * 1024);
    let refused = [];
    for (let round = 0; round < 30 && refused.length === 0 && !server.ended; round += 1) {
      const names = Array.from({ length: 8 }, (_, index) => `full-${round}-${index}`);
      const answers = await Promise.all(names.map(create));
      refused = answers.filter((answer) => answer?.status !== 201);
    }
    assert.ok(refused.length > 0, 'the disk filled up');
    for (const answer of refused.filter((one) => one !== undefined)) {
      assert.equal(answer.status, 503, answer.text);
      assert.equal(answer.body.error.code, 'busy');
      // Its cause is in the log, under the request's id.
      const line = new RegExp(`request\\{id=${answer.headers['x-request-id']}\\}: request failed .*full`);
      assert.match(server.output, line);
    }
    // A server that goes on would hold this test until its time is up.
    assert.deepEqual(await server.exit, { code: 1, signal: null }, server.output);
    assert.match(
      server.output,
      /takes no more writes: .* is full; make room on it and start again, no committed data is lost/s,
    );
    // Still full: it says so, and harms nothing.
    const more = await fill(disk);
    await refuses(data, full);
    await rm(more);
    await rm(ballast);
    const second = await Server.start({ data });
    s.after(() => second.abandon());
    s.diagnostic(`${acknowledged.length} accounts were acknowledged`);
    for (const username of acknowledged) await logIn(second, username);
    await signUp(second, 'after');
    await second.stop();
    const { stdout } = await run(['verify', '--data', data, '--json']);
    assert.equal(JSON.parse(stdout).ok, true, stdout);
  });
});

/** Writes the checksum of the record of a RocksDB log in which the byte `at` stands. */
function sealLogRecord(bytes, at) {
  // Checksum, length, kind; kinds above 4 have the log's number too.
  for (let start = 0; start < bytes.length;) {
    const [length, kind] = [bytes.readUInt16LE(start + 4), bytes[start + 6]];
    const end = start + (kind > 4 ? 11 : 7) + length;
    if (at < end) {
      const crc = crc32c(bytes.subarray(start + 6, end));
      bytes.writeUInt32LE((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0, start);
      return;
    }
    start = end;
  }
}

function crc32c(bytes) {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}
