// One asset: its picture, its fields, its address to copy, why it is indexed, and what is beside it.

import assert from 'node:assert/strict';

import { ASSETS, MARKUP, SOURCE, SUMMER } from './world.mjs';

export const visits = [
  {
    name: 'an asset is opened and its address copied',
    async run(person) {
      const { page } = person;
      await person.open('/?q=summer&sort=name');
      await person.count(SUMMER);
      await person.cards().first().click();
      const detail = person.detail();
      await detail.getByRole('heading', { name: 'summer-beach-1.png' }).waitFor();
      await person.until(() => document.querySelector('.preview img')?.naturalWidth > 0);
      await detail.getByText('480 × 320').waitFor();
      const value = (name) => detail.locator(`dt:text-is("${name}") + dd`).first().textContent();
      assert.equal(await value('Source'), SOURCE);
      assert.equal(await value('Path'), '/photos/2025/summer-beach-1.png');
      assert.equal(await value('Key'), 'photos/2025/summer-beach-1.png');
      assert.equal(await value('Content type'), 'image/png');
      assert.equal(await value('Storage class'), 'Standard');
      await detail.locator('.why[data-state=good] .verdict').waitFor();
      await detail.getByText('What is known').click();
      assert.equal(await value('Index'), 'has a record of it');
      await person.look('detail');
      await detail.getByRole('button', { name: 'Copy' }).click();
      await detail.getByText('Copied').waitFor();
      const copied = await page.evaluate(() => navigator.clipboard.readText());
      assert.match(copied, /^https:\/\/.*\/photos\/2025\/summer-beach-1\.png$/);
      // The next one takes its place, and the back button leads to the results at once.
      await detail.getByRole('button', { name: 'Next asset' }).click();
      await detail.getByRole('heading', { name: 'summer-beach-2.png' }).waitFor();
      await page.keyboard.press('ArrowRight');
      await detail.getByRole('heading', { name: 'summer-beach-3.png' }).waitFor();
      await page.goBack();
      await detail.waitFor({ state: 'hidden' });
      assert.equal(person.parameter('asset'), null);
      assert.equal(person.parameter('q'), 'summer');
      await page.goForward();
      await detail.getByRole('heading', { name: 'summer-beach-3.png' }).waitFor();
      await detail.getByRole('button', { name: '/photos/2025/' }).click();
      await detail.waitFor({ state: 'hidden' });
      assert.equal(person.parameter('folder'), '/photos/2025/');
    },
  },
  {
    name: 'pictures are shown in the grid',
    async run(person) {
      await person.open('/?q=summer');
      await person.count(SUMMER);
      await person.until((count) => document.querySelectorAll('.thumb.loaded img').length === count, SUMMER);
      await person.look('pictures');
    },
  },
  {
    name: 'a name that looks like markup is text',
    async run(person) {
      const { page } = person;
      await person.open(`/?folder=${encodeURIComponent('/odd/')}`);
      await person.settled();
      const card = person.cards().filter({ hasText: MARKUP });
      await card.click();
      await person.detail().getByRole('heading', { name: MARKUP }).waitFor();
      await person.detail().locator('.verdict').waitFor();
      assert.equal(await page.locator('img[src="x"]').count(), 0);
      await person.look('odd-names');
    },
  },
  {
    name: 'an asset is opened by its address',
    async run(person) {
      const { page } = person;
      await person.open(`/?asset=${encodeURIComponent('/readme.txt')}&in=${SOURCE}`);
      await person.detail().getByRole('heading', { name: 'readme.txt' }).waitFor();
      await person.detail().locator('.verdict').waitFor();
      await page.keyboard.press('Escape');
      await person.detail().waitFor({ state: 'hidden' });
      await person.count(ASSETS);
      person.expect(/status of 404/);
      await person.open(`/?asset=${encodeURIComponent('/gone.txt')}&in=${SOURCE}`);
      await person.detail().getByRole('alert').waitFor();
      await person.settled();
      await person.look('asset-gone');
    },
  },
];
