// The date in the typed text: reads and writes its term `modified:`. It does not touch the document.

import { termsOf } from './correct.js';

/** The ranges that one press selects. */
export const PRESETS = [
  { title: 'Today', term: 'modified:today' },
  { title: 'Yesterday', term: 'modified:yesterday' },
  { title: 'Last week', term: 'modified:"last week"' },
  { title: 'Last month', term: 'modified:"last month"' },
  { title: 'This year', term: 'modified:"this year"' },
];

const isDate = ({ text }) => /^(modified|date):/i.test(text);

/** The date in the text; empty if there is none. */
export const dateOf = (typed) => termsOf(typed).find(isDate)?.text ?? '';

/** The term for the days from one to another, which both belong to it. Each may be empty. */
export function rangeTerm(from, to) {
  if (from && to) return from <= to ? `modified:${from}..${to}` : `modified:${to}..${from}`;
  if (from) return `modified:>=${from}`;
  return to ? `modified:<=${to}` : '';
}

/** The days of a term that `rangeTerm` has made; empty texts for another term. */
export function daysOf(term) {
  const day = '(\\d{4}-\\d{2}-\\d{2})';
  const [, from = '', to = ''] = new RegExp(`^modified:${day}\\.\\.${day}$`).exec(term) ?? [];
  const [, sign, one = ''] = new RegExp(`^modified:([<>])=${day}$`).exec(term) ?? [];
  return { from: from || (sign === '>' ? one : ''), to: to || (sign === '<' ? one : '') };
}

/** The text with this date instead of its own. An empty term removes the date. */
export function withDate(typed, term) {
  let rest = typed;
  for (let own = termsOf(rest).find(isDate); own; own = termsOf(rest).find(isDate)) ({ rest } = own);
  rest = rest.trim();
  if (!term || !rest) return term || rest;
  // Without parentheses, the date would belong only to the right side of an OR.
  return `${hasOuterOr(rest) ? `(${rest})` : rest} ${term}`;
}

/** Whether the text has an OR outside of parentheses and quotation marks. */
function hasOuterOr(typed) {
  let outer = typed.replace(/"[^"]*"/g, '');
  for (let all = null; all !== outer;) {
    all = outer;
    outer = all.replace(/\([^()]*\)/g, ' ');
  }
  return /(^|\s)(OR|\|)(\s|$)/.test(outer);
}
