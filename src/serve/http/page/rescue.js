// What helps after a search without results: a corrected word, and whatever narrows the search too much.

import { announce, el, foreign, foreignPath } from './dom.js';
import { counted, facetValue, number } from './format.js';
import { get, isAborted } from './api.js';
import { go, state } from './state.js';
import { GROUPS, searchOf } from './query.js';
import { corrected, termsOf, withoutQuotationMarks, wordsOf } from './correct.js';

/** Maximum number of filters and other restrictions that are tried. Each is a search. */
const MAX_TRIED = 8;
/** Number at which counting stops. The button says "more than" then. */
const MAX_COUNTED = 1000;

/** Adds buttons to a list of actions, each of which leads to assets. The server is asked, so none of them disappoints. */
export async function offerRescue(actions, signal) {
  try {
    const [correction, ...removals] = await Promise.all([correctedSearch(signal), ...ways().map((way) => tried(way, signal))]);
    const buttons = removals.filter(({ total }) => total.value > 0).map(removal);
    actions.prepend(...(correction ? [didYouMean(correction)] : []), ...buttons);
  } catch (error) {
    // The other buttons remain.
    if (!isAborted(error)) announce(error.message);
  }
}

/**
 * What narrows the search: the filters, the terms with a field and the quotation marks of the typed text, the folder and
 * the Source. Each has the state without it.
 */
function ways() {
  const filters = state.filters.map(({ group, value }) => ({
    name: [GROUPS.find(({ id }) => id === group).title, ' ', foreign(facetValue(group, value))],
    changes: { filters: state.filters.filter((other) => other.group !== group || other.value !== value) },
  }));
  const terms = termsOf(state.q).map(({ text, rest }) => ({ name: [foreign(text)], changes: { q: rest } }));
  const plain = withoutQuotationMarks(state.q);
  const marks = plain !== state.q && { name: ['the quotation marks'], changes: { q: plain } };
  return [...filters, ...terms, marks, ...places()].filter(Boolean).slice(0, MAX_TRIED);
}

/** The folder and the Source of the state. */
function places() {
  const { source, folder, level } = state;
  const isBelow = folder !== '/';
  return [
    level && { name: ['“This folder only”'], changes: { level: false } },
    isBelow && { name: ['the folder ', foreignPath(folder)], changes: { folder: '/', level: false } },
    // In another Source, the folder is another one.
    source && { name: ['the Source ', foreign(source), isBelow && ' and the folder'], changes: { source: '', folder: '/', level: false } },
  ];
}

async function tried(way, signal) {
  const wider = { ...state, ...way.changes };
  const { text, typing } = searchOf(wider);
  try {
    const { meta } = await get('/v1/search', { q: text, typing: typing && 'true', source: wider.source, sort: 'path', limit: 1, total: MAX_COUNTED }, signal);
    return { ...way, total: meta.total };
  } catch (error) {
    // Without this term, the text may be no query: `a OR` for example.
    if (error.column === null || error.column === undefined) throw error;
    return { ...way, total: { value: 0 } };
  }
}

function removal({ name, changes, total: { value, relation } }) {
  const count = relation === 'eq' ? counted(value, 'asset') : `more than ${number(value)} assets`;
  return el('button', { class: 'button', type: 'button', onclick: () => go(changes) }, el('span', {}, 'Remove ', name), el('span', { class: 'note' }, count));
}

/**
 * The typed text with the words that the index has instead of those that it does not have; `null` if nothing helps. If
 * quotation marks or terms with a field are in the way even then, it is only the words.
 */
async function correctedSearch(signal) {
  const words = wordsOf(state.q);
  if (words.length === 0) return null;
  const find = (q) => get('/v1/search', { q: searchOf({ ...state, q }).text, source: state.source, limit: 1, total: 1 }, signal);
  // Plain words are forgiven, which words in quotation marks or with an operator are not.
  const plain = words.join(' ');
  const { meta, data } = await find(plain);
  if (data.length === 0) return null;
  const instead = (meta.interpretation?.words ?? []).filter(({ found, shown }) => !found && shown.length > 0);
  if (instead.length === 0) return null;
  const wanted = corrected(state.q, instead);
  return (await find(wanted)).data.length > 0 ? wanted : corrected(plain, instead);
}

const didYouMean = (q) => el('button', { class: 'button strong', type: 'button', onclick: () => go({ q }) }, el('span', {}, 'Did you mean ', foreign(q), '?'));
