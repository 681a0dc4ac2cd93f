// Starts the page, and updates its parts when the state in the address bar changes.

import { announce, byId, opensElsewhere, set } from './dom.js';
import { drawIcons } from './icons.js';
import { get } from './api.js';
import { address, go, state, watch } from './state.js';
import { orderOf, searchOf } from './query.js';
import { startTheme } from './theme.js';
import { offerSources, startSearch } from './search.js';
import { startHead } from './head.js';
import { startSkips } from './skips.js';
import { showChips } from './facets.js';
import { Tree } from './tree.js';
import { startDates } from './dates.js';
import { Results } from './results.js';
import { startSelecting } from './selecting.js';
import { ResultExport } from './result-export.js';
import { Detail } from './detail.js';
import { StatusView } from './status.js';
import { SourcesList } from './sources-list.js';
import { SourceView } from './source-view.js';
import { loadSession, startSession, useOneTimeLink } from './session.js';

drawIcons(document);
startTheme();
// The other requests need the token of the link.
await useOneTimeLink();
startSession();
const isSessionKnown = loadSession();

const results = new Results();
const detail = new Detail(results);
const resultExport = new ResultExport(results);
results.onChange = () => {
  detail.update();
  resultExport.update();
};
const status = new StatusView();
/** The views besides the search, by their name in the address. */
const views = { status, sources: new SourcesList(), source: new SourceView() };
const tree = new Tree();

/** A key for the parts of a state that the results depend on. */
const resultKey = (of) => JSON.stringify([searchOf(of).text, of.source, of.folder, orderOf(of)]);

/** The key for which results were last loaded. */
let loadedKey = null;
/** The names of the Sources that the tree shows. */
let shownSources = null;

startSearch();
startHead();
startSkips();
startDates();
startSelecting(results);
startViews();
watch((now, before) => {
  const isSearch = now.view === 'search';
  showView(now, before);
  document.title = titleOf(now);
  followView(now, before);
  if (!isSearch) {
    detail.show(null);
    return;
  }
  showChips();
  if (['sources', 'source'].includes(before?.view)) {
    // The Sources may have changed.
    loadSources();
    loadedKey = null;
  }
  if (loadedKey !== resultKey(now)) {
    loadedKey = resultKey(now);
    // New results are shown from the top.
    if (before?.view === 'search') scrollTo(0, 0);
    results.load();
  } else if (before && before.layout !== now.layout) results.redraw();
  const hasNewAsset = JSON.stringify(now.asset) !== JSON.stringify(before?.asset ?? null);
  if (hasNewAsset) detail.show(now.asset);
});
loadSources();

/** Shows one view and stops the others. */
function showView(now, before) {
  byId('browse').hidden = now.view !== 'search';
  for (const [name, id] of [['status', 'status'], ['sources', 'sources'], ['source', 'source-view']]) {
    byId(id).hidden = now.view !== name;
    if (now.view !== name) views[name].stop();
  }
  const current = { search: 'to-search', status: 'to-status', sources: 'to-sources', source: 'to-sources' }[now.view];
  for (const id of ['to-search', 'to-sources', 'to-status']) set(byId(id), { 'aria-current': id === current && 'page' });
  byId('skip').href = { search: '#main', status: '#status', sources: '#sources', source: '#source-view' }[now.view];
  if (now.view !== before?.view) scrollTo(0, 0);
  // The view shows what the user may do, so it waits for the session.
  if (now.view !== 'search') isSessionKnown.then(() => state === now && views[now.view].start(now.name));
}

/**
 * Tells users of the keyboard and of screen readers that another view is shown. The focus moves to it if what had the
 * focus is gone, for example the link to a Source. Otherwise it would be nowhere.
 */
function followView(now, before) {
  if (!before || now.view === before.view) return;
  announce(titleOf(now));
  const { activeElement: at } = document;
  const isGone = at === null || at === document.body || !at.checkVisibility();
  const id = { search: 'main', status: 'status', sources: 'sources', source: 'source-view' }[now.view];
  if (isGone) byId(id).focus({ preventScroll: true });
}

async function loadSources() {
  try {
    const { data } = await get('/v1/sources');
    const names = JSON.stringify(data.map(({ name, enabled }) => [name, enabled]));
    if (names === shownSources) return;
    shownSources = names;
    const hadSources = results.hasSources;
    results.hasSources = data.length > 0;
    if (hadSources !== results.hasSources && state.view === 'search') results.load();
    offerSources(data);
    await tree.show(data);
  } catch (error) {
    announce(error.message);
    await tree.show([]);
  }
}

/** Makes the links between the views work. Going to the status and back keeps the search. */
function startViews() {
  const link = (id, to) => byId(id).addEventListener('click', (event) => {
    if (opensElsewhere(event)) return;
    event.preventDefault();
    go(to());
  });
  const everything = { q: '', source: '', folder: '/', level: false, sort: '', filters: [], asset: null };
  link('home', () => ({ ...everything, view: 'search' }));
  link('to-search', () => ({ view: 'search' }));
  link('to-status', () => ({ view: 'status', asset: null }));
  link('to-sources', () => ({ view: 'sources', asset: null }));
  watch((now) => {
    byId('to-search').href = address({ ...now, view: 'search', asset: null });
    byId('to-status').href = address({ ...now, view: 'status', asset: null });
    byId('to-sources').href = address({ ...now, view: 'sources', asset: null });
  });
}

function titleOf({ view, name, q, folder, source, asset }) {
  if (view === 'status') return 'Status – Assets';
  if (view === 'sources') return 'Sources – Assets';
  if (view === 'source') return `${name || 'New Source'} – Assets`;
  if (asset) return `${asset.path.slice(asset.path.lastIndexOf('/') + 1)} – Assets`;
  const place = folder === '/' ? source : folder;
  const parts = [q.trim(), place].filter(Boolean);
  return parts.length > 0 ? `${parts.join(' in ')} – Assets` : 'Assets';
}
