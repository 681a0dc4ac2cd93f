// Failures: a server that requires a token, cannot be reached, or has no index yet.

import assert from 'node:assert/strict';

import { ASSETS, SLOW } from './fixture.mjs';

const refusal = (status, code, detail) => ({
  status,
  contentType: 'application/vnd.api+json',
  body: JSON.stringify({ errors: [{ status: String(status), code, detail }] }),
});

export const scenarios = [
  {
    name: 'a token is required',
    async run(user) {
      const { page, environment } = user;
      user.expect(/status of 401/);
      await user.open(environment.guarded);
      const token = page.getByLabel('Token', { exact: true });
      await token.waitFor();
      await user.checkView('token');
      await token.fill('wrong');
      await page.keyboard.press('Enter');
      await page.getByText('does not accept this token').waitFor();
      await token.fill(environment.token);
      await page.getByRole('button', { name: 'Continue' }).click();
      await user.count(ASSETS);
      // The token is for one Source. The page does not even contain the name of the other Source.
      await user.tree().getByRole('treeitem', { name: /^assets/ }).waitFor();
      assert.ok(!(await page.content()).includes(SLOW));
      await page.reload();
      await user.count(ASSETS);
      assert.equal(await page.evaluate(() => localStorage.length), 0);
      await user.checkView('with-token');
    },
  },
  {
    name: 'a token is kept on this device until the user signs out',
    async run(user) {
      const { page, environment } = user;
      user.expect(/status of 401/);
      await user.open(environment.guarded);
      await page.getByLabel('Token', { exact: true }).fill(environment.token);
      await page.getByLabel('On this device, until I sign out').check();
      await page.keyboard.press('Enter');
      await user.count(ASSETS);
      assert.equal(await page.evaluate(() => localStorage.getItem('asset-indexer-token')), environment.token);
      await page.getByRole('button', { name: 'Account' }).click();
      await page.getByText('This device keeps the token').waitFor();
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByLabel('Token', { exact: true }).waitFor();
      assert.equal(await page.evaluate(() => localStorage.length + sessionStorage.length), 0);
    },
  },
  {
    name: 'the server is unreachable and comes back',
    async run(user) {
      const { page } = user;
      user.expect(/ERR_CONNECTION_REFUSED|net::ERR_FAILED/);
      await page.route('**/v1/search*', (route) => route.abort('connectionrefused'));
      await user.open('/');
      await page.getByText('The server cannot be reached.').waitFor();
      await user.checkView('no-server');
      await page.unroute('**/v1/search*');
      await page.getByRole('button', { name: 'Try again' }).click();
      await user.count(ASSETS);
    },
  },
  {
    name: 'there is no index yet',
    async run(user) {
      const { page } = user;
      user.expect(/status of 503/);
      await page.route('**/v1/search*', (route) => route.fulfill(refusal(503, 'index_absent', 'the daemon creates it with its first scan')));
      await user.open('/');
      await page.getByRole('heading', { name: 'There is no index yet' }).waitFor();
      await user.checkView('no-index');
    },
  },
];
