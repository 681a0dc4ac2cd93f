// A Source in the status view: its state, the running scan, lag, drift and the last error.

import { el, fill, foreign, foreignPath, opensElsewhere } from './dom.js';
import { compact, duration, number, since, time } from './format.js';
import { address, go, state } from './state.js';
import { Chart, Rate } from './charts.js';
import { ScanProgress } from './scan-progress.js';
import { StatePill, figure, meaning, meaningOf } from './status-terms.js';

/** The state of a Source: its look, and the word for people. */
export const STATES = {
  queued: ['busy', 'Queued'],
  deployed: ['good', 'Deployed'],
  deploying: ['busy', 'Deploying'],
  degraded: ['bad', 'Degraded'],
  disabled: ['off', 'Disabled'],
};

/** The states in the order in which the status view shows them: first what needs attention. */
export const SOURCE_ORDER = Object.fromEntries(['degraded', 'queued', 'deploying', 'deployed', 'disabled'].map((state) => [state, STATES[state]]));

/** The panel of one Source. It keeps its element and updates it. */
export class SourceCard {
  #state = new StatePill();
  #location = el('p', { class: 'card-place' });
  #reasons = el('ul', { class: 'reasons' });
  #figures = el('dl', { class: 'figures small' });
  #scan = new ScanProgress();
  #speed = new Chart('Keys listed', (value) => `${compact(value)}/s`);
  #lag = new Chart('Event to searchable', duration, ['median', '99th percentile']);
  #charts = el('div', { class: 'charts' }, this.#speed.element, this.#lag.element);
  #error = el('div', { class: 'last-error' });
  #listed = new Rate();
  #isReadOnly;

  /** A server that only reads the index knows nothing about scans and events. */
  constructor({ name }, isReadOnly) {
    this.#isReadOnly = isReadOnly;
    const to = { view: 'search', source: name, folder: '/', q: '', filters: [], asset: null };
    const browse = (event) => {
      if (opensElsewhere(event)) return;
      event.preventDefault();
      go(to);
    };
    this.element = el(
      'article',
      { class: 'panel' },
      el('header', {}, el('h3', {}, el('a', { href: address({ ...state, ...to }), onclick: browse }, foreign(name))), this.#state.element),
      this.#location, this.#state.meaning, this.#reasons, this.#scan.element, this.#figures,
      !isReadOnly && this.#charts, this.#error,
    );
  }

  /** Shows a new report and adds it to the charts. */
  update(report, now) {
    this.#state.show(STATES[report.state] ?? ['off', report.state]);
    fill(this.#location, foreignPath(`${report.bucket}${report.prefix ? ` / ${report.prefix}` : ''}`));
    fill(this.#reasons, report.reasons.map((reason) => el('li', {}, foreign(reason))));
    this.#reasons.hidden = report.reasons.length === 0;
    const speed = this.#listed.next(report.scan?.listed ?? 0, now);
    this.#scan.update(report.scan, speed);
    this.#speed.push(report.scan ? speed : 0);
    this.#charts.hidden = report.state === 'disabled';
    this.#lag.element.hidden = !report.queue_url;
    this.#lag.push(report.lag?.p50_seconds, report.lag?.p99_seconds);
    fill(this.#figures, this.#isReadOnly ? readFigures(report) : figures(report));
    fill(this.#error, report.last_error && [el('strong', { title: meaningOf('Last error') }, 'Last error'), el('span', { class: 'aside', title: time(report.last_error.at) }, since(report.last_error.at)), el('p', {}, foreign(report.last_error.text)), meaning('Last error')]);
    const isKnown = report.reasons.some((reason) => reason.includes(report.last_error?.text));
    this.#error.hidden = !report.last_error || isKnown;
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
    ['Complete as of', completeText(asOf)],
    ['Events', queue ? `${number(counts.written)} written` : 'none, only scans'],
    ['Scans', `${number(counts.scans)}${counts.failed_scans ? `, ${number(counts.failed_scans)} failed` : ''}`],
    ['Drift', driftText(drift)],
  ];
  return rows.map(([name, value]) => figure(name, value));
}

/** What the index says about a Source. */
function readFigures({ assets, complete_as_of: asOf, subdomain }) {
  return [figure('Assets', number(assets)), figure('Complete as of', completeText(asOf)), figure('Subdomain', foreign(subdomain))];
}

const completeText = (asOf) => (asOf ? el('span', { title: time(asOf) }, since(asOf)) : 'no complete scan yet');
