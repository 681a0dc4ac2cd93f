// Why an asset is or is not found, as /v1/explain says it: the verdict, and the facts behind it.

import { el, foreign } from './dom.js';
import { icon } from './icons.js';
import { number, sentence, since, time } from './format.js';

/** The section of the detail panel. */
export function explanation({ facts, searchable, verdict }) {
  const state = searchable === true ? 'good' : searchable === false ? 'bad' : 'unknown';
  return el(
    'section',
    { class: 'why', dataset: { state } },
    el('h3', {}, 'Why it is indexed'),
    el('p', { class: 'verdict' }, icon(searchable ? 'check' : 'warning'), el('span', {}, foreign(sentence(verdict)))),
    el('details', {}, el('summary', {}, 'What is known', icon('chevron')), el('dl', { class: 'facts' }, rows(facts).map(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]))),
  );
}

function rows({ rule, enabled, has_events: hasEvents, index }) {
  const known = index.state === 'known' ? index : null;
  const record = known?.record;
  const moment = (text) => el('span', {}, time(text), el('span', { class: 'aside' }, since(text)));
  const all = [
    ['Rules', foreign(rule)],
    ['Source', enabled ? (hasEvents ? 'followed by events and scans' : 'kept right by scans alone') : 'disabled'],
    ['Index', inIndex(index)],
    ['Listed', record?.listed_at && moment(record.listed_at)],
    ['Newest event', record?.event_time && moment(record.event_time)],
    ['Sequencer', record?.sequencer && el('code', {}, record.sequencer)],
    ['Scan complete', known?.complete_as_of && moment(known.complete_as_of)],
    ['Next scan by', known?.scan_due_by && moment(known.scan_due_by)],
    ['Scan now', known?.scan && `number ${number(known.scan.number)}, ${known.scan.has_key_ahead ? 'the key lies ahead' : 'past the key'}`],
    ['Other place', known?.other_place && foreign(`${known.other_place.origin} ${known.other_place.prefix}`)],
    ['Other rules', known?.other_rules && 'the records were chosen by other rules than those configured now'],
  ];
  return all.filter(([, value]) => value);
}

function inIndex(index) {
  const states = { no_index: 'there is none yet', unknown_source: 'nothing of this Source yet', failed: `it cannot be read: ${index.error}` };
  if (index.state !== 'known') return states[index.state] ?? index.state;
  const content = index.record?.content;
  if (!content) return 'has no record of it';
  return content.state === 'live' ? 'has a record of it' : `has it as removed (scan ${content.scan})`;
}
