// Takes the typed text apart for corrections: its words, and its terms with a field. It does not search.

/** A term with a field, such as `-ext:jpg`, `modified:"last week"` or `size:>1 mb`. */
const TERM = /(^|[\s(])([-!]?[a-z_]+(?::=?|[<>]=?|=)(?:"[^"]*"|[<>]=?[\d.]+ [kmgt]?i?b\b|[^\s"()]+))/gi;

/** The fields whose values are words. */
const WORD_FIELDS = /^(name|filename):/i;

/** The terms with a field, each with the text that is left without it. */
export function termsOf(typed) {
  const isQuoted = ({ index }) => (typed.slice(0, index).split('"').length - 1) % 2 === 1;
  return [...typed.matchAll(TERM)].filter((match) => !isQuoted(match)).map(({ index, 1: space, 2: text }) => {
    const at = index + space.length;
    const rest = `${typed.slice(0, at)} ${typed.slice(at + text.length)}`.replace(/\s+/g, ' ').trim();
    return { text, rest };
  });
}

/** The words to find, without those that are excluded or belong to a field of another kind. */
export function wordsOf(typed) {
  const without = typed.replace(TERM, (term, space, text) => (WORD_FIELDS.test(text) ? `${space}${text.slice(text.indexOf(':') + 1)}` : space));
  const wanted = without.replace(/(^|[\s(])[-!]("[^"]*"|[^\s"()]+)/g, '$1').replace(/\bNOT\s+\S+/g, '');
  return (wanted.match(/[\p{L}\p{N}\p{M}]+/gu) ?? []).filter((word) => word !== 'OR' && word !== 'AND');
}

/** The text with the words of each quotation as plain words. Quotations that are values of a field stay. */
export function withoutQuotationMarks(typed) {
  return typed.replace(/(^|[\s(])([-!]?)"([^"]*)"/g, (quotation, space, sign, words) => (sign || !words.trim() ? quotation : `${space}${words.trim()}`));
}

/** The text with other words: `instead` has the written words, folded, and what is shown for each. */
export function corrected(typed, instead) {
  const other = new Map(instead.map(({ word, shown: [first] }) => [word, first]));
  return typed.replace(/[\p{L}\p{N}\p{M}]+/gu, (word) => other.get(folded(word)) ?? word);
}

const folded = (word) => word.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
