// What a search finds, page by page as one scrolls; and the states in which there is nothing to show.

import { announce, byId, el, fill } from './dom.js';
import { icon } from './icons.js';
import { counted, number } from './format.js';
import { get, isAborted } from './api.js';
import { addressWith, go, state } from './state.js';
import { GROUPS, orderOf, searchOf } from './query.js';
import { showProblem } from './search.js';
import { showFacets, showFolders } from './facets.js';
import { Cards } from './cards.js';
import { Rows } from './rows.js';

/** How many assets are asked for at a time. */
const PAGE = 60;
/** How many are counted before it is said that there are more; the filters count all. */
const COUNTED = 10000;
/** How many are shown as one scrolls; for more one has to ask, so that the tab stays light. */
const SCROLLED = 6000;
/** How far below the screen the end may be when more are asked for. */
const AHEAD = '1200px';

/** The results in the middle of the page. */
export class Results {
  #place = byId('results');
  #more = byId('more');
  #count = byId('count');
  #asking = new AbortController();
  #view = null;
  #hits = [];
  #cursor = null;
  #isLoading = false;
  #isEndNear = false;

  /** Called when there are other assets than before. */
  onChange = () => {};

  constructor() {
    const observer = new IntersectionObserver(([entry]) => {
      this.#isEndNear = entry.isIntersecting;
      this.#onScroll();
    }, { rootMargin: AHEAD });
    observer.observe(byId('end'));
    this.#more.addEventListener('click', () => this.#next(true));
  }

  /** The assets that are shown, in order. */
  get hits() {
    return this.#hits;
  }

  /** Searches anew; what is there stays until the answer is. */
  async load() {
    this.#asking.abort();
    const asking = (this.#asking = new AbortController());
    this.#isLoading = true;
    this.#place.setAttribute('aria-busy', 'true');
    if (!this.#view) fill(this.#place, skeleton());
    const isAll = state.folder === '/' && !state.q && state.filters.length === 0;
    try {
      const found = await get('/v1/search', { ...this.#parameters(), total: COUNTED }, asking.signal);
      showProblem(null);
      this.#show(found, isAll);
      this.#settle(asking);
      await this.#countFacets(asking.signal);
    } catch (error) {
      if (isAborted(error)) return;
      this.#settle(asking);
      this.#fail(error);
    }
  }

  /** Draws what is there in the other layout. */
  redraw() {
    if (!this.#view) return;
    this.#view = this.#newView();
    fill(this.#place, this.#view.element);
    this.#view.add(this.#hits);
  }

  /** Gives the focus to an asset, for example when what it opened is closed. */
  focus(asset) {
    return this.#view?.focus(asset) ?? false;
  }

  #settle(asking) {
    if (asking !== this.#asking) return;
    this.#isLoading = false;
    this.#place.setAttribute('aria-busy', 'false');
  }

  #parameters() {
    return {
      q: searchOf(state).text, source: state.source, sort: orderOf(state),
      limit: PAGE, highlights: 'true', previews: 'true',
    };
  }

  #newView() {
    return state.layout === 'list' ? new Rows() : new Cards();
  }

  #show({ data, meta }, isAll) {
    this.#hits = data;
    this.#cursor = meta.cursor.has_more ? meta.cursor.next : null;
    this.#showCount(meta.total);
    if (data.length === 0) {
      this.#view = null;
      fill(this.#place, nothing(isAll));
    } else {
      this.#view = this.#newView();
      fill(this.#place, this.#view.element);
      this.#view.add(data);
    }
    this.#showMore();
    this.onChange();
  }

  #showCount({ value, relation }) {
    const text = relation === 'eq' ? counted(value, 'asset') : `more than ${number(value)} assets`;
    if (this.#count.textContent !== text) this.#count.textContent = text;
  }

  /** Asked for when the assets are there: those are what is waited for. */
  async #countFacets(signal) {
    const folder = state.folder;
    const chosen = GROUPS.filter(({ id }) => state.filters.some(({ group }) => group === id));
    const free = GROUPS.filter((group) => !chosen.includes(group));
    const ask = (facets, without) => get('/v1/search', {
      q: searchOf(state, without).text, source: state.source, sort: 'path', limit: 1,
      total: without ? COUNTED : 'exact', facets, folder: facets.includes('folder') && folder,
    }, signal);
    try {
      const [all, ...others] = await Promise.all([
        ask([...free.map(({ id }) => id), 'folder'].join(','), ''),
        ...chosen.map(({ id }) => ask(id, id)),
      ]);
      const facets = Object.assign({}, all.facets, ...others.map((it) => it.facets));
      showFacets(facets);
      showFolders(facets.folder);
      this.#showCount(all.meta.total);
    } catch (error) {
      if (isAborted(error)) throw error;
      // The assets are there; that they cannot be counted is no reason to take them away.
      showFacets(null);
      showFolders(null);
    }
  }

  #onScroll() {
    const isWanted = this.#isEndNear && this.#hits.length < SCROLLED;
    if (isWanted && this.#cursor && !this.#isLoading && state.view === 'search') this.#next(false);
  }

  async #next(byHand) {
    if (this.#isLoading || !this.#cursor) return;
    this.#isLoading = true;
    this.#more.disabled = true;
    this.#more.textContent = 'Loading…';
    const { signal } = this.#asking;
    const asking = this.#asking;
    try {
      const found = await get('/v1/search', { ...this.#parameters(), cursor: this.#cursor, total: 1 }, signal);
      const first = this.#hits.length;
      this.#hits.push(...found.data);
      this.#cursor = found.meta.cursor.has_more ? found.meta.cursor.next : null;
      this.#view.add(found.data);
      if (byHand) this.focus(this.#hits[first]);
      announce(`${number(this.#hits.length)} shown`);
      this.#settle(asking);
      this.#showMore();
      this.onChange();
    } catch (error) {
      if (isAborted(error)) return;
      this.#settle(asking);
      this.#more.disabled = false;
      this.#more.textContent = `${error.message} Try again`;
    }
  }

  #showMore() {
    this.#more.disabled = false;
    this.#more.textContent = 'Show more';
    this.#more.hidden = this.#cursor === null;
    // The end may still be near: then nothing crosses the edge, and nobody calls.
    requestAnimationFrame(() => this.#onScroll());
  }

  #fail(error) {
    if (error.column !== null && error.column !== undefined) {
      showProblem(error);
      if (!this.#view) fill(this.#place, message('search', 'This search cannot be read', 'What is wrong is said below the search field.'));
      return;
    }
    showProblem(null);
    this.#view = null;
    this.#hits = [];
    this.#cursor = null;
    this.#count.textContent = '';
    showFacets(null);
    showFolders(null);
    fill(this.#place, failure(error, () => this.load()));
    this.#showMore();
  }
}

function skeleton() {
  const cards = Array.from({ length: 12 }, () => el('li', { class: 'card ghost' }, el('div', { class: 'thumb' }), el('div', { class: 'line' }), el('div', { class: 'line short' })));
  return el('ul', { class: 'cards', 'aria-hidden': 'true' }, cards);
}

function nothing(isAll) {
  if (isAll) {
    return message('source', 'No assets yet', 'They appear here as the first scan of a Source finds them.', el('a', { class: 'button', href: addressWith({ view: 'status' }) }, 'See what the scans do'));
  }
  const wider = [];
  if (state.filters.length > 0) wider.push(button('Remove the filters', { filters: [] }));
  if (state.folder !== '/' || state.level) wider.push(button('Search all folders', { folder: '/', level: false }));
  if (state.source) wider.push(button('Search all Sources', { source: '', folder: '/' }));
  if (state.q) wider.push(button('Clear the search', { q: '' }));
  return message('search', 'Nothing found', 'No asset is like this. Fewer or shorter words find more; word~ allows for a typing error.', ...wider);
}

const button = (text, changes) => el('button', { class: 'button', type: 'button', onclick: () => go(changes) }, text);

function failure(error, again) {
  const titles = {
    index_absent: 'There is no index yet', too_slow: 'This search takes too long',
    busy: 'Many searches at once', too_broad: 'This search is too broad',
  };
  const title = titles[error.code] ?? (error.status === 404 ? 'There is no such Source' : 'It did not work');
  const actions = [el('button', { class: 'button strong', type: 'button', onclick: again }, 'Try again')];
  if (error.status === 404) actions.push(button('Show all Sources', { source: '', folder: '/' }));
  return message('warning', title, error.message, ...actions);
}

const message = (symbol, title, text, ...actions) => el('div', { class: 'empty' }, icon(symbol), el('h2', {}, title), el('p', {}, text), el('div', { class: 'actions' }, actions));
