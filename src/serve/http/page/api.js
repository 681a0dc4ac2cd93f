// Sends requests to the HTTP API, with the token if there is one, and turns failures into readable errors.

import { byId } from './dom.js';
import { sentence } from './format.js';

const TOKEN = 'asset-indexer-token';

/** A request that failed; `status` is 0 if the server cannot be reached. */
export class ApiError extends Error {
  constructor(status, error = {}) {
    super(sentence(error.detail || error.title || `The server answered with status ${status}.`));
    this.status = status;
    this.code = error.code ?? '';
    this.parameter = error.source?.parameter ?? '';
    this.column = error.meta?.column ?? null;
    this.text = error.meta?.text ?? '';
  }
}

/**
 * Gets JSON. Empty parameters are left out, and a list becomes a repeated parameter.
 *
 * If the server requires a token, asks the user for one and tries again.
 */
export async function get(path, parameters = {}, signal = undefined) {
  for (;;) {
    const token = sessionStorage.getItem(TOKEN);
    const response = await send(path, parameters, signal, token);
    if (response.status !== 401) return read(response);
    await askForToken(token);
    signal?.throwIfAborted();
  }
}

async function send(path, parameters, signal, token) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  try {
    return await fetch(urlOf(path, parameters), { headers, signal });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError(0, { detail: 'The server cannot be reached.' });
  }
}

function urlOf(path, parameters) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const item of [value].flat()) {
      if (item !== '' && item !== null && item !== undefined && item !== false) query.append(name, item);
    }
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

async function read(response) {
  let body = null;
  try {
    body = await response.json();
  } catch (error) {
    if (error.name === 'AbortError') throw error;
  }
  if (!response.ok) throw new ApiError(response.status, body?.errors?.[0]);
  if (body === null) throw new ApiError(response.status, { detail: 'The server did not answer with JSON.' });
  return body;
}

let openPrompt = null;

/** Asks the user for a token. Requests that were refused at the same time share one prompt. */
function askForToken(refused) {
  // Another request has got a new token already.
  if (sessionStorage.getItem(TOKEN) !== refused) return Promise.resolve();
  openPrompt ??= prompt(refused !== null).finally(() => {
    openPrompt = null;
  });
  return openPrompt;
}

function prompt(wasRefused) {
  const [dialog, form, input, problem] = ['token', 'token-form', 'token-value', 'token-problem'].map(byId);
  problem.hidden = !wasRefused;
  problem.textContent = wasRefused ? 'The server does not accept this token.' : '';
  input.value = '';
  return new Promise((resolve) => {
    const stayOpen = (event) => event.preventDefault();
    const accept = () => {
      sessionStorage.setItem(TOKEN, input.value.trim());
      dialog.removeEventListener('cancel', stayOpen);
      resolve();
    };
    form.addEventListener('submit', accept, { once: true });
    // The page cannot work without a token, so the dialog cannot be canceled.
    dialog.addEventListener('cancel', stayOpen);
    if (!dialog.open) dialog.showModal();
    input.focus();
  });
}

/** Whether the request was aborted because its answer is no longer needed. */
export const isAborted = (error) => error.name === 'AbortError';
