// Shows the results of a search and loads more while the user scrolls, or says why there are none.

import { announce, byId, el, fill, foreign, foreignPath, visible } from './dom.js';
import { icon } from './icons.js';
import { counted, number, sentence } from './format.js';
import { get, isAborted } from './api.js';
import { addressWith, go, state } from './state.js';
import { GROUPS, orderOf, searchOf } from './query.js';
import { showProblem } from './search.js';
import { offerRescue } from './rescue.js';
import { showFacets, showFolders } from './facets.js';
import { Cards } from './cards.js';
import { Rows } from './rows.js';

/** Number of assets in one request. */
const PAGE = 60;
/** Maximum number of assets that a search counts before "more than" is shown. The filters count all of them. */
const MAX_COUNTED = 10000;
/** Maximum number of assets loaded by scrolling. For more, the user presses a button, so the tab stays light. */
const MAX_SCROLLED = 6000;
/** Distance of the end from the screen at which the next page is loaded. */
const SCROLL_MARGIN = '1200px';

/** The results in the middle of the page. */
export class Results {
  #element = byId('results');
  #more = byId('more');
  #count = byId('count');
  #controller = new AbortController();
  #view = null;
  #hits = [];
  #cursor = null;
  #isLoading = false;
  #isEndNear = false;

  /** Whether there are Sources at all. */
  hasSources = true;

  /** Called when the shown assets change. */
  onChange = () => {};

  constructor() {
    const observer = new IntersectionObserver(([entry]) => {
      this.#isEndNear = entry.isIntersecting;
      this.#onScroll();
    }, { rootMargin: SCROLL_MARGIN });
    observer.observe(byId('end'));
    this.#more.addEventListener('click', () => this.#next(true));
  }

  /** The shown assets, in order. */
  get hits() {
    return this.#hits;
  }

  /** The parameters of the shown search, for other requests of the same assets. */
  get search() {
    const { highlights, previews, limit, ...search } = this.#parameters();
    return search;
  }

  /** Searches again. The previous results stay until the answer arrives. */
  async load() {
    this.#controller.abort();
    const controller = (this.#controller = new AbortController());
    this.#isLoading = true;
    this.#element.setAttribute('aria-busy', 'true');
    if (!this.#view) fill(this.#element, skeleton());
    const isAll = state.folder === '/' && !state.q && state.filters.length === 0;
    try {
      const found = await get('/v1/search', { ...this.#parameters(), total: MAX_COUNTED }, controller.signal);
      showProblem(null);
      this.#show(found, isAll);
      this.#finish(controller);
      await this.#countFacets(controller.signal);
    } catch (error) {
      if (isAborted(error)) return;
      this.#finish(controller);
      this.#fail(error);
    }
  }

  /** Draws the same results in the layout of the state. */
  redraw() {
    if (!this.#view) return;
    this.#view = this.#newView();
    fill(this.#element, this.#view.element);
    this.#view.add(this.#hits);
  }

  /** Moves the focus to an asset, for example when its detail is closed. Returns whether the asset is shown. */
  focus(asset) {
    return this.#view?.focus(asset) ?? false;
  }

  /** Ends loading, unless a newer search has started. */
  #finish(controller) {
    if (controller !== this.#controller) return;
    this.#isLoading = false;
    this.#element.setAttribute('aria-busy', 'false');
  }

  #parameters() {
    const { text, typing } = searchOf(state);
    return {
      q: text, typing: typing && 'true', source: state.source, sort: orderOf(state),
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
    this.#showInterpretation(meta.interpretation);
    if (data.length === 0) {
      this.#view = null;
      fill(this.#element, this.hasSources ? noResults(isAll, meta) : noSources());
      if (this.hasSources && !isAll && !meta.named) offerRescue(this.#element.querySelector('.actions'), this.#controller.signal);
    } else {
      this.#view = this.#newView();
      fill(this.#element, this.#view.element);
      this.#view.add(data);
    }
    this.#showMore();
    this.onChange();
  }

  /** Says what the search found instead of the words that were typed. */
  #showInterpretation(interpretation) {
    const element = byId('interpretation');
    element.hidden = !interpretation?.message;
    fill(element, visible(sentence(interpretation?.message ?? '')));
  }

  #showCount({ value, relation }) {
    const text = relation === 'eq' ? counted(value, 'asset') : `more than ${number(value)} assets`;
    if (this.#count.textContent !== text) this.#count.textContent = text;
  }

  /** Counts the values of the filters and the assets in the subfolders. It runs after the assets are shown. */
  async #countFacets(signal) {
    const folder = state.folder;
    // A group with active filters is counted without them, so its other values have counts too.
    const filtered = GROUPS.filter(({ id }) => state.filters.some(({ group }) => group === id));
    const unfiltered = GROUPS.filter((group) => !filtered.includes(group));
    const { typing } = searchOf(state);
    const count = (facets, without) => get('/v1/search', {
      q: searchOf(state, without).text, typing: typing && 'true', source: state.source, sort: 'path', limit: 1,
      total: without ? MAX_COUNTED : 'exact', facets, folder: facets.includes('folder') && folder,
    }, signal);
    try {
      const [all, ...others] = await Promise.all([
        count([...unfiltered.map(({ id }) => id), 'folder'].join(','), ''),
        ...filtered.map(({ id }) => count(id, id)),
      ]);
      const facets = Object.assign({}, all.facets, ...others.map((answer) => answer.facets));
      showFacets(facets);
      showFolders(facets.folder);
      this.#showCount(all.meta.total);
    } catch (error) {
      if (isAborted(error)) throw error;
      // Keep showing the assets, even if they cannot be counted.
      showFacets(null);
      showFolders(null);
    }
  }

  #onScroll() {
    const needsMore = this.#isEndNear && this.#hits.length < MAX_SCROLLED;
    if (needsMore && this.#cursor && !this.#isLoading && state.view === 'search') this.#next(false);
  }

  /** Loads the next page. After a press of the button, the focus moves to its first asset. */
  async #next(isPressed) {
    if (this.#isLoading || !this.#cursor) return;
    this.#isLoading = true;
    this.#more.disabled = true;
    this.#more.textContent = 'Loading…';
    const controller = this.#controller;
    try {
      const found = await get('/v1/search', { ...this.#parameters(), cursor: this.#cursor, total: 1 }, controller.signal);
      const first = this.#hits.length;
      this.#hits.push(...found.data);
      this.#cursor = found.meta.cursor.has_more ? found.meta.cursor.next : null;
      this.#view.add(found.data);
      if (isPressed) this.focus(this.#hits[first]);
      announce(`${number(this.#hits.length)} shown`);
      this.#finish(controller);
      this.#showMore();
      this.onChange();
    } catch (error) {
      if (isAborted(error)) return;
      this.#finish(controller);
      this.#more.disabled = false;
      this.#more.textContent = `${error.message} Try again`;
    }
  }

  #showMore() {
    this.#more.disabled = false;
    this.#more.textContent = 'Show more';
    this.#more.hidden = this.#cursor === null;
    // If the end is still near, the observer reports no change, so check here.
    requestAnimationFrame(() => this.#onScroll());
  }

  #fail(error) {
    if (error.column !== null && error.column !== undefined) {
      const isMistake = showProblem(error);
      const title = isMistake ? 'The search has a mistake' : 'The search is not finished';
      if (!this.#view) fill(this.#element, message('search', title, 'See the message below the search field.'));
      return;
    }
    showProblem(null);
    this.#view = null;
    this.#hits = [];
    this.#cursor = null;
    this.#count.textContent = '';
    showFacets(null);
    showFolders(null);
    fill(this.#element, error.code === 'index_absent' && !this.hasSources ? noSources() : failure(error, () => this.load()));
    this.#showMore();
    this.onChange();
  }
}

function skeleton() {
  const cards = Array.from({ length: 12 }, () => el('li', { class: 'card ghost' }, el('div', { class: 'thumb' }), el('div', { class: 'line' }), el('div', { class: 'line short' })));
  return el('ul', { class: 'cards', 'aria-hidden': 'true' }, cards);
}

/** Says what to do first. */
function noSources() {
  const start = el('button', { class: 'button strong', type: 'button', onclick: () => go({ view: 'source', name: '', asset: null }) }, icon('plus'), 'Set up the first Source');
  return message('source', 'No Sources yet', 'A Source is a bucket, or a folder in one, whose files appear here.', start);
}

/** Says why there are no results. `named` are the assets that an address names; `incomplete` are Sources. */
function noResults(isAll, { named = [], incomplete = [] }) {
  const status = el('a', { class: 'button', href: addressWith({ view: 'status', asset: null }) }, 'Show the status');
  if (isAll && incomplete.length > 0) {
    return message('source', 'No assets yet', 'Assets appear here while the first scan of a Source finds them.', status);
  }
  if (isAll) return message('source', 'No assets', 'The Sources are completely indexed, and no object in them is an asset.', status);
  if (named.length > 0) {
    const [asset] = named;
    const text = el('span', {}, 'The address names ', foreignPath(asset.path), ' in the Source ', foreign(asset.source), ', and the index has no such asset.');
    return message('search', 'No such asset', text, button('Explain why', { asset }), button('Clear the search', { q: '' }));
  }
  const wider = [];
  if (incomplete.length > 0) wider.push(status);
  if (state.filters.length > 0) wider.push(button('Remove the filters', { filters: [] }));
  if (state.source || state.folder !== '/' || state.level) wider.push(button('Search everywhere', { source: '', folder: '/', level: false, filters: [] }));
  if (state.q) wider.push(button('Clear the search', { q: '' }));
  const missing = incomplete.length > 0 && [' Assets may be missing, because the first scan of these Sources is not complete: ', foreign(incomplete.join(', ')), '.'];
  const text = el('span', {}, 'No asset matches. Try fewer or shorter words, or add ~ to a word to allow one typo.', missing);
  return message('search', 'Nothing found', text, ...wider);
}

const button = (text, changes) => el('button', { class: 'button', type: 'button', onclick: () => go(changes) }, text);

function failure(error, retry) {
  const titles = {
    index_absent: 'There is no index yet', too_slow: 'This search takes too long',
    busy: 'Too many searches at once', too_broad: 'This search is too broad', query_invalid: 'This address names no asset',
  };
  const title = titles[error.code] ?? (error.status === 404 ? 'There is no such Source' : 'The search failed');
  const actions = [el('button', { class: 'button strong', type: 'button', onclick: retry }, 'Try again')];
  if (error.status === 404) actions.push(button('Show all Sources', { source: '', folder: '/' }));
  return message('warning', title, error.message, ...actions);
}

const message = (symbol, title, text, ...actions) => el('div', { class: 'empty' }, icon(symbol), el('h2', {}, title), el('p', {}, text), el('div', { class: 'actions' }, actions));
