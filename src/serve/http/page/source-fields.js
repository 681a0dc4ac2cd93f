// The fields of a Source's form: labels, help, when each is shown, and the JSON pointers of the API that belong to it.
//
// The order is the one in which a person thinks of them. Addresses in this file are examples and are never loaded.

import { CHOICES, usesList } from './rule-choices.js';

const isCompatible = (form) => form.type === 'compatible';
const hasQueue = (form) => form.events === 'queue';
const queueHas = (kind) => (form) => hasQueue(form) && form.queue_credentials === kind;

const BUCKET_FIELDS = [
  { id: 'type', kind: 'choice', label: 'Type', options: [
    { id: 'amazon', label: 'Amazon S3' },
    { id: 'compatible', label: 'S3-compatible', help: 'MinIO, Ceph, Cloudflare R2, Wasabi and others' },
  ] },
  { id: 'endpoint_url', label: 'Endpoint URL', kind: 'url', required: true, placeholder: 'https://minio.example.com', when: isCompatible,
    help: 'The address of the S3 API, without the bucket. MinIO usually has it at port 9000, and its console at another port.' },
  { id: 'path_style', kind: 'check', label: 'Name the bucket in the path', when: isCompatible,
    help: 'MinIO and Ceph usually need this. Without it, the bucket becomes part of the host name.' },
  { id: 'credentials', kind: 'choice', label: 'Credentials', options: [
    { id: 'keys', label: 'Access key' },
    { id: 'role', label: 'Role', help: 'AWS lends this server a role of your account; works only if the configuration of the server has allow_machine_credentials' },
    { id: 'machine', label: 'This machine', help: 'works only if the configuration of the server has allow_machine_credentials' },
  ] },
  { id: 'access_key_id', label: 'Access key ID', required: true, mono: true, when: (form) => form.credentials === 'keys', placeholder: 'AKIA…',
    help: 'Of a user that may only list this bucket. The policy below has exactly the rights it needs.' },
  { id: 'secret_access_key', kind: 'secret', label: 'Secret access key', required: true, when: (form) => form.credentials === 'keys',
    help: 'It is stored sealed and never shown again.' },
  { id: 'role_arn', label: 'Role ARN', required: true, mono: true, when: (form) => form.credentials === 'role', placeholder: 'arn:aws:iam::123456789012:role/assets' },
  { id: 'external_id', label: 'External ID', optional: true, mono: true, when: (form) => form.credentials === 'role',
    help: 'The text that the trust policy of the role asks for.' },
  { id: 'bucket', label: 'Bucket', required: true, mono: true, placeholder: 'my-bucket' },
  { id: 'prefix', label: 'Prefix', optional: true, mono: true, placeholder: 'products/images',
    help: 'A folder in the bucket. The path of an asset starts after it. Leave it empty for the whole bucket.' },
  { id: 'region', label: 'Region', optional: true, mono: true, placeholder: 'found by itself',
    help: 'On Amazon S3 it is found by itself. For other stores, enter it only if the store asks for one.' },
  { id: 'expected_bucket_owner', label: 'Account of the bucket', optional: true, mono: true, placeholder: '123456789012', when: (form) => !isCompatible(form),
    help: 'Requests fail if the bucket belongs to another AWS account.' },
  { id: 'request_payer', kind: 'check', label: 'This server’s account pays for the requests', when: (form) => !isCompatible(form), help: 'Needed for buckets with Requester Pays.' },
];

const NAME_FIELDS = [
  { id: 'name', label: 'Name', required: true, placeholder: 'product-photos', help: 'How people see the Source here: letters, digits, “-”, “_” and “.”. It cannot be changed later.' },
  { id: 'subdomain', label: 'Subdomain', required: true, mono: true, placeholder: 'product-photos',
    help: 'The first part of the address of its assets. It belongs to this Source for good and is never given to another.' },
  { id: 'base_url', kind: 'url', label: 'Base URL', optional: true, placeholder: 'https://images.example.com',
    help: 'Your own domain, if the addresses of the assets should begin with it.' },
  { id: 'thumbnail_url', kind: 'url', label: 'Thumbnail URL', optional: true, placeholder: 'https://{subdomain}.imgix.net{path}?w=320&h=240&fit=max&auto=format',
    help: 'The address of a small picture of an asset. {path} becomes its path with the first slash, {key} its key, {subdomain} the subdomain. With it, the page shows pictures of RAW, PSD, PDF and video files too, and the key needs no right to read files. If the base URL is at imgix.net, this is filled in by itself.' },
  { id: 'annotation', label: 'Note', optional: true, help: 'For people who look at the Source later.' },
];

const RULE_FIELDS = [
  { id: 'choice', kind: 'choice', label: 'Paths that appear', options: CHOICES },
  { id: 'include', kind: 'lines', label: 'Include', required: true, when: (form) => usesList(form.choice, 'include'), placeholder: '/images\n**/*.jpg',
    help: 'One path on each line: a folder such as /images, or a pattern such as **/*.jpg for all folders.' },
  { id: 'exclude', kind: 'lines', label: 'Exclude', required: true, when: (form) => usesList(form.choice, 'exclude'), placeholder: '/drafts\n**/*.tmp',
    help: 'One path on each line. An excluded path does not appear, even if Include names it.' },
  { id: 'case_insensitive', kind: 'check', label: 'Ignore upper and lower case', when: (form) => !form.choice.endsWith('_all'), help: 'With this, *.jpg also means PHOTO.JPG.' },
  { id: 'folder_markers', kind: 'check', label: 'Show folder markers', help: 'Empty objects whose name ends in “/”. Some programs make them for folders.' },
];

const EVENT_FIELDS = [
  { id: 'events', kind: 'choice', label: 'How changes are noticed', options: [
    { id: 'scan', label: 'Scan only', help: 'changes appear with the next scan; you can add a queue later' },
    { id: 'queue', label: 'Events from a queue, and scans', help: 'changes appear within seconds' },
  ] },
  { id: 'reconcile_every_minutes', kind: 'number', label: 'Minutes between scans', optional: true, placeholder: 'as the server is configured',
    help: 'A scan compares the index with the bucket and repairs differences. With a queue, once a day (1440) is enough.' },
  { id: 'queue_url', kind: 'url', label: 'Queue URL', required: true, when: hasQueue, placeholder: 'https://sqs.eu-west-1.amazonaws.com/123456789012/assets',
    help: 'The SQS queue that gets the events of the bucket. The script below creates it.' },
  { id: 'queue_region', label: 'Region of the queue', optional: true, mono: true, when: hasQueue, placeholder: 'found by itself', help: 'Taken from the URL of a queue on AWS.' },
  { id: 'queue_credentials', kind: 'choice', label: 'Credentials for the queue', when: hasQueue, options: [
    { id: 'same', label: 'The same as for the bucket' }, { id: 'keys', label: 'Another access key' }, { id: 'role', label: 'Another role', help: 'works only if the configuration of the server has allow_machine_credentials' },
  ] },
  { id: 'queue_access_key_id', label: 'Access key ID for the queue', required: true, mono: true, when: queueHas('keys'), placeholder: 'AKIA…' },
  { id: 'queue_secret_access_key', kind: 'secret', label: 'Secret access key for the queue', required: true, when: queueHas('keys'), help: 'It is stored sealed and never shown again.' },
  { id: 'queue_role_arn', label: 'Role ARN for the queue', required: true, mono: true, when: queueHas('role'), placeholder: 'arn:aws:iam::123456789012:role/queue' },
  { id: 'queue_external_id', label: 'External ID for the queue', optional: true, mono: true, when: queueHas('role') },
];

/** The parts of the form. */
export const SECTIONS = [
  { id: 'storage', title: 'Where are the files?', fields: BUCKET_FIELDS },
  { id: 'naming', title: 'Where do people find them?', fields: NAME_FIELDS },
  { id: 'rules', title: 'Which paths appear?', fields: RULE_FIELDS },
  { id: 'changes', title: 'How are changes noticed?', fields: EVENT_FIELDS },
];

/** All fields, in order. */
export const FIELDS = SECTIONS.flatMap(({ fields }) => fields);

/** Pointers that are not `/` and the id of a field. */
const POINTERS = {
  '/path_style': 'path_style',
  '/rules': 'choice',
  '/rules/include': 'include',
  '/rules/exclude': 'exclude',
  '/rules/case_insensitive': 'case_insensitive',
  '/credentials': 'credentials',
  '/credentials/access_key_id': 'access_key_id',
  '/credentials/secret_access_key': 'secret_access_key',
  '/credentials/role_arn': 'role_arn',
  '/credentials/external_id': 'external_id',
  '/events': 'events',
  '/events/queue_url': 'queue_url',
  '/events/region': 'queue_region',
  '/events/credentials': 'queue_credentials',
  '/events/credentials/access_key_id': 'queue_access_key_id',
  '/events/credentials/secret_access_key': 'queue_secret_access_key',
  '/events/credentials/role_arn': 'queue_role_arn',
  '/events/credentials/external_id': 'queue_external_id',
};

/** The id of the field that a JSON pointer of the API means: the nearest one above it. `null` if there is none. */
export function fieldOf(pointer) {
  for (let at = pointer ?? ''; at; at = at.slice(0, at.lastIndexOf('/'))) {
    const id = POINTERS[at] ?? FIELDS.find((field) => `/${field.id}` === at)?.id;
    if (id) return id;
  }
  return null;
}

/** The pointer that means a field. */
const pointerOf = (id) => Object.entries(POINTERS).find(([, field]) => field === id)?.[0] ?? `/${id}`;

/**
 * The shown fields that need a value and have none, as mistakes. `kept` are the ids of the secrets that are stored.
 */
export function missing(form, kept) {
  const empty = FIELDS.filter((field) => field.required && isShown(field, form) && !form[field.id].trim() && !kept.includes(field.id));
  return empty.map(({ id, kind }) => ({ pointer: pointerOf(id), text: kind === 'lines' ? 'Write at least one path.' : kind === 'secret' ? 'Enter the secret of this access key.' : 'Fill in this field.' }));
}

/** Whether the form shows the field. */
export const isShown = (field, form) => !field.when || field.when(form);
