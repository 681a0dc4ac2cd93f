// Remembers on this device that the user wants the newest assets first.

const KEY = 'asset-indexer-order';

/** The order of the newest assets first, as in /v1/search. */
export const NEWEST = '-modified';

/** Whether results without an order in the address show the newest assets first. */
export const isNewestPreferred = () => localStorage.getItem(KEY) === NEWEST;

/** Remembers the order that the user has chosen: "newest first" is kept, and every other order ends that. */
export function rememberOrder(order) {
  if (order === NEWEST) localStorage.setItem(KEY, NEWEST);
  else localStorage.removeItem(KEY);
}
