// The bar that shows how many assets are selected, and what can be done with them.

import { announce, byId, el, fill, foreign } from './dom.js';
import { icon } from './icons.js';
import { counted, number } from './format.js';
import { get, isAborted } from './api.js';
import { copyText } from './clipboard.js';
import { EXPORT_PAGE, FORMATS, collect, s3Address } from './export.js';
import { MAX_SELECTED } from './selection.js';
import { menuButton, panelButton } from './menu.js';

/** Maximum number of files in one download. Each needs an address of its own, which is valid for minutes. */
const MAX_DOWNLOADS = 50;
/** Milliseconds for which the browser can read a saved file. */
const SAVE_TIME = 60_000;

/** The bar. */
export class SelectionBar {
  #element = byId('selection');
  #selection;
  #results;
  #count = el('strong', { class: 'selection-count' });
  #note = el('p', { class: 'selection-note', role: 'status', hidden: true });
  #cancel = el('button', { class: 'button', type: 'button', hidden: true, onclick: () => this.#export?.abort() }, 'Cancel');
  #export = null;

  /** `onClear` and `onAll` are called when the user presses these buttons. */
  constructor(selection, results, { onClear, onAll }) {
    this.#selection = selection;
    this.#results = results;
    const actions = el(
      'div',
      { class: 'selection-actions' },
      menuButton({ label: 'Copy', symbol: 'copy', actions: () => this.#copies() }),
      menuButton({ label: 'Export', symbol: 'document', actions: () => this.#exports() }),
      panelButton({ label: 'Download', symbol: 'save', content: () => this.#downloads() }),
      el('button', { class: 'button', type: 'button', onclick: onAll }, 'Select all shown'),
    );
    const clear = el('button', { class: 'button square', type: 'button', 'aria-label': 'Clear the selection', title: 'Clear the selection', onclick: onClear }, icon('close'));
    fill(this.#element, el('div', { class: 'selection-line' }, this.#count, clear), actions, el('div', { class: 'selection-status' }, this.#note, this.#cancel));
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
    const formats = Object.entries(FORMATS);
    return [
      ...formats.map(([id, { title }]) => [`Selection as ${title}`, () => this.#exportSelection(id)]),
      ...formats.map(([id, { title }]) => [`Whole result as ${title}`, () => this.#exportResult(id)]),
    ];
  }

  #exportSelection(format) {
    const { hits } = this.#selection;
    save(hits, format);
    this.#say(`${counted(hits.length, 'asset')} exported`);
  }

  /** Requests the result page by page and saves it. It stops at `MAX_EXPORTED` assets and says so. */
  async #exportResult(format) {
    this.#export?.abort();
    const controller = (this.#export = new AbortController());
    // The search that is shown now, even if the user types another one meanwhile.
    const search = this.#results.search;
    this.#cancel.hidden = false;
    try {
      const request = (cursor) => get('/v1/search', { ...search, limit: EXPORT_PAGE, total: 1, cursor }, controller.signal);
      const { hits, isCut } = await collect(request, (count) => this.#say(`Exporting… ${number(count)}`));
      save(hits, format);
      const text = `${counted(hits.length, 'asset')} exported`;
      this.#say(isCut ? `${text}. The result has more, but an export ends here. Narrow the search to export the rest.` : text);
    } catch (error) {
      this.#say(isAborted(error) ? 'Export canceled' : error.message);
    } finally {
      if (this.#export === controller) this.#cancel.hidden = true;
    }
  }

  /** The links to the files. Their addresses are requested now, because they are valid only for minutes. */
  #downloads() {
    const { hits } = this.#selection;
    const files = hits.slice(0, MAX_DOWNLOADS);
    const list = el('ul', { class: 'downloads', tabindex: '-1' }, files.map((hit) => el('li', {}, foreign(hit.name || hit.path))));
    const linkTo = async (hit, item) => {
      const { data } = await get('/v1/asset', { source: hit.source, path: hit.path, previews: 'true' });
      fill(item, downloadLink(data));
    };
    const addLinks = async () => {
      for (const [at, hit] of files.entries()) {
        // One after the other, so that a download is no burst of requests.
        await linkTo(hit, list.children[at]).catch((error) => fill(list.children[at], foreign(hit.name || hit.path), `: ${error.message}`));
      }
      list.querySelector('a')?.focus();
    };
    addLinks();
    const rest = hits.length > files.length && el('p', { class: 'note' }, `The first ${number(files.length)} of ${number(hits.length)} files. Select fewer to download the others.`);
    return [list, rest];
  }
}

/** A link that downloads a file. Browsers ignore `download` for other servers, so such a file opens in a new tab. */
function downloadLink(hit) {
  const address = hit.preview_url ?? hit.url;
  const isElsewhere = new URL(address, location.href).origin !== location.origin;
  const elsewhere = isElsewhere && { target: '_blank', rel: 'noreferrer noopener' };
  return el('a', { href: address, download: hit.name || true, ...elsewhere }, icon(isElsewhere ? 'out' : 'save'), foreign(hit.name || hit.path), isElsewhere && el('span', { class: 'hidden' }, ' (opens in a new tab)'));
}

/** Lets the browser save the assets as a file. */
function save(hits, format) {
  const { type, write } = FORMATS[format];
  const address = URL.createObjectURL(new Blob([write(hits)], { type }));
  el('a', { href: address, download: `assets.${format}` }).click();
  setTimeout(() => URL.revokeObjectURL(address), SAVE_TIME);
}
