// Signing in: the one-time link, a token that is kept, signing out, and a token that has ended.

import assert from 'node:assert/strict';

const account = (page) => page.getByRole('button', { name: 'Account', exact: true });

export const scenarios = [
  {
    name: 'a one-time link signs in, and leaves the address bar',
    async run(user) {
      const { page, environment } = user;
      // The daemon has no index yet.
      user.expect(/status of 503/);
      await user.open(`/#code=${environment.code}`);
      await account(page).waitFor();
      assert.equal(new URL(page.url()).hash, '');
      // The first thing to do is offered.
      await page.getByRole('heading', { name: 'No Sources yet' }).waitFor();
      await user.checkView('first-source');
      await page.getByRole('button', { name: 'Set up the first Source' }).click();
      await page.getByRole('heading', { name: 'New Source' }).waitFor();
      await page.getByRole('button', { name: 'Save' }).waitFor();
      await account(page).click();
      await page.getByText('until you close this tab').waitFor();
      await user.checkView('account');
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.locator('#source-view').getByText('Sign in with a token to make changes').waitFor();
      assert.equal(await page.evaluate(() => localStorage.length + sessionStorage.length), 0);
      assert.equal(await page.getByRole('button', { name: 'Save' }).isVisible(), false);
      await user.checkView('signed-out');
      // The dialog can be canceled: reading needs no token.
      await page.getByRole('navigation', { name: 'Views' }).getByRole('button', { name: 'Sign in' }).click();
      await user.checkView('sign-in');
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'hidden' });
    },
  },
  {
    name: 'a link that was used says so',
    async run(user) {
      const { page, environment } = user;
      user.expect(/status of (4|503)/);
      await user.open(`/#code=${environment.code}`);
      await page.getByRole('alert').getByText('The one-time link did not work').waitFor();
      await page.getByRole('alert').getByText('asset-indexer link').waitFor();
      assert.equal(new URL(page.url()).hash, '');
      await user.checkView('link-used');
    },
  },
  {
    name: 'a token that has ended is dropped where reading needs none',
    async run(user) {
      const { page } = user;
      user.expect(/status of (401|503)/);
      await page.addInitScript(() => {
        if (!sessionStorage.getItem('was-set')) localStorage.setItem('asset-indexer-token', 'ended');
        sessionStorage.setItem('was-set', 'yes');
      });
      await user.open('/?view=sources');
      await page.getByRole('heading', { name: 'No Sources yet' }).waitFor();
      await page.locator('#sources').getByText('Sign in with a token to make changes').waitFor();
      assert.equal(await page.evaluate(() => localStorage.getItem('asset-indexer-token')), null);
    },
  },
];
