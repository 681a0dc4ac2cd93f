//! The JSON form of hits in `/v1`, with preview URLs on request.

use serde::Serialize;

use super::visible_sources::VisibleSources;
use crate::core::query::Hit;
use crate::serve::http::app_state::CatalogEntry;

/// A hit as `/v1` returns it.
#[derive(Debug, Serialize)]
pub(super) struct HitBody {
    /// Its highlights count characters, not bytes.
    #[serde(flatten)]
    hit: Hit,
    /// A URL that a browser can load the asset from. The outer `None` omits the field: no previews were
    /// requested. The inner `None` becomes `null`: the asset has no such URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    preview_url: Option<Option<String>>,
    /// A URL of a small picture of the asset, if the Source has a template for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    thumbnail_url: Option<String>,
}

/// Converts hits, and adds preview URLs if `with_previews` is set.
pub(super) async fn bodies(
    hits: Vec<Hit>,
    sources: &VisibleSources,
    with_previews: bool,
) -> Vec<HitBody> {
    let mut previews: Vec<Option<Option<String>>> = vec![None; hits.len()];
    let mut thumbnails: Vec<Option<String>> = vec![None; hits.len()];
    let with_template = |entry: &&CatalogEntry| entry.source.thumbnail_url.is_some();
    for entry in sources.all().filter(with_template) {
        for (hit, thumbnail) in hits.iter().zip(&mut thumbnails) {
            if hit.source == entry.source.name {
                *thumbnail = entry.source.thumbnail_url(&hit.key);
            }
        }
    }
    if with_previews {
        for entry in sources.all() {
            let of_source =
                |(index, hit): (usize, &Hit)| (hit.source == entry.source.name).then_some(index);
            let indexes: Vec<usize> = hits.iter().enumerate().filter_map(of_source).collect();
            let keys: Vec<&str> = indexes.iter().map(|index| &*hits[*index].key).collect();
            let urls = entry.preview_urls(&keys).await;
            for (index, url) in indexes.into_iter().zip(urls) {
                previews[index] = Some(url);
            }
        }
    }
    let body = |((mut hit, preview_url), thumbnail_url): ((Hit, _), _)| {
        for highlight in hit.highlights.iter_mut().flatten() {
            *highlight = highlight.in_chars(&hit.path);
        }
        HitBody {
            hit,
            preview_url,
            thumbnail_url,
        }
    };
    let hits = hits.into_iter().zip(previews).zip(thumbnails);
    hits.map(body).collect()
}
