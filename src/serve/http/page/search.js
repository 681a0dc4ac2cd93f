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
    clearTimeout(timer);
    timer = setTimeout(search, PAUSE);
    showButtons();
    suggestions.ask();
  });
  input.addEventListener('blur', () => {
    isTyping = false;
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    suggestions.close();
    search();
    isTyping = false;
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

/**
 * Shows a mistake in the search below the field and marks its position; `null` hides it.
 *
 * If the column is after the typed text, the mistake is in a filter. Only an address edited by hand can cause
 * that.
 */
export function showProblem(error) {
  const [input, problem] = [byId('q'), byId('problem')];
  const hasColumn = error?.column !== null && error?.column !== undefined;
  problem.hidden = !hasColumn;
  input.setAttribute('aria-invalid', String(hasColumn));
  if (!hasColumn) return fill(problem);
  suggestions?.close();
  const typed = Array.from(state.q);
  const at = error.column - 1 - searchOf(state).shift;
  const length = Math.max(1, Array.from(error.text).length);
  const message = el('span', { class: 'problem-text' }, visible(sentence(withoutColumn(error.message))));
  if (at < 0 || at > typed.length) return fill(problem, message);
  const wrong = typed.slice(at, at + length).join('') || '\u00a0';
  const line = el('code', { class: 'problem-line', dir: 'ltr' }, visible(typed.slice(0, at).join('')), el('mark', {}, visible(wrong)), visible(typed.slice(at + length).join('')));
  fill(problem, line, message, el('span', { class: 'problem-at' }, `Column ${at + 1}`));
}

/** The message without its column, which also counts the characters before the typed text. */
const withoutColumn = (text) => text.replace(/^cannot .* at column \d+ of the search: /is, '');
