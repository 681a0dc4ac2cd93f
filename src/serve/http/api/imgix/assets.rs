//! `/api/v1/sources/{id}/assets`: the assets of a Source in imgix's shape.
//!
//! In a URL the path of an asset follows `assets`, percent-encoded once. Some clients put another `/` in
//! front of an `origin_path`, which already starts with one. If there is no asset with both slashes, the
//! first slash is ignored.

use std::sync::Arc;

use axum::response::Response;
use serde_json::{Value, json};

use super::asset_pages::{self, AssetPaging};
use super::document::{document, list_document, sparse_fields};
use super::filters::{FILTERS, Filters};
use super::links::PageLinks;
use super::media_kinds;
use crate::core::query::{Hit, PlainWords, Query, Request, Sort, SortBy, SortKey, fingerprint};
use crate::core::source::SearchSource;
use crate::serve::http::api::error::{ApiError, ErrorCode};
use crate::serve::http::api::operation::{ApiOperation, ApiTag};
use crate::serve::http::api::params::{ParameterSpec, Params, ValueType, percent_decode};
use crate::serve::http::api::request_context::RequestContext;
use crate::serve::http::api::search_task::run_search;

const SORT: &[ParameterSpec] = &[ParameterSpec {
    name: "sort",
    value_type: ValueType::ListOf(&[
        "date_created",
        "-date_created",
        "date_modified",
        "-date_modified",
        "file_size",
        "-file_size",
    ]),
    description: "The order of the assets, as one or more keys. A leading `-` makes a key descending. The default is by relevance if there is a \
                  `filter[keyword]`, else by path.",
}];

const FIELDS: &[ParameterSpec] = &[ParameterSpec {
    name: "fields[assets]",
    value_type: ValueType::ListOf(&ATTRIBUTES),
    description: "The attributes to return. The default is all.",
}];

/// The names of all attributes that imgix has.
const ATTRIBUTES: [&str; 31] = [
    "source_id",
    "origin_path",
    "name",
    "content_type",
    "media_kind",
    "file_size",
    "date_created",
    "date_modified",
    "description",
    "tags",
    "categories",
    "custom_fields",
    "media_width",
    "media_height",
    "dpi_width",
    "dpi_height",
    "has_frames",
    "face_count",
    "colors",
    "color_model",
    "color_profile",
    "analyzed_tags",
    "analyzed_faces",
    "analyzed_content_warnings",
    "warning_adult",
    "warning_medical",
    "warning_racy",
    "warning_spoof",
    "warning_violence",
    "uploaded_by",
    "uploaded_by_api",
];

const LIST_PARAMETERS: &[&[ParameterSpec]] = &[
    asset_pages::PARAMETERS,
    SORT,
    FIELDS,
    FILTERS[0],
    FILTERS[1],
    FILTERS[2],
    FILTERS[3],
    FILTERS[4],
    FILTERS[5],
    FILTERS[6],
    FILTERS[7],
    FILTERS[8],
];

pub(super) const LIST: ApiOperation = ApiOperation {
    path: "/api/v1/sources/{id}/assets",
    id: "imgixAssets",
    summary: "List or search the assets of a Source.",
    tag: ApiTag::Imgix,
    parameters: LIST_PARAMETERS,
    response_schema: "ImgixAssets",
    may_be_not_found: true,
    ..ApiOperation::READ
};

pub(super) const LEGACY_LIST: ApiOperation = ApiOperation {
    path: "/api/v1/assets/{id}",
    id: "imgixAssetsOld",
    summary: "List or search the assets of a Source, by the path that older clients use.",
    ..LIST
};

pub(super) const ONE: ApiOperation = ApiOperation {
    path: "/api/v1/sources/{id}/assets/{origin_path}",
    id: "imgixAsset",
    summary: "Get one asset.",
    tag: ApiTag::Imgix,
    parameters: &[FIELDS],
    response_schema: "ImgixAsset",
    may_be_not_found: true,
    ..ApiOperation::READ
};

pub(super) const LEGACY_ONE: ApiOperation = ApiOperation {
    path: "/api/v1/assets/{id}/{origin_path}",
    id: "imgixAssetOld",
    summary: "Get one asset, by the path that older clients use.",
    ..ONE
};

/// Handles a request for a page of assets.
pub(super) async fn list(ctx: RequestContext) -> Result<Response, ApiError> {
    let params = ctx.params(&LIST)?;
    let (id, _) = split_path(ctx.path());
    let source = Arc::clone(&ctx.sources.with_id(id)?.source);
    let filters = Filters::read(&params, &source)?;
    let sort = sort(&params, &filters)?;
    let words = PlainWords::Forgiving;
    let fingerprint = fingerprint(
        &format!("assets {}", filters.text),
        words,
        sort,
        &[&source.name],
    );
    let paging = AssetPaging::read(&params, fingerprint, sort)?;
    let searched = source.enabled.then(|| SearchSource::from(&*source));
    let (page, paging) = run_search(&ctx.app, move |snapshot, deadline| {
        let exists = |path: &str| match &searched {
            // A search with a next page did not name an asset, even if that exists by now.
            Some(source) if !paging.is_continued() => {
                snapshot.asset(source, path).map(|asset| asset.is_some())
            }
            _ => Ok(false),
        };
        let query = Query {
            condition: filters.condition(exists)?,
        };
        let request = Request {
            sort,
            words,
            ..Request::new(query)
        };
        let page = paging.search(snapshot, searched.as_slice(), request, deadline)?;
        Ok((page, paging))
    })
    .await?;
    let fields = params.text("fields[assets]");
    let data = page.hits.iter().map(|hit| object(id, hit, fields));
    let data = data.collect();
    let (meta, links) = paging.meta_and_links(page, &PageLinks::of(ctx.uri()));
    Ok(list_document(data, meta, links))
}

/// Handles a request for one asset.
pub(super) async fn one(ctx: RequestContext) -> Result<Response, ApiError> {
    let params = ctx.params(&ONE)?;
    let (id, path) = split_path(ctx.path());
    let source = Arc::clone(&ctx.sources.with_id(id)?.source);
    let path = percent_decode(path, false)
        .map_err(|problem| ApiError::new(ErrorCode::PathInvalid, format!("the path {problem}")))?;
    let search_source = source.enabled.then(|| SearchSource::from(&*source));
    let found = run_search(&ctx.app, move |snapshot, _| {
        let Some(source) = &search_source else {
            return Ok(None);
        };
        let without_extra_slash = path.starts_with("//").then(|| &path[1..]);
        for path in [Some(path.as_str()), without_extra_slash]
            .into_iter()
            .flatten()
        {
            if let Some(hit) = snapshot.asset(source, path)? {
                return Ok(Some(hit));
            }
        }
        Ok(None)
    });
    let hit = found.await?.ok_or_else(|| {
        let text = "the Source has no asset with this path; /v1/explain shows why";
        ApiError::new(ErrorCode::NotFound, text)
    })?;
    let fields = params.text("fields[assets]");
    Ok(document(object(id, &hit, fields), json!({})))
}

/// Splits the path of a URL of either form into the id of the Source and the asset path, still encoded.
pub(super) fn split_path(url_path: &str) -> (&str, &str) {
    let id_end = |rest: &'_ str| rest.find('/').unwrap_or(rest.len());
    if let Some(rest) = url_path.strip_prefix("/api/v1/assets/") {
        return rest.split_at(id_end(rest));
    }
    let rest = url_path
        .strip_prefix("/api/v1/sources/")
        .unwrap_or_default();
    let (id, rest) = rest.split_at(id_end(rest));
    (id, rest.strip_prefix("/assets").unwrap_or_default())
}

/// The order that the client wants, or the best matches first if it searches for words.
fn sort(params: &Params, filters: &Filters) -> Result<Sort, ApiError> {
    if !params.is_given("sort") {
        let by = if filters.has_words() {
            SortBy::Relevance
        } else {
            SortBy::Path
        };
        return Ok(Sort::by(by));
    }
    let key = |name: &str| SortKey {
        by: match name.trim_start_matches('-') {
            "date_created" => SortBy::Created,
            "date_modified" => SortBy::Modified,
            _ => SortBy::Size,
        },
        descending: name.starts_with('-'),
    };
    let sort = Sort::new(params.list("sort").into_iter().map(key));
    sort.map_err(|error| ApiError::invalid_parameter("sort", error.to_string()))
}

fn object(source_id: &str, hit: &Hit, fields: Option<&str>) -> Value {
    json!({
        "id": format!("{source_id}{}", hit.path),
        "type": "assets",
        "attributes": sparse_fields(attributes(source_id, hit), fields),
    })
}

/// The values of [`ATTRIBUTES`].
fn attributes(source_id: &str, hit: &Hit) -> Value {
    json!({
        "source_id": source_id,
        "origin_path": hit.path,
        "name": hit.name,
        "content_type": hit.content_type,
        "media_kind": media_kinds::name(hit.ext.as_deref(), hit.asset_type),
        "file_size": hit.size,
        "date_created": hit.first_seen.unwrap_or(hit.last_modified).as_millis().div_euclid(1000),
        "date_modified": hit.last_modified.as_millis().div_euclid(1000),
        "description": null,
        "tags": {},
        "categories": [],
        "custom_fields": {},
        "media_width": null,
        "media_height": null,
        "dpi_width": null,
        "dpi_height": null,
        "has_frames": null,
        "face_count": null,
        "colors": null,
        "color_model": null,
        "color_profile": null,
        "analyzed_tags": null,
        "analyzed_faces": null,
        "analyzed_content_warnings": null,
        "warning_adult": null,
        "warning_medical": null,
        "warning_racy": null,
        "warning_spoof": null,
        "warning_violence": null,
        "uploaded_by": null,
        "uploaded_by_api": null,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_both_forms_of_path() {
        for (path, want) in [
            ("/api/v1/sources/ab", ("ab", "")),
            ("/api/v1/sources/ab/assets", ("ab", "")),
            ("/api/v1/sources/ab/assets/a%2Fb//c", ("ab", "/a%2Fb//c")),
            ("/api/v1/sources/ab/assets//assets/", ("ab", "//assets/")),
            ("/api/v1/assets/ab", ("ab", "")),
            ("/api/v1/assets/ab/assets/x", ("ab", "/assets/x")),
        ] {
            assert_eq!(split_path(path), want, "{path}");
        }
    }
}
