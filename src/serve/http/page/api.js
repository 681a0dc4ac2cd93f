// Asks the HTTP interface: with the token, if there is one, and with errors that people can read.

import { byId } from './dom.js';
import { sentence } from './format.js';

const TOKEN = 'asset-indexer-token';

/** What was answered instead of what was asked for. */
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
 * Gets JSON; parameters that are empty are left out, lists are given several times.
 *
 * Where a token is asked for, so is the person, and then it is tried again.
 */
export async function get(path, parameters = {}, signal = undefined) {
  for (;;) {
    const token = sessionStorage.getItem(TOKEN);
    const response = await answer(path, parameters, signal, token);
    if (response.status !== 401) return read(response);
    await askForToken(token);
    signal?.throwIfAborted();
  }
}

async function answer(path, parameters, signal, token) {
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
    for (const one of [value].flat()) {
      if (one !== '' && one !== null && one !== undefined && one !== false) query.append(name, one);
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
  if (body === null) throw new ApiError(response.status, { detail: 'The server answered with something else than JSON.' });
  return body;
}

let asking = null;

/** Asks once, however many requests were refused with the token that they were sent with. */
function askForToken(refused) {
  if (sessionStorage.getItem(TOKEN) !== refused) return Promise.resolve();
  asking ??= prompt(refused !== null).finally(() => {
    asking = null;
  });
  return asking;
}

function prompt(wasRefused) {
  const [dialog, form, input, problem] = ['token', 'token-form', 'token-value', 'token-problem'].map(byId);
  problem.hidden = !wasRefused;
  problem.textContent = wasRefused ? 'The server does not accept this token.' : '';
  input.value = '';
  return new Promise((resolve) => {
    const refuse = (event) => event.preventDefault();
    const accept = () => {
      sessionStorage.setItem(TOKEN, input.value.trim());
      dialog.removeEventListener('cancel', refuse);
      resolve();
    };
    form.addEventListener('submit', accept, { once: true });
    // Without a token there is nothing to go back to.
    dialog.addEventListener('cancel', refuse);
    if (!dialog.open) dialog.showModal();
    input.focus();
  });
}

/** Whether an error only says that nobody waits for the answer any more. */
export const isAborted = (error) => error.name === 'AbortError';
