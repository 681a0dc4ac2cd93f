//! Decodes S3's own events, which come through SQS and SNS as `Records`.
//!
//! MinIO, Ceph and other servers send the same structure with small differences. `eventSource` shows which
//! server wrote a record.

use serde_json::Value;

use super::ObjectEvent;
use super::decode_error::{DecodeError, quoted, text};
use super::event_fields::EventFields;
use super::event_kind::EventKind;
use super::event_time::EventTime;
use super::key::{self, KeyEncoding};

/// The supported major version of records.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>
const VERSION: &str = "2";

/// The end of `eventSource` in records of CloudTrail, such as `s3.amazonaws.com`.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>
const CLOUDTRAIL: &str = ".amazonaws.com";

/// Decodes all records of a message, or none.
pub(super) fn events(records: &[Value]) -> Result<Vec<ObjectEvent>, DecodeError> {
    let event = |(index, record): (usize, &Value)| {
        event(record)
            .map_err(|error| error.within(&format!("record {} of {}", index + 1, records.len())))
    };
    records.iter().enumerate().map(event).collect()
}

fn event(record: &Value) -> Result<ObjectEvent, DecodeError> {
    if let Some(event_source) = record["eventSource"].as_str()
        && event_source.ends_with(CLOUDTRAIL)
    {
        return cloudtrail(record);
    }
    require_major(
        &record["eventVersion"],
        VERSION,
        "an eventVersion of the form 2.x",
    )?;
    let name = record["eventName"]
        .as_str()
        .ok_or_else(|| DecodeError::new("no eventName", "the name of an event"))?;
    let name = name.strip_prefix("s3:").unwrap_or(name);
    let s3 = &record["s3"];
    let server = Server::new(&record["eventSource"]);
    let mut fields = EventFields::new(&s3["object"], EventTime::parse(&record["eventTime"]));
    if !server.has_ordered_sequencers {
        fields.sequencer = None;
    }
    ObjectEvent::new(
        name,
        EventKind::of_s3_name(name),
        bucket(&s3["bucket"]["name"]),
        key::read(&s3["object"]["key"], server.encoding),
        fields,
    )
}

/// The event for a record of CloudTrail: of a request, not of a change.
pub(super) fn cloudtrail(record: &Value) -> Result<ObjectEvent, DecodeError> {
    let request = &record["requestParameters"];
    ObjectEvent::new(
        record["eventName"].as_str().unwrap_or_default(),
        EventKind::CloudTrail,
        bucket(&request["bucketName"]),
        key::read(&request["key"], KeyEncoding::Plain),
        EventFields::new(&Value::Null, EventTime::parse(&record["eventTime"])),
    )
}

/// Properties of the server that wrote a record.
struct Server {
    encoding: KeyEncoding,
    /// Whether its sequencers, compared as text, are in the order of events.
    has_ordered_sequencers: bool,
}

impl Server {
    fn new(event_source: &Value) -> Self {
        match event_source.as_str() {
            // Most S3-compatible servers send the name of S3 too.
            None | Some("aws:s3" | "") => Self {
                encoding: KeyEncoding::Form,
                has_ordered_sequencers: true,
            },
            // Ceph does not encode keys. Its sequencers are the bytes of its clock, lowest byte first.
            Some("ceph:s3") => Self {
                encoding: KeyEncoding::Plain,
                has_ordered_sequencers: false,
            },
            // MinIO takes the sequencer before the write takes effect. Two writes of a key that are a few milliseconds
            // apart can have their sequencers in the wrong order.
            Some(_) => Self {
                encoding: KeyEncoding::Form,
                has_ordered_sequencers: false,
            },
        }
    }
}

/// Decodes the name of a bucket.
pub(super) fn bucket(field: &Value) -> Result<String, DecodeError> {
    match field.as_str() {
        Some(name) if !name.is_empty() => Ok(name.to_owned()),
        _ => Err(DecodeError::new("no bucket", "the name of a bucket")),
    }
}

/// Refuses a version with another major number. A missing version is accepted.
pub(super) fn require_major(
    field: &Value,
    major: &str,
    expected: &'static str,
) -> Result<(), DecodeError> {
    let version = match field {
        Value::Null => return Ok(()),
        other => text(other),
    };
    let found = version.split('.').next().unwrap_or_default();
    if found == major || version.is_empty() {
        return Ok(());
    }
    let found = format!("the version {}", quoted(&version));
    Err(DecodeError::new(found, expected))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_the_major_version_counts() {
        for (version, is_accepted) in [
            (json!(null), true),
            (json!(""), true),
            (json!("2"), true),
            (json!("2.0"), true),
            (json!("2.6"), true),
            (json!("2.999"), true),
            (json!(2.1), true),
            (json!(2), true),
            (json!("3.0"), false),
            (json!("20.1"), false),
            (json!("1.9"), false),
            (json!("two"), false),
            (json!({}), false),
        ] {
            let result = require_major(&version, VERSION, "2.x");
            assert_eq!(result.is_ok(), is_accepted, "{version}: {result:?}");
        }
    }
}
