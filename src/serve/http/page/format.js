// Formats numbers, sizes, dates and values of filters for people.

const count = new Intl.NumberFormat();
const short = new Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 1 });
const decimal = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const monthName = new Intl.DateTimeFormat(undefined, { month: 'long', year: 'numeric', timeZone: 'UTC' });
const ago = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });

/** 12,345 */
export const number = (value) => count.format(value);

/** 12.3K, for small spaces. */
export const compact = (value) => short.format(value);

/** 1 asset, 2 assets. */
export const counted = (value, one, many = `${one}s`) => `${number(value)} ${value === 1 ? one : many}`;

/** A message of the server as a sentence: it begins with a lower-case letter. */
export const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

const SIZE_UNITS = ['kB', 'MB', 'GB', 'TB', 'PB'];

/** 1.2 MB, with units of 1000 as in the query language. */
export function size(bytes) {
  if (bytes < 1000) return `${number(bytes)} B`;
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 999.95 && unit < SIZE_UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${decimal.format(value)} ${SIZE_UNITS[unit]}`;
}

/** Nov 24, 2026 */
export const date = (text) => (text ? day.format(new Date(text)) : '–');

/** Nov 24, 2026, 3:35:19 PM */
export const time = (text) => (text ? moment.format(new Date(text)) : '–');

const STEPS = [[60, 'second', 1], [3600, 'minute', 60], [86400, 'hour', 3600], [2592000, 'day', 86400], [31536000, 'month', 2592000], [Infinity, 'year', 31536000]];

/** 3 minutes ago */
export function since(text) {
  const seconds = (Date.now() - new Date(text).getTime()) / 1000;
  const [, unit, length] = STEPS.find(([end]) => Math.abs(seconds) < end);
  return ago.format(-Math.round(seconds / length), unit);
}

/** 320 ms, 4.2 s, 3 min 5 s, 2 h 5 min, 4 d 2 h */
export function duration(seconds) {
  if (seconds < 1) return `${number(Math.round(seconds * 1000))} ms`;
  if (seconds < 60) return `${decimal.format(seconds)} s`;
  const [big, small, length, of] = seconds < 3600 ? ['min', 's', 60, 1] : seconds < 86400 ? ['h', 'min', 3600, 60] : ['d', 'h', 86400, 3600];
  return `${Math.floor(seconds / length)} ${big} ${Math.floor((seconds % length) / of)} ${small}`;
}

const TYPES = {
  image: 'Images', video: 'Videos', audio: 'Audio', document: 'Documents',
  archive: 'Archives', font: 'Fonts', '3d': '3D models', other: 'Other',
};

const STORAGE = {
  STANDARD: 'Standard', STANDARD_IA: 'Standard-IA', ONEZONE_IA: 'One Zone-IA', REDUCED_REDUNDANCY: 'Reduced redundancy',
  INTELLIGENT_TIERING: 'Intelligent-Tiering', GLACIER: 'Glacier', GLACIER_IR: 'Glacier Instant Retrieval',
  DEEP_ARCHIVE: 'Deep Archive', EXPRESS_ONEZONE: 'Express One Zone', OUTPOSTS: 'Outposts', SNOW: 'Snow',
};

/** A value of a facet in words. Unknown values are returned unchanged. */
export function facetValue(group, value) {
  if (group === 'type') return TYPES[value] ?? value;
  if (group === 'storage') return STORAGE[value] ?? value;
  if (group === 'size') return sizeRange(value);
  if (group === 'month') return month(value);
  return value;
}

/** `100kb..<1mb` as 100 kB – 1 MB. */
function sizeRange(value) {
  const unit = (text) => text.replace(/([kmgt]?b)$/, (name) => ` ${name === 'kb' ? 'kB' : name.toUpperCase()}`);
  if (value.startsWith('>=')) return `${unit(value.slice(2))} or more`;
  if (value.startsWith('<')) return `under ${unit(value.slice(1))}`;
  const [from, to] = value.split('..<');
  return to ? `${unit(from)} – ${unit(to)}` : value;
}

function month(value) {
  const [, year, of] = /^(\d{4})-(\d{2})$/.exec(value) ?? [];
  return of ? monthName.format(Date.UTC(Number(year), Number(of) - 1)) : value;
}
