// A Source in the list of Sources: what is known about it, and the buttons to change it.

import { el, fill, foreign, foreignPath, opensElsewhere, set, visible } from './dom.js';
import { icon } from './icons.js';
import { duration, number, since, time } from './format.js';
import { go, state, address } from './state.js';
import { refusal } from './session.js';
import { STATES, driftText } from './status-source.js';
import { SourceButtons } from './source-buttons.js';

/** The row of one Source. It keeps its element and updates it. */
export class SourceRow {
  #name;
  #source = null;
  #pill = el('span', { class: 'pill' });
  #tag = el('span', { class: 'tag', hidden: true }, icon('lock'), 'managed by file');
  #place = el('p', { class: 'card-place' });
  #cells = Object.fromEntries(['Assets', 'Last event', 'Lag', 'Drift'].map((name) => [name, cell(name)]));
  #problem = el('p', { class: 'row-problem', hidden: true });
  #edit = el('button', { class: 'button square', type: 'button', onclick: () => this.#open() });
  #buttons;
  /** The texts that are shown, so that only changes touch the document. */
  #shown = '';

  /** `onChange` is called after the user has changed the Source. */
  constructor(name, onChange) {
    this.#name = name;
    this.#buttons = new SourceButtons(onChange, (text) => this.#showError(text));
    const follow = (event) => {
      if (opensElsewhere(event)) return;
      event.preventDefault();
      this.#open();
    };
    const link = el('a', { href: address({ ...state, view: 'source', name, asset: null }), onclick: follow }, foreign(name));
    this.element = el(
      'tr',
      { role: 'row' },
      el('th', { role: 'rowheader', scope: 'row', class: 'col-source' }, link, this.#tag, this.#place, this.#problem),
      cell('State', this.#pill),
      Object.values(this.#cells),
      cell('Actions', el('div', { class: 'row-buttons' }, this.#edit, this.#buttons.element)),
    );
  }

  #open() {
    go({ view: 'source', name: this.#name, asset: null });
  }

  /** Shows a mistake until the next report. */
  #showError(text) {
    this.#problem.hidden = false;
    fill(this.#problem, foreign(text));
    this.#shown = '';
  }

  /** Shows new data. `report` is the status of the daemon; `null` if it has none yet. */
  update(source, report) {
    this.#source = { ...source, subdomain: source.subdomain ?? report?.subdomain };
    const text = JSON.stringify([source, report && { ...report, scan: null }, Math.floor(Date.now() / 10_000)]);
    if (text === this.#shown) return;
    this.#shown = text;
    const [kind, word] = STATES[stateOf(source, report)] ?? ['off', source.status];
    this.#pill.dataset.state = kind;
    fill(this.#pill, word);
    this.#tag.hidden = source.is_managed !== false;
    fill(this.#place, foreignPath(`${source.bucket}${source.prefix ? ` / ${source.prefix}` : ''}`));
    const assets = source.enabled ? (report?.assets ?? source.assets) : null;
    const values = {
      Assets: assets === null || assets === undefined ? '–' : number(assets),
      'Last event': lastEvent(report),
      Lag: report?.lag ? el('span', { title: `99th percentile ${duration(report.lag.p99_seconds)}` }, duration(report.lag.p50_seconds)) : '–',
      Drift: report ? driftText(report.drift) : '–',
    };
    for (const [name, value] of Object.entries(values)) fill(this.#cells[name].lastElementChild, value);
    const problem = report?.reasons[0] ?? report?.last_error?.text ?? '';
    this.#problem.hidden = !problem;
    set(this.#problem, { title: report?.last_error ? time(report.last_error.at) : null });
    fill(this.#problem, report?.reasons.length ? null : el('strong', {}, 'Last error: '), foreign(problem));
    this.showRights();
  }

  /** Offers the actions that the user may take. */
  showRights() {
    if (!this.#source) return;
    const mayChange = refusal(this.#source) === null;
    const title = mayChange ? 'Edit' : 'Show';
    set(this.#edit, { title, 'aria-label': `${title} ${visible(this.#name)}` });
    fill(this.#edit, icon(mayChange ? 'edit' : 'right'));
    this.#buttons.update(this.#source);
  }
}

function cell(name, ...children) {
  return el('td', { role: 'cell', dataset: { column: name }, class: `col-${name.toLowerCase().replace(' ', '-')}` }, el('span', { class: 'cell-name', 'aria-hidden': 'true' }, name), el('span', { class: 'cell-value' }, children));
}

/** A Source that the daemon does not know yet is queued. */
function stateOf({ enabled, status, is_managed: isManaged }, report) {
  if (report) return report.state;
  return isManaged && enabled && status === 'deploying' ? 'queued' : status;
}

function lastEvent(report) {
  if (!report) return '–';
  if (!report.queue_url) return 'none, only scans';
  return report.last_event_at ? el('span', { title: time(report.last_event_at) }, since(report.last_event_at)) : 'none yet';
}
