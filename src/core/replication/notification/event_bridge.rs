//! Decodes S3 events from EventBridge: one per message, in `detail`.
//!
//! A rule of EventBridge can be configured to forward only the detail, without its type and time. Such an
//! event is decoded as far as possible.

use serde_json::Value;

use super::ObjectEvent;
use super::decode_error::{DecodeError, quoted, text};
use super::event_fields::EventFields;
use super::event_kind::EventKind;
use super::event_time::EventTime;
use super::key::{self, KeyEncoding};
use super::s3_records::{bucket, cloudtrail, require_major};

/// The name of S3 on EventBridge.
const SOURCE: &str = "aws.s3";

/// The supported major version of details.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html>
const VERSION: &str = "1";

/// The name of an event that has no `detail-type` and does not show what happened.
const WITHOUT_TYPE: &str = "event without detail-type";

/// The values of `reason` in events of written objects.
const WRITE_REASONS: [&str; 4] = [
    "PutObject",
    "POST Object",
    "CopyObject",
    "CompleteMultipartUpload",
];

/// Whether a body has the shape of an EventBridge event, or of its detail.
pub(super) fn is_event(body: &Value) -> bool {
    body.get("detail").is_some() || is_detail(body)
}

fn is_detail(value: &Value) -> bool {
    value["bucket"].get("name").is_some() && value["object"].get("key").is_some()
}

/// Decodes an event.
pub(super) fn event(body: &Value) -> Result<ObjectEvent, DecodeError> {
    if let Some(source) = body.get("source").filter(|source| *source != SOURCE) {
        let found = format!("an event of {}", quoted(&text(source)));
        return Err(DecodeError::new(found, "one of aws.s3"));
    }
    let detail = body.get("detail").unwrap_or(body);
    let expected = "an event-version of the form 1.x";
    require_major(&detail["event-version"], VERSION, expected)?;
    let detail_type = body["detail-type"].as_str();
    if detail_type.is_some_and(|it| EventKind::of_detail_type(it) == EventKind::CloudTrail) {
        return cloudtrail(detail);
    }
    let object = &detail["object"];
    let fields = EventFields::new(object, EventTime::parse(&body["time"]));
    let (name, kind) = match detail_type {
        Some("Object Deleted") => ("Object Deleted", deletion(detail)),
        Some(detail_type) => (detail_type, EventKind::of_detail_type(detail_type)),
        None => without_type(detail, &fields),
    };
    ObjectEvent::new(
        name,
        kind,
        bucket(&detail["bucket"]["name"]),
        key::read(&object["key"], KeyEncoding::Plain),
        fields,
    )
}

/// The kind of a deletion.
fn deletion(detail: &Value) -> EventKind {
    if is_of_lifecycle(detail) {
        return EventKind::Expired;
    }
    match detail["deletion-type"].as_str() {
        Some("Permanently Deleted" | "Delete Marker Created") => EventKind::Removed,
        _ => EventKind::Changed,
    }
}

fn is_of_lifecycle(detail: &Value) -> bool {
    let reason = detail["reason"].as_str();
    reason.is_some_and(|reason| reason.starts_with("Lifecycle"))
}

/// The name and kind of an event without a type, by the fields that only deletions or only creations have.
fn without_type(detail: &Value, fields: &EventFields) -> (&'static str, EventKind) {
    let reason = detail["reason"].as_str().unwrap_or_default();
    if detail.get("deletion-type").is_some() {
        ("Object Deleted", deletion(detail))
    } else if WRITE_REASONS.contains(&reason) && fields.size.is_some() && fields.etag.is_some() {
        ("Object Created", EventKind::Created)
    } else if is_of_lifecycle(detail) {
        (WITHOUT_TYPE, EventKind::Expired)
    } else {
        (WITHOUT_TYPE, EventKind::Changed)
    }
}
