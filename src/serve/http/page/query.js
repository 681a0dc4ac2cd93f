// How what was typed, the folder and the chosen filters become one search in the query language.

/** What assets are filtered by: the facet of /v1/search, its title, and the field of the language. */
export const GROUPS = [
  { id: 'type', title: 'Type', field: 'type' },
  { id: 'ext', title: 'Extension', field: 'ext' },
  { id: 'size', title: 'Size', field: 'size' },
  { id: 'month', title: 'Modified', field: 'modified' },
  { id: 'storage', title: 'Storage class', field: 'storage' },
];

/**
 * The search of a state.
 *
 * @param {import('./state.js').State} state
 * @param {string} without  a group whose filters are left out, so that its other values are counted
 * @returns {{text: string, shift: number}} `shift` characters stand before what was typed
 */
export function searchOf(state, without = '') {
  const typed = opened(state.q);
  // Terms beside an OR would belong to its right side only.
  const alone = !/(^|[\s)])OR([\s(]|$)/.test(typed);
  const terms = [folderTerm(state), ...filterTerms(state.filters, without)].filter(Boolean);
  if (!typed.trim() || alone || terms.length === 0) {
    return { text: [typed.trimEnd(), ...terms].filter(Boolean).join(' '), shift: 0 };
  }
  return { text: [`(${typed.trimEnd()})`, ...terms].join(' '), shift: 1 };
}

/** While a word is being typed it stands for all that begins so; a space behind it closes it. */
export function opened(typed) {
  if (isQuotationOpen(typed)) return `${typed}"`;
  const word = lastWord(typed);
  return word && !OPERATORS.has(word) ? `${typed}*` : typed;
}

const OPERATORS = new Set(['AND', 'OR', 'NOT']);

/** The word at the end, where it is a plain one; else nothing. */
export function lastWord(typed) {
  if (isQuotationOpen(typed)) return '';
  const [, word] = /(?:^|[\s(])-?([\p{L}\p{N}][\p{L}\p{N}\p{M}_.-]*)$/u.exec(typed) ?? [];
  return word && /[\p{L}\p{N}\p{M}]$/u.test(word) ? word : '';
}

function isQuotationOpen(typed) {
  const marks = typed.replace(/\\["\\]/g, '').match(/"/g) ?? [];
  return marks.length % 2 === 1;
}

function folderTerm({ folder, level }) {
  if (level) return `folder:=${quoted(folder)}`;
  return folder === '/' ? '' : `folder:${quoted(folder)}`;
}

/** Values of one group are alternatives; the groups must all hold. */
function filterTerms(filters, without) {
  const groups = GROUPS.filter(({ id }) => id !== without);
  return groups.map(({ id, field }) => {
    const terms = filters.filter(({ group }) => group === id).map(({ value }) => `${field}:${written(id, value)}`);
    return terms.length > 1 ? `(${terms.join(' OR ')})` : terms[0];
  });
}

/** Sizes and months are written bare; what is taken from keys is quoted. */
const written = (group, value) => (group === 'size' || group === 'month' || group === 'type' ? bare(value) : quoted(value));

/** An address can hold anything: what could end the term is no value of such a facet. */
const bare = (value) => (/^[\w.<>=-]+$/.test(value) ? value : quoted(value));

const quoted = (text) => `"${text.replace(/["\\]/g, '\\$&')}"`;

/** The orders: what /v1/search calls them, and which direction comes first. */
export const ORDERS = [
  { id: 'relevance', title: 'Relevance', first: '' },
  { id: 'name', title: 'Name', first: '' },
  { id: 'path', title: 'Path', first: '' },
  { id: 'modified', title: 'Modified', first: '-' },
  { id: 'size', title: 'Size', first: '-' },
  { id: 'created', title: 'First seen', first: '-' },
];

/** The order of a state, with what fits the search where none was chosen. */
export const orderOf = ({ sort, q }) => sort || (q.trim() ? 'relevance' : 'path');
