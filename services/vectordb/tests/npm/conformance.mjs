// Pinecone's JavaScript SDK, unchanged, against the service whose address is the argument. Each check runs on its own;
// one JSON line says what passed and what failed.
import assert from 'node:assert/strict';
import { Pinecone, Errors } from '@pinecone-database/pinecone';

const [url, good = 'any', bad = ''] = process.argv.slice(2);
const pc = new Pinecone({ apiKey: good, controllerHostUrl: url, maxRetries: 1 });
const passed = [];
const failed = {};

async function check(name, work) {
  try {
    await work();
    passed.push(name);
  } catch (error) {
    failed[name] = `${error.name}: ${error.message}`.slice(0, 800);
  }
}

const ids = (items) => items.map((item) => item.id);
const near = (found, wanted) => assert.ok(Math.abs(found - wanted) < 1e-5, `${found}, not ${wanted}`);
const spec = { serverless: { cloud: 'aws', region: 'us-east-1' } };

await check('create, describe, list and configure an index', async () => {
  const made = await pc.createIndex({ name: 'docs', dimension: 3, metric: 'cosine', spec, tags: { fingerprint: 'm1' }, waitUntilReady: true });
  assert.equal(made.host, `${url}/indexes/docs`);
  const described = await pc.describeIndex('docs');
  assert.deepEqual([described.dimension, described.metric, described.status.ready], [3, 'cosine', true]);
  assert.deepEqual((await pc.listIndexes()).indexes.map((index) => index.name), ['docs']);
  const changed = await pc.configureIndex({ name: 'docs', tags: { team: 'search' }, deletionProtection: 'enabled' });
  assert.deepEqual(changed.tags, { fingerprint: 'm1', team: 'search' });
  await assert.rejects(pc.deleteIndex('docs'));
  await pc.configureIndex({ name: 'docs', deletionProtection: 'disabled' });
});

await check('an index that exists is a conflict', async () => {
  await assert.rejects(pc.createIndex({ name: 'docs', dimension: 3, metric: 'cosine', spec }), Errors.PineconeConflictError);
});

const index = pc.index({ name: 'docs' });
const records = Array.from({ length: 7 }, (_, n) => ({
  id: `r${n}`,
  values: [1, n, 0.5],
  metadata: { n, kind: n % 2 ? 'odd' : 'even', tags: ['ü', '日本語'] },
}));

await check('upsert and fetch', async () => {
  await index.upsert({ records });
  const { records: found } = await index.fetch({ ids: ['r0', 'r6', 'nobody'] });
  assert.deepEqual(Object.keys(found).sort(), ['r0', 'r6']);
  assert.deepEqual(found.r6.values, [1, 6, 0.5]);
  assert.deepEqual(found.r6.metadata, records[6].metadata);
});

await check('query by vector and by id, with filter, values and metadata', async () => {
  const byVector = await index.query({ vector: [1, 6, 0.5], topK: 3, includeValues: true, includeMetadata: true });
  assert.deepEqual(ids(byVector.matches), ['r6', 'r5', 'r4']);
  near(byVector.matches[0].score, 1);
  assert.deepEqual(byVector.matches[0].values, [1, 6, 0.5]);
  assert.equal(byVector.matches[0].metadata.kind, 'even');
  assert.deepEqual(ids((await index.query({ id: 'r6', topK: 1 })).matches), ['r6']);
  const filter = { kind: 'odd', n: { $gt: 1 } };
  assert.deepEqual(ids((await index.query({ vector: [1, 6, 0.5], topK: 9, filter })).matches), ['r5', 'r3']);
});

await check('fetch by metadata', async () => {
  const found = await index.fetchByMetadata({ filter: { kind: { $eq: 'odd' } }, limit: 10 });
  assert.deepEqual(Object.keys(found.records).sort(), ['r1', 'r3', 'r5']);
});

await check('list, page by page', async () => {
  const first = await index.listPaginated({ prefix: 'r', limit: 5 });
  assert.deepEqual(ids(first.vectors), ['r0', 'r1', 'r2', 'r3', 'r4']);
  const second = await index.listPaginated({ prefix: 'r', limit: 5, paginationToken: first.pagination.next });
  assert.deepEqual(ids(second.vectors), ['r5', 'r6']);
  assert.equal(second.pagination?.next, undefined);
});

await check('update by id and by filter', async () => {
  await index.update({ id: 'r0', values: [9, 9, 9], metadata: { kind: 'new' } });
  const { records: found } = await index.fetch({ ids: ['r0'] });
  assert.deepEqual([found.r0.values, found.r0.metadata.kind, found.r0.metadata.n], [[9, 9, 9], 'new', 0]);
  await index.update({ filter: { n: { $gte: 5 } }, metadata: { large: true } });
  const large = await index.query({ vector: [1, 1, 1], topK: 9, filter: { large: true } });
  assert.deepEqual(ids(large.matches).sort(), ['r5', 'r6']);
});

await check('stats and namespaces', async () => {
  const other = index.namespace('other');
  await other.upsert({ records: records.slice(0, 2) });
  const stats = await index.describeIndexStats();
  assert.equal(stats.totalRecordCount, 9);
  assert.equal(stats.namespaces.other.recordCount, 2);
  assert.equal(stats.dimension, 3);
  await index.createNamespace({ name: 'empty' });
  const names = (await index.listNamespaces()).namespaces.map((item) => item.name);
  assert.deepEqual(names.sort(), ['__default__', 'empty', 'other']);
  assert.equal(Number((await index.describeNamespace('other')).recordCount), 2);
  await index.deleteNamespace('empty');
  assert.deepEqual(ids((await other.query({ vector: [1, 0, 0.5], topK: 9 })).matches), ['r0', 'r1']);
});

await check('delete one, many, by filter, all', async () => {
  await index.deleteOne({ id: 'r0' });
  await index.deleteMany({ ids: ['r1', 'nobody'] });
  await index.deleteMany({ filter: { n: { $lt: 4 } } });
  assert.deepEqual(ids((await index.listPaginated()).vectors), ['r4', 'r5', 'r6']);
  await index.namespace('other').deleteAll();
  assert.equal((await index.describeIndexStats()).totalRecordCount, 3);
});

await check('errors are the SDK\'s own types', async () => {
  await assert.rejects(pc.describeIndex('nope'), Errors.PineconeNotFoundError);
  await assert.rejects(index.query({ vector: [1, 2], topK: 1 }), Errors.PineconeBadRequestError);
  await assert.rejects(index.query({ vector: [1, 2, 3], topK: 1, filter: { a: { $what: 1 } } }), /operator/);
  if (bad) {
    const stranger = new Pinecone({ apiKey: bad, controllerHostUrl: url, maxRetries: 1 });
    await assert.rejects(stranger.listIndexes(), Errors.PineconeAuthorizationError);
  }
});

await check('delete the index', async () => {
  await pc.deleteIndex('docs');
  assert.deepEqual((await pc.listIndexes()).indexes, []);
});

console.log(JSON.stringify({ passed, failed }));
