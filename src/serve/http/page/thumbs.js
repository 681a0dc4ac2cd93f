// The small picture of an asset in the results: its thumbnail, or the asset itself if that is a small picture.

import { get } from './api.js';
import { el, foreign } from './dom.js';
import { icon } from './icons.js';

/** Extensions of pictures that browsers can show. */
const PICTURES = new Set(['jpg', 'jpeg', 'jfif', 'png', 'gif', 'webp', 'avif', 'svg', 'bmp', 'ico']);
/** Types of assets that services for thumbnails can draw. */
const DRAWN_TYPES = new Set(['image', 'video']);
/** Extensions of other assets that such services can draw. */
const DRAWN = new Set(['pdf']);
/** Maximum size in bytes of an asset that is loaded as its own thumbnail. The detail shows larger pictures. */
const MAX_ORIGINAL_BYTES = 1e6;
/** Milliseconds for which the address of a preview is certain to work. The server signs it for ten minutes. */
const PREVIEW_VALID = 9 * 60_000;

/** Whether browsers can show an asset as a picture. */
export const isPicture = ({ ext }) => PICTURES.has(ext);

/** The address of the thumbnail of an asset; `null` if its Source has none, or if none can be drawn. */
export function drawnAddress({ type, ext, thumbnail_url: address }) {
  return address && (DRAWN_TYPES.has(type) || DRAWN.has(ext)) ? address : null;
}

/** The address of a small picture of an asset; `null` if there is none. */
export function thumbAddress(hit) {
  if (hit.size === 0) return null;
  if (hit.thumbnail_url) return drawnAddress(hit);
  return isPicture(hit) && hit.size <= MAX_ORIGINAL_BYTES ? (hit.preview_url ?? null) : null;
}

/** A symbol for an asset without a picture. */
export function placeholder({ type, ext }) {
  return el('span', { class: 'symbol' }, icon(type), ext && foreign(ext, { class: 'symbol-ext' }));
}

/** When each hit arrived. */
const arrived = new WeakMap();

/** What to do when a box comes onto the screen. */
const whenSeen = new WeakMap();

/** `loading=lazy` would also load pictures that are far below the screen. */
const observer = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) continue;
    observer.unobserve(target);
    whenSeen.get(target)();
  }
});

/** A small picture of an asset, or its symbol. */
export function thumb(hit) {
  const box = el('span', { class: 'thumb' });
  if (!arrived.has(hit)) arrived.set(hit, Date.now());
  if (thumbAddress(hit)) {
    whenSeen.set(box, async () => {
      const address = await currentAddress(hit);
      box.append(address ? picture(box, hit, address) : placeholder(hit));
    });
    observer.observe(box);
  } else box.append(placeholder(hit));
  return box;
}

/** The address of the picture now. People scroll to it long after the search, and previews expire. */
async function currentAddress(hit) {
  const isOld = !hit.thumbnail_url && Date.now() - arrived.get(hit) > PREVIEW_VALID;
  if (!isOld) return thumbAddress(hit);
  try {
    const { data } = await get('/v1/asset', { source: hit.source, path: hit.path, previews: 'true' });
    return thumbAddress(data);
  } catch {
    return null;
  }
}

/** An image in a box. If it fails to load, the symbol replaces it. */
function picture(box, hit, address) {
  const image = el('img', { alt: '', decoding: 'async', referrerpolicy: 'no-referrer', draggable: 'false' });
  image.addEventListener('load', () => box.classList.add('loaded'), { once: true });
  image.addEventListener('error', () => image.replaceWith(placeholder(hit)), { once: true });
  image.src = address;
  return image;
}
