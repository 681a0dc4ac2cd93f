// The live preview of the rules: counts, examples on both sides with the rule that decided, and a path tester.

import { el, fill, foreign, foreignPath } from './dom.js';
import { icon } from './icons.js';
import { number } from './format.js';
import { isAborted, request } from './api.js';

/** Milliseconds without typing before the preview is requested again. */
const PAUSE = 450;
/** Maximum number of tested paths; the server takes no more. */
const MAX_PATHS = 50;
/** Maximum number of examples of one side. */
const MAX_EXAMPLES = 8;

/** The preview. `draft` returns the values, or `null` if too few are typed; `onAddress` gets the address of an example. */
export class RulesPreview {
  #draft;
  #onAddress;
  #timer = 0;
  #controller = null;
  #counts = el('p', { class: 'preview-counts', role: 'status' });
  #sides = el('div', { class: 'preview-sides' });
  #verdicts = el('ul', { class: 'path-verdicts', 'aria-label': 'Tested paths', 'aria-live': 'polite' });
  #paths = el('textarea', { id: 'tested-paths', class: 'mono', rows: '2', wrap: 'off', spellcheck: 'false', autocapitalize: 'off', placeholder: '/images/summer.jpg', 'aria-describedby': 'tested-paths-hint' });
  element = el(
    'div',
    { class: 'rules-preview', role: 'group', 'aria-labelledby': 'rules-preview-title' },
    el('h3', { id: 'rules-preview-title' }, 'Preview'),
    this.#counts, this.#sides,
    el('div', { class: 'entry' }, el('label', { class: 'entry-label', for: 'tested-paths' }, 'Try paths'), this.#paths, el('p', { class: 'hint', id: 'tested-paths-hint' }, 'One path on each line. Each one shows whether it appears, and which rule decides.')),
    this.#verdicts,
  );

  constructor(draft, onAddress) {
    this.#draft = draft;
    this.#onAddress = onAddress;
    this.#paths.addEventListener('input', () => this.update());
  }

  /** The draft has changed. */
  update(pause = PAUSE) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#load(), pause);
  }

  /** Stops and forgets everything, for another Source. */
  clear() {
    this.stop();
    this.#paths.value = '';
    for (const element of [this.#counts, this.#sides, this.#verdicts]) fill(element);
  }

  /** Drops a pending request. */
  stop() {
    clearTimeout(this.#timer);
    this.#controller?.abort();
  }

  async #load() {
    this.stop();
    const source = this.#draft();
    if (source === null) {
      fill(this.#sides);
      fill(this.#verdicts);
      fill(this.#counts, 'Examples appear here when the bucket and the credentials are filled in.');
      return;
    }
    const { signal } = (this.#controller = new AbortController());
    const paths = this.#paths.value.split('\n').map((line) => line.trim()).filter(Boolean).slice(0, MAX_PATHS);
    this.element.setAttribute('aria-busy', 'true');
    try {
      const { data } = (await request('POST', '/v1/sources/preview', { body: { source, paths }, signal })).body;
      this.#show(data);
    } catch (error) {
      if (isAborted(error)) return;
      this.#fail(error);
    }
    this.element.setAttribute('aria-busy', 'false');
  }

  #show(data) {
    const { index, listed, listed_error: listError, admitted, rejected, paths, address } = data;
    fill(this.#counts, countsText(index, listed), listError && el('span', { class: 'warn-text' }, ' The bucket could not be listed: ', foreign(listError)));
    const hasExamples = admitted.length + rejected.length > 0;
    fill(this.#sides, hasExamples && [side('Appear', 'good', admitted), side('Do not appear', 'off', rejected)]);
    fill(this.#verdicts, (paths ?? []).map(({ path, admitted: isAdmitted, rule }) => el(
      'li',
      { dataset: { verdict: isAdmitted ? 'good' : 'bad' } },
      icon(isAdmitted ? 'check' : 'close'), el('code', {}, foreignPath(path)), el('span', {}, isAdmitted ? 'appears: ' : 'does not appear: ', foreign(rule)),
    )));
    this.#onAddress(address);
  }

  #fail({ status, errors }) {
    fill(this.#sides);
    fill(this.#verdicts);
    this.#onAddress(null);
    const texts = errors.map(({ text }) => text).join(' ');
    fill(this.#counts, status === 422 && 'Examples appear here when this is corrected: ', foreign(texts));
  }
}

function countsText(index, listed) {
  const share = ({ admitted, rejected }, of, isComplete) => [el('strong', {}, number(admitted)), ' of ', number(admitted + rejected), ` ${of} appear`, isComplete ? '. ' : ' so far. '];
  const parts = [];
  if (index) parts.push(share(index, 'assets of the index', index.is_complete));
  if (listed) parts.push(share(listed, listed.is_complete ? 'listed files' : 'files on the listed pages', true));
  return parts.length > 0 ? parts : 'No files to show examples of yet.';
}

function side(title, verdict, examples) {
  const lines = examples.slice(0, MAX_EXAMPLES).map(({ path, rule }) => el('li', {}, el('code', {}, foreignPath(path)), el('span', { class: 'rule' }, foreign(rule))));
  return el(
    'section',
    { class: 'side-examples', 'aria-label': title },
    el('h4', { dataset: { verdict } }, icon(verdict === 'good' ? 'check' : 'close'), title),
    lines.length > 0 ? el('ul', {}, lines) : el('p', { class: 'note' }, 'no examples'),
  );
}
