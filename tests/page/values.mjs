// Unit tests of the modules of the page that do not touch the document: `node --test tests/page/values.mjs`.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { completions, unfinished } from '../../src/serve/http/page/complete.js';
import { corrected, termsOf, wordsOf } from '../../src/serve/http/page/correct.js';
import { dateOf, daysOf, rangeTerm, withDate } from '../../src/serve/http/page/date-term.js';
import { MAX_EXPORTED, collect, s3Address, toCsv, toJson } from '../../src/serve/http/page/export.js';
import { MAX_SELECTED, Selection } from '../../src/serve/http/page/selection.js';
import { choiceOf, selectionsOf } from '../../src/serve/http/page/rule-choices.js';
import { addressOf } from '../../src/serve/http/page/source-address.js';
import { FIELDS, fieldOf, isShown, missing } from '../../src/serve/http/page/source-fields.js';
import { NEW_SOURCE, formOf, hasSecret, patchOf, subdomainFor, valuesOf } from '../../src/serve/http/page/source-values.js';

/** Values of the API, and the choice that the form shows for their rules. */
const RULES = [
  [undefined, 'include_all'],
  [{ include: ['/a', '**/*.jpg'] }, 'include'],
  [{ include: ['/a'], exclude: ['/a/b', '/a/c'] }, 'include_except'],
  [{ exclude: ['/a'] }, 'exclude'],
  [{ exclude: 'all' }, 'exclude_all'],
];

const FULL = {
  name: 'photos',
  bucket: 'my-bucket',
  prefix: 'a/b',
  region: 'eu-west-1',
  endpoint_url: 'https://minio.example.com',
  path_style: true,
  subdomain: 'photos',
  base_url: 'https://images.example.com',
  thumbnail_url: 'https://{subdomain}.imgix.net/{path}?w=400',
  annotation: 'of the press team',
  folder_markers: true,
  reconcile_every_minutes: 15,
  rules: { include: ['/a'], exclude: ['/a/b'], case_insensitive: true },
  credentials: { access_key_id: 'AKIA1' },
  events: { queue_url: 'https://sqs.example.com/1/q', region: 'eu-west-1', credentials: { role_arn: 'arn', external_id: '7' } },
};

test('rules become a choice and back', () => {
  for (const [rules, choice] of RULES) {
    const form = choiceOf(rules);
    assert.equal(form.choice, choice);
    assert.deepEqual(selectionsOf(form), rules ?? {});
  }
  assert.equal(choiceOf({ include: 'all', exclude: ['/x'] }).choice, 'exclude');
  assert.equal(choiceOf({ include: [] }).choice, 'include');
});

test('a choice keeps the list that it does not use, but does not send it', () => {
  const form = { choice: 'include', include: ' /a \n\n/b\r\n', exclude: '/c' };
  assert.deepEqual(selectionsOf(form), { include: ['/a', '/b'] });
});

test('values become a form and back', () => {
  const minimal = { name: 'n', bucket: 'b', subdomain: 's', credentials: { role_arn: 'arn' } };
  const onAmazon = { ...minimal, expected_bucket_owner: '123456789012', request_payer: true };
  for (const values of [FULL, minimal, onAmazon, { name: 'n', bucket: 'b', subdomain: 's' }]) {
    assert.deepEqual(valuesOf(formOf(values)), values);
  }
});

test('an S3-compatible store gets no values that only Amazon S3 has', () => {
  const { expected_bucket_owner: owner, request_payer: payer } = valuesOf({ ...formOf(FULL), expected_bucket_owner: '1', request_payer: true });
  assert.deepEqual([owner, payer], [undefined, undefined]);
});

test('a form has every field, and only these', () => {
  assert.deepEqual(Object.keys(NEW_SOURCE).toSorted(), FIELDS.map(({ id }) => id).toSorted());
  assert.deepEqual(Object.keys(formOf(FULL)).toSorted(), Object.keys(NEW_SOURCE).toSorted());
});

test('what a choice hides is not sent', () => {
  const form = { ...formOf(FULL), type: 'amazon', credentials: 'machine', events: 'scan' };
  const { endpoint_url: endpoint, path_style: style, credentials, events } = valuesOf(form);
  assert.deepEqual([endpoint, style, credentials, events], [undefined, undefined, undefined, undefined]);
});

test('what is no number is sent as it is, so that the server explains it', () => {
  for (const [text, value] of [['15', 15], [' 15 ', 15], ['', undefined], ['often', 'often'], ['-1', '-1'], ['1.5', '1.5']]) {
    assert.equal(valuesOf({ ...NEW_SOURCE, reconcile_every_minutes: text }).reconcile_every_minutes, value);
  }
});

test('a patch has only what changed', () => {
  const before = formOf(FULL);
  const patch = (changes) => patchOf(before, { ...before, ...changes });
  assert.deepEqual(patch({}), {});
  assert.deepEqual(patch({ prefix: '', bucket: 'other' }), { prefix: null, bucket: 'other' });
  assert.deepEqual(patch({ choice: 'include' }), { rules: { exclude: null } });
  assert.deepEqual(patch({ choice: 'include_all', case_insensitive: false }), { rules: null });
  assert.deepEqual(patch({ include: '/a\n/z' }), { rules: { include: ['/a', '/z'] } });
  assert.deepEqual(patch({ events: 'scan' }), { events: null });
  assert.deepEqual(patch({ queue_url: 'https://sqs.example.com/1/r' }), { events: { queue_url: 'https://sqs.example.com/1/r' } });
});

test('changed credentials are sent completely, and unchanged ones not at all', () => {
  const before = formOf(FULL);
  const patch = (changes) => patchOf(before, { ...before, ...changes });
  assert.deepEqual(patch({ secret_access_key: 'new' }), { credentials: { access_key_id: 'AKIA1', secret_access_key: 'new' } });
  assert.deepEqual(patch({ access_key_id: 'AKIA2' }), { credentials: { access_key_id: 'AKIA2' } });
  assert.deepEqual(patch({ credentials: 'role', role_arn: 'arn' }), { credentials: { role_arn: 'arn' } });
  assert.deepEqual(patch({ credentials: 'machine' }), { credentials: null });
  assert.deepEqual(patch({ queue_external_id: '' }), { events: { credentials: { role_arn: 'arn' } } });
  assert.deepEqual(patch({ queue_credentials: 'same' }), { events: { credentials: null } });
});

test('values that the form does not know are not touched', () => {
  const before = formOf({ ...FULL, endpoint_order: 'external-first', enabled: false });
  assert.deepEqual(patchOf(before, { ...before, prefix: 'c' }), { prefix: 'c' });
});

test('secrets are never in the form, only the fact that there is one', () => {
  const values = { ...FULL, credentials: { access_key_id: 'AKIA1', has_secret: true } };
  assert.equal(hasSecret(values), true);
  assert.equal(hasSecret(values, true), false);
  assert.equal(hasSecret(null), false);
  assert.equal(formOf(values).secret_access_key, '');
  assert.deepEqual(valuesOf(formOf(values)).credentials, { access_key_id: 'AKIA1' });
});

test('a pointer means the nearest field', () => {
  for (const [pointer, field] of [
    ['/bucket', 'bucket'],
    ['/credentials/secret_access_key', 'secret_access_key'],
    ['/credentials', 'credentials'],
    ['/credentials/profile', 'credentials'],
    ['/rules/include/3', 'include'],
    ['/rules/other', 'choice'],
    ['/events/queue_url', 'queue_url'],
    ['/events/credentials/role_arn', 'queue_role_arn'],
    ['/unknown', null],
    ['', null],
    [undefined, null],
  ]) assert.equal(fieldOf(pointer), field, pointer);
});

test('the form shows only the fields of the choices', () => {
  const shown = (changes) => FIELDS.filter((field) => isShown(field, { ...NEW_SOURCE, ...changes })).map(({ id }) => id);
  assert.ok(!shown({}).includes('endpoint_url') && shown({ type: 'compatible' }).includes('endpoint_url'));
  assert.ok(!shown({}).includes('role_arn') && shown({ credentials: 'role' }).includes('external_id'));
  assert.ok(!shown({}).includes('include') && shown({ choice: 'include_except' }).includes('exclude'));
  assert.ok(!shown({ queue_credentials: 'keys' }).includes('queue_access_key_id'));
  assert.ok(shown({ events: 'queue', queue_credentials: 'keys' }).includes('queue_access_key_id'));
});

test('values that a choice needs are missed', () => {
  const pointers = (changes, kept = []) => missing({ ...NEW_SOURCE, ...changes }, kept).map(({ pointer }) => pointer);
  const always = ['/bucket', '/name', '/subdomain'];
  assert.deepEqual(pointers({ credentials: 'machine' }), always);
  assert.deepEqual(pointers({ name: ' ' }), ['/credentials/access_key_id', '/credentials/secret_access_key', ...always]);
  assert.deepEqual(pointers({ access_key_id: 'AKIA' }, ['secret_access_key']), always);
  assert.deepEqual(pointers({ ...formOf(FULL), choice: 'include_except', exclude: '' }, ['secret_access_key']), ['/rules/exclude']);
  const unsaid = valuesOf({ ...NEW_SOURCE, events: 'queue' });
  assert.deepEqual([unsaid.credentials, unsaid.events], [{ access_key_id: '' }, { queue_url: '' }]);
  assert.deepEqual(valuesOf({ ...NEW_SOURCE, credentials: 'role' }).credentials, { role_arn: '' });
});

test('a subdomain is proposed for a name', () => {
  for (const [name, subdomain] of [
    ['Product photos', 'product-photos'],
    ['Plage d’été 2026!', 'plage-d-ete-2026'],
    ['--a__b--', 'a-b'],
    ['日本', ''],
    ['x'.repeat(80), 'x'.repeat(63)],
    [`${'x'.repeat(62)} y`, 'x'.repeat(62)],
  ]) assert.equal(subdomainFor(name), subdomain);
});

test('an example address is shown as soon as there is a name', () => {
  assert.equal(addressOf({ baseUrl: '', subdomain: ' ' }), null);
  assert.equal(addressOf({ baseUrl: '', subdomain: 'photos' }), 'https://photos.imgix.net/path/of/an/asset.jpg');
  assert.equal(addressOf({ baseUrl: 'https://images.example.com/', subdomain: 'photos' }), 'https://images.example.com/path/of/an/asset.jpg');
});

/** Assets with these paths. */
const hitsAt = (...paths) => paths.map((path) => ({ source: 's', path, key: path.slice(1), name: path.slice(1), size: 1 }));

test('a range follows its end, and keeps what was selected before it', () => {
  const shown = hitsAt('/a', '/b', '/c', '/d', '/e');
  const [a, b, c, d, e] = shown;
  const selection = new Selection();
  const paths = () => selection.hits.map(({ path }) => path).toSorted().join('');
  selection.toggle(a);
  selection.toggle(c);
  selection.extendTo(e, shown);
  assert.equal(paths(), '/a/c/d/e');
  selection.extendTo(d, shown);
  assert.equal(paths(), '/a/c/d');
  selection.extendTo(b, shown);
  assert.equal(paths(), '/a/b/c');
  selection.toggle(b);
  assert.equal(paths(), '/a/c');
  assert.deepEqual([selection.has(a), selection.has(b)], [true, false]);
  selection.clear();
  assert.equal(selection.size, 0);
  // Without an anchor, the range is this asset.
  selection.extendTo(d, shown);
  assert.equal(paths(), '/d');
});

test('assets with the same path in two Sources are two assets', () => {
  const selection = new Selection();
  const [one] = hitsAt('/a');
  selection.toggle(one);
  assert.equal(selection.has({ ...one, source: 't' }), false);
});

test('a selection has a limit, and says when it left assets out', () => {
  const many = hitsAt(...Array.from({ length: MAX_SELECTED + 1 }, (_, number) => `/${number}`));
  const selection = new Selection();
  selection.addAll(many.slice(0, MAX_SELECTED));
  assert.deepEqual([selection.size, selection.isCut], [MAX_SELECTED, false]);
  selection.addAll(many);
  assert.deepEqual([selection.size, selection.isCut], [MAX_SELECTED, true]);
  selection.toggle(many[0]);
  assert.deepEqual([selection.size, selection.isCut], [MAX_SELECTED - 1, false]);
});

test('an export follows the cursor to the end of the result', async () => {
  const cursors = [];
  const request = (cursor) => {
    cursors.push(cursor);
    return Promise.resolve({ data: hitsAt(`/${cursors.length}`), meta: { cursor: { next: `c${cursors.length}`, has_more: cursors.length < 3 } } });
  };
  const counts = [];
  const { hits, isCut } = await collect(request, (count) => counts.push(count));
  assert.deepEqual(hits.map(({ path }) => path), ['/1', '/2', '/3']);
  assert.deepEqual([isCut, cursors, counts], [false, [null, 'c1', 'c2'], [0, 1, 2]]);
});

test('an export of a large result has a limit, and says when it left assets out', async () => {
  const endless = { data: hitsAt(...Array.from({ length: 999 }, (_, number) => `/${number}`)), meta: { cursor: { next: 'c', has_more: true } } };
  const { hits, isCut } = await collect(() => Promise.resolve(endless), () => {});
  assert.deepEqual([hits.length, isCut], [MAX_EXPORTED, true]);
});

test('CSV is quoted by RFC 4180, and no cell is a formula', () => {
  const cellsOf = (name) => toCsv([{ source: 's', path: '/p', name, size: 1 }]).split('\r\n').slice(1, -1).join('\r\n');
  for (const [name, cell] of [
    ['a.jpg', 'a.jpg'],
    ['a, b.jpg', '"a, b.jpg"'],
    ['a "b".jpg', '"a ""b"".jpg"'],
    ['a\nb', '"a\nb"'],
    ['=1+1', "'=1+1"],
    ['+1', "'+1"],
    ['-1', "'-1"],
    ['@x', "'@x"],
    ['\t=1', "'\t=1"],
    ['=HYPERLINK("x","y")', '"\'=HYPERLINK(""x"",""y"")"'],
    ['a-b=c', 'a-b=c'],
  ]) assert.equal(cellsOf(name), `s,/p,${cell},,,,1,,,,,,`);
  assert.match(toCsv([]), /^source,path,name,.*,key,url\r\n$/);
});

test('JSON has the attributes of the API, without those that are only for the page', () => {
  const hit = { source: 's', path: '/p', ext: null, highlights: [], preview_url: 'x', thumbnail_url: null };
  assert.deepEqual(JSON.parse(toJson([hit])), [{ source: 's', path: '/p', ext: null }]);
});

test('an S3 address has the key byte for byte', () => {
  assert.equal(s3Address('b', { key: 'a b/%20é?.jpg' }), 's3://b/a b/%20é?.jpg');
});

test('the end of the text is completed as a field or as a value', () => {
  for (const [typed, expected] of [
    ['ty', { before: '', field: null, part: 'ty' }],
    ['beach -ex', { before: 'beach -', field: null, part: 'ex' }],
    ['beach ext:', { before: 'beach ', field: 'ext', part: '' }],
    ['(a OR ext:=j', { before: '(a OR ', field: 'ext', part: 'j' }],
    ['modified:"last', { before: '', field: 'modified', part: '"last' }],
    ['t', null],
    ['nofield:x', null],
    ['"a ty', null],
    ['type:image ', null],
  ]) assert.deepEqual(unfinished(typed), expected, typed);
  const textsOf = (typed, known) => completions(unfinished(typed), known).map(({ text }) => text);
  assert.deepEqual(textsOf('mod'), ['modified:']);
  assert.deepEqual(textsOf('type:v'), ['type:video']);
  assert.deepEqual(textsOf('type:video'), []);
  assert.deepEqual(textsOf('modified:"last w'), ['modified:"last week"']);
  assert.deepEqual(textsOf('ext:p', { counts: [{ value: 'png', count: 2 }, { value: 'jpg', count: 1 }] }), ['ext:png']);
  assert.deepEqual(textsOf('source:', { sources: ['a b', 'c'] }), ['source:"a b"', 'source:c']);
});

test('terms with a field are taken out of the text', () => {
  assert.deepEqual(termsOf('beach ext:jpg -name:"a b" size:>1 mb').map(({ text, rest }) => [text, rest]), [
    ['ext:jpg', 'beach -name:"a b" size:>1 mb'],
    ['-name:"a b"', 'beach ext:jpg size:>1 mb'],
    ['size:>1 mb', 'beach ext:jpg -name:"a b"'],
  ]);
  assert.deepEqual(termsOf('beach "a:b" "x ext:jpg"'), []);
});

test('words are corrected where they are', () => {
  assert.deepEqual(wordsOf('"sumer beach" -draft ext:jpg name:red NOT old a OR b'), ['sumer', 'beach', 'red', 'a', 'b']);
  assert.equal(corrected('"Sümer beach"', [{ word: 'sumer', shown: ['summer', 'sumo'] }]), '"summer beach"');
});

test('a date is one term of the text', () => {
  for (const [typed, term, expected] of [
    ['', 'modified:today', 'modified:today'],
    ['beach', 'modified:today', 'beach modified:today'],
    ['modified:<7d beach', 'modified:today', 'beach modified:today'],
    ['a OR b', 'modified:today', '(a OR b) modified:today'],
    ['(a OR b) modified:today', 'modified:yesterday', '(a OR b) modified:yesterday'],
    ['(a) OR (b)', 'modified:today', '((a) OR (b)) modified:today'],
    ['beach modified:"last week"', '', 'beach'],
    ['-modified:today', 'modified:yesterday', '-modified:today modified:yesterday'],
  ]) assert.equal(withDate(typed, term), expected, typed);
  for (const [from, to, term] of [
    ['2026-01-01', '2026-02-01', 'modified:2026-01-01..2026-02-01'],
    ['2026-01-01', '', 'modified:>=2026-01-01'],
    ['', '2026-02-01', 'modified:<=2026-02-01'],
  ]) {
    assert.equal(rangeTerm(from, to), term);
    assert.deepEqual(daysOf(term), { from, to });
  }
  assert.equal(rangeTerm('2026-02-01', '2026-01-01'), 'modified:2026-01-01..2026-02-01');
  assert.equal(rangeTerm('', ''), '');
  assert.deepEqual(daysOf(dateOf('beach modified:today')), { from: '', to: '' });
});
