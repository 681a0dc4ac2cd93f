// The status view: what the daemon says of itself, asked every two seconds while one looks.

import { byId, el, fill, foreign } from './dom.js';
import { icon } from './icons.js';
import { counted, duration, number, size } from './format.js';
import { get, isAborted } from './api.js';
import { SourceCard } from './status-source.js';
import { QueueCard } from './status-queue.js';

/** From one answer to the next question, in milliseconds. */
const EVERY = 2000;

/** The view; its charts go on where they were when one comes back within the same visit. */
export class StatusView {
  #place = byId('status');
  #asking = null;
  #timer = 0;
  #daemon = el('dl', { class: 'figures' });
  #notes = el('div', { class: 'notes', role: 'status' });
  #sources = new Board('Sources', ({ name }) => name, (report) => new SourceCard(report));
  #queues = new Board('Queues', ({ url }) => url, (report) => new QueueCard(report));

  constructor() {
    fill(this.#place, el('h1', {}, 'Status'), this.#notes, this.#daemon, this.#sources.element, this.#queues.element);
    document.addEventListener('visibilitychange', () => {
      if (this.#asking) this.#poll();
    });
  }

  /** Begins to ask. */
  start() {
    if (this.#asking) return;
    this.#asking = new AbortController();
    this.#poll();
  }

  /** Asks no more. */
  stop() {
    this.#asking?.abort();
    this.#asking = null;
    clearTimeout(this.#timer);
  }

  async #poll() {
    clearTimeout(this.#timer);
    const asking = this.#asking;
    if (!document.hidden) {
      try {
        this.#show(await get('/status', {}, asking.signal));
      } catch (error) {
        if (isAborted(error)) return;
        this.#fail(error);
      }
    }
    if (asking !== this.#asking) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#poll(), EVERY);
  }

  #show(report) {
    const { index } = report;
    const notes = [...(report.waiting_for ?? []).map((text) => note('Not ready', text))];
    if (index?.commit_failures > 0) notes.push(note('Index', `${counted(index.commit_failures, 'commit')} failed`));
    if (report.refused_reloads > 0) notes.push(note('Configuration', `${counted(report.refused_reloads, 'reload')} refused`));
    same(this.#notes, notes);
    const sources = report.sources ?? [];
    const assets = sources.reduce((sum, source) => sum + source.assets, 0);
    fill(this.#daemon, [
      ['State', el('span', { class: 'pill', dataset: { state: report.ready ? 'good' : 'warn' } }, report.ready ? 'Ready' : 'Not ready')],
      ['Assets', number(assets)],
      ['Index', index?.bytes === null || index?.bytes === undefined ? index?.state : size(index.bytes)],
      ['Up', duration(report.uptime_seconds ?? 0)],
      ['Version', report.version],
    ].filter(([, value]) => value).map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, value))));
    const now = Date.now();
    this.#sources.show(sources, now);
    this.#queues.show(report.queues ?? [], now);
  }

  #fail(error) {
    const text = error.status === 404 ? 'No daemon runs here: this server only reads the index.' : error.message;
    same(this.#notes, [note('No status', text)]);
  }
}

const note = (title, text) => el('p', { class: 'note-line' }, icon('warning'), el('strong', {}, title), foreign(text));

/** What is read aloud is put in anew only where it says something new. */
function same(place, notes) {
  const text = notes.map((it) => it.textContent).join('\n');
  if (place.dataset.text === text) return;
  place.dataset.text = text;
  fill(place, notes);
}

/** Cards by what they are of: each stays the same element as long as it is reported. */
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
