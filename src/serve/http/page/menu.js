// A button that opens a small panel next to itself, for example a menu of actions.

import { el, fill } from './dom.js';
import { icon } from './icons.js';

/** Distance in pixels between the button and its panel, and between the panel and the edge of the window. */
const GAP = 6;

let made = 0;

/**
 * A button with a panel. `content` is called on each opening and returns the children of the panel, given a function
 * that closes it.
 *
 * Escape and a click elsewhere close the panel; the browser then moves the focus back to the button.
 */
export function panelButton({ label, symbol, content }) {
  made += 1;
  const panel = el('div', { class: 'menu', id: `menu-${made}`, popover: true, role: 'group', 'aria-label': label });
  const button = el('button', { class: 'button', type: 'button', popovertarget: panel.id }, icon(symbol), el('span', {}, label), icon('chevron'));
  panel.addEventListener('beforetoggle', ({ newState }) => {
    if (newState === 'open') fill(panel, content(() => panel.hidePopover()));
  });
  // The content can grow while the panel is open, for example when addresses arrive.
  const observer = new ResizeObserver(() => place(panel, button));
  panel.addEventListener('toggle', ({ newState }) => {
    observer.disconnect();
    if (newState !== 'open') return;
    place(panel, button);
    observer.observe(panel);
    panel.querySelector('button, a, input')?.focus();
  });
  return el('span', { class: 'menu-owner' }, button, panel);
}

/** A button with a menu. `actions` returns pairs of a text and what it does. */
export const menuButton = ({ label, symbol, actions }) => panelButton({
  label,
  symbol,
  content: (close) => actions().map(([text, act]) => el('button', {
    class: 'plain menu-action', type: 'button', onclick: () => {
      close();
      act();
    },
  }, text)),
});

/** Puts the panel below the button, or above if there is no room, and inside the window. */
function place(panel, button) {
  const at = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = panel;
  const left = Math.max(GAP, Math.min(at.left, innerWidth - width - GAP));
  const below = at.bottom + GAP;
  const top = below + height <= innerHeight ? below : Math.max(GAP, at.top - height - GAP);
  panel.style.left = `${left}px`;
  panel.style.top = `${top}px`;
}
