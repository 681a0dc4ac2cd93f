// The status view during a scan: its progress, the charts, and the way back to the search.

import assert from 'node:assert/strict';

import { ASSETS, SLOW, SOURCE } from './fixture.mjs';

async function isDrawn(user) {
  // A line needs two values, so two reports have arrived.
  await user.until(() => document.querySelector('.chart-line')?.getAttribute('d')?.includes('L'));
}

export const scenarios = [
  {
    name: 'status during a scan',
    async run(user) {
      const { page } = user;
      await user.open('/?q=summer');
      await user.settled();
      await page.getByRole('link', { name: 'Status' }).click();
      const panel = (name) => page.getByRole('article').filter({ has: page.getByRole('heading', { name, exact: true }) });
      await panel(SOURCE).getByText('Deployed').waitFor();
      await panel(SLOW).getByText('Deploying').waitFor();
      await panel(SLOW).getByRole('progressbar').waitFor();
      assert.match(await panel(SLOW).locator('.scan').textContent(), /Scanning: .*1,000 keys listed/);
      assert.equal(await panel(SOURCE).getByRole('progressbar').count(), 0);
      assert.match(await panel(SOURCE).textContent(), new RegExp(`Assets${ASSETS}`));
      await isDrawn(user);
      await user.checkView('status');
      // The search is still the same.
      await page.getByRole('link', { name: 'Browse' }).click();
      await user.settled();
      assert.equal(user.parameter('q'), 'summer');
      await page.goBack();
      await panel(SOURCE).getByRole('link', { name: SOURCE }).click();
      await user.until(() => new URL(location).searchParams.get('source') === 'assets');
      await user.count(ASSETS);
    },
  },
  {
    name: 'status on a phone with the dark theme',
    as: { phone: true, dark: true },
    async run(user) {
      await user.open('/?view=status');
      await isDrawn(user);
      await user.checkView('phone-status-dark');
    },
  },
];
