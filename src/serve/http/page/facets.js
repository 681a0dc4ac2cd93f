// The filters: the number of assets for each type, extension, size, month and storage class.

import { byId, el, fill, foreign } from './dom.js';
import { icon } from './icons.js';
import { compact, counted, facetValue } from './format.js';
import { go, state } from './state.js';
import { GROUPS } from './query.js';

/** Number of values of a group that are shown until the group is expanded. */
const SHOWN = 6;

/** Number of subfolders that are shown until all are, on wide and on narrow screens. */
const [WIDE_FOLDERS, NARROW_FOLDERS] = [12, 5];
const narrow = matchMedia('(max-width: 40rem)');

/** The groups that show all their values. */
const expanded = new Set();

/** The last counts, to draw them again. */
let counts = {};

const isActive = (group, value) => state.filters.some((filter) => filter.group === group && filter.value === value);

/** Adds or removes a filter. */
function toggle(group, value) {
  const others = state.filters.filter((filter) => filter.group !== group || filter.value !== value);
  const filters = others.length < state.filters.length ? others : [...others, { group, value }];
  go({ filters, asset: null });
}

/** Shows the counts of all groups; `null` if they are unknown. */
export function showFacets(facets) {
  counts = facets ?? {};
  const focused = document.activeElement?.dataset?.facet;
  fill(byId('facets'), GROUPS.map((group) => section(group, counts[group.id])));
  if (focused) document.querySelector(`[data-facet="${CSS.escape(focused)}"]`)?.focus();
}

function section({ id, title }, facet) {
  const buckets = facet?.buckets ?? [];
  // Show an active filter even if its value has no assets, so that it can be removed.
  const missing = state.filters.filter(({ group, value }) => group === id && !buckets.some((bucket) => bucket.value === value));
  const all = [...missing.map(({ value }) => ({ value, count: 0 })), ...buckets];
  if (all.length === 0) return null;
  const most = Math.max(1, ...all.map(({ count }) => count));
  const isShort = !expanded.has(id) && all.length > SHOWN + 1;
  const shown = isShort ? all.filter(({ value }, at) => at < SHOWN || isActive(id, value)) : all;
  return el(
    'details',
    { class: 'facet', open: true },
    el('summary', {}, title, icon('chevron')),
    el('ul', {}, shown.map((bucket) => line(id, bucket, most))),
    isShort && el('button', { class: 'plain facet-more', type: 'button', dataset: { facet: `more ${id}` }, onclick: () => expand(id) }, `${all.length - shown.length} more`),
    !isShort && facet?.more && el('p', { class: 'note' }, 'Not all values are shown. Use the search to find the others.'),
  );
}

function expand(id) {
  expanded.add(id);
  showFacets(counts);
}

function line(group, { value, count }, most) {
  const pressed = isActive(group, value);
  return el(
    'li',
    {},
    el(
      'button',
      {
        class: 'facet-value plain', type: 'button', 'aria-pressed': String(pressed),
        dataset: { facet: `${group} ${value}` }, style: { '--share': count / most },
        onclick: () => toggle(group, value),
      },
      el('span', { class: 'box' }, pressed && icon('check')),
      foreign(facetValue(group, value), { class: 'facet-name' }),
      el('span', { class: 'facet-count', title: counted(count, 'asset') }, compact(count)),
    ),
  );
}

/** Shows the active filters. A click on a filter removes it. */
export function showChips() {
  const chips = state.filters.map(({ group, value }) => {
    const label = facetValue(group, value);
    const { title } = GROUPS.find(({ id }) => id === group);
    return el(
      'li',
      {},
      el('button', { class: 'chip', type: 'button', onclick: () => toggle(group, value) }, el('span', { class: 'hidden' }, 'Remove the filter'), el('span', { class: 'chip-group' }, title), foreign(label), icon('close')),
    );
  });
  if (chips.length > 1) {
    chips.push(el('li', {}, el('button', { class: 'plain link', type: 'button', onclick: () => go({ filters: [] }) }, 'Remove all')));
  }
  const [list, badge] = [byId('chips'), byId('side-count')];
  fill(list, chips);
  list.hidden = chips.length === 0;
  badge.hidden = chips.length === 0;
  badge.textContent = state.filters.length;
}

/** The folder whose subfolders are all shown; `null` if only the first ones are. */
let expandedFolder = null;

/** Shows the subfolders in which the search finds assets. */
export function showFolders(facet) {
  const list = byId('folders');
  const buckets = state.level ? [] : (facet?.buckets ?? []);
  const most = narrow.matches ? NARROW_FOLDERS : WIDE_FOLDERS;
  const isShort = expandedFolder !== state.folder && buckets.length > most + 1;
  const shown = isShort ? buckets.slice(0, most) : buckets;
  const rest = buckets.length - shown.length;
  const expand = () => {
    expandedFolder = state.folder;
    showFolders(facet);
    list.children[most].querySelector('button').focus();
  };
  fill(
    list,
    shown.map(folderChip),
    isShort && el('li', {}, el('button', { class: 'folder folder-more', type: 'button', 'aria-expanded': 'false', onclick: expand }, `+${rest} more${facet.more ? ' …' : ''}`)),
    !isShort && facet?.more && el('li', { class: 'note' }, 'Not all folders are shown. The tree at the side has the others.'),
  );
  list.hidden = buckets.length === 0;
}

function folderChip({ value, count }) {
  const name = value.slice(state.folder.length, -1) || value;
  const enter = () => go({ folder: value, asset: null });
  return el('li', {}, el('button', { class: 'folder', type: 'button', onclick: enter }, icon('folder'), foreign(name), el('span', { class: 'folder-count', title: counted(count, 'asset') }, compact(count))));
}
