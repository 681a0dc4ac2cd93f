// Finding the right words and filters: suggestions, completions, corrections, dates and folders.

import assert from 'node:assert/strict';

/** Number of assets of both Sources; one is in `other`. */
const ALL = 26;
/** Number of pictures of both Sources. */
const PICTURES = 7;
/** Number of pictures in `/beach/`: three of summer, and the sunset. */
const BEACH_PICTURES = 4;
const SUMMER = 3;
/** Number of folders at the top of the Source `assets`. */
const FOLDERS = 20;
/** The widths of a phone, a tablet, a laptop and a large screen. */
const WIDTHS = [360, 768, 1280, 1920];

const list = (page) => page.getByRole('listbox', { name: 'Suggestions' });
const options = (page) => list(page).getByRole('option');
const texts = (page) => list(page).locator('.suggestion-text').allTextContents();
const problem = (page) => page.getByRole('alert');
const hint = (page) => page.locator('#unfinished');
const queryIs = (user, q) => user.until((wanted) => (new URL(location).searchParams.get('q') ?? '') === wanted, q);

/** Takes screenshots at four widths. */
async function checkWidths(user, name) {
  for (const width of WIDTHS) {
    await user.page.setViewportSize({ width, height: 900 });
    await user.checkView(`${name}-${width}`);
  }
}

export const scenarios = [
  {
    name: 'suggestions exist together with the other words',
    async run(user) {
      const { page } = user;
      await user.open('/');
      await user.count(ALL);
      await user.field().fill('su');
      await options(page).filter({ hasText: 'suburb' }).waitFor();
      await options(page).filter({ hasText: 'sunset.jpg' }).waitFor();
      // There is no beach in the city.
      await user.field().fill('beach su');
      await options(page).filter({ hasText: 'suburb' }).waitFor({ state: 'detached' });
      await options(page).filter({ hasText: 'sunset.jpg' }).waitFor();
      assert.deepEqual((await texts(page)).toSorted(), ['summer-1.jpg', 'summer-2.jpg', 'summer-3.jpg', 'sunset.jpg']);
      await user.checkView('suggestions-of-two-words');
      await user.open('/?source=assets&folder=/city/');
      await user.count(2);
      await user.field().fill('su');
      await options(page).filter({ hasText: 'suburb' }).waitFor();
      assert.deepEqual(await texts(page), ['suburb', 'sunrise.jpg']);
      await user.open('/?type=image');
      await user.count(PICTURES);
      // Filters count too: notes are no pictures.
      const [answer] = await Promise.all([page.waitForResponse(/\/v1\/suggest\?q=not/), user.field().fill('not')]);
      const { data } = await answer.json();
      assert.deepEqual(data, []);
    },
  },
  {
    name: 'suggestions show whole names on a phone',
    as: { phone: true, dark: true },
    async run(user) {
      const { page } = user;
      await user.open('/');
      await user.count(ALL);
      await user.field().fill('very lon');
      const text = list(page).locator('.suggestion-text').first();
      await text.waitFor();
      assert.match(await text.textContent(), /^a very long file name .*_v2_final\.bin$/);
      const { cut, outside } = await text.evaluate((element) => {
        const { left, right } = element.getBoundingClientRect();
        return { cut: element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).overflow !== 'visible', outside: left < 0 || right > innerWidth };
      });
      assert.deepEqual([cut, outside], [false, false]);
      await user.checkView('suggestions-phone-dark');
    },
  },
  {
    name: 'fields and values are completed',
    async run(user) {
      const { page } = user;
      user.expect(/status of 400/);
      await user.open('/');
      await user.count(ALL);
      await user.field().click();
      await page.keyboard.type('ty');
      await options(page).filter({ hasText: 'type:' }).waitFor();
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('Enter');
      await options(page).filter({ hasText: 'type:image' }).waitFor();
      assert.equal(await user.field().inputValue(), 'type:');
      await page.getByRole('heading', { name: 'The search is not finished' }).waitFor();
      await user.checkView('completions');
      await options(page).filter({ hasText: 'type:document' }).click();
      await user.count(18);
      assert.equal(await user.field().inputValue(), 'type:document ');
      // Extensions are those of the result.
      await user.field().fill('city ext:');
      await options(page).filter({ hasText: 'ext:jpg' }).waitFor();
      assert.deepEqual((await texts(page)).toSorted(), ['ext:jpg', 'ext:png']);
      await user.field().fill('city ext:p');
      await options(page).filter({ hasText: 'ext:jpg' }).waitFor({ state: 'detached' });
      await options(page).filter({ hasText: 'ext:png' }).click();
      await user.count(1);
      // A Source is selected next to the text.
      await user.field().fill('hill source:o');
      await options(page).filter({ hasText: 'source:other' }).click();
      await user.count(1);
      assert.deepEqual([user.parameter('source'), user.parameter('q')], ['other', 'hill']);
    },
  },
  {
    name: 'an unfinished word is no mistake',
    async run(user) {
      const { page } = user;
      user.expect(/status of 400/);
      await user.open('/');
      await user.count(ALL);
      for (const text of ['size:', 'beach size:>', 'modified:2026-']) {
        await user.field().fill(text);
        await queryIs(user, text);
        await user.settled();
        assert.equal(await problem(page).isVisible(), false, text);
        assert.equal(await user.field().getAttribute('aria-invalid'), 'false', text);
      }
      await user.field().fill('modified:2026-1');
      await hint(page).getByText('a date').waitFor();
      await user.checkView('unfinished');
      // An open quotation is finished for the user.
      await user.field().fill('"beach sum');
      await queryIs(user, '"beach sum');
      await user.settled();
      assert.equal(await problem(page).isVisible(), false);
      // Enter or leaving the field finishes the text.
      await user.field().fill('size:>');
      await page.keyboard.press('Enter');
      await problem(page).waitFor();
      await user.field().fill('size:>1');
      await user.count(0);
      await problem(page).waitFor({ state: 'hidden' });
      await user.field().fill('type:');
      await queryIs(user, 'type:');
      await user.settled();
      assert.equal(await problem(page).isVisible(), false);
      await page.keyboard.press('Tab');
      await problem(page).waitFor();
      assert.equal(await user.field().getAttribute('aria-invalid'), 'true');
    },
  },
  {
    name: 'a correction is offered',
    async run(user) {
      const { page } = user;
      await user.open('/');
      await user.count(ALL);
      await user.field().fill('"sumset" ext:jpg');
      await page.getByRole('heading', { name: 'Nothing found' }).waitFor();
      const button = page.getByRole('button', { name: /^Did you mean/ });
      await button.waitFor();
      assert.equal(await button.textContent(), 'Did you mean "sunset" ext:jpg?');
      await checkWidths(user, 'did-you-mean');
      await button.click();
      await user.count(1);
      assert.equal(user.parameter('q'), '"sunset" ext:jpg');
      // Nothing is offered that finds nothing.
      await user.field().fill('"qqqqqqqqqqqq"');
      await user.count(0);
      await page.getByRole('heading', { name: 'Nothing found' }).waitFor();
      assert.equal(await button.isVisible(), false);
    },
  },
  {
    name: 'filters that are in the way are offered for removal',
    async run(user) {
      const { page } = user;
      await user.open('/?q=summer+ext:png&type=image&size=%3E%3D1gb');
      await page.getByRole('heading', { name: 'Nothing found' }).waitFor();
      await user.settled();
      // Neither of the two alone is in the way.
      assert.equal(await page.getByRole('button', { name: /^Remove (ext|Type|Size)/ }).count(), 0);
      await user.open('/?q=summer+ext:png&type=image');
      const term = page.getByRole('button', { name: 'Remove ext:png 3 assets' });
      await term.waitFor();
      assert.equal(await page.getByRole('button', { name: /^Remove Type/ }).count(), 0);
      await user.checkView('remove-filter');
      await term.click();
      await user.count(SUMMER);
      assert.equal(user.parameter('q'), 'summer');
      await user.open('/?q=summer&type=video');
      await page.getByRole('button', { name: 'Remove Type Videos 3 assets' }).click();
      await user.count(SUMMER);
      assert.equal(user.parameter('type'), null);
    },
  },
  {
    name: 'quotation marks, the folder and the Source are offered for removal',
    async run(user) {
      const { page } = user;
      const offers = [
        ['/?q=%22jpg+summer%22', 'Remove the quotation marks 3 assets', 'q', 'jpg summer'],
        ['/?q=%22summer%22&source=assets&folder=/city/', 'Remove the folder /city/ 3 assets', 'folder', null],
        ['/?q=%22summer%22&source=other', 'Remove the Source other 3 assets', 'source', null],
        ['/?q=%22summer%22&level=only', 'Remove “This folder only” 3 assets', 'level', null],
      ];
      for (const [address, name, parameter, value] of offers) {
        await user.open(address);
        await page.getByRole('heading', { name: 'Nothing found' }).waitFor();
        await page.getByRole('button', { name }).click();
        await user.count(SUMMER);
        assert.equal(user.parameter(parameter), value);
      }
    },
  },
  {
    name: 'a date range is written into the search',
    async run(user) {
      const { page } = user;
      await user.open('/?q=beach&type=image');
      await user.count(BEACH_PICTURES);
      await page.getByText('Date range').click();
      const side = page.getByRole('region', { name: 'Date' });
      await side.getByLabel('From').fill('2020-01-31');
      await queryIs(user, 'beach modified:>=2020-01-31');
      await user.count(BEACH_PICTURES);
      await side.getByLabel('To').fill('2020-02-01');
      await queryIs(user, 'beach modified:2020-01-31..2020-02-01');
      assert.equal(await user.field().inputValue(), 'beach modified:2020-01-31..2020-02-01');
      await page.getByRole('button', { name: /^Remove modified:/ }).waitFor();
      // No word is wrong, so none is corrected.
      assert.equal(await page.getByRole('button', { name: /^Did you mean/ }).count(), 0);
      await checkWidths(user, 'date-range');
      await page.setViewportSize({ width: 1440, height: 900 });
      for (const [name, term] of [['Yesterday', 'modified:yesterday'], ['Last week', 'modified:"last week"'], ['Last month', 'modified:"last month"'], ['This year', 'modified:"this year"'], ['Today', 'modified:today']]) {
        await side.getByRole('button', { name }).click();
        await queryIs(user, `beach ${term}`);
        assert.equal(await side.getByRole('button', { name }).getAttribute('aria-pressed'), 'true');
      }
      assert.equal(await side.getByLabel('From').inputValue(), '');
      await side.getByRole('button', { name: 'Any date' }).click();
      await queryIs(user, 'beach');
      await user.count(BEACH_PICTURES);
      // A date in the address is shown.
      await user.open('/?q=modified:%3C%3D2020-02-01');
      assert.equal(await side.getByLabel('To').inputValue(), '2020-02-01');
    },
  },
  {
    name: 'folder chips say that there are more',
    async run(user) {
      const { page } = user;
      await user.open('/?source=assets');
      await user.count(ALL - 1);
      const chips = page.getByRole('list', { name: 'Subfolders' }).getByRole('button');
      await chips.first().waitFor();
      assert.equal(await chips.count(), 13);
      await page.getByRole('button', { name: '+8 more' }).click();
      assert.equal(await chips.count(), FOLDERS);
      // The focus is on the first of the new ones.
      assert.ok(await chips.nth(12).evaluate((chip) => chip === document.activeElement));
      await user.checkView('folder-chips-all');
    },
  },
];
