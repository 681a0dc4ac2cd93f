// What the page shows, kept in the address bar alone: reading it back, and moving on from it.

import { GROUPS } from './query.js';

/**
 * @typedef {object} State
 * @property {'search'|'status'} view
 * @property {string} q        what was typed
 * @property {string} source   its name; empty for all
 * @property {string} folder   begins and ends in `/`
 * @property {boolean} level   that folder only, nothing below it
 * @property {string} sort     as /v1/search takes it; empty: what fits the search
 * @property {'grid'|'list'} layout
 * @property {{group: string, value: string}[]} filters
 * @property {{source: string, path: string}|null} asset  the one that is open
 */

const listeners = [];

/** @returns {State} */
function read() {
  const from = new URLSearchParams(location.search);
  const view = from.get('view');
  const folder = from.get('folder') ?? '/';
  const path = from.get('asset');
  const filters = GROUPS.flatMap(({ id }) => from.getAll(id).map((value) => ({ group: id, value })));
  return {
    view: view === 'status' || location.hash === '#status' ? 'status' : 'search',
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

/** The state now; never changed in place. */
export let state = read();

/** The address of the page in that state. */
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
  put('view', of.view === 'status' && 'status');
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
 * Goes to the state with these changes: a step that the back button takes back, unless it replaces
 * the one before. `mark` is kept with the step.
 */
export function go(changes, { replace = false, mark = null } = {}) {
  const to = address({ ...state, ...changes });
  if (replace) history.replaceState(mark ?? history.state, '', to);
  else history.pushState(mark, '', to);
  changed();
}

/** Calls with the state now, and at each change with the one before as well. */
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
