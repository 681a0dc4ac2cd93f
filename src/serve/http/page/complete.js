// Completes fields and values of the query language: what can be written next. It neither sends requests nor draws.

/** Maximum number of values that are offered. */
const MAX_VALUES = 8;
/** Minimum number of letters of a field before it is offered, so that most words are left alone. */
const MIN_LETTERS = 2;

/** The fields that are offered: what they mean, and their values. `counted` values come from the shown result. */
const FIELDS = {
  type: { about: 'kind of file', values: ['image', 'video', 'audio', 'document', 'archive', 'font', '3d', 'raw', 'pdf', 'other'] },
  ext: { about: 'file extension', counted: 'ext' },
  size: { about: 'size', values: ['>1mb', '>10mb', '>100mb', '<100kb', '1mb..10mb'] },
  modified: { about: 'when it was last changed', values: ['today', 'yesterday', '"last week"', '"last month"', '"this year"', '<7d', '<30d'] },
  created: { about: 'when the index first saw it', values: ['today', 'yesterday', '"last week"', '"last month"', '"this year"', '<7d', '<30d'] },
  name: { about: 'words in the file name' },
  folder: { about: 'folder and everything below it' },
  path: { about: 'path, with * and **' },
  storage: { about: 'storage class', counted: 'storage' },
  source: { about: 'Source' },
};

/**
 * What the end of the typed text can be completed to: a field, or a value of `field`. `before` is the text in front of
 * it, and `part` what is typed of it. `null` if it is neither.
 */
export function unfinished(typed) {
  const value = /^(|.*[\s(])(-?)([a-z]+):=?("[^"]*|[^\s"()]*)$/is.exec(typed);
  if (value) {
    const [, before, sign, name, part] = value;
    const field = name.toLowerCase();
    return field in FIELDS ? { before: before + sign, field, part } : null;
  }
  const marks = typed.match(/"/g) ?? [];
  const name = marks.length % 2 === 0 && /^(|.*[\s(])(-?)([a-z]+)$/is.exec(typed);
  if (!name || name[3].length < MIN_LETTERS) return null;
  return { before: name[1] + name[2], field: null, part: name[3] };
}

/** The facet that has the values of a field; `null` if no facet has them. */
export const facetOf = (field) => FIELDS[field]?.counted ?? null;

/** The texts that complete what is unfinished, each with a note. `counts` are the values of the facet and their counts. */
export function completions({ field, part }, { counts = [], sources = [] } = {}) {
  const typed = part.replace(/^"/, '').toLowerCase();
  if (field === null) {
    const names = Object.keys(FIELDS).filter((name) => name.startsWith(typed) && name !== typed);
    return names.map((name) => ({ text: `${name}:`, note: FIELDS[name].about }));
  }
  const known = field === 'source'
    ? sources.map((name) => ({ text: written(name), source: name, note: 'Source' }))
    : counts.length > 0
      ? counts.map(({ value, count }) => ({ text: written(value), count }))
      : (FIELDS[field].values ?? []).map((text) => ({ text }));
  const plain = (text) => text.replaceAll('"', '').toLowerCase();
  return known
    .filter(({ text }) => plain(text).startsWith(typed) && plain(text) !== typed)
    .slice(0, MAX_VALUES)
    .map(({ text, ...others }) => ({ text: `${field}:${text}`, ...others }));
}

/** A value, in quotation marks if it would end earlier without them. */
const written = (value) => (/^[\w.<>=-]+$/.test(value) ? value : `"${value.replace(/["\\]/g, '\\$&')}"`);
