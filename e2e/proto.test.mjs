// Our `.proto` files are written by us; their names, numbers and types are facts. This compares each with the
// descriptors in the official npm client. `cargo xtask codegen` writes ours as a table.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { test } from "node:test";

const require = createRequire(import.meta.url);
const client = dirname(require.resolve("@google-cloud/firestore/package.json"));
const read = (path) => JSON.parse(readFileSync(path, "utf8"));

const ours = read(new URL("../crates/wire-proto/descriptors.json", import.meta.url));
const theirs = { messages: {}, enums: {}, services: {} };
for (const file of ["v1.json", "admin_v1.json"]) {
  const root = read(join(client, "build/protos", file));
  walk(root, [], root);
}

/** The one field that is ours: sent by the client SDKs, absent from the published protocol. */
const EXTRA = { "google.firestore.v1.Write": [5, "verify", "", "string", "operation"] };

/** The service that must be whole. Of the administrator's we have what deploy tools call. */
const WHOLE = "google.firestore.v1.";

const camel = (name) => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());

/** A name in a descriptor is looked up from the innermost scope outwards. */
function resolve(root, scope, name) {
  const parts = name.replace(/^\./, "").split(".");
  for (let depth = scope.length; depth >= 0; depth--) {
    const full = [...scope.slice(0, depth), ...parts];
    let node = root;
    for (const part of full) node = node?.nested?.[part];
    if (node?.fields || node?.values) return full.join(".");
  }
  return name;
}

function walk(node, path, root) {
  const name = path.join(".");
  if (node.fields) {
    const oneofs = {};
    for (const [oneof, { oneof: members }] of Object.entries(node.oneofs ?? {})) {
      for (const member of members) oneofs[member] = oneof;
    }
    theirs.messages[name] = Object.entries(node.fields).map(([field, row]) => {
      const type = resolve(root, path, row.type);
      const optional = row.options?.proto3_optional;
      return [
        row.id,
        field,
        optional ? "optional" : (row.rule ?? ""),
        row.keyType ? `map<${row.keyType},${type}>` : type,
        optional ? "" : (oneofs[field] ?? ""),
      ];
    });
  }
  if (node.values) theirs.enums[name] = node.values;
  if (node.methods) {
    theirs.services[name] = Object.fromEntries(
      Object.entries(node.methods).map(([method, row]) => [
        method,
        [
          resolve(root, path, row.requestType),
          row.requestStream ?? false,
          resolve(root, path, row.responseType),
          row.responseStream ?? false,
        ],
      ]),
    );
  }
  for (const [part, below] of Object.entries(node.nested ?? {})) walk(below, [...path, part], root);
}

const byNumber = (rows) => [...rows].sort((a, b) => a[0] - b[0]);

test("every message has the official fields", () => {
  assert.ok(Object.keys(ours.messages).length > 100);
  for (const [name, rows] of Object.entries(ours.messages)) {
    assert.ok(theirs.messages[name], `${name} is no official message`);
    const expected = [...theirs.messages[name]];
    if (EXTRA[name]) expected.push(EXTRA[name]);
    const found = rows.map(([number, field, label, type, oneof]) => [number, camel(field), label, type, camel(oneof)]);
    assert.deepEqual(byNumber(found), byNumber(expected), name);
  }
});

test("every enum has the official values", () => {
  assert.ok(Object.keys(ours.enums).length > 20);
  for (const [name, values] of Object.entries(ours.enums)) {
    assert.deepEqual(values, theirs.enums[name], name);
  }
});

test("every service method has the official types", () => {
  for (const [name, methods] of Object.entries(ours.services)) {
    for (const [method, row] of Object.entries(methods)) {
      assert.deepEqual(row, theirs.services[name]?.[method], `${name}/${method}`);
    }
  }
});

test("nothing of the database service is missing", () => {
  for (const kind of ["messages", "enums", "services"]) {
    const missing = Object.keys(theirs[kind]).filter((name) => name.startsWith(WHOLE) && !ours[kind][name]);
    assert.deepEqual(missing, [], kind);
  }
  for (const service of ["google.firestore.v1.Firestore", "google.longrunning.Operations"]) {
    assert.deepEqual(Object.keys(ours.services[service]).sort(), Object.keys(theirs.services[service]).sort());
  }
});
