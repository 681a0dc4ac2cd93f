// Searching: while typing, with suggestions, with a mistake, and without results.

import assert from 'node:assert/strict';

import { ASSETS, IMAGES, SUMMER } from './fixture.mjs';

export const scenarios = [
  {
    name: 'search while typing',
    async run(user) {
      const { page } = user;
      await user.open('/');
      await user.count(ASSETS);
      await user.checkView('home');
      await page.keyboard.press('/');
      await page.keyboard.type('summ');
      await user.count(SUMMER);
      assert.equal(user.parameter('q'), 'summ');
      assert.equal(await user.cards().first().locator('mark').first().textContent(), 'summ');
      await page.keyboard.type('er beach');
      await user.until(() => new URL(location).searchParams.get('q') === 'summer beach');
      await user.count(SUMMER);
      await page.getByRole('button', { name: 'Clear the search' }).click();
      await user.count(ASSETS);
      // Everything typed in one go is one entry of the history.
      await page.goBack();
      await user.count(SUMMER);
      assert.equal(await user.field().inputValue(), 'summer beach');
      await page.goBack();
      await user.count(ASSETS);
      assert.equal(await user.field().inputValue(), '');
    },
  },
  {
    name: 'typos and missing words are forgiven',
    async run(user) {
      const { page } = user;
      await user.open('/');
      await user.count(ASSETS);
      const interpretation = page.locator('#interpretation');
      await user.field().fill('sumer beach');
      await user.count(SUMMER);
      assert.equal(await interpretation.textContent(), 'No exact match for "sumer", showing "summer"');
      await user.checkView('forgiven');
      await user.field().fill('a purple summer beach');
      await interpretation.getByText('Showing results without "a", "purple"').waitFor();
      await user.count(SUMMER);
      await user.field().fill('"sumer"');
      await user.count(0);
      await interpretation.waitFor({ state: 'hidden' });
    },
  },
  {
    name: 'suggestions are selected with the keyboard',
    async run(user) {
      const { page } = user;
      await user.open('/');
      await user.count(ASSETS);
      await page.keyboard.press('/');
      await page.keyboard.type('scan-0007');
      const list = page.getByRole('listbox', { name: 'Suggestions' });
      await list.getByRole('option', { name: 'scan-0007.dat' }).waitFor();
      await user.settled();
      await page.keyboard.press('ArrowDown');
      assert.equal(await list.getByRole('option').first().getAttribute('aria-selected'), 'true');
      assert.equal(await user.field().getAttribute('aria-activedescendant'), 'suggestion-0');
      await user.checkView('suggestions');
      await page.keyboard.press('Enter');
      await user.detail().getByRole('heading', { name: 'scan-0007.dat' }).waitFor();
      await page.keyboard.press('Escape');
      await user.detail().waitFor({ state: 'hidden' });

      await user.field().fill('bran');
      await list.getByRole('option', { name: /^brand/ }).first().click();
      await user.count(3);
      assert.equal(user.parameter('folder'), '/brand/');
      assert.equal(await user.field().inputValue(), '');
    },
  },
  {
    name: 'a mistake is marked at its position',
    async run(user) {
      const { page } = user;
      user.expect(/status of 400/);
      await user.open('/');
      await user.count(ASSETS);
      await user.field().fill('summer size:huge beach');
      const problem = page.getByRole('alert');
      await problem.waitFor();
      assert.equal(await problem.locator('mark').textContent(), 'size:huge');
      assert.match(await problem.textContent(), /Column 8$/);
      assert.match(await problem.locator('.problem-text').textContent(), /^Not a size; write size:/);
      assert.equal(await user.field().getAttribute('aria-invalid'), 'true');
      await user.checkView('mistake');
      await user.field().fill('summer beach');
      await user.count(SUMMER);
      await problem.waitFor({ state: 'hidden' });
      // With a filter, the typed text is put into parentheses. The column still refers to the field.
      await user.open('/?q=a+OR+size:huge&type=image');
      await problem.waitFor();
      assert.match(await problem.textContent(), /Column 6/);
    },
  },
  {
    name: 'an address finds its asset',
    async run(user) {
      const { page } = user;
      user.expect(/status of 40[04]/);
      await user.open('/?type=image');
      await user.count(IMAGES);
      const url = await page.evaluate(async () => {
        const response = await fetch('/v1/search?q=name:summer-beach-1.png');
        return (await response.json()).data[0].url;
      });
      await user.field().fill(`${url}?w=200`);
      await user.count(1);
      assert.equal(await user.cards().first().locator('.card-name').textContent(), 'summer-beach-1.png');
      // The address names its asset completely.
      assert.equal(user.parameter('type'), null);
      await user.field().fill(url.replace('beach-1', 'beach-99'));
      await page.getByRole('heading', { name: 'No such asset' }).waitFor();
      await user.settled();
      await user.checkView('no-such-asset');
      await page.getByRole('button', { name: 'Explain why' }).click();
      await user.detail().getByText('it is not in the index').waitFor();
      await page.keyboard.press('Escape');
      await user.detail().waitFor({ state: 'hidden' });
      await user.field().fill('s3://another-bucket/a b.jpg');
      await page.getByRole('heading', { name: 'This address names no asset' }).waitFor();
      assert.match(await page.locator('#results').textContent(), /has this bucket, store or base URL/);
    },
  },
  {
    name: 'no results',
    async run(user) {
      const { page } = user;
      await user.open('/?q=nosuchthing&type=image');
      await page.getByRole('heading', { name: 'Nothing found' }).waitFor();
      await user.settled();
      await user.checkView('nothing-found');
      await page.getByRole('button', { name: 'Remove the filters' }).click();
      await user.until(() => !location.search.includes('type='));
      await page.getByRole('button', { name: 'Clear the search' }).last().click();
      await user.count(ASSETS);
    },
  },
];
