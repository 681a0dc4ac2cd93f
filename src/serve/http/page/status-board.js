// A list of panels in the status view: those with problems first, filtered by name or state, and few at once.

import { el, fill } from './dom.js';
import { number } from './format.js';
import { SourceFilter } from './source-filter.js';

/** Number of panels that are shown at first, and that the button adds. */
const PAGE = 12;

/** Numbers in names are in their order: `photos-9` comes before `photos-10`. */
const order = new Intl.Collator(undefined, { numeric: true });

/** A list of panels. The panel of a Source or queue keeps its element while it is shown. */
export class Board {
  #keyOf;
  #states;
  #make;
  #cards = new Map();
  #reports = [];
  #now = 0;
  #limit = PAGE;
  /** The state that the user wants to see; `null` for all. */
  #state = null;
  #filter;
  #choices = el('div', { class: 'state-choices', role: 'group' });
  #list = el('div', { class: 'board' });
  #more = el('button', { class: 'button', type: 'button', hidden: true, onclick: () => this.#showMore() });
  element;

  /**
   * `keyOf` gets the name of a report, `make` creates its panel, and `states` are the states with their look and word,
   * in the order in which they are shown.
   */
  constructor(title, { id, keyOf, states, make }) {
    [this.#keyOf, this.#states, this.#make] = [keyOf, states, make];
    this.#filter = new SourceFilter(`${id}-filter`, `Filter ${title} by name`, () => this.#restart());
    this.#choices.setAttribute('aria-label', `State of the ${title}`);
    const head = el('div', { class: 'board-head' }, el('h2', {}, title), this.#choices, this.#filter.element);
    this.element = el('section', { 'aria-label': title }, head, this.#list, el('div', { class: 'board-foot' }, this.#more));
  }

  /** Shows new reports. */
  show(reports, now) {
    const states = Object.keys(this.#states);
    const rank = ({ state }) => (states.includes(state) ? states.indexOf(state) : states.length);
    this.#reports = reports.toSorted((a, b) => rank(a) - rank(b) || order.compare(this.#keyOf(a), this.#keyOf(b)));
    this.#now = now;
    this.element.hidden = reports.length === 0;
    this.#filter.offer(reports.length);
    this.#showChoices();
    this.#draw();
  }

  #restart() {
    this.#limit = PAGE;
    this.#showChoices();
    this.#draw();
  }

  #showMore() {
    const first = this.#limit;
    this.#limit += PAGE;
    this.#draw();
    // The button may be gone now, so the focus moves to the first panel that it has added.
    this.#list.children[first]?.querySelector('a')?.focus();
  }

  /** A button for each state that occurs, with its count. */
  #showChoices() {
    const counts = new Map();
    for (const { state } of this.#reports) counts.set(state, (counts.get(state) ?? 0) + 1);
    if (!counts.has(this.#state)) this.#state = null;
    const states = Array.from(counts.keys());
    this.#choices.hidden = states.length < 2;
    const text = JSON.stringify([...counts, this.#state]);
    if (this.#choices.dataset.text === text) return;
    this.#choices.dataset.text = text;
    const focused = document.activeElement?.dataset?.choice;
    fill(this.#choices, states.map((state) => el(
      'button',
      { class: 'button', type: 'button', dataset: { choice: state }, 'aria-pressed': String(state === this.#state), onclick: () => this.#choose(state) },
      this.#states[state]?.[1] ?? state, ' ', el('span', { class: 'facet-count' }, number(counts.get(state))),
    )));
    if (focused) this.#choices.querySelector(`[data-choice="${CSS.escape(focused)}"]`)?.focus();
  }

  #choose(state) {
    this.#state = this.#state === state ? null : state;
    this.#restart();
  }

  #draw() {
    const wanted = this.#reports.filter((report) => (this.#state ?? report.state) === report.state && this.#filter.admits(this.#keyOf(report)));
    const shown = wanted.slice(0, this.#limit);
    const keys = new Set(shown.map(this.#keyOf));
    for (const [key, card] of this.#cards) {
      if (keys.has(key)) continue;
      card.element.remove();
      this.#cards.delete(key);
    }
    shown.forEach((report, at) => this.#place(report, at));
    const rest = wanted.length - shown.length;
    this.#more.hidden = rest === 0;
    this.#more.textContent = `Show ${number(Math.min(rest, PAGE))} more of ${number(rest)}`;
  }

  /** Updates the panel of a report, and moves it to its place. */
  #place(report, at) {
    const key = this.#keyOf(report);
    let card = this.#cards.get(key);
    if (!card) {
      card = this.#make(report);
      this.#cards.set(key, card);
    }
    if (this.#list.children[at] !== card.element) {
      const focused = card.element.contains(document.activeElement) && document.activeElement;
      this.#list.insertBefore(card.element, this.#list.children[at] ?? null);
      if (focused) focused.focus();
    }
    card.update(report, this.#now);
  }
}
