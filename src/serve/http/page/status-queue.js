// One queue in the status view: how much waits in it, how much comes, and what could not be used.

import { el, fill, foreign } from './dom.js';
import { compact, duration, number } from './format.js';
import { Chart, Rate } from './charts.js';

const STATES = {
  receiving: ['good', 'Receiving'],
  starting: ['busy', 'Starting'],
  failing: ['bad', 'Failing'],
};

/** Keeps its element, and draws into it. */
export class QueueCard {
  #pill = el('span', { class: 'pill' });
  #reason = el('p', { class: 'reasons' });
  #depth = new Chart('Messages', compact, ['waiting', 'in hand']);
  #come = new Chart('Acknowledged', (value) => `${compact(value)}/s`);
  #figures = el('dl', { class: 'figures small' });
  #acknowledged = new Rate();

  constructor({ url }) {
    const name = url.slice(url.lastIndexOf('/') + 1) || url;
    this.element = el(
      'article',
      { class: 'panel' },
      el('header', {}, el('h3', {}, foreign(name)), this.#pill),
      el('p', { class: 'card-place' }, foreign(url)),
      this.#reason, this.#figures, el('div', { class: 'charts' }, this.#depth.element, this.#come.element),
    );
  }

  /** Shows the newest report, and adds it to the charts. */
  update({ state, reason, wired, attributes, counts }, now) {
    const [kind, word] = STATES[state] ?? ['off', state];
    this.#pill.dataset.state = kind;
    fill(this.#pill, word);
    const unwired = !wired && state === 'receiving' ? 'Nothing has shown yet that S3 sends events here.' : '';
    fill(this.#reason, foreign(reason ?? unwired));
    this.#reason.hidden = !reason && !unwired;
    this.#depth.push(attributes && attributes.visible + attributes.delayed, attributes?.in_flight);
    this.#come.push(this.#acknowledged.next(counts.acknowledged, now));
    const unused = ['unreadable', 'failed', 'unrouted', 'unknown'].filter((it) => counts[it] > 0);
    const rows = [
      ['Received', number(counts.received)],
      ['Acknowledged', number(counts.acknowledged)],
      ['Not used', unused.length ? unused.map((it) => `${number(counts[it])} ${it}`).join(', ') : 'none'],
      ['Kept for', attributes && duration(attributes.retention_seconds)],
      ['Dead letters', attributes && (attributes.dead_letter ? `after ${number(attributes.dead_letter.max_receive_count)} receipts` : 'no queue for them')],
    ];
    fill(this.#figures, rows.filter(([, value]) => value).map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, value))));
  }
}
