// The values of a Source's form and those of the API: turns one into the other. It knows nothing of the document.
//
// A form is a flat object: a text or a Boolean for each field of source-fields.js.

import { choiceOf, selectionsOf } from './rule-choices.js';

/** The form of a new Source. */
export const NEW_SOURCE = Object.freeze({
  type: 'amazon',
  endpoint_url: '',
  path_style: true,
  credentials: 'keys',
  access_key_id: '',
  secret_access_key: '',
  role_arn: '',
  external_id: '',
  bucket: '',
  prefix: '',
  region: '',
  expected_bucket_owner: '',
  request_payer: false,
  name: '',
  subdomain: '',
  base_url: '',
  thumbnail_url: '',
  annotation: '',
  choice: 'include_all',
  include: '',
  exclude: '',
  case_insensitive: false,
  folder_markers: false,
  events: 'scan',
  queue_url: '',
  queue_region: '',
  queue_credentials: 'same',
  queue_access_key_id: '',
  queue_secret_access_key: '',
  queue_role_arn: '',
  queue_external_id: '',
  reconcile_every_minutes: '',
});

/** The form that shows these values of the API. Secrets are empty: the API never returns them. */
export function formOf(values) {
  const { credentials, events, rules, endpoint_url: endpoint } = values;
  const texts = ['bucket', 'prefix', 'region', 'expected_bucket_owner', 'name', 'subdomain', 'base_url', 'thumbnail_url', 'annotation', 'reconcile_every_minutes'];
  return {
    ...NEW_SOURCE,
    ...Object.fromEntries(texts.map((key) => [key, String(values[key] ?? '')])),
    type: endpoint ? 'compatible' : 'amazon',
    endpoint_url: endpoint ?? '',
    path_style: endpoint ? values.path_style === true : true,
    request_payer: values.request_payer === true,
    folder_markers: values.folder_markers === true,
    ...choiceOf(rules),
    case_insensitive: rules?.case_insensitive === true,
    ...credentialsForm(credentials, '', 'machine'),
    events: events?.queue_url ? 'queue' : 'scan',
    queue_url: events?.queue_url ?? '',
    queue_region: events?.region ?? '',
    ...credentialsForm(events?.credentials, 'queue_', 'same'),
  };
}

function credentialsForm(table, prefix, without) {
  const kind = table?.access_key_id !== undefined ? 'keys' : table?.role_arn !== undefined ? 'role' : without;
  return {
    [prefix ? 'queue_credentials' : 'credentials']: kind,
    [`${prefix}access_key_id`]: table?.access_key_id ?? '',
    [`${prefix}role_arn`]: table?.role_arn ?? '',
    [`${prefix}external_id`]: table?.external_id ?? '',
  };
}

/** The values of the API that a form stands for. What is empty or has its default is left out. */
export function valuesOf(form) {
  const isCompatible = form.type === 'compatible';
  const rules = { ...selectionsOf(form), case_insensitive: form.case_insensitive || undefined };
  return without({
    name: text(form.name),
    bucket: text(form.bucket),
    prefix: text(form.prefix),
    region: text(form.region),
    endpoint_url: isCompatible ? text(form.endpoint_url) : undefined,
    path_style: (isCompatible && form.path_style) || undefined,
    subdomain: text(form.subdomain),
    base_url: text(form.base_url),
    thumbnail_url: text(form.thumbnail_url),
    annotation: text(form.annotation),
    expected_bucket_owner: isCompatible ? undefined : text(form.expected_bucket_owner),
    request_payer: (!isCompatible && form.request_payer) || undefined,
    folder_markers: form.folder_markers || undefined,
    reconcile_every_minutes: wholeNumber(form.reconcile_every_minutes),
    rules: table(rules),
    credentials: credentialsValues(form, form.credentials, ''),
    events: form.events === 'queue' ? eventsValues(form) : undefined,
  });
}

/** A value that the choice needs is sent even if it is empty, so that the server asks for it. */
const eventsValues = (form) => table({
  queue_url: form.queue_url.trim(),
  region: text(form.queue_region),
  credentials: credentialsValues(form, form.queue_credentials, 'queue_'),
});

function credentialsValues(form, kind, prefix) {
  const value = (key) => text(form[prefix + key]);
  if (kind === 'keys') return table({ access_key_id: value('access_key_id') ?? '', secret_access_key: value('secret_access_key') });
  if (kind === 'role') return table({ role_arn: value('role_arn') ?? '', external_id: value('external_id') });
  return undefined;
}

const text = (value) => value.trim() || undefined;
const without = (values) => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

/** The table without missing values; `undefined` if nothing is left. */
function table(values) {
  const present = without(values);
  return Object.keys(present).length > 0 ? present : undefined;
}

/** Anything but digits is sent as it is, so that the server says what is wrong with it. */
const wholeNumber = (value) => (/^\d{1,15}$/.test(value.trim()) ? Number(value) : text(value));

/** The merge patch (RFC 7396) that turns the values of one form into those of another; empty if nothing changed. */
export function patchOf(before, after) {
  return difference(valuesOf(before), valuesOf(after));
}

function difference(before, after) {
  const patch = {};
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [old, now] = [before[key], after[key]];
    if (same(old, now)) continue;
    // Credentials are sent completely: the server replaces one kind by another.
    const isNested = key !== 'credentials' && isTable(old) && isTable(now);
    patch[key] = isNested ? difference(old, now) : (now ?? null);
  }
  return patch;
}

const isTable = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

function same(a, b) {
  if (!isTable(a) || !isTable(b)) return JSON.stringify(a) === JSON.stringify(b);
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((key) => same(a[key], b[key]));
}

/** Whether a secret is stored for the access key in `credentials` (`events.credentials` for the queue). */
export function hasSecret(values, forQueue = false) {
  const credentials = forQueue ? values?.events?.credentials : values?.credentials;
  return credentials?.has_secret === true;
}

/** A subdomain for a name: small letters, digits and `-`, at most 63 of them. */
export function subdomainFor(name) {
  const plain = name.normalize('NFKD').replace(/[\u0300-\u036f]/g, '').toLowerCase();
  return plain.replace(/[^a-z0-9]+/g, '-').slice(0, 63).replace(/^-+|-+$/g, '');
}
