// The button next to the number of results that exports all of them, whether or not something is selected.

import { byId, el, fill } from './dom.js';
import { counted, number } from './format.js';
import { get, isAborted } from './api.js';
import { EXPORT_PAGE, FORMATS, collect } from './export.js';
import { saveHits } from './save.js';
import { menuButton } from './menu.js';

/** The button, and the line that shows the progress of an export. */
export class ResultExport {
  #results;
  #note = el('p', { class: 'note', role: 'status' });
  #cancel = el('button', { class: 'button', type: 'button', hidden: true, onclick: () => this.#running?.abort() }, 'Cancel');
  #running = null;

  constructor(results) {
    this.#results = results;
    const actions = () => Object.entries(FORMATS).map(([format, { title }]) => [`Whole result as ${title}`, () => this.#export(format)]);
    fill(byId('export'), menuButton({ label: 'Export', symbol: 'document', actions }));
    fill(byId('export-status'), this.#note, this.#cancel);
  }

  /** Follows the results: there is nothing to export without one, and what was said is about the result before. */
  update() {
    byId('export').hidden = this.#results.hits.length === 0;
    if (!this.#running) this.#say('');
  }

  #say(text) {
    this.#note.textContent = text;
  }

  /** Requests the result page by page and saves it. It stops at `MAX_EXPORTED` assets and says so. */
  async #export(format) {
    this.#running?.abort();
    const controller = (this.#running = new AbortController());
    // The search that is shown now, even if the user types another one meanwhile.
    const { search } = this.#results;
    this.#cancel.hidden = false;
    try {
      const request = (cursor) => get('/v1/search', { ...search, limit: EXPORT_PAGE, total: 1, cursor }, controller.signal);
      const { hits, isCut } = await collect(request, (count) => this.#say(`Exporting… ${number(count)}`));
      saveHits(hits, format);
      const text = `${counted(hits.length, 'asset')} exported`;
      this.#say(isCut ? `${text}. The result has more, but an export ends here. Narrow the search to export the rest.` : text);
    } catch (error) {
      this.#say(isAborted(error) ? 'Export canceled' : error.message);
    } finally {
      if (this.#running === controller) {
        this.#running = null;
        this.#cancel.hidden = true;
      }
    }
  }
}
