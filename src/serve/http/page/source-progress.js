// What the daemon does with a Source: queued, deploying with its progress, deployed, or degraded with the reason.

import { announce, el, fill, foreign } from './dom.js';
import { icon } from './icons.js';
import { counted, since, time } from './format.js';
import { get } from './api.js';
import { Poll } from './poll.js';
import { addressWith } from './state.js';
import { Rate } from './charts.js';
import { ScanProgress } from './scan-progress.js';
import { STATES } from './status-source.js';
import { meaningOf } from './status-terms.js';
import { SourceButtons } from './source-buttons.js';

/** Milliseconds from an answer to the next request. */
const POLL_INTERVAL = 1000;

/** The panel above the form of an existing Source. */
export class SourceProgress {
  #poll = new Poll((signal) => this.#load(signal), (error) => this.#fail(error), POLL_INTERVAL);
  #source = null;
  #state = '';
  #pill = el('span', { class: 'pill' });
  #lead = el('p', {});
  #reasons = el('ul', { class: 'reasons' });
  #error = el('p', { class: 'last-error' });
  #advice = el('p', {}, 'Correct the fields below and test the connection. The daemon tries again by itself, and at once when you save.');
  #scan = new ScanProgress();
  #listed = new Rate();
  #browse = el('a', { class: 'button' }, icon('grid'), el('span', {}));
  #buttons;
  element = el('section', { class: 'panel', tabindex: '-1', 'aria-label': 'State of the Source', hidden: true });

  /** `onChange` is called after a change with the buttons, with `true` if the Source is removed. */
  constructor(onChange) {
    this.#buttons = new SourceButtons(onChange, (text) => this.#showError(text));
    this.element.append(el('header', {}, this.#pill, el('div', { class: 'panel-actions' }, this.#browse, this.#buttons.element)), this.#lead, this.#reasons, this.#advice, this.#scan.element, this.#error);
  }

  /** Shows the Source and starts polling. `source` is that of the API. */
  start(source) {
    const { name } = source;
    this.stop();
    this.#source = { ...source, enabled: source.status !== 'disabled', subdomain: source.values?.subdomain };
    this.#state = '';
    this.#listed = new Rate();
    this.element.hidden = false;
    this.#browse.href = addressWith({ view: 'search', source: name, folder: '/', q: '', filters: [], asset: null, name: '' });
    // A Source that the daemon does not know yet is queued.
    const known = source.status === 'deploying' ? 'queued' : source.status;
    this.#show({ state: known, reasons: [], assets: source.assets ?? 0, scan: null, last_error: null });
    this.#poll.start();
  }

  /** Stops polling and hides the panel. */
  stop() {
    this.#poll.stop();
    this.element.hidden = true;
  }

  async #load(signal) {
    const { sources = [] } = await get('/status', {}, signal);
    const report = sources.find(({ name }) => name === this.#source.name);
    if (report) this.#show(report);
  }

  #fail({ status, message }) {
    fill(this.#lead, status === 404 ? 'This server only reads the index, so it does not know what the daemon does.' : message);
  }

  #show({ state, reasons, assets, scan, last_error: lastError }) {
    const [kind, word] = STATES[state] ?? ['off', state];
    this.#pill.dataset.state = kind;
    fill(this.#pill, word);
    fill(this.#lead, meaningOf(word) ?? '');
    fill(this.#reasons, reasons.map((reason) => el('li', {}, foreign(reason))));
    this.#reasons.hidden = reasons.length === 0;
    this.#advice.hidden = state !== 'degraded';
    this.#scan.update(scan, this.#listed.next(scan?.listed ?? 0, Date.now()));
    fill(this.#browse.lastElementChild, `Browse ${counted(assets, 'asset')}`);
    this.#browse.hidden = assets === 0;
    this.#buttons.update({ ...this.#source, assets });
    fill(this.#error, lastError && [el('strong', {}, 'Last error'), el('span', { class: 'aside', title: time(lastError.at) }, since(lastError.at)), el('br'), foreign(lastError.text)]);
    this.#error.hidden = !lastError || reasons.some((reason) => reason.includes(lastError.text));
    // Say each new state once; counts change all the time.
    if (this.#state !== state) announce(`${this.#source.name}: ${word}`);
    this.#state = state;
  }

  #showError(text) {
    this.#error.hidden = false;
    fill(this.#error, foreign(text));
  }
}
