// A Source in the status view: its state, the running scan, lag, drift and the last error.

import { el, fill, foreign, opensElsewhere } from './dom.js';
import { compact, duration, number, since, time } from './format.js';
import { address, go, state } from './state.js';
import { Chart, Rate } from './charts.js';
import { ScanProgress } from './scan-progress.js';

/** The state of a Source: its look, and the word for people. */
export const STATES = {
  queued: ['busy', 'Queued'],
  deployed: ['good', 'Deployed'],
  deploying: ['busy', 'Deploying'],
  degraded: ['bad', 'Degraded'],
  disabled: ['off', 'Disabled'],
};

/** The panel of one Source. It keeps its element and updates it. */
export class SourceCard {
  #pill = el('span', { class: 'pill' });
  #location = el('p', { class: 'card-place' });
  #reasons = el('ul', { class: 'reasons' });
  #figures = el('dl', { class: 'figures small' });
  #scan = new ScanProgress();
  #speed = new Chart('Keys listed', (value) => `${compact(value)}/s`);
  #lag = new Chart('Event to searchable', duration, ['median', '99th percentile']);
  #error = el('div', { class: 'last-error' });
  #listed = new Rate();

  constructor({ name }) {
    const to = { view: 'search', source: name, folder: '/', q: '', filters: [], asset: null };
    const browse = (event) => {
      if (opensElsewhere(event)) return;
      event.preventDefault();
      go(to);
    };
    this.element = el(
      'article',
      { class: 'panel' },
      el('header', {}, el('h3', {}, el('a', { href: address({ ...state, ...to }), onclick: browse }, foreign(name))), this.#pill),
      this.#location, this.#reasons, this.#scan.element, this.#figures,
      el('div', { class: 'charts' }, this.#speed.element, this.#lag.element), this.#error,
    );
  }

  /** Shows a new report and adds it to the charts. */
  update(report, now) {
    const [kind, word] = STATES[report.state] ?? ['off', report.state];
    this.#pill.dataset.state = kind;
    fill(this.#pill, word);
    fill(this.#location, foreign(`${report.bucket}${report.prefix ? ` / ${report.prefix}` : ''}`));
    fill(this.#reasons, report.reasons.map((reason) => el('li', {}, foreign(reason))));
    this.#reasons.hidden = report.reasons.length === 0;
    const speed = this.#listed.next(report.scan?.listed ?? 0, now);
    this.#scan.update(report.scan, speed);
    this.#speed.push(report.scan ? speed : 0);
    this.#lag.element.hidden = !report.queue_url;
    this.#lag.push(report.lag?.p50_seconds, report.lag?.p99_seconds);
    fill(this.#figures, figures(report));
    fill(this.#error, report.last_error && [el('strong', {}, 'Last error'), el('span', { class: 'aside', title: time(report.last_error.at) }, since(report.last_error.at)), el('p', {}, foreign(report.last_error.text))]);
    this.#error.hidden = !report.last_error;
  }
}

/** The differences that the last measuring scan repaired. */
export function driftText(drift) {
  if (!drift) return 'not measured';
  const { missing, stale, left_over: leftOver } = drift;
  return missing + stale + leftOver === 0 ? 'none' : `${number(missing)} missing, ${number(stale)} stale, ${number(leftOver)} left over`;
}

function figures({ assets, complete_as_of: asOf, drift, counts, queue_url: queue }) {
  const rows = [
    ['Assets', number(assets)],
    ['Complete as of', asOf ? el('span', { title: time(asOf) }, since(asOf)) : 'no complete scan yet'],
    ['Events', queue ? `${number(counts.written)} written` : 'none, only scans'],
    ['Scans', `${number(counts.scans)}${counts.failed_scans ? `, ${number(counts.failed_scans)} failed` : ''}`],
    ['Drift', driftText(drift)],
  ];
  return rows.map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, value)));
}
