// The box above the buttons of a Source: the mistakes that no field shows, and what the user can do about them.

import { el, fill, foreign } from './dom.js';

/** The box. It is hidden while there is nothing to say. */
export class SourceProblem {
  #form;
  element = el('div', { class: 'problem', role: 'alert', hidden: true });

  /** `form` marks the fields with mistakes. */
  constructor(form) {
    this.#form = form;
  }

  /**
   * Marks the fields, and shows the other mistakes above the buttons. An empty list removes all marks. `needed` matches
   * the pointers of the values that must not be missing.
   */
  show(found, needed = /^/) {
    // The server does not ask for a value that depends on another missing one.
    const pointers = found.map(({ pointer }) => pointer);
    const isAboutValues = pointers.some((pointer) => pointer);
    const errors = isAboutValues ? [...found, ...this.#form.missing.filter(({ pointer }) => needed.test(pointer) && !pointers.includes(pointer))] : found;
    const others = this.#form.markErrors(errors);
    const marked = errors.length - others.length;
    const summary = marked > 0 ? [marked === 1 ? 'One field needs a correction. It is marked above.' : `${marked} fields need a correction. They are marked above.`] : [];
    const texts = [...others, ...summary];
    this.element.hidden = texts.length === 0;
    fill(this.element, texts.map((text) => el('p', {}, foreign(text))));
  }

  /** Says this, and nothing else. */
  say(...content) {
    fill(this.element);
    this.add(...content);
  }

  /** Adds a text and a button below what the box says. */
  add(...content) {
    this.element.hidden = false;
    this.element.append(...content);
  }
}
