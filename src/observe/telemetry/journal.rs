//! Writes log entries to the systemd journal. `MESSAGE` is the message with all fields, for people. Each
//! field is also a journal field, for queries.
//!
//! The protocol is <https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>. This module has no queue: if the journal
//! does not accept an entry, the entry goes to standard error, which under systemd also ends up in the
//! journal.
//!
//! The crate `tracing-journald` does not fit: its `MESSAGE` omits the event's fields, it maps `INFO` to
//! priority 5 (notice) by default, and it silently drops an entry that the journal refuses.

use std::fmt::{self, Write as _};
use std::io::{self, Write as _};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// The socket of the journal.
pub(super) const SOCKET: &str = "/run/systemd/journal/socket";

/// Time that the journal has to accept an entry. After it, the entry goes to standard error.
const SEND_TIMEOUT: Duration = Duration::from_secs(1);

/// Maximum length of a value in bytes, because an entry must fit into a datagram. Longer values are cut.
const MAX_VALUE_BYTES: usize = 8 << 10;

/// The prefix of our own journal fields, because other programs also have fields such as `SOURCE`.
const PREFIX: &str = "ASSET_INDEXER_";

/// A log layer that writes to the journal.
#[derive(Debug)]
pub(super) struct Journal {
    socket: UnixDatagram,
}

/// The fields of an event or span, in order.
#[derive(Debug, Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, String)>,
}

impl Journal {
    /// Opens the journal. Fails if nothing listens on its socket.
    pub(super) fn open() -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        // A separate socket tests the connection. A connected one would not survive a restart of the journal.
        UnixDatagram::unbound()?.connect(SOCKET)?;
        socket.set_write_timeout(Some(SEND_TIMEOUT))?;
        Ok(Self { socket })
    }
}

impl<S> Layer<S> for Journal
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        // Fields of the event win over those of its spans, and inner spans win over outer ones.
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(span_fields) = span.extensions().get::<Fields>() {
                fields.add_missing(span_fields);
            }
        }
        let metadata = event.metadata();
        let entry = encode(*metadata.level(), metadata.target(), &fields);
        if self.socket.send_to(&entry, SOCKET).is_err() {
            let (level, target) = (metadata.level(), metadata.target());
            // If standard error fails too, the entry is lost: logging must not end the program.
            let _ = writeln!(io::stderr(), "{level} {target}: {}", fields.line());
        }
    }
}

impl Fields {
    /// Adds the fields whose names are not present yet.
    fn add_missing(&mut self, span_fields: &Self) {
        for (name, value) in &span_fields.others {
            if !self.others.iter().any(|(known, _)| known == name) {
                self.others.push((name, value.clone()));
            }
        }
    }

    /// The message and its fields in one line, for people.
    fn line(&self) -> String {
        let mut line = self.message.clone();
        for (name, value) in &self.others {
            let quotes = value.is_empty() || value.contains([' ', '"', '\n']);
            let written = if quotes {
                write!(line, " {name}={value:?}")
            } else {
                write!(line, " {name}={value}")
            };
            written.expect("writing to a String cannot fail");
        }
        line
    }

    fn set(&mut self, field: &Field, value: String) {
        if field.name() == "message" {
            self.message = value;
            return;
        }
        let mut others = self.others.iter_mut();
        match others.find(|(name, _)| *name == field.name()) {
            Some((_, known)) => *known = value,
            None => self.others.push((field.name(), value)),
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, format!("{value:?}"));
    }
}

/// Encodes an entry for the journal.
fn encode(level: Level, target: &str, fields: &Fields) -> Vec<u8> {
    let mut entry = Vec::with_capacity(512);
    append(&mut entry, "MESSAGE", &fields.line());
    append(&mut entry, "PRIORITY", priority(level));
    append(&mut entry, "SYSLOG_IDENTIFIER", env!("CARGO_PKG_NAME"));
    append(&mut entry, "TARGET", target);
    for (name, value) in &fields.others {
        let name = name.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        append(
            &mut entry,
            &format!("{PREFIX}{}", name.to_ascii_uppercase()),
            value,
        );
    }
    entry
}

/// Appends a field with its length, so that a line break in the value does not start a new field.
fn append(entry: &mut Vec<u8>, name: &str, value: &str) {
    let value = &value[..value.floor_char_boundary(MAX_VALUE_BYTES)];
    entry.extend_from_slice(name.as_bytes());
    entry.push(b'\n');
    entry.extend_from_slice(&(value.len() as u64).to_le_bytes());
    entry.extend_from_slice(value.as_bytes());
    entry.push(b'\n');
}

/// The syslog priority of a level. Entries that an operator should see have 4 or less.
fn priority(level: Level) -> &'static str {
    match level {
        Level::ERROR => "3",
        Level::WARN => "4",
        Level::INFO => "6",
        _ => "7",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes an entry like the journal.
    fn decode(mut entry: &[u8]) -> Vec<(String, String)> {
        let mut fields = Vec::new();
        while let Some(end) = entry.iter().position(|byte| *byte == b'\n') {
            let name = String::from_utf8(entry[..end].to_vec()).unwrap();
            let (length, rest) = entry[end + 1..].split_at(8);
            let length = u64::from_le_bytes(length.try_into().unwrap()) as usize;
            let value = String::from_utf8(rest[..length].to_vec()).unwrap();
            assert_eq!(rest[length], b'\n');
            entry = &rest[length + 1..];
            fields.push((name, value));
        }
        fields
    }

    #[test]
    fn entry_has_a_readable_line_and_separate_fields() {
        let fields = Fields {
            message: "scan completed".into(),
            others: vec![("source", "a b".into()), ("listed", "3".into())],
        };
        let want = [
            ("MESSAGE", "scan completed source=\"a b\" listed=3"),
            ("PRIORITY", "4"),
            ("SYSLOG_IDENTIFIER", "asset-indexer"),
            ("TARGET", "asset_indexer::daemon"),
            ("ASSET_INDEXER_SOURCE", "a b"),
            ("ASSET_INDEXER_LISTED", "3"),
        ];
        let want = want.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(
            decode(&encode(Level::WARN, "asset_indexer::daemon", &fields)),
            want
        );
    }

    #[test]
    fn values_stay_in_their_field_and_fit_into_a_datagram() {
        let long = "é".repeat(MAX_VALUE_BYTES);
        let fields = Fields {
            message: "m".into(),
            others: vec![("error", "x\nPRIORITY=0".into()), ("why", long)],
        };
        let fields = decode(&encode(Level::INFO, "t", &fields));
        assert_eq!(fields.len(), 6);
        assert_eq!(fields[4].1, "x\nPRIORITY=0");
        assert_eq!(fields[5].1.len(), MAX_VALUE_BYTES);
    }

    #[test]
    fn event_fields_win_over_span_fields() {
        let mut fields = Fields::default();
        fields.others.push(("source", "near".into()));
        let span_fields = Fields {
            message: String::new(),
            others: vec![("source", "far".into()), ("reason", "asked".into())],
        };
        fields.add_missing(&span_fields);
        assert_eq!(fields.line(), " source=near reason=asked");
    }
}
