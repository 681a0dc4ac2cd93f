// Why an asset is or is not found, as /v1/explain reports it: the verdict and the facts it is based on.

import { el, foreign } from './dom.js';
import { icon } from './icons.js';
import { number, sentence, since, time } from './format.js';

/** The section of the detail panel. */
export function explanation({ facts, searchable, verdict }) {
  const state = searchable === true ? 'good' : searchable === false ? 'bad' : 'unknown';
  return el(
    'section',
    { class: 'why', dataset: { state } },
    el('h3', {}, searchable === false ? 'Why it is not found' : 'Why it is indexed'),
    el('p', { class: 'verdict' }, icon(searchable ? 'check' : 'warning'), el('span', {}, foreign(sentence(verdict)))),
    el('details', {}, el('summary', {}, 'Facts', icon('chevron')), el('dl', { class: 'facts' }, rows(facts).map(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]))),
  );
}

function rows({ rule, near_miss: nearMiss, enabled, has_events: hasEvents, index }) {
  const known = index.state === 'known' ? index : null;
  const record = known?.record;
  const moment = (text) => el('span', {}, time(text), el('span', { class: 'aside' }, since(text)));
  const all = [
    ['Rules', foreign(rule)],
    ['Almost', nearMiss && foreign(sentence(nearMiss))],
    ['Look-alike', known?.look_alike && foreign(`the asset ${JSON.stringify(known.look_alike)} looks the same, but its name consists of other characters`)],
    ['Source', enabled ? (hasEvents ? 'updated by events and scans' : 'updated by scans only') : 'disabled'],
    ['Index', indexState(index)],
    ['Listed', record?.listed_at && moment(record.listed_at)],
    ['Newest event', record?.event_time && moment(record.event_time)],
    ['Sequencer', record?.sequencer && el('code', {}, record.sequencer)],
    ['Scan complete', known?.complete_as_of && moment(known.complete_as_of)],
    ['Next scan by', known?.scan_due_by && moment(known.scan_due_by)],
    ['Unfinished scan', known?.scan && `scan ${number(known.scan.number)} ${known.scan.has_key_ahead ? 'has not listed this key yet' : 'is past this key'}`],
    ['Other location', known?.other_location && foreign(`the records belong to ${known.other_location.origin} ${known.other_location.prefix}`)],
    ['Other rules', known?.other_rules && 'the records were selected by earlier rules'],
  ];
  return all.filter(([, value]) => value);
}

function indexState(index) {
  const states = { no_index: 'no index yet', unknown_source: 'no record of this Source yet', failed: `failed: ${index.error}` };
  if (index.state !== 'known') return states[index.state] ?? index.state;
  const content = index.record?.content;
  if (!content) return 'no record of this asset';
  return content.state === 'live' ? 'has a record of this asset' : `removed; a tombstone rejects late events (since scan ${content.scan})`;
}
