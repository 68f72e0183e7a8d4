/** A WebChannel as a browser has it, over bare HTTP/1.1 or HTTP/2: no SDK, no hidden retries. */

import http from 'node:http';
import http2 from 'node:http2';

/** Requests over HTTP/1.1, at most `sockets` at a time. */
export function http1(port, sockets = Infinity) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: sockets });
  return {
    close: () => agent.destroy(),
    /** `{ status, headers, stream }` once the head is there. `cut()` breaks it. */
    ask: (method, path, { headers = {}, body } = {}) =>
      new Promise((resolve, reject) => {
        const request = http.request({ host: '127.0.0.1', port, method, path, headers, agent });
        request.on('response', (stream) => {
          const { statusCode: status, headers: found } = stream;
          resolve({ status, headers: found, stream, cut: () => stream.destroy() });
        });
        request.on('error', reject);
        request.end(body);
      }),
  };
}

/** Requests on one HTTP/2 connection. */
export function http2Of(port) {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  session.on('error', () => {});
  return {
    close: () => session.destroy(),
    ask: (method, path, { headers = {}, body } = {}) =>
      new Promise((resolve, reject) => {
        const stream = session.request({ ':method': method, ':path': path, ...headers });
        stream.on('response', (found) =>
          resolve({ status: found[':status'], headers: found, stream, cut: () => stream.close() }),
        );
        stream.on('error', reject);
        stream.end(body);
      }),
  };
}

/** The text of an answer, at its end. */
export async function text({ stream }) {
  let all = '';
  stream.setEncoding('utf8');
  for await (const part of stream) all += part;
  return all;
}

/** One session. */
export class Channel {
  constructor(transport, rpc, database) {
    Object.assign(this, { transport, rpc, database, aid: 0, posted: 0, messages: [] });
    this.path = `/google.firestore.v1.Firestore/${rpc}/channel`;
  }

  /** `handshake`, with messages; the answer. */
  async open(messages = [], { headers = '', origin } = {}) {
    const database = encodeURIComponent(this.database);
    const query = `VER=8&database=${database}&RID=1&CVER=22&X-HTTP-Session-Id=gsessionid&zx=a&t=1`;
    const answer = await this.transport.ask('POST', `${this.path}?${query}`, {
      headers: { ...FORM, ...(origin && { origin }) },
      body: `headers=${encodeURIComponent(headers)}&${this.#form(messages)}`,
    });
    const [, chunk] = (await text(answer)).split('\n');
    this.sid = JSON.parse(chunk)[0][1][1];
    return answer;
  }

  #form(messages, first = this.posted) {
    const fields = messages.map((message, at) => `req${at}___data__=${encodeURIComponent(JSON.stringify(message))}`);
    this.posted = Math.max(this.posted, first + messages.length);
    return [`count=${messages.length}`, `ofs=${first}`, ...fields].join('&');
  }

  query(more) {
    return `${this.path}?VER=8&SID=${this.sid}&${more}&zx=a&t=1`;
  }

  /** Messages from that map id on, or the next: the answer's three numbers. */
  async post(messages, first) {
    const answer = await this.transport.ask('POST', this.query(`RID=2&AID=${this.aid}`), {
      headers: FORM,
      body: this.#form(messages, first),
    });
    if (answer.status !== 200) return { status: answer.status, text: await text(answer) };
    return JSON.parse((await text(answer)).split('\n')[1]);
  }

  /** Opens a GET: what cuts it, and a promise of its end. Arrays go to `messages`, noops left out. */
  async get({ poll = false, more = '' } = {}) {
    const query = this.query(`RID=rpc&AID=${this.aid}&CI=${Number(poll)}&TYPE=xmlhttp${more}`);
    const began = performance.now();
    const answer = await this.transport.ask('GET', query);
    let buffer = '';
    let first;
    answer.stream.setEncoding('utf8');
    answer.stream.on('data', (part) => {
      first ??= performance.now() - began;
      buffer += part;
      for (;;) {
        const at = buffer.indexOf('\n');
        const length = Number(buffer.slice(0, at));
        if (at < 0 || buffer.length < at + 1 + length) break;
        this.#take(JSON.parse(buffer.slice(at + 1, at + 1 + length)));
        buffer = buffer.slice(at + 1 + length);
      }
    });
    const ended = new Promise((resolve) => {
      answer.stream.on('close', () => resolve({ rest: buffer, first }));
      answer.stream.on('error', () => {});
    });
    return { ...answer, ended, firstByte: () => first };
  }

  #take(arrays) {
    for (const [id, [content]] of arrays) {
      if (id <= this.aid) continue;
      if (id !== this.aid + 1) throw new Error(`array ${id} behind ${this.aid}`);
      this.aid = id;
      if (content !== 'noop') this.messages.push(content);
    }
  }

  /** Waits until there are so many messages, or one is as `is` says. */
  async until(is, millis = 20_000) {
    const wanted = typeof is === 'number' ? () => this.messages.length >= is : is;
    for (const end = Date.now() + millis; !wanted(); await new Promise((resolve) => setTimeout(resolve, 5))) {
      if (Date.now() > end) throw new Error(`${this.rpc}: ${JSON.stringify(this.messages).slice(0, 2000)}`);
    }
    return this.messages;
  }

  async terminate() {
    const answer = await this.transport.ask('POST', this.query('RID=9&TYPE=terminate'));
    await text(answer);
    return answer.status;
  }
}

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
