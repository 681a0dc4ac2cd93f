// The list layout: the assets as a table. A click on a column heading sorts.

import { el, set } from './dom.js';
import { icon } from './icons.js';
import { date, facetValue, size, time } from './format.js';
import { go, state } from './state.js';
import { rememberOrder } from './newest.js';
import { ORDERS, orderOf } from './query.js';
import { pickBox } from './selecting.js';
import { ArrowKeys, link, markedFolder, markedName } from './cards.js';
import { thumb } from './thumbs.js';

const COLUMNS = [
  { title: 'Name', order: 'name', class: 'col-name' },
  { title: 'Folder', order: 'path', class: 'col-folder' },
  { title: 'Type', order: null, class: 'col-type' },
  { title: 'Size', order: 'size', class: 'col-size' },
  { title: 'Modified', order: 'modified', class: 'col-date' },
];

/** The table of assets. */
export class Rows {
  #body = el('tbody');
  element = el('div', { class: 'rows-box' }, el('table', { class: 'rows' }, el('caption', { class: 'hidden' }, 'Assets'), el('thead', {}, el('tr', {}, COLUMNS.map(heading))), this.#body));
  #keyboard = new ArrowKeys(this.#body);

  add(hits) {
    const fragment = document.createDocumentFragment();
    for (const hit of hits) {
      const a = link(hit, { class: 'row-link' }, thumb(hit), el('span', { class: 'row-name' }, markedName(hit)));
      this.#keyboard.add(hit, a);
      const folder = el('span', {}, !state.source && el('span', { class: 'row-source' }, hit.source), markedFolder(hit));
      fragment.append(el(
        'tr',
        {},
        el('td', { class: 'col-name' }, a, pickBox(hit, a)),
        el('td', { class: 'col-folder' }, folder),
        el('td', { class: 'col-type' }, hit.ext ? hit.ext.toUpperCase() : facetValue('type', hit.type)),
        el('td', { class: 'col-size' }, size(hit.size)),
        el('td', { class: 'col-date', title: time(hit.last_modified) }, date(hit.last_modified)),
      ));
    }
    this.#body.append(fragment);
  }

  focus(asset) {
    return this.#keyboard.focus(asset);
  }
}

function heading({ title, order, class: name }) {
  const cell = el('th', { scope: 'col', class: name });
  if (!order) {
    cell.append(title);
    return cell;
  }
  const current = orderOf(state);
  const isReversed = current === `-${order}`;
  const isSorted = isReversed || current === order;
  const { first } = ORDERS.find(({ id }) => id === order);
  const next = isSorted ? (isReversed ? order : `-${order}`) : first + order;
  const sort = () => {
    rememberOrder(next);
    go({ sort: next });
  };
  if (isSorted) set(cell, { 'aria-sort': isReversed ? 'descending' : 'ascending' });
  cell.append(el('button', { class: 'plain sorter', type: 'button', onclick: sort }, title, isSorted && icon(isReversed ? 'down' : 'up')));
  return cell;
}
