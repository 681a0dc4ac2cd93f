//! The schemas of the attributes of Sources and assets in imgix's shape.

use serde_json::{Value, json};

use super::schemas::{
    array, boolean, deployment_status, described, number, object, one_of, or_null, schema_ref,
    text, unix_seconds,
};
use crate::serve::http::api::imgix::source_values::{EXTENSION, READ_ONLY, RENDERING, TEXTS};

/// Attributes of an asset that S3 does not know, by imgix's type.
const UNKNOWN_NUMBERS: [&str; 10] = [
    "media_width",
    "media_height",
    "dpi_width",
    "dpi_height",
    "face_count",
    "warning_adult",
    "warning_medical",
    "warning_racy",
    "warning_spoof",
    "warning_violence",
];
const UNKNOWN_FLAGS: [&str; 5] = [
    "has_frames",
    "analyzed_tags",
    "analyzed_faces",
    "analyzed_content_warnings",
    "uploaded_by_api",
];
const UNKNOWN_TEXTS: [&str; 4] = ["description", "color_model", "color_profile", "uploaded_by"];

/// The attributes of an asset. Sparse fields can omit any of them.
pub(super) fn asset() -> Value {
    let mut attributes = json!({
        "source_id": text(),
        "origin_path": described(text(), "The asset path: `/` and the key without the Source's prefix."),
        "name": described(text(), "The file name: the last segment of the path."),
        "content_type": described(text(), "The media type, decided by the extension."),
        "media_kind": described(or_null(text()), "imgix's kind of the media type, such as `IMAGE`."),
        "file_size": described(number(), "The size in bytes."),
        "date_created": unix_seconds("When the index first saw the asset."),
        "date_modified": unix_seconds("When the object was last changed in S3."),
        "tags": empty_object(),
        "categories": described(
            json!({ "type": "array", "items": text(), "maxItems": 0 }),
            "Always empty.",
        ),
        "custom_fields": empty_object(),
    });
    for (names, schema) in [
        (&UNKNOWN_NUMBERS[..], number()),
        (&UNKNOWN_FLAGS, boolean()),
        (&UNKNOWN_TEXTS, text()),
        (
            &["colors"],
            json!({ "type": "object", "additionalProperties": true }),
        ),
    ] {
        for name in names {
            attributes[*name] = always_null(schema.clone());
        }
    }
    attributes
}

/// The attributes of a Source. Sparse fields can omit any of them.
pub(super) fn source() -> Value {
    json!({
        "name": text(),
        "enabled": boolean(),
        "date_deployed": or_null(unix_seconds(
            "The time as of which the index is known to match the bucket. Null before the first complete scan.",
        )),
        "deployment_status": deployment_status(),
        "secure_url_enabled": never(),
        "deployment": deployment(),
    })
}

/// Where the assets of a Source are.
fn deployment() -> Value {
    let of_compatible = "Only with the type `s3_compatible`.";
    let access_key = || or_null(text());
    json!({ "type": "object", "properties": {
        "annotation": described(or_null(text()), "A note for people."),
        "type": {
            "type": "string",
            "enum": ["s3", "s3_compatible"],
            "description": "`s3_compatible` for a store with an `endpoint_url`.",
        },
        "s3_bucket": text(),
        "s3_prefix": described(text(), "The prefix, without a slash at its end."),
        "s3_access_key": described(
            access_key(),
            "The id of the access key. Null if there is none, or if the token may not change the Source.",
        ),
        "region": or_null(text()),
        "imgix_subdomains": described(array(text()), "One subdomain."),
        "custom_domains": described(array(text()), "At most one domain."),
        "bucket_name": described(text(), of_compatible),
        "prefix": described(text(), of_compatible),
        "endpoint_url": described(text(), of_compatible),
        "access_key_id": described(access_key(), of_compatible),
        "cache_ttl_behavior": always_null(text()),
        "cache_ttl_error": always_null(number()),
        "cache_ttl_value": always_null(number()),
        "crossdomain_xml_enabled": never(),
        "default_params": empty_object(),
        "image_error": always_null(text()),
        "image_error_append_qs": never(),
        "image_missing": always_null(text()),
        "image_missing_append_qs": never(),
        "secure_url_enabled": never(),
    } })
}

/// A Source that a client sets up or changes.
pub(super) fn source_input() -> Value {
    let ignored = || json!({ "description": "Ignored." });
    let mut deployment = json!({
        "type": one_of(&["s3", "s3_compatible"]),
        "imgix_subdomains": described(array(text()), "One subdomain."),
        "custom_domains": described(
            or_null(array(text())),
            "At most one domain. The URLs of the assets start with it.",
        ),
        EXTENSION: described(
            schema_ref("SourceValues"),
            "The values that imgix lacks: rules, events, a role and others.",
        ),
    });
    for (theirs, ours) in TEXTS {
        let ours = ours.trim_start_matches('/').replace('/', ".");
        deployment[theirs] = described(or_null(text()), &format!("`{ours}` of `SourceValues`."));
    }
    for name in RENDERING {
        deployment[name] = ignored();
    }
    let mut attributes = json!({
        "name": text(),
        "enabled": boolean(),
        "deployment": { "type": "object", "properties": deployment },
    });
    for name in READ_ONLY {
        attributes[name] = ignored();
    }
    object([(
        "data",
        object([
            ("type?", one_of(&["sources"])),
            (
                "attributes",
                json!({ "type": "object", "properties": attributes }),
            ),
        ]),
    )])
}

fn empty_object() -> Value {
    described(
        json!({ "type": "object", "maxProperties": 0 }),
        "Always empty.",
    )
}

fn always_null(schema: Value) -> Value {
    described(or_null(schema), "Always null.")
}

fn never() -> Value {
    described(boolean(), "Always false.")
}
