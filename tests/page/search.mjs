// Searching: as one types, with suggestions, with a mistake in it, and finding nothing.

import assert from 'node:assert/strict';

import { ASSETS, SUMMER } from './world.mjs';

export const visits = [
  {
    name: 'search as one types',
    async run(person) {
      const { page } = person;
      await person.open('/');
      await person.count(ASSETS);
      await person.look('home');
      await page.keyboard.press('/');
      await page.keyboard.type('summ');
      await person.count(SUMMER);
      assert.equal(person.parameter('q'), 'summ');
      assert.equal(await person.cards().first().locator('mark').first().textContent(), 'summ');
      await page.keyboard.type('er beach');
      await person.until(() => new URL(location).searchParams.get('q') === 'summer beach');
      await person.count(SUMMER);
      await page.getByRole('button', { name: 'Clear the search' }).click();
      await person.count(ASSETS);
      // What was typed in one go is one step back.
      await page.goBack();
      await person.count(SUMMER);
      assert.equal(await person.field().inputValue(), 'summer beach');
      await page.goBack();
      await person.count(ASSETS);
      assert.equal(await person.field().inputValue(), '');
    },
  },
  {
    name: 'suggestions are chosen by keys',
    async run(person) {
      const { page } = person;
      await person.open('/');
      await person.count(ASSETS);
      await page.keyboard.press('/');
      await page.keyboard.type('scan-0007');
      const list = page.getByRole('listbox', { name: 'Suggestions' });
      await list.getByRole('option', { name: 'scan-0007.dat' }).waitFor();
      await person.settled();
      await page.keyboard.press('ArrowDown');
      assert.equal(await list.getByRole('option').first().getAttribute('aria-selected'), 'true');
      assert.equal(await person.field().getAttribute('aria-activedescendant'), 'suggestion-0');
      await person.look('suggestions');
      await page.keyboard.press('Enter');
      await person.detail().getByRole('heading', { name: 'scan-0007.dat' }).waitFor();
      await page.keyboard.press('Escape');
      await person.detail().waitFor({ state: 'hidden' });

      await person.field().fill('bran');
      await list.getByRole('option', { name: /^brand/ }).first().click();
      await person.count(3);
      assert.equal(person.parameter('folder'), '/brand/');
      assert.equal(await person.field().inputValue(), '');
    },
  },
  {
    name: 'a mistake is shown where it is',
    async run(person) {
      const { page } = person;
      person.expect(/status of 400/);
      await person.open('/');
      await person.count(ASSETS);
      await person.field().fill('summer size:huge beach');
      const problem = page.getByRole('alert');
      await problem.waitFor();
      assert.equal(await problem.locator('mark').textContent(), 'size:huge');
      assert.match(await problem.textContent(), /Column 8$/);
      assert.match(await problem.locator('.problem-text').textContent(), /^No size; write size:/);
      assert.equal(await person.field().getAttribute('aria-invalid'), 'true');
      await person.look('mistake');
      await person.field().fill('summer beach');
      await person.count(SUMMER);
      await problem.waitFor({ state: 'hidden' });
      // Within a filter what was typed stands in parentheses: the column is still that of the field.
      await person.open('/?q=a+OR+size:huge&type=image');
      await problem.waitFor();
      assert.match(await problem.textContent(), /Column 6/);
    },
  },
  {
    name: 'nothing is found',
    async run(person) {
      const { page } = person;
      await person.open('/?q=nosuchthing&type=image');
      await page.getByRole('heading', { name: 'Nothing found' }).waitFor();
      await person.settled();
      await person.look('nothing-found');
      await page.getByRole('button', { name: 'Remove the filters' }).click();
      await person.until(() => !location.search.includes('type='));
      await page.getByRole('button', { name: 'Clear the search' }).last().click();
      await person.count(ASSETS);
    },
  },
];
