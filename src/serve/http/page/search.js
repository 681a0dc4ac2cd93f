// The search field. It searches while the user types, and marks mistakes in the query.

import { byId, el, fill, visible } from './dom.js';
import { go, state, watch } from './state.js';
import { isAddress, searchOf } from './query.js';
import { sentence } from './format.js';
import { Suggestions } from './suggest.js';

/** Milliseconds without typing before the search starts. */
const PAUSE = 180;

/** The list below the field; `null` until `startSearch`. */
let suggestions = null;

/** Whether the user is done with the text: it came with the address, or Enter or leaving the field ended it. */
let isFinished = true;

/** The last mistake, which is shown again when the text is finished. */
let mistake = null;

/** Makes the search field work, and keeps it and the address in step. */
export function startSearch() {
  const [form, input, clear, slash] = [byId('search'), byId('q'), byId('clear'), document.querySelector('.slash')];
  suggestions = new Suggestions(input, byId('suggestions'));
  let timer = 0;
  // Everything typed without leaving the field is one entry of the history.
  let isTyping = false;
  // Set while this field changes the state: the field may be newer than the state, so it is not overwritten.
  let isOwnChange = false;

  const search = () => {
    clearTimeout(timer);
    if (input.value === state.q && state.view === 'search') return;
    const replace = isTyping && state.view === 'search';
    isTyping = true;
    isOwnChange = true;
    // An address names its asset completely, so folder and filters would have no effect.
    const everywhere = isAddress(input.value) ? { folder: '/', level: false, filters: [] } : {};
    go({ q: input.value, view: 'search', asset: null, ...everywhere }, { replace });
    isOwnChange = false;
  };
  const showButtons = () => {
    clear.hidden = input.value === '';
    slash.hidden = input.value !== '';
  };

  input.addEventListener('input', () => {
    isFinished = false;
    clearTimeout(timer);
    timer = setTimeout(search, PAUSE);
    showButtons();
    suggestions.ask();
  });
  input.addEventListener('blur', () => {
    isTyping = false;
    finish();
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    suggestions.close();
    search();
    isTyping = false;
    finish();
  });
  clear.addEventListener('click', () => {
    input.value = '';
    isTyping = false;
    search();
    isTyping = false;
    showButtons();
    suggestions.close();
    input.focus();
  });
  byId('source').addEventListener('change', (event) => {
    go({ source: event.target.value, folder: '/', asset: null, view: 'search' });
  });
  document.addEventListener('keydown', (event) => {
    const isText = event.target.closest?.('input, select, textarea, dialog');
    if (event.key !== '/' || isText || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    input.focus();
    input.select();
  });
  watch(({ q, source }) => {
    if (!isOwnChange && input.value !== q) {
      clearTimeout(timer);
      isTyping = false;
      isFinished = true;
      input.value = q;
    }
    byId('source').value = source;
    showButtons();
  });
}

/** Fills the list of Sources. */
export function offerSources(sources) {
  const options = sources.map(({ name }) => el('option', { value: name }, visible(name)));
  fill(byId('source'), el('option', { value: '' }, 'All Sources'), options);
  byId('source').value = state.source;
}

/** Takes the text as finished, so that what is wrong at its end is a mistake. */
function finish() {
  isFinished = true;
  if (mistake) showProblem(mistake);
}

/**
 * Shows a mistake in the search below the field and marks its position; `null` hides it. Returns whether it is one:
 * what is wrong at the end of a text that the user is typing gets a neutral hint, because it may only be unfinished.
 *
 * If the column is after the typed text, the mistake is in a filter. Only an address edited by hand can cause
 * that.
 */
export function showProblem(error) {
  const [input, problem, hint] = ['q', 'problem', 'unfinished'].map(byId);
  mistake = error?.column === undefined || error.column === null ? null : error;
  const place = mistake && placeOf(mistake);
  const isHint = mistake !== null && !isFinished && place.isAtEnd;
  const isMistake = mistake !== null && !isHint;
  fill(hint, isHint && messageOf(mistake));
  fill(problem, isMistake && [lineOf(place), messageOf(mistake), place.isInText && el('span', { class: 'problem-at' }, `Column ${place.at + 1}`)]);
  hint.hidden = !isHint;
  problem.hidden = !isMistake;
  input.setAttribute('aria-invalid', String(isMistake));
  if (isMistake) suggestions?.close();
  return isMistake;
}

/** Where a mistake is in the typed text, in characters. */
function placeOf({ column, text }) {
  const typed = Array.from(state.q);
  const at = column - 1 - searchOf(state).shift;
  const end = at + Math.max(1, Array.from(text).length);
  const isInText = at >= 0 && at <= typed.length;
  return { typed, at, end, isInText, isAtEnd: isInText && end >= typed.length };
}

/** The typed text with the mistake marked. */
function lineOf({ typed, at, end, isInText }) {
  if (!isInText) return null;
  const [before, wrong, after] = [typed.slice(0, at), typed.slice(at, end), typed.slice(end)].map((part) => visible(part.join('')));
  return el('code', { class: 'problem-line', dir: 'ltr' }, before, el('mark', {}, wrong || '\u00a0'), after);
}

const messageOf = ({ message }) => el('span', { class: 'problem-text' }, visible(sentence(withoutColumn(message))));

/** The message without its column, which also counts the characters before the typed text. */
const withoutColumn = (text) => text.replace(/^cannot .* at column \d+ of the search: /is, '');
