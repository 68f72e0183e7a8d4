/** WebChannel over real connections, HTTP/1.1 and HTTP/2, without an SDK: WebChannel specification, sections 5 to 7 and 12. */

import assert from 'node:assert/strict';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';

import { Channel, http1, http2Of, text } from './channel.mjs';
import { Server, temporaryFolder } from './harness.mjs';

const ORIGIN = 'https://app.example.com';
/** A port that is free now. */
async function freePort() {
  const holder = net.createServer();
  await new Promise((resolve) => holder.listen(0, '127.0.0.1', resolve));
  const { port } = holder.address();
  await new Promise((resolve) => holder.close(resolve));
  return port;
}

const sleep = (millis) => new Promise((resolve) => setTimeout(resolve, millis));

async function start(t, args = []) {
  const data = path.join(await temporaryFolder(t), 'data');
  const server = await Server.start({ data, dev: true, args });
  t.after(() => server.abandon());
  const { projectId } = (await server.get('/')).body.firekeep;
  const database = `projects/${projectId}/databases/(default)`;
  const documents = `${database}/documents`;
  const hello = { database };
  const listen = (targetId, collectionId, more = {}) => ({
    database,
    addTarget: { targetId, query: { parent: documents, structuredQuery: { from: [{ collectionId }] } }, ...more },
  });
  const commit = async (writes) => {
    const { status, text: body } = await server.post(`/v1/${documents}:commit`, { writes });
    assert.equal(status, 200, body);
  };
  const set = (name, fields) => ({ update: { name: `${documents}/${name}`, fields } });
  return { server, database, documents, hello, listen, commit, set };
}

const isCurrent = (message) => message.targetChange?.readTime && !message.targetChange.targetIds;

const { server, database, documents, hello, listen, commit, set } = await start({ after: test.after });
const TRANSPORTS = { 'HTTP/1.1': http1, 'HTTP/2': http2Of };
const increment = (streamToken, name = 'counts/a') => ({
  streamToken,
  writes: [
    {
      update: { name: `${documents}/${name}`, fields: {} },
      updateMask: { fieldPaths: [] },
      updateTransforms: [{ fieldPath: 'n', increment: { integerValue: '1' } }],
    },
  ],
});
const counted = (message) => Number(message.writeResults[0].transformResults[0].integerValue);

for (const [protocol, transportOf] of Object.entries(TRANSPORTS)) {
  test(`sessions over ${protocol}`, async (t) => {
    const transport = transportOf(server.port);
    t.after(() => transport.close());

    await t.test('a handshake tells how its connection speaks', async () => {
      const channel = new Channel(transport, 'Write', database);
      const { status, headers } = await channel.open([hello], { origin: ORIGIN });
      assert.equal(status, 200);
      assert.equal(headers['x-client-wire-protocol'], protocol === 'HTTP/2' ? 'h2' : undefined);
      assert.match(headers['x-http-session-id'], /^[0-9a-f]{48}$/);
      assert.equal(await channel.terminate(), 200);
    });

    await t.test('the first byte of a stream is there at once', async () => {
      const times = [];
      for (let round = 0; round < 20; round += 1) {
        const channel = new Channel(transport, 'Listen', database);
        await channel.open([listen(2, 'nothing')]);
        const get = await channel.get();
        assert.equal(get.headers['content-length'], undefined);
        assert.equal(get.headers['content-encoding'], undefined);
        await channel.until(() => channel.messages.some(isCurrent));
        times.push(get.firstByte());
        await channel.terminate();
        const { rest } = await get.ended;
        assert.equal(rest, '');
      }
      times.sort((a, b) => a - b);
      t.diagnostic(`${protocol}: the first byte after ${times[10].toFixed(1)} ms, at most ${times[19].toFixed(1)} ms`);
      assert.ok(times[10] < 50, String(times));
    });

    await t.test('writes count once, in order, however they come', async () => {
      const name = `counts/${protocol.replace('/', '')}`;
      const channel = new Channel(transport, 'Write', database);
      await channel.open([hello]);
      const get = await channel.get();
      const [{ streamToken }] = await channel.until(1);
      const one = increment(streamToken, name);
      // Each of 40 comes twice, in any order.
      const ids = Array.from({ length: 80 }, (_, at) => 1 + ((at * 37) % 40));
      await Promise.all(ids.map((id) => channel.post([one], id)));
      const messages = await channel.until(41);
      assert.deepEqual(messages.slice(1).map(counted), Array.from({ length: 40 }, (_, at) => at + 1));
      assert.equal(await channel.terminate(), 200);
      await get.ended;
    });

    await t.test('a lost GET loses nothing', async () => {
      const collection = `lost${protocol.at(-1)}`;
      const channel = new Channel(transport, 'Listen', database);
      await channel.open([listen(2, collection)]);
      for (let round = 0; round < 10; round += 1) {
        const get = await channel.get({ poll: round % 2 === 1 });
        await commit([set(`${collection}/d${round}`, { n: { integerValue: String(round) } })]);
        if (round % 3 === 0) await channel.until(() => channel.messages.length > round);
        get.cut();
      }
      const get = await channel.get();
      const seen = () => new Set(channel.messages.flatMap((it) => it.documentChange?.document.name ?? []));
      await channel.until(() => seen().size === 10);
      await channel.terminate();
      await get.ended;
    });

    await t.test('a result that is larger than what is kept arrives whole', async () => {
      const text = { stringValue: 'é漢😀'.repeat(5_000) };
      for (let at = 0; at < 600; at += 100) {
        await commit(Array.from({ length: 100 }, (_, n) => set(`large/d${at + n}`, { text })));
      }
      const channel = new Channel(transport, 'Listen', database);
      await channel.open([listen(2, 'large')]);
      let gets = 0;
      while (!channel.messages.some(isCurrent)) {
        gets += 1;
        const { ended } = await channel.get();
        await Promise.race([ended, channel.until(() => channel.messages.some(isCurrent), 60_000)]);
        assert.ok(gets < 40, 'each GET brings something');
      }
      assert.equal(channel.messages.filter((it) => it.documentChange).length, 600);
      assert.ok(gets > 2, `${gets} GETs`);
      await channel.terminate();
    });
  });
}

test('every answer may be read by the page, whatever it says', async () => {
  const transport = http1(server.port);
  const channel = '/google.firestore.v1.Firestore/Listen/channel';
  const below = `/firestore.googleapis.com${channel}`;
  const ask = (method, path, body) => transport.ask(method, path, { headers: { origin: ORIGIN }, body });
  for (const [method, path, body, status] of [
    ['POST', `${channel}?VER=8`, 'count=0', 200],
    ['POST', `${below}?VER=8`, 'count=0', 200],
    ['OPTIONS', `${channel}?VER=8`, undefined, 204],
    ['POST', `${channel}?VER=9`, '', 400],
    ['GET', `${channel}?VER=8&SID=x&RID=rpc&TYPE=xmlhttp`, undefined, 400],
    ['POST', `${channel}?VER=8`, 'x'.repeat(3 << 20), 400],
    ['POST', `${channel}?SID=x&TYPE=terminate`, '', 200],
    ['GET', `/v1/${documents}/c/missing`, undefined, 404],
    ['POST', `/v1/${documents}:nothing`, '', 404],
    ['OPTIONS', `/v1/${documents}:batchGet`, undefined, 204],
  ]) {
    const answer = await ask(method, path, body);
    await text(answer);
    assert.equal(answer.status, status, path);
    assert.equal(answer.headers['access-control-allow-origin'], ORIGIN, path);
    assert.equal(answer.headers['access-control-allow-credentials'], 'true', path);
    assert.match(answer.headers['access-control-expose-headers'], /X-HTTP-Session-Id/);
    assert.match(answer.headers.vary, /Origin/i);
  }
  // Who sends no origin is no page; and elsewhere nothing is sent along.
  for (const [path, headers] of [
    [`${channel}?VER=8`, {}],
    ['/healthz', { origin: ORIGIN }],
  ]) {
    const answer = await transport.ask(path === '/healthz' ? 'GET' : 'POST', path, { headers });
    await text(answer);
    assert.equal(answer.headers['access-control-allow-credentials'], undefined, path);
  }
  transport.close();
});

test('an unknown session is said to be one, and may always be ended', async (t) => {
  const transport = http1(server.port);
  t.after(() => transport.close());
  const channel = new Channel(transport, 'Listen', database);
  channel.sid = 'f'.repeat(48);
  const refused = await channel.post([]);
  assert.equal(refused.status, 400);
  // The client looks behind the first character.
  assert.ok(refused.text.indexOf('Unknown SID') > 0, refused.text);
  assert.equal(await channel.terminate(), 200);
});

test('a server that stops tells its clients to go elsewhere', async (t) => {
  const other = await start(t);
  const transport = http1(other.server.port);
  t.after(() => transport.close());
  const channels = [new Channel(transport, 'Listen', other.database), new Channel(transport, 'Write', other.database)];
  await channels[0].open([other.listen(2, 'nothing')]);
  await channels[1].open([other.hello]);
  const gets = await Promise.all(channels.map((channel) => channel.get()));
  await channels[0].until(() => channels[0].messages.some(isCurrent));
  await channels[1].until(1);
  const began = Date.now();
  await other.server.stop();
  assert.ok(Date.now() - began < 10_000, `${Date.now() - began} ms`);
  for (const [at, { ended }] of gets.entries()) {
    const { rest } = await ended;
    assert.equal(rest, '');
    assert.equal(channels[at].messages.at(-1), 'close');
  }
});

/** Opens sessions and goes away without a word: some before the first GET, some in the middle of one. */
async function vanish() {
  const context = { after: test.after };
  const metrics = await freePort();
  const other = await start(context, ['--metrics-listen', `127.0.0.1:${metrics}`]);
  const sessions = async () => {
    const found = await (await fetch(`http://127.0.0.1:${metrics}/`)).text();
    return Number(/^firekeep_webchannel_sessions (\d+)$/m.exec(found)[1]);
  };
  await other.commit(Array.from({ length: 100 }, (_, n) => other.set(`c/d${n}`, { n: { integerValue: String(n) } })));
  const crowd = async (count, { gets }) => {
    const transport = http1(other.server.port, 50);
    const one = async (at) => {
      const channel = new Channel(transport, at % 4 ? 'Listen' : 'Write', other.database);
      await channel.open([at % 4 ? other.listen(2, 'c') : other.hello]);
      if (!gets || at % 2) return;
      const get = await channel.get({ poll: at % 8 === 2 });
      // A long poll may have had nothing but a noop.
      if (at % 8 !== 2) await channel.until(1);
      get.cut();
    };
    for (let at = 0; at < count; at += 50) {
      await Promise.all(Array.from({ length: 50 }, (_, n) => one(at + n)));
    }
    transport.close();
    const most = await sessions();
    // The longest that a session without a client lives (section 6.3), and room for a loaded machine.
    const deadline = Date.now() + (gets ? 100_000 : 50_000);
    while ((await sessions()) > 0 && Date.now() < deadline) await sleep(500);
    await sleep(1000);
    return { most, left: await sessions() };
  };
  // What a first crowd leaves is the machinery itself.
  await crowd(1000, { gets: false });
  const before = await other.server.residentKib();
  const { most, left } = await crowd(1000, { gets: true });
  const grown = (await other.server.residentKib()) - before;
  await other.server.stop();
  return { most, left, grown };
}

// They go while the other tests run; the last one looks.
const vanished = vanish();
vanished.catch(() => {});

test('a thousand clients that open and vanish leave nothing', async (t) => {
  const { most, left, grown } = await vanished;
  t.diagnostic(`${most} sessions at most, ${left} left, ${grown} KiB more than after the crowd before`);
  assert.ok(most >= 1000, String(most));
  assert.equal(left, 0);
  assert.ok(grown < 16 * 1024, `${grown} KiB`);
});

test('the server ends as it should', () => server.stop());
