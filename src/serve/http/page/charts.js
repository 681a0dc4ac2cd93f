// A small line chart of the last minutes: one or two lines, drawn as SVG from the polled values.

import { el, fill } from './dom.js';
import { shape } from './icons.js';
import { meaning, meaningOf } from './status-terms.js';

/** Maximum number of values of a line: five minutes, at one value every two seconds. */
export const MAX_VALUES = 150;

const WIDTH = 300;
const HEIGHT = 56;

/** A chart. A value that is `null` leaves a gap. */
export class Chart {
  #title;
  #format;
  #lines;
  #value = el('span', { class: 'chart-value' });
  #max = el('span', { class: 'chart-max' });
  #svg = shape('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', class: 'chart-lines', role: 'img' });
  #area = shape('path', { class: 'chart-area' });
  #paths;

  /** `format` turns a value into text. Each of `names` is a line; the area below the first line is filled. */
  constructor(title, format, names = ['']) {
    this.#title = title;
    this.#format = format;
    this.#lines = names.map((name) => ({ name, values: [] }));
    this.#paths = names.map((_, at) => shape('path', { class: `chart-line line-${at}` }));
    this.#svg.append(this.#area, ...this.#paths);
    this.element = el(
      'figure',
      { class: 'chart' },
      el('figcaption', {}, el('span', { title: meaningOf(title) }, title), this.#value),
      meaning(title),
      this.#svg,
      el('div', { class: 'chart-foot' }, el('span', {}, names.map((name, at) => name && el('span', { class: `key key-${at}` }, name))), this.#max),
    );
  }

  /** Adds a value to each line, and drops the oldest value if a line is full. */
  push(...values) {
    this.#lines.forEach((line, at) => {
      line.values.push(values[at] ?? null);
      if (line.values.length > MAX_VALUES) line.values.shift();
    });
    this.#draw();
  }

  #draw() {
    const all = this.#lines.flatMap(({ values }) => values).filter((value) => value !== null);
    const max = Math.max(...all, 0);
    const newest = this.#lines.map(({ values }) => values.at(-1) ?? null);
    const current = newest.map((value) => (value === null ? '–' : this.#format(value))).join(' / ');
    fill(this.#value, current);
    fill(this.#max, max > 0 ? `up to ${this.#format(max)}` : '');
    this.#svg.setAttribute('aria-label', `${this.#title}: now ${current}, at most ${this.#format(max)} in the last minutes`);
    this.#lines.forEach(({ values }, at) => this.#paths[at].setAttribute('d', line(values, max)));
    this.#area.setAttribute('d', area(this.#lines[0].values, max));
  }
}

/** The newest value is at the right edge. */
const x = (at, count) => WIDTH - ((count - 1 - at) * WIDTH) / (MAX_VALUES - 1);
const y = (value, max) => HEIGHT - 3 - (value / (max || 1)) * (HEIGHT - 8);
const point = (at, values, max) => `${x(at, values.length).toFixed(1)} ${y(values[at], max).toFixed(1)}`;

function line(values, max) {
  let isPenDown = false;
  return values.map((value, at) => {
    if (value === null) {
      isPenDown = false;
      return '';
    }
    const command = isPenDown ? 'L' : 'M';
    isPenDown = true;
    return command + point(at, values, max);
  }).join('');
}

function area(values, max) {
  const first = values.findLastIndex((value) => value === null) + 1;
  if (values.length - first < 2) return '';
  const points = values.slice(first).map((_, at) => point(at + first, values, max));
  return `M${x(first, values.length).toFixed(1)} ${HEIGHT}L${points.join('L')}L${WIDTH} ${HEIGHT}Z`;
}

/** The rate per second of a counter. It is `null` for the first value and after a restart of the daemon. */
export class Rate {
  #before = null;

  next(value, now) {
    const before = this.#before;
    this.#before = { value, now };
    if (before === null || value < before.value || now <= before.now) return null;
    return ((value - before.value) * 1000) / (now - before.now);
  }
}
