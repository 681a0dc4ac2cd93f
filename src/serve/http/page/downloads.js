// Downloads the selected files: one by one, or all of them after each other.

import { el, fill, foreign, set } from './dom.js';
import { icon } from './icons.js';
import { counted, number, size } from './format.js';
import { get } from './api.js';
import { saveFile } from './save.js';

/** Maximum number of files in one download. Each needs an address of its own, which is valid for minutes. */
const MAX_DOWNLOADS = 50;
/**
 * Maximum size in bytes of a file of another server that the page loads to save it. It is in the memory of the browser
 * meanwhile, so the browser opens larger ones.
 */
const MAX_LOADED_BYTES = 256e6;
/** What a line says about a file that its server does not let the page read. */
const NOT_READABLE = 'This page cannot read it: its server has no CORS rule for this page, or cannot be reached. It opens in a new tab.';

/** The files of a panel. A new panel has new addresses. */
export class Downloads {
  #files;
  #more;
  #note = el('p', { class: 'note', role: 'status' });
  #all = el('button', { class: 'button', type: 'button', onclick: () => this.#downloadAll() }, icon('save'), el('span', {}, 'Download all'));

  constructor(hits) {
    this.#files = hits.slice(0, MAX_DOWNLOADS).map((hit) => new DownloadedFile(hit));
    this.#more = hits.length > MAX_DOWNLOADS && el('p', { class: 'note' }, `The first ${number(MAX_DOWNLOADS)} of ${number(hits.length)} files. Select fewer to download the others.`);
  }

  /** What the panel shows. */
  get content() {
    this.#prepare();
    const isOne = this.#files.length === 1;
    return el('div', { class: 'download-panel' }, !isOne && this.#all, this.#note, el('ul', { class: 'downloads' }, this.#files.map(({ item }) => item)), this.#more);
  }

  /** Requests the addresses, one after the other, so that a panel is no burst of requests. */
  async #prepare() {
    for (const file of this.#files) await file.prepare();
    if (this.#files.length === 1) this.#files[0].item.querySelector('a')?.focus();
  }

  async #downloadAll() {
    this.#all.disabled = true;
    let saved = 0;
    for (const [at, file] of this.#files.entries()) {
      this.#note.textContent = `Downloading ${number(at + 1)} of ${number(this.#files.length)}…`;
      if (await file.save()) saved += 1;
    }
    const left = this.#files.length - saved;
    const rest = left > 0 && ` ${counted(left, 'file')} could not be downloaded together with others: open ${left === 1 ? 'its link' : 'their links'} below.`;
    this.#note.textContent = `${counted(saved, 'file')} downloaded.${rest || ''}`;
    this.#all.disabled = false;
    this.#all.focus();
  }
}

/** A line of the panel: the file as a link, and what became of it. */
class DownloadedFile {
  #hit;
  #link = null;
  #note = el('span', { class: 'note' });
  item;

  constructor(hit) {
    this.#hit = hit;
    this.item = el('li', {}, foreign(this.#name));
  }

  get #name() {
    return this.#hit.name || this.#hit.path;
  }

  /** Shows the link. Without an address, it says why. */
  async prepare() {
    try {
      this.#showLink(await this.#address());
    } catch (error) {
      fill(this.item, foreign(this.#name), `: ${error.message}`);
    }
  }

  /** Saves the file with the others. Returns whether that worked: opening a tab for each file does not. */
  async save() {
    try {
      // The address of the link may be too old by now.
      const address = await this.#address();
      if (isHere(address)) this.#showLink(address).click();
      else await this.#load(address);
      this.#say('Downloaded');
      return true;
    } catch (error) {
      this.#say(error.message);
      return false;
    }
  }

  /** The address of the file, which is valid only for minutes. */
  async #address() {
    const { source, path } = this.#hit;
    const { data } = await get('/v1/asset', { source, path, previews: 'true' });
    return data.preview_url ?? data.url;
  }

  /** Browsers ignore `download` for other servers and open the file, so the page loads and saves it if it can. */
  #showLink(address) {
    const elsewhere = !isHere(address) && { target: '_blank', rel: 'noreferrer noopener', onclick: (event) => this.#onClick(event, address) };
    const hadFocus = this.#link === document.activeElement;
    this.#link = el('a', { href: address, download: this.#hit.name || true, ...elsewhere }, icon('save'), foreign(this.#name));
    fill(this.item, this.#link, ' ', this.#note);
    if (hadFocus) this.#link.focus();
    return this.#link;
  }

  async #onClick(event, address) {
    if (this.#link.dataset.opens || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    try {
      await this.#load(address);
      this.#say('Downloaded');
    } catch (error) {
      this.#say(error.message);
      // The browser allows a new tab only shortly after the click. Then the next click opens it.
      set(this.#link, { 'data-opens': true });
      open(address, '_blank', 'noreferrer,noopener');
    }
  }

  /** Loads the file and saves it. */
  async #load(address) {
    if (this.#hit.size > MAX_LOADED_BYTES) throw new Error(`It has more than ${size(MAX_LOADED_BYTES)}, so it opens in a new tab.`);
    this.#say('Loading…');
    let response;
    try {
      response = await fetch(address, { credentials: 'omit', referrerPolicy: 'no-referrer' });
    } catch {
      throw new Error(NOT_READABLE);
    }
    if (!response.ok) throw new Error(`Its server answered with status ${response.status}.`);
    saveFile(await response.blob(), this.#name);
  }

  #say(text) {
    this.#note.textContent = text;
  }
}

/** Whether this server has the file. */
const isHere = (address) => new URL(address, location.href).origin === location.origin;
