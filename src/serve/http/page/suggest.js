// Suggestions below the search field: assets to open and folders to go to.

import { el, fill, foreign, set } from './dom.js';
import { icon } from './icons.js';
import { get, isAborted } from './api.js';
import { go, state } from './state.js';
import { isAddress, lastWord } from './query.js';

/** Milliseconds without typing before suggestions are requested. */
const PAUSE = 120;
/** Maximum number of suggestions. */
const LIMIT = 8;

/** A listbox for a combobox: the focus stays in the field, and the arrow keys select. */
export class Suggestions {
  #input;
  #list;
  #found = [];
  #active = -1;
  #timer = 0;
  #controller = new AbortController();

  constructor(input, list) {
    this.#input = input;
    this.#list = list;
    input.addEventListener('keydown', (event) => this.#onKey(event));
    input.addEventListener('blur', () => this.close());
    // Without this, a press moves the focus away from the field, which closes the list before the click.
    list.addEventListener('pointerdown', (event) => event.preventDefault());
  }

  /** Requests suggestions for the last word after a pause. */
  ask() {
    clearTimeout(this.#timer);
    this.#controller.abort();
    this.#timer = setTimeout(() => this.#load(), PAUSE);
  }

  /** Hides the list and drops a pending request. */
  close() {
    clearTimeout(this.#timer);
    this.#controller.abort();
    this.#show([]);
  }

  async #load() {
    const q = isAddress(this.#input.value) ? '' : lastWord(this.#input.value);
    if (!q) return this.#show([]);
    this.#controller = new AbortController();
    try {
      const { data } = await get('/v1/suggest', { q, source: state.source, limit: LIMIT }, this.#controller.signal);
      this.#show(data.slice(0, LIMIT));
    } catch (error) {
      // Show no error: the search itself reports what is wrong.
      if (!isAborted(error)) this.#show([]);
    }
    return undefined;
  }

  #show(found) {
    this.#found = found;
    this.#list.hidden = found.length === 0;
    set(this.#input, { 'aria-expanded': String(found.length > 0) });
    fill(this.#list, found.map((suggestion, at) => this.#option(suggestion, at)));
    this.#activate(-1);
  }

  #option(suggestion, at) {
    const isFolder = suggestion.kind === 'folder';
    return el(
      'li',
      { role: 'option', id: `suggestion-${at}`, 'aria-selected': 'false', onclick: () => this.#choose(suggestion) },
      icon(isFolder ? 'folder' : 'other'),
      foreign(suggestion.text, { class: 'suggestion-text' }),
      el('span', { class: 'suggestion-place' }, foreign(`${suggestion.source} ${parentOf(suggestion.path)}`)),
    );
  }

  #activate(at) {
    this.#active = at;
    this.#list.childNodes.forEach((option, index) => option.setAttribute('aria-selected', String(index === at)));
    set(this.#input, { 'aria-activedescendant': at < 0 ? null : `suggestion-${at}` });
    this.#list.childNodes[at]?.scrollIntoView({ block: 'nearest' });
  }

  #onKey(event) {
    const count = this.#found.length;
    if (count === 0) {
      if (event.key === 'ArrowDown') this.ask();
      return;
    }
    // -1 is the field itself, which comes between the last and the first suggestion.
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) this.#activate(((this.#active + 1 + step + count + 1) % (count + 1)) - 1);
    else if (event.key === 'Enter' && this.#active >= 0) this.#choose(this.#found[this.#active]);
    else if (event.key === 'Escape') this.close();
    else return;
    event.preventDefault();
  }

  #choose({ kind, path, source }) {
    this.close();
    if (kind !== 'folder') return go({ asset: { source, path }, view: 'search' }, { mark: { opened: true } });
    const word = lastWord(this.#input.value);
    const q = this.#input.value.slice(0, this.#input.value.length - word.length).trimEnd();
    this.#input.value = q;
    const folder = path.endsWith('/') ? path : `${path}/`;
    return go({ q, source, folder, level: false, asset: null, view: 'search' });
  }
}

/** The parent folder of an asset or a folder. */
function parentOf(path) {
  const trimmed = path.endsWith('/') ? path.slice(0, -1) : path;
  return trimmed.slice(0, trimmed.lastIndexOf('/') + 1) || '/';
}
