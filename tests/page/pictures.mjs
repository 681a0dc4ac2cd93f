// Pictures in the results: whole at every shape, only on the screen, small, and drawn by a template for thumbnails.
//
// The Sources `plain` and `drawn` show the same bucket. `drawn` has a template for thumbnails.

import assert from 'node:assert/strict';

import { DRAWN, LARGE, SHAPES, UNDRAWN } from './fixture.mjs';

/** Maximum number of bytes that the first view of `/large/` loads from everywhere, with thumbnails. */
const MAX_FIRST_VIEW_BYTES = 1.5e6;
/** Maximum size in bytes of an asset that is loaded as its own thumbnail. */
const MAX_ORIGINAL_BYTES = 1e6;
/** The widths of a phone, a tablet, a laptop and a large screen. */
const WIDTHS = [360, 768, 1280, 1920];

const view = (source, folder, more = '') => `/?source=${source}&folder=${encodeURIComponent(`/${folder}/`)}${more}`;

/** Records the requests for assets and thumbnails, and the bytes of all answers. */
function record(user) {
  const seen = { keys: [], bytes: 0, sizes: new Map(), waiting: [] };
  const { originals, thumbnails } = user.environment;
  user.page.on('request', (request) => {
    const [, bucket, ...key] = new URL(request.url()).pathname.split('/');
    if (bucket === originals || bucket === thumbnails) seen.keys.push(`${bucket === originals ? 'original' : 'thumbnail'} ${key.join('/')}`);
  });
  user.page.on('requestfinished', (request) => {
    seen.waiting.push(request.sizes().then(({ responseBodySize }) => {
      seen.bytes += responseBodySize;
      seen.sizes.set(request.url(), responseBodySize);
    }));
  });
  return seen;
}

/** Waits until every box on the screen has its picture or its symbol. Returns the number of boxes on the screen. */
async function drawn(user) {
  await user.until(() => {
    const isOnScreen = ({ top, bottom }) => bottom > 0 && top < innerHeight;
    const boxes = Array.from(document.querySelectorAll('#results .thumb')).filter((box) => isOnScreen(box.getBoundingClientRect()));
    return boxes.length > 0 && boxes.every((box) => box.matches('.loaded') || box.querySelector('.symbol'));
  });
  return user.page.evaluate(() => Array.from(document.querySelectorAll('#results .thumb')).filter((box) => {
    const { top, bottom } = box.getBoundingClientRect();
    return bottom > 0 && top < innerHeight;
  }).length);
}

/** For each picture of the results: its name, its box, the box around it, and its own size. */
const measured = (page) => page.locator('#results .thumb.loaded').evaluateAll((boxes) => boxes.map((box) => {
  const image = box.querySelector('img');
  const place = ({ top, left, bottom, right, width, height }) => ({ top, left, bottom, right, width, height });
  return {
    name: new URL(image.src).pathname.split('/').at(-1),
    box: place(box.getBoundingClientRect()), image: place(image.getBoundingClientRect()),
    width: image.naturalWidth, height: image.naturalHeight,
  };
}));

/** Checks that all of the picture is in its box, in its own proportions, and not larger than it is. */
function isWhole({ name, box, image, width, height }) {
  const isInside = image.top >= box.top - 0.5 && image.left >= box.left - 0.5 && image.bottom <= box.bottom + 0.5 && image.right <= box.right + 0.5;
  assert.ok(isInside, `${name} is cut: ${JSON.stringify({ box, image })}`);
  const distortion = (image.width * height) / (image.height * width);
  assert.ok(Math.abs(distortion - 1) < 0.05, `${name} is distorted: ${JSON.stringify(image)}`);
  assert.ok(image.width <= width + 0.5, `${name} is enlarged: ${JSON.stringify(image)}`);
  const isAsLargeAsPossible = image.width > box.width - 1.5 || image.height > box.height - 1.5 || image.width > width - 0.5;
  assert.ok(isAsLargeAsPossible, `${name} is smaller than its box: ${JSON.stringify({ box, image })}`);
}

export const scenarios = [
  {
    name: 'pictures of every shape are whole',
    async run(user) {
      const { page } = user;
      for (const layout of ['', '&layout=list']) {
        for (const width of WIDTHS) {
          await page.setViewportSize({ width, height: 1200 });
          await user.open(view('plain', 'shapes', layout));
          await user.count(SHAPES.length);
          await drawn(user);
          const pictures = await measured(page);
          assert.deepEqual(pictures.map(({ name }) => name).toSorted(), SHAPES);
          pictures.forEach(isWhole);
          await user.checkView(`shapes${layout ? '-list' : ''}-${width}`);
        }
      }
      await page.getByRole('link', { name: /portrait/ }).click();
      await page.locator('.preview.loaded').waitFor();
      await user.detail().locator('.verdict').waitFor();
      await user.checkView('shapes-detail');
    },
  },
  {
    name: 'transparent pictures have a checkerboard in both themes',
    async run(user) {
      const { page } = user;
      const backgrounds = [];
      for (const colorScheme of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme });
        await user.open(view('plain', 'shapes'));
        await user.count(SHAPES.length);
        await drawn(user);
        const ring = page.locator('.thumb img[src*="ring.png"]');
        backgrounds.push(await ring.evaluate((image) => getComputedStyle(image).backgroundImage));
        await user.checkView(`shapes-${colorScheme}`);
      }
      const [light, dark] = backgrounds;
      assert.match(light, /^repeating-conic-gradient/);
      assert.match(dark, /^repeating-conic-gradient/);
      assert.notEqual(light, dark);
    },
  },
  {
    name: 'without thumbnails only small pictures on the screen are loaded',
    async run(user) {
      const { page } = user;
      const seen = record(user);
      await user.open(view('plain', 'large'));
      await user.count(LARGE);
      const onScreen = await drawn(user);
      const first = seen.keys.length;
      assert.ok(first > 0 && first <= onScreen, `${first} requests for ${onScreen} boxes`);
      // The others follow when they come onto the screen.
      await user.cards().nth(onScreen + 6).scrollIntoViewIfNeeded();
      await drawn(user);
      assert.ok(seen.keys.length > first);
      await Promise.all(seen.waiting);
      const largest = Math.max(...seen.sizes.values());
      assert.ok(largest <= MAX_ORIGINAL_BYTES, `${largest} bytes`);
      assert.ok(await page.locator('.thumb .symbol').count() > 0);
    },
  },
  {
    name: 'pictures that come onto the screen late get new addresses',
    async run(user) {
      const { page } = user;
      const renewed = [];
      page.on('request', (request) => request.url().includes('/v1/asset?') && renewed.push(request.url()));
      await page.clock.install();
      await user.open(view('plain', 'large'));
      await user.count(LARGE);
      const onScreen = await drawn(user);
      assert.deepEqual(renewed, []);
      await page.clock.fastForward('15:00');
      await user.cards().nth(onScreen + 6).scrollIntoViewIfNeeded();
      await drawn(user);
      assert.ok(renewed.length > 0);
      assert.ok(await page.locator('.thumb.loaded').count() > 0);
    },
  },
  {
    name: 'with thumbnails the first view loads little',
    async run(user) {
      const seen = record(user);
      await user.open(view('drawn', 'large'));
      await user.count(LARGE);
      const onScreen = await drawn(user);
      await Promise.all(seen.waiting);
      assert.ok(seen.keys.length > 0 && seen.keys.length <= onScreen, `${seen.keys.length} requests for ${onScreen} boxes`);
      assert.ok(seen.keys.every((key) => key.startsWith('thumbnail ')), seen.keys.join());
      assert.ok(seen.bytes < MAX_FIRST_VIEW_BYTES, `${seen.bytes} bytes`);
      console.log(`        ${seen.bytes} bytes, ${seen.keys.length} of ${LARGE} thumbnails`);
    },
  },
  {
    name: 'thumbnails show what browsers cannot show',
    async run(user) {
      const { page } = user;
      // One file has no thumbnail.
      user.expect(/status of 404/);
      const seen = record(user);
      await user.open(view('drawn', 'formats'));
      await user.count(DRAWN.length + UNDRAWN.length);
      await drawn(user);
      const pictures = await measured(page);
      assert.deepEqual(pictures.map(({ name }) => name).toSorted(), DRAWN);
      assert.equal(await page.locator('.thumb .symbol').count(), UNDRAWN.length);
      assert.ok(!seen.keys.some((key) => key.includes('notes.txt') || key.startsWith('original')), seen.keys.join());
      await user.checkView('formats');
      await user.cards().filter({ hasText: 'layers.psd' }).click();
      await page.locator('.preview.loaded').waitFor();
      await page.getByRole('button', { name: 'Close' }).click();
      await user.detail().waitFor({ state: 'hidden' });
      await user.cards().filter({ hasText: 'broken.psd' }).click();
      await page.locator('.preview .symbol').waitFor();
      // Without thumbnails, none of these files is loaded.
      seen.keys.length = 0;
      await user.open(view('plain', 'formats'));
      await user.count(DRAWN.length + UNDRAWN.length);
      await drawn(user);
      // A thumbnail of the view before can still be on its way. This Source has none.
      assert.deepEqual(seen.keys.filter((key) => !key.startsWith('thumbnail ')), []);
    },
  },
];
