// What each result says, and the order of the results.

import assert from 'node:assert/strict';

import { IMAGES, SOURCE, SUMMER } from './fixture.mjs';

const newest = (page) => page.getByRole('button', { name: 'Newest first' });
const direction = (page) => page.getByRole('button', { name: /^Direction/ });
const isPressed = (page) => newest(page).getAttribute('aria-pressed');

export const scenarios = [
  {
    name: 'cards show the folder and the Source',
    async run(user) {
      const { page } = user;
      await user.open('/?q=summer-beach-1');
      await user.count(1);
      const place = page.locator('.card-folder');
      assert.equal(await place.textContent(), `${SOURCE} /photos/2025/`);
      // Paths are written from left to right, also between texts that are not.
      assert.equal(await place.locator('bdi').last().getAttribute('dir'), 'ltr');
      // In one Source, its name says nothing.
      await user.open(`/?source=${SOURCE}&q=summer-beach-1`);
      await user.count(1);
      assert.equal(await place.textContent(), '/photos/2025/');
      await user.cards().first().click();
      const values = user.detail().locator('dt:is(:text-is("Folder"), :text-is("Path"), :text-is("Key")) + dd bdi');
      await values.first().waitFor();
      assert.deepEqual(await values.evaluateAll((all) => all.map((bdi) => bdi.dir)), ['ltr', 'ltr', 'ltr']);
    },
  },
  {
    name: 'relevance has no direction',
    async run(user) {
      const { page } = user;
      await user.open('/?q=summer');
      await user.count(SUMMER);
      assert.equal(await page.getByRole('combobox', { name: 'Sort by' }).inputValue(), 'relevance');
      assert.equal(await direction(page).isVisible(), false);
      await user.checkView('relevance');
      await page.getByRole('combobox', { name: 'Sort by' }).selectOption('name');
      await direction(page).waitFor();
    },
  },
  {
    name: 'newest first is one click and remembered',
    async run(user) {
      const { page } = user;
      /** Opens the page without an order in its address. Returns the order of the search that it sends. */
      const orderOfSearch = async (address) => {
        const isSearch = (request) => request.url().includes('/v1/search?') && request.url().includes('previews=true');
        const [request] = await Promise.all([page.waitForRequest(isSearch), user.open(address)]);
        await user.settled();
        return new URL(request.url()).searchParams.get('sort');
      };
      assert.equal(await orderOfSearch('/?type=image'), 'path');
      assert.equal(await isPressed(page), 'false');
      await newest(page).click();
      await user.until(() => new URL(location).searchParams.get('sort') === '-modified');
      await user.count(IMAGES);
      await user.checkView('newest');
      assert.equal(await orderOfSearch('/?type=image'), '-modified');
      assert.equal(await orderOfSearch('/?q=summer'), '-modified');
      assert.equal(await isPressed(page), 'true');
      assert.equal(await page.getByRole('combobox', { name: 'Sort by' }).inputValue(), 'modified');
      // A second click, or another order, ends it.
      await newest(page).click();
      await user.until(() => document.getElementById('sort').value === 'relevance');
      assert.equal(await orderOfSearch('/?type=image'), 'path');
      await newest(page).click();
      await user.until(() => new URL(location).searchParams.get('sort') === '-modified');
      await page.getByRole('combobox', { name: 'Sort by' }).selectOption('size');
      await user.until(() => new URL(location).searchParams.get('sort') === '-size');
      assert.equal(await orderOfSearch('/?type=image'), 'path');
    },
  },
];
