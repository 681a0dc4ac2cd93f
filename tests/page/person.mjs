// A person at a browser: opens the page, looks at it, and notices what should not happen.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

/** Where `npm ci` has put the packages: outside of the sources. */
const modules = resolve(process.env.ASSET_INDEXER_TEST_NODE ?? 'target/node');
const require = createRequire(join(modules, 'package.json'));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

/** Whether nothing in view fades in or out, so that colours are those that are read. */
const isStill = () => document.getAnimations().every((it) =>
  !(it instanceof CSSTransition) || !it.effect.target.checkVisibility({ contentVisibilityAuto: true }));

/** How long to wait for anything, in milliseconds; machines of tests are slow. */
const PATIENCE = 30_000;

const DESK = { viewport: { width: 1440, height: 900 } };
const PHONE = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true };

/** Starts the browser. */
export const startBrowser = () => chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  // The sandbox of the browser cannot be had by root, who runs tests in containers.
  args: process.getuid() === 0 ? ['--no-sandbox'] : [],
});

/** One visit, in a profile of its own. */
export class Person {
  #troubles = [];
  #expected = [];

  static async at(browser, world, { phone = false, dark = false } = {}) {
    const context = await browser.newContext({
      ...(phone ? PHONE : DESK),
      baseURL: world.base,
      colorScheme: dark ? 'dark' : 'light',
      locale: 'en-US',
      timezoneId: 'UTC',
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    context.setDefaultTimeout(PATIENCE);
    return new Person(await context.newPage(), world);
  }

  constructor(page, world) {
    this.page = page;
    this.world = world;
    page.on('pageerror', (error) => this.#troubles.push(`an error: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') this.#troubles.push(`the console says: ${message.text()}`);
    });
    page.on('request', (request) => {
      const { origin } = new URL(request.url());
      if (!world.origins.includes(origin)) this.#troubles.push(`a request to ${origin}`);
    });
  }

  /** Lets the console say this; a browser reports every status above 399 there. */
  expect(pattern) {
    this.#expected.push(pattern);
  }

  async open(address) {
    await this.page.goto(address);
  }

  /** Waits until the number of assets above the results is that. */
  async count(wanted) {
    const text = wanted === 1 ? '1 asset' : `${wanted.toLocaleString('en-US')} assets`;
    await this.page.locator('#count', { hasText: new RegExp(`^${text}$`) }).waitFor();
    await this.settled();
  }

  /** Waits until nothing is being searched. */
  async settled() {
    await this.page.locator('#results[aria-busy=false]').waitFor();
  }

  field() {
    return this.page.getByRole('combobox', { name: 'Search assets' });
  }

  cards() {
    return this.page.getByRole('list', { name: 'Assets' }).getByRole('link');
  }

  detail() {
    return this.page.getByRole('dialog');
  }

  tree() {
    return this.page.getByRole('tree', { name: 'Folders' });
  }

  /** Waits until this is so in the page. */
  async until(isSo, argument) {
    await this.page.waitForFunction(isSo, argument);
  }

  /** What the address bar says of a parameter. */
  parameter(name) {
    return new URL(this.page.url()).searchParams.get(name);
  }

  /** Takes a picture, and checks that everyone can use what is shown and nothing is cut off. */
  async look(name) {
    await this.until(isStill);
    await this.page.screenshot({ path: join(this.world.folder, `${name}.png`) });
    const beyond = await this.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(beyond <= 0, `${name} is ${beyond} pixels too wide`);
    await this.page.evaluate(axe);
    const { violations } = await this.page.evaluate(() => globalThis.axe.run(document));
    const told = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`);
    assert.deepEqual(told, [], name);
  }

  /** Ends the visit; nothing unexpected may have happened. */
  async leave() {
    await this.page.context().close();
    const isExpected = (trouble) => this.#expected.some((pattern) => pattern.test(trouble));
    assert.deepEqual(this.#troubles.filter((trouble) => !isExpected(trouble)), []);
  }
}
