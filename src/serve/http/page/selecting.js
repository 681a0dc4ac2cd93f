// Lets the user select shown assets: with check boxes, clicks, Shift and the keyboard.

import { byId, el, set, visible } from './dom.js';
import { searchOf } from './query.js';
import { state, watch } from './state.js';
import { Selection } from './selection.js';
import { SelectionBar } from './selection-bar.js';

const selection = new Selection();

/** The asset of each check box and of each link to an asset. */
const hits = new WeakMap();
/** The link next to each check box. */
const links = new WeakMap();

/**
 * The check box of an asset. `link` is the link that opens the asset.
 *
 * Tab does not reach it: Space on the link does the same, so that Tab leaves the results with one press.
 */
export function pickBox(hit, link) {
  const box = el('input', { class: 'pick', type: 'checkbox', tabindex: '-1', 'aria-label': `Select ${visible(hit.name || hit.path)}` });
  hits.set(box, hit);
  hits.set(link, hit);
  links.set(box, link);
  draw(box);
  return box;
}

function draw(box) {
  const isSelected = selection.has(hits.get(box));
  const link = links.get(box);
  box.checked = isSelected;
  if (link.hasAttribute('aria-describedby') !== isSelected) set(link, { 'aria-describedby': isSelected && 'is-selected' });
}

/** Makes selecting work. `results` knows the shown assets. */
export function startSelecting(results) {
  const element = byId('results');
  const change = (act) => {
    act();
    for (const box of element.querySelectorAll('.pick')) draw(box);
    element.classList.toggle('selecting', selection.size > 0);
    bar.show();
  };
  const clear = () => {
    const wasInBar = byId('selection').contains(document.activeElement);
    const [first] = selection.hits;
    change(() => selection.clear());
    // The bar with the focus is gone.
    if (wasInBar) results.focus(first);
  };
  const addAll = () => change(() => selection.addAll(results.hits));
  const bar = new SelectionBar(selection, { onClear: clear, onAll: addAll });
  followClicks(element, results, change);
  followKeys(element, results, { change, clear, addAll });
  watch((now, before) => {
    // Another search shows other assets. Another order or layout does not.
    const isOther = before && (searchOf(now).text !== searchOf(before).text || now.source !== before.source);
    if (isOther && selection.size > 0) change(() => selection.clear());
  });
}

/** Follows clicks before the links do: while something is selected, a click on an asset selects instead of opening it. */
function followClicks(element, results, change) {
  element.addEventListener('click', (event) => {
    const target = event.target.closest('.pick, a');
    const hit = target && hits.get(target);
    // A click by the keyboard has no detail. Ctrl opens a new tab, as everywhere.
    const isOnBox = target?.matches('.pick');
    const isClick = isOnBox || (event.detail > 0 && !event.ctrlKey && !event.metaKey && !event.altKey);
    if (!hit || !isClick || !(isOnBox || event.shiftKey || selection.size > 0)) return;
    event.stopPropagation();
    if (!isOnBox) event.preventDefault();
    change(() => (event.shiftKey ? selection.extendTo(hit, results.hits) : selection.toggle(hit)));
    results.focus(hit);
  }, { capture: true });
  // A press with Shift would select the text of the page.
  element.addEventListener('mousedown', (event) => {
    if (event.shiftKey && event.target.closest('.pick, a')) event.preventDefault();
  });
}

function followKeys(element, results, { change, clear, addAll }) {
  // Whether the last key extended a range. The next Shift and arrow then continues it.
  let isExtending = false;
  // The arrow keys have moved the focus when the event arrives here.
  element.addEventListener('keydown', (event) => {
    if (event.key === 'Shift') return;
    const from = hits.get(event.target);
    const to = hits.get(document.activeElement);
    const isMove = event.shiftKey && from && to && from !== to;
    if (isMove) {
      change(() => {
        if (!isExtending) selection.anchorAt(from);
        selection.extendTo(to, results.hits);
      });
    } else if (event.key === ' ' && from && !event.ctrlKey && !event.altKey) {
      // Otherwise the page scrolls, and a check box with the focus is toggled a second time.
      event.preventDefault();
      change(() => selection.toggle(from));
    }
    isExtending = isMove;
  });
  document.addEventListener('keydown', (event) => {
    if (state.view !== 'search' || event.defaultPrevented || document.querySelector('dialog[open], :popover-open')) return;
    const { target } = event;
    if (event.key === 'Escape' && selection.size > 0 && !target.matches('.search input') && !byId('side').classList.contains('open')) clear();
    const isHere = target === document.body || (byId('main').contains(target) && !target.matches('select, input:not(.pick)'));
    const isAll = event.key.toLowerCase() === 'a' && (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey;
    if (!isAll || !isHere || results.hits.length === 0) return;
    event.preventDefault();
    addAll();
  });
}
