/**
 * What documents, writes and queries are refused for, and in which words: one row per rule, over gRPC and over REST.
 * Both say the same text; the HTTP status is the code's. Firestore specification, sections 1 to 9.
 */

import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';

import { Server, temporaryFolder } from './harness.mjs';
import { HTTP, Wire, time } from './firestore-wire.mjs';

const [OK, INVALID, NOT_FOUND, EXISTS, PRECONDITION] = [0, 3, 5, 6, 9];
const NAMES = { 3: 'INVALID_ARGUMENT', 5: 'NOT_FOUND', 6: 'ALREADY_EXISTS', 9: 'FAILED_PRECONDITION' };

const database = 'projects/demo-errors/databases/(default)';
const root = `${database}/documents`;
const doc = (name) => `${root}/${name}`;

const int = (value) => ({ integerValue: String(value) });
const string = (stringValue) => ({ stringValue });
const list = (...values) => ({ arrayValue: { values } });
const map = (fields) => ({ mapValue: { fields } });
const reference = (name) => ({ referenceValue: name });
const vector = (...values) => map({ __type__: string('__vector__'), value: list(...values.map((doubleValue) => ({ doubleValue }))) });
const deep = (levels) => Array.from({ length: levels }).reduce((inner) => map({ a: inner }), int(1));

const commit = (...writes) => ['commit', { database, writes }];
const set = (fields, more = {}) => commit({ update: { name: doc('v/a'), fields }, ...more });
const value = (v) => set({ f: v });
const transform = (...transforms) => set({}, { updateTransforms: transforms });
const get = (name, more = {}) => ['getDocument', { name, ...more }];
const query = (structuredQuery, parent = root) => ['runQuery', { parent, structuredQuery: { from: [{ collectionId: 'c' }], ...structuredQuery } }];
const aggregate = (aggregations, structuredQuery = {}) => [
  'runAggregationQuery',
  { parent: root, structuredAggregationQuery: { structuredQuery: { from: [{ collectionId: 'c' }], ...structuredQuery }, aggregations } },
];
const field = (fieldPath) => ({ fieldPath });
const filter = (fieldPath, op, v) => ({ fieldFilter: { field: field(fieldPath), op, value: v } });
const unary = (fieldPath, op) => ({ unaryFilter: { field: field(fieldPath), op } });
const composite = (op, ...filters) => ({ compositeFilter: { op, filters } });
const where = (f) => query({ where: f });
const order = (fieldPath, direction = 'ASCENDING') => ({ field: field(fieldPath), direction });
const cursor = (...values) => ({ values });
const near = (more) => query({
  findNearest: { vectorField: field('v'), queryVector: vector(1), distanceMeasure: 'EUCLIDEAN', limit: { value: 1 }, ...more },
});
const partition = (structuredQuery, more = {}) => [
  'partitionQuery',
  { parent: root, structuredQuery: { from: [{ collectionId: 'c', allDescendants: true }], ...structuredQuery }, partitionCount: 2, ...more },
];
const numbered = (count, make) => Array.from({ length: count }, (_, n) => make(n));

/** Only gRPC can say it, or says it in these words: REST refuses before it is a message, or leads elsewhere. */
const GRPC = { rest: false };

/** Rows: what it is, the request, the code, the essential part of the text, and where REST differs. */
const ROWS = {
  'names of documents': [
    ['no database', get('projects/p/documents/a/b'), INVALID, /the resource name lacks `databases\/`/, GRPC],
    ['no project', get('projects//databases/(default)/documents/a/b'), INVALID, /no valid project: the id is empty/],
    ['a database id that cannot be', get('projects/demo-errors/databases/X/documents/a/b'), INVALID, /no valid database/],
    // In dev mode every database is there.
    ['another database', get('projects/demo-errors/databases/none/documents/a/b'), NOT_FOUND, /^Document "projects\/demo-errors\/databases\/none\/documents\/a\/b" not found\.$/],
    ['something else than documents', get(`${database}/files/a/b`), INVALID, /the resource name lacks `documents`|lacks `documents\/`/, GRPC],
    ['the root', get(root), INVALID, /./, GRPC],
    ['a collection', get(doc('a')), INVALID, /the path names a collection, not a document/, GRPC],
    ['an empty id', get(doc('a//b/c')), INVALID, /an id in the path is empty/],
    ['a dot', get(doc('a/.')), INVALID, /`\.` cannot be an id/],
    ['two dots', get(doc('../b')), INVALID, /`\.\.` cannot be an id/],
    ['a reserved id', get(doc('a/__x__')), INVALID, /the id `__x__` is reserved/],
    ['five underscores', get(doc('a/_____')), INVALID, /reserved/],
    ['four underscores', get(doc('a/____')), NOT_FOUND, /^Document ".*a\/____" not found\.$/],
    ['a numeric id', get(doc('a/__id-5__')), NOT_FOUND, /not found/],
    ['a numeric id of a collection', get(doc('__id5__/b')), INVALID, /reserved/],
    ['an id of 1500 bytes', get(doc(`a/${'x'.repeat(1500)}`)), NOT_FOUND, /not found/],
    ['an id of 1501 bytes', get(doc(`a/${'x'.repeat(1501)}`)), INVALID, /longer than 1500 bytes/],
    ['100 collections', get(doc(numbered(200, () => 'x').join('/'))), NOT_FOUND, /not found/],
    ['101 collections', get(doc(numbered(202, () => 'x').join('/'))), INVALID, /deeper than 100 collections/],
    ['more than 6 KiB', get(doc(numbered(6, () => 'x'.repeat(1100)).join('/'))), INVALID, /longer than 6144 bytes/],
    ['another database in a batch', ['batchGetDocuments', { database, documents: ['projects/demo-errors/databases/other/documents/a/b'] }], INVALID, /another database/],
    ['another project in a commit', commit({ delete: 'projects/other/databases/(default)/documents/a/b' }), INVALID, /another database/],
    ['a collection in a commit', commit({ delete: doc('a') }), INVALID, /names a collection/],
    ['an empty name in a commit', commit({ delete: '' }), INVALID, /the resource name lacks/],
    ['a slash at the end', commit({ delete: `${doc('a/b')}/` }), INVALID, /./],
    ['a name of a new document', ['createDocument', { parent: root, collectionId: 'c', document: { name: doc('c/d') } }], INVALID, /`document\.name` must be empty/],
    ['a new document with an id that cannot be', ['createDocument', { parent: root, collectionId: 'c', documentId: 'a/b', document: {} }], INVALID, /an id cannot hold a `\/`/],
    ['a new document with a reserved id', ['createDocument', { parent: root, collectionId: 'c', documentId: '__a__', document: {} }], INVALID, /reserved/],
    ['a new document that is there', ['createDocument', { parent: root, collectionId: 'there', documentId: 'a', document: {} }], EXISTS, /^Document already exists: .*\/there\/a$/],
    ['a new document in no collection', ['createDocument', { parent: root, collectionId: '', document: {} }], INVALID, /./, GRPC],
    ['an update of a collection', ['updateDocument', { document: { name: doc('a'), fields: {} } }], INVALID, /names a collection/],
    ['a delete of a collection', ['deleteDocument', { name: doc('a') }], INVALID, /names a collection/],
    ['a list of a reserved collection', ['listDocuments', { parent: root, collectionId: '__x__' }], INVALID, /reserved/],
    ['a parent that is a collection', query({}, doc('a')), INVALID, /names a collection/],
  ],

  'values': [
    ['nothing', value({}), INVALID, /`value_type` is missing/],
    ['nothing in a list', value(list({})), INVALID, /`value_type` is missing/],
    ['a list in a list', value(list(list())), INVALID, /an array cannot hold an array/],
    ['a vector in a list', value(list(vector(1))), INVALID, /an array cannot hold an array or a vector/],
    ['a list in a map in a list', value(list(map({ a: list() }))), OK],
    ['latitude 90.5', value({ geoPointValue: { latitude: 90.5, longitude: 0 } }), INVALID, /latitude `90\.5`/],
    ['longitude -180.5', value({ geoPointValue: { latitude: 0, longitude: -180.5 } }), INVALID, /longitude `-180\.5`/],
    ['latitude NaN', value({ geoPointValue: { latitude: 'NaN', longitude: 0 } }), INVALID, /latitude `NaN`/],
    ['a time before year 1', value({ timestampValue: time(-62135596801) }), INVALID, /time/, GRPC],
    ['a time after year 9999', value({ timestampValue: time(253402300800) }), INVALID, /time/, GRPC],
    ['a time with too many nanoseconds', value({ timestampValue: time(0, 1_000_000_000) }), INVALID, /time/, GRPC],
    ['a time with negative nanoseconds', value({ timestampValue: time(0, -1) }), INVALID, /time/, GRPC],
    ['20 maps', value(deep(20)), OK],
    ['21 maps', value(deep(21)), INVALID, /nested more than 20 deep/],
    ['an empty field name', set({ '': int(1) }), INVALID, /a field name is empty/],
    ['a reserved field name', set({ __x__: int(1) }), INVALID, /the field name `__x__` is reserved/],
    ['a reserved field name inside', value(map({ __x__: int(1) })), INVALID, /reserved/],
    ['a field name of 1501 bytes', set({ ['x'.repeat(1501)]: int(1) }), INVALID, /a field name is longer than 1500 bytes/],
    ['a string of the longest length', value(string('x'.repeat(1_048_487))), OK],
    ['a string that is longer', value(string('x'.repeat(1_048_488))), INVALID, /longer than 1048487 bytes/],
    ['bytes that are longer', value({ bytesValue: Buffer.alloc(1_048_488).toString('base64') }), INVALID, /longer than 1048487 bytes/],
    // 16 + v + a, 32 for the document, and the fields' names and texts with one byte each.
    ['a document of 1 MiB', set({ f: string('x'.repeat(1_000_000)), g: string('x'.repeat(1_048_576 - 1_000_000 - 20 - 32 - 6)) }), OK],
    ['a document of 1 MiB and a byte', set({ f: string('x'.repeat(1_000_000)), g: string('x'.repeat(1_048_577 - 1_000_000 - 20 - 32 - 6)) }), INVALID, /has 1048577 bytes, more than 1048576/],
    ['a vector of nothing', value(vector()), INVALID, /a vector cannot be empty/],
    ['a vector of 2048', value(vector(...numbered(2048, Number))), OK],
    ['a vector of 2049', value(vector(...numbered(2049, Number))), INVALID, /at most 2048 dimensions/],
    ['a vector with NaN', value(vector('NaN')), INVALID, /a vector cannot hold NaN/],
    ['a vector of texts', value(map({ __type__: string('__vector__'), value: list(string('1')) })), INVALID, /type/],
    ['another type of map', value(map({ __type__: string('x') })), INVALID, /reserved/],
    ['a reference to a collection', value(reference(doc('a'))), INVALID, /names a collection/],
    ['a reference to nothing', value(reference('')), INVALID, /the resource name lacks/],
    ['a field of a pipeline', value({ fieldReferenceValue: 'a' }), INVALID, /a type that documents and queries cannot hold/],
  ],

  'field paths and masks': [
    ...[
      ['nothing', '', /empty/],
      ['two dots', 'a..b', /a field name is empty/],
      ['a dot in front', '.a', /a field name is empty/],
      ['a dot behind', 'a.', /a field name is empty/],
      ['a quote that does not end', '`a', /does not end in a backtick/],
      ['a quote that ends too early', '`a`b', /does not end in a backtick/],
      ['a backslash at the end', '`a\\', /does not end in a backtick/],
      ['a backtick without quotes', 'a`b', /must be quoted/],
      ['a reserved name', '__x__', /reserved/],
      ['a reserved name inside', 'a.__x__.b', /reserved/],
      ['the name of the document', '__name__', /reserved/],
      ['1501 bytes', 'x'.repeat(1501), /longer than 1500 bytes/],
      ['1501 bytes in two names', `${'x'.repeat(750)}.${'x'.repeat(750)}`, /a field path is longer than 1500 bytes/],
    ].flatMap(([name, text, error]) => [
      [`${name} to update`, set({ a: int(1) }, { updateMask: { fieldPaths: [text] } }), INVALID, error],
      // Once and empty is an empty mask there.
      [`${name} to read`, get(doc('there/a'), { mask: { fieldPaths: [text] } }), INVALID, error, text ? {} : GRPC],
      [`${name} to transform`, transform({ fieldPath: text, setToServerValue: 'REQUEST_TIME' }), INVALID, error],
      [`${name} to aggregate`, aggregate([{ sum: { field: field(text) } }]), INVALID, text === '__name__' ? /not supported for the property: __key__/ : error],
    ]),
    ['a name without quotes that needs them', set({ 'a-b': int(1) }, { updateMask: { fieldPaths: ['a-b'] } }), OK],
    ['a mask of a batch', ['batchGetDocuments', { database, documents: [], mask: { fieldPaths: ['a..b'] } }], INVALID, /a field name is empty/],
    ['a mask of a list', ['listDocuments', { parent: root, collectionId: 'c', mask: { fieldPaths: ['a..b'] } }], INVALID, /a field name is empty/],
    ['a mask of a delete', commit({ delete: doc('v/a'), updateMask: { fieldPaths: ['a'] } }), INVALID, /`update_mask` is allowed in updates only/],
    ['an empty mask of a delete', commit({ delete: doc('v/a'), updateMask: {} }), INVALID, /`update_mask` is allowed in updates only/],
    ['transforms of a delete', commit({ delete: doc('v/a'), updateTransforms: [{ fieldPath: 'a', increment: int(1) }] }), INVALID, /`update_transforms` is allowed in updates only/],
  ],

  'writes, preconditions and transforms': [
    ['nothing to do', commit({}), INVALID, /`operation` is missing/],
    ['an update of what is not there', set({}, { currentDocument: { exists: true } , update: { name: doc('none/a') } }), NOT_FOUND, /^No document to update: .*\/none\/a$/],
    ['a delete of what is not there', commit({ delete: doc('none/a'), currentDocument: { exists: true } }), NOT_FOUND, /^No document to update: /],
    ['a new document that is there', commit({ update: { name: doc('there/a') }, currentDocument: { exists: false } }), EXISTS, /^Document already exists: .*\/there\/a$/],
    ['a version of what is not there', commit({ delete: doc('none/a'), currentDocument: { updateTime: time(1_641_498_227, 413_898_000) } }), PRECONDITION, /^the stored version \(0\) does not match the required base version \(1641498227413898\)/],
    ['an old version', commit({ delete: doc('there/a'), currentDocument: { updateTime: time(1_641_498_227) } }), PRECONDITION, /does not match the required base version \(1641498227000000\)/],
    ['a version to come', commit({ delete: doc('there/a'), currentDocument: { updateTime: time(4_000_000_000) } }), INVALID, /later than the stored version/],
    ['the epoch where something is', commit({ delete: doc('there/a'), currentDocument: { updateTime: time(0) } }), PRECONDITION, /does not match the required base version \(0\)/],
    ['the epoch where nothing is', commit({ delete: doc('none/a'), currentDocument: { updateTime: time(0) } }), OK],
    ['a version that is no time', commit({ delete: doc('there/a'), currentDocument: { updateTime: time(0, -1) } }), INVALID, /time/, GRPC],
    ['updateDocument of what is not there', ['updateDocument', { document: { name: doc('none/a'), fields: {} }, currentDocument: { exists: true } }], NOT_FOUND, /^No document to update/],
    ['deleteDocument of an old version', ['deleteDocument', { name: doc('there/a'), currentDocument: { updateTime: time(1_641_498_227) } }], PRECONDITION, /base version/],
    ['a transform of nothing', commit({ transform: { document: doc('v/a') } }), INVALID, /`field_transforms` is missing/],
    ['a transform without a kind', transform({ fieldPath: 'a' }), INVALID, /`transform_type` is missing/],
    ['a server value without a kind', transform({ fieldPath: 'a', setToServerValue: 'SERVER_VALUE_UNSPECIFIED' }), INVALID, /`set_to_server_value` has no known value/],
    ['an increment by a text', transform({ fieldPath: 'a', increment: string('1') }), INVALID, /the operand of the transform of `a` must be a number/],
    ['a maximum with null', transform({ fieldPath: 'a', maximum: { nullValue: 'NULL_VALUE' } }), INVALID, /must be a number/],
    ['a minimum with nothing', transform({ fieldPath: 'a', minimum: {} }), INVALID, /`value_type` is missing/],
    ['a list to append', transform({ fieldPath: 'a', appendMissingElements: { values: [list()] } }), INVALID, /an array cannot hold an array/],
    ['a field and one inside it', transform({ fieldPath: 'a', increment: int(1) }, { fieldPath: 'a.b', increment: int(1) }), INVALID, /cannot transform the field `a` and one inside it/],
    ['500 transforms', transform(...numbered(500, (n) => ({ fieldPath: `f${n}`, increment: int(1) }))), OK],
    ['501 transforms', transform(...numbered(501, (n) => ({ fieldPath: `f${n}`, increment: int(1) }))), INVALID, /at most 500 fields/],
    ['a transform that makes the document too deep', transform({ fieldPath: numbered(21, () => 'a').join('.'), appendMissingElements: { values: [int(1)] } }), INVALID, /nested more than 20 deep/],
    ['one bad write among good ones', commit({ update: { name: doc('atomic/a') } }, { delete: doc('atomic') }), INVALID, /names a collection/],
    ['BatchWrite of one document twice', ['batchWrite', { database, writes: [{ delete: doc('v/a') }, { delete: doc('v/a') }] }], INVALID, /cannot be written more than once in one batch/],
    ['BatchWrite of 500', ['batchWrite', { database, writes: numbered(500, (n) => ({ delete: doc(`none/${n}`) })) }], OK],
    ['BatchWrite of 501', ['batchWrite', { database, writes: numbered(501, (n) => ({ delete: doc(`none/${n}`) })) }], INVALID, /a batch has at most 500 writes/],
  ],

  'queries': [
    ['no query', ['runQuery', { parent: root }], INVALID, /`structured_query` is missing/],
    ['two selectors', query({ from: [{ collectionId: 'a' }, { collectionId: 'b' }] }), INVALID, /cannot have more than one collection selector/],
    ['a reserved collection', query({ from: [{ collectionId: '__a__' }] }), INVALID, /reserved/],
    ['a collection with a slash', query({ from: [{ collectionId: 'a/b' }] }), INVALID, /an id cannot hold a `\/`/],
    ['a negative limit', query({ limit: { value: -1 } }), INVALID, /^limit is negative$/],
    ['a negative offset', query({ offset: -1 }), INVALID, /^offset is negative$/],
    ['limit 0', query({ limit: { value: 0 } }), OK],
    ['a filter where any collection is meant', query({ from: [{ allDescendants: true }], where: filter('a', 'EQUAL', int(1)) }), INVALID, /kind is required for filter: a/],
    ['an order where any collection is meant', query({ from: [{ allDescendants: true }], orderBy: [order('a')] }), INVALID, /kind is required for all orders except __key__ ascending/],
    ['a filter of no kind', where({}), INVALID, /^Unknown Filter type\.$/],
    ['an AND of nothing', where(composite('AND')), INVALID, /must have at least one sub-filter/],
    ['neither AND nor OR', where(composite('OPERATOR_UNSPECIFIED', filter('a', 'EQUAL', int(1)))), INVALID, /Unsupported CompositeFilter operator/],
    ['no operator', where(filter('a', 'OPERATOR_UNSPECIFIED', int(1))), INVALID, /Unknown FieldFilter operator/],
    ['no field', where({ fieldFilter: { op: 'EQUAL', value: int(1) } }), INVALID, /`field` is missing/],
    ['no operand', where({ fieldFilter: { field: field('a'), op: 'EQUAL' } }), INVALID, /`value` is missing/],
    ['an operand that is nothing', where(filter('a', 'EQUAL', {})), INVALID, /`value_type` is missing/],
    ['no unary operator', where(unary('a', 'OPERATOR_UNSPECIFIED')), INVALID, /Unknown UnaryFilter operator/],
    ['a unary filter of nothing', where({ unaryFilter: { op: 'IS_NULL' } }), INVALID, /Unsupported UnaryFilter operand/],
    ['a field path that cannot be', where(filter('a..b', 'EQUAL', int(1))), INVALID, /a field name is empty/],
    ['IN without a list', where(filter('a', 'IN', int(1))), INVALID, /^'IN' requires an ArrayValue/],
    ['IN of nothing', where(filter('a', 'IN', list())), INVALID, /^'IN' requires an non-empty ArrayValue/],
    ['NOT_IN of nothing', where(filter('a', 'NOT_IN', list())), INVALID, /^'NOT_IN' requires an non-empty ArrayValue/],
    ['ARRAY_CONTAINS_ANY without a list', where(filter('a', 'ARRAY_CONTAINS_ANY', int(1))), INVALID, /^'ARRAY_CONTAINS_ANY' requires an ArrayValue/],
    ['IN of 30', where(filter('a', 'IN', list(...numbered(30, int)))), OK],
    ['IN of 31', where(filter('a', 'IN', list(...numbered(31, int)))), INVALID, /'IN' supports up to 30 comparison values/],
    ['ARRAY_CONTAINS_ANY of 31', where(filter('a', 'ARRAY_CONTAINS_ANY', list(...numbered(31, int)))), INVALID, /supports up to 30/],
    ['NOT_IN of 10', where(filter('a', 'NOT_IN', list(...numbered(10, int)))), OK],
    ['NOT_IN of 11', where(filter('a', 'NOT_IN', list(...numbered(11, int)))), INVALID, /'NOT_IN' supports up to 10 comparison values/],
    ['30 disjunctions', where(composite('OR', ...numbered(30, (n) => filter('a', 'EQUAL', int(n))))), OK],
    ['31 disjunctions', where(composite('OR', ...numbered(31, (n) => filter('a', 'EQUAL', int(n))))), INVALID, /Too many disjunctions after normalization\. Result had 31 disjunctions/],
    ['6 by 6 disjunctions', where(composite('AND', ...['a', 'b'].map((name) => filter(name, 'IN', list(...numbered(6, int)))))), INVALID, /Result had 36 disjunctions/],
    ['10 inequality fields', where(composite('AND', ...numbered(10, (n) => filter(`f${n}`, 'LESS_THAN', int(1))))), OK],
    ['11 inequality fields', where(composite('AND', ...numbered(11, (n) => filter(`f${n}`, 'LESS_THAN', int(1))))), INVALID, /contains 11 distinct inequality fields/],
    ['100 filters and orders', query({ where: composite('AND', ...numbered(99, (n) => filter('a', 'EQUAL', int(n)))), orderBy: [order('b')] }), OK],
    ['101 filters and orders', query({ where: composite('AND', ...numbered(100, (n) => filter('a', 'EQUAL', int(n)))), orderBy: [order('b')] }), INVALID, /at most 100 filters and orders/],
    ['101 with the parent', query({ where: composite('AND', ...numbered(100, (n) => filter('a', 'EQUAL', int(n)))) }, doc('a/b')), INVALID, /at most 100 filters and orders/],
    ['a name that is no reference', where(filter('__name__', 'EQUAL', string('a'))), INVALID, /__key__ filter value must be a Key/],
    ['names of which one is no reference', where(filter('__name__', 'IN', list(reference(doc('c/a')), int(1)))), INVALID, /__key__ filter value must be a Key/],
    ['a name of another database', where(filter('__name__', 'EQUAL', reference('projects/demo-errors/databases/other/documents/c/a'))), INVALID, /attempting to access database/],
    ['a name as a list', where(filter('__name__', 'ARRAY_CONTAINS', reference(doc('c/a')))), INVALID, /__key__ is reserved/],
    ['one field twice in the order', query({ orderBy: [order('a'), order('a', 'DESCENDING')] }), INVALID, /order by clause cannot contain duplicate fields a/],
    ['an order of nothing', query({ orderBy: [{ direction: 'ASCENDING' }] }), INVALID, /`field` is missing/],
    ['a projection of nothing', query({ select: { fields: [{}] } }), INVALID, /empty/],
    ['a cursor with too many values', query({ orderBy: [order('a')], startAt: cursor(int(1), reference(doc('c/a')), int(2)) }), INVALID, /Cursor has too many values/],
    ['a cursor without an order', query({ startAt: cursor(reference(doc('c/a')), int(1)) }), INVALID, /Cursor has too many values/],
    ['a cursor with no name in its place', query({ orderBy: [order('__name__')], endAt: cursor(string('a')) }), INVALID, /Cursor __key__ value is not a document reference/],
    ['a cursor with a name of another database', query({ orderBy: [order('__name__')], startAt: cursor(reference('projects/demo-errors/databases/other/documents/c/a')) }), INVALID, /in a different database/],
    ['a cursor with nothing', query({ orderBy: [order('a')], startAt: cursor({}) }), INVALID, /`value_type` is missing/],
    ['a cursor that is shorter', query({ orderBy: [order('a'), order('b')], startAt: cursor(int(1)) }), OK],
    ['near, without a field', near({ vectorField: undefined }), INVALID, /`vector_field` is missing/],
    ['near, without a vector', near({ queryVector: undefined }), INVALID, /`query_vector` is missing/],
    ['near something else', near({ queryVector: int(1) }), INVALID, /must be of type vector/],
    ['near, by no measure', near({ distanceMeasure: 'DISTANCE_MEASURE_UNSPECIFIED' }), INVALID, /Unknown Distance Measure/],
    ['near, without a limit', near({ limit: undefined }), INVALID, /must be a positive integer of no more than 1000/],
    ['near, limit 1001', near({ limit: { value: 1001 } }), INVALID, /no more than 1000/],
    ['near, limit -1', near({ limit: { value: -1 } }), INVALID, /no more than 1000/],
    ['near, with a reserved result', near({ distanceResultField: '__d__' }), INVALID, /is reserved/],
  ],

  'aggregations': [
    ['no query', ['runAggregationQuery', { parent: root }], INVALID, /`structured_aggregation_query` is missing/],
    ['no inner query', ['runAggregationQuery', { parent: root, structuredAggregationQuery: { aggregations: [{ count: {} }] } }], INVALID, /`structured_query` is missing/],
    ['none', aggregate([]), INVALID, /Aggregations can not be empty/],
    ['5', aggregate(numbered(5, () => ({ count: {} }))), OK],
    ['6', aggregate(numbered(6, () => ({ count: {} }))), INVALID, /maximum number of aggregations allowed in an aggregation query is 5\. Received: 6/],
    ['nothing to compute', aggregate([{ alias: 'a' }]), INVALID, /Operator field in Aggregation is not set/],
    ['a sum of nothing', aggregate([{ sum: {} }]), INVALID, /`field` is missing/],
    ['an average of names', aggregate([{ avg: { field: field('__name__') } }]), INVALID, /not supported for the property: __key__/],
    ['counting to less than nothing', aggregate([{ count: { upTo: { value: '-1' } } }]), INVALID, /must be greater than or equal to zero/],
    ['an alias twice', aggregate([{ alias: 'a', count: {} }, { alias: 'a', count: {} }]), INVALID, /contain duplicate alias: a/],
    ['a reserved alias', aggregate([{ alias: '__a__', count: {} }]), INVALID, /"__a__" is reserved/],
    ['an alias of 1501 bytes', aggregate([{ alias: 'x'.repeat(1501), count: {} }]), INVALID, /longer than 1500 bytes/],
    ['a query that cannot be', aggregate([{ count: {} }], { limit: { value: -1 } }), INVALID, /limit is negative/],
  ],

  'transactions and read times': [
    ['a transaction that is none', get(doc('there/a'), { transaction: 'AAAA' }), INVALID, /transaction/],
    ['an empty transaction', get(doc('there/a'), { transaction: '' }), INVALID, /transaction/],
    ['a commit of none', ['commit', { database, transaction: 'AAAA' }], INVALID, /transaction/],
    ['a rollback of none', ['rollback', { database, transaction: 'AAAA' }], INVALID, /transaction/],
    ['a rollback of nothing', ['rollback', { database, transaction: '' }], INVALID, /transaction/],
    ['a query in none', ['runQuery', { parent: root, structuredQuery: { from: [{ collectionId: 'c' }] }, transaction: 'AAAA' }], INVALID, /transaction/],
    ['a read time in nanoseconds', get(doc('there/a'), { readTime: time(1_700_000_000, 1) }), INVALID, /whole microseconds/],
    ['a read time to come', get(doc('there/a'), { readTime: time(4_000_000_000) }), PRECONDITION, /^The requested snapshot version is too old\.$/],
    ['a read time long ago', get(doc('there/a'), { readTime: time(1_000_000_000) }), PRECONDITION, /^The requested snapshot version is too old\.$/],
    ['a batch long ago', ['batchGetDocuments', { database, documents: [doc('there/a')], readTime: time(1_000_000_000) }], PRECONDITION, /too old/],
    ['a query long ago', ['runQuery', { parent: root, structuredQuery: { from: [{ collectionId: 'c' }] }, readTime: time(1_000_000_000) }], PRECONDITION, /too old/],
    ['a list long ago', ['listDocuments', { parent: root, collectionId: 'c', readTime: time(1_000_000_000) }], PRECONDITION, /too old/],
    ['collections long ago', ['listCollectionIds', { parent: root, readTime: time(1_000_000_000) }], PRECONDITION, /too old/],
    ['a transaction long ago', ['beginTransaction', { database, options: { readOnly: { readTime: time(1_000_000_000) } } }], PRECONDITION, /too old/],
    ['a transaction at a time in nanoseconds', ['beginTransaction', { database, options: { readOnly: { readTime: time(1_700_000_000, 1) } } }], INVALID, /whole microseconds/],
    ['a transaction of a database that cannot be', ['beginTransaction', { database: 'projects/demo-errors/databases/X' }], INVALID, /no valid database/],
  ],

  'lists, pages and partitions': [
    ['a negative page size', ['listDocuments', { parent: root, collectionId: 'c', pageSize: -1 }], INVALID, /`page_size` is negative/],
    ['a page token that is none', ['listDocuments', { parent: root, collectionId: 'c', pageToken: 'x' }], INVALID, /page token/],
    ['an order that is none', ['listDocuments', { parent: root, collectionId: 'c', orderBy: 'a up' }], INVALID, /`order_by` is not a list/],
    ['a field twice in the order', ['listDocuments', { parent: root, collectionId: 'c', orderBy: 'a, a desc' }], INVALID, /duplicate/],
    ['missing ones in order', ['listDocuments', { parent: root, collectionId: 'c', orderBy: 'a', showMissing: true }], INVALID, /order_by/],
    ['a page token of collections that is none', ['listCollectionIds', { parent: root, pageToken: 'x' }], INVALID, /page token/],
    ['a negative page of collections', ['listCollectionIds', { parent: root, pageSize: -1 }], INVALID, /`page_size` is negative/],
    ['collections of a collection', ['listCollectionIds', { parent: doc('a') }], INVALID, /names a collection/],
    ['partitions of one collection', partition({ from: [{ collectionId: 'c' }] }), INVALID, /./],
    ['partitions with a filter', partition({ where: filter('a', 'EQUAL', int(1)) }), INVALID, /./],
    ['partitions in another order', partition({ orderBy: [order('a')] }), INVALID, /./],
    ['partitions from the end', partition({ orderBy: [order('__name__', 'DESCENDING')] }), INVALID, /./],
    ['partitions with a limit', partition({ limit: { value: 1 } }), INVALID, /./],
    ['partitions with an offset', partition({ offset: 1 }), INVALID, /./],
    ['partitions with a cursor', partition({ startAt: cursor(reference(doc('c/a'))) }), INVALID, /./],
    ['no partitions', partition({}, { partitionCount: 0 }), INVALID, /`partition_count` must be positive/],
    ['partitions on a negative page', partition({}, { pageSize: -1 }), INVALID, /`page_size` is negative/],
    ['partitions by a token that is none', partition({}, { pageToken: 'x' }), INVALID, /page token/],
    ['partitions without a query', ['partitionQuery', { parent: root, partitionCount: 1 }], INVALID, /`structured_query` is missing/],
    ['partitions', partition({ orderBy: [order('__name__')] }), OK],
  ],
};

async function start(t) {
  const data = path.join(await temporaryFolder(t), 'data');
  const server = await Server.start({ data, dev: true });
  t.after(() => server.abandon());
  return { server, wire: await Wire.connect(t, server) };
}

test('what is refused, over gRPC and over REST', async (t) => {
  const { server, wire } = await start(t);
  const there = await wire.grpc('commit', { database, writes: [{ update: { name: doc('there/a'), fields: { n: int(1) } } }] });
  assert.equal(there.code, OK, there.text);

  for (const [subject, rows] of Object.entries(ROWS)) {
    await t.test(subject, async () => {
      const wrong = [];
      const check = (name, found, expected, text) => {
        if (found.code !== expected || (text && !text.test(found.text))) wrong.push(`${name}: ${found.code} ${found.text.slice(0, 300)}`);
      };
      for (const [name, [rpc, request], code, text, more = {}] of rows) {
        const said = await wire.grpc(rpc, request);
        check(name, said, code, text);
        if (more.rest === false) continue;
        const { status, code: named, text: repeated } = await wire.rest(rpc, request);
        check(`${name}, over REST`, { code: status, text: repeated }, HTTP[code]);
        if (named !== NAMES[code]) wrong.push(`${name}, over REST: ${named}`);
        if (repeated !== said.text) wrong.push(`${name}, over REST: ${repeated}\n  over gRPC: ${said.text}`);
      }
      assert.deepEqual(wrong, []);
    });
  }
  await server.stop();
});

/** Requests that must answer so: `[what, code, text]` each. */
async function checkAll(wire, rows) {
  for (const [[rpc, request], code, text] of rows) {
    const said = await wire.grpc(rpc, request);
    assert.equal(said.code, code, `${JSON.stringify(request)}: ${said.text}`);
    if (text) assert.match(said.text, text);
    const { status, text: repeated } = await wire.rest(rpc, request);
    assert.equal(status, HTTP[code], repeated);
    assert.equal(repeated, said.text);
  }
}

// The official SDK begins anew at INVALID_ARGUMENT only when the text says so. Specification, section 6.2.
const EXPIRED = /transaction has expired/;

test('transactions that are over', async (t) => {
  const { server, wire } = await start(t);
  const begin = async (options = {}, of = database) => {
    const { code, text, messages } = await wire.grpc('beginTransaction', { database: of, options });
    assert.equal(code, OK, text);
    return messages[0].transaction.toString('base64');
  };
  const uses = (transaction) => [
    get(doc('a/b'), { transaction }),
    ['batchGetDocuments', { database, documents: [doc('a/b')], transaction }],
    ['runQuery', { ...query({})[1], transaction }],
    ['runAggregationQuery', { ...aggregate([{ count: {} }])[1], transaction }],
    ['listDocuments', { parent: root, collectionId: 'c', transaction }],
    ['commit', { database, transaction, writes: [{ update: { name: doc('a/b') } }] }],
  ];

  await t.test('committed', async () => {
    const transaction = await begin({ readWrite: {} });
    await checkAll(wire, [[get(doc('a/b'), { transaction }), NOT_FOUND]]);
    assert.equal((await wire.grpc('commit', { database, transaction, writes: [] })).code, OK);
    await checkAll(wire, uses(transaction).map((use) => [use, INVALID, EXPIRED]));
    await checkAll(wire, [[['rollback', { database, transaction }], OK]]);
  });

  await t.test('rolled back, twice', async () => {
    const transaction = await begin({ readOnly: {} });
    await checkAll(wire, [[['rollback', { database, transaction }], OK]]);
    await checkAll(wire, uses(transaction).map((use) => [use, INVALID, EXPIRED]));
  });

  await t.test('aborted, and begun again', async () => {
    const transaction = await begin({ readWrite: {} });
    await wire.grpc('getDocument', { name: doc('n/n'), transaction });
    assert.equal((await wire.grpc(...commit({ update: { name: doc('n/n') } }))).code, OK);
    const lost = await wire.grpc('commit', { database, transaction, writes: [{ delete: doc('n/n') }] });
    assert.equal(lost.code, 10, lost.text);
    await checkAll(wire, [
      [['rollback', { database, transaction }], OK],
      [['commit', { database, transaction, writes: [] }], INVALID, EXPIRED],
    ]);
    const again = await begin({ readWrite: { retryTransaction: transaction } });
    assert.equal((await wire.grpc('commit', { database, transaction: again, writes: [{ delete: doc('n/n') }] })).code, OK);
  });

  await t.test('that only read', async () => {
    const transaction = await begin({ readOnly: {} });
    const written = await wire.grpc('commit', { database, transaction, writes: [{ delete: doc('a/b') }] });
    assert.equal(written.code, INVALID);
    assert.match(written.text, /read-only/);
  });

  await t.test('of another database', async () => {
    const transaction = await begin({}, 'projects/demo-errors/databases/other');
    await checkAll(wire, uses(transaction).map((use) => [use, INVALID, /./]));
  });

  await t.test('of a server that ended', async () => {
    const transaction = await begin({ readWrite: {} });
    await server.stop();
    const next = await server.again();
    t.after(() => next.abandon());
    await checkAll(await Wire.connect(t, next), uses(transaction).map((use) => [use, INVALID, EXPIRED]));
    await next.stop();
  });
});

test('page tokens are of one request', async (t) => {
  const { server, wire } = await start(t);
  await wire.grpc(...commit(...numbered(300, (n) => ({ update: { name: doc(`p${n % 3}/x/c/${n}`), fields: { n: int(n) } } }))));
  const lists = { parent: doc('p0/x'), collectionId: 'c', pageSize: 10 };
  const token = (await wire.grpc('listDocuments', lists)).messages[0].nextPageToken;
  const collections = { parent: root, pageSize: 1 };
  const next = (await wire.grpc('listCollectionIds', collections)).messages[0].nextPageToken;
  assert.ok(token && next);
  const other = /the page token is not one of this request/;
  await checkAll(wire, [
    [['listDocuments', { ...lists, pageToken: token }], OK],
    [['listDocuments', { ...lists, pageToken: token, pageSize: 20 }], OK],
    [['listDocuments', { ...lists, pageToken: token, collectionId: 'd' }], INVALID, other],
    [['listDocuments', { ...lists, pageToken: token, parent: doc('p1/x') }], INVALID, other],
    [['listDocuments', { ...lists, pageToken: token, orderBy: 'n' }], INVALID, other],
    [['listDocuments', { ...lists, pageToken: token, showMissing: true }], INVALID, other],
    [['listDocuments', { ...lists, pageToken: next }], INVALID, other],
    [['listDocuments', { ...lists, pageToken: token.slice(0, -2) }], INVALID, other],
    [['listCollectionIds', { ...collections, pageToken: next }], OK],
    [['listCollectionIds', { ...collections, pageToken: token }], INVALID, other],
    [['listCollectionIds', { ...collections, pageToken: next, parent: doc('p0/x') }], INVALID, other],
  ]);
  await server.stop();
});

test('BatchWrite tells of each write', async (t) => {
  const { server, wire } = await start(t);
  const writes = [
    { update: { name: doc('b/1') } },
    { update: { name: doc('b/2') }, currentDocument: { exists: true } },
    { update: { name: doc('b/1x') }, currentDocument: { exists: false } },
    { delete: doc('b/3'), currentDocument: { updateTime: time(1_000_000_000) } },
    { update: { name: doc('b/4'), fields: { a: string('x'.repeat(600_000)), b: string('x'.repeat(600_000)) } } },
  ];
  const { code, text, messages } = await wire.grpc('batchWrite', { database, writes });
  assert.equal(code, OK, text);
  assert.deepEqual(messages[0].status.map((status) => status.code), [OK, NOT_FOUND, OK, PRECONDITION, INVALID]);
  const rest = await wire.rest('batchWrite', { database, writes });
  assert.deepEqual(rest.body.status.map((status) => status.code ?? 0), [OK, NOT_FOUND, EXISTS, PRECONDITION, INVALID]);
  await server.stop();
});

test('what only REST can say', async (t) => {
  const { server } = await start(t);
  const base = `/v1/${root}`;
  for (const [method, route, raw, status, text] of [
    ['GET', `${base}/a/b%2Fc`, undefined, 400, /holds a slash/],
    ['GET', `${base}/a/%FF`, undefined, 400, /not UTF-8/],
    ['GET', `${base}/a/b?mask.fieldPaths=%FF`, undefined, 400, /not UTF-8/],
    ['GET', `${base}/a/b?readTime=yesterday`, undefined, 400, /invalid parameter `readTime`/],
    ['GET', `${base}/a/b?transaction=*`, undefined, 400, /invalid parameter `transaction`/],
    ['GET', `${base}/a?pageSize=many`, undefined, 400, /invalid parameter `pageSize`/],
    ['GET', `${base}/a?pageSize=2147483648`, undefined, 400, /invalid parameter `pageSize`/],
    ['PATCH', `${base}/a/b?currentDocument.exists=maybe`, '{}', 400, /invalid parameter `currentDocument.exists`/],
    ['PATCH', `${base}/a/b?currentDocument.exists=true&currentDocument.updateTime=2027-01-15T08:00:00Z`, '{}', 400, /invalid parameter/],
    ['PUT', `${base}/a/b`, '{}', 404, /not found/],
    ['GET', base, undefined, 404, /not found/],
    ['POST', `${base}:unknown`, '{}', 404, /not found/],
    ['POST', `${base}:commit`, '[]', 400, /./],
    ['POST', `${base}:commit`, '{"writes":', 400, /./],
    ['POST', `${base}:commit`, '{"writes":[{"update":{"name":1}}]}', 400, /writes\[0\]\.update\.name/],
    ['POST', `${base}:commit`, '{"writes":[{"delete":"a","update":{}}]}', 400, /./],
    ['POST', `${base}:commit`, '{"writes":[]} {}', 400, /./],
    ['POST', `${base}/a`, '{"fields":{"f":{"timestampValue":"10000-01-01T00:00:00Z"}}}', 400, /timestampValue/],
    ['POST', `${base}/a`, '{"fields":{"f":{"integerValue":"9223372036854775808"}}}', 400, /integerValue/],
    ['POST', `${base}/a`, '{"fields":{"f":{"integerValue":1.5}}}', 400, /integerValue/],
    ['POST', `${base}/a`, '{"fields":{"f":{"bytesValue":"*"}}}', 400, /bytesValue/],
    ['POST', `${base}/a`, '{"fields":{"f":{"booleanValue":"yes"}}}', 400, /booleanValue/],
    ['POST', `${base}/a`, '{"fields":{"f":{"integerValue":"1","stringValue":"1"}}}', 400, /./],
    ['POST', `${base}:commit`, `{"writes":[{"verify":"${doc('a/b')}"}]}`, 400, /a verify must contain a precondition/],
    ['POST', `${base}:commit`, `{"writes":[{"verify":"${doc('a/b')}","currentDocument":{"exists":false}},{"delete":"${doc('a/b')}"}]}`, 400, /cannot be verified and written/],
    ['POST', `${base}:commit`, `{"writes":[{"verify":"${doc('a/b')}","currentDocument":{"exists":true}}]}`, 404, /No document to update|not found/i],
    ['POST', `${base}:runQuery`, '{"structuredQuery":{"where":{"fieldFilter":{"op":"BIGGER"}}}}', 400, /op/],
    ['POST', `${base}:runQuery`, '{"structuredQuery":{"limit":"x"}}', 400, /limit/],
    ['POST', `${base}:listen`, '{}', 501, /not available over REST/],
    ['POST', `${base}:write`, '{}', 501, /not available over REST/],
    ['POST', `${base}:executePipeline`, '{}', 501, /./],
  ]) {
    const answer = await server.request(method, route, { raw, bearer: 'owner' });
    assert.equal(answer.status, status, `${method} ${route} ${raw}: ${answer.text}`);
    const { error } = Array.isArray(answer.body) ? answer.body[0] : answer.body;
    assert.equal(error.code, status);
    assert.match(error.message, text, `${method} ${route} ${raw}`);
  }
  await server.stop();
});
