// The detail of one asset: its preview, its address to copy, its fields, and why it is indexed.

import { byId, el, fill, foreign, foreignPath, announce } from './dom.js';
import { icon } from './icons.js';
import { facetValue, number, size, since, time } from './format.js';
import { get, isAborted } from './api.js';
import { go, state } from './state.js';
import { drawnAddress, isPicture, placeholder } from './thumbs.js';
import { copyButton } from './clipboard.js';
import { explanation } from './explain.js';

/** Maximum size in bytes of a picture that is loaded without a click. */
const MAX_PICTURE_BYTES = 100e6;
/** The same for an asset with a thumbnail, which is shown instead of larger pictures. */
const MAX_BESIDE_THUMBNAIL_BYTES = 10e6;

/** The panel that shows the open asset. */
export class Detail {
  #dialog = byId('detail');
  #results;
  #controller = new AbortController();

  /** `results` knows the previous and the next asset. */
  constructor(results) {
    this.#results = results;
    this.#dialog.addEventListener('cancel', (event) => {
      event.preventDefault();
      this.#leave();
    });
    this.#dialog.addEventListener('click', (event) => {
      if (event.target === this.#dialog) this.#leave();
    });
    this.#dialog.addEventListener('keydown', (event) => this.#onKey(event));
  }

  /** Shows an asset; `null` closes the panel. */
  async show(asset) {
    this.#controller.abort();
    if (!asset) return this.#close();
    const { signal } = (this.#controller = new AbortController());
    const known = this.#results.hits.find((hit) => hit.source === asset.source && hit.path === asset.path);
    this.#draw(known ?? null, asset);
    if (!this.#dialog.open) this.#dialog.showModal();
    const parameters = { source: asset.source, path: asset.path };
    try {
      // Get the asset again, because preview addresses are valid only for minutes.
      const { data } = await get('/v1/asset', { ...parameters, previews: 'true' }, signal);
      this.#draw(data, asset);
      const why = this.#dialog.querySelector('.why');
      const explained = await get('/v1/explain', parameters, signal);
      why.replaceWith(explanation(explained.data ?? explained));
    } catch (error) {
      if (isAborted(error)) return undefined;
      this.#fail(error, known);
      if (error.status === 404) await this.#explainAbsence(parameters, signal);
    }
    return undefined;
  }

  /** Shows why the index has no such asset. Without an answer, the panel only says that. */
  async #explainAbsence(parameters, signal) {
    try {
      const { data } = await get('/v1/explain', parameters, signal);
      this.#dialog.querySelector('.detail-body')?.append(explanation(data));
    } catch (error) {
      if (!isAborted(error)) announce(error.message);
    }
  }

  /** Updates the buttons for the previous and the next asset after the results have changed. */
  update() {
    for (const [id, by] of [['previous', -1], ['next', 1]]) {
      const button = this.#dialog.querySelector(`[data-act=${id}]`);
      if (button) button.disabled = this.#neighbour(by) === null;
    }
  }

  #close() {
    if (!this.#dialog.open) return;
    const shown = this.shown;
    this.#dialog.close();
    fill(this.#dialog);
    this.shown = null;
    if (shown) this.#results.focus(shown);
  }

  /** Closes the panel. If the asset was opened from the results, this goes back in the history. */
  #leave() {
    if (history.state?.opened) history.back();
    else go({ asset: null }, { replace: true });
  }

  #neighbour(step) {
    const { hits } = this.#results;
    const at = hits.findIndex((hit) => hit.source === state.asset?.source && hit.path === state.asset?.path);
    return at < 0 ? null : (hits[at + step] ?? null);
  }

  #goTo(hit) {
    if (hit) go({ asset: { source: hit.source, path: hit.path } }, { replace: true });
  }

  #onKey(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const usesArrows = event.target.closest('video, audio, summary, input');
    if (!step || usesArrows || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.#goTo(this.#neighbour(step));
  }

  #draw(hit, asset) {
    const isNew = this.shown?.path !== asset.path || this.shown?.source !== asset.source;
    this.shown = asset;
    const focused = this.#dialog.contains(document.activeElement) && document.activeElement.dataset.act;
    const name = hit?.name || asset.path.slice(asset.path.lastIndexOf('/') + 1) || asset.path;
    fill(
      this.#dialog,
      el('div', { class: 'detail-bar' }, this.#step(-1), this.#step(1), el('h2', { id: 'detail-name' }, foreign(name)), act('close', 'Close', 'close', () => this.#leave())),
      el('div', { class: 'detail-body' }, hit ? [preview(hit), addressOf(hit), facts(hit)] : el('p', { class: 'note' }, 'Loading…'), el('section', { class: 'why' }, hit && el('h3', {}, 'Why it is indexed'), hit && el('p', { class: 'note' }, 'Loading…'))),
    );
    const toFocus = focused && this.#dialog.querySelector(`[data-act="${focused}"]:not(:disabled)`);
    if (toFocus) toFocus.focus();
    else if (this.#dialog.open) this.#dialog.querySelector('[data-act=close]').focus();
    if (isNew) this.#dialog.scrollTop = 0;
  }

  #step(by) {
    const to = this.#neighbour(by);
    const button = act(by < 0 ? 'previous' : 'next', by < 0 ? 'Previous asset' : 'Next asset', by < 0 ? 'left' : 'right', () => this.#goTo(this.#neighbour(by)));
    button.disabled = to === null;
    return button;
  }

  #fail(error, known) {
    const isGone = error.status === 404;
    const text = isGone ? 'This asset is not in the index.' : error.message;
    const note = el('p', { class: 'problem', role: 'alert' }, text);
    if (known && !isGone) this.#dialog.querySelector('.why').replaceChildren(note);
    else fill(this.#dialog.querySelector('.detail-body'), note);
  }
}

const act = (id, label, symbol, onclick) => el('button', { class: 'button square', type: 'button', 'aria-label': label, title: label, dataset: { act: id }, onclick }, icon(symbol));

function preview(hit) {
  const { type, preview_url: url } = hit;
  const box = el('div', { class: 'preview' });
  const thumbnail = drawnAddress(hit);
  if (hit.size === 0) fill(box, placeholder(hit));
  else if (url && (type === 'video' || type === 'audio')) fill(box, player(hit, thumbnail, () => fill(box, placeholder(hit))));
  else {
    const isShown = isPicture(hit) && hit.size <= (thumbnail ? MAX_BESIDE_THUMBNAIL_BYTES : MAX_PICTURE_BYTES);
    showFirst(box, hit, [isShown && url, thumbnail].filter(Boolean));
  }
  return box;
}

/** Shows the first of these pictures that loads, or the symbol. */
function showFirst(box, hit, [address, ...others]) {
  if (!address) return fill(box, placeholder(hit));
  const image = el('img', { alt: `Preview of ${hit.name}`, decoding: 'async', referrerpolicy: 'no-referrer', onerror: () => showFirst(box, hit, others) });
  image.addEventListener('load', () => {
    box.classList.add('loaded');
    const { naturalWidth: width, naturalHeight: height } = image;
    // The size of a thumbnail says nothing about the asset.
    if (address === hit.preview_url) box.append(el('span', { class: 'preview-size' }, `${number(width)} × ${number(height)}`));
  }, { once: true });
  image.src = address;
  return fill(box, image);
}

function player({ type, name, preview_url: url }, poster, onerror) {
  const element = el(type, { controls: true, preload: 'metadata', 'aria-label': name, onerror });
  if (poster && type === 'video') element.poster = poster;
  element.src = url;
  return element;
}

function addressOf({ url }) {
  const text = el('code', { class: 'address-text' }, foreignPath(url));
  return el(
    'div',
    { class: 'address' },
    text,
    copyButton(text, { text: url, what: 'Address' }),
    el('a', { class: 'button square', href: url, target: '_blank', rel: 'noreferrer noopener', 'aria-label': 'Open the address in a new tab', title: 'Open' }, icon('out')),
  );
}

function facts(hit) {
  const folder = hit.path.slice(0, hit.path.lastIndexOf('/') + 1);
  const enter = () => go({ source: hit.source, folder, asset: null, q: '', filters: [] });
  const moment = (text) => text && el('span', {}, time(text), el('span', { class: 'aside' }, since(text)));
  const rows = [
    ['Source', foreign(hit.source)],
    ['Folder', el('button', { class: 'plain link', type: 'button', dataset: { act: 'folder' }, onclick: enter }, foreignPath(folder))],
    ['Path', foreignPath(hit.path)],
    ['Key', foreignPath(hit.key)],
    ['Type', `${facetValue('type', hit.type)}${hit.ext ? ` (.${hit.ext})` : ''}`],
    ['Content type', hit.content_type],
    ['Size', `${size(hit.size)}${hit.size >= 1000 ? ` (${number(hit.size)} bytes)` : ''}`],
    ['Modified', moment(hit.last_modified)],
    ['First seen', moment(hit.first_seen)],
    ['Storage class', facetValue('storage', hit.storage_class)],
    ['ETag', hit.etag && el('code', {}, hit.etag)],
  ];
  return el('dl', { class: 'facts' }, rows.filter(([, value]) => value).map(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]));
}
