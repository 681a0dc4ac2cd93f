//! One message in quarantine: what is known of it, and the name that follows from that.
//!
//! What its body means is not looked at.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use xxhash_rust::xxh3::xxh3_64;

use crate::core::replication::timestamp::Timestamp;

/// How many hex digits an id has.
const ID_DIGITS: usize = 16;

/// A message that cannot be handled.
#[derive(Clone, Copy, Debug)]
pub struct FailedMessage<'a> {
    /// The address of the queue that it came from.
    pub queue_url: &'a str,
    /// The queue's own id of it; may be empty.
    pub message_id: &'a str,
    /// Its body, as it was received.
    pub body: &'a str,
    /// Why it cannot be handled.
    pub reason: &'a str,
    /// When it was sent, by the queue's clock.
    pub sent: Option<Timestamp>,
    /// How often it has been received.
    pub receive_count: u32,
}

/// A message in quarantine, as its file has it and as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineEntry {
    /// 16 hex digits; see [`FailedMessage::id`].
    pub id: String,
    /// The address of the queue that it came from.
    pub queue_url: String,
    /// The queue's own id of it; may be empty.
    pub message_id: String,
    /// Why it cannot be handled.
    pub reason: String,
    /// When it was sent, by the queue's clock; RFC 3339 in JSON.
    #[serde(serialize_with = "write_time", deserialize_with = "read_time")]
    pub sent: Option<Timestamp>,
    /// When it was put in quarantine, by our clock; RFC 3339 in JSON.
    #[serde(serialize_with = "write_time", deserialize_with = "read_time")]
    pub kept_at: Option<Timestamp>,
    /// How often it had been received by then.
    pub receive_count: u32,
    /// Its body, as it was received.
    pub body: String,
}

impl FailedMessage<'_> {
    /// The same for the same message of the same queue however often it comes: XXH3-64 of both.
    ///
    /// A message without an id is known by its body.
    pub fn id(&self) -> String {
        let own = match self.message_id {
            "" => self.body,
            id => id,
        };
        let name = format!("{}\0{own}", self.queue_url);
        format!("{:0ID_DIGITS$x}", xxh3_64(name.as_bytes()))
    }

    /// What is written of it, at this moment.
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

/// Whether the text has the form of an id; no other names a file.
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

    fn suspect<'a>(queue_url: &'a str, message_id: &'a str, body: &'a str) -> FailedMessage<'a> {
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
    fn the_id_is_of_queue_and_message_and_only_without_one_of_the_body() {
        let id = suspect("q", "m", "x").id();
        assert!(is_id(&id), "{id}");
        // It names files: another hash would lose sight of those that are there.
        assert_eq!(id, format!("{:016x}", xxh3_64(b"q\0m")));
        for (other, same) in [
            (suspect("q", "m", "another body"), true),
            (suspect("p", "m", "x"), false),
            (suspect("q", "n", "x"), false),
            (suspect("q", "", "x"), false),
            (suspect("q", "", "m"), true),
        ] {
            assert_eq!(other.id() == id, same, "{other:?}");
        }
    }

    #[test]
    fn an_entry_comes_back_from_json_with_times_that_people_can_read() {
        let body = "a\0b\u{1b}é\u{FEFF}\"\\\n";
        let mut entry = suspect("q", "m", body).entry(Timestamp::from_millis(1_790_000_001_000));
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
    fn only_sixteen_lower_case_hex_digits_are_an_id() {
        for (text, is) in [
            ("0123456789abcdef", true),
            ("0123456789ABCDEF", false),
            ("0123456789abcde", false),
            ("0123456789abcdef0", false),
            ("../../../etc/pass", false),
            ("0123456789abcde/", false),
            ("", false),
        ] {
            assert_eq!(is_id(text), is, "{text}");
        }
    }
}
