/** HTTP as an attacker speaks it: bytes over a socket, without a library that would refuse to send them. */

import net from 'node:net';

/** How long a server may take to say what it has to say. */
const TALK_MILLIS_MAX = 10_000;

/** A connection to `server` on loopback. Errors are silence: an attacker does not mind. */
export function connect(server) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(server.port, '127.0.0.1');
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      socket.on('error', () => {});
      resolve(socket);
    });
  });
}

/** Waits until the server closes a connection: after how many milliseconds, or `undefined` when it does not. */
export function closed(socket, millisMax) {
  const began = Date.now();
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), millisMax);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve(Date.now() - began);
    });
  });
}

/**
 * Sends bytes and reads until `until` answers are there, or the server closes: `{ text, answers, done }`, done being why it ended.
 * `answers` are `{ status, headers, body }`, read as HTTP/1.1 reads them. `end` closes our half after sending.
 */
export async function talk(server, bytes, { until = Infinity, end = false } = {}) {
  const socket = await connect(server);
  let text = '';
  const done = await new Promise((resolve) => {
    const timer = setTimeout(() => resolve('time is up'), TALK_MILLIS_MAX);
    const finish = (why) => {
      clearTimeout(timer);
      resolve(why);
    };
    socket.on('data', (part) => {
      text += part.toString('latin1');
      if (answersOf(text).length >= until) finish('answered');
    });
    socket.on('close', () => finish('closed'));
    if (end) socket.end(bytes);
    else socket.write(bytes);
  });
  socket.destroy();
  return { text, answers: answersOf(text), done };
}

/** The whole answers in `text`. */
export function answersOf(text) {
  const found = [];
  let rest = text;
  for (;;) {
    const end = rest.indexOf('\r\n\r\n');
    if (end < 0) return found;
    const [line, ...lines] = rest.slice(0, end).split('\r\n');
    const headers = Object.fromEntries(
      lines.map((header) => [
        header.slice(0, header.indexOf(':')).toLowerCase(),
        header.slice(header.indexOf(':') + 1).trim(),
      ]),
    );
    const length = Number(headers['content-length'] ?? 0);
    const body = rest.slice(end + 4, end + 4 + length);
    if (body.length < length) return found;
    found.push({ status: Number(line.split(' ')[1]), headers, body });
    rest = rest.slice(end + 4 + length);
  }
}

/** A request's bytes; `headers` are lines. */
export function request(method, path, headers = [], body = '') {
  return `${method} ${path} HTTP/1.1\r\n${['host: localhost', ...headers].join('\r\n')}\r\n\r\n${body}`;
}
