// Sets up, changes and disables a Source with imgix's own client. Only its base address is changed.
//
// Usage: node imgix_write.cjs BASE_URL TOKEN VALUES.json; NODE_PATH is the folder of the packages.
// VALUES: {"bucket", "endpoint", "key", "secret", "asset"}
// Exits with an error if a check fails.
const assert = require('node:assert/strict');
const { readFileSync } = require('node:fs');

const [, , baseUrl, token, valuesFile] = process.argv;
// This must come before the main file, which reads the address when it is loaded.
require('imgix-management-js/src/constants').API_URL = `${baseUrl}/api`;
const ImgixAPI = require('imgix-management-js');

const client = new ImgixAPI({ apiKey: token });
const values = JSON.parse(readFileSync(valuesFile, 'utf8'));
const send = (path, method, attributes) => client.request(path, {
  method, body: { data: { type: 'sources', attributes } },
});

async function refused(promise, status) {
  let errors;
  await assert.rejects(promise, (error) => {
    assert.equal(error.status, status, JSON.stringify(error.response));
    errors = error.response.errors;
    return true;
  });
  return errors;
}

async function main() {
  const deployment = {
    type: 's3_compatible',
    annotation: 'Set up by a client',
    access_key_id: values.key,
    secret_key: values.secret,
    bucket_name: values.bucket,
    endpoint_url: values.endpoint,
    region: 'us-east-1',
    storage_provider: 'Wasabi',
    imgix_subdomains: ['clients'],
    cache_ttl_behavior: 'respect_origin',
    asset_indexer: { path_style: true },
  };
  const wrong = { ...deployment, endpoint_url: 'nowhere', bucket_name: 'X' };
  const errors = await refused(send('sources', 'POST', { name: 'clients', deployment: wrong }), 422);
  assert.deepEqual(errors.map(({ source }) => source.pointer).sort(), [
    '/data/attributes/deployment/bucket_name',
    '/data/attributes/deployment/endpoint_url',
  ]);
  const created = await send('sources', 'POST', { name: 'clients', deployment });
  const { id } = created.data;
  assert.equal(created.data.attributes.name, 'clients');
  assert.equal(created.data.attributes.deployment.bucket_name, values.bucket);
  assert.equal(created.data.attributes.deployment.annotation, 'Set up by a client');
  assert.ok(created.meta.warnings.some((text) => text.startsWith('cache_ttl_behavior')));
  assert.ok(!JSON.stringify(created).includes(values.secret), 'no answer has the secret');
  await refused(send('sources', 'POST', { name: 'clients', deployment }), 422);

  const changed = await send(`sources/${id}`, 'PATCH', {
    deployment: { annotation: 'Changed', custom_domains: ['images.example.com'] },
  });
  assert.equal(changed.data.attributes.deployment.annotation, 'Changed');
  assert.deepEqual(changed.data.attributes.deployment.custom_domains, ['images.example.com']);
  assert.equal(changed.data.attributes.deployment.bucket_name, values.bucket);
  // A client may send back what it has read.
  const same = await send(`sources/${id}`, 'PATCH', changed.data.attributes);
  assert.deepEqual(same.data.attributes.deployment, changed.data.attributes.deployment);

  const disabled = await send(`sources/${id}`, 'PATCH', { enabled: false });
  assert.equal(disabled.data.attributes.enabled, false);
  assert.equal(disabled.data.attributes.deployment_status, 'disabled');
  const one = await client.request(`sources/${id}`);
  assert.deepEqual(one.data, disabled.data);
  await refused(send(`sources/${'0'.repeat(24)}`, 'PATCH', { enabled: true }), 404);
}

main().then(
  () => console.log('imgix-management-js: set up, changed and disabled a Source'),
  (error) => {
    console.error(error);
    process.exitCode = 1;
  },
);
