// Test connection: sends the draft to the server and shows what it found, next to the fields and as a list.

import { announce, el, fill, foreign, set } from './dom.js';
import { icon } from './icons.js';
import { counted, duration, sentence } from './format.js';
import { isAborted, request } from './api.js';
import { copyButton } from './clipboard.js';

const VERDICTS = { ok: ['good', 'check', 'Works'], warning: ['warn', 'warning', 'Warning'], failure: ['bad', 'close', 'Fails'], skipped: ['off', 'right', 'Not tested'] };

/** The button and the findings. `draft` returns the values to test. */
export class SourceTest {
  #form;
  #draft;
  #onErrors;
  #controller = null;
  #list = el('div', { class: 'findings', role: 'status' });
  #word = el('span', {}, 'Test connection');
  /** The result next to the buttons, which stay visible when the page is scrolled. It leads to the findings and what is below them. */
  verdict = el('button', { class: 'plain test-verdict', type: 'button', hidden: true, onclick: () => this.element.parentElement.scrollIntoView({ block: 'end' }) });
  button = el('button', { class: 'button', type: 'button', onclick: () => this.run() }, icon('pulse'), this.#word);
  element = el('section', { class: 'tested', 'aria-label': 'Test of the connection', hidden: true }, this.#list);

  constructor(form, draft, onErrors) {
    this.#form = form;
    this.#draft = draft;
    this.#onErrors = onErrors;
  }

  /** Removes the findings, and aborts a running test. */
  clear() {
    this.#controller?.abort();
    this.#controller = null;
    this.#word.textContent = 'Test connection';
    this.element.hidden = true;
    fill(this.#list);
    this.outdate();
  }

  /** The user has changed a value, so the result may no longer be true. */
  outdate() {
    this.verdict.hidden = true;
  }

  /** Shows a result next to the buttons. */
  summarize(isGood, text) {
    set(this.verdict, { dataset: { verdict: isGood ? 'good' : 'bad' } });
    fill(this.verdict, icon(isGood ? 'check' : 'warning'), el('span', {}, text));
    this.verdict.hidden = false;
  }

  /** Runs the test. Returns whether everything works; `null` if nothing was tested. */
  async run() {
    this.clear();
    this.#form.clear();
    const { signal } = (this.#controller = new AbortController());
    this.#word.textContent = 'Testing…';
    let works = null;
    try {
      const { body } = await request('POST', '/v1/sources/test', { body: this.#draft(), signal });
      this.#onErrors([]);
      this.#show(body.data);
      works = body.data.ok;
    } catch (error) {
      if (isAborted(error)) return null;
      this.#onErrors(error.errors);
    }
    this.#word.textContent = 'Test connection';
    return works;
  }

  #show({ ok, findings, took_ms: took }) {
    this.element.hidden = false;
    const wrong = findings.filter(({ verdict }) => verdict === 'failure').length;
    const result = ok ? 'The connection works.' : `The connection does not work yet: ${counted(wrong, 'test fails', 'tests fail')}.`;
    const title = el('p', { class: 'tested-title', dataset: { verdict: ok ? 'good' : 'bad' } }, icon(ok ? 'check' : 'warning'), el('strong', {}, result), el('span', { class: 'aside' }, `in ${duration(took / 1000)}`));
    this.summarize(ok, result);
    fill(this.#list, title, el('ul', {}, findings.map((finding) => el('li', {}, this.#line(finding)))));
    const placed = findings.filter(({ verdict, pointer }) => pointer && ['failure', 'warning'].includes(verdict));
    this.#form.addNotes(placed.map((finding) => ({ pointer: finding.pointer, element: details(finding), isWrong: finding.verdict === 'failure' })));
    announce(result);
    // The first wrong field explains itself. If there is none, only the list has the reason.
    if (!ok && !this.#form.focusWrong()) this.element.scrollIntoView({ block: 'nearest' });
  }

  /** A finding in the list. If its field shows the details, the list links to the field. */
  #line(finding) {
    const { verdict, pointer } = finding;
    const label = ['failure', 'warning'].includes(verdict) && this.#form.labelOf(pointer);
    if (!label) return details(finding);
    const show = () => this.#form.focusField(pointer);
    return details({ ...finding, remedy: null, commands: [] }, el('button', { class: 'plain link', type: 'button', onclick: show }, `Go to ${label}`));
  }
}

/** IAM actions such as `s3:ListBucket` stay as they are. */
const titled = (subject) => (subject.includes(':') ? subject : sentence(subject));

function details({ verdict, subject, text, remedy, commands = [] }, ...more) {
  const [state, symbol, word] = VERDICTS[verdict] ?? VERDICTS.skipped;
  const scripts = commands.map((command) => {
    const code = el('code', {}, foreign(command));
    return el('div', { class: 'command' }, code, copyButton(code, { text: command, label: 'Copy the command', what: 'Command' }));
  });
  return el(
    'div',
    { class: 'finding', dataset: { verdict: state } },
    icon(symbol),
    el('div', {}, el('p', {}, el('span', { class: 'hidden' }, `${word}: `), subject && [el('strong', {}, foreign(titled(subject))), ': '], foreign(text)), remedy && el('p', { class: 'remedy' }, foreign(sentence(remedy))), scripts, more),
  );
}
