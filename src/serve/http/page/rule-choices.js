// The choices of the rules editor, and the `include` and `exclude` of the API: turns one into the other.
//
// It checks no rule: the server does.

/** The four choices of imgix, and one more for exceptions. `lists` are the lists that a person writes. */
export const CHOICES = [
  { id: 'include_all', label: 'Include all paths', lists: [] },
  { id: 'include', label: 'Include these paths', lists: ['include'] },
  { id: 'include_except', label: 'Include these paths, with exceptions', lists: ['include', 'exclude'] },
  { id: 'exclude', label: 'Exclude these paths', lists: ['exclude'] },
  { id: 'exclude_all', label: 'Exclude all paths', lists: [] },
];

/** The choice and the lists, one rule on each line, of the `rules` of the API. */
export function choiceOf({ include, exclude } = {}) {
  const lists = { include: linesOf(include), exclude: linesOf(exclude) };
  if (exclude === 'all') return { choice: 'exclude_all', ...lists };
  const hasInclude = Array.isArray(include);
  const hasExclude = Array.isArray(exclude) && exclude.length > 0;
  if (hasInclude) return { choice: hasExclude ? 'include_except' : 'include', ...lists };
  return { choice: hasExclude ? 'exclude' : 'include_all', ...lists };
}

/** The `include` and `exclude` of a choice. A list that the choice does not use is left out. */
export function selectionsOf({ choice, include, exclude }) {
  if (choice === 'exclude_all') return { exclude: 'all' };
  const lists = CHOICES.find(({ id }) => id === choice)?.lists ?? [];
  const texts = { include, exclude };
  return Object.fromEntries(lists.map((name) => [name, rulesOf(texts[name])]));
}

const linesOf = (rules) => (Array.isArray(rules) ? rules.join('\n') : '');

/** The rules of a text with one rule on each line. Spaces around a rule come from pasting. */
export const rulesOf = (text) => text.split('\n').map((line) => line.trim()).filter(Boolean);

/** Whether the form shows this list. */
export const usesList = (choice, name) => CHOICES.find(({ id }) => id === choice)?.lists.includes(name) ?? false;
