// Copies text, and makes the buttons that do it.

import { announce, el } from './dom.js';
import { icon } from './icons.js';

/**
 * A button that copies the text of an element, or `text` if the element shows it in another way. If the browser
 * refuses, it selects the element instead.
 */
export function copyButton(element, { text = null, label = null, what = 'Text' } = {}) {
  const word = el('span', {}, 'Copy');
  const copy = async ({ currentTarget: button }) => {
    const ok = await copyText(text ?? element.textContent);
    word.textContent = ok ? 'Copied' : 'Press Ctrl+C';
    // The accessible name must contain the visible word.
    if (label) button.setAttribute('aria-label', `${word.textContent}: ${what}`);
    announce(ok ? `${what} copied` : `${what} selected`);
    if (!ok) getSelection().selectAllChildren(element);
  };
  return el('button', { class: 'button', type: 'button', dataset: { act: 'copy' }, 'aria-label': label, onclick: copy }, icon('copy'), word);
}

/** Copies a text. Returns whether it worked. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Browsers offer no clipboard if the page came over plain HTTP from another machine.
    return copySelected(text);
  }
}

/** Copies a text the old way: as the selection of a field that nobody sees. */
function copySelected(text) {
  const focused = document.activeElement;
  const field = el('textarea', { class: 'hidden', 'aria-hidden': 'true', tabindex: '-1', readonly: true });
  field.value = text;
  // Outside of an open dialog, nothing can be selected.
  (document.querySelector('dialog:modal') ?? document.body).append(field);
  field.select();
  const isCopied = document.execCommand('copy');
  field.remove();
  focused?.focus({ preventScroll: true });
  return isCopied;
}
