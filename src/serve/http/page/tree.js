// The tree of Sources and folders. It loads the children of a folder when the folder is opened.

import { byId, el, fill, foreign, set } from './dom.js';
import { icon } from './icons.js';
import { compact, counted } from './format.js';
import { get } from './api.js';
import { go, state, watch } from './state.js';
import { SourceFilter } from './source-filter.js';

/** Maximum number of Sources that are shown at once. The filter finds the others. */
const MAX_SOURCES = 50;
/** Number of folders in one request. */
const PAGE = 100;

/** A line of the tree: all Sources, a Source or a folder. */
class Item {
  constructor(tree, parent, { name, source, folder, assets, symbol }) {
    Object.assign(this, { tree, parent, name, source, folder, children: null, cursor: null });
    this.level = parent ? parent.level + 1 : 1;
    this.canOpen = symbol !== 'all';
    this.row = el(
      'div',
      { class: 'tree-row' },
      el('span', { class: 'tree-arrow', onclick: (event) => this.#toggle(event) }, this.canOpen && icon('right')),
      icon(symbol),
      foreign(name, { class: 'tree-name' }),
      assets !== null && el('span', { class: 'tree-count', title: counted(assets, 'asset') }, compact(assets), el('span', { class: 'hidden' }, assets === 1 ? ' asset' : ' assets')),
    );
    this.group = el('ul', { role: 'group', hidden: true });
    this.element = el('li', { role: 'treeitem', tabindex: '-1', 'aria-level': this.level, 'aria-selected': 'false', style: { '--level': this.level } }, this.row, this.group);
    if (this.canOpen) this.element.setAttribute('aria-expanded', 'false');
    this.row.addEventListener('click', () => this.choose());
    this.element.item = this;
  }

  get isOpen() {
    return !this.group.hidden;
  }

  choose() {
    this.tree.focus(this);
    this.open();
    go({ source: this.source, folder: this.folder, asset: null });
  }

  #toggle(event) {
    event.stopPropagation();
    this.tree.focus(this);
    if (this.isOpen) this.close();
    else this.open();
  }

  close() {
    this.group.hidden = true;
    this.element.setAttribute('aria-expanded', 'false');
  }

  /** Opens the line. Resolves when its folders are loaded. */
  async open() {
    if (!this.canOpen) return;
    this.group.hidden = false;
    this.element.setAttribute('aria-expanded', 'true');
    this.children ??= this.#load();
    await this.children;
  }

  async #load() {
    const waiting = el('li', { class: 'tree-note', role: 'none' }, 'Loading…');
    this.group.append(waiting);
    try {
      const parameters = { source: this.source, path: this.folder, limit: PAGE, cursor: this.cursor };
      const { data, meta } = await get('/v1/folders', parameters);
      const items = data.folders.map(({ name, path, assets }) => new Item(this.tree, this, { name, source: this.source, folder: path, assets, symbol: 'folder' }));
      this.group.append(...items.map(({ element }) => element));
      this.cursor = meta.cursor.has_more ? meta.cursor.next : null;
      if (this.cursor) this.#offerMore();
      if (this.group.children.length === 1) this.#makeLeaf();
      this.tree.mark();
    } catch (error) {
      this.children = null;
      const note = el('li', { class: 'tree-note', role: 'none' }, `${error.message} `);
      this.group.replaceChildren(note);
    } finally {
      waiting.remove();
    }
  }

  #offerMore() {
    const more = el('li', { class: 'tree-more', role: 'treeitem', tabindex: '-1', 'aria-level': this.level + 1, 'aria-selected': 'false', style: { '--level': this.level + 1 } }, 'More folders…');
    more.item = { parent: this, element: more, canOpen: false, choose: () => {
      more.remove();
      return this.#load();
    } };
    more.addEventListener('click', () => more.item.choose());
    this.group.append(more);
  }

  #makeLeaf() {
    this.canOpen = false;
    this.group.hidden = true;
    this.element.removeAttribute('aria-expanded');
    this.row.firstChild.replaceChildren();
  }
}

/** The tree. The arrow keys move, open and close, as usual for trees. */
export class Tree {
  #root = byId('tree');
  #roots = [];
  #focused = null;
  #filter = new SourceFilter('tree-filter-text', 'Find a Source', () => this.#applyFilter());
  #more = el('li', { role: 'none', class: 'tree-note' });

  constructor() {
    fill(byId('tree-filter'), this.#filter.element);
    this.#root.addEventListener('keydown', (event) => this.#onKey(event));
    watch((now, before) => {
      if (before && (now.source !== before.source || now.folder !== before.folder)) this.#reveal();
    });
  }

  /** Shows these Sources, and opens the folders down to the current folder. */
  show(sources) {
    const all = { name: 'All Sources', source: '', folder: '/', assets: null, symbol: 'all' };
    const lines = sources.map(({ name, assets }) => ({ name, source: name, folder: '/', assets, symbol: 'source' }));
    this.#roots = [all, ...lines].map((line) => new Item(this, null, line));
    fill(this.#root, this.#roots.map(({ element }) => element), this.#more);
    this.#filter.offer(sources.length);
    this.#applyFilter();
    this.focus(this.#roots[0], false);
    return this.#reveal();
  }

  /** Shows the Sources that the filter admits, and always the current one. */
  #applyFilter() {
    const [, ...sources] = this.#roots;
    let shown = 0;
    let left = 0;
    for (const { element, name, source } of sources) {
      const isAdmitted = this.#filter.admits(name);
      const isShown = source === state.source || (isAdmitted && shown < MAX_SOURCES);
      element.hidden = !isShown;
      shown += isShown;
      left += isAdmitted && !isShown;
    }
    this.#more.hidden = left === 0;
    this.#more.textContent = `${counted(left, 'more Source')}. Filter them by name.`;
    if (this.#focused?.element.closest('[hidden]')) this.focus(this.#roots[0], false);
  }

  /** Opens the folders down to the current folder, as far as they are loaded: each step loads at most one page. */
  async #reveal() {
    const { source, folder } = state;
    this.#applyFilter();
    this.mark();
    let item = this.#roots.find((root) => root.source === source);
    while (item && source && item.folder !== folder) {
      await item.open();
      if (state.source !== source || state.folder !== folder) return;
      const children = Array.from(item.group.children, (child) => child.item);
      item = children.find((child) => child?.folder && folder.startsWith(child.folder));
    }
    this.mark();
    // If there is only one Source, show its folders right away.
    if (this.#roots.length === 2 && folder === '/') await this.#roots[1].open();
  }

  /** Marks the current Source or folder. */
  mark() {
    for (const element of this.#root.querySelectorAll('[role=treeitem]')) {
      const { source, folder } = element.item;
      const isCurrent = source === state.source && folder === state.folder;
      element.setAttribute('aria-selected', String(isCurrent));
    }
  }

  /** Makes Tab reach this item, and focuses it if `now` is set. */
  focus(item, now = true) {
    if (this.#focused) set(this.#focused.element, { tabindex: '-1' });
    this.#focused = item;
    set(item.element, { tabindex: '0' });
    if (now) item.element.focus();
  }

  #onKey(event) {
    const item = event.target.item;
    if (!item) return;
    const all = Array.from(this.#root.querySelectorAll('[role=treeitem]')).filter((element) => !element.closest('[hidden]'));
    const at = all.indexOf(item.element);
    const goTo = (element) => element && this.focus(element.item);
    const right = () => (item.isOpen ? goTo(item.group.querySelector('[role=treeitem]')) : item.canOpen && item.open());
    const left = () => (item.isOpen ? item.close() : item.parent && this.focus(item.parent));
    const acts = {
      ArrowDown: () => goTo(all[at + 1]),
      ArrowUp: () => goTo(all[at - 1]),
      Home: () => goTo(all[0]),
      End: () => goTo(all.at(-1)),
      ArrowRight: right,
      ArrowLeft: left,
      Enter: () => item.choose(),
      ' ': () => item.choose(),
    };
    if (!acts[event.key]) return;
    event.preventDefault();
    event.stopPropagation();
    acts[event.key]();
  }
}
