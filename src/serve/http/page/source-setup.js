// The IAM policy and the script for the queue, for the draft of a Source, with buttons to copy them.

import { el, fill, foreign } from './dom.js';
import { icon } from './icons.js';
import { isAborted, request } from './api.js';
import { copyButton } from './clipboard.js';

/** Milliseconds without typing before the texts are requested again. */
const PAUSE = 600;

/** Two panels that open: one for the policy, one for the script. `draft` returns the values. */
export class SourceSetup {
  #draft;
  #policy = new Text('IAM policy', 'Attach this policy to the user or role. It allows only what this Source needs.');
  #script = new Text('Script for the queue', 'Run this script with the AWS command line. It creates the queue and lets the bucket send its events. Then copy the URL that it prints.');
  #timer = 0;
  #controller = null;
  /** The element with the policy, and the one with the script. */
  policy = this.#policy.element;
  script = this.#script.element;

  constructor(draft) {
    this.#draft = draft;
    for (const text of [this.#policy, this.#script]) text.element.addEventListener('toggle', () => text.element.open && this.#load());
  }

  /** The draft has changed. */
  update() {
    clearTimeout(this.#timer);
    if (this.#policy.element.open || this.#script.element.open) this.#timer = setTimeout(() => this.#load(), PAUSE);
  }

  /** Closes the panels. */
  clear() {
    clearTimeout(this.#timer);
    this.#controller?.abort();
    for (const text of [this.#policy, this.#script]) text.element.open = false;
  }

  async #load() {
    this.#controller?.abort();
    const { signal } = (this.#controller = new AbortController());
    try {
      const { data } = (await request('POST', '/v1/sources/setup', { body: this.#draft(), signal })).body;
      this.#policy.show(JSON.stringify(data.iam_policy, null, 2));
      this.#script.show(data.queue_script);
    } catch (error) {
      if (isAborted(error)) return;
      for (const text of [this.#policy, this.#script]) text.fail(error);
    }
  }
}

/** One text that can be copied. */
class Text {
  #code = el('code', {});
  #box = el('div', { class: 'setup-text', hidden: true });
  #note = el('p', { class: 'note' }, 'Loading…');
  element;

  constructor(title, lead) {
    this.#box.append(el('pre', { tabindex: '0', role: 'region', 'aria-label': title }, this.#code), copyButton(this.#code, { label: `Copy: ${title}`, what: title }));
    this.element = el('details', { class: 'setup' }, el('summary', {}, icon('chevron'), title), el('p', { class: 'note' }, lead), this.#note, this.#box);
  }

  show(text) {
    this.#note.hidden = true;
    this.#box.hidden = false;
    fill(this.#code, text);
  }

  fail({ errors }) {
    this.#box.hidden = true;
    this.#note.hidden = false;
    const isIncomplete = errors.some(({ pointer }) => pointer);
    fill(this.#note, isIncomplete ? 'This text appears when the fields are filled in: ' : '', foreign(errors.map(({ text }) => text).join(' ')));
  }
}
