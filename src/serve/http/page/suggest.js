// What one may mean while one types: names to open and folders to go to, as a list below the field.

import { el, fill, foreign, set } from './dom.js';
import { icon } from './icons.js';
import { get, isAborted } from './api.js';
import { go, state } from './state.js';
import { lastWord } from './query.js';

/** How long nothing is typed before it is asked, in milliseconds. */
const PAUSE = 120;
/** The most that are shown. */
const SHOWN = 8;

/** A listbox below a combobox: the focus stays in the field, the arrows choose. */
export class Suggestions {
  #input;
  #list;
  #found = [];
  #active = -1;
  #timer = 0;
  #asking = new AbortController();

  constructor(input, list) {
    this.#input = input;
    this.#list = list;
    input.addEventListener('keydown', (event) => this.#onKey(event));
    input.addEventListener('blur', () => this.close());
    // A press would take the focus from the field, and so close the list before the click.
    list.addEventListener('pointerdown', (event) => event.preventDefault());
  }

  /** Asks about the last word, a moment from now. */
  ask() {
    clearTimeout(this.#timer);
    this.#asking.abort();
    this.#timer = setTimeout(() => this.#ask(), PAUSE);
  }

  /** Shows none, and wants none any more. */
  close() {
    clearTimeout(this.#timer);
    this.#asking.abort();
    this.#show([]);
  }

  async #ask() {
    const q = lastWord(this.#input.value);
    if (!q) return this.#show([]);
    this.#asking = new AbortController();
    try {
      const { data } = await get('/v1/suggest', { q, source: state.source, limit: SHOWN }, this.#asking.signal);
      this.#show(data.slice(0, SHOWN));
    } catch (error) {
      // The search itself says what is wrong.
      if (!isAborted(error)) this.#show([]);
    }
    return undefined;
  }

  #show(found) {
    this.#found = found;
    this.#list.hidden = found.length === 0;
    set(this.#input, { 'aria-expanded': String(found.length > 0) });
    fill(this.#list, found.map((it, at) => this.#option(it, at)));
    this.#activate(-1);
  }

  #option(found, at) {
    const isFolder = found.kind === 'folder';
    return el(
      'li',
      { role: 'option', id: `suggestion-${at}`, 'aria-selected': 'false', onclick: () => this.#choose(found) },
      icon(isFolder ? 'folder' : 'other'),
      foreign(found.text, { class: 'suggestion-text' }),
      el('span', { class: 'suggestion-place' }, foreign(`${found.source} ${parentOf(found.path)}`)),
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
    // -1 is the field itself, between the last and the first.
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

/** The folder that a path lies in; itself may be a folder. */
function parentOf(path) {
  const bare = path.endsWith('/') ? path.slice(0, -1) : path;
  return bare.slice(0, bare.lastIndexOf('/') + 1) || '/';
}
