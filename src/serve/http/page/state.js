// The state of the page. It is kept only in the address bar; this module reads and changes it.

import { GROUPS } from './query.js';

/**
 * @typedef {object} State
 * @property {'search'|'status'|'sources'|'source'} view
 * @property {string} name     the Source in the view `source`; empty for a new one
 * @property {string} q        the text of the search field
 * @property {string} source   name of a Source; empty for all Sources
 * @property {string} folder   begins and ends with `/`
 * @property {boolean} level   only assets directly in the folder
 * @property {string} sort     as in /v1/search; empty for the default order
 * @property {'grid'|'list'} layout
 * @property {{group: string, value: string}[]} filters
 * @property {{source: string, path: string}|null} asset  the open asset
 */

/** The views besides the search. */
const VIEWS = ['status', 'sources', 'source'];

const listeners = [];

/** @returns {State} */
function read() {
  const from = new URLSearchParams(location.search);
  const view = from.get('view');
  const folder = from.get('folder') ?? '/';
  const path = from.get('asset');
  const filters = GROUPS.flatMap(({ id }) => from.getAll(id).map((value) => ({ group: id, value })));
  return {
    view: location.hash === '#status' ? 'status' : VIEWS.includes(view) ? view : 'search',
    name: view === 'source' ? (from.get('name') ?? '') : '',
    q: from.get('q') ?? '',
    source: from.get('source') ?? '',
    folder: folder.startsWith('/') && folder.endsWith('/') ? folder : '/',
    level: from.get('level') === 'only',
    sort: from.get('sort') ?? '',
    layout: from.get('layout') === 'list' ? 'list' : 'grid',
    filters,
    asset: path === null ? null : { source: from.get('in') ?? '', path },
  };
}

/** The current state. It is replaced on each change and never modified. */
export let state = read();

/** The address of the page in a state. */
export function address(of) {
  const to = new URLSearchParams();
  const put = (name, value) => value && to.append(name, value);
  put('q', of.q);
  put('source', of.source);
  put('folder', of.folder !== '/' && of.folder);
  put('level', of.level && 'only');
  for (const { group, value } of of.filters) put(group, value);
  put('sort', of.sort);
  put('layout', of.layout === 'list' && 'list');
  put('view', VIEWS.includes(of.view) && of.view);
  put('name', of.view === 'source' && of.name);
  if (of.asset) {
    to.append('asset', of.asset.path);
    to.append('in', of.asset.source);
  }
  const text = to.toString();
  return text ? `/?${text}` : '/';
}

/** The address after these changes, for a link. */
export const addressWith = (changes) => address({ ...state, ...changes });

/**
 * Changes the state. This adds an entry to the browser history, or replaces the current entry if `replace` is
 * set. `mark` is stored with the entry.
 */
export function go(changes, { replace = false, mark = null } = {}) {
  const to = address({ ...state, ...changes });
  if (replace) history.replaceState(mark ?? history.state, '', to);
  else history.pushState(mark, '', to);
  changed();
}

/** Calls the listener with the current state, and on each change with the new and the previous state. */
export function watch(listener) {
  listeners.push(listener);
  listener(state, null);
}

function changed() {
  const before = state;
  state = read();
  for (const listener of listeners) listener(state, before);
}

addEventListener('popstate', changed);
