// What the terms of the status view mean, for people who see them for the first time.

import { byId, el } from './dom.js';

/** One sentence for each term. */
const MEANINGS = {
  // The figures at the top.
  State: 'Ready: searches are answered. Not ready: the notes above say what is missing.',
  Assets: 'Files that searches can find.',
  Index: 'The size of the index on this server’s disk.',
  Folder: 'Where the index is on this server’s disk.',
  Uptime: 'How long this program has been running. The counts below start again with it.',
  Version: 'The version of this program.',
  // The states of a Source.
  Queued: 'The Source is saved. The daemon starts it in a moment.',
  Deploying: 'The first scan lists the bucket. Assets can be found as soon as they are listed.',
  Deployed: 'Searches find all assets of this Source.',
  Degraded: 'The Source has a problem. The assets that are known stay searchable.',
  Disabled: 'Searches find no assets of this Source, and it is not scanned. Enable it to bring them back.',
  // The figures of a Source.
  'Complete as of': 'A scan has compared the whole bucket with the index. The index had everything that was in the bucket at this time.',
  Events: 'Changes that the bucket has reported through its queue, and that are now in the index.',
  Scans: 'How often the bucket was listed completely since the start.',
  Drift: 'Differences between bucket and index that a scan found although events should have reported them. None is expected.',
  Subdomain: 'The first part of the address of the assets.',
  'Keys listed': 'How fast a running scan reads the names of the files in the bucket.',
  'Event to searchable': 'The time from a change in the bucket until searches find it. Half of the changes are faster than the median.',
  'Last error': 'The newest error, also if later attempts have succeeded.',
  // The states of a queue.
  Receiving: 'Events of the bucket arrive.',
  Starting: 'The queue has not answered yet.',
  Failing: 'The queue cannot be read. Changes appear with the next scan.',
  // The figures of a queue.
  Received: 'Messages that came from the queue. Some come twice.',
  Acknowledged: 'Messages whose changes are safely in the index, and that were then removed from the queue.',
  'Not applied': 'Messages that changed nothing: damaged, failed, for no Source, or of an unknown kind.',
  Retention: 'How long the queue keeps a message that nobody acknowledges.',
  'Dead-letter queue': 'Where messages go that were received this often without success.',
  Messages: 'Waiting in the queue, and in flight: received and not yet acknowledged.',
};

/** The sentence for a term. */
export const meaningOf = (term) => MEANINGS[term];

/** The sentence for a term as an element that is hidden until the user asks what the terms mean. */
export const meaning = (term, name = 'p') => el(name, { class: 'meaning' }, meaningOf(term));

/** A term of a description list with its value. */
export function figure(term, value) {
  return el('div', {}, el('dt', { title: meaningOf(term) }, term), el('dd', {}, value), meaning(term, 'dd'));
}

/** A pill with the state of a Source or a queue, and what the state means. */
export class StatePill {
  element = el('span', { class: 'pill' });
  meaning = el('p', { class: 'meaning' });

  show([kind, word]) {
    if (this.element.textContent === word) return;
    this.element.dataset.state = kind;
    this.element.title = meaningOf(word) ?? '';
    this.element.textContent = word;
    this.meaning.textContent = meaningOf(word) ?? '';
  }
}

/** The button that shows and hides the meanings. */
export function meaningsButton() {
  const button = el('button', { class: 'button', type: 'button', 'aria-pressed': 'false', onclick: () => {
    const isShown = byId('status').classList.toggle('explained');
    button.setAttribute('aria-pressed', String(isShown));
  } }, 'What is this?');
  return button;
}
