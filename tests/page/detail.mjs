// The detail of an asset: its picture, fields, address to copy, explanation, and the next and previous asset.

import assert from 'node:assert/strict';

import { ASSETS, MARKUP, SOURCE, SUMMER } from './fixture.mjs';

export const scenarios = [
  {
    name: 'an asset is opened and its address copied',
    async run(user) {
      const { page } = user;
      await user.open('/?q=summer&sort=name');
      await user.count(SUMMER);
      await user.cards().first().click();
      const detail = user.detail();
      await detail.getByRole('heading', { name: 'summer-beach-1.png' }).waitFor();
      await user.until(() => document.querySelector('.preview img')?.naturalWidth > 0);
      await detail.getByText('480 × 320').waitFor();
      const value = (name) => detail.locator(`dt:text-is("${name}") + dd`).first().textContent();
      assert.equal(await value('Source'), SOURCE);
      assert.equal(await value('Path'), '/photos/2025/summer-beach-1.png');
      assert.equal(await value('Key'), 'photos/2025/summer-beach-1.png');
      assert.equal(await value('Content type'), 'image/png');
      assert.equal(await value('Storage class'), 'Standard');
      await detail.locator('.why[data-state=good] .verdict').waitFor();
      await detail.getByText('Facts').click();
      assert.equal(await value('Index'), 'has a record of this asset');
      await user.checkView('detail');
      await detail.getByRole('button', { name: 'Copy' }).click();
      await detail.getByText('Copied').waitFor();
      const copied = await page.evaluate(() => navigator.clipboard.readText());
      assert.match(copied, /^https:\/\/.*\/photos\/2025\/summer-beach-1\.png$/);
      // The next asset replaces it, and the back button leads directly to the results.
      await detail.getByRole('button', { name: 'Next asset' }).click();
      await detail.getByRole('heading', { name: 'summer-beach-2.png' }).waitFor();
      await page.keyboard.press('ArrowRight');
      await detail.getByRole('heading', { name: 'summer-beach-3.png' }).waitFor();
      await page.goBack();
      await detail.waitFor({ state: 'hidden' });
      assert.equal(user.parameter('asset'), null);
      assert.equal(user.parameter('q'), 'summer');
      await page.goForward();
      await detail.getByRole('heading', { name: 'summer-beach-3.png' }).waitFor();
      await detail.getByRole('button', { name: '/photos/2025/' }).click();
      await detail.waitFor({ state: 'hidden' });
      assert.equal(user.parameter('folder'), '/photos/2025/');
    },
  },
  {
    name: 'pictures are shown in the grid',
    async run(user) {
      await user.open('/?q=summer');
      await user.count(SUMMER);
      await user.until((count) => document.querySelectorAll('.thumb.loaded img').length === count, SUMMER);
      await user.checkView('pictures');
    },
  },
  {
    name: 'a name that looks like markup is text',
    async run(user) {
      const { page } = user;
      await user.open(`/?folder=${encodeURIComponent('/odd/')}`);
      await user.settled();
      const card = user.cards().filter({ hasText: MARKUP });
      await card.click();
      await user.detail().getByRole('heading', { name: MARKUP }).waitFor();
      await user.detail().locator('.verdict').waitFor();
      assert.equal(await page.locator('img[src="x"]').count(), 0);
      await user.checkView('odd-names');
    },
  },
  {
    name: 'an asset is opened by its address',
    async run(user) {
      const { page } = user;
      await user.open(`/?asset=${encodeURIComponent('/readme.txt')}&in=${SOURCE}`);
      await user.detail().getByRole('heading', { name: 'readme.txt' }).waitFor();
      await user.detail().locator('.verdict').waitFor();
      await page.keyboard.press('Escape');
      await user.detail().waitFor({ state: 'hidden' });
      await user.count(ASSETS);
      user.expect(/status of 404/);
      await user.open(`/?asset=${encodeURIComponent('/gone.txt')}&in=${SOURCE}`);
      await user.detail().getByRole('alert').waitFor();
      await user.settled();
      await user.checkView('asset-gone');
    },
  },
];
