// A queue in the status view: waiting messages, acknowledged messages, and events that were not applied.

import { el, fill, foreign } from './dom.js';
import { compact, duration, number } from './format.js';
import { Chart, Rate } from './charts.js';

const STATES = {
  receiving: ['good', 'Receiving'],
  starting: ['busy', 'Starting'],
  failing: ['bad', 'Failing'],
};

/** The panel of one queue. It keeps its element and updates it. */
export class QueueCard {
  #pill = el('span', { class: 'pill' });
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
      el('header', {}, el('h3', {}, foreign(name)), this.#pill),
      el('p', { class: 'card-place' }, foreign(url)),
      this.#reason, this.#figures, el('div', { class: 'charts' }, this.#depth.element, this.#speed.element),
    );
  }

  /** Shows a new report and adds it to the charts. */
  update({ state, reason, problems: found, wired, attributes, counts }, now) {
    const [kind, word] = STATES[state] ?? ['off', state];
    this.#pill.dataset.state = kind;
    fill(this.#pill, word);
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
    fill(this.#figures, rows.filter(([, value]) => value).map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, value))));
  }
}
