// The view of one Source: loads it, saves it, and shows what the daemon does with it.

import { announce, byId, el, fill, foreign, foreignPath } from './dom.js';
import { icon } from './icons.js';
import { get, isAborted, request } from './api.js';
import { sentence } from './format.js';
import { go } from './state.js';
import { refusal, signIn, watchSession } from './session.js';
import { patchOf, valuesOf } from './source-values.js';
import { addressOf } from './source-address.js';
import { pathOf } from './source-actions.js';
import { SourceForm } from './source-form.js';
import { SourceProblem } from './source-problem.js';
import { SourceProgress } from './source-progress.js';
import { SourceSetup } from './source-setup.js';
import { SourceTest } from './source-test.js';
import { RulesPreview } from './rules-preview.js';

/** Fields that change neither the preview, nor the policy and the script. */
const WITHOUT_EFFECT = ['annotation', 'reconcile_every_minutes'];

/** The pointers of the required values that a test uses. A Source can be tested before it has a name. */
const TESTED = /^\/(bucket|endpoint_url|credentials|events|rules)/;

/** The view. It keeps what the user has typed while other views are open. */
export class SourceView {
  #element = byId('source-view');
  /** The name of the shown Source; empty for a new one, `null` before the first start. */
  #name = null;
  #source = null;
  #version = null;
  #refusal = null;
  #controller = new AbortController();
  #idempotency = { text: '', key: '' };
  #title = el('h1', { tabindex: '-1' });
  #reason = el('div', { class: 'refused', hidden: true });
  #address = el('code', {});
  #addressBox = el('div', { class: 'address-preview' }, el('span', { class: 'entry-label' }, 'Address of an asset'), this.#address);
  #draft = () => (this.#name ? { name: this.#name, ...this.#patch } : valuesOf(this.#form.values));
  #preview = new RulesPreview(() => (this.#form.hasStore ? this.#draft() : null), (address) => this.#showAddress(address));
  #setup = new SourceSetup(this.#draft);
  #form = new SourceForm({ storage: this.#setup.policy, naming: this.#addressBox, rules: this.#preview.element, changes: this.#setup.script }, (id) => this.#edited(id));
  #problem = new SourceProblem(this.#form);
  #test = new SourceTest(this.#form, this.#draft, (errors) => this.#problem.show(errors, TESTED));
  #progress = new SourceProgress((isRemoved) => this.#changed(isRemoved));
  #save = el('button', { class: 'button strong', type: 'submit' }, 'Save');
  #cancel = el('a', { class: 'button', href: '/?view=sources' }, 'Cancel');
  #buttons = el('div', { class: 'buttons form-buttons' }, this.#save, this.#test.button, this.#cancel, this.#test.verdict);

  constructor() {
    const submit = (event) => {
      event.preventDefault();
      this.#submit();
    };
    const form = el('form', { class: 'source-form', novalidate: true, autocomplete: 'off', onsubmit: submit }, this.#form.element, this.#test.element, this.#problem.element, this.#buttons);
    fill(this.#element, el('a', { class: 'back', href: '/?view=sources' }, icon('left'), 'All Sources'), this.#title, this.#reason, this.#progress.element, form);
    for (const link of [this.#cancel, this.#element.querySelector('.back')]) {
      link.addEventListener('click', (event) => {
        event.preventDefault();
        if (link === this.#cancel) this.#forget();
        go({ view: 'sources', name: '' });
      });
    }
    watchSession(() => this.#controller.signal.aborted || this.#name === null || this.#showRights(true));
    document.addEventListener('visibilitychange', () => this.#checkVersion());
    addEventListener('beforeunload', (event) => {
      if (this.#isChanged) event.preventDefault();
    });
  }

  /** Shows the Source with this name; an empty name is a new Source. */
  start(name) {
    this.#controller.abort();
    this.#controller = new AbortController();
    // The user comes back to what they have typed.
    const isSame = this.#name === name && this.#isChanged;
    if (!isSame) {
      this.#forget();
      this.#name = name;
    }
    fill(this.#title, name ? foreign(name) : 'New Source');
    if (name) return this.#load(isSame);
    if (!isSame) this.#form.show(null);
    this.#showRights();
    this.#edited('');
    return undefined;
  }

  /** Stops all requests. */
  stop() {
    this.#controller.abort();
    this.#progress.stop();
    this.#preview.stop();
  }

  get #isChanged() {
    return this.#name !== null && this.#refusal === null && this.#form.isChanged;
  }

  get #patch() {
    return patchOf(this.#form.loaded, this.#form.values);
  }

  /** Drops what the user has typed. */
  #forget() {
    this.#name = null;
    this.#source = null;
    this.#version = null;
    this.#form.show(null);
    this.#problem.show([]);
    for (const part of [this.#preview, this.#setup, this.#test]) part.clear();
    this.#progress.stop();
  }

  async #load(keepTyped) {
    try {
      const { body, etag } = await request('GET', pathOf(this.#name), { signal: this.#controller.signal });
      if (keepTyped) this.#source = body.data;
      else await this.#show(body.data, etag);
      this.#showRights();
      this.#progress.start(this.#source);
      this.#edited('');
    } catch (error) {
      if (isAborted(error)) return;
      this.#refusal = { text: error.status === 404 ? 'There is no such Source.' : error.message, canSignIn: error.status === 403 };
      this.#showRefusal();
    }
  }

  /** Fills the form. Without the right to manage, the API returns no values, but the list has some of them. */
  async #show(data, etag) {
    this.#source = data;
    this.#version = etag;
    const known = data.values ?? (await get('/v1/sources', {}, this.#controller.signal)).data.find(({ name }) => name === data.name) ?? {};
    const { bucket, prefix, base_url: baseUrl, subdomain } = known;
    this.#form.show(data.values ?? { name: data.name, bucket, prefix, base_url: baseUrl, subdomain });
  }

  /** Applies the rights of the user. `isNew` is set after signing in: the values may be visible now. */
  #showRights(isNew = false) {
    if (isNew && this.#name && !this.#form.isChanged) {
      this.start(this.#name);
      return;
    }
    this.#refusal = refusal(this.#name ? (this.#source ?? { name: this.#name }) : null);
    this.#showRefusal();
  }

  #showRefusal() {
    const isRefused = this.#refusal !== null;
    this.#reason.hidden = !isRefused;
    this.#buttons.hidden = isRefused;
    for (const element of [this.#setup.policy, this.#setup.script, this.#preview.element]) element.hidden = isRefused;
    this.#form.setReadOnly(isRefused);
    if (!isRefused) return;
    const { text, canSignIn } = this.#refusal;
    fill(this.#reason, icon('lock'), el('span', {}, text), canSignIn && el('button', { class: 'button', type: 'button', onclick: signIn }, 'Sign in'));
  }

  /** The Source was changed with the buttons. What the user has typed stays. */
  #changed(isRemoved) {
    if (isRemoved) this.#forget();
    if (isRemoved) go({ view: 'sources', name: '' });
    else this.#load(this.#form.isChanged);
  }

  #edited(id) {
    this.#showAddress(null);
    if (id) this.#test.outdate();
    if (this.#refusal || WITHOUT_EFFECT.includes(id)) return;
    this.#preview.update();
    this.#setup.update();
  }

  #showAddress(address) {
    const { base_url: baseUrl, subdomain } = this.#form.values;
    const text = address ?? addressOf({ baseUrl, subdomain });
    this.#addressBox.hidden = !text;
    fill(this.#address, foreignPath(text ?? ''));
  }

  /** Saves what the user has typed. `isUntested` is set if they want to save values that do not work yet. */
  async #submit(isUntested = false) {
    if (this.#refusal) return;
    const isNew = !this.#name;
    const body = isNew ? valuesOf(this.#form.values) : this.#patch;
    if (!isNew && Object.keys(body).length === 0) {
      announce('Nothing has changed.');
      this.#problem.show([{ text: 'Nothing has changed, so there is nothing to save.', pointer: '' }]);
      return;
    }
    const { missing } = this.#form;
    // The server finds all other missing values, together with all mistakes.
    if (missing.length > 0 && missing.every(({ pointer }) => pointer.startsWith('/rules/'))) {
      this.#problem.show(missing);
      return;
    }
    this.#save.disabled = true;
    try {
      // The server tests changed values itself. It reports missing values without a test.
      const works = !isNew || isUntested || missing.length > 0 || await this.#test.run();
      if (works === false) this.#offerUntested();
      if (!works) return;
      const answer = isNew
        ? await request('POST', '/v1/sources', { body, headers: { 'Idempotency-Key': this.#keyFor(body) } })
        : await request('PATCH', pathOf(this.#name) + (isUntested ? '?test=false' : ''), { body, headers: this.#version ? { 'If-Match': this.#version } : {} });
      await this.#saved(answer);
    } catch (error) {
      if (!isAborted(error)) this.#failed(error);
    } finally {
      this.#save.disabled = false;
    }
  }

  /** Says that the test failed, and lets the user save all the same. */
  #offerUntested() {
    const save = el('button', { class: 'button', type: 'button', onclick: () => this.#submit(true) }, 'Save without a test');
    this.#test.summarize(false, 'The test failed, so nothing is saved.');
    this.#problem.add(
      el('p', {}, 'The test failed, so nothing is saved. You can also save without a test, for example if the store is down: the daemon then tries again by itself, and the Source shows the error until it works.'),
      save,
    );
  }

  async #saved({ body: { data, meta }, etag }) {
    const { name } = data;
    this.#test.clear();
    this.#problem.show([]);
    this.#controller.abort();
    this.#controller = new AbortController();
    if (this.#name) {
      await this.#show(data, etag);
      this.#showRights();
      this.#progress.start(data);
      this.#edited('');
    } else {
      this.#forget();
      go({ view: 'source', name }, { replace: true });
    }
    announce(`${name} is saved`);
    this.#progress.element.focus();
    scrollTo(0, 0);
    // The change is stored, but the daemon does not use it yet.
    const warnings = meta?.warnings ?? [];
    if (warnings.length === 0) return;
    this.#problem.show(warnings.map((text) => ({ text: sentence(text), pointer: '' })));
    this.#problem.element.scrollIntoView({ block: 'center' });
  }

  #failed(error) {
    if (error.status === 412) return this.#showConflict();
    this.#problem.show(error.errors);
    if (error.code === 'test_failed') this.#offerUntested();
    return undefined;
  }

  #showConflict() {
    const load = el('button', { class: 'button', type: 'button', onclick: () => this.#rebase() }, 'Load the new version and keep what I typed');
    this.#problem.say(el('p', {}, 'Someone else has changed this Source since you opened it. Nothing is saved yet.'), load);
    load.focus();
  }

  /** The Source may have been changed in another tab while this one was hidden. */
  async #checkVersion() {
    const { signal } = this.#controller;
    if (document.hidden || signal.aborted || !this.#version || this.#refusal) return;
    try {
      const { body, etag } = await request('GET', pathOf(this.#name), { signal });
      if (etag === this.#version || this.#save.disabled) return;
      if (this.#isChanged) this.#showConflict();
      else await this.#show(body.data, etag);
    } catch {
      // The panel above shows that the server does not answer. Saving checks the version too.
    }
  }

  /** Loads the version of someone else below what the user has typed. */
  async #rebase() {
    try {
      const { body, etag } = await request('GET', pathOf(this.#name), { signal: this.#controller.signal });
      this.#source = body.data;
      this.#version = etag;
      this.#form.rebase(body.data.values ?? {});
      this.#problem.show([{ text: 'The fields show the new version and what you typed. Check the marked fields, then save again.', pointer: '' }]);
      this.#edited('');
    } catch (error) {
      if (!isAborted(error)) this.#problem.show(error.errors);
    }
  }

  /** The same key for the same values, so that a repeated request creates one Source only. */
  #keyFor(body) {
    const text = JSON.stringify(body);
    if (this.#idempotency.text !== text) {
      const bytes = crypto.getRandomValues(new Uint8Array(16));
      this.#idempotency = { text, key: Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('') };
    }
    return this.#idempotency.key;
  }
}
