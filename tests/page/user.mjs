// A user with a browser: opens the page, checks what it shows, and records unexpected errors and requests.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

/** The folder into which `npm ci` has installed the packages; it is outside the source tree. */
const modules = resolve(process.env.ASSET_INDEXER_TEST_NODE ?? 'target/node');
const require = createRequire(join(modules, 'package.json'));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

/** Whether no visible element is in a transition, so that colors are final. */
const isStill = () => document.getAnimations().every((animation) =>
  !(animation instanceof CSSTransition) || !animation.effect.target.checkVisibility({ contentVisibilityAuto: true }));

/** Milliseconds to wait for anything. It is long because test machines are slow. */
const TIMEOUT = 30_000;

const DESK = { viewport: { width: 1440, height: 900 } };
const PHONE = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true };

/** Starts the browser. */
export const startBrowser = () => chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  // Root cannot use the sandbox of the browser, and tests in containers run as root.
  args: process.getuid() === 0 ? ['--no-sandbox'] : [],
});

/** A user with a new browser profile. */
export class User {
  #problems = [];
  #expected = [];

  static async start(browser, environment, { phone = false, dark = false } = {}) {
    const context = await browser.newContext({
      ...(phone ? PHONE : DESK),
      baseURL: environment.base,
      colorScheme: dark ? 'dark' : 'light',
      locale: 'en-US',
      timezoneId: 'UTC',
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    context.setDefaultTimeout(TIMEOUT);
    return new User(await context.newPage(), environment);
  }

  constructor(page, environment) {
    this.page = page;
    this.environment = environment;
    page.on('pageerror', (error) => this.#problems.push(`an error: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') this.#problems.push(`the console says: ${message.text()}`);
    });
    page.on('request', (request) => {
      const { origin } = new URL(request.url());
      if (!environment.origins.includes(origin)) this.#problems.push(`a request to ${origin}`);
    });
  }

  /** Accepts a problem that matches the pattern. Browsers report every status above 399 on the console. */
  expect(pattern) {
    this.#expected.push(pattern);
  }

  async open(address) {
    await this.page.goto(address);
  }

  /** Waits until the page shows this number of assets above the results. */
  async count(expected) {
    const text = expected === 1 ? '1 asset' : `${expected.toLocaleString('en-US')} assets`;
    await this.page.locator('#count', { hasText: new RegExp(`^${text}$`) }).waitFor();
    await this.settled();
  }

  /** Waits until no search is running. */
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

  /** Waits until a condition is true in the page. */
  async until(condition, argument) {
    await this.page.waitForFunction(condition, argument);
  }

  /** A parameter in the address bar. */
  parameter(name) {
    return new URL(this.page.url()).searchParams.get(name);
  }

  /** Takes a screenshot, and checks that the page is accessible and not wider than the screen. */
  async checkView(name) {
    await this.until(isStill);
    await this.page.screenshot({ path: join(this.environment.folder, `${name}.png`) });
    const excess = await this.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(excess <= 0, `${name} is ${excess} pixels too wide`);
    await this.page.evaluate(axe);
    const { violations } = await this.page.evaluate(() => globalThis.axe.run(document));
    const findings = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`);
    assert.deepEqual(findings, [], name);
  }

  /** Closes the browser window, and checks that there were no unexpected problems. */
  async close() {
    await this.page.context().close();
    const isExpected = (problem) => this.#expected.some((pattern) => pattern.test(problem));
    assert.deepEqual(this.#problems.filter((problem) => !isExpected(problem)), []);
  }
}
