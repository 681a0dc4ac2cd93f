// Sends requests to the HTTP API, with the token if there is one, and turns failures into readable errors.

import { sentence } from './format.js';
import { askForToken, forgetToken, token } from './token.js';

/** A request that failed; `status` is 0 if the server cannot be reached. */
export class ApiError extends Error {
  /** `errors` are those of the answer. The message is about the first one. The property `errors` has at least one. */
  constructor(status, errors = []) {
    const [error = {}] = errors;
    const message = sentence(error.detail || error.title || `The server answered with status ${status}.`);
    super(message);
    this.status = status;
    this.code = error.code ?? '';
    this.parameter = error.source?.parameter ?? '';
    this.column = error.meta?.column ?? null;
    this.text = error.meta?.text ?? '';
    this.errors = errors.length > 0
      ? errors.map(({ detail, title, source }) => ({ text: sentence(detail || title || message), pointer: source?.pointer ?? '' }))
      : [{ text: message, pointer: '' }];
  }
}

/**
 * Gets JSON. Empty parameters are left out, and a list becomes a repeated parameter.
 *
 * If the server requires a token, asks the user for one and tries again.
 */
export async function get(path, parameters = {}, signal = undefined) {
  return (await request('GET', urlOf(path, parameters), { signal })).body;
}

/**
 * Sends a request. `body` becomes JSON. Returns the JSON of the answer and its version.
 *
 * If the token is missing or refused, asks the user for one and tries again. For a change, the user can cancel.
 * `withToken` is false for the request that gets one.
 */
export async function request(method, url, { body, headers = {}, signal, withToken = true } = {}) {
  const isRead = method === 'GET';
  const content = body === undefined ? {} : { 'Content-Type': 'application/json' };
  for (;;) {
    const sent = withToken ? token() : null;
    const authorization = sent ? { Authorization: `Bearer ${sent}` } : {};
    const response = await send(url, { method, headers: { ...content, ...headers, ...authorization }, body: body && JSON.stringify(body), signal });
    if (response.status !== 401 || !withToken) return read(response);
    const hasNext = await replaceToken(sent, isRead);
    if (!hasNext) return read(response);
    signal?.throwIfAborted();
  }
}

async function send(url, options) {
  try {
    return await fetch(url, options);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError(0, [{ detail: 'The server cannot be reached.' }]);
  }
}

/** Finds another token, or none if reading needs none. Returns whether the request should be sent again. */
async function replaceToken(refused, isRead) {
  if (refused !== null && token() === refused && !(await requiresToken())) {
    // The token has expired or was revoked, and everyone may read here.
    forgetToken();
    if (isRead) return true;
  }
  if (!isRead) return askForToken(token() === null ? null : refused);
  await askForToken(refused, { isRequired: true });
  return true;
}

async function requiresToken() {
  try {
    const response = await fetch('/v1/session');
    return response.status === 401 || (await response.json()).tokens_required !== false;
  } catch {
    return true;
  }
}

/** The path with these parameters. */
export function urlOf(path, parameters) {
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
  if (!response.ok) throw new ApiError(response.status, body?.errors);
  if (body === null) throw new ApiError(response.status, [{ detail: 'The server did not answer with JSON.' }]);
  return { body, etag: response.headers.get('ETag') };
}

/** Whether the request was aborted because its answer is no longer needed. */
export const isAborted = (error) => error.name === 'AbortError';
