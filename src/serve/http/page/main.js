// Starts the page: each part follows the state in the address bar, and this says which part when.

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

/** What the results depend on. */
const wanted = (of) => JSON.stringify([searchOf(of).text, of.source, of.folder, of.sort || !of.q.trim()]);

/** What the results were last loaded for. */
let loaded = null;

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
  if (loaded !== wanted(now)) {
    loaded = wanted(now);
    // Who looks for something else looks from its beginning.
    if (before?.view === 'search') scrollTo(0, 0);
    results.load();
  } else if (before && before.layout !== now.layout) results.redraw();
  const isOther = JSON.stringify(now.asset) !== JSON.stringify(before?.asset ?? null);
  if (isOther) detail.show(now.asset);
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

/** The links between the views keep what was searched. */
function startViews() {
  const follow = (id, to) => byId(id).addEventListener('click', (event) => {
    if (opensElsewhere(event)) return;
    event.preventDefault();
    go(to());
  });
  const nothing = { q: '', source: '', folder: '/', level: false, sort: '', filters: [], asset: null };
  follow('home', () => ({ ...nothing, view: 'search' }));
  follow('to-search', () => ({ view: 'search' }));
  follow('to-status', () => ({ view: 'status', asset: null }));
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
