// The progress of a running scan: a bar, the keys listed and admitted, the rate, and the time left.

import { el, fill, foreign } from './dom.js';
import { icon } from './icons.js';
import { compact, counted, duration, number } from './format.js';

/** The progress of the running scan. It keeps its element and updates it. */
export class ScanProgress {
  #title = el('span', {});
  #percent = el('span', {});
  #bar = el('div', { class: 'progress', role: 'progressbar', 'aria-label': 'Scan', 'aria-valuemin': '0', 'aria-valuemax': '100' }, el('span'));
  #found = el('p', { class: 'aside' });
  element = el('div', { class: 'scan', hidden: true }, el('p', { class: 'scan-head' }, icon('pulse'), this.#title, this.#percent), this.#bar, this.#found);

  /** Shows a scan of the status report; `null` hides it. `speed` is the number of keys listed per second, if known. */
  update(scan, speed) {
    this.element.hidden = !scan;
    if (!scan) return;
    // The estimate may be too low. There is none if the index was empty when the scan started.
    const share = scan.expected > 0 ? Math.min(0.99, scan.listed / scan.expected) : null;
    fill(this.#title, 'Scanning: ', foreign(scan.reason));
    fill(this.#percent, share === null ? '' : `${Math.floor(share * 100)} %`);
    this.#bar.classList.toggle('unknown', share === null);
    this.#bar.style.setProperty('--share', share ?? 0.3);
    if (share === null) this.#bar.removeAttribute('aria-valuenow');
    else this.#bar.setAttribute('aria-valuenow', String(Math.floor(share * 100)));
    const rate = speed > 0 ? ` (${compact(speed)}/s)` : '';
    const left = share !== null && speed > 0 ? `, about ${duration((scan.expected - Math.min(scan.listed, scan.expected)) / speed)} left` : '';
    const changes = `${number(scan.admitted)} admitted, ${number(scan.added)} added, ${number(scan.changed)} changed, ${number(scan.removed)} removed`;
    fill(this.#found, `${counted(scan.listed, 'key')} listed in ${duration(scan.seconds)}${rate}${left}; ${changes}`);
  }
}
