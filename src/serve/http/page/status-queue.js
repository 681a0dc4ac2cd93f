// A queue in the status view: waiting messages, acknowledged messages, and events that were not applied.

import { el, fill, foreign, foreignPath } from './dom.js';
import { compact, duration, number } from './format.js';
import { Chart, Rate } from './charts.js';
import { StatePill, figure } from './status-terms.js';

/** The state of a queue: its look, and the word for people. First what needs attention. */
export const QUEUE_STATES = {
  failing: ['bad', 'Failing'],
  starting: ['busy', 'Starting'],
  receiving: ['good', 'Receiving'],
};

/** The panel of one queue. It keeps its element and updates it. */
export class QueueCard {
  #state = new StatePill();
  #reason = el('p', { class: 'reasons' });
  #depth = new Chart('Messages', compact, ['waiting', 'in flight']);
  #speed = new Chart('Acknowledged', (value) => `${compact(value)}/s`);
  #figures = el('dl', { class: 'figures small' });
  #acknowledged = new Rate();

  constructor({ url }) {
    const name = url.slice(url.lastIndexOf('/') + 1) || url;
    this.element = el(
      'article',
      { class: 'panel' },
      el('header', {}, el('h3', {}, foreign(name)), this.#state.element),
      el('p', { class: 'card-place' }, foreignPath(url)),
      this.#state.meaning, this.#reason, this.#figures, el('div', { class: 'charts' }, this.#depth.element, this.#speed.element),
    );
  }

  /** Shows a new report and adds it to the charts. */
  update({ state, reason, problems: found, wired, attributes, counts }, now) {
    this.#state.show(QUEUE_STATES[state] ?? ['off', state]);
    const unwired = !wired && state === 'receiving' ? 'There is no evidence yet that S3 sends events to this queue.' : '';
    const texts = [reason ?? unwired, ...found.map(({ text }) => text)].filter(Boolean);
    fill(this.#reason, foreign(texts.join(' ')));
    this.#reason.hidden = !texts.length;
    this.#depth.push(attributes && attributes.visible + attributes.delayed, attributes?.in_flight);
    this.#speed.push(this.#acknowledged.next(counts.acknowledged, now));
    const problems = ['unreadable', 'failed', 'unrouted', 'unknown'].filter((name) => counts[name] > 0);
    const rows = [
      ['Received', number(counts.received)],
      ['Acknowledged', number(counts.acknowledged)],
      ['Not applied', problems.length ? problems.map((name) => `${number(counts[name])} ${name}`).join(', ') : 'none'],
      ['Retention', attributes && duration(attributes.retention_seconds)],
      ['Dead-letter queue', attributes && (attributes.dead_letter ? `after ${number(attributes.dead_letter.max_receive_count)} receives` : 'none')],
    ];
    fill(this.#figures, rows.filter(([, value]) => value).map(([name, value]) => figure(name, value)));
  }
}
