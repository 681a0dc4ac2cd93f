//! `/api/v1/sources`: the Sources in imgix's shape.

use std::sync::Arc;

use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde_json::{Value, json};

use super::assets::split_path;
use super::document::{document, list_document, sparse_fields};
use super::links::PageLinks;
use super::source_values::{self, EXTENSION};
use crate::core::source::{Credentials, Source};
use crate::managed::store::Version;
use crate::serve::http::api::error::{ApiError, ApiErrors};
use crate::serve::http::api::managed_source::stored_values;
use crate::serve::http::api::operation::{ApiOperation, ApiTag};
use crate::serve::http::api::params::{ParameterSpec, ValueType};
use crate::serve::http::api::request_context::RequestContext;
use crate::serve::http::api::response::ChangesWithoutVersion;
use crate::serve::http::api::search_task::{available, run_index_task};
use crate::serve::http::api::visible_sources::VisibleSources;
use crate::serve::http::app_state::source_id;
use crate::serve::http::client::ClientState;
use crate::serve::http::deployment_status::DeploymentStatus;

const FIELDS: &[ParameterSpec] = &[list_of(
    "fields[sources]",
    "The attributes to return, separated by commas. A dot selects an inner attribute, as in \
     `deployment.type`. The default is all.",
)];

const PARAMETERS: &[ParameterSpec] = &[
    ParameterSpec {
        name: "page[number]",
        value_type: ValueType::Number {
            min: 0,
            max: 1_000_000,
            default: 0,
        },
        description: "The page to return, counted from 0.",
    },
    ParameterSpec {
        name: "page[size]",
        value_type: ValueType::Number {
            min: 1,
            max: 1_000,
            default: 20,
        },
        description: "Maximum number of Sources.",
    },
    ParameterSpec {
        name: "sort",
        value_type: ValueType::OneOf(&[
            "name",
            "-name",
            "enabled",
            "-enabled",
            "date_deployed",
            "-date_deployed",
        ]),
        description: "The order of the Sources. A leading `-` makes it descending. The default is the order of the \
                      configuration.",
    },
    list_of("filter[name]", ONE_OF),
    list_of("filter[enabled]", ONE_OF),
    list_of("filter[deployment_status]", ONE_OF),
    list_of("filter[deployment.type]", ONE_OF),
    list_of("filter[deployment.s3_bucket]", ONE_OF),
    list_of("filter[deployment.s3_prefix]", ONE_OF),
    list_of("filter[deployment.bucket_name]", ONE_OF),
    list_of("filter[deployment.region]", ONE_OF),
    list_of("filter[deployment.imgix_subdomains]", ONE_OF),
    list_of("filter[deployment.custom_domains]", ONE_OF),
];

const ONE_OF: &str =
    "The value that the attribute must have, or several values separated by commas.";

const fn list_of(name: &'static str, description: &'static str) -> ParameterSpec {
    ParameterSpec {
        name,
        value_type: ValueType::List,
        description,
    }
}

pub(super) const LIST: ApiOperation = ApiOperation {
    path: "/api/v1/sources",
    id: "imgixSources",
    summary: "List the Sources that the token may see.",
    tag: ApiTag::Imgix,
    parameters: &[PARAMETERS, FIELDS],
    response_schema: "ImgixSources",
    ..ApiOperation::READ
};

pub(super) const ONE: ApiOperation = ApiOperation {
    path: "/api/v1/sources/{id}",
    id: "imgixSource",
    summary: "Get one Source.",
    tag: ApiTag::Imgix,
    parameters: &[FIELDS],
    response_schema: "ImgixSource",
    may_be_not_found: true,
    ..ApiOperation::READ
};

/// Handles a request for a page of Sources.
pub(super) async fn list(ctx: RequestContext) -> Result<Response, ApiError> {
    let params = ctx.params(&LIST)?;
    let all = ctx
        .sources
        .all()
        .map(|entry| ShownSource::of(&ctx.sources, &entry.source));
    let mut all = objects(&ctx.app, all.collect()).await?;
    all.retain(|object| {
        let mut filters = params.with_prefix("filter[");
        filters.all(|(name, value)| matches_filter(&object["attributes"], name, value))
    });
    if let Some(sort) = params.text("sort") {
        let name = sort.trim_start_matches('-');
        all.sort_by_key(|object| sort_key(&object["attributes"][name]));
        if sort.starts_with('-') {
            all.reverse();
        }
    }
    let (total, number, size) = (
        all.len() as u64,
        params.number("page[number]"),
        params.number("page[size]"),
    );
    let page = all
        .into_iter()
        .skip(usize::try_from(number.saturating_mul(size)).unwrap_or(usize::MAX))
        .take(usize::try_from(size).unwrap_or(usize::MAX));
    let fields = params.text("fields[sources]");
    let data = page.map(|object| with_fields(object, fields)).collect();
    let pages = total.div_ceil(size);
    let (next, last) = (number + 1, pages.saturating_sub(1));
    let has_next = next < pages;
    let meta = json!({
        "pagination": {
            "currentPage": number,
            "nextPage": if has_next { next } else { number },
            "previousPage": number.saturating_sub(1),
            "pageSize": size,
            "totalPages": pages,
            "totalRecords": total,
        },
    });
    let links = PageLinks::of(ctx.uri());
    let to = |number: u64| links.to("page[number]", &number.to_string());
    // From a page after the end, the previous page is the last one.
    let previous = number.checked_sub(1).map(|previous| previous.min(last));
    let links = json!({
        "self": links.to_self(),
        "first": links.to_first(),
        "prev": previous.map(to),
        "next": has_next.then(|| to(next)),
        "last": to(last),
    });
    Ok(list_document(data, meta, links))
}

/// Handles a request for one Source.
pub(super) async fn one(ctx: RequestContext) -> Result<Response, ApiErrors> {
    let params = ctx.params(&ONE)?;
    let (id, _) = split_path(ctx.path());
    let entry = ctx.sources.with_id(id)?;
    let (object, version) = resource(&ctx.app, &ctx.sources, &entry.source).await?;
    let fields = params.text("fields[sources]");
    let mut response = document(with_fields(object, fields), json!({}));
    if let Some(version) = version {
        set_version(&mut response, &version);
    }
    Ok(response)
}

/// The JSON:API resource of one Source, and its version if it is managed. Only for clients that may change the Source,
/// it has the values that imgix lacks.
pub(super) async fn resource(
    app: &ClientState,
    visible: &VisibleSources,
    source: &Arc<Source>,
) -> Result<(Value, Option<Version>), ApiErrors> {
    let mut found = objects(app, vec![ShownSource::of(visible, source)]).await?;
    let mut object = found.pop().unwrap_or_default();
    if !source.is_managed {
        return Ok((object, None));
    }
    let name = &source.name;
    let Some(stored) = stored_values(app, visible.grant(), name).await? else {
        return Ok((object, None));
    };
    if visible.may_manage(name) {
        let extension = source_values::extension(&stored.values);
        object["attributes"]["deployment"][EXTENSION] = Value::Object(extension);
    }
    Ok((object, Some(stored.version)))
}

/// Sets the ETag, for `If-Match`.
pub(super) fn set_version(response: &mut Response, version: &Version) {
    let etag = HeaderValue::from_str(&format!("\"{version}\""));
    let etag = etag.expect("a version has only hex digits");
    response.headers_mut().insert(header::ETAG, etag);
    response.extensions_mut().insert(ChangesWithoutVersion);
}

/// A Source to show.
struct ShownSource {
    id: String,
    source: Arc<Source>,
    /// Whether the client may change it.
    may_manage: bool,
}

impl ShownSource {
    fn of(visible: &VisibleSources, source: &Arc<Source>) -> Self {
        Self {
            id: source_id(&source.name),
            source: Arc::clone(source),
            may_manage: visible.may_manage(&source.name),
        }
    }
}

/// The JSON:API resources of these Sources.
async fn objects(app: &ClientState, sources: Vec<ShownSource>) -> Result<Vec<Value>, ApiError> {
    run_index_task(app, move |snapshot, _| {
        let snapshot = available(snapshot);
        let object = |shown: ShownSource| {
            let status = DeploymentStatus::of(snapshot.as_deref(), &shown.source);
            json!({
                "id": shown.id,
                "type": "sources",
                "attributes": attributes(&shown.source, &status, shown.may_manage),
            })
        };
        Ok(sources.into_iter().map(object).collect())
    })
    .await
}

/// All attributes that imgix has. They contain no secret. `shows_access_key` says whether the client may change the
/// Source.
fn attributes(source: &Source, status: &DeploymentStatus, shows_access_key: bool) -> Value {
    json!({
        "name": source.name,
        "enabled": source.enabled,
        "date_deployed": status.complete_as_of.map(|stamp| stamp.as_millis().div_euclid(1000)),
        "deployment_status": status.name(),
        "secure_url_enabled": false,
        "deployment": deployment(source, shows_access_key),
    })
}

fn deployment(source: &Source, shows_access_key: bool) -> Value {
    let domain = source.base_url.split("//").nth(1);
    let domain = domain.filter(|_| source.has_custom_base_url());
    let prefix = source.prefix.trim_end_matches('/');
    let access_key = match &source.credentials {
        Credentials::AccessKey { access_key_id, .. } if shows_access_key => Some(access_key_id),
        _ => None,
    };
    let mut deployment = json!({
        "annotation": source.annotation,
        "type": "s3",
        "s3_bucket": source.bucket,
        "s3_prefix": prefix,
        "s3_access_key": access_key,
        "region": source.region,
        "imgix_subdomains": [source.subdomain],
        "custom_domains": domain.into_iter().collect::<Vec<_>>(),
        "cache_ttl_behavior": null,
        "cache_ttl_error": null,
        "cache_ttl_value": null,
        "crossdomain_xml_enabled": false,
        "default_params": {},
        "image_error": null,
        "image_error_append_qs": false,
        "image_missing": null,
        "image_missing_append_qs": false,
        "secure_url_enabled": false,
    });
    if let Some(endpoint_url) = &source.endpoint_url {
        // imgix has other names for other stores. The names for S3 stay for older clients.
        deployment["type"] = "s3_compatible".into();
        deployment["bucket_name"] = source.bucket.as_str().into();
        deployment["prefix"] = prefix.into();
        deployment["endpoint_url"] = endpoint_url.as_str().into();
        deployment["access_key_id"] = deployment["s3_access_key"].clone();
    }
    deployment
}

fn with_fields(mut object: Value, fields: Option<&str>) -> Value {
    object["attributes"] = sparse_fields(object["attributes"].take(), fields);
    object
}

/// Whether the attribute in the filter's name has one of the comma-separated values.
fn matches_filter(attributes: &Value, filter: &str, values: &str) -> bool {
    let path = filter.trim_start_matches("filter[").trim_end_matches(']');
    let attribute = path.split('.').fold(attributes, |value, name| &value[name]);
    let mut values = values.split(',');
    values.any(|value| match attribute {
        Value::Array(items) => items.iter().any(|item| item == value),
        Value::String(text) => text == value,
        Value::Bool(flag) => value.parse() == Ok(*flag),
        _ => false,
    })
}

/// The sort key of an attribute. Null sorts first, and false sorts before true.
fn sort_key(attribute: &Value) -> (i64, String) {
    match attribute {
        Value::Bool(flag) => (i64::from(*flag), String::new()),
        Value::Number(number) => (number.as_i64().unwrap_or_default(), String::new()),
        Value::String(text) => (0, text.clone()),
        _ => (i64::MIN, String::new()),
    }
}
