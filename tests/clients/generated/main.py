"""Uses the generated client in Python: main.py ADDRESS TOKEN SOURCE."""

import sys

from client import AuthenticatedClient, Client
from client.api.imgix import imgix_asset, imgix_assets, imgix_sources
from client.api.search import asset, explain, search, sources
from client.api.service import metrics, session, status
from client.models import (
    Errors,
    Explained,
    ImgixAsset,
    ImgixAssets,
    ImgixSources,
    OneHit,
    SearchFacetsItem,
    SearchPage,
    Session,
    Sources,
    Status,
)


def main(address: str, token: str, source: str) -> None:
    client = AuthenticatedClient(base_url=address, token=token, raise_on_unexpected_status=True)

    listed = sources.sync(client=client)
    assert isinstance(listed, Sources), listed
    assert [(one.name, one.assets) for one in listed.data] == [(source, 12)]

    facets = [SearchFacetsItem("type"), SearchFacetsItem("ext")]
    page = search.sync(client=client, q="cat", limit=1, facets=facets, highlights=True)
    assert isinstance(page, SearchPage), page
    assert (page.meta.total.value, page.meta.total.relation) == (4, "eq")
    assert len(page.data) == 1 and page.data[0].highlights
    assert page.facets["type"].buckets and not page.facets["ext"].more
    following = search.sync(client=client, q="cat", limit=1, cursor=page.meta.cursor.next_)
    assert isinstance(following, SearchPage) and following.data[0].path != page.data[0].path

    hit = asset.sync(client=client, source=source, path="/été/ça va.webp")
    assert isinstance(hit, OneHit), hit
    assert (hit.data.size, hit.data.ext) == (7, "webp")
    assert hit.data.last_modified.year > 2020

    explained = explain.sync(client=client, source=source, path="/none.jpg")
    assert isinstance(explained, Explained), explained
    assert explained.data.searchable is False and explained.data.facts.index.state == "known"

    state = status.sync(client=client)
    assert isinstance(state, Status), state
    assert state.sources[0].assets == 12 and state.index.state == "open"
    own = session.sync(client=client)
    assert isinstance(own, Session) and own.authenticated and own.right == "read"
    # The token is not for metrics.
    assert isinstance(metrics.sync(client=client), Errors)

    of_imgix = imgix_sources.sync(client=client)
    assert isinstance(of_imgix, ImgixSources), of_imgix
    first = of_imgix.data[0]
    assert first.attributes.name == source
    assets = imgix_assets.sync(first.id, client=client, filterkeyword="cat", pagelimit=2)
    assert isinstance(assets, ImgixAssets) and len(assets.data) == 2, assets
    assert assets.data[0].attributes.media_width is None
    one = imgix_asset.sync(first.id, "cat.jpg", client=client)
    assert isinstance(one, ImgixAsset) and one.data.attributes.origin_path == "/cat.jpg"

    failed = search.sync_detailed(client=client, q="size:>big")
    assert failed.status_code == 400 and isinstance(failed.parsed, Errors), failed
    error = failed.parsed.errors[0]
    assert (error.code, error.source.parameter, error.meta.column) == ("query_invalid", "q", 1)
    anonymous = search.sync_detailed(client=Client(base_url=address))
    assert anonymous.status_code == 401 and isinstance(anonymous.parsed, Errors), anonymous


main(*sys.argv[1:])
print("all answers were as expected")
