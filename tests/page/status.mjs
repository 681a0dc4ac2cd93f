// The status view while a scan runs: its progress, the charts as they grow, and the way back.

import assert from 'node:assert/strict';

import { ASSETS, SLOW, SOURCE } from './world.mjs';

async function isDrawn(person) {
  // A line of two values: two answers have come.
  await person.until(() => document.querySelector('.chart-line')?.getAttribute('d')?.includes('L'));
}

export const visits = [
  {
    name: 'status during a scan',
    async run(person) {
      const { page } = person;
      await person.open('/?q=summer');
      await person.settled();
      await page.getByRole('link', { name: 'Status' }).click();
      const panel = (name) => page.getByRole('article').filter({ has: page.getByRole('heading', { name, exact: true }) });
      await panel(SOURCE).getByText('Deployed').waitFor();
      await panel(SLOW).getByText('Deploying').waitFor();
      await panel(SLOW).getByRole('progressbar').waitFor();
      assert.match(await panel(SLOW).locator('.scan').textContent(), /Scanning: .*1,000 keys listed/);
      assert.equal(await panel(SOURCE).getByRole('progressbar').count(), 0);
      assert.match(await panel(SOURCE).textContent(), new RegExp(`Assets${ASSETS}`));
      await isDrawn(person);
      await person.look('status');
      // The search is where it was.
      await page.getByRole('link', { name: 'Browse' }).click();
      await person.settled();
      assert.equal(person.parameter('q'), 'summer');
      await page.goBack();
      await panel(SOURCE).getByRole('link', { name: SOURCE }).click();
      await person.until(() => new URL(location).searchParams.get('source') === 'assets');
      await person.count(ASSETS);
    },
  },
  {
    name: 'status on a phone in the dark',
    as: { phone: true, dark: true },
    async run(person) {
      await person.open('/?view=status');
      await isDrawn(person);
      await person.look('phone-status-dark');
    },
  },
];
