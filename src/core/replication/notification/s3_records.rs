//! S3's own events, as SQS and SNS carry them: `Records`.
//!
//! MinIO, Ceph and other servers send the same with their own words in it; which server wrote a
//! record is told by its `eventSource`.

use serde_json::Value;

use super::ObjectEvent;
use super::decode_error::{DecodeError, quoted, text};
use super::event_fields::EventFields;
use super::event_kind::EventKind;
use super::event_time::EventTime;
use super::key::{self, KeyEncoding};

/// The major version of the records that are known.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>
const VERSION: &str = "2";

/// Reads the records of a message, all of them or none.
pub(super) fn events(records: &[Value]) -> Result<Vec<ObjectEvent>, DecodeError> {
    let event = |(place, record): (usize, &Value)| {
        event(record)
            .map_err(|error| error.within(&format!("record {} of {}", place + 1, records.len())))
    };
    records.iter().enumerate().map(event).collect()
}

fn event(record: &Value) -> Result<ObjectEvent, DecodeError> {
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
    let mut told = EventFields::new(&s3["object"], EventTime::read(&record["eventTime"]));
    if !server.orders {
        told.sequencer = None;
    }
    ObjectEvent::new(
        name,
        EventKind::of_s3_name(name),
        bucket(&s3["bucket"]["name"]),
        key::read(&s3["object"]["key"], server.encoding),
        told,
    )
}

/// What has to be known of the server that wrote a record.
struct Server {
    encoding: KeyEncoding,
    /// Whether its sequencers, compared as text, are in the order of what happened.
    orders: bool,
}

impl Server {
    fn new(event_source: &Value) -> Self {
        match event_source.as_str() {
            // Most servers that only resemble S3 call themselves so too.
            None | Some("aws:s3" | "minio:s3" | "") => Self {
                encoding: KeyEncoding::Form,
                orders: true,
            },
            // Ceph writes keys as they are, and as a sequencer the bytes of its clock from the lowest up.
            Some("ceph:s3") => Self {
                encoding: KeyEncoding::Plain,
                orders: false,
            },
            Some(_) => Self {
                encoding: KeyEncoding::Form,
                orders: false,
            },
        }
    }
}

/// The bucket that a field names.
pub(super) fn bucket(field: &Value) -> Result<String, DecodeError> {
    match field.as_str() {
        Some(name) if !name.is_empty() => Ok(name.to_owned()),
        _ => Err(DecodeError::new("no bucket", "the name of a bucket")),
    }
}

/// Refuses a version whose major number is another one; a version that is missing is taken.
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
    fn versions_are_taken_by_their_major_number() {
        for (version, is_taken) in [
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
            let taken = require_major(&version, VERSION, "2.x");
            assert_eq!(taken.is_ok(), is_taken, "{version}: {taken:?}");
        }
    }
}
