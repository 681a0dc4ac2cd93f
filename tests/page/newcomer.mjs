// From the one-time link to a found file, by typing and clicking only. Prints how long each step takes.
//
// The bucket has 300 files named `images/beach NNN.jpg`. A person also reads the form: about 400 words, so a minute and
// a half.

import assert from 'node:assert/strict';

/** Maximum time of all steps together. The rest of three minutes is for reading. */
const LIMIT_MS = 60_000;

export const scenarios = [
  {
    name: 'a newcomer sets a bucket up and finds a file',
    async run(user) {
      const { page, environment } = user;
      // The daemon has no index yet.
      user.expect(/status of 503/);
      const started = Date.now();
      const step = (name) => console.log(`${String(Date.now() - started).padStart(6)} ms  ${name}`);
      const type = async (label, text) => {
        await page.getByLabel(label, { exact: true }).click();
        await page.keyboard.type(text);
      };
      await user.open(`/#code=${environment.code}`);
      await page.getByRole('button', { name: 'Set up the first Source' }).click();
      step('the form is open');
      await page.getByLabel('S3-compatible').check();
      await type('Endpoint URL', environment.endpoint);
      await type('Access key ID', environment.keyId);
      await type('Secret access key', environment.secret);
      await type('Bucket', environment.bucket);
      await type('Name', 'beaches');
      step('everything is typed');
      await page.getByRole('button', { name: 'Save', exact: true }).click();
      await page.getByRole('link', { name: 'Browse 300 assets' }).click();
      step('the bucket is searchable');
      await user.count(300);
      await user.field().click();
      await page.keyboard.type('beach 042');
      await user.count(1);
      step('a file is found');
      assert.ok(Date.now() - started < LIMIT_MS, `it took ${Date.now() - started} ms`);
    },
  },
];
