// Setting up Sources: creating with mistakes, testing, deploying, rules, two editors, a new key, disabling, removing.
//
// The bucket has five pictures in /images/ and three files in /drafts/.

import assert from 'node:assert/strict';

/** Number of assets of the new Source without rules. */
const ALL = 8;
/** Number of assets in /images/. */
const IMAGES = 5;
/** The name of the new Source. */
const NAME = 'Summer-photos';
/** A Source in the configuration file. */
const IN_FILE = 'assets';

/** The field with this label. A marker after the label says that it is optional, or that its secret is kept. */
const field = (page, name) => page.getByLabel(name, { exact: true });
const button = (page, name) => page.getByRole('button', { name, exact: true });
const row = (page, name) => page.getByRole('row').filter({ has: page.getByRole('link', { name, exact: true }) });
/** The state of a Source in the view of the Source. */
const state = (page) => page.getByRole('region', { name: 'State of the Source' });

/** The ids of the fields that are marked as wrong. */
const marked = (page) => page.locator('#source-view [aria-invalid=true]').evaluateAll((fields) => fields.map(({ id }) => id.replace('field-', '')));
/** The stored access key of the new Source; `null` if there is no such Source. */
const storedKeyId = (user) => user.page.evaluate(async ([name, token]) => {
  const headers = { Authorization: `Bearer ${token}` };
  const { data } = await (await fetch('/v1/sources', { headers })).json();
  if (!data.some((source) => source.name === name)) return null;
  return (await (await fetch(`/v1/sources/${name}`, { headers })).json()).data.values.credentials.access_key_id;
}, [NAME, user.environment.token]);

/** Opens the page with the token, as if the user had signed in before in this tab. */
async function openAs(user, token, address) {
  await user.page.addInitScript((text) => sessionStorage.setItem('asset-indexer-token', text), token);
  await user.open(address);
}

const openSource = (user) => openAs(user, user.environment.token, `/?view=source&name=${encodeURIComponent(NAME)}`);

async function save(page) {
  await button(page, 'Save').click();
}

/** Waits until the daemon has finished with the Source and it has this number of assets. */
async function isDeployed(page, assets) {
  await state(page).getByText('Deployed', { exact: true }).waitFor();
  await state(page).getByRole('link', { name: `${assets} assets` }).waitFor();
}

export const scenarios = [
  {
    name: 'without a token for it everything is read-only',
    async run(user) {
      const { page, environment } = user;
      await openAs(user, environment.reader, '/?view=sources');
      await row(page, IN_FILE).getByText('managed by file').waitFor();
      assert.equal(await row(page, IN_FILE).getByRole('button', { name: /^Remove/ }).count(), 0);
      await page.getByText('may only read').waitFor();
      await user.checkView('sources-reader');
      await row(page, IN_FILE).getByRole('link').click();
      await page.getByText('is in the configuration file').waitFor();
      assert.equal(await field(page, 'Bucket').getAttribute('readonly'), '');
      assert.equal(await button(page, 'Save').isVisible(), false);
      await user.checkView('source-in-file');
    },
  },
  {
    name: 'a Source is set up with mistakes until it is deployed',
    async run(user) {
      const { page, environment } = user;
      user.expect(/status of 401/);
      user.expect(/status of 422/);
      await user.open('/?view=sources');
      await field(page, 'Token').fill(environment.token);
      await field(page, 'On this device, until I sign out').check();
      await button(page, 'Continue').click();
      await page.getByRole('link', { name: 'New Source' }).click();
      await page.getByRole('heading', { name: 'New Source' }).waitFor();
      await user.checkView('source-new');
      // Nothing is filled in: all mistakes are marked at once, and the first one has the focus.
      await save(page);
      await user.until(() => document.querySelectorAll('[aria-invalid=true]').length >= 3);
      assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-invalid')), 'true');
      await user.checkView('source-mistakes');
      await field(page, 'Name').fill(NAME);
      assert.equal(await field(page, 'Subdomain').inputValue(), 'summer-photos');
      await page.getByLabel('S3-compatible').check();
      await field(page, 'Endpoint URL').fill(environment.endpoint);
      await field(page, 'Region').fill('us-east-1');
      await field(page, 'Access key ID').fill(environment.keyId);
      await field(page, 'Secret access key').fill('not-the-secret');
      await field(page, 'Bucket').fill(environment.bucket);
      // The test finds the wrong secret before anything is saved.
      await button(page, 'Test connection').click();
      await button(page, 'The connection does not work yet: 1 test fails.').waitFor();
      assert.deepEqual(await marked(page), ['secret_access_key']);
      await user.until(() => document.activeElement.id === 'field-secret_access_key');
      await user.checkView('source-test-fails');
      // It is not saved either, unless the user insists.
      await save(page);
      await button(page, 'Save without a test').waitFor();
      assert.equal(await storedKeyId(user), null);
      await user.checkView('source-save-refused');
      await field(page, 'Secret access key').fill(environment.secret);
      assert.deepEqual(await marked(page), []);
      await button(page, 'Test connection').click();
      await button(page, 'The connection works.').waitFor();
      assert.equal(await button(page, 'Save without a test').count(), 0);
      await user.checkView('source-test-works');
      // The preview shows real paths, the rule that decides, and the address.
      await field(page, 'Include these paths').check();
      await field(page, 'Include').fill('/images');
      await page.getByRole('region', { name: 'Appear', exact: true }).getByText('/images/1.jpg').waitFor();
      await page.getByRole('region', { name: 'Do not appear' }).getByText('/drafts/1.psd').waitFor();
      await field(page, 'Try paths').fill('/drafts/x.psd');
      await page.getByRole('list', { name: 'Tested paths' }).getByText('does not appear').waitFor();
      await user.until(() => document.querySelector('.address-preview code').textContent.startsWith('https://summer-photos.imgix.net/'));
      await field(page, 'Include all paths').check();
      await page.getByText('IAM policy', { exact: true }).click();
      await page.getByText(`arn:aws:s3:::${environment.bucket}`).first().waitFor();
      await button(page, 'Copy: IAM policy').click();
      const policy = JSON.parse(await page.evaluate(() => navigator.clipboard.readText()));
      assert.ok(JSON.stringify(policy).includes(environment.bucket));
      await user.checkView('source-filled');
      await save(page);
      await isDeployed(page, ALL);
      assert.equal(user.parameter('name'), NAME);
      await user.checkView('source-deployed');
      await state(page).getByRole('link', { name: `${ALL} assets` }).click();
      await user.count(ALL);
      await user.tree().getByRole('treeitem', { name: new RegExp(NAME) }).waitFor();
      // The token is kept on this device until the user signs out.
      assert.equal(await page.evaluate(() => localStorage.getItem('asset-indexer-token')), environment.token);
      await button(page, 'Account').click();
      await user.checkView('account');
      await button(page, 'Sign out').click();
      await field(page, 'Token').waitFor();
      assert.equal(await page.evaluate(() => localStorage.length + sessionStorage.length), 0);
    },
  },
  {
    name: 'each wrong value is marked by the test, with what to do',
    async run(user) {
      const { page, environment } = user;
      user.expect(/status of 422/);
      await openAs(user, environment.token, '/?view=source');
      await page.getByLabel('S3-compatible').check();
      const right = {
        'Endpoint URL': environment.endpoint, 'Access key ID': environment.keyId, 'Secret access key': environment.secret,
        Bucket: environment.bucket, Prefix: '', Region: '', Name: 'Other-photos', Subdomain: 'other-photos',
      };
      const { port } = new URL(environment.endpoint);
      for (const [label, value, ids, text] of [
        ['Access key ID', 'AKIAIOSFODNN7EXAMPLE', ['access_key_id'], 'Check the access key id'],
        ['Secret access key', 'wrong', ['secret_access_key'], 'Check that the secret belongs to the access key id'],
        ['Bucket', 'no-such-bucket', ['bucket'], 'Check the name of the bucket'],
        ['Bucket', `s3://${environment.bucket}/images`, ['bucket'], 'set only the name of the bucket'],
        ['Endpoint URL', `https://127.0.0.1:${port}`, ['endpoint_url'], 'write http instead of https'],
        ['Endpoint URL', 'http://127.0.0.1:1', ['endpoint_url'], 'Check endpoint_url and its port'],
        ['Endpoint URL', `127.0.0.1:${port}`, ['endpoint_url'], 'set a URL such as'],
        ['Prefix', '/images', ['prefix'], 'keys do not start with "/"'],
        ['Subdomain', 'Summer Photos', ['subdomain'], 'set one DNS label'],
        ['Subdomain', 'summer-photos', ['subdomain'], 'use another subdomain'],
        // A warning marks nothing, because the Source works.
        ['Region', 'eu-nowhere-9', [], 'but the bucket is in us-east-1'],
        ['Bucket', ` ${environment.bucket}  `, [], 'The connection works.'],
        ['Secret access key', `${environment.secret}\n`, [], 'The connection works.'],
      ]) {
        for (const [name, one] of Object.entries({ ...right, [label]: value })) await field(page, name).fill(one);
        await button(page, 'Test connection').click();
        await page.locator('.part').or(page.locator('.tested')).getByText(text).first().waitFor();
        await button(page, 'Test connection').waitFor();
        assert.deepEqual(await marked(page), ids, `${label}: ${value}`);
      }
      await page.getByLabel('Events from a queue, and scans').check();
      await field(page, 'Queue URL').fill('arn:aws:sqs:eu-west-1:123456789012:assets');
      await button(page, 'Test connection').click();
      await page.getByText('https://sqs.eu-west-1.amazonaws.com/123456789012/assets').first().waitFor();
      assert.deepEqual(await marked(page), ['queue_url']);
    },
  },
  {
    name: 'rules are changed and assets leave and come back',
    async run(user) {
      const { page } = user;
      await openSource(user);
      await isDeployed(page, ALL);
      // The stored secret is not in the page.
      assert.equal(await field(page, 'Secret access key').inputValue(), '');
      assert.match(await field(page, 'Secret access key').getAttribute('placeholder'), /^kept/);
      await field(page, 'Exclude these paths').check();
      await field(page, 'Exclude').fill('/drafts');
      await page.locator('.preview-counts', { hasText: `${IMAGES} of ${ALL} assets of the index` }).waitFor();
      await save(page);
      await isDeployed(page, IMAGES);
      await field(page, 'Include all paths').check();
      await save(page);
      await isDeployed(page, ALL);
      // The change is stored, but the daemon does not use it yet.
      await page.route('**/v1/sources/*', async (route) => {
        if (route.request().method() !== 'PATCH') return route.fallback();
        const response = await route.fetch();
        const json = { ...(await response.json()), meta: { warnings: ['the change is stored, but not used'] } };
        return route.fulfill({ response, status: 202, json });
      });
      await field(page, 'Note').fill('slow');
      await save(page);
      await page.getByRole('alert').getByText('The change is stored, but not used').waitFor();
      await page.unroute('**/v1/sources/*');
      await save(page);
      await page.getByText('Nothing has changed, so there is nothing to save.').waitFor();
    },
  },
  {
    name: 'two editors do not overwrite each other',
    async run(user) {
      const { page, environment } = user;
      user.expect(/status of 412/);
      await openSource(user);
      await isDeployed(page, ALL);
      const someoneElse = (note, isNoticed) => page.evaluate(async ([name, token, annotation, isShown]) => {
        const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
        await fetch(`/v1/sources/${encodeURIComponent(name)}`, { method: 'PATCH', headers, body: JSON.stringify({ annotation }) });
        // As if the user comes back from another tab.
        if (isShown) document.dispatchEvent(new Event('visibilitychange'));
      }, [NAME, environment.token, note, isNoticed]);
      await someoneElse('first', true);
      await user.until(() => document.getElementById('field-annotation').value === 'first');
      await field(page, 'Note').fill('mine');
      await someoneElse('second', true);
      await button(page, 'Load the new version and keep what I typed').click();
      await page.getByText('Someone else changed this to: second').waitFor();
      assert.equal(await field(page, 'Note').inputValue(), 'mine');
      await someoneElse('theirs', false);
      await save(page);
      await page.getByText('Someone else has changed this Source since').waitFor();
      await user.checkView('source-conflict');
      await button(page, 'Load the new version and keep what I typed').click();
      await page.getByText('Someone else changed this to: theirs').waitFor();
      await user.until(() => document.activeElement.id === 'field-annotation');
      assert.equal(await field(page, 'Note').inputValue(), 'mine');
      await user.checkView('source-rebased');
      await save(page);
      await page.getByText('Someone else changed this').waitFor({ state: 'detached' });
      await page.reload();
      await user.until(() => document.getElementById('field-annotation').value === 'mine');
    },
  },
  {
    name: 'the access key is replaced',
    async run(user) {
      const { page, environment } = user;
      await openSource(user);
      await isDeployed(page, ALL);
      await field(page, 'Access key ID').fill(environment.newKeyId);
      // The stored secret belongs to the old key.
      assert.equal(await field(page, 'Secret access key').getAttribute('placeholder'), null);
      // A secret that does not work is not stored, unless the user insists.
      user.expect(/status of 422/);
      await field(page, 'Secret access key').fill('not-the-secret');
      await save(page);
      await page.getByText('so the old values stay').first().waitFor();
      assert.deepEqual(await marked(page), ['secret_access_key']);
      assert.equal(await storedKeyId(user), environment.keyId);
      await user.checkView('source-rotation-refused');
      // The way to the offer is next to the buttons, because the marked field can be far above it.
      await button(page, 'The test failed, so nothing is saved.').click();
      await button(page, 'Save without a test').click();
      await user.until(() => document.getElementById('field-secret_access_key').value === '');
      assert.equal(await storedKeyId(user), environment.newKeyId);
      await field(page, 'Secret access key').fill(environment.newSecret);
      await button(page, 'Test connection').click();
      await page.getByText('The connection works.').first().waitFor();
      await save(page);
      await user.until(() => document.getElementById('field-secret_access_key').value === '');
      await isDeployed(page, ALL);
      await page.reload();
      await user.until((id) => document.getElementById('field-access_key_id').value === id, environment.newKeyId);
    },
  },
  {
    name: 'on a phone with the dark theme',
    as: { phone: true, dark: true },
    async run(user) {
      const { page, environment } = user;
      await openAs(user, environment.token, '/?view=sources');
      await row(page, NAME).getByText('Deployed').waitFor();
      await user.checkView('phone-sources-dark');
      await row(page, NAME).getByRole('link').tap();
      await isDeployed(page, ALL);
      await user.checkView('phone-source-dark');
      // The list of paths is still empty, so the preview is refused.
      user.expect(/status of 422/);
      await field(page, 'Include these paths').tap();
      await user.checkView('phone-rules-dark');
    },
  },
  {
    name: 'a Source is disabled, enabled, scanned and removed',
    async run(user) {
      const { page, environment } = user;
      await openAs(user, environment.token, '/?view=sources');
      const source = row(page, NAME);
      await source.getByText('Deployed').waitFor();
      await field(page, 'Filter by name').fill('SUMMER');
      await page.getByText('1 of 2 Sources').waitFor();
      await source.getByRole('button', { name: 'Disable' }).click();
      await source.getByText('Disabled').waitFor();
      await user.checkView('sources');
      await source.getByRole('button', { name: 'Enable' }).click();
      await source.getByText('Deployed').waitFor();
      await source.getByRole('button', { name: 'Reindex' }).click();
      await page.locator('#announce', { hasText: 'a scan has been requested' }).waitFor();
      // Everything works with the keyboard.
      await source.getByRole('button', { name: 'Remove' }).focus();
      await page.keyboard.press('Enter');
      const dialog = page.getByRole('dialog', { name: /^Remove/ });
      await dialog.getByText(`${ALL} assets leave search`).waitFor();
      await dialog.getByText('stays bound').waitFor();
      await user.checkView('source-remove');
      await page.keyboard.type('Summer');
      await page.keyboard.press('Enter');
      await dialog.getByText('not the name').waitFor();
      await page.keyboard.type('-photos');
      await page.keyboard.press('Enter');
      await source.waitFor({ state: 'detached' });
    },
  },
];
