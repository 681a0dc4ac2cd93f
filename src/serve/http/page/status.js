// The status view: the report of the daemon, polled every two seconds while the view is visible.

import { byId, el, fill, foreign, foreignPath } from './dom.js';
import { icon } from './icons.js';
import { counted, duration, number, size } from './format.js';
import { get } from './api.js';
import { Poll } from './poll.js';
import { Board } from './status-board.js';
import { SOURCE_ORDER, SourceCard } from './status-source.js';
import { QUEUE_STATES, QueueCard } from './status-queue.js';
import { figure, meaningsButton } from './status-terms.js';

/** Milliseconds from an answer to the next request. */
const POLL_INTERVAL = 2000;

/** The status view. Its charts keep their values while the user is in the other view. */
export class StatusView {
  #element = byId('status');
  #poll = new Poll(async (signal) => this.#show(await get('/status', {}, signal)), (error) => this.#fail(error), POLL_INTERVAL);
  #daemon = el('dl', { class: 'figures' });
  #notes = el('div', { class: 'notes', role: 'status' });
  #isReadOnly = false;
  #sources = new Board('Sources', { id: 'status-sources', keyOf: ({ name }) => name, states: SOURCE_ORDER, make: (report) => new SourceCard(report, this.#isReadOnly) });
  #queues = new Board('Queues', { id: 'status-queues', keyOf: ({ url }) => url, states: QUEUE_STATES, make: (report) => new QueueCard(report) });

  constructor() {
    fill(this.#element, el('div', { class: 'board-head' }, el('h1', {}, 'Status'), meaningsButton()), this.#notes, this.#daemon, this.#sources.element, this.#queues.element);
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
    this.#isReadOnly = report.read_only === true;
    const notes = [...(report.waiting_for ?? []).map((text) => note('Not ready', text))];
    if (index?.commit_failures > 0) notes.push(note('Index', `${counted(index.commit_failures, 'commit')} failed`));
    if (index?.state === 'degraded') notes.push(note('Index', `degraded: ${index.reason}`));
    if (report.refused_reloads > 0) notes.push(note('Configuration', `${counted(report.refused_reloads, 'reload')} refused`));
    if (this.#isReadOnly) notes.push(note('Read-only', 'This server only reads the index. Another process writes it, and knows about its scans, queues and events.', 'info'));
    fillIfChanged(this.#notes, notes);
    const sources = report.sources ?? [];
    const assets = sources.reduce((sum, source) => sum + source.assets, 0);
    fill(this.#daemon, [
      ['State', el('span', { class: 'pill', dataset: { state: report.ready ? 'good' : 'warn' } }, report.ready ? 'Ready' : 'Not ready')],
      ['Assets', number(assets)],
      ['Index', index?.bytes === null || index?.bytes === undefined ? index?.state : size(index.bytes)],
      ['Folder', this.#isReadOnly && index?.data_dir && foreignPath(index.data_dir)],
      ['Uptime', duration(report.uptime_seconds ?? 0)],
      ['Version', report.version],
    ].filter(([, value]) => value).map(([name, value]) => figure(name, value)));
    const now = Date.now();
    this.#sources.show(sources, now);
    this.#queues.show(report.queues ?? [], now);
  }

  #fail(error) {
    fillIfChanged(this.#notes, [note('Status unavailable', error.message)]);
  }
}

const note = (title, text, kind = 'warning') => el('p', { class: `note-line ${kind}` }, icon(kind === 'info' ? 'help' : 'warning'), el('strong', {}, title), foreign(text));

/** Replaces notes only if their text changed, because screen readers read every replacement aloud. */
function fillIfChanged(element, notes) {
  const text = notes.map((entry) => entry.textContent).join('\n');
  if (element.dataset.text === text) return;
  element.dataset.text = text;
  fill(element, notes);
}
