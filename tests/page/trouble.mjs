// What does not go well: a token that is asked for, a server that is gone, and one that is busy.

import assert from 'node:assert/strict';

import { ASSETS, SLOW } from './world.mjs';

const refusal = (status, code, detail) => ({
  status,
  contentType: 'application/vnd.api+json',
  body: JSON.stringify({ errors: [{ status: String(status), code, detail }] }),
});

export const visits = [
  {
    name: 'a token is asked for',
    async run(person) {
      const { page, world } = person;
      person.expect(/status of 401/);
      await person.open(world.guarded);
      const token = page.getByLabel('Token', { exact: true });
      await token.waitFor();
      await person.look('token');
      await token.fill('wrong');
      await page.keyboard.press('Enter');
      await page.getByText('does not accept this token').waitFor();
      await token.fill(world.token);
      await page.getByRole('button', { name: 'Go on' }).click();
      await person.count(ASSETS);
      // It sees one Source; of the other not even the name is told.
      await person.tree().getByRole('treeitem', { name: /^assets/ }).waitFor();
      assert.ok(!(await page.content()).includes(SLOW));
      await page.reload();
      await person.count(ASSETS);
      assert.equal(await page.evaluate(() => localStorage.length), 0);
      await person.look('with-token');
    },
  },
  {
    name: 'the server is gone and comes back',
    async run(person) {
      const { page } = person;
      person.expect(/ERR_CONNECTION_REFUSED|net::ERR_FAILED/);
      await page.route('**/v1/search*', (route) => route.abort('connectionrefused'));
      await person.open('/');
      await page.getByText('The server cannot be reached.').waitFor();
      await person.look('no-server');
      await page.unroute('**/v1/search*');
      await page.getByRole('button', { name: 'Try again' }).click();
      await person.count(ASSETS);
    },
  },
  {
    name: 'there is no index yet',
    async run(person) {
      const { page } = person;
      person.expect(/status of 503/);
      await page.route('**/v1/search*', (route) => route.fulfill(refusal(503, 'index_absent', 'the daemon makes it with its first scan')));
      await person.open('/');
      await page.getByRole('heading', { name: 'There is no index yet' }).waitFor();
      await person.look('no-index');
    },
  },
];
