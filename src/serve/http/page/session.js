// Who the user is: the rights of the token, the one-time link, signing in and signing out.

import { announce, byId, el, fill, foreign } from './dom.js';
import { get, request } from './api.js';
import { TOKEN, askForToken, forgetToken, isOnDevice, keepToken, token, watchToken } from './token.js';

/** The rights of someone about whom the server says nothing. */
const NOBODY = { authenticated: false, token_name: null, may_manage: false, may_create: false, sources: null, tokens_required: false, managed_by: null };

/** The answer of `/v1/session`. It is replaced when the user signs in. */
export let session = NOBODY;

const listeners = [];

/** Calls the listener when the rights have changed. */
export function watchSession(listener) {
  listeners.push(listener);
}

/** Reads the rights of the current token. */
export async function loadSession() {
  try {
    session = { ...NOBODY, ...(await get('/v1/session')) };
  } catch (error) {
    session = NOBODY;
    if (error.status !== 404) announce(error.message);
  }
  showAccount();
  for (const listener of listeners) listener();
}

/** Lets the user enter a token. */
export function signIn() {
  return askForToken(token(), { isWish: true });
}

/**
 * Why the user may not change this Source; `null` if it is allowed. `source` is `null` for a new one.
 *
 * `canSignIn` says whether another token may help.
 */
export function refusal(source) {
  const { token_name: name, may_manage: mayManage, may_create: mayCreate, sources, managed_by: managedBy } = session;
  const no = (text, canSignIn = false) => ({ text, canSignIn });
  if (source && source.is_managed === false) return no('This Source is in the configuration file of the server. Change it there.');
  if (managedBy === null) return no('This server only reads the index. Open the page of the daemon to change Sources.');
  if (!session.authenticated) return no('You can look at everything here. Sign in with a token to make changes.', true);
  if (!mayManage) return no(`The token “${name}” may only read. Sign in with a token that may manage Sources.`, true);
  const isOfOthers = source ? sources !== null && !sources.includes(source.name) : !mayCreate;
  if (isOfOthers) return no(source ? `The token “${name}” may not change this Source.` : `The token “${name}” is limited to some Sources, so it cannot create new ones.`, true);
  return null;
}

/**
 * Exchanges the code of a one-time link for a token, and removes it from the address bar.
 *
 * Call it before everything else: other requests need the token.
 */
export async function useOneTimeLink() {
  const code = new URLSearchParams(location.hash.slice(1)).get('code');
  if (!code) return;
  // Remove it first, so that it is neither copied with the address nor kept in the history.
  history.replaceState(history.state, '', location.pathname + location.search);
  try {
    const { body } = await request('POST', '/v1/session', { body: { code }, withToken: false });
    keepToken(body.token, false);
  } catch (error) {
    const notice = byId('notice');
    notice.hidden = false;
    fill(notice, el('span', {}, `The one-time link did not work. ${error.message}`), el('button', { class: 'button', type: 'button', onclick: () => { notice.hidden = true; } }, 'Close'));
  }
}

/** Makes the account button work. */
export function startSession() {
  const button = byId('account-button');
  button.addEventListener('click', () => {
    if (session.authenticated) byId('account').togglePopover({ source: button });
    else signIn();
  });
  watchToken(loadSession);
  // Another tab has signed in or out.
  addEventListener('storage', (event) => {
    if (event.key === TOKEN) loadSession();
  });
}

function showAccount() {
  const { authenticated, token_name: name, tokens_required: isRequired, managed_by: managedBy } = session;
  const button = byId('account-button');
  // There is nothing to sign in for on a server that only reads and is open for everyone.
  button.hidden = !authenticated && !isRequired && managedBy === null;
  fill(button.querySelector('.word'), authenticated ? 'Account' : 'Sign in');
  if (!authenticated) return;
  const signOut = () => {
    forgetToken();
    location.reload();
  };
  fill(
    byId('account'),
    el('p', {}, 'Signed in with the token ', el('strong', {}, foreign(name ?? ''))),
    el('p', { class: 'note' }, rightsText(), ' ', isOnDevice() ? 'This device keeps the token.' : 'The token is kept until you close this tab.'),
    el('button', { class: 'button', type: 'button', onclick: signOut }, 'Sign out'),
  );
}

function rightsText() {
  const { may_manage: mayManage, sources } = session;
  if (!mayManage) return 'It may read.';
  return sources === null ? 'It may set up all Sources.' : `It may change ${sources.length === 1 ? 'one Source' : `${sources.length} Sources`}.`;
}
