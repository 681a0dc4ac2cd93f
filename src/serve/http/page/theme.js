// Light or dark: what the system says, until a person chooses otherwise.

import { byId, fill } from './dom.js';
import { icon } from './icons.js';

const KEY = 'asset-indexer-theme';

/** In the order in which the button goes through them. */
const THEMES = [
  { id: 'auto', label: 'Theme: as the system' },
  { id: 'light', label: 'Theme: light' },
  { id: 'dark', label: 'Theme: dark' },
];

/** Takes over what was chosen in an earlier visit, and lets the button change it. */
export function startTheme() {
  const button = byId('theme');
  let chosen = THEMES.find(({ id }) => id === localStorage.getItem(KEY)) ?? THEMES[0];
  const show = () => {
    document.documentElement.dataset.theme = chosen.id;
    button.setAttribute('aria-label', chosen.label);
    button.title = chosen.label;
    fill(button, icon({ auto: 'auto', light: 'sun', dark: 'moon' }[chosen.id]));
  };
  button.addEventListener('click', () => {
    chosen = THEMES[(THEMES.indexOf(chosen) + 1) % THEMES.length];
    localStorage.setItem(KEY, chosen.id);
    show();
  });
  show();
}
