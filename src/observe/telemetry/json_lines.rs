//! Writes log entries as lines of JSON without raw control characters.
//!
//! An entry can quote a key, and a key can contain characters that control a terminal.

use std::io::{self, Write};

use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

use crate::core::json::escape_controls;

/// Escapes the JSON that is written to the inner writer.
#[derive(Debug)]
pub(super) struct JsonLines<W>(pub(super) W);

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for JsonLines<W> {
    type Writer = JsonLines<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        JsonLines(self.0.make_writer())
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Self::Writer {
        JsonLines(self.0.make_writer_for(metadata))
    }
}

impl<W: Write> Write for JsonLines<W> {
    /// An entry arrives in one piece, so no character is split.
    fn write(&mut self, entry: &[u8]) -> io::Result<usize> {
        match escape_controls(entry) {
            Some(escaped) => self.0.write_all(&escaped)?,
            None => self.0.write_all(entry)?,
        }
        Ok(entry.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// Collects what is logged.
    #[derive(Clone, Default)]
    struct Logged(Arc<Mutex<Vec<u8>>>);

    impl Write for Logged {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn entries_have_no_raw_control_characters() {
        let logged = Logged::default();
        let writer = logged.clone();
        let layer = fmt::layer().with_writer(JsonLines(move || writer.clone()));
        let subscriber = tracing_subscriber::registry().with(layer.json().flatten_event(true));
        let key = "a\u{9b}31m\u{7f}\u{1b}\n é.jpg";
        tracing::subscriber::with_default(subscriber, || tracing::warn!(key, "skipped"));
        let text = String::from_utf8(logged.0.lock().unwrap().clone()).unwrap();
        let (line, rest) = text.split_once('\n').unwrap();
        assert!(
            rest.is_empty() && !line.contains(char::is_control),
            "{text:?}"
        );
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(entry["key"], key);
    }
}
