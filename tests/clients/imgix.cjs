// Reads Sources and assets with imgix's own client. Only its base address is changed.
//
// Usage: node imgix.cjs BASE_URL TOKEN EXPECTED.json; NODE_PATH is the folder of the packages.
// EXPECTED: {"source": NAME, "bucket": NAME, "assets": [{"path", "size"}, ...]}
// Exits with an error if a check fails.
const assert = require('node:assert/strict');
const { readFileSync } = require('node:fs');

const [, , baseUrl, token, expectedFile] = process.argv;
// This must come before the main file, which reads the address when it is loaded.
require('imgix-management-js/src/constants').API_URL = `${baseUrl}/api`;
const ImgixAPI = require('imgix-management-js');

const client = new ImgixAPI({ apiKey: token });
const expected = JSON.parse(readFileSync(expectedFile, 'utf8'));
const pathsOf = (answer) => answer.data.map((asset) => asset.attributes.origin_path);
const sorted = (texts) => [...texts].sort();
const encodedPath = (path) => path.split('/').map(encodeURIComponent).join('/');

// Follows the cursors from page to page. The limit of 1000 pages is far above what the tests need.
async function allPages(query) {
  const assets = [];
  let cursor = null;
  for (let page = 0; page < 1000; page += 1) {
    const at = cursor === null ? '' : `&page[cursor]=${encodeURIComponent(cursor)}`;
    const answer = await client.request(`${query}${at}`);
    assets.push(...answer.data);
    const { hasMore, next, totalRecords } = answer.meta.cursor;
    assert.ok(totalRecords >= assets.length, 'the total is at least the number of assets so far');
    if (!hasMore) return assets;
    assert.notEqual(next, null, 'if there are more assets, there is a cursor');
    cursor = next;
  }
  throw new Error('the pages do not end');
}

async function sources() {
  const answer = await client.request('sources?sort=name');
  assert.equal(answer.jsonapi.version, '1.0');
  const source = answer.data.find(({ attributes }) => attributes.name === expected.source);
  assert.ok(source, `${expected.source} is listed`);
  assert.equal(source.type, 'sources');
  assert.match(source.id, /^[0-9a-f]{24}$/);
  assert.equal(source.attributes.enabled, true);
  assert.equal(source.attributes.deployment_status, 'deployed');
  assert.equal(source.attributes.deployment.type, 's3_compatible');
  assert.equal(source.attributes.deployment.s3_bucket, expected.bucket);
  const one = await client.request(`sources/${source.id}`);
  assert.deepEqual(one.data, source);
  const filtered = await client.request(
    `sources?filter[name]=${expected.source}&filter[deployment.type]=s3_compatible`,
  );
  assert.deepEqual(filtered.data, [source]);
  const narrow = await client.request(
    `sources/${source.id}?fields[sources]=name,deployment_status,deployment.s3_bucket`,
  );
  assert.deepEqual(narrow.data.attributes, {
    name: expected.source,
    deployment_status: 'deployed',
    deployment: { s3_bucket: expected.bucket },
  });
  const paged = await client.request('sources?page[number]=0&page[size]=1');
  assert.equal(paged.data.length, 1);
  return source;
}

async function lists(source) {
  const want = sorted(expected.assets.map(({ path }) => path));
  for (const limit of [1, 7, 1000]) {
    const assets = await allPages(`sources/${source.id}/assets?page[limit]=${limit}`);
    const paths = assets.map(({ attributes }) => attributes.origin_path);
    assert.deepEqual(sorted(paths), want, `each asset once, in pages of ${limit}`);
  }
  // The old form of the path.
  const older = await allPages(`assets/${source.id}?page[limit]=1000`);
  assert.deepEqual(sorted(older.map(({ attributes }) => attributes.origin_path)), want);
  // Some clients use offsets instead of cursors.
  const byOffset = [];
  for (let offset = 0; offset < want.length; offset += 5) {
    const answer = await client.request(
      `assets/${source.id}?sort=date_created&page[cursor]=${offset}&page[limit]=5`,
    );
    byOffset.push(...pathsOf(answer));
  }
  assert.deepEqual(sorted(byOffset), want, 'each asset once, with offsets');
  // Others start with an offset, and then follow the cursor.
  const fromZero = [];
  for (let cursor = '0'; cursor !== null; ) {
    const answer = await client.request(`assets/${source.id}?page[cursor]=${cursor}&page[limit]=9`);
    fromZero.push(...pathsOf(answer));
    assert.equal(answer.links.next !== null, answer.meta.cursor.hasMore);
    cursor = answer.meta.cursor.next;
  }
  assert.deepEqual(sorted(fromZero), want, 'each asset once, from page[cursor]=0 on');
  const defaultPage = await client.request(`assets/${source.id}`);
  assert.equal(defaultPage.data.length, Math.min(20, want.length));
}

async function filters(source) {
  const base = `sources/${source.id}/assets`;
  const bySize = await allPages(`${base}?sort=-file_size&page[limit]=3`);
  const sizes = bySize.map(({ attributes }) => attributes.file_size);
  assert.deepEqual(sizes, expected.assets.map(({ size }) => size).sort((a, b) => b - a));
  const keyword = await client.request(`${base}?filter[keyword]=cat&page[limit]=100`);
  const withCat = expected.assets.filter(({ path }) => path.includes('cat'));
  assert.deepEqual(sorted(pathsOf(keyword)), sorted(withCat.map(({ path }) => path)));
  const kind = await client.request(`${base}?filter[media_kind]=DOCUMENT&page[limit]=100`);
  const documents = expected.assets.filter(({ path }) => path.endsWith('.pdf'));
  assert.deepEqual(sorted(pathsOf(kind)), sorted(documents.map(({ path }) => path)));
  const none = await client.request(`${base}?filter[tags]=sunset`);
  assert.deepEqual(none.data, []);
  const narrow = await client.request(`${base}?fields[assets]=origin_path,file_size&page[limit]=1`);
  assert.deepEqual(Object.keys(narrow.data[0].attributes).sort(), ['file_size', 'origin_path']);
}

async function single(source) {
  for (const { path, size } of expected.assets) {
    for (const base of [`sources/${source.id}/assets`, `assets/${source.id}`]) {
      const { data } = await client.request(`${base}${encodedPath(path)}`);
      assert.equal(data.attributes.origin_path, path);
      assert.equal(data.attributes.file_size, size);
      assert.equal(data.id, `${source.id}${path}`);
      assert.equal(data.type, 'assets');
    }
  }
}

async function refusals(source) {
  const refused = async (request, status) => {
    await assert.rejects(client.request(request), (error) => {
      assert.equal(error.status, status, request);
      const [first] = error.response.errors;
      assert.equal(first.status, String(status));
      assert.ok(first.title && first.detail, 'an error has a title and a detail');
      return true;
    });
  };
  await refused(`sources/${'0'.repeat(24)}`, 404);
  await refused(`sources/${source.id}/assets/there/is/none.jpg`, 404);
  await refused(`sources/${source.id}/assets?page[limit]=many`, 400);
  await refused(`sources/${source.id}/assets?filter[nonsense]=1`, 400);
}

async function main() {
  const source = await sources();
  await lists(source);
  await filters(source);
  await single(source);
  await refusals(source);
}

main().then(
  () => console.log('imgix-management-js: read everything'),
  (error) => {
    console.error(error);
    process.exitCode = 1;
  },
);
