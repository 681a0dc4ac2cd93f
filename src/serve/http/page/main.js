// Starts the page, and updates its parts when the state in the address bar changes.

import { announce, byId, opensElsewhere, set } from './dom.js';
import { drawIcons } from './icons.js';
import { get } from './api.js';
import { address, go, state, watch } from './state.js';
import { searchOf } from './query.js';
import { startTheme } from './theme.js';
import { offerSources, startSearch } from './search.js';
import { startHead } from './head.js';
import { showChips } from './facets.js';
import { Tree } from './tree.js';
import { Results } from './results.js';
import { Detail } from './detail.js';
import { StatusView } from './status.js';

drawIcons(document);
startTheme();

const results = new Results();
const detail = new Detail(results);
results.onChange = () => detail.update();
const status = new StatusView();
const tree = new Tree();

/** A key for the parts of a state that the results depend on. */
const resultKey = (of) => JSON.stringify([searchOf(of).text, of.source, of.folder, of.sort || !of.q.trim()]);

/** The key for which results were last loaded. */
let loadedKey = null;

startSearch();
startHead();
startViews();
watch((now, before) => {
  const isSearch = now.view === 'search';
  byId('browse').hidden = !isSearch;
  byId('status').hidden = isSearch;
  set(byId('to-search'), { 'aria-current': isSearch && 'page' });
  set(byId('to-status'), { 'aria-current': !isSearch && 'page' });
  document.title = titleOf(now);
  if (!isSearch) {
    detail.show(null);
    status.start();
    return;
  }
  status.stop();
  showChips();
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

async function loadSources() {
  try {
    const { data } = await get('/v1/sources');
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
  watch((now) => {
    byId('to-search').href = address({ ...now, view: 'search', asset: null });
    byId('to-status').href = address({ ...now, view: 'status', asset: null });
  });
}

function titleOf({ view, q, folder, source, asset }) {
  if (view === 'status') return 'Status – Assets';
  if (asset) return `${asset.path.slice(asset.path.lastIndexOf('/') + 1)} – Assets`;
  const place = folder === '/' ? source : folder;
  const parts = [q.trim(), place].filter(Boolean);
  return parts.length > 0 ? `${parts.join(' in ')} – Assets` : 'Assets';
}
