// The list of all Sources: state, assets, last event, lag, drift, last error, and what can be done with each.

import { byId, el, fill, opensElsewhere } from './dom.js';
import { icon } from './icons.js';
import { counted } from './format.js';
import { get } from './api.js';
import { Poll } from './poll.js';
import { addressWith, go } from './state.js';
import { refusal, session, signIn, watchSession } from './session.js';
import { SourceRow } from './source-row.js';

/** Milliseconds from an answer to the next request. */
const POLL_INTERVAL = 2000;

const COLUMNS = ['Source', 'State', 'Assets', 'Last event', 'Lag', 'Drift', 'Actions'];

/** The view. The row of a Source keeps its element as long as the Source exists. */
export class SourcesList {
  #element = byId('sources');
  #rows = new Map();
  #poll = new Poll((signal) => this.#load(signal), (error) => this.#fail(error), POLL_INTERVAL);
  #note = el('div', { class: 'refused', hidden: true });
  #problem = el('p', { class: 'problem', role: 'alert', hidden: true });
  #count = el('p', { class: 'count', role: 'status' });
  #filter = el('input', { type: 'search', id: 'source-filter', placeholder: 'Filter by name', autocomplete: 'off', spellcheck: 'false', oninput: () => this.#applyFilter() });
  #body = el('tbody', { role: 'rowgroup' });
  #table = el(
    'table',
    { class: 'sources', role: 'table', 'aria-label': 'Sources' },
    el('thead', { role: 'rowgroup' }, el('tr', { role: 'row' }, COLUMNS.map((name) => el('th', { role: 'columnheader', scope: 'col' }, name)))),
    this.#body,
  );
  #new = el('a', { class: 'button strong', href: '/?view=source' }, icon('plus'), 'New Source');
  #empty = el('div', { class: 'empty', hidden: true });

  constructor() {
    this.#new.addEventListener('click', (event) => {
      if (opensElsewhere(event)) return;
      event.preventDefault();
      go({ view: 'source', name: '', asset: null });
    });
    fill(
      this.#element,
      el('div', { class: 'sources-head' }, el('h1', {}, 'Sources'), this.#count, el('label', { class: 'hidden', for: 'source-filter' }, 'Filter by name'), this.#filter, this.#new),
      this.#note, this.#problem, this.#table, this.#empty,
    );
    watchSession(() => this.#showRights());
  }

  /** Starts polling. */
  start() {
    this.#showRights();
    this.#poll.start();
  }

  /** Stops polling. */
  stop() {
    this.#poll.stop();
  }

  #showRights() {
    const refused = refusal(null);
    const isLimited = session.may_manage && !session.may_create;
    this.#new.hidden = refused !== null && !refused.canSignIn;
    this.#note.hidden = refused === null || isLimited;
    if (refused) fill(this.#note, icon('lock'), el('span', {}, refused.text), refused.canSignIn && el('button', { class: 'button', type: 'button', onclick: signIn }, 'Sign in'));
    for (const row of this.#rows.values()) row.showRights();
  }

  async #load(signal) {
    const [{ data }, reports] = await Promise.all([get('/v1/sources', {}, signal), this.#reports(signal)]);
    this.#show(data, reports);
    this.#problem.hidden = true;
  }

  #fail({ message }) {
    this.#problem.hidden = false;
    fill(this.#problem, message);
  }

  /** The reports by name. A server that only reads the index has none. */
  async #reports(signal) {
    try {
      const { sources = [], read_only: isReadOnly } = await get('/status', {}, signal);
      if (isReadOnly) return new Map();
      return new Map(sources.map((report) => [report.name, report]));
    } catch (error) {
      if (error.status === 404) return new Map();
      throw error;
    }
  }

  #show(sources, reports) {
    const names = new Set(sources.map(({ name }) => name));
    for (const [name, row] of this.#rows) {
      if (names.has(name)) continue;
      row.element.remove();
      this.#rows.delete(name);
    }
    sources.toSorted((a, b) => a.name.localeCompare(b.name)).forEach((source, at) => {
      let row = this.#rows.get(source.name);
      if (!row) {
        row = new SourceRow(source.name, () => this.#poll.now());
        this.#rows.set(source.name, row);
      }
      if (this.#body.children[at] !== row.element) this.#body.insertBefore(row.element, this.#body.children[at] ?? null);
      row.update(source, reports.get(source.name) ?? null);
    });
    this.#applyFilter();
  }

  #applyFilter() {
    const wanted = this.#filter.value.trim().toLowerCase();
    let shown = 0;
    for (const [name, { element }] of this.#rows) {
      element.hidden = !name.toLowerCase().includes(wanted);
      if (!element.hidden) shown += 1;
    }
    const all = this.#rows.size;
    const text = shown === all ? counted(all, 'Source') : `${shown} of ${counted(all, 'Source')}`;
    if (this.#count.textContent !== text) this.#count.textContent = text;
    this.#table.hidden = shown === 0;
    this.#empty.hidden = shown > 0;
    const [title, lead] = all === 0 ? ['No Sources yet', 'A Source is a bucket, or a folder in one, whose files appear here.'] : ['No such Source', 'No name contains this text.'];
    if (shown === 0) fill(this.#empty, icon('source'), el('h2', {}, title), el('p', {}, lead), all === 0 && refusal(null) === null && el('div', { class: 'actions' }, el('a', { class: 'button strong', href: addressWith({ view: 'source', name: '' }) }, icon('plus'), 'Set up the first Source')));
  }
}
