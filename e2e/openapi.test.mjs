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

test('the OpenAPI document of the account server', async (t) => {
  const { server } = await safeServer(t);
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

  await server.stop();
});
