// Actions on a Source besides editing: disable, enable, reindex and remove.

import { announce, el, fill, foreign } from './dom.js';
import { counted, sentence } from './format.js';
import { request } from './api.js';

/** The path of a Source in the API. */
export const pathOf = (name) => `/v1/sources/${encodeURIComponent(name)}`;

/** The warnings in an answer, if the change is stored and the daemon does not use it yet. */
const warningOf = ({ meta }) => (meta?.warnings ?? []).map(sentence).join(' ');

/** Enables or disables a Source. */
export async function setEnabled(name, enabled) {
  const { body } = await request('PATCH', pathOf(name), { body: { enabled } });
  announce([`${name}: ${enabled ? 'enabled' : 'disabled'}.`, warningOf(body)].join(' ').trim());
}

/** Starts a complete scan. */
export async function reindex(name) {
  await request('POST', `${pathOf(name)}/reindex`, { body: {} });
  announce(`${name}: a scan has been requested`);
}

/**
 * Asks whether to remove a Source, and removes it. The user types its name to confirm.
 *
 * Returns whether it was removed.
 */
export function remove({ name, subdomain, assets }) {
  const input = el('input', { id: 'remove-name', class: 'mono', type: 'text', autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false', 'aria-describedby': 'remove-problem' });
  const problem = el('p', { class: 'problem', id: 'remove-problem', role: 'alert', hidden: true });
  const cancel = el('button', { class: 'button', type: 'button' }, 'Cancel');
  const confirm = el('button', { class: 'button danger', type: 'submit' }, 'Remove this Source');
  const leaving = assets > 0 ? `${counted(assets, 'asset')} ${assets === 1 ? 'leaves' : 'leave'} search.` : 'Its assets leave search.';
  const form = el(
    'form',
    { method: 'dialog' },
    el('h2', { id: 'remove-title' }, 'Remove ', foreign(name), '?'),
    el('p', {}, leaving, ' The files in the bucket stay. The stored secret is deleted.'),
    el('p', {}, subdomain ? ['The subdomain ', el('strong', {}, foreign(subdomain)), ' stays bound to this name: no other Source can take it.'] : 'The subdomain stays bound to this name: no other Source can take it.'),
    el('label', { for: 'remove-name' }, 'Type the name to confirm: ', el('strong', {}, foreign(name))),
    input, problem,
    el('div', { class: 'buttons' }, cancel, confirm),
  );
  const dialog = el('dialog', { class: 'confirm', 'aria-labelledby': 'remove-title' }, form);
  const fail = (text) => {
    problem.hidden = false;
    fill(problem, foreign(text));
    input.setAttribute('aria-invalid', 'true');
    input.focus();
  };
  return new Promise((resolve) => {
    let isRemoved = false;
    cancel.addEventListener('click', () => dialog.close());
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(isRemoved);
    });
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      if (input.value.trim() !== name) return fail('This is not the name of the Source.');
      confirm.disabled = true;
      try {
        const { body } = await request('DELETE', pathOf(name));
        isRemoved = true;
        const left = body.data?.assets_leaving;
        const removed = left > 0 ? `${name} is removed; ${counted(left, 'asset')} will leave search.` : `${name} is removed.`;
        announce([removed, warningOf(body)].join(' ').trim());
        dialog.close();
      } catch (error) {
        confirm.disabled = false;
        fail(error.message);
      }
      return undefined;
    });
    document.body.append(dialog);
    dialog.showModal();
    input.focus();
  });
}
