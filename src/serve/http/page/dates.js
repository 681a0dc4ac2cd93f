// The choice of a date range at the side. It writes the date into the search field, where it can be changed.

import { byId, el, fill } from './dom.js';
import { icon } from './icons.js';
import { isAddress } from './query.js';
import { go, state, watch } from './state.js';
import { PRESETS, dateOf, daysOf, rangeTerm, withDate } from './date-term.js';

/** Makes the choice work. */
export function startDates() {
  const input = (id) => el('input', { type: 'date', id, max: '9999-12-31', onchange: () => write(rangeTerm(from.value, to.value)) });
  const [from, to] = [input('date-from'), input('date-to')];
  const presets = PRESETS.map(({ title, term }) => ({
    term,
    button: el('button', { class: 'button', type: 'button', onclick: () => write(dateOf(state.q) === term ? '' : term) }, title),
  }));
  const clear = el('button', { class: 'plain link', type: 'button', onclick: () => write('') }, 'Any date');
  const section = el(
    'details',
    { class: 'facet dates' },
    el('summary', {}, 'Date range', icon('chevron')),
    el('div', { class: 'date-presets', role: 'group', 'aria-label': 'Modified' }, presets.map(({ button }) => button)),
    el('div', { class: 'date-days' }, el('label', { for: 'date-from' }, 'From'), from, el('label', { for: 'date-to' }, 'To'), to),
    el('p', { class: 'note' }, 'Days are in UTC. ', clear),
  );
  fill(byId('dates'), section);
  watch(({ q }, before) => {
    const term = isAddress(q) ? '' : dateOf(q);
    for (const preset of presets) preset.button.setAttribute('aria-pressed', String(preset.term === term));
    const days = daysOf(term);
    [from.value, to.value] = [days.from, days.to];
    clear.hidden = !term;
    // A date in the address is shown. Later, the user decides what is open.
    if (!before && term) section.open = true;
  });
}

function write(term) {
  // An address is the whole search, so a date cannot be added to it.
  go({ q: withDate(isAddress(state.q) ? '' : state.q, term), asset: null });
}
