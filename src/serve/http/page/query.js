// Combines the typed text, the folder and the filters into one search in the query language.

import { NEWEST, isNewestPreferred } from './newest.js';

/** The groups of filters: the facet of /v1/search, its title, and the field of the query language. `ext:jpg` would also
 *  find `jpeg`, which the facet counts separately. */
export const GROUPS = [
  { id: 'type', title: 'Type', field: 'type' },
  { id: 'ext', title: 'Extension', field: 'ext', sign: ':=' },
  { id: 'size', title: 'Size', field: 'size' },
  { id: 'month', title: 'Modified', field: 'modified' },
  { id: 'storage', title: 'Storage class', field: 'storage' },
];

/** Whether the text is the address of an asset: an S3 URI, an ARN or a URL. It is then the whole search. */
export const isAddress = (text) => /^\s*(s3:\/\/|https?:\/\/|arn:[^:]*:s3:::)/i.test(text);

/**
 * The search of a state.
 *
 * @param {import('./state.js').State} state
 * @param {string} without  a group whose filters are left out, to count its other values
 * @returns {{text: string, typing: boolean, shift: number}} `typing` says whether the last word may be unfinished, and
 *     `shift` is the number of characters before the typed text
 */
export function searchOf(state, without = '') {
  if (isAddress(state.q)) return { text: state.q.trim(), typing: false, shift: 0 };
  const typing = isTyping(state.q);
  const typed = typing ? state.q : asPrefix(state.q);
  // Without parentheses, terms after an OR would belong only to its right side.
  const needsParentheses = /(^|[\s)])OR([\s(]|$)/.test(typed);
  const terms = [folderTerm(state), ...filterTerms(state.filters, without)].filter(Boolean);
  if (!typed.trim() || !needsParentheses || terms.length === 0) {
    return { text: [typed.trimEnd(), ...terms].filter(Boolean).join(' '), typing, shift: 0 };
  }
  return { text: [`(${typed.trimEnd()})`, ...terms].join(' '), typing, shift: 1 };
}

/** Whether the text ends in a plain word of a search without parentheses and OR. The server then completes it. */
function isTyping(typed) {
  const word = lastWord(typed);
  const isPlain = word && !OPERATORS.has(word) && !/[()]|(^|\s)OR(\s|$)/.test(typed);
  return Boolean(isPlain) && /(^|\s)$/.test(typed.slice(0, typed.length - word.length));
}

/** Makes the word that is being typed match all words that start with it, until a space follows it. */
export function asPrefix(typed) {
  if (isQuotationOpen(typed)) return `${typed}"`;
  const word = lastWord(typed);
  return word && !OPERATORS.has(word) ? `${typed}*` : typed;
}

const OPERATORS = new Set(['AND', 'OR', 'NOT']);

/** The last word, if it is a plain word; otherwise empty. */
export function lastWord(typed) {
  if (isQuotationOpen(typed)) return '';
  const [, word] = /(?:^|[\s(])-?([\p{L}\p{N}][\p{L}\p{N}\p{M}_.-]*)$/u.exec(typed) ?? [];
  return word && /[\p{L}\p{N}\p{M}]$/u.test(word) ? word : '';
}

/**
 * Splits the typed text into the word that suggestions complete, and the query that suggested assets must also match.
 * The word is empty if there is nothing to complete.
 */
export function completionOf(typed) {
  const word = isAddress(typed) ? '' : lastWord(typed);
  const before = typed.slice(0, typed.length - word.length);
  // A part of a group or of an OR is no query of its own, and the word may be one to exclude.
  const hasGroups = /[()|]|(^|\s)OR(\s|$)/.test(before);
  return { word, within: hasGroups ? '' : before.replace(/(^|\s)(-|(AND|NOT)\s*)$/, '').trim() };
}

function isQuotationOpen(typed) {
  const marks = typed.replace(/\\["\\]/g, '').match(/"/g) ?? [];
  return marks.length % 2 === 1;
}

function folderTerm({ folder, level }) {
  if (level) return `folder:=${quoted(folder)}`;
  return folder === '/' ? '' : `folder:${quoted(folder)}`;
}

/** One term for each group. An asset must match all groups, and one value of each. */
function filterTerms(filters, without) {
  const groups = GROUPS.filter(({ id }) => id !== without);
  return groups.map(({ id, field, sign = ':' }) => {
    const terms = filters.filter(({ group }) => group === id).map(({ value }) => `${field}${sign}${termValue(id, value)}`);
    return terms.length > 1 ? `(${terms.join(' OR ')})` : terms[0];
  });
}

/** Sizes, months and types are written without quotes; values from keys are quoted. */
const termValue = (group, value) => (group === 'size' || group === 'month' || group === 'type' ? unquoted(value) : quoted(value));

/** The value without quotes, unless it could end the term: an address can contain anything. */
const unquoted = (value) => (/^[\w.<>=-]+$/.test(value) ? value : quoted(value));

const quoted = (text) => `"${text.replace(/["\\]/g, '\\$&')}"`;

/** The sort orders: name in /v1/search, title, and sign of the default direction. */
export const ORDERS = [
  { id: 'relevance', title: 'Relevance', first: '' },
  { id: 'name', title: 'Name', first: '' },
  { id: 'path', title: 'Path', first: '' },
  { id: 'modified', title: 'Modified', first: '-' },
  { id: 'size', title: 'Size', first: '-' },
  { id: 'created', title: 'First seen', first: '-' },
];

/**
 * The sort order of a state. Without one in the address, it is "newest first" if the user prefers that, else relevance
 * if there is a search text, else path.
 */
export const orderOf = ({ sort, q }) => sort || (isNewestPreferred() ? NEWEST : q.trim() ? 'relevance' : 'path');
