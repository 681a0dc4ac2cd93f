// Browsing: filters, folders, sort orders, the list layout and scrolling; on a phone and with the keyboard.

import assert from 'node:assert/strict';

import { ASSETS, IMAGES, SCANS, SOURCE, SUMMER } from './fixture.mjs';

const sizes = { kB: 1e3, MB: 1e6, B: 1 };

/** The number of bytes of a size such as `1.2 kB`. */
function bytes(text) {
  const [, value, unit] = /([\d.,]+)\s(B|kB|MB)/.exec(text);
  return Number(value.replace(',', '')) * sizes[unit];
}

const images = (page) => page.getByRole('button', { name: 'Images' });

export const scenarios = [
  {
    name: 'filters are added and removed',
    async run(user) {
      const { page } = user;
      await user.open('/');
      await user.count(ASSETS);
      await images(page).click();
      await user.count(IMAGES);
      assert.equal(user.parameter('type'), 'image');
      // The other values of the group still have counts, and can be added.
      await page.getByRole('button', { name: 'Documents' }).click();
      await user.count(IMAGES + 2);
      await page.getByRole('button', { name: 'png' }).click();
      await user.count(8);
      await user.checkView('filters');
      await page.getByRole('button', { name: 'Remove the filter Type Documents' }).click();
      await user.count(8);
      await page.getByRole('button', { name: 'Remove all' }).click();
      await user.count(ASSETS);
      assert.equal(user.parameter('type'), null);
      await page.goBack();
      await user.count(8);
    },
  },
  {
    name: 'folders are opened in the tree',
    async run(user) {
      const { page } = user;
      await user.open('/');
      await user.count(ASSETS);
      const tree = user.tree();
      await tree.getByRole('treeitem', { name: /^assets/ }).locator('.tree-name').first().click();
      await user.until(() => new URL(location).searchParams.get('source') === 'assets');
      const photos = tree.getByRole('treeitem', { name: /^photos/ });
      await photos.locator('.tree-name').first().click();
      await user.count(SUMMER);
      assert.equal(await photos.getAttribute('aria-selected'), 'true');
      await tree.getByRole('treeitem', { name: /^2025/ }).waitFor();
      await page.getByRole('list', { name: 'Subfolders' }).getByRole('button', { name: /2025/ }).click();
      await user.until(() => new URL(location).searchParams.get('folder') === '/photos/2025/');
      await user.checkView('folder');
      await page.getByRole('navigation', { name: 'Folder path' }).getByRole('link', { name: SOURCE }).click();
      await user.count(ASSETS);
      // One asset is directly in the top folder.
      await page.getByRole('checkbox', { name: 'This folder only' }).check();
      await user.count(1);
    },
  },
  {
    name: 'assets are sorted and listed',
    async run(user) {
      const { page } = user;
      await user.open('/?type=image');
      await user.count(IMAGES);
      await page.getByRole('combobox', { name: 'Sort by' }).selectOption('size');
      await user.until(() => new URL(location).searchParams.get('sort') === '-size');
      await user.settled();
      const order = async () => (await user.cards().locator('.card-facts').allTextContents()).map(bytes);
      const descending = await order();
      assert.deepEqual(descending, descending.toSorted((a, b) => b - a));
      await page.getByRole('button', { name: 'Direction: descending' }).click();
      await page.getByRole('button', { name: 'Direction: ascending' }).waitFor();
      await user.settled();
      assert.deepEqual(await order(), descending.toReversed());
      await page.getByRole('button', { name: 'List', exact: true }).click();
      const table = page.getByRole('table', { name: 'Assets' });
      assert.equal(await table.getByRole('columnheader', { name: 'Size' }).getAttribute('aria-sort'), 'ascending');
      await table.getByRole('button', { name: 'Name' }).click();
      await user.until(() => new URL(location).searchParams.get('sort') === 'name');
      await user.settled();
      const names = await table.locator('.row-name').allTextContents();
      assert.deepEqual(names, names.toSorted());
      await user.checkView('list');
    },
  },
  {
    name: 'scrolling loads all assets',
    async run(user) {
      const { page } = user;
      await user.open('/');
      await user.count(ASSETS);
      await page.mouse.move(800, 600);
      // More assets load when the end comes near, without a press of the button.
      for (let shown = await user.cards().count(); shown < ASSETS; shown = await user.cards().count()) {
        await user.cards().last().scrollIntoViewIfNeeded();
        await user.until((count) => document.querySelectorAll('.card-link').length > count, shown);
      }
      await page.getByRole('button', { name: 'Show more' }).waitFor({ state: 'hidden' });
      const titles = await page.locator('.card-link').evaluateAll((all) => all.map((a) => a.title));
      assert.equal(new Set(titles).size, ASSETS);
      assert.equal(titles.filter((title) => title.startsWith('/scans/')).length, SCANS);
      await user.checkView('end');
    },
  },
  {
    name: 'everything works with the keyboard',
    async run(user) {
      const { page } = user;
      await user.open('/');
      await user.count(ASSETS);
      await page.keyboard.press('Tab');
      assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
      await page.keyboard.press('/');
      await page.keyboard.type('summer');
      await page.keyboard.press('Enter');
      await user.count(SUMMER);
      // Tab reaches the assets in at most 60 steps.
      for (let steps = 0; steps < 60; steps += 1) {
        await page.keyboard.press('Tab');
        if (await page.evaluate(() => document.activeElement.matches('.card-link'))) break;
      }
      const focused = () => page.evaluate(() => document.activeElement.title);
      const first = await focused();
      assert.match(first, /summer/);
      await page.keyboard.press('ArrowRight');
      const second = await focused();
      assert.notEqual(second, first);
      await user.checkView('focus');
      await page.keyboard.press('Enter');
      await user.detail().getByRole('heading', { level: 2 }).waitFor();
      await page.keyboard.press('Escape');
      await user.detail().waitFor({ state: 'hidden' });
      assert.equal(await focused(), second);
      await page.keyboard.press('ArrowLeft');
      assert.equal(await focused(), first);
      // In the tree, the arrow keys open folders and move between them.
      await user.tree().getByRole('treeitem', { name: 'All Sources' }).focus();
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('ArrowRight');
      await user.tree().getByRole('treeitem', { name: /^brand/ }).waitFor();
      await page.keyboard.press('ArrowRight');
      await page.keyboard.press('Enter');
      await user.until(() => new URL(location).searchParams.get('folder') === '/brand/');
    },
  },
  {
    name: 'on a phone',
    as: { phone: true },
    async run(user) {
      const { page } = user;
      await user.open('/');
      await user.count(ASSETS);
      await user.checkView('phone');
      await page.getByRole('button', { name: 'Filters' }).tap();
      await images(page).waitFor();
      await user.until(() => document.getElementById('side').getAnimations().length === 0);
      await user.checkView('phone-filters');
      await images(page).tap();
      await page.getByRole('button', { name: 'Close folders and filters' }).tap();
      await user.count(IMAGES);
      await user.cards().first().tap();
      await user.detail().getByText('Why it is indexed').waitFor();
      await user.detail().locator('.verdict').waitFor();
      await user.checkView('phone-detail');
      await page.goBack();
      await user.detail().waitFor({ state: 'hidden' });
      await page.getByRole('button', { name: 'List', exact: true }).tap();
      await page.getByRole('table').waitFor();
      await user.checkView('phone-list');
    },
  },
  {
    name: 'dark theme',
    as: { dark: true },
    async run(user) {
      const { page } = user;
      await user.open(`/?source=${SOURCE}&type=image`);
      await user.count(IMAGES);
      await user.checkView('dark');
      const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      const dark = await ground();
      await page.getByRole('button', { name: 'Theme: system' }).click();
      await page.getByRole('button', { name: 'Theme: light' }).waitFor();
      const light = await ground();
      assert.notEqual(light, dark);
      await page.reload();
      await user.count(IMAGES);
      assert.equal(await ground(), light);
      await page.getByRole('button', { name: 'Theme: light' }).click();
      assert.equal(await ground(), dark);
    },
  },
];
