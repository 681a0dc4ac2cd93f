//! Entries of the systemd journal: the message with its fields to read, and each field to select by.
//!
//! The protocol is <https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>. Nothing is queued here: where the
//! journal does not take an entry it goes to standard error, which under systemd is the journal too.

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

/// Where the journal takes entries.
pub(super) const SOCKET: &str = "/run/systemd/journal/socket";

/// How long the journal may take an entry; then the entry goes elsewhere.
const SEND_TIMEOUT: Duration = Duration::from_secs(1);

/// The most bytes of one value: the entry must fit into a datagram.
const MAX_VALUE_BYTES: usize = 8 << 10;

/// What the names of our own fields begin with, as others have a `SOURCE` too.
const PREFIX: &str = "ASSET_INDEXER_";

/// The journal, as a place for logs.
#[derive(Debug)]
pub(super) struct Journal {
    socket: UnixDatagram,
}

/// Fields of an event or of a span, in their order.
#[derive(Debug, Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, String)>,
}

impl Journal {
    /// The journal, if it takes entries.
    pub(super) fn open() -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        // Only to see that it is there: a journal that is restarted is another.
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
        // What the event says itself is nearer to it than what the span around it says.
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(around) = span.extensions().get::<Fields>() {
                fields.add_missing(around);
            }
        }
        let metadata = event.metadata();
        let entry = entry(*metadata.level(), metadata.target(), &fields);
        if self.socket.send_to(&entry, SOCKET).is_err() {
            let (level, target) = (metadata.level(), metadata.target());
            // Where that is gone too nobody listens; a log line must not end the program.
            let _ = writeln!(io::stderr(), "{level} {target}: {}", fields.line());
        }
    }
}

impl Fields {
    fn add_missing(&mut self, around: &Self) {
        for (name, value) in &around.others {
            if !self.others.iter().any(|(known, _)| known == name) {
                self.others.push((name, value.clone()));
            }
        }
    }

    /// The message and its fields, as a person reads them.
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

    fn put(&mut self, field: &Field, value: String) {
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
        self.put(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }
}

/// One entry, as the journal takes it.
fn entry(level: Level, target: &str, fields: &Fields) -> Vec<u8> {
    let mut entry = Vec::with_capacity(512);
    put(&mut entry, "MESSAGE", &fields.line());
    put(&mut entry, "PRIORITY", priority(level));
    put(&mut entry, "SYSLOG_IDENTIFIER", env!("CARGO_PKG_NAME"));
    put(&mut entry, "TARGET", target);
    for (name, value) in &fields.others {
        let name = name.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        put(
            &mut entry,
            &format!("{PREFIX}{}", name.to_ascii_uppercase()),
            value,
        );
    }
    entry
}

/// A field with its length, so that a line break in the value is no new field.
fn put(entry: &mut Vec<u8>, name: &str, value: &str) {
    let value = &value[..value.floor_char_boundary(MAX_VALUE_BYTES)];
    entry.extend_from_slice(name.as_bytes());
    entry.push(b'\n');
    entry.extend_from_slice(&(value.len() as u64).to_le_bytes());
    entry.extend_from_slice(value.as_bytes());
    entry.push(b'\n');
}

/// As syslog numbers them: what an operator should look at is 4 or less.
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

    /// Reads an entry as the journal does.
    fn read(mut entry: &[u8]) -> Vec<(String, String)> {
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
    fn an_entry_is_a_line_to_read_and_fields_to_select_by() {
        let fields = Fields {
            message: "scan complete".into(),
            others: vec![("source", "a b".into()), ("listed", "3".into())],
        };
        let want = [
            ("MESSAGE", "scan complete source=\"a b\" listed=3"),
            ("PRIORITY", "4"),
            ("SYSLOG_IDENTIFIER", "asset-indexer"),
            ("TARGET", "asset_indexer::daemon"),
            ("ASSET_INDEXER_SOURCE", "a b"),
            ("ASSET_INDEXER_LISTED", "3"),
        ];
        let want = want.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(
            read(&entry(Level::WARN, "asset_indexer::daemon", &fields)),
            want
        );
    }

    #[test]
    fn no_value_breaks_out_of_its_field_or_out_of_a_datagram() {
        let long = "é".repeat(MAX_VALUE_BYTES);
        let fields = Fields {
            message: "m".into(),
            others: vec![("error", "x\nPRIORITY=0".into()), ("why", long)],
        };
        let fields = read(&entry(Level::INFO, "t", &fields));
        assert_eq!(fields.len(), 6);
        assert_eq!(fields[4].1, "x\nPRIORITY=0");
        assert_eq!(fields[5].1.len(), MAX_VALUE_BYTES);
    }

    #[test]
    fn an_event_says_more_than_its_span_and_before_it() {
        let mut fields = Fields::default();
        fields.others.push(("source", "near".into()));
        let around = Fields {
            message: String::new(),
            others: vec![("source", "far".into()), ("reason", "asked".into())],
        };
        fields.add_missing(&around);
        assert_eq!(fields.line(), " source=near reason=asked");
    }
}
