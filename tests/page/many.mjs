// Hundreds of Sources, one of them with a problem: the status view, the folders, and a server that only reads the index.

import assert from 'node:assert/strict';

import { BROKEN, MANY, SOURCE } from './fixture.mjs';

/** Maximum height of the status view in pixels on a desk. */
const MAX_HEIGHT = 6000;
/** Maximum number of panels of Sources that are shown at once. */
const MAX_PANELS = 12;
/** The widths of a phone, a tablet, a laptop and a large screen. */
const WIDTHS = [360, 768, 1280, 1920];

const sources = (page) => page.getByRole('region', { name: 'Sources' });
const panels = (page) => sources(page).getByRole('article');
const names = (page) => panels(page).getByRole('heading').allTextContents();
const height = (page) => page.evaluate(() => document.documentElement.scrollHeight);

/** Opens the status view, and waits until the daemon has noticed the problem. */
async function openStatus(user, base = '') {
  await user.open(`${base}/?view=status`);
  await panels(user.page).first().waitFor();
}

/** The terms of the status view without a visible explanation. */
const unexplained = (page) => page.evaluate(() => {
  const isExplained = (place) => Array.from(place.querySelectorAll('.meaning')).some((line) => line.textContent.trim() && line.checkVisibility());
  const terms = [
    ...Array.from(document.querySelectorAll('#status dt'), (term) => [term, term.parentElement]),
    ...Array.from(document.querySelectorAll('#status figcaption > :first-child'), (term) => [term, term.closest('figure')]),
    ...Array.from(document.querySelectorAll('#status article header .pill'), (term) => [term, term.closest('article')]),
  ];
  return terms.filter(([term, place]) => term.checkVisibility() && !isExplained(place)).map(([term]) => term.textContent);
});

export const scenarios = [
  {
    name: 'the status of many Sources is short and begins with problems',
    async run(user) {
      const { page } = user;
      await openStatus(user);
      await panels(page).getByText('Degraded', { exact: true }).waitFor();
      await user.until((broken) => document.querySelector('#status article h3').textContent === broken, BROKEN);
      assert.equal(await panels(page).count(), MAX_PANELS);
      assert.ok(await height(page) < MAX_HEIGHT, `${await height(page)} pixels`);
      assert.equal((await names(page))[1], SOURCE);
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: 900 });
        await user.checkView(`many-status-${width}`);
      }
      await sources(page).getByRole('button', { name: /^Show 12 more of/ }).click();
      assert.equal(await panels(page).count(), 2 * MAX_PANELS);
      assert.ok(await panels(page).nth(MAX_PANELS).evaluate((panel) => panel.contains(document.activeElement)));
    },
  },
  {
    name: 'Sources are filtered by name and state in the status',
    async run(user) {
      const { page } = user;
      await openStatus(user);
      const filter = page.getByRole('searchbox', { name: 'Filter Sources by name' });
      await filter.fill('DISABLED-150');
      assert.deepEqual(await names(page), ['disabled-150']);
      // The next reports keep the filter.
      await page.waitForResponse('**/status');
      await page.waitForResponse('**/status');
      assert.deepEqual(await names(page), ['disabled-150']);
      await filter.fill('');
      await sources(page).getByRole('button', { name: /^Degraded/ }).click();
      assert.deepEqual(await names(page), [BROKEN]);
      await sources(page).getByRole('button', { name: /^Degraded/ }).click();
      assert.equal(await panels(page).count(), MAX_PANELS);
    },
  },
  {
    name: 'every term of the status is explained',
    as: { dark: true },
    async run(user) {
      const { page } = user;
      await openStatus(user);
      assert.ok((await unexplained(page)).length > 0);
      await page.getByRole('button', { name: 'What is this?' }).click();
      assert.deepEqual(await unexplained(page), []);
      await user.checkView('status-explained-dark');
      await page.setViewportSize({ width: 360, height: 900 });
      await user.checkView('status-explained-dark-360');
    },
  },
  {
    name: 'Sources are filtered above the folders',
    async run(user) {
      const { page } = user;
      await user.open('/');
      await user.settled();
      const items = user.tree().getByRole('treeitem');
      await items.nth(10).waitFor();
      const before = await items.filter({ visible: true }).count();
      assert.ok(before < MANY / 2, `${before} lines`);
      const filter = page.getByRole('searchbox', { name: 'Find a Source' });
      await filter.fill('disabled-150');
      await items.filter({ visible: true }).nth(1).getByText('disabled-150').waitFor();
      assert.equal(await items.filter({ visible: true }).count(), 2);
      await user.checkView('many-tree');
      await filter.fill('');
      assert.equal(await items.filter({ visible: true }).count(), before);
      // The current Source is always shown.
      await user.open('/?source=disabled-297');
      await items.filter({ hasText: 'disabled-297' }).filter({ visible: true }).waitFor();
    },
  },
  {
    name: 'a server that only reads shows what it knows about its index',
    async run(user) {
      const { page, environment } = user;
      await openStatus(user, environment.reader);
      await page.locator('#status').getByText('only reads the index').waitFor();
      const panel = panels(page).filter({ has: page.getByRole('heading', { name: SOURCE, exact: true }) });
      await panel.getByText('Deployed', { exact: true }).waitFor();
      const value = (name) => page.locator(`#status dt:text-is("${name}") + dd`).first();
      assert.match(await value('Index').textContent(), /kB|MB/);
      assert.equal(await value('Folder').textContent(), environment.folderOfIndex);
      assert.equal(await panel.locator('dt:text-is("Assets") + dd').textContent(), '3');
      assert.match(await panel.locator('dt:text-is("Complete as of") + dd').textContent(), /ago|now/);
      assert.equal(await page.locator('.chart').count(), 0);
      // It knows nothing about events, so it claims nothing.
      assert.ok(!(await page.locator('#status').textContent()).includes('only scans'));
      await page.getByRole('button', { name: 'What is this?' }).click();
      assert.deepEqual(await unexplained(page), []);
      await user.checkView('status-reader');
      await page.getByRole('link', { name: 'Sources' }).click();
      await page.getByRole('row').filter({ hasText: SOURCE }).first().waitFor();
      assert.ok(!(await page.locator('#sources').textContent()).includes('only scans'));
    },
  },
];
