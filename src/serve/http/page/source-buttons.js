// The buttons to change a Source: disable or enable, reindex, and remove.

import { announce, el, fill, set, visible } from './dom.js';
import { icon } from './icons.js';
import { refusal } from './session.js';
import { reindex, remove, setEnabled } from './source-actions.js';

/** The buttons of one Source. They are shown only to users who may change it. */
export class SourceButtons {
  #source = null;
  #onChange;
  #onError;
  #toggle = this.#button('pause', 'Disable', ({ name, enabled }) => setEnabled(name, !enabled));
  #reindex = this.#button('again', 'Reindex', ({ name }) => reindex(name));
  #remove = this.#button('remove', 'Remove', remove);
  element = el('div', { class: 'row-buttons' }, this.#toggle, this.#reindex, this.#remove);

  /** `onChange` is called after a change, with `true` if the Source is removed; `onError` with a text. */
  constructor(onChange, onError) {
    this.#onChange = onChange;
    this.#onError = onError;
  }

  #button(symbol, word, act) {
    return el('button', { class: 'button square', type: 'button', title: word, onclick: () => this.#act(act) }, icon(symbol));
  }

  async #act(act) {
    try {
      const isRemoved = await act(this.#source);
      // The user has canceled.
      if (isRemoved === false) return;
      this.#onChange(isRemoved === true);
    } catch (error) {
      announce(error.message);
      this.#onError(error.message);
    }
  }

  /** Shows what can be done with the Source now. It needs `name`, `enabled`, `is_managed`, `subdomain` and `assets`. */
  update(source) {
    this.#source = source;
    const word = source.enabled ? 'Disable' : 'Enable';
    fill(this.#toggle, icon(source.enabled ? 'pause' : 'play'));
    this.#reindex.disabled = !source.enabled;
    for (const [button, title] of [[this.#toggle, word], [this.#reindex, 'Reindex'], [this.#remove, 'Remove']]) {
      set(button, { title, 'aria-label': `${title} ${visible(source.name)}` });
      button.hidden = refusal(source) !== null;
    }
  }
}
