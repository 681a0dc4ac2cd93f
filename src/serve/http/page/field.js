// One field of a form: its label, control, help, problem, and findings of a test. It knows no values of the API.

import { el, fill, foreign, set } from './dom.js';
import { icon } from './icons.js';

const INPUTS = { url: { type: 'url', inputmode: 'url' }, secret: { type: 'password', autocomplete: 'new-password' }, number: { inputmode: 'numeric' } };

/** A field. `spec` is one of source-fields.js; `onEdit` is called when the user has changed the value. */
export class Field {
  #spec;
  #controls;
  #owner;
  #hint;
  #problem;
  #notes;
  #isWrong = false;
  #mark = el('span', { class: 'aside' });

  constructor(spec, onEdit) {
    this.#spec = spec;
    const { id, kind, label, help } = spec;
    const base = `field-${id}`;
    this.#hint = el('p', { class: 'hint', id: `${base}-hint` }, help);
    this.#problem = el('p', { class: 'entry-problem', id: `${base}-problem`, hidden: true });
    this.#notes = el('div', { class: 'entry-notes', id: `${base}-notes`, 'aria-live': 'polite' });
    const body = kind === 'choice' ? this.#choice(base) : kind === 'check' ? this.#check(base) : this.#text(base);
    set(this.#owner, { 'aria-describedby': [help && `${base}-hint`, `${base}-problem`, `${base}-notes`].filter(Boolean).join(' ') });
    this.element = el('div', { class: 'entry', dataset: { kind: kind ?? 'text' } }, body, this.#hint, this.#problem, this.#notes);
    this.#hint.hidden = !help;
    this.#setMark(spec.optional ? 'optional' : '');
    const edited = () => {
      this.#isWrong = false;
      this.setProblem('');
      onEdit(id);
    };
    for (const control of this.#controls) control.addEventListener(kind === 'choice' || kind === 'check' ? 'change' : 'input', edited);
    this.label = label;
  }

  #text(base) {
    const { id, kind, label, mono, placeholder, required } = this.#spec;
    const shared = { id: base, name: id, class: mono || kind === 'url' || kind === 'lines' ? 'mono' : null, placeholder, spellcheck: 'false', autocapitalize: 'off', 'aria-required': required ? 'true' : null };
    const control = kind === 'lines' ? el('textarea', { ...shared, rows: '4', wrap: 'off' }) : el('input', { type: 'text', autocomplete: 'off', ...shared, ...INPUTS[kind] });
    this.#controls = [control];
    this.#owner = control;
    // The mark is outside the label, so that it is no part of the name of the field.
    return [el('div', { class: 'entry-label' }, el('label', { for: base }, label), ' ', this.#mark), control];
  }

  #check(base) {
    const control = el('input', { type: 'checkbox', id: base, name: this.#spec.id });
    this.#controls = [control];
    this.#owner = control;
    return el('label', { class: 'option', for: base }, control, el('span', {}, this.#spec.label));
  }

  #choice(base) {
    const { id, label, options } = this.#spec;
    this.#controls = options.map((option) => el('input', { type: 'radio', name: id, value: option.id, id: `${base}-${option.id}` }));
    const lines = options.map((option, at) => el('label', { class: 'option' }, this.#controls[at], el('span', {}, option.label, option.help && el('span', { class: 'option-help' }, option.help))));
    this.#owner = el('div', { class: 'options', role: 'radiogroup', 'aria-labelledby': `${base}-label` }, lines);
    return [el('p', { class: 'entry-label', id: `${base}-label` }, label, this.#mark), this.#owner];
  }

  #setMark(text) {
    fill(this.#mark, text);
    this.#mark.hidden = !text;
  }

  get value() {
    const [first] = this.#controls;
    if (this.#spec.kind === 'check') return first.checked;
    if (this.#spec.kind === 'choice') return this.#controls.find((control) => control.checked)?.value ?? '';
    return first.value;
  }

  set value(value) {
    const [first] = this.#controls;
    if (this.#spec.kind === 'check') first.checked = value;
    else if (this.#spec.kind === 'choice') for (const control of this.#controls) control.checked = control.value === value;
    else first.value = value;
  }

  /** Says in an empty secret field that the stored secret stays. */
  setKept(isKept) {
    set(this.#controls[0], { placeholder: isKept ? 'kept; type here to replace it' : null });
    this.#setMark(isKept ? 'kept' : '');
  }

  setReadOnly(isReadOnly) {
    const isText = !['check', 'choice'].includes(this.#spec.kind);
    for (const control of this.#controls) {
      if (isText) control.readOnly = isReadOnly;
      else control.disabled = isReadOnly;
    }
  }

  /** Shows a mistake; an empty text removes it. */
  setProblem(text) {
    this.#problem.hidden = !text;
    fill(this.#problem, text && [icon('warning'), el('span', {}, foreign(text))]);
    this.#markInvalid();
  }

  get hasProblem() {
    return !this.#problem.hidden || this.#isWrong;
  }

  /**
   * Shows elements below the field, such as findings of a test; an empty list removes them. `isWrong` marks the field
   * until the user changes it.
   */
  setNotes(elements, isWrong = false) {
    fill(this.#notes, elements);
    this.#isWrong = isWrong;
    this.#markInvalid();
  }

  #markInvalid() {
    set(this.#owner, { 'aria-invalid': this.hasProblem ? 'true' : null });
  }

  focus() {
    const checked = this.#spec.kind === 'choice' && this.#controls.find((control) => control.checked);
    (checked || this.#controls[0]).focus();
  }
}
