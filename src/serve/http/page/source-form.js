// The form of a Source: all fields on one screen, their mistakes, and what a test found. It sends no requests.

import { el } from './dom.js';
import { Field } from './field.js';
import { FIELDS, SECTIONS, fieldOf, isShown, missing } from './source-fields.js';
import { NEW_SOURCE, formOf, hasSecret, subdomainFor } from './source-values.js';

const serverOf = (url) => url.trim().split('/').slice(0, 3).join('/');
const storeOf = ({ type, endpoint_url: url }) => (type === 'compatible' ? url.trim().replace(/\/+$/, '') : '');
const isOnAws = (url) => /\.amazonaws\.com(\.cn)?$/.test(serverOf(url));
const isSameBucket = (a, b) => a.bucket.trim() === b.bucket.trim() && storeOf(a) === storeOf(b);
const keepsQueueServer = (old, now) => now.events !== 'queue' || isOnAws(now.queue_url) || serverOf(old.queue_url) === serverOf(now.queue_url);

/** The secrets, the access key that each belongs to, and whether the server would still use it. The server checks it too. */
const SECRETS = [
  { id: 'secret_access_key', keyId: 'access_key_id', forQueue: false,
    isUsable: (old, now) => isSameBucket(old, now) && (now.queue_credentials !== 'same' || keepsQueueServer(old, now)) },
  { id: 'queue_secret_access_key', keyId: 'queue_access_key_id', forQueue: true, isUsable: keepsQueueServer },
];

/** The form. `extras` has an element to show at the end of a section, by the id of the section. */
export class SourceForm {
  #fields = new Map();
  #onEdit;
  /** The form as it was loaded, and the values of the API that it was made from; `null` for a new Source. */
  #loaded = { ...NEW_SOURCE };
  #values = null;
  #isReadOnly = false;
  #proposed = '';

  constructor(extras, onEdit) {
    this.#onEdit = onEdit;
    for (const spec of FIELDS) this.#fields.set(spec.id, new Field(spec, (id) => this.#edited(id)));
    const sections = SECTIONS.map(({ id, title, fields }) => el(
      'section',
      { class: 'part', 'aria-labelledby': `part-${id}` },
      el('h2', { id: `part-${id}` }, title),
      fields.map((field) => this.#fields.get(field.id).element),
      extras[id],
    ));
    this.element = el('div', { class: 'parts' }, sections);
  }

  /** Shows the values of an existing Source, or the empty form for `null`. Typed secrets are removed. */
  show(values) {
    this.#values = values;
    this.#loaded = values ? formOf(values) : { ...NEW_SOURCE };
    this.#proposed = '';
    this.#fill(this.#loaded);
    this.clear();
  }

  /** Shows newer values of the API, but keeps what the user has typed. Fields that differ say so, and the first has the focus. */
  rebase(values) {
    const [typed, before] = [this.values, this.#loaded];
    this.show(values);
    const changed = FIELDS.filter(({ id }) => typed[id] !== before[id]);
    this.#fill({ ...this.#loaded, ...Object.fromEntries(changed.map(({ id }) => [id, typed[id]])) });
    const theirs = FIELDS.filter(({ id }) => this.#loaded[id] !== before[id]).map(({ id }) => id);
    for (const id of theirs) {
      const text = String(this.#loaded[id]).replaceAll('\n', ', ') || 'empty';
      this.#fields.get(id).setNotes(el('p', { class: 'theirs' }, `Someone else changed this to: ${text}`));
    }
    if (theirs.length > 0) this.#fields.get(theirs[0]).focus();
  }

  #fill(form) {
    for (const [id, field] of this.#fields) field.value = form[id];
    this.#update();
  }

  /** The form as it was loaded. */
  get loaded() {
    return this.#loaded;
  }

  /** The form as it is now, as `formOf` makes it. */
  get values() {
    return Object.fromEntries([...this.#fields].map(([id, field]) => [id, field.value]));
  }

  /** Whether the user has changed anything. */
  get isChanged() {
    return [...this.#fields].some(([id, field]) => field.value !== this.#loaded[id]);
  }

  setReadOnly(isReadOnly) {
    this.#isReadOnly = isReadOnly;
    for (const field of this.#fields.values()) field.setReadOnly(isReadOnly);
    this.#fields.get('name').setReadOnly(isReadOnly || this.#values !== null);
  }

  #edited(id) {
    const subdomain = this.#fields.get('subdomain');
    // The subdomain follows the name until the user types another one.
    if (id === 'name' && this.#values === null && subdomain.value === this.#proposed) {
      this.#proposed = subdomainFor(this.#fields.get('name').value);
      subdomain.value = this.#proposed;
      subdomain.setProblem('');
    }
    this.#update();
    this.#onEdit(id);
  }

  #update() {
    const form = this.values;
    for (const spec of FIELDS) this.#fields.get(spec.id).element.hidden = !isShown(spec, form);
    const kept = this.#kept(form);
    for (const { id } of SECRETS) this.#fields.get(id).setKept(kept.includes(id));
  }

  /** The ids of the secrets that stay: nothing is typed, and the secret goes to the same place with the same access key. */
  #kept(form) {
    const old = this.#loaded;
    const kept = SECRETS.filter(({ id, keyId, forQueue, isUsable }) =>
      hasSecret(this.#values, forQueue) && form[id] === '' && form[keyId].trim() === old[keyId] && isUsable(old, form));
    return kept.map(({ id }) => id);
  }

  /** The fields that need a value and have none, as mistakes. */
  get missing() {
    const form = this.values;
    return missing(form, this.#kept(form));
  }

  /** Whether enough is typed to list the bucket. */
  get hasStore() {
    return !this.missing.some(({ pointer }) => /^\/(bucket|endpoint_url|credentials)/.test(pointer));
  }

  /** Removes all mistakes and notes. */
  clear() {
    for (const field of this.#fields.values()) {
      field.setProblem('');
      field.setNotes([]);
    }
  }

  /**
   * Marks the fields that have mistakes, and moves the focus to the first one. `errors` have a text and a pointer.
   * Returns the texts that belong to no visible field.
   */
  markErrors(errors) {
    for (const field of this.#fields.values()) field.setProblem('');
    const texts = new Map();
    const others = [];
    for (const { text, pointer } of errors) {
      const field = this.#visible(pointer);
      if (field) texts.set(field, [texts.get(field), text].filter(Boolean).join(' '));
      else others.push(text);
    }
    for (const [field, text] of texts) field.setProblem(text);
    this.focusWrong();
    return others;
  }

  /** Moves the focus to the first field that is marked as wrong. Returns whether there is one. */
  focusWrong() {
    const first = [...this.#fields.values()].find((field) => field.hasProblem);
    first?.focus();
    return first !== undefined;
  }

  /** Shows elements below the fields that their pointers mean. Those of hidden fields are left out. `isWrong` marks the field. */
  addNotes(notes) {
    const byField = new Map();
    for (const { pointer, element, isWrong } of notes) {
      const field = this.#visible(pointer);
      const before = byField.get(field) ?? { elements: [], isWrong: false };
      if (field) byField.set(field, { elements: [...before.elements, element], isWrong: before.isWrong || isWrong });
    }
    for (const field of this.#fields.values()) {
      const { elements, isWrong } = byField.get(field) ?? { elements: [], isWrong: false };
      field.setNotes(elements, isWrong);
    }
  }

  /** The visible field that a pointer means; `null` if there is none. */
  #visible(pointer) {
    const field = this.#fields.get(fieldOf(pointer));
    return field && !field.element.hidden ? field : null;
  }

  /** Moves the focus to the field that a pointer means. */
  focusField(pointer) {
    this.#visible(pointer)?.focus();
  }

  /** The label of the visible field that a pointer means; `null` if there is none. */
  labelOf(pointer) {
    return this.#visible(pointer)?.label ?? null;
  }
}
