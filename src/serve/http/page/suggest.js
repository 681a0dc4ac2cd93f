// Suggestions below the search field: assets to open, folders to go to, and fields and values to write.

import { el, fill, foreign, foreignPath, set } from './dom.js';
import { icon } from './icons.js';
import { get } from './api.js';
import { go, state } from './state.js';
import { completionOf, isAddress, lastWord, searchOf } from './query.js';
import { completions, facetOf, unfinished } from './complete.js';
import { counted } from './format.js';

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

  /** Requests suggestions after a pause: for the last word, together with the words before it, the folder and the filters. */
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
    const typed = this.#input.value;
    this.#controller = new AbortController();
    const { signal } = this.#controller;
    // Show no error: the search itself reports what is wrong.
    const lists = await Promise.all([this.#completions(typed, signal), this.#names(typed, signal)].map((list) => list.catch(() => [])));
    // The fields and values come first: they are what a person who types a `:` wants.
    if (!signal.aborted) this.#show(lists.flat().slice(0, LIMIT));
  }

  /** Names of assets and folders that exist together with the other words, in the folder and with the filters. */
  async #names(typed, signal) {
    const { word, within } = completionOf(typed);
    if (!word) return [];
    const context = searchOf({ ...state, q: within, folder: '/', level: false });
    const { data } = await get('/v1/suggest', { q: word, within: context.text, folder: state.folder, source: state.source, limit: LIMIT }, signal);
    return data;
  }

  /** Fields and values that complete the text. Values such as extensions come from the assets of the other words. */
  async #completions(typed, signal) {
    const open = isAddress(typed) ? null : unfinished(typed);
    if (!open) return [];
    const facet = facetOf(open.field);
    let counts = [];
    if (facet) {
      const q = searchOf({ ...state, q: completionOf(open.before).within }).text;
      const { facets } = await get('/v1/search', { q, source: state.source, sort: 'path', limit: 1, facets: facet }, signal);
      counts = facets[facet].buckets;
    }
    const sources = open.field === 'source' ? (await get('/v1/sources', {}, signal)).data.map(({ name }) => name) : [];
    return completions(open, { counts, sources }).map((completion) => ({ kind: 'completion', before: open.before, ...completion }));
  }

  #show(found) {
    this.#found = found;
    this.#list.hidden = found.length === 0;
    set(this.#input, { 'aria-expanded': String(found.length > 0) });
    fill(this.#list, found.map((suggestion, at) => this.#option(suggestion, at)));
    this.#activate(-1);
  }

  #option(suggestion, at) {
    const { kind, text, source, path, note, count } = suggestion;
    const isCompletion = kind === 'completion';
    const place = isCompletion ? (note ?? (count === undefined ? null : counted(count, 'asset'))) : [foreign(source), ' ', foreignPath(parentOf(path))];
    return el(
      'li',
      { role: 'option', id: `suggestion-${at}`, 'aria-selected': 'false', onclick: () => this.#choose(suggestion) },
      icon({ completion: 'filter', folder: 'folder' }[kind] ?? 'other'),
      foreign(text, { class: 'suggestion-text' }),
      place && el('span', { class: 'suggestion-place' }, place),
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

  #choose(suggestion) {
    const { kind, path, source } = suggestion;
    this.close();
    if (kind === 'completion') return this.#complete(suggestion);
    if (kind !== 'folder') return go({ asset: { source, path }, view: 'search' }, { mark: { opened: true } });
    const word = lastWord(this.#input.value);
    const q = this.#input.value.slice(0, this.#input.value.length - word.length).trimEnd();
    this.#input.value = q;
    const folder = path.endsWith('/') ? path : `${path}/`;
    return go({ q, source, folder, level: false, asset: null, view: 'search' });
  }

  /** Writes a field or a value into the text. */
  #complete({ before, text, source }) {
    // A Source is no part of the text: it is selected next to it.
    this.#input.value = source === undefined ? before + text + (text.endsWith(':') ? '' : ' ') : before.trimEnd();
    this.#input.focus();
    if (source !== undefined) return go({ q: this.#input.value, source, folder: '/', asset: null, view: 'search' });
    return this.#input.dispatchEvent(new InputEvent('input', { bubbles: true }));
  }
}

/** The parent folder of an asset or a folder. */
function parentOf(path) {
  const trimmed = path.endsWith('/') ? path.slice(0, -1) : path;
  return trimmed.slice(0, trimmed.lastIndexOf('/') + 1) || '/';
}
