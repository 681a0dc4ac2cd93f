//! The JSON form of hits in `/v1`, with preview URLs on request, and only with the attributes that the client wants.

use serde::Serialize;
use serde_json::{Map, Value};

use super::params::{ParameterSpec, Params, ValueType};
use super::visible_sources::VisibleSources;
use crate::core::query::Hit;
use crate::serve::http::app_state::CatalogEntry;

const HIGHLIGHTS: &str = "highlights";

const PREVIEW_URL: &str = "preview_url";

/// The attributes of a hit to return.
pub(super) const FIELDS: ParameterSpec = ParameterSpec {
    name: "fields",
    value_type: ValueType::ListOf(&[
        "source",
        "key",
        "path",
        "name",
        "ext",
        "type",
        "content_type",
        "size",
        "last_modified",
        "first_seen",
        "etag",
        "storage_class",
        "url",
        HIGHLIGHTS,
        PREVIEW_URL,
        "thumbnail_url",
    ]),
    description: "The attributes of hits to return, such as `path,size`. The default is all. `highlights` and \
                  `preview_url` need no other parameter then.",
};

/// Whether hits have a preview URL.
pub(super) const PREVIEWS: ParameterSpec = ParameterSpec {
    name: "previews",
    value_type: ValueType::Flag,
    description: "Whether hits have `preview_url`: a URL that a browser can load the asset from for at least ten \
                  minutes.",
};

/// What a client wants to know about a hit.
#[derive(Clone, Debug)]
pub(super) struct HitFields {
    /// Only these attributes. `None` means all.
    only: Option<Vec<String>>,
    has_previews: bool,
    /// Whether the search has to mark the parts of paths that match.
    pub has_highlights: bool,
}

impl HitFields {
    /// Reads the parameters of an operation that has [`FIELDS`] and [`PREVIEWS`].
    pub(super) fn read(params: &Params) -> Self {
        let fields = params.list(FIELDS.name);
        let has = |name: &&str| fields.contains(name);
        Self {
            has_previews: params.flag(PREVIEWS.name) || has(&PREVIEW_URL),
            has_highlights: has(&HIGHLIGHTS),
            only: (!fields.is_empty()).then(|| fields.into_iter().map(str::to_owned).collect()),
        }
    }
}

/// A hit as `/v1` returns it.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum HitBody {
    Whole(Box<WholeHit>),
    /// Only some attributes.
    Part(Map<String, Value>),
}

/// A hit with all attributes.
#[derive(Debug, Serialize)]
pub(super) struct WholeHit {
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

impl WholeHit {
    fn body(self, only: Option<&[String]>) -> HitBody {
        let Some(only) = only else {
            return HitBody::Whole(Box::new(self));
        };
        let mut part = Map::new();
        if let Ok(Value::Object(whole)) = serde_json::to_value(self) {
            let is_wanted = |(name, _): &(String, Value)| only.contains(name);
            part.extend(whole.into_iter().filter(is_wanted));
        }
        HitBody::Part(part)
    }
}

/// Converts hits, and adds preview URLs if the client wants them.
pub(super) async fn bodies(
    hits: Vec<Hit>,
    sources: &VisibleSources,
    fields: &HitFields,
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
    if fields.has_previews {
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
        let whole = WholeHit {
            hit,
            preview_url,
            thumbnail_url,
        };
        whole.body(fields.only.as_deref())
    };
    let hits = hits.into_iter().zip(previews).zip(thumbnails);
    hits.map(body).collect()
}
