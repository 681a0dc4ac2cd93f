// The search field: searches while one types, and shows where a search cannot be read.

import { byId, el, fill, visible } from './dom.js';
import { go, state, watch } from './state.js';
import { searchOf } from './query.js';
import { sentence } from './format.js';
import { Suggestions } from './suggest.js';

/** How long nothing is typed before it is searched, in milliseconds. */
const PAUSE = 180;

/** What may be meant, below the field; there once the field works. */
let suggestions = null;

/** Makes the field work; it follows the address, and the address follows it. */
export function startSearch() {
  const [form, input, clear, slash] = [byId('search'), byId('q'), byId('clear'), document.querySelector('.slash')];
  suggestions = new Suggestions(input, byId('suggestions'));
  let timer = 0;
  // All that is typed without leaving the field is one step back.
  let isTyping = false;
  // What is typed meanwhile is newer than what is searched.
  let isOwn = false;

  const search = () => {
    clearTimeout(timer);
    if (input.value === state.q && state.view === 'search') return;
    const typedOn = isTyping && state.view === 'search';
    isTyping = true;
    isOwn = true;
    go({ q: input.value, view: 'search', asset: null }, { replace: typedOn });
    isOwn = false;
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
    if (!isOwn && input.value !== q) {
      clearTimeout(timer);
      isTyping = false;
      input.value = q;
    }
    byId('source').value = source;
    showButtons();
  });
}

/** Offers these Sources. */
export function offerSources(sources) {
  const options = sources.map(({ name }) => el('option', { value: name }, visible(name)));
  fill(byId('source'), el('option', { value: '' }, 'All Sources'), options);
  byId('source').value = state.source;
}

/**
 * Shows what is wrong with the search below the field, with the place marked; `null`: nothing is.
 *
 * A column that lies behind what was typed is in a filter, which only an address can get wrong.
 */
export function showProblem(error) {
  const [input, problem] = [byId('q'), byId('problem')];
  const isOurs = error?.column !== null && error?.column !== undefined;
  problem.hidden = !isOurs;
  input.setAttribute('aria-invalid', String(isOurs));
  if (!isOurs) return fill(problem);
  suggestions?.close();
  const typed = Array.from(state.q);
  const at = error.column - 1 - searchOf(state).shift;
  const length = Math.max(1, Array.from(error.text).length);
  const message = el('span', { class: 'problem-text' }, visible(sentence(withoutPlace(error.message))));
  if (at < 0 || at > typed.length) return fill(problem, message);
  const wrong = typed.slice(at, at + length).join('') || '\u00a0';
  const line = el('code', { class: 'problem-line', dir: 'ltr' }, visible(typed.slice(0, at).join('')), el('mark', {}, visible(wrong)), visible(typed.slice(at + length).join('')));
  fill(problem, line, message, el('span', { class: 'problem-at' }, `Column ${at + 1}`));
}

/** The message without its column, which counts what stands before what was typed as well. */
const withoutPlace = (text) => text.replace(/^cannot read .* at column \d+ of the search: /is, '');
