// Collects the pages of a search, and turns assets into CSV or JSON. It neither sends requests nor saves the file.

/** Maximum number of assets in an export of a whole result. */
export const MAX_EXPORTED = 50_000;
/** Number of assets in one request of an export; the server allows as many. */
export const EXPORT_PAGE = 1000;

/**
 * All assets of a search up to `MAX_EXPORTED`. `isCut` says whether there are more.
 *
 * `request` gets a page of `/v1/search` for a cursor. `onProgress` is told the number of assets before each request.
 */
export async function collect(request, onProgress) {
  const hits = [];
  let cursor = { next: null, has_more: true };
  while (cursor.has_more && hits.length < MAX_EXPORTED) {
    onProgress(hits.length);
    const { data, meta } = await request(cursor.next);
    hits.push(...data);
    ({ cursor } = meta);
  }
  return { hits: hits.slice(0, MAX_EXPORTED), isCut: cursor.has_more || hits.length > MAX_EXPORTED };
}

/** The columns of a CSV file: the attributes of a hit. */
export const COLUMNS = ['source', 'path', 'name', 'ext', 'type', 'content_type', 'size', 'last_modified', 'first_seen', 'storage_class', 'etag', 'key', 'url'];

/** The attributes of a hit that are only for the page: parts of the path, and addresses that are soon no longer valid. */
const TRANSIENT = ['highlights', 'preview_url', 'thumbnail_url'];

/**
 * The assets as CSV by RFC 4180, with a header.
 *
 * Spreadsheets run a cell that begins with one of `=`, `+`, `-` and `@` as a formula. Such a cell gets an apostrophe in
 * front, and so does one that begins with a tab or a line break, which spreadsheets skip.
 */
export const toCsv = (hits) => [COLUMNS, ...hits.map((hit) => COLUMNS.map((name) => hit[name] ?? ''))]
  .map((cells) => `${cells.map(cell).join(',')}\r\n`).join('');

function cell(value) {
  const text = String(value);
  const safe = /^[=+\-@\t\r\n]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** The assets as a JSON array, with the attributes that the API names. */
export function toJson(hits) {
  const kept = hits.map((hit) => Object.fromEntries(Object.entries(hit).filter(([name]) => !TRANSIENT.includes(name))));
  return `${JSON.stringify(kept, null, 1)}\n`;
}

/** The formats of an export. */
export const FORMATS = {
  csv: { title: 'CSV', type: 'text/csv;charset=utf-8;header=present', write: toCsv },
  json: { title: 'JSON', type: 'application/json', write: toJson },
};

/** The S3 address of an asset in this bucket. */
export const s3Address = (bucket, { key }) => `s3://${bucket}/${key}`;
