//! Decodes the body of a message into the events that it reports.
//!
//! Only the body counts: its shape shows which envelope it is and how keys are encoded. Nothing here knows
//! a Source, a queue or the index. [`order`](crate::core::replication::order) decides whether an event is
//! stale.
//!
//! The envelopes are S3's own (`Records`), which SNS may also deliver raw; EventBridge's (`detail`); an SNS
//! envelope (`Message`) around one of these; and S3's test event.
//!
//! If one record cannot be decoded, the whole message is a [`DecodeError`], because a message is acknowledged
//! as a whole and nothing may be lost. If only fields other than the key are missing or make no sense, the
//! key is looked up instead.

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
use key::WrittenKey;

pub use decode_error::DecodeError;
pub use key::KeyEncoding;

/// Maximum depth of nested envelopes. SNS around EventBridge has depth two.
const MAX_ENVELOPES: usize = 4;

/// Subscription confirmations come in the same envelope. No event comes before the confirmation.
const SNS_TYPE: &str = "the type Notification (a subscription sends events once it is confirmed)";

/// S3 sends this event to a queue when a bucket's notifications are configured.
const TEST_EVENT: &str = "s3:TestEvent";

/// The content of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notification {
    /// `s3:TestEvent`: proves that the bucket's events reach the queue.
    Test {
        /// The bucket, if the event names it.
        bucket: Option<String>,
    },
    /// Events in the order of the message. May be empty.
    Events(Vec<ObjectEvent>),
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectEvent {
    /// The event's name in S3, without `s3:`. On EventBridge, the `detail-type`.
    pub name: String,
    /// The bucket's name. May be empty if the meaning is [`EventMeaning::Unknown`] or [`EventMeaning::CloudTrail`].
    pub bucket: String,
    /// The key, byte for byte. May be empty if the meaning is [`EventMeaning::Unknown`] or
    /// [`EventMeaning::CloudTrail`]. A text for people if it is [`EventMeaning::UnusableKey`].
    pub key: String,
    /// The meaning of the event for the index.
    pub meaning: EventMeaning,
    /// The time in the event, as written. `None` if there is none or it cannot be parsed.
    pub time: Option<Timestamp>,
}

/// The meaning of an event for the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventMeaning {
    /// It says what is under the key now, and has a sequencer.
    Certain(CertainEvent),
    /// It does not say what is under the key now, or its order is unknown. The key must be looked up.
    LookUp {
        /// The event's order among the events of its key, if it can be trusted.
        sequencer: Option<Sequencer>,
        /// A time no earlier than the event, if one can be trusted: a page with a later timestamp shows
        /// what the event did.
        time: Option<Timestamp>,
    },
    /// It changes nothing that a listing shows, such as tags, access rights or replication.
    Irrelevant,
    /// Its key is not UTF-8, so it cannot be in the index.
    UnusableKey,
    /// It is a record of CloudTrail, which has neither a sequencer nor the size of the object.
    CloudTrail,
    /// The name of the event is unknown.
    Unknown,
}

impl ObjectEvent {
    /// # Errors
    ///
    /// If bucket or key cannot be decoded, unless the event is unknown or CloudTrail's: it need not be about an
    /// object.
    fn new(
        name: &str,
        kind: EventKind,
        bucket: Result<String, DecodeError>,
        key: Result<WrittenKey, DecodeError>,
        fields: EventFields,
    ) -> Result<Self, DecodeError> {
        let (bucket, key) = match kind {
            EventKind::Unknown | EventKind::CloudTrail => {
                let no_key = WrittenKey::Usable(String::new());
                (bucket.unwrap_or_default(), key.unwrap_or(no_key))
            }
            _ => (bucket?, key?),
        };
        let time = fields.time.map(|time| time.written);
        let mut meaning = fields.meaning(kind);
        let is_about_key = matches!(
            meaning,
            EventMeaning::Certain(_) | EventMeaning::LookUp { .. }
        );
        let key = match key {
            WrittenKey::Usable(key) => key,
            WrittenKey::NotUtf8(text) => {
                if is_about_key {
                    meaning = EventMeaning::UnusableKey;
                }
                text
            }
        };
        let name = name.to_owned();
        Ok(Self {
            name,
            bucket,
            key,
            meaning,
            time,
        })
    }
}

/// Decodes a key as it is written in notifications.
///
/// # Errors
///
/// If the encoding is broken or no object can have the key.
pub fn decode_key(written: &str, encoding: KeyEncoding) -> Result<String, DecodeError> {
    key::decode(&Value::from(written), encoding)
}

/// Decodes the body of a message.
///
/// # Errors
///
/// If the body is not a notification, or one of its records does not say what happened to which object.
/// Then the message must not be acknowledged.
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
    // VersityGW sends its records without an envelope.
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

/// The message inside an SNS envelope.
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
