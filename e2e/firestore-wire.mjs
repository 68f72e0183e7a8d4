/**
 * Firestore without an SDK's good manners: one request as its message says it, over gRPC and over REST, and what the
 * server says to it. The messages are the generated ones of the official client; nothing is checked or repeated.
 *
 * A request is written once, as JSON: bytes as base64, integers as text; times are those of `time`.
 */

import Firestore from '@google-cloud/firestore';
import gax from 'google-gax';

/** The copy that the client uses: another one's credentials it does not take. */
const { grpc } = gax;

/** The HTTP code of each gRPC code that a test may see. Firestore specification, section 9. */
export const HTTP = { 0: 200, 1: 499, 3: 400, 4: 504, 5: 404, 6: 409, 7: 403, 8: 429, 9: 400, 10: 409, 12: 501, 13: 500, 14: 503, 16: 401 };

const CALL_MILLIS_MAX = 60_000;

/** A `google.protobuf.Timestamp`. */
export class Time {
  constructor(seconds, nanos = 0) {
    Object.assign(this, { seconds, nanos });
  }

  toJSON() {
    const whole = new Date(this.seconds * 1000).toISOString().slice(0, 19);
    return `${whole}.${String(this.nanos).padStart(9, '0')}Z`;
  }
}

export const time = (seconds, nanos) => new Time(seconds, nanos);

/** Operations of a database, by their names: the verbs of their paths. */
const DATABASE_VERBS = {
  batchGetDocuments: 'batchGet',
  batchWrite: 'batchWrite',
  beginTransaction: 'beginTransaction',
  commit: 'commit',
  rollback: 'rollback',
};
const STREAMS = new Set(['batchGetDocuments', 'runQuery', 'runAggregationQuery']);

/** `{ a: { b: [1, 2] } }` as parameters: `a.b=1&a.b=2`. An empty list is one empty parameter. */
function parameters(message, prefix = '') {
  return Object.entries(message).flatMap(([name, value]) => {
    const key = prefix + name;
    if (Array.isArray(value)) return value.length ? value.map((each) => [key, each]) : [[key, '']];
    if (value instanceof Time) return [[key, value.toJSON()]];
    return typeof value === 'object' ? parameters(value, `${key}.`) : [[key, String(value)]];
  });
}

/** A request as REST says it: `{ method, path, body }`. */
export function asRest(rpc, request) {
  const path = (name) => `/v1/${name.split('/').map(encodeURIComponent).join('/')}`;
  const query = (rest) => {
    const pairs = parameters(rest);
    return pairs.length ? `?${new URLSearchParams(pairs)}` : '';
  };
  const { name, parent, database, collectionId, document, ...rest } = request;
  switch (rpc) {
    case 'getDocument':
      return { method: 'GET', path: path(name) + query(rest) };
    case 'deleteDocument':
      return { method: 'DELETE', path: path(name) + query(rest) };
    case 'listDocuments':
      return { method: 'GET', path: path(`${parent}/${collectionId}`) + query(rest) };
    case 'createDocument':
      return { method: 'POST', path: path(`${parent}/${collectionId}`) + query(rest), body: document };
    case 'updateDocument':
      return { method: 'PATCH', path: path(document.name) + query(rest), body: { fields: document.fields } };
    default: {
      const verb = DATABASE_VERBS[rpc];
      return { method: 'POST', path: verb ? `${path(`${database}/documents`)}:${verb}` : `${path(parent)}:${rpc}`, body: rest };
    }
  }
}

/** Both ways to a server in dev mode, as its owner. */
export class Wire {
  static async connect(context, server) {
    const wire = new Wire();
    wire.server = server;
    wire.client = new Firestore.v1.FirestoreClient({
      servicePath: '127.0.0.1',
      port: server.port,
      sslCreds: grpc.credentials.createInsecure(),
      'grpc.max_send_message_length': -1,
      'grpc.max_receive_message_length': -1,
    });
    context.after(() => wire.client.close());
    wire.stub = await wire.client.initialize();
    wire.metadata = new grpc.Metadata();
    wire.metadata.set('authorization', 'Bearer owner');
    return wire;
  }

  /** `{ code, text, messages }`. */
  grpc(rpc, request) {
    const options = { deadline: Date.now() + CALL_MILLIS_MAX };
    return new Promise((resolve) => {
      const end = (error, messages) => resolve({ code: error?.code ?? 0, text: error?.details ?? '', messages });
      if (STREAMS.has(rpc)) {
        const messages = [];
        const call = this.stub[rpc](request, this.metadata, options);
        call.on('data', (message) => messages.push(message));
        call.on('error', (error) => end(error, messages));
        call.on('end', () => end(undefined, messages));
      } else {
        this.stub[rpc](request, this.metadata, options, (error, message) => end(error, message ? [message] : []));
      }
    });
  }

  /** `{ status, code, text, body }`, `code` being the name in the envelope. */
  async rest(rpc, request) {
    const { method, path, body } = asRest(rpc, request);
    const answer = await this.server.request(method, path, { body, bearer: 'owner' });
    const { error } = (Array.isArray(answer.body) ? answer.body.at(-1) : answer.body) ?? {};
    return { status: answer.status, code: error?.status, text: error?.message ?? '', body: answer.body };
  }

  /** Any bytes as the message of a method: `{ code, text }`. */
  bytes(method, bytes) {
    const options = { deadline: Date.now() + CALL_MILLIS_MAX };
    const same = (buffer) => buffer;
    return new Promise((resolve) => {
      const path = `/google.firestore.v1.Firestore/${method}`;
      const end = (error) => resolve({ code: error?.code ?? 0, text: error?.details ?? '' });
      const call = this.stub.makeServerStreamRequest(path, same, same, bytes, this.metadata, options);
      call.on('data', () => {}).on('error', end).on('end', end);
    });
  }
}
