// A small chart of the last minutes: one or two lines over time, drawn as SVG from what was polled.

import { el, fill } from './dom.js';
import { shape } from './icons.js';

/** How many values are kept: five minutes, at one every two seconds. */
export const KEPT = 150;

const WIDTH = 300;
const HEIGHT = 56;

/** One chart; values that are `null` leave a gap. */
export class Chart {
  #title;
  #format;
  #lines;
  #value = el('span', { class: 'chart-value' });
  #most = el('span', { class: 'chart-most' });
  #svg = shape('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', class: 'chart-lines', role: 'img' });
  #area = shape('path', { class: 'chart-area' });
  #paths;

  /** `format` writes a value; each of `names` is a line, the first of them filled. */
  constructor(title, format, names = ['']) {
    this.#title = title;
    this.#format = format;
    this.#lines = names.map((name) => ({ name, values: [] }));
    this.#paths = names.map((_, at) => shape('path', { class: `chart-line line-${at}` }));
    this.#svg.append(this.#area, ...this.#paths);
    this.element = el(
      'figure',
      { class: 'chart' },
      el('figcaption', {}, el('span', {}, title), this.#value),
      this.#svg,
      el('div', { class: 'chart-foot' }, el('span', {}, names.map((name, at) => name && el('span', { class: `key key-${at}` }, name))), this.#most),
    );
  }

  /** Takes the newest value of each line; the oldest are forgotten. */
  push(...values) {
    this.#lines.forEach((line, at) => {
      line.values.push(values[at] ?? null);
      if (line.values.length > KEPT) line.values.shift();
    });
    this.#draw();
  }

  #draw() {
    const all = this.#lines.flatMap(({ values }) => values).filter((value) => value !== null);
    const most = Math.max(...all, 0);
    const now = this.#lines.map(({ values }) => values.at(-1) ?? null);
    const written = now.map((value) => (value === null ? '–' : this.#format(value))).join(' / ');
    fill(this.#value, written);
    fill(this.#most, most > 0 ? `up to ${this.#format(most)}` : '');
    this.#svg.setAttribute('aria-label', `${this.#title}: now ${written}, at most ${this.#format(most)} in the last minutes`);
    this.#lines.forEach(({ values }, at) => this.#paths[at].setAttribute('d', line(values, most)));
    this.#area.setAttribute('d', area(this.#lines[0].values, most));
  }
}

/** The newest value is at the right edge; there is room for as many as are kept. */
const x = (at, count) => WIDTH - ((count - 1 - at) * WIDTH) / (KEPT - 1);
const y = (value, most) => HEIGHT - 3 - (value / (most || 1)) * (HEIGHT - 8);
const point = (at, values, most) => `${x(at, values.length).toFixed(1)} ${y(values[at], most).toFixed(1)}`;

function line(values, most) {
  let isDown = false;
  return values.map((value, at) => {
    if (value === null) {
      isDown = false;
      return '';
    }
    const command = isDown ? 'L' : 'M';
    isDown = true;
    return command + point(at, values, most);
  }).join('');
}

function area(values, most) {
  const first = values.findLastIndex((value) => value === null) + 1;
  if (values.length - first < 2) return '';
  const points = values.slice(first).map((_, at) => point(at + first, values, most));
  return `M${x(first, values.length).toFixed(1)} ${HEIGHT}L${points.join('L')}L${WIDTH} ${HEIGHT}Z`;
}

/** What a count that only grows grew by, a second; `null` until it is known, and after a restart. */
export class Rate {
  #before = null;

  next(value, now) {
    const before = this.#before;
    this.#before = { value, now };
    if (before === null || value < before.value || now <= before.now) return null;
    return ((value - before.value) * 1000) / (now - before.now);
  }
}
