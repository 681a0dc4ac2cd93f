// Looking around: filters, folders, orders, the list, the end of it all; on a phone and by keys.

import assert from 'node:assert/strict';

import { ASSETS, IMAGES, SCANS, SOURCE, SUMMER } from './world.mjs';

const sizes = { kB: 1e3, MB: 1e6, B: 1 };

/** The bytes that `1.2 kB` stands for. */
function bytes(text) {
  const [, value, unit] = /([\d.,]+)\s(B|kB|MB)/.exec(text);
  return Number(value.replace(',', '')) * sizes[unit];
}

const images = (page) => page.getByRole('button', { name: 'Images' });

export const visits = [
  {
    name: 'filters are chosen and removed',
    async run(person) {
      const { page } = person;
      await person.open('/');
      await person.count(ASSETS);
      await images(page).click();
      await person.count(IMAGES);
      assert.equal(person.parameter('type'), 'image');
      // The other values of the group are still counted, and can be chosen beside it.
      await page.getByRole('button', { name: 'Documents' }).click();
      await person.count(IMAGES + 2);
      await page.getByRole('button', { name: 'png' }).click();
      await person.count(8);
      await person.look('filters');
      await page.getByRole('button', { name: 'Remove the filter Type Documents' }).click();
      await person.count(8);
      await page.getByRole('button', { name: 'Remove all' }).click();
      await person.count(ASSETS);
      assert.equal(person.parameter('type'), null);
      await page.goBack();
      await person.count(8);
    },
  },
  {
    name: 'folders are opened in the tree',
    async run(person) {
      const { page } = person;
      await person.open('/');
      await person.count(ASSETS);
      const tree = person.tree();
      await tree.getByRole('treeitem', { name: /^assets/ }).locator('.tree-name').first().click();
      await person.until(() => new URL(location).searchParams.get('source') === 'assets');
      const photos = tree.getByRole('treeitem', { name: /^photos/ });
      await photos.locator('.tree-name').first().click();
      await person.count(SUMMER);
      assert.equal(await photos.getAttribute('aria-selected'), 'true');
      await tree.getByRole('treeitem', { name: /^2025/ }).waitFor();
      await page.getByRole('list', { name: 'Folders here' }).getByRole('button', { name: /2025/ }).click();
      await person.until(() => new URL(location).searchParams.get('folder') === '/photos/2025/');
      await person.look('folder');
      await page.getByRole('navigation', { name: 'Folder path' }).getByRole('link', { name: SOURCE }).click();
      await person.count(ASSETS);
      // Directly at the top lies one asset.
      await page.getByRole('checkbox', { name: 'This folder only' }).check();
      await person.count(1);
    },
  },
  {
    name: 'assets are sorted and listed',
    async run(person) {
      const { page } = person;
      await person.open('/?type=image');
      await person.count(IMAGES);
      await page.getByRole('combobox', { name: 'Sort by' }).selectOption('size');
      await person.until(() => new URL(location).searchParams.get('sort') === '-size');
      await person.settled();
      const order = async () => (await person.cards().locator('.card-facts').allTextContents()).map(bytes);
      const falling = await order();
      assert.deepEqual(falling, falling.toSorted((a, b) => b - a));
      await page.getByRole('button', { name: 'Direction: descending' }).click();
      await page.getByRole('button', { name: 'Direction: ascending' }).waitFor();
      await person.settled();
      assert.deepEqual(await order(), falling.toReversed());
      await page.getByRole('button', { name: 'List', exact: true }).click();
      const table = page.getByRole('table', { name: 'Assets' });
      assert.equal(await table.getByRole('columnheader', { name: 'Size' }).getAttribute('aria-sort'), 'ascending');
      await table.getByRole('button', { name: 'Name' }).click();
      await person.until(() => new URL(location).searchParams.get('sort') === 'name');
      await person.settled();
      const names = await table.locator('.row-name').allTextContents();
      assert.deepEqual(names, names.toSorted());
      await person.look('list');
    },
  },
  {
    name: 'scrolling goes on to the end',
    async run(person) {
      const { page } = person;
      await person.open('/');
      await person.count(ASSETS);
      await page.mouse.move(800, 600);
      // More come as the end comes near; nothing has to be pressed for them.
      for (let shown = await person.cards().count(); shown < ASSETS; shown = await person.cards().count()) {
        await person.cards().last().scrollIntoViewIfNeeded();
        await person.until((count) => document.querySelectorAll('.card-link').length > count, shown);
      }
      await page.getByRole('button', { name: 'Show more' }).waitFor({ state: 'hidden' });
      const titles = await page.locator('.card-link').evaluateAll((all) => all.map((a) => a.title));
      assert.equal(new Set(titles).size, ASSETS);
      assert.equal(titles.filter((title) => title.startsWith('/scans/')).length, SCANS);
      await person.look('end');
    },
  },
  {
    name: 'all is done by keys',
    async run(person) {
      const { page } = person;
      await person.open('/');
      await person.count(ASSETS);
      await page.keyboard.press('Tab');
      assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
      await page.keyboard.press('/');
      await page.keyboard.type('summer');
      await page.keyboard.press('Enter');
      await person.count(SUMMER);
      // Tab goes on to the assets in so many steps at most.
      for (let steps = 0; steps < 60; steps += 1) {
        await page.keyboard.press('Tab');
        if (await page.evaluate(() => document.activeElement.matches('.card-link'))) break;
      }
      const at = () => page.evaluate(() => document.activeElement.title);
      const first = await at();
      assert.match(first, /summer/);
      await page.keyboard.press('ArrowRight');
      const second = await at();
      assert.notEqual(second, first);
      await person.look('focus');
      await page.keyboard.press('Enter');
      await person.detail().getByRole('heading', { level: 2 }).waitFor();
      await page.keyboard.press('Escape');
      await person.detail().waitFor({ state: 'hidden' });
      assert.equal(await at(), second);
      await page.keyboard.press('ArrowLeft');
      assert.equal(await at(), first);
      // In the tree the arrows open and move.
      await person.tree().getByRole('treeitem', { name: 'All Sources' }).focus();
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('ArrowRight');
      await person.tree().getByRole('treeitem', { name: /^brand/ }).waitFor();
      await page.keyboard.press('ArrowRight');
      await page.keyboard.press('Enter');
      await person.until(() => new URL(location).searchParams.get('folder') === '/brand/');
    },
  },
  {
    name: 'on a phone',
    as: { phone: true },
    async run(person) {
      const { page } = person;
      await person.open('/');
      await person.count(ASSETS);
      await person.look('phone');
      await page.getByRole('button', { name: 'Filters' }).tap();
      await images(page).waitFor();
      await person.until(() => document.getElementById('side').getAnimations().length === 0);
      await person.look('phone-filters');
      await images(page).tap();
      await page.getByRole('button', { name: 'Close folders and filters' }).tap();
      await person.count(IMAGES);
      await person.cards().first().tap();
      await person.detail().getByText('Why it is indexed').waitFor();
      await person.detail().locator('.verdict').waitFor();
      await person.look('phone-detail');
      await page.goBack();
      await person.detail().waitFor({ state: 'hidden' });
      await page.getByRole('button', { name: 'List', exact: true }).tap();
      await page.getByRole('table').waitFor();
      await person.look('phone-list');
    },
  },
  {
    name: 'in the dark',
    as: { dark: true },
    async run(person) {
      const { page } = person;
      await person.open(`/?source=${SOURCE}&type=image`);
      await person.count(IMAGES);
      await person.look('dark');
      const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      const dark = await ground();
      await page.getByRole('button', { name: 'Theme: as the system' }).click();
      await page.getByRole('button', { name: 'Theme: light' }).waitFor();
      const light = await ground();
      assert.notEqual(light, dark);
      await page.reload();
      await person.count(IMAGES);
      assert.equal(await ground(), light);
      await page.getByRole('button', { name: 'Theme: light' }).click();
      assert.equal(await ground(), dark);
    },
  },
];
