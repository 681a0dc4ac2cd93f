//! From the body of a message to what it says happened to objects.
//!
//! The body alone decides: which envelope it is, and how its keys are encoded, is told by its shape.
//! Nothing in here knows a Source, a queue or the index; whether an event is stale is decided by
//! [`order`](crate::core::replication::order), and what cannot be told from a message is left to a look-up.
//!
//! The envelopes: S3's own (`Records`), also where SNS delivers raw; EventBridge's (`detail`); either
//! of them inside an SNS envelope (`Message`); and S3's test event. One record that cannot be read
//! makes the whole message [`DecodeError`], because a message is acknowledged as a whole and nothing
//! may be lost. What is merely missing or strange beside the key leads to a look-up instead.

mod decode_error;
mod event_bridge;
mod event_fields;
mod event_kind;
mod event_time;
mod key;
mod s3_records;

use serde_json::Value;

use crate::core::replication::order::CertainEvent;
use crate::core::replication::sequencer::Sequencer;
use crate::core::replication::timestamp::Timestamp;
use decode_error::quoted;
use event_fields::EventFields;
use event_kind::EventKind;

pub use decode_error::DecodeError;
pub use key::KeyEncoding;

/// How many envelopes may lie around each other; SNS around EventBridge are two.
const MAX_ENVELOPES: usize = 4;

/// Confirmations come in the same envelope, and no events before them.
const SNS_TYPE: &str = "the type Notification (a subscription sends events once it is confirmed)";

/// The event that S3 sends to a queue when a bucket's notifications are configured.
const TEST_EVENT: &str = "s3:TestEvent";

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notification {
    /// `s3:TestEvent`: S3's proof that bucket and queue are wired.
    Test {
        /// The bucket, where the event names it.
        bucket: Option<String>,
    },
    /// What happened, in the order of the message; any number, also none.
    Events(Vec<ObjectEvent>),
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectEvent {
    /// The event's name as S3 writes it, without `s3:`; on EventBridge the `detail-type`.
    pub name: String,
    /// The bucket's name; empty only where the meaning is [`EventMeaning::Unknown`].
    pub bucket: String,
    /// The key, byte for byte; empty only where the meaning is [`EventMeaning::Unknown`].
    pub key: String,
    /// What follows from it.
    pub meaning: EventMeaning,
    /// The time that the event carries, as it is written; `None` where there is none to be read.
    pub time: Option<Timestamp>,
}

/// What follows from an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventMeaning {
    /// Certain, and ordered by its sequencer: for [`apply_event`](crate::core::replication::order::decide_event).
    Certain(CertainEvent),
    /// What it did cannot be told from it, or its order is unknown: the key is to be listed alone.
    LookUp {
        /// The event's order among the events of its key, if it can be trusted.
        sequencer: Option<Sequencer>,
        /// A time no earlier than the event, if one can be trusted: a page with a later timestamp shows
        /// what the event did.
        time: Option<Timestamp>,
    },
    /// It changes nothing that a listing shows: tags, rights, replication, reading.
    Irrelevant,
    /// An event name that this program does not know.
    Unknown,
}

impl ObjectEvent {
    /// An unknown event need not be about an object at all; any other must say which.
    fn new(
        name: &str,
        kind: EventKind,
        bucket: Result<String, DecodeError>,
        key: Result<String, DecodeError>,
        told: EventFields,
    ) -> Result<Self, DecodeError> {
        let (bucket, key) = match kind {
            EventKind::Unknown => (bucket.unwrap_or_default(), key.unwrap_or_default()),
            _ => (bucket?, key?),
        };
        Ok(Self {
            name: name.to_owned(),
            bucket,
            key,
            time: told.time.map(|time| time.written),
            meaning: told.meaning(kind),
        })
    }
}

/// Reads a key as a notification writes it.
///
/// # Errors
///
/// [`DecodeError`] where no object can have the key, or it is not encoded so.
pub fn decode_key(written: &str, encoding: KeyEncoding) -> Result<String, DecodeError> {
    key::read(&Value::from(written), encoding)
}

/// Reads the body of a message.
///
/// # Errors
///
/// [`DecodeError`] where the body is no notification, or one of its records does not say what
/// happened to which object. The message must then not be acknowledged.
pub fn decode(body: &str) -> Result<Notification, DecodeError> {
    decode_within(body, MAX_ENVELOPES)
}

fn decode_within(body: &str, envelopes: usize) -> Result<Notification, DecodeError> {
    let body = body.trim_start_matches('\u{feff}').trim();
    let value: Value = serde_json::from_str(body).map_err(|error| {
        let found = if body.is_empty() {
            "nothing".to_owned()
        } else {
            format!("{} ({error})", quoted(body))
        };
        DecodeError::new(found, "JSON")
    })?;
    if let Some(records) = value.get("Records") {
        let Value::Array(records) = records else {
            let found = format!("Records that are {}", decode_error::shape(records));
            return Err(DecodeError::new(found, "an array of records"));
        };
        return s3_records::events(records).map(Notification::Events);
    }
    // VersityGW sends its records without anything around them.
    if let Value::Array(records) = &value {
        return s3_records::events(records).map(Notification::Events);
    }
    if value["Event"] == TEST_EVENT {
        let bucket = value["Bucket"].as_str().map(str::to_owned);
        return Ok(Notification::Test { bucket });
    }
    if value.get("Message").is_some() && (value.get("Type").or(value.get("TopicArn"))).is_some() {
        let inner = envelopes.checked_sub(1).ok_or_else(|| {
            let found = format!("more than {MAX_ENVELOPES} envelopes around each other");
            DecodeError::new(found, "S3's own event")
        })?;
        let message = sns_message(&value)?;
        return decode_within(message, inner).map_err(|error| error.within("the SNS message"));
    }
    if event_bridge::is_event(&value) {
        return event_bridge::event(&value).map(|event| Notification::Events(vec![event]));
    }
    Err(DecodeError::new(
        decode_error::shape(&value),
        "an S3 event (Records), an EventBridge event (detail), either inside an SNS notification \
         (Message), or s3:TestEvent",
    ))
}

/// What an SNS envelope carries.
fn sns_message(envelope: &Value) -> Result<&str, DecodeError> {
    match &envelope["Type"] {
        Value::Null => {}
        Value::String(kind) if kind == "Notification" => {}
        other => {
            let found = format!(
                "an SNS message of the type {}",
                quoted(&decode_error::text(other))
            );
            return Err(DecodeError::new(found, SNS_TYPE));
        }
    }
    envelope["Message"].as_str().ok_or_else(|| {
        let found = format!(
            "an SNS Message that is {}",
            decode_error::shape(&envelope["Message"])
        );
        DecodeError::new(found, "a string with an event in it")
    })
}

#[cfg(test)]
mod tests;
