//! One message in quarantine: its fields, and the id that is derived from them.
//!
//! This module does not decode the body.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use xxhash_rust::xxh3::xxh3_64;

use crate::core::replication::timestamp::Timestamp;

/// Number of hex digits of an id.
const ID_DIGITS: usize = 16;

/// A message that could not be handled.
#[derive(Clone, Copy, Debug)]
pub struct FailedMessage<'a> {
    /// The URL of its queue.
    pub queue_url: &'a str,
    /// The message id of the queue. May be empty.
    pub message_id: &'a str,
    /// The body as it was received.
    pub body: &'a str,
    /// Why it could not be handled.
    pub reason: &'a str,
    /// When it was sent, by the queue's clock.
    pub sent: Option<Timestamp>,
    /// Number of receives so far.
    pub receive_count: u32,
}

/// A message in quarantine, in its file and in the output of commands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineEntry {
    /// 16 hex digits, see [`FailedMessage::id`].
    pub id: String,
    /// The URL of its queue.
    pub queue_url: String,
    /// The message id of the queue. May be empty.
    pub message_id: String,
    /// Why it could not be handled.
    pub reason: String,
    /// When it was sent, by the queue's clock. RFC 3339 in JSON.
    #[serde(serialize_with = "write_time", deserialize_with = "read_time")]
    pub sent: Option<Timestamp>,
    /// When it was added to the quarantine, by our clock. RFC 3339 in JSON.
    #[serde(serialize_with = "write_time", deserialize_with = "read_time")]
    pub kept_at: Option<Timestamp>,
    /// Number of receives until then.
    pub receive_count: u32,
    /// The body as it was received.
    pub body: String,
}

impl FailedMessage<'_> {
    /// The id in quarantine: XXH3-64 of the queue's URL and the message id. It is the same for each delivery.
    ///
    /// If the message has no id, its body is used instead.
    pub fn id(&self) -> String {
        let own = match self.message_id {
            "" => self.body,
            id => id,
        };
        let name = format!("{}\0{own}", self.queue_url);
        format!("{:0ID_DIGITS$x}", xxh3_64(name.as_bytes()))
    }

    /// The entry for this message, added at `kept_at`.
    pub(super) fn entry(&self, kept_at: Timestamp) -> QuarantineEntry {
        QuarantineEntry {
            id: self.id(),
            queue_url: self.queue_url.to_owned(),
            message_id: self.message_id.to_owned(),
            reason: self.reason.to_owned(),
            sent: self.sent,
            kept_at: Some(kept_at),
            receive_count: self.receive_count,
            body: self.body.to_owned(),
        }
    }
}

/// Whether the text has the form of an id. Only ids become file names.
pub(super) fn is_id(text: &str) -> bool {
    let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    text.len() == ID_DIGITS && text.bytes().all(is_digit)
}

fn write_time<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    let moment = time.and_then(|time| jiff::Timestamp::from_millisecond(time.as_millis()).ok());
    moment
        .map(|moment| format!("{moment:.3}"))
        .serialize(serializer)
}

fn read_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let moment: jiff::Timestamp = text.parse().map_err(D::Error::custom)?;
    Ok(Some(Timestamp::from_millis(moment.as_millisecond())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed<'a>(queue_url: &'a str, message_id: &'a str, body: &'a str) -> FailedMessage<'a> {
        FailedMessage {
            queue_url,
            message_id,
            body,
            reason: "found nothing",
            sent: Some(Timestamp::from_millis(1_790_000_000_123)),
            receive_count: 3,
        }
    }

    #[test]
    fn id_depends_on_queue_and_message_id_or_else_the_body() {
        let id = failed("q", "m", "x").id();
        assert!(is_id(&id), "{id}");
        // Ids are file names: another hash would not find existing files.
        assert_eq!(id, format!("{:016x}", xxh3_64(b"q\0m")));
        for (other, same) in [
            (failed("q", "m", "another body"), true),
            (failed("p", "m", "x"), false),
            (failed("q", "n", "x"), false),
            (failed("q", "", "x"), false),
            (failed("q", "", "m"), true),
        ] {
            assert_eq!(other.id() == id, same, "{other:?}");
        }
    }

    #[test]
    fn entry_round_trips_through_json_with_rfc_3339_times() {
        let body = "a\0b\u{1b}é\u{FEFF}\"\\\n";
        let mut entry = failed("q", "m", body).entry(Timestamp::from_millis(1_790_000_001_000));
        let json = serde_json::to_string(&entry).unwrap();
        assert!(
            json.contains("\"sent\":\"2026-09-21T14:13:20.123Z\""),
            "{json}"
        );
        assert_eq!(
            serde_json::from_str::<QuarantineEntry>(&json).unwrap(),
            entry
        );
        entry.sent = None;
        let json = serde_json::to_string(&entry).unwrap();
        assert_eq!(
            serde_json::from_str::<QuarantineEntry>(&json).unwrap(),
            entry
        );
    }

    #[test]
    fn id_has_16_lower_case_hex_digits() {
        for (text, want) in [
            ("0123456789abcdef", true),
            ("0123456789ABCDEF", false),
            ("0123456789abcde", false),
            ("0123456789abcdef0", false),
            ("../../../etc/pass", false),
            ("0123456789abcde/", false),
            ("", false),
        ] {
            assert_eq!(is_id(text), want, "{text}");
        }
    }
}
