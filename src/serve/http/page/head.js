// The controls above the results: folder path, sort order, and grid or list.

import { byId, el, fill, foreign, opensElsewhere, set } from './dom.js';
import { icon } from './icons.js';
import { addressWith, go, state, watch } from './state.js';
import { NEWEST, rememberOrder } from './newest.js';
import { ORDERS, orderOf } from './query.js';

/** Makes the controls work. */
export function startHead() {
  const [sort, direction, level] = ['sort', 'direction', 'level'].map(byId);
  fill(sort, ORDERS.map(({ id, title }) => el('option', { value: id }, title)));
  sort.addEventListener('change', () => {
    const { id, first } = ORDERS.find((order) => order.id === sort.value);
    sortBy(first + id);
  });
  direction.addEventListener('click', () => {
    const now = orderOf(state);
    sortBy(now.startsWith('-') ? now.slice(1) : `-${now}`);
  });
  byId('newest').addEventListener('click', () => sortBy(orderOf(state) === NEWEST ? '' : NEWEST));
  level.addEventListener('change', () => go({ level: level.checked }));
  byId('as-grid').addEventListener('click', () => go({ layout: 'grid' }));
  byId('as-list').addEventListener('click', () => go({ layout: 'list' }));
  startSide();
  watch(show);
}

/** Sorts the results; empty for the default order. */
function sortBy(order) {
  rememberOrder(order);
  go({ sort: order });
}

function show(now) {
  const order = orderOf(now);
  const isReversed = order.startsWith('-');
  byId('sort').value = isReversed ? order.slice(1) : order;
  const direction = byId('direction');
  const label = isReversed ? 'Descending' : 'Ascending';
  set(direction, { 'aria-label': `Direction: ${label.toLowerCase()}`, title: label });
  // The least relevant assets first are of no use.
  direction.hidden = order === 'relevance';
  byId('newest').setAttribute('aria-pressed', String(order === NEWEST));
  fill(direction, icon(isReversed ? 'down' : 'up'));
  byId('level').checked = now.level;
  byId('as-grid').setAttribute('aria-pressed', String(now.layout === 'grid'));
  byId('as-list').setAttribute('aria-pressed', String(now.layout === 'list'));
  fill(byId('crumbs'), crumbs(now));
}

function crumbs({ source, folder }) {
  const steps = [{ name: 'All Sources', to: { source: '', folder: '/' } }];
  if (source) steps.push({ name: source, to: { source, folder: '/' } });
  let at = 1;
  while (at < folder.length) {
    const end = folder.indexOf('/', at);
    steps.push({ name: folder.slice(at, end) || '/', to: { source, folder: folder.slice(0, end + 1) } });
    at = end + 1;
  }
  return steps.map(({ name, to }, index) => {
    const isLast = index === steps.length - 1;
    const follow = (event) => {
      if (opensElsewhere(event)) return;
      event.preventDefault();
      go({ ...to, asset: null });
    };
    const link = el('a', { href: addressWith({ ...to, asset: null }), onclick: follow, 'aria-current': isLast && 'page' }, foreign(name));
    return el('li', {}, link);
  });
}

/** Makes the panel of folders and filters open and close on narrow screens, where it covers the assets. */
function startSide() {
  const [side, opener] = [byId('side'), byId('side-open')];
  const behind = [byId('main'), document.querySelector('.bar')];
  const show = (isOpen) => {
    side.classList.toggle('open', isOpen);
    byId('shade').classList.toggle('open', isOpen);
    opener.setAttribute('aria-expanded', String(isOpen));
    for (const element of behind) element.inert = isOpen;
    if (isOpen) byId('side-close').focus();
    else if (side.contains(document.activeElement)) opener.focus();
  };
  const isOpen = () => side.classList.contains('open');
  opener.addEventListener('click', () => show(true));
  byId('side-close').addEventListener('click', () => show(false));
  byId('shade').addEventListener('click', () => show(false));
  side.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && isOpen()) show(false);
  });
  // Close the panel after the user has gone to a folder, but not after a filter: users often set several.
  watch((now, before) => {
    const went = before && (now.folder !== before.folder || now.source !== before.source);
    if (went && isOpen()) show(false);
  });
  matchMedia('(min-width: 60rem)').addEventListener('change', () => isOpen() && show(false));
}
