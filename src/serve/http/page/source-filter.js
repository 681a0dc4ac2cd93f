// A field that filters a list of Sources or queues by name.

import { el } from './dom.js';

/** Number of entries from which on a list gets a filter. */
const FILTERED_FROM = 10;

/** The field. It is hidden while the list is short. */
export class SourceFilter {
  #input;
  element;

  /** `id` is that of the input, `label` says what it does, and `onChange` is called when the wanted text changes. */
  constructor(id, label, onChange) {
    this.#input = el('input', { type: 'search', id, class: 'source-filter', placeholder: label, autocomplete: 'off', spellcheck: 'false', oninput: onChange });
    this.element = el('div', { hidden: true }, el('label', { class: 'hidden', for: id }, label), this.#input);
  }

  /** Shows the field if there are many entries. */
  offer(count) {
    this.element.hidden = count < FILTERED_FROM && !this.#input.value;
  }

  /** Whether the name contains the wanted text. */
  admits(name) {
    return name.toLowerCase().includes(this.#input.value.trim().toLowerCase());
  }
}
