// The links that skip the bar and the filters. They are visible when they have the focus.

import { byId } from './dom.js';
import { state, watch } from './state.js';

/** The asset of the results that Tab reaches. */
const REACHED = '#results :is(.card-link, .row-link)[tabindex="0"]';

/** Makes the links move the focus to the first result. Without results, they lead to the content of the view. */
export function startSkips() {
  const [skip, toResults] = [byId('skip'), byId('skip-results')];
  const focusFirst = (event) => {
    const first = document.querySelector(REACHED);
    if (state.view !== 'search' || !first) return;
    event.preventDefault();
    first.focus();
  };
  for (const link of [skip, toResults]) link.addEventListener('click', focusFirst);
  watch(({ view }) => {
    toResults.hidden = view !== 'search';
  });
}
