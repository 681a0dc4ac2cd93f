// Selecting assets, and what can be done with them: copy, export, download.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

import { ASSETS, SCANS, SUMMER } from './fixture.mjs';

const SUMMER_PATH = '/photos/2025/summer-beach-';

const bar = (page) => page.getByRole('region', { name: 'Selection' });
const box = (page, name) => page.getByRole('checkbox', { name: `Select ${name}`, exact: true });
const selected = (page, number) => bar(page).locator('.selection-count', { hasText: new RegExp(`^${number} selected$`) }).waitFor();
const clipboard = (page) => page.evaluate(() => navigator.clipboard.readText());

/** Opens a menu of the bar and presses an action. */
async function choose(page, menu, action) {
  await bar(page).getByRole('button', { name: menu, exact: true }).click();
  await page.getByRole('group', { name: menu }).getByRole('button', { name: action }).click();
}

/** The text of the file that this makes the browser save. */
async function saved(page, act) {
  const [download] = await Promise.all([page.waitForEvent('download'), act()]);
  return { name: download.suggestedFilename(), text: await readFile(await download.path(), 'utf8') };
}

const openSummer = async (user) => {
  await user.open('/?q=summer&sort=path');
  await user.count(SUMMER);
};

export const scenarios = [
  {
    name: 'assets are selected with the mouse',
    async run(user) {
      const { page } = user;
      await openSummer(user);
      assert.equal(await bar(page).isVisible(), false);
      await box(page, 'summer-beach-2.png').check();
      await selected(page, 1);
      // While something is selected, a click on a card selects, and Shift selects a range.
      await user.cards().nth(3).click({ modifiers: ['Shift'] });
      await selected(page, 3);
      await user.cards().nth(5).click();
      await selected(page, 4);
      assert.equal(await user.detail().isVisible(), false);
      assert.equal(await page.locator('#announce').textContent(), '4 selected');
      assert.equal(await box(page, 'summer-beach-3.png').isChecked(), true);
      await user.checkView('selected');
      // The list shows the same selection, in another order too.
      await page.getByRole('button', { name: 'List', exact: true }).click();
      await page.getByRole('table', { name: 'Assets' }).getByRole('button', { name: 'Name' }).click();
      await user.until(() => new URL(location).searchParams.get('sort') === 'name');
      await user.settled();
      await selected(page, 4);
      assert.equal(await page.getByRole('checkbox', { checked: true, name: /^Select / }).count(), 4);
      await user.checkView('selected-list');
      await bar(page).getByRole('button', { name: 'Clear the selection' }).click();
      await bar(page).waitFor({ state: 'hidden' });
      // A click opens again.
      await page.getByRole('link', { name: 'summer-beach-1.png' }).click();
      await user.detail().getByRole('heading', { name: 'summer-beach-1.png' }).waitFor();
    },
  },
  {
    name: 'assets are selected with the keyboard',
    async run(user) {
      const { page } = user;
      await openSummer(user);
      await user.cards().first().focus();
      await page.keyboard.press('Space');
      await selected(page, 1);
      assert.equal(await user.cards().first().getAttribute('aria-describedby'), 'is-selected');
      await page.keyboard.press('ArrowRight');
      await page.keyboard.press('ArrowRight');
      await selected(page, 1);
      await page.keyboard.press('Shift+ArrowRight');
      await page.keyboard.press('Shift+ArrowRight');
      await selected(page, 4);
      await page.keyboard.press('Shift+ArrowLeft');
      await selected(page, 3);
      // Enter still opens, and Escape then closes the asset, not the selection.
      await page.keyboard.press('Enter');
      await user.detail().waitFor();
      await page.keyboard.press('Escape');
      await user.detail().waitFor({ state: 'hidden' });
      await selected(page, 3);
      // Tab goes from the asset to the bar.
      await page.keyboard.press('Tab');
      assert.equal(await page.evaluate(() => document.activeElement.closest('#selection') !== null), true);
      await page.keyboard.press('Escape');
      await bar(page).waitFor({ state: 'hidden' });
      assert.equal(await page.locator('#announce').textContent(), 'Nothing selected');
      assert.equal(await page.evaluate(() => document.activeElement.matches('.card-link')), true);
      await page.keyboard.press('Control+a');
      await selected(page, SUMMER);
      // In the search field, the keys belong to the text.
      await user.field().focus();
      await page.keyboard.press('Control+a');
      await page.keyboard.type('scan');
      await user.count(SCANS);
      await bar(page).waitFor({ state: 'hidden' });
    },
  },
  {
    name: 'a selection survives loading more',
    async run(user) {
      const { page } = user;
      await user.open('/?q=scan&sort=path');
      await user.count(SCANS);
      await box(page, 'scan-0001.dat').check();
      for (let shown = await user.cards().count(); shown < SCANS; shown = await user.cards().count()) {
        await user.cards().last().scrollIntoViewIfNeeded();
        await user.until((count) => document.querySelectorAll('.card-link').length > count, shown);
      }
      await selected(page, 1);
      await user.cards().nth(100).click({ modifiers: ['Shift'] });
      await selected(page, 100);
      await bar(page).getByRole('button', { name: 'Select all shown' }).click();
      await selected(page, SCANS);
    },
  },
  {
    name: 'addresses of selected assets are copied',
    async run(user) {
      const { page } = user;
      await openSummer(user);
      await box(page, 'summer-beach-1.png').check();
      await box(page, 'summer-beach-2.png').check();
      const source = await page.evaluate(async () => (await (await fetch('/v1/sources')).json()).data.find(({ name }) => name === 'assets'));
      const keys = [1, 2].map((number) => `${source.prefix}${source.prefix && '/'}photos/2025/summer-beach-${number}.png`);
      await choose(page, 'Copy', 'URLs');
      await bar(page).getByText('2 URLs copied').waitFor();
      const urls = (await clipboard(page)).split('\n');
      assert.equal(urls.length, 2);
      assert.ok(urls.every((url) => url.startsWith('http') && url.includes(SUMMER_PATH)), urls.join());
      await choose(page, 'Copy', 'Keys');
      await bar(page).getByText('2 keys copied').waitFor();
      assert.equal(await clipboard(page), keys.join('\n'));
      await choose(page, 'Copy', 'S3 addresses');
      await bar(page).getByText('2 S3 addresses copied').waitFor();
      assert.equal(await clipboard(page), keys.map((key) => `s3://${source.bucket}/${key}`).join('\n'));
      // Over plain HTTP from another machine, browsers have no clipboard for pages. Copying works all the same.
      await page.evaluate(() => {
        globalThis.readClipboard = () => clipboard.readText();
        const { clipboard } = navigator;
        Object.defineProperty(navigator, 'clipboard', { value: undefined });
      });
      await choose(page, 'Copy', 'Keys');
      await bar(page).getByText('2 keys copied').waitFor();
      assert.equal(await page.evaluate(() => globalThis.readClipboard()), keys.join('\n'));
    },
  },
  {
    name: 'a selection is exported',
    async run(user) {
      const { page } = user;
      await openSummer(user);
      await box(page, 'summer-beach-1.png').check();
      const csv = await saved(page, () => choose(page, 'Export', 'Selection as CSV'));
      assert.equal(csv.name, 'assets.csv');
      const lines = csv.text.split('\r\n');
      assert.deepEqual([lines.length, lines[0].slice(0, 17), lines[2]], [3, 'source,path,name,', '']);
      assert.ok(lines[1].startsWith(`assets,${SUMMER_PATH}1.png,summer-beach-1.png,png,image,image/png,`), lines[1]);
      const json = await saved(page, () => choose(page, 'Export', 'Selection as JSON'));
      const [hit, ...others] = JSON.parse(json.text);
      assert.deepEqual([json.name, hit.path, others.length], ['assets.json', `${SUMMER_PATH}1.png`, 0]);
    },
  },
  {
    name: 'a whole result is exported, and nothing is selected',
    async run(user) {
      const { page } = user;
      // It follows the search that is shown, also beyond the assets that are loaded.
      await user.open('/?folder=/scans/');
      await user.count(SCANS);
      const all = await saved(page, async () => {
        await page.locator('.controls').getByRole('button', { name: 'Export' }).click();
        await page.getByRole('group', { name: 'Export' }).getByRole('button', { name: 'Whole result as JSON' }).click();
      });
      await page.getByText(`${SCANS} assets exported`, { exact: true }).waitFor();
      const paths = JSON.parse(all.text).map(({ path }) => path);
      assert.equal(new Set(paths).size, SCANS);
      assert.ok(paths.every((path) => path.startsWith('/scans/')));
      assert.equal(await bar(page).isVisible(), false);
      // Another search has another result, and nothing can be exported from an empty one.
      await user.field().fill('"nothing has this name"');
      await user.count(0);
      assert.equal(await page.locator('.controls').getByRole('button', { name: 'Export' }).isVisible(), false);
      assert.equal(await page.getByText(`${SCANS} assets exported`).isVisible(), false);
    },
  },
  {
    name: 'selected files are downloaded',
    async run(user) {
      const { page } = user;
      await openSummer(user);
      await box(page, 'summer-beach-1.png').check();
      await box(page, 'summer-beach-2.png').check();
      await bar(page).getByRole('button', { name: 'Download' }).click();
      const panel = page.getByRole('group', { name: 'Download' });
      const links = panel.getByRole('link');
      await links.nth(1).waitFor();
      // The store lets the page read the files, so one press saves both.
      const downloads = [];
      page.on('download', (download) => downloads.push(download));
      await panel.getByRole('button', { name: 'Download all' }).click();
      await panel.getByText('2 files downloaded.', { exact: true }).waitFor();
      assert.deepEqual(downloads.map((download) => download.suggestedFilename()), ['summer-beach-1.png', 'summer-beach-2.png']);
      assert.ok((await readFile(await downloads[0].path())).subarray(1, 4).equals(Buffer.from('PNG')));
      await user.checkView('downloads');
      await page.keyboard.press('Escape');
      await selected(page, 2);
    },
  },
  {
    name: 'files that the page may not read open in a tab',
    async run(user) {
      const { page } = user;
      user.expect(/net::ERR_FAILED/);
      // Without a CORS rule, the browser keeps the answer from the page. Answers of a test always have a rule.
      await page.route(/summer-beach-1\.png\?/, (route) => (route.request().resourceType() === 'fetch' ? route.abort() : route.continue()));
      await openSummer(user);
      await box(page, 'summer-beach-1.png').check();
      await bar(page).getByRole('button', { name: 'Download' }).click();
      const link = page.getByRole('group', { name: 'Download' }).getByRole('link', { name: 'summer-beach-1.png' });
      const [tab] = await Promise.all([page.context().waitForEvent('page'), link.click()]);
      assert.match(tab.url(), /summer-beach-1\.png/);
      await page.getByText('This page cannot read it').waitFor();
    },
  },
  {
    name: 'selecting works on a phone in the dark',
    as: { phone: true, dark: true },
    async run(user) {
      const { page } = user;
      await openSummer(user);
      await box(page, 'summer-beach-1.png').tap();
      await user.cards().nth(2).tap();
      await selected(page, 2);
      await user.checkView('selected-phone');
      await bar(page).getByRole('button', { name: 'Export' }).tap();
      await page.getByRole('group', { name: 'Export' }).getByRole('button', { name: 'Selection as CSV' }).waitFor();
      await user.checkView('export-menu-phone');
    },
  },
];
