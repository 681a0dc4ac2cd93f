//! Hits as `/v1` shows them.

use serde::Serialize;

use super::visible_sources::VisibleSources;
use crate::core::query::Hit;

/// A hit as `/v1` shows it.
#[derive(Debug, Serialize)]
pub(super) struct HitBody {
    /// With highlights counted in characters.
    #[serde(flatten)]
    hit: Hit,
    /// Where a browser gets the asset, if that was asked for and as far as there is such a place.
    #[serde(skip_serializing_if = "Option::is_none")]
    preview_url: Option<Option<String>>,
}

/// The hits, with previews where they were asked for.
pub(super) async fn bodies(
    hits: Vec<Hit>,
    sources: &VisibleSources,
    with_previews: bool,
) -> Vec<HitBody> {
    let mut previews: Vec<Option<Option<String>>> = vec![None; hits.len()];
    if with_previews {
        for entry in sources.all() {
            let its =
                |(place, hit): (usize, &Hit)| (hit.source == entry.source.name).then_some(place);
            let places: Vec<usize> = hits.iter().enumerate().filter_map(its).collect();
            let keys: Vec<&str> = places.iter().map(|place| &*hits[*place].key).collect();
            let urls = entry.preview_urls(&keys).await;
            for (place, url) in places.into_iter().zip(urls) {
                previews[place] = Some(url);
            }
        }
    }
    let body = |(mut hit, preview_url): (Hit, _)| {
        for highlight in hit.highlights.iter_mut().flatten() {
            *highlight = highlight.in_chars(&hit.path);
        }
        HitBody { hit, preview_url }
    };
    hits.into_iter().zip(previews).map(body).collect()
}
