// How fast the keyboard reaches the results.

import assert from 'node:assert/strict';

import { ASSETS, SOURCE, SUMMER } from './fixture.mjs';

/** Maximum number of presses of Tab, and of Enter on a link that Tab reaches, until a result has the focus. */
const MAX_PRESSES = 10;

/** Presses Tab until a result has the focus. A link that skips to the results is followed. Returns the number of presses. */
async function pressesToFirstResult(page) {
  for (let presses = 1; presses <= MAX_PRESSES; presses += 1) {
    await page.keyboard.press('Tab');
    const { isResult, isSkip, isVisible } = await page.evaluate(() => {
      const { activeElement: at } = document;
      const { top, left, bottom, right } = at.getBoundingClientRect();
      const isOnScreen = top >= 0 && left >= 0 && bottom <= innerHeight && right <= innerWidth && bottom > top;
      return { isResult: at.matches('.card-link, .row-link'), isSkip: at.matches('.skip'), isVisible: isOnScreen && at.checkVisibility() };
    });
    if (isResult) return presses;
    if (!isSkip) continue;
    assert.ok(isVisible, 'the link is not visible although it has the focus');
    await page.keyboard.press('Enter');
    presses += 1;
    if (await page.evaluate(() => document.activeElement.matches('.card-link, .row-link'))) return presses;
  }
  return Infinity;
}

export const scenarios = [
  {
    name: 'a few presses of Tab reach the first result',
    async run(user) {
      const { page } = user;
      for (const address of ['/', '/?layout=list', `/?source=${SOURCE}&type=image&q=summer`]) {
        await user.open(address);
        await user.settled();
        await page.locator('.facet').first().waitFor();
        const presses = await pressesToFirstResult(page);
        assert.ok(presses <= MAX_PRESSES, `${address}: ${presses} presses`);
      }
      // From the search field too, where people are after they have typed.
      await user.open('/');
      await user.count(ASSETS);
      await page.keyboard.press('/');
      await page.keyboard.type('summer');
      await page.keyboard.press('Enter');
      await user.count(SUMMER);
      const presses = await pressesToFirstResult(page);
      assert.ok(presses <= MAX_PRESSES, `${presses} presses`);
      await page.keyboard.press('ArrowRight');
      assert.match(await page.evaluate(() => document.activeElement.title), /summer/);
    },
  },
  {
    name: 'a search, a copy, an export and a Source need only the keyboard',
    async run(user) {
      const { page } = user;
      const { keyboard } = page;
      await user.open('/');
      await user.count(ASSETS);
      await keyboard.press('/');
      await keyboard.type('summer');
      await keyboard.press('Enter');
      await user.count(SUMMER);
      assert.ok(await pressesToFirstResult(page) <= MAX_PRESSES);
      await keyboard.press('Space');
      await keyboard.press('Shift+ArrowRight');
      const bar = page.getByRole('region', { name: 'Selection' });
      await bar.getByText('2 selected').waitFor();
      // To the button that clears the selection, and to the one that copies.
      await keyboard.press('Tab');
      await keyboard.press('Tab');
      await keyboard.press('Enter');
      await page.getByRole('button', { name: 'URLs' }).and(page.locator(':focus')).waitFor();
      await keyboard.press('Enter');
      await bar.getByText('2 URLs copied').waitFor();
      assert.equal((await page.evaluate(() => navigator.clipboard.readText())).split('\n').length, 2);
      assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Copy');
      await keyboard.press('Escape');
      await bar.waitFor({ state: 'hidden' });
      await page.locator('#export').getByRole('button', { name: 'Export' }).focus();
      await keyboard.press('Enter');
      await page.getByRole('button', { name: 'Whole result as CSV' }).and(page.locator(':focus')).waitFor();
      const [download] = await Promise.all([page.waitForEvent('download'), keyboard.press('Enter')]);
      assert.equal(download.suggestedFilename(), 'assets.csv');
      await page.getByRole('link', { name: 'Sources', exact: true }).focus();
      await keyboard.press('Enter');
      const source = page.getByRole('table').getByRole('link', { name: SOURCE, exact: true });
      await source.focus();
      await keyboard.press('Enter');
      await page.getByRole('heading', { name: SOURCE, exact: true }).waitFor();
      // The link is gone, so the focus is at the begin of the Source.
      assert.equal(await page.evaluate(() => document.activeElement.id), 'source-view');
      // The title, or the state of the Source, which follows it.
      assert.match(await page.locator('#announce').textContent(), new RegExp(`^${SOURCE}[: ]`));
    },
  },
];
