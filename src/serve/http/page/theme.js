// The theme, light or dark: the setting of the system by default, or what the user selects.

import { byId, fill } from './dom.js';
import { icon } from './icons.js';

const KEY = 'asset-indexer-theme';

/** In the order in which the button cycles through them. */
const THEMES = [
  { id: 'auto', label: 'Theme: system' },
  { id: 'light', label: 'Theme: light' },
  { id: 'dark', label: 'Theme: dark' },
];

/** Restores the theme of the last visit, and makes the button work. */
export function startTheme() {
  const button = byId('theme');
  let theme = THEMES.find(({ id }) => id === localStorage.getItem(KEY)) ?? THEMES[0];
  const show = () => {
    document.documentElement.dataset.theme = theme.id;
    button.setAttribute('aria-label', theme.label);
    button.title = theme.label;
    fill(button, icon({ auto: 'auto', light: 'sun', dark: 'moon' }[theme.id]));
  };
  button.addEventListener('click', () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    localStorage.setItem(KEY, theme.id);
    show();
  });
  show();
}
