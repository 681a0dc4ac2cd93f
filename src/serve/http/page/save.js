// Lets the browser save files that the page has made or loaded.

import { el } from './dom.js';
import { FORMATS } from './export.js';

/** Milliseconds for which the browser can read a saved file. */
const SAVE_TIME = 60_000;

/** Saves the bytes under this name. */
export function saveFile(blob, name) {
  const address = URL.createObjectURL(blob);
  el('a', { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), SAVE_TIME);
}

/** Saves the assets as a file of this format. */
export function saveHits(hits, format) {
  const { type, write } = FORMATS[format];
  saveFile(new Blob([write(hits)], { type }), `assets.${format}`);
}
