// The status view: the report of the daemon, polled every two seconds while the view is visible.

import { byId, el, fill, foreign } from './dom.js';
import { icon } from './icons.js';
import { counted, duration, number, size } from './format.js';
import { get } from './api.js';
import { Poll } from './poll.js';
import { SourceCard } from './status-source.js';
import { QueueCard } from './status-queue.js';

/** Milliseconds from an answer to the next request. */
const POLL_INTERVAL = 2000;

/** The status view. Its charts keep their values while the user is in the other view. */
export class StatusView {
  #element = byId('status');
  #poll = new Poll(async (signal) => this.#show(await get('/status', {}, signal)), (error) => this.#fail(error), POLL_INTERVAL);
  #daemon = el('dl', { class: 'figures' });
  #notes = el('div', { class: 'notes', role: 'status' });
  #sources = new Board('Sources', ({ name }) => name, (report) => new SourceCard(report));
  #queues = new Board('Queues', ({ url }) => url, (report) => new QueueCard(report));

  constructor() {
    fill(this.#element, el('h1', {}, 'Status'), this.#notes, this.#daemon, this.#sources.element, this.#queues.element);
  }

  /** Starts polling. */
  start() {
    this.#poll.start();
  }

  /** Stops polling. */
  stop() {
    this.#poll.stop();
  }

  #show(report) {
    const { index } = report;
    const notes = [...(report.waiting_for ?? []).map((text) => note('Not ready', text))];
    if (index?.commit_failures > 0) notes.push(note('Index', `${counted(index.commit_failures, 'commit')} failed`));
    if (index?.state === 'degraded') notes.push(note('Index', `degraded: ${index.reason}`));
    if (report.refused_reloads > 0) notes.push(note('Configuration', `${counted(report.refused_reloads, 'reload')} refused`));
    fillIfChanged(this.#notes, notes);
    const sources = report.sources ?? [];
    const assets = sources.reduce((sum, source) => sum + source.assets, 0);
    fill(this.#daemon, [
      ['State', el('span', { class: 'pill', dataset: { state: report.ready ? 'good' : 'warn' } }, report.ready ? 'Ready' : 'Not ready')],
      ['Assets', number(assets)],
      ['Index', index?.bytes === null || index?.bytes === undefined ? index?.state : size(index.bytes)],
      ['Uptime', duration(report.uptime_seconds ?? 0)],
      ['Version', report.version],
    ].filter(([, value]) => value).map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, value))));
    const now = Date.now();
    this.#sources.show(sources, now);
    this.#queues.show(report.queues ?? [], now);
  }

  #fail(error) {
    const text = error.status === 404 ? 'No daemon runs here. This server only reads the index.' : error.message;
    fillIfChanged(this.#notes, [note('Status unavailable', text)]);
  }
}

const note = (title, text) => el('p', { class: 'note-line' }, icon('warning'), el('strong', {}, title), foreign(text));

/** Replaces notes only if their text changed, because screen readers read every replacement aloud. */
function fillIfChanged(element, notes) {
  const text = notes.map((entry) => entry.textContent).join('\n');
  if (element.dataset.text === text) return;
  element.dataset.text = text;
  fill(element, notes);
}

/** A list of panels. The panel of a Source or queue keeps its element as long as it is in the reports. */
class Board {
  #keyOf;
  #make;
  #cards = new Map();
  #list = el('div', { class: 'board' });
  element;

  constructor(title, keyOf, make) {
    this.#keyOf = keyOf;
    this.#make = make;
    this.element = el('section', { 'aria-label': title }, el('h2', {}, title), this.#list);
  }

  show(reports, now) {
    const keys = new Set(reports.map(this.#keyOf));
    for (const [key, card] of this.#cards) {
      if (keys.has(key)) continue;
      card.element.remove();
      this.#cards.delete(key);
    }
    for (const report of reports) {
      const key = this.#keyOf(report);
      if (!this.#cards.has(key)) {
        const card = this.#make(report);
        this.#cards.set(key, card);
        this.#list.append(card.element);
      }
      this.#cards.get(key).update(report, now);
    }
    this.element.hidden = reports.length === 0;
  }
}
