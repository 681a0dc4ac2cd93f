// Makes elements from plain values: every text becomes a text node, so that no name is ever markup.

/** The element with that id, which index.html has. */
export const byId = (id) => document.getElementById(id);

/**
 * An element with these properties and children.
 *
 * `class`, `dataset`, `style` (custom properties too) and functions for `on…` are taken as what they
 * are; `true` sets an empty attribute; `null`, `undefined` and `false` set none. Children that are
 * `null` or `false` are passed over.
 */
export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  set(element, attributes);
  append(element, children);
  return element;
}

/** Sets attributes as `el` does; `null` and `false` remove them. */
export function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'dataset') Object.assign(element.dataset, value);
    else if (name === 'style') for (const [key, it] of Object.entries(value)) element.style.setProperty(key, it);
    else if (value === null || value === undefined || value === false) element.removeAttribute(name);
    else element.setAttribute(name, value === true ? '' : value);
  }
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** Puts these in the place of all children. */
export function fill(element, ...children) {
  const made = document.createDocumentFragment();
  append(made, children);
  element.replaceChildren(made);
}

/**
 * A text that others wrote: it cannot change the direction of what stands around it, and shows what
 * would not be seen.
 */
export function foreign(text, attributes = {}) {
  return el('bdi', attributes, visible(text));
}

/** The text with a picture in the place of each control character. */
export function visible(text) {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, (c) => {
    const code = c.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return code === 0x7f ? '\u2421' : '\ufffd';
  });
}

/**
 * The text with `<mark>` around these stretches, which count characters, from `offset` on.
 *
 * A stretch that lies outside of the text marks nothing.
 */
export function marked(text, stretches, offset = 0) {
  const characters = Array.from(text);
  const bdi = el('bdi');
  let at = 0;
  for (const { start, end } of stretches ?? []) {
    const from = Math.max(start - offset, at);
    const to = Math.min(end - offset, characters.length);
    if (from >= to) continue;
    bdi.append(visible(characters.slice(at, from).join('')));
    bdi.append(el('mark', {}, visible(characters.slice(from, to).join(''))));
    at = to;
  }
  bdi.append(visible(characters.slice(at).join('')));
  return bdi;
}

/** Says a text to who cannot see what changed. */
export function announce(text) {
  byId('announce').textContent = text;
}

/** Whether a click is meant to open a new tab or window. */
export function opensElsewhere(event) {
  return event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.button !== 0;
}
