/** Makes tokens, right ones and wrong ones, without the help of a JWT library that would refuse to. */

import { constants, createHmac, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';

export const AUDIENCE =
  'https://identitytoolkit.googleapis.com/google.identity.identitytoolkit.v1.IdentityToolkit';

/** base64url of bytes, of text, or of an object's JSON. */
export function encode(part) {
  const bytes = Buffer.isBuffer(part) || typeof part === 'string' ? part : JSON.stringify(part);
  return Buffer.from(bytes).toString('base64url');
}

const padding = constants.RSA_PKCS1_PSS_PADDING;
const SIGNERS = {
  RS256: (text, key) => sign('sha256', text, key),
  RS384: (text, key) => sign('sha384', text, key),
  RS512: (text, key) => sign('sha512', text, key),
  PS256: (text, key) => sign('sha256', text, { key, padding, saltLength: 32 }),
  ES256: (text, key) => sign('sha256', text, { key, dsaEncoding: 'ieee-p1363' }),
  EdDSA: (text, key) => sign(null, text, key),
  HS256: (text, key) => createHmac('sha256', key).update(text).digest(),
  HS384: (text, key) => createHmac('sha384', key).update(text).digest(),
  HS512: (text, key) => createHmac('sha512', key).update(text).digest(),
};

/** A compact JWS; header and payload may be objects, text or bytes. `alg` is what really signs. */
export function jws(header, payload, key, alg = header.alg ?? 'RS256') {
  const text = `${encode(header)}.${encode(payload)}`;
  return `${text}.${encode(SIGNERS[alg](Buffer.from(text), key))}`;
}

/** The claims of a right custom token of `account` (a key file). */
export function claimsOf(account, uid, now = Math.floor(Date.now() / 1000)) {
  return {
    aud: AUDIENCE,
    iat: now,
    exp: now + 3600,
    iss: account.client_email,
    sub: account.client_email,
    uid,
  };
}

export const HEADER = { alg: 'RS256', typ: 'JWT' };

/** What an attacker may hold: keys of every kind, none of which is registered. */
export const strangers = {
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
  ec: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  ed: generateKeyPairSync('ed25519').privateKey,
};

/** The public half of a key, in every form that somebody may take for an HMAC secret. */
export function publicForms(key) {
  const half = key.type === 'public' ? key : createPublicKey(key);
  return {
    pem: half.export({ type: 'spki', format: 'pem' }),
    'pem without its last line end': half.export({ type: 'spki', format: 'pem' }).trimEnd(),
    'PKCS#1 PEM': half.export({ type: 'pkcs1', format: 'pem' }),
    der: half.export({ type: 'spki', format: 'der' }),
    jwk: JSON.stringify(half.export({ format: 'jwk' })),
    modulus: Buffer.from(half.export({ format: 'jwk' }).n, 'base64url'),
  };
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/**
 * The same bytes in another spelling: the last character's unused bits are set. `undefined` where a segment has none.
 */
export function trailingBits(segment) {
  const unused = { 2: 4, 3: 2 }[segment.length % 4];
  if (unused === undefined) return undefined;
  const last = ALPHABET.indexOf(segment.at(-1));
  return segment.slice(0, -1) + ALPHABET[last ^ 1];
}

/** Changes one bit of a segment's bytes. */
export function flip(segment, at = 0) {
  const bytes = Buffer.from(segment, 'base64url');
  bytes[at] ^= 1;
  return bytes.toString('base64url');
}
