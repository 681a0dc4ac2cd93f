//! `/api/v1/sources/{id}/assets`: the assets of a Source in imgix's shape.
//!
//! The path of an asset stands in the address behind `assets`, percent-encoded once, and comes back
//! byte for byte. Clients that put a `/` of their own before `origin_path`, which begins with one, mean
//! the same.

use std::sync::Arc;

use axum::response::Response;
use serde_json::{Value, json};

use super::asset_pages::{self, AssetPaging};
use super::document::{document, sparse_fields};
use super::filters::{self, FILTERS};
use super::media_kinds;
use crate::core::query::{Hit, Query, Request, Sort, SortBy, fingerprint};
use crate::core::source::SearchSource;
use crate::serve::http::api::error::{ApiError, ErrorCode};
use crate::serve::http::api::operation::{ApiOperation, ApiTag};
use crate::serve::http::api::params::{ParameterSpec, Params, ValueType, percent_decode};
use crate::serve::http::api::request_context::RequestContext;
use crate::serve::http::api::search_task::run_search;

const SORT: &[ParameterSpec] = &[ParameterSpec {
    name: "sort",
    value_type: ValueType::OneOf(&[
        "date_created",
        "-date_created",
        "date_modified",
        "-date_modified",
        "file_size",
        "-file_size",
    ]),
    description: "the order, descending with - in front; by path without it",
}];

const FIELDS: &[ParameterSpec] = &[ParameterSpec {
    name: "fields[assets]",
    value_type: ValueType::Text,
    description: "the attributes to give, with commas between",
}];

const LISTED: &[&[ParameterSpec]] = &[
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

/// In the OpenAPI document.
pub(super) const LIST: ApiOperation = ApiOperation {
    path: "/api/v1/sources/{id}/assets",
    id: "imgixAssets",
    summary: "The assets of a Source, as imgix lists them",
    tag: ApiTag::Imgix,
    parameters: LISTED,
    response_schema: "ImgixAssets",
    may_be_not_found: true,
};

/// In the OpenAPI document.
pub(super) const LEGACY_LIST: ApiOperation = ApiOperation {
    path: "/api/v1/assets/{id}",
    id: "imgixAssetsOld",
    summary: "The same, as older clients ask for it",
    ..LIST
};

/// In the OpenAPI document.
pub(super) const ONE: ApiOperation = ApiOperation {
    path: "/api/v1/sources/{id}/assets/{origin_path}",
    id: "imgixAsset",
    summary: "One asset, as imgix shows it",
    tag: ApiTag::Imgix,
    parameters: &[FIELDS],
    response_schema: "ImgixAsset",
    may_be_not_found: true,
};

/// In the OpenAPI document.
pub(super) const LEGACY_ONE: ApiOperation = ApiOperation {
    path: "/api/v1/assets/{id}/{origin_path}",
    id: "imgixAssetOld",
    summary: "The same, as older clients ask for it",
    ..ONE
};

/// Answers a request for a page.
pub(super) async fn list(ctx: RequestContext) -> Result<Response, ApiError> {
    let params = ctx.params(&LIST)?;
    let (id, _) = parts(ctx.path());
    let source = Arc::clone(&ctx.sources.with_id(id)?.source);
    let (condition, written) = filters::read(&params)?;
    let sort = sort(&params);
    let fingerprint = fingerprint(&format!("assets {written}"), sort, &[&source.name]);
    let paging = AssetPaging::read(&params, fingerprint, sort)?;
    let request = Request {
        sort,
        ..Request::new(Query { condition })
    };
    let searched = source.enabled.then(|| SearchSource::from(&*source));
    let ((hits, total, next), paging) = run_search(&ctx.app, move |snapshot, deadline| {
        let found = paging.search(snapshot, searched.as_slice(), request, deadline)?;
        Ok((found, paging))
    })
    .await?;
    let fields = params.text("fields[assets]");
    let data = hits.iter().map(|hit| object(id, hit, fields)).collect();
    Ok(document(Value::Array(data), paging.meta(total, next)))
}

/// Answers a request for one.
pub(super) async fn one(ctx: RequestContext) -> Result<Response, ApiError> {
    let params = ctx.params(&ONE)?;
    let (id, path) = parts(ctx.path());
    let source = Arc::clone(&ctx.sources.with_id(id)?.source);
    let path = percent_decode(path, false)
        .map_err(|problem| ApiError::new(ErrorCode::PathInvalid, format!("the path {problem}")))?;
    let searched = source.enabled.then(|| SearchSource::from(&*source));
    let found = run_search(&ctx.app, move |snapshot, _| {
        let Some(source) = &searched else {
            return Ok(None);
        };
        let joined = path.starts_with("//").then(|| &path[1..]);
        for path in [Some(path.as_str()), joined].into_iter().flatten() {
            if let Some(hit) = snapshot.asset(source, path)? {
                return Ok(Some(hit));
            }
        }
        Ok(None)
    });
    let hit = found.await?.ok_or_else(|| {
        let text = "the Source has no asset of this path; /v1/explain tells why";
        ApiError::new(ErrorCode::NotFound, text)
    })?;
    let fields = params.text("fields[assets]");
    Ok(document(object(id, &hit, fields), json!({})))
}

/// The id of the Source and the asset path, still encoded, of an address of either form.
pub(super) fn parts(address: &str) -> (&str, &str) {
    let split = |rest: &'_ str| rest.find('/').unwrap_or(rest.len());
    if let Some(rest) = address.strip_prefix("/api/v1/assets/") {
        return rest.split_at(split(rest));
    }
    let rest = address.strip_prefix("/api/v1/sources/").unwrap_or_default();
    let (id, rest) = rest.split_at(split(rest));
    (id, rest.strip_prefix("/assets").unwrap_or_default())
}

fn sort(params: &Params) -> Sort {
    let text = params.text("sort").unwrap_or_default();
    let by = match text.trim_start_matches('-') {
        "date_created" => SortBy::Created,
        "date_modified" => SortBy::Modified,
        "file_size" => SortBy::Size,
        _ => SortBy::Path,
    };
    Sort {
        by,
        descending: text.starts_with('-'),
    }
}

fn object(source_id: &str, hit: &Hit, fields: Option<&str>) -> Value {
    json!({
        "id": format!("{source_id}{}", hit.path),
        "type": "assets",
        "attributes": sparse_fields(attributes(source_id, hit), fields),
    })
}

/// The attributes that imgix has.
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
    fn both_forms_of_address_have_an_id_and_a_path() {
        for (address, want) in [
            ("/api/v1/sources/ab", ("ab", "")),
            ("/api/v1/sources/ab/assets", ("ab", "")),
            ("/api/v1/sources/ab/assets/a%2Fb//c", ("ab", "/a%2Fb//c")),
            ("/api/v1/sources/ab/assets//assets/", ("ab", "//assets/")),
            ("/api/v1/assets/ab", ("ab", "")),
            ("/api/v1/assets/ab/assets/x", ("ab", "/assets/x")),
        ] {
            assert_eq!(parts(address), want, "{address}");
        }
    }
}
