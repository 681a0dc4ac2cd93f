//! `/api/v1/sources`: the Sources in imgix's shape.

use std::sync::Arc;

use axum::response::Response;
use serde_json::{Value, json};

use super::assets::parts;
use super::{document, sparse};
use crate::core::source::Source;
use crate::serve::http::api::error::ApiError;
use crate::serve::http::api::inquiry::Inquiry;
use crate::serve::http::api::openapi::{Operation, Tag};
use crate::serve::http::api::params::{Form, Spec};
use crate::serve::http::api::run::{at_hand, looking};
use crate::serve::http::api::standing::Standing;
use crate::serve::http::site::Site;

const FIELDS: &[Spec] = &[text(
    "fields[sources]",
    "the attributes to give, with commas between; a dot leads inside",
)];

const PARAMETERS: &[Spec] = &[
    Spec {
        name: "page[number]",
        form: Form::Number {
            least: 0,
            greatest: 1_000_000,
            default: 0,
        },
        about: "which page, from 0",
    },
    Spec {
        name: "page[size]",
        form: Form::Number {
            least: 1,
            greatest: 1_000,
            default: 20,
        },
        about: "the most Sources",
    },
    Spec {
        name: "sort",
        form: Form::Word(&[
            "name",
            "-name",
            "enabled",
            "-enabled",
            "date_deployed",
            "-date_deployed",
        ]),
        about: "the order; that of the configuration without it",
    },
    text("filter[name]", ONE_OF),
    text("filter[enabled]", ONE_OF),
    text("filter[deployment_status]", ONE_OF),
    text("filter[deployment.type]", ONE_OF),
    text("filter[deployment.s3_bucket]", ONE_OF),
    text("filter[deployment.s3_prefix]", ONE_OF),
    text("filter[deployment.imgix_subdomains]", ONE_OF),
    text("filter[deployment.custom_domains]", ONE_OF),
];

const ONE_OF: &str = "the attribute is this, or one of these with commas between";

const fn text(name: &'static str, about: &'static str) -> Spec {
    Spec {
        name,
        form: Form::Text,
        about,
    }
}

/// In the OpenAPI document.
pub(super) const LIST: Operation = Operation {
    path: "/api/v1/sources",
    id: "imgixSources",
    summary: "The Sources, as imgix lists them",
    tag: Tag::Imgix,
    parameters: &[PARAMETERS, FIELDS],
    answer: "ImgixSources",
    may_be_missing: false,
};

/// In the OpenAPI document.
pub(super) const ONE: Operation = Operation {
    path: "/api/v1/sources/{id}",
    id: "imgixSource",
    summary: "One Source, as imgix shows it",
    tag: Tag::Imgix,
    parameters: &[FIELDS],
    answer: "ImgixSource",
    may_be_missing: true,
};

/// Answers a request for all.
pub(super) async fn list(inquiry: Inquiry) -> Result<Response, ApiError> {
    let params = inquiry.params(&LIST)?;
    let all = inquiry
        .scope
        .all()
        .map(|it| (it.id.clone(), Arc::clone(&it.source)));
    let mut all = objects(&inquiry.site, all.collect()).await?;
    all.retain(|object| {
        let mut filters = params.beginning_with("filter[");
        filters.all(|(name, value)| has(&object["attributes"], name, value))
    });
    if let Some(sort) = params.text("sort") {
        let name = sort.trim_start_matches('-');
        all.sort_by_key(|object| rank(&object["attributes"][name]));
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
    let meta = json!({
        "pagination": {
            "currentPage": number,
            "nextPage": if number + 1 < pages { number + 1 } else { number },
            "previousPage": number.saturating_sub(1),
            "pageSize": size,
            "totalPages": pages,
            "totalRecords": total,
        },
    });
    Ok(document(Value::Array(data), meta))
}

/// Answers a request for one.
pub(super) async fn one(inquiry: Inquiry) -> Result<Response, ApiError> {
    let params = inquiry.params(&ONE)?;
    let (id, _) = parts(inquiry.path());
    let listed = inquiry.scope.with_id(id)?;
    let found = objects(
        &inquiry.site,
        vec![(id.to_owned(), Arc::clone(&listed.source))],
    )
    .await?;
    let fields = params.text("fields[sources]");
    let object = found.into_iter().next().unwrap_or_default();
    Ok(document(with_fields(object, fields), json!({})))
}

async fn objects(
    site: &Arc<Site>,
    sources: Vec<(String, Arc<Source>)>,
) -> Result<Vec<Value>, ApiError> {
    looking(site, move |view, _| {
        let view = at_hand(view);
        let object = |(id, source): (String, Arc<Source>)| {
            json!({
                "id": id,
                "type": "sources",
                "attributes": attributes(&source, &Standing::of(view.as_deref(), &source)),
            })
        };
        Ok(sources.into_iter().map(object).collect())
    })
    .await
}

/// The attributes that imgix has; no key, and no secret of course.
fn attributes(source: &Source, standing: &Standing) -> Value {
    let domain = source.base_url.split("//").nth(1);
    let domain = domain.filter(|_| source.has_own_address());
    json!({
        "name": source.name,
        "enabled": source.enabled,
        "date_deployed": standing.complete_as_of.map(|stamp| stamp.as_millis().div_euclid(1000)),
        "deployment_status": standing.status(),
        "secure_url_enabled": false,
        "deployment": {
            "annotation": null,
            "type": "s3",
            "s3_bucket": source.bucket,
            "s3_prefix": source.prefix.trim_end_matches('/'),
            "s3_access_key": null,
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
        },
    })
}

fn with_fields(mut object: Value, fields: Option<&str>) -> Value {
    object["attributes"] = sparse(object["attributes"].take(), fields);
    object
}

/// Whether the attribute that the filter names is one of the values.
fn has(attributes: &Value, filter: &str, values: &str) -> bool {
    let path = filter.trim_start_matches("filter[").trim_end_matches(']');
    let attribute = path.split('.').fold(attributes, |value, name| &value[name]);
    let mut values = values.split(',');
    values.any(|wanted| match attribute {
        Value::Array(all) => all.iter().any(|one| one == wanted),
        Value::String(text) => text == wanted,
        Value::Bool(is_so) => wanted.parse() == Ok(*is_so),
        _ => false,
    })
}

/// Puts attributes in order: what is null or false first.
fn rank(attribute: &Value) -> (i64, String) {
    match attribute {
        Value::Bool(is_so) => (i64::from(*is_so), String::new()),
        Value::Number(number) => (number.as_i64().unwrap_or_default(), String::new()),
        Value::String(text) => (0, text.clone()),
        _ => (i64::MIN, String::new()),
    }
}
