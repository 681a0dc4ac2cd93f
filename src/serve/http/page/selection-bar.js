// The bar that shows how many assets are selected, and what can be done with them.

import { announce, byId, el, fill } from './dom.js';
import { icon } from './icons.js';
import { counted, number } from './format.js';
import { get } from './api.js';
import { copyText } from './clipboard.js';
import { FORMATS, s3Address } from './export.js';
import { saveHits } from './save.js';
import { Downloads } from './downloads.js';
import { MAX_SELECTED } from './selection.js';
import { menuButton, panelButton } from './menu.js';

/** The bar. */
export class SelectionBar {
  #element = byId('selection');
  #selection;
  #count = el('strong', { class: 'selection-count' });
  #note = el('p', { class: 'selection-note', role: 'status', hidden: true });

  /** `onClear` and `onAll` are called when the user presses these buttons. */
  constructor(selection, { onClear, onAll }) {
    this.#selection = selection;
    const actions = el(
      'div',
      { class: 'selection-actions' },
      menuButton({ label: 'Copy', symbol: 'copy', actions: () => this.#copies() }),
      menuButton({ label: 'Export', symbol: 'document', actions: () => this.#exports() }),
      panelButton({ label: 'Download', symbol: 'save', content: () => new Downloads(this.#selection.hits).content }),
      el('button', { class: 'button', type: 'button', onclick: onAll }, 'Select all shown'),
    );
    const clear = el('button', { class: 'button square', type: 'button', 'aria-label': 'Clear the selection', title: 'Clear the selection', onclick: onClear }, icon('close'));
    fill(this.#element, el('div', { class: 'selection-line' }, this.#count, clear), actions, el('div', { class: 'selection-status' }, this.#note));
  }

  /** Shows the number of selected assets. */
  show() {
    const { size, isCut } = this.#selection;
    this.#element.hidden = size === 0;
    const text = `${number(size)} selected`;
    this.#count.textContent = text;
    this.#say(isCut ? `At most ${number(MAX_SELECTED)} assets can be selected at once.` : '');
    announce(size > 0 ? text : 'Nothing selected');
  }

  #say(text) {
    this.#note.hidden = !text;
    this.#note.textContent = text;
  }

  #copies() {
    const of = (attribute) => () => this.#selection.hits.map((hit) => hit[attribute]);
    return [
      ['URLs', () => this.#copy('URL', of('url'))],
      ['Keys', () => this.#copy('key', of('key'))],
      ['S3 addresses (s3://…)', () => this.#copy('S3 address', () => this.#s3Addresses(), 'S3 addresses')],
    ];
  }

  async #copy(what, lines, many = `${what}s`) {
    try {
      const texts = await lines();
      const isCopied = await copyText(texts.join('\n'));
      this.#say(isCopied ? `${counted(texts.length, what, many)} copied` : 'The browser does not let this page copy. Use Export instead.');
    } catch (error) {
      this.#say(error.message);
    }
  }

  async #s3Addresses() {
    const { data } = await get('/v1/sources');
    const buckets = new Map(data.map(({ name, bucket }) => [name, bucket]));
    const { hits } = this.#selection;
    const gone = hits.find(({ source }) => !buckets.has(source));
    if (gone) throw new Error(`The Source “${gone.source}” no longer exists. Search again.`);
    return hits.map((hit) => s3Address(buckets.get(hit.source), hit));
  }

  #exports() {
    return Object.entries(FORMATS).map(([format, { title }]) => [`Selection as ${title}`, () => {
      const { hits } = this.#selection;
      saveHits(hits, format);
      this.#say(`${counted(hits.length, 'asset')} exported`);
    }]);
  }
}
