// Creates elements. Every text becomes a text node, so a file name is never parsed as markup.

/** The element of index.html with this id. */
export const byId = (id) => document.getElementById(id);

/**
 * Creates an element with these attributes and children.
 *
 * `dataset` and `style` (with custom properties) take objects, `on…` takes a function. `true` sets an empty
 * attribute; `null`, `undefined` and `false` set no attribute. Children that are `null`, `undefined` or
 * `false` are skipped.
 */
export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  set(element, attributes);
  append(element, children);
  return element;
}

/** Sets attributes as `el` does. `null`, `undefined` and `false` remove an attribute. */
export function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'dataset') Object.assign(element.dataset, value);
    else if (name === 'style') for (const [key, text] of Object.entries(value)) element.style.setProperty(key, text);
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

/** Replaces all children. */
export function fill(element, ...children) {
  const fragment = document.createDocumentFragment();
  append(fragment, children);
  element.replaceChildren(fragment);
}

/**
 * An element with a text from outside, such as a file name. The text cannot change the writing direction of
 * its surroundings, and control characters are visible.
 */
export function foreign(text, attributes = {}) {
  return el('bdi', attributes, visible(text));
}

/**
 * A path, a key or an address from outside. It is written from left to right in every script, so that its parts stay
 * in their order.
 */
export function foreignPath(text, attributes = {}) {
  return foreign(text, { dir: 'ltr', ...attributes });
}

/** The text with a visible symbol for each control character. */
export function visible(text) {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, (c) => {
    const code = c.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return code === 0x7f ? '\u2421' : '\ufffd';
  });
}

/**
 * The text with `<mark>` around these ranges of characters. `offset` is the position of the first character
 * of the text.
 *
 * A range outside the text marks nothing.
 */
export function marked(text, ranges, offset = 0, attributes = {}) {
  const characters = Array.from(text);
  const bdi = el('bdi', attributes);
  let at = 0;
  for (const { start, end } of ranges ?? []) {
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

/** Announces a text to users of screen readers. */
export function announce(text) {
  byId('announce').textContent = text;
}

/** Whether a click opens a new tab or window, or downloads the target. */
export function opensElsewhere(event) {
  return event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.button !== 0;
}
