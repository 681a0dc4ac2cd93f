// Uses the generated client in TypeScript: main.js ADDRESS TOKEN SOURCE.
import {
  Configuration, ErrorsFromJSON, ImgixApi, ResponseError, SearchApi, SearchFacetsEnum, ServiceApi,
} from './client/index.js';

declare const process: { argv: string[] };

function check(condition: boolean, what: unknown): void {
  if (!condition) throw new Error(`unexpected: ${JSON.stringify(what)}`);
}

const [address, token, source] = process.argv.slice(2) as [string, string, string];
const configuration = new Configuration({ basePath: address, accessToken: token });
const search = new SearchApi(configuration);
const service = new ServiceApi(configuration);
const imgix = new ImgixApi(configuration);

const sources = await search.sources();
check(sources.data.length === 1 && sources.data[0]?.name === source, sources);
check(sources.data[0]?.assets === 12, sources);

const facets = [SearchFacetsEnum.Type, SearchFacetsEnum.Ext];
const page = await search.search({ q: 'cat', limit: 1, facets, highlights: true });
check(page.meta.total.value === 4 && page.meta.total.relation === 'eq', page.meta);
check(page.data.length === 1 && (page.data[0]?.highlights?.length ?? 0) > 0, page.data);
check((page.facets['type']?.buckets.length ?? 0) > 0 && page.facets['ext']?.more === false, page.facets);
const next = await search.search({ q: 'cat', limit: 1, cursor: page.meta.cursor.next ?? '' });
check(next.data[0]?.path !== page.data[0]?.path, next.data);

const asset = await search.asset({ source, path: '/été/ça va.webp' });
check(asset.data.size === 7 && asset.data.ext === 'webp', asset);
check((asset.data.lastModified?.getFullYear() ?? 0) > 2020, asset);

const explained = await search.explain({ source, path: '/none.jpg' });
check(explained.data.searchable === false && explained.data.facts.index.state === 'known', explained);

const status = await service.status();
check(status.sources[0]?.assets === 12 && status.index.state === 'open', status);
const session = await service.session();
check(session.authenticated && session.right === 'read', session);

const all = await imgix.imgixSources();
const id = all.data[0]?.id ?? '';
check(all.data[0]?.attributes.name === source, all);
const assets = await imgix.imgixAssets({ id, filterKeyword: 'cat', pageLimit: 2 });
check(assets.data.length === 2 && assets.data[0]?.attributes.mediaWidth === null, assets);
const one = await imgix.imgixAsset({ id, originPath: 'cat.jpg' });
check(one.data.attributes.originPath === '/cat.jpg', one);

/** The response to a request that fails. */
async function failure(request: Promise<unknown>): Promise<Response> {
  try {
    await request;
  } catch (error) {
    if (error instanceof ResponseError) return error.response;
    throw error;
  }
  throw new Error('the request succeeded');
}

const invalid = await failure(search.search({ q: 'size:>big' }));
const { errors } = ErrorsFromJSON(await invalid.json());
check(invalid.status === 400 && errors[0]?.code === 'query_invalid', errors);
check(errors[0]?.source?.parameter === 'q' && errors[0].meta?.column === 1, errors);
const anonymous = new SearchApi(new Configuration({ basePath: address }));
check((await failure(anonymous.search())).status === 401, 'no token');
console.log('all answers were as expected');
