// Repeats a request while a view is shown, with a pause after each answer. A hidden tab sends none.

import { isAborted } from './api.js';

/** `load` gets a signal and returns a promise; `fail` gets its error. `pause` is in milliseconds. */
export class Poll {
  #load;
  #fail;
  #pause;
  #controller = null;
  #timer = 0;

  constructor(load, fail, pause) {
    [this.#load, this.#fail, this.#pause] = [load, fail, pause];
    document.addEventListener('visibilitychange', () => this.now());
  }

  /** Starts, unless it is running. */
  start() {
    if (this.#controller) return;
    this.#controller = new AbortController();
    this.#run();
  }

  /** Stops, and aborts the request. */
  stop() {
    this.#controller?.abort();
    this.#controller = null;
    clearTimeout(this.#timer);
  }

  /** Sends the next request now, if it is running. */
  now() {
    if (this.#controller) this.#run();
  }

  async #run() {
    clearTimeout(this.#timer);
    const controller = this.#controller;
    if (!document.hidden) {
      try {
        await this.#load(controller.signal);
      } catch (error) {
        if (isAborted(error)) return;
        this.#fail(error);
      }
    }
    if (controller !== this.#controller) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#run(), this.#pause);
  }
}
