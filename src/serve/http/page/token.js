// The access token: where the browser keeps it, and the dialog that asks for it. This module sends no requests.

import { byId } from './dom.js';

/** The key of the token in the storage of the tab, or of the browser if the user chose that. */
export const TOKEN = 'asset-indexer-token';

/** The token; `null` if there is none. */
export const token = () => sessionStorage.getItem(TOKEN) ?? localStorage.getItem(TOKEN);

/** Whether the token stays after the tab is closed. */
export const isOnDevice = () => sessionStorage.getItem(TOKEN) === null && localStorage.getItem(TOKEN) !== null;

let onChange = () => {};

/** Calls the listener when this tab gets another token, or none. There is one listener. */
export function watchToken(listener) {
  onChange = listener;
}

/** Keeps the token for this tab, or on this device. */
export function keepToken(value, onDevice) {
  clear();
  (onDevice ? localStorage : sessionStorage).setItem(TOKEN, value);
  onChange();
}

/** Removes the token from both places. */
export function forgetToken() {
  clear();
  onChange();
}

function clear() {
  sessionStorage.removeItem(TOKEN);
  localStorage.removeItem(TOKEN);
}

let openPrompt = null;

/**
 * Asks the user for a token and keeps it. Requests that were refused at the same time share one dialog.
 *
 * `refused` is the token that the server did not accept; `null` if none was sent. Without `isRequired` the user
 * can cancel. `isWish` is set if the user wants another token. Returns whether there is a new token.
 */
export function askForToken(refused, { isRequired = false, isWish = false } = {}) {
  // Another request has got a new token already.
  if (token() !== null && token() !== refused) return Promise.resolve(true);
  openPrompt ??= prompt(refused !== null && !isWish, isRequired).finally(() => {
    openPrompt = null;
  });
  return openPrompt;
}

function prompt(wasRefused, isRequired) {
  const [dialog, form, input, problem, cancel] = ['token', 'token-form', 'token-value', 'token-problem', 'token-cancel'].map(byId);
  problem.hidden = !wasRefused;
  problem.textContent = wasRefused ? 'The server does not accept this token.' : '';
  byId('token-title').textContent = isRequired ? 'This index requires a token' : 'Sign in with a token';
  byId('token-manage').hidden = isRequired;
  cancel.hidden = isRequired;
  input.value = '';
  return new Promise((resolve) => {
    const listeners = new AbortController();
    const { signal } = listeners;
    const end = (hasToken) => {
      listeners.abort();
      dialog.close();
      input.value = '';
      resolve(hasToken);
    };
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const value = input.value.trim();
      if (!value) return;
      keepToken(value, byId('token-device').checked);
      end(true);
    }, { signal });
    cancel.addEventListener('click', () => end(false), { signal });
    // The page cannot show anything without a required token, so this dialog cannot be canceled.
    dialog.addEventListener('cancel', (event) => {
      event.preventDefault();
      if (!isRequired) end(false);
    }, { signal });
    if (!dialog.open) dialog.showModal();
    input.focus();
  });
}
