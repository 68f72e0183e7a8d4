/** The account server's own description: valid OpenAPI 3.1, complete, and true. */

import assert from 'node:assert/strict';
import test from 'node:test';

import { Validator } from '@seriousme/openapi-schema-validator';

import { safeServer } from './harness.mjs';

const ROUTE = '/account/v1/openapi.json';
const OPERATIONS = {
  '/account/v1/signup': 'post',
  '/account/v1/login': 'post',
  '/account/v1/logout': 'post',
  '/account/v1/token': 'post',
  '/account/v1/password/change': 'post',
  '/account/v1/me': 'get',
};

/** The names of a body's members, and of theirs. */
function shape(body) {
  if (body === null || typeof body !== 'object') return typeof body;
  const members = Object.keys(body).sort();
  return Object.fromEntries(members.map((name) => [name, shape(body[name])]));
}

test('the OpenAPI document of the account server', async (t) => {
  const { server, apiKey } = await safeServer(t);
  const { status, headers, body: document } = await server.get(ROUTE);
  assert.equal(status, 200);
  assert.match(headers['content-type'], /^application\/json/);

  await t.test('is valid OpenAPI 3.1', async () => {
    assert.match(document.openapi, /^3\.1\.\d+$/);
    const validator = new Validator();
    const result = await validator.validate(structuredClone(document));
    assert.ok(result.valid, JSON.stringify(result.errors, null, 2));
    // Every reference leads somewhere.
    const follow = (node) => {
      if (node === null || typeof node !== 'object') return;
      if (typeof node.$ref === 'string') {
        const parts = node.$ref.replace(/^#\//, '').split('/');
        const found = parts.reduce((at, part) => at?.[part], document);
        assert.notEqual(found, undefined, node.$ref);
      }
      Object.values(node).forEach(follow);
    };
    follow(document);
  });

  await t.test('names every operation, each with an id, a summary and its answers', () => {
    const ids = [];
    for (const [route, method] of Object.entries(OPERATIONS)) {
      const operation = document.paths[route]?.[method];
      assert.ok(operation, `${method} ${route}`);
      assert.ok(operation.operationId && operation.summary, route);
      assert.ok(Object.keys(operation.responses).some((code) => code.startsWith('2')), route);
      assert.ok(Object.keys(operation.responses).some((code) => code.startsWith('4')), route);
      ids.push(operation.operationId);
    }
    assert.equal(new Set(ids).size, ids.length, 'ids are unique');
  });

  await t.test('names no operation that is not there', async () => {
    for (const [route, operations] of Object.entries(document.paths)) {
      for (const method of Object.keys(operations)) {
        const { status: found } = await server.request(method.toUpperCase(), route);
        assert.notEqual(found, 404, `${method} ${route}`);
      }
    }
  });

  await t.test('tells importers where the server is', () => {
    assert.deepEqual(document.servers, [{ url: server.url }]);
  });

  await t.test('says who needs an ID token', async () => {
    for (const [route, method] of Object.entries(OPERATIONS)) {
      const { security } = document.paths[route][method];
      const { status: found } = await server.request(method.toUpperCase(), route, { body: {} });
      assert.equal(found, security.length > 0 ? 401 : 400, route);
    }
  });

  await t.test('has an example for each body, and the server takes it', async () => {
    const call = async (route, bearer) => {
      const method = OPERATIONS[route];
      const { requestBody, responses } = document.paths[route][method];
      const body = requestBody?.content['application/json'].example;
      if (requestBody) assert.ok(body, `${route} has an example`);
      const answer = await server.request(method.toUpperCase(), route, { body, bearer });
      const described = responses[answer.status];
      assert.ok(answer.status < 300 && described, `${route}: ${answer.text}`);
      const example = described.content?.['application/json'].example;
      assert.deepEqual(shape(answer.body), shape(example), route);
      return answer.body;
    };
    await call('/account/v1/signup');
    const { customToken } = await call('/account/v1/login');
    const exchange = `/v1/accounts:signInWithCustomToken?key=${apiKey}`;
    const signIn = async (token) => (await server.post(exchange, { token })).body.idToken;
    const bearer = await signIn(customToken);
    await call('/account/v1/me', bearer);
    await call('/account/v1/token', bearer);
    const changed = await call('/account/v1/password/change', bearer);
    await call('/account/v1/logout', await signIn(changed.customToken));
  });

  await server.stop();
});
