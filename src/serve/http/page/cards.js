// The grid layout: the picture, the name and the most important facts of each asset.

import { el, foreign, marked, opensElsewhere } from './dom.js';
import { date, size } from './format.js';
import { pickBox } from './selecting.js';
import { addressWith, go, state } from './state.js';
import { thumb } from './thumbs.js';

/** The file name with the search terms marked. `highlights` are positions in the path. */
export function markedName({ name, path, highlights }) {
  const offset = Array.from(path).length - Array.from(name).length;
  return marked(name || path, highlights, name ? offset : 0);
}

/** The folder with the search terms marked. */
export function markedFolder({ path, name, highlights }) {
  return marked(path.slice(0, path.length - name.length), highlights, 0, { dir: 'ltr' });
}

/** Where an asset is: its Source, unless all results are of one, and its folder. */
function place(hit) {
  return el('span', { class: 'card-folder' }, !state.source && [foreign(hit.source, { class: 'card-source' }), ' '], markedFolder(hit));
}

/** A link that opens the detail of an asset on this page. */
export function link(hit, attributes, ...children) {
  const asset = { source: hit.source, path: hit.path };
  const open = (event) => {
    if (opensElsewhere(event)) return;
    event.preventDefault();
    go({ asset }, { mark: { opened: true } });
  };
  // Thousands of links may be shown, but few are used: make the address when the link is pointed at or
  // focused.
  const a = el('a', { href: '#', onclick: open, ...attributes }, children);
  const prepare = () => a.setAttribute('href', addressWith({ asset }));
  for (const type of ['pointerenter', 'focus']) a.addEventListener(type, prepare);
  return a;
}

/** Keyboard control of the grid and the list: Tab reaches one asset, and the arrow keys move to the others. */
export class ArrowKeys {
  #links = [];
  #byAsset = new Map();
  #at = -1;

  constructor(element) {
    element.addEventListener('keydown', (event) => this.#onKey(event));
    element.addEventListener('focusin', (event) => {
      const at = this.#links.indexOf(event.target);
      if (at >= 0) this.#reach(at);
    });
  }

  add(hit, a) {
    this.#byAsset.set(`${hit.source}\n${hit.path}`, this.#links.length);
    this.#links.push(a);
    a.tabIndex = -1;
    if (this.#at < 0) this.#reach(0);
  }

  focus({ source, path }) {
    const at = this.#byAsset.get(`${source}\n${path}`);
    if (at === undefined) return false;
    this.#links[at].focus();
    return true;
  }

  #reach(at) {
    if (this.#at >= 0) this.#links[this.#at].tabIndex = -1;
    this.#at = at;
    this.#links[at].tabIndex = 0;
  }

  #onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || this.#at < 0) return;
    const last = this.#links.length - 1;
    const columns = this.#columns();
    const to = {
      ArrowRight: this.#at + 1,
      ArrowLeft: this.#at - 1,
      ArrowDown: Math.min(this.#at + columns, Math.max(last, this.#at)),
      ArrowUp: this.#at - columns,
      Home: 0,
      End: last,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    if (this.#links[to]) this.#links[to].focus();
  }

  /** Number of assets in the first row. */
  #columns() {
    const top = this.#links[0].getBoundingClientRect().top;
    const next = this.#links.findIndex((a) => a.getBoundingClientRect().top > top + 1);
    return next < 0 ? this.#links.length : next;
  }
}

/** The grid of assets. */
export class Cards {
  element = el('ul', { class: 'cards', 'aria-label': 'Assets' });
  #keyboard = new ArrowKeys(this.element);

  add(hits) {
    const fragment = document.createDocumentFragment();
    for (const hit of hits) {
      const facts = [hit.ext?.toUpperCase(), size(hit.size)].filter(Boolean).join(' · ');
      const a = link(
        hit,
        { class: 'card-link', title: hit.path },
        thumb(hit),
        el('span', { class: 'card-name' }, markedName(hit)),
        place(hit),
        el('span', { class: 'card-facts' }, el('span', {}, facts), el('span', { class: 'card-date' }, date(hit.last_modified))),
      );
      this.#keyboard.add(hit, a);
      fragment.append(el('li', { class: 'card' }, a, pickBox(hit, a)));
    }
    this.element.append(fragment);
  }

  focus(asset) {
    return this.#keyboard.focus(asset);
  }
}
