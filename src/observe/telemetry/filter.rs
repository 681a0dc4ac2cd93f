//! What is logged, and how that is changed while the process runs.
//!
//! The filter is that of the logs alone: spans that are exported have their own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, ParseError};
use tracing_subscriber::{EnvFilter, Registry, reload};

/// A filter that cannot be meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{filter:?} is no log filter ({why}); write for example info or asset_indexer=debug")]
pub(crate) struct FilterError {
    filter: String,
    why: String,
}

/// What is logged; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct LogFilter(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    handle: reload::Handle<EnvFilter, Registry>,
    initial: String,
    current: Mutex<String>,
}

impl LogFilter {
    /// A filter, and what is to be put before the logs.
    pub(super) fn new(
        initial: &str,
    ) -> Result<(Self, reload::Layer<EnvFilter, Registry>), FilterError> {
        let (filtering, handle) = reload::Layer::new(parse(initial)?);
        let shared = Shared {
            handle,
            initial: initial.to_owned(),
            current: Mutex::new(initial.to_owned()),
        };
        Ok((Self(Arc::new(shared)), filtering))
    }

    /// The one that the process began with.
    pub(crate) fn initial(&self) -> &str {
        &self.0.initial
    }

    /// The one that holds now.
    pub(crate) fn current(&self) -> String {
        self.lock().clone()
    }

    /// Logs by another one from now on, and says so in the log, if either of the two lets it through.
    pub(crate) fn set(&self, filter: &str) -> Result<(), FilterError> {
        let parsed = parse(filter)?;
        // Held over the change, so that what is shown is what holds.
        let mut current = self.lock();
        let before = std::mem::replace(&mut *current, filter.to_owned());
        let is_told = tracing::enabled!(Level::INFO);
        if is_told {
            tell(&before, filter);
        }
        // It fails only where the logs have ended, as in a test.
        let _ = self.0.handle.reload(parsed);
        if !is_told {
            tell(&before, filter);
        }
        Ok(())
    }

    /// Logs again by the one that the process began with.
    pub(crate) fn reset(&self) {
        let again = self.set(&self.0.initial);
        again.expect("it could be read when the process began");
    }

    fn lock(&self) -> MutexGuard<'_, String> {
        // A holder only puts in a whole text.
        self.0
            .current
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn tell(before: &str, filter: &str) {
    tracing::info!(filter, before, "what is logged is changed");
}

/// Reads a filter. A word alone must be a level: `tracing` would take any other one, so also a level
/// that is misspelt, for the only part of the program that is to be logged.
fn parse(filter: &str) -> Result<EnvFilter, FilterError> {
    let bad = |why: String| FilterError {
        filter: filter.to_owned(),
        why,
    };
    if filter.trim().is_empty() {
        return Err(bad("it is empty".to_owned()));
    }
    // In brackets, commas part the fields of a span.
    if filter.contains('[') {
        return read(filter).map_err(|error| bad(error.to_string()));
    }
    let parts: Vec<&str> = filter.split(',').map(str::trim).collect();
    let words = parts.iter().filter(|part| !part.contains('='));
    for word in words {
        // Nothing at all would be taken for a level.
        if word.is_empty() || word.parse::<LevelFilter>().is_err() {
            let why = "is no level: they are off, error, warn, info, debug and trace";
            return Err(bad(format!("{word:?} {why}")));
        }
    }
    read(&parts.join(",")).map_err(|error| bad(error.to_string()))
}

/// Values of fields are compared as they stand: as expressions, they would have no bound of memory.
fn read(filter: &str) -> Result<EnvFilter, ParseError> {
    EnvFilter::builder().with_regex(false).parse(filter)
}

#[cfg(test)]
mod tests {
    use std::io;

    use tracing_subscriber::Layer;
    use tracing_subscriber::fmt::{self, MakeWriter};
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(line)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Lines {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    impl Lines {
        fn take(&self) -> String {
            String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
        }
    }

    #[test]
    fn a_filter_is_changed_told_and_reset() {
        let lines = Lines::default();
        let (filter, filtering) = LogFilter::new("warn").unwrap();
        let logs = fmt::layer().with_writer(lines.clone()).with_ansi(false);
        let logs = logs.with_filter(filtering);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(logs), || {
            tracing::debug!("one");
            filter.set("asset_indexer=debug").unwrap();
            assert!(lines.take().contains("what is logged is changed"));
            tracing::debug!("two");
            assert!(lines.take().contains("two"));
            assert_eq!(filter.current(), "asset_indexer=debug");
            assert!(filter.set("loud").is_err());
            assert_eq!(filter.current(), "asset_indexer=debug");
            filter.reset();
            let told = lines.take();
            assert!(
                told.contains("filter=\"warn\" before=\"asset_indexer=debug\""),
                "{told}"
            );
            tracing::debug!("three");
            assert_eq!(lines.take(), "");
            assert_eq!(
                (filter.current(), filter.initial()),
                ("warn".into(), "warn")
            );
        });
    }

    #[test]
    fn only_what_can_be_meant_is_a_filter() {
        for (filter, problem) in [
            ("info", None),
            ("ERROR", None),
            ("off", None),
            ("error,asset_indexer=info", None),
            ("error, asset_indexer::aws::queue=trace", None),
            ("asset_indexer[scan{source=\"a\"}]=debug", None),
            ("", Some("it is empty")),
            (" ", Some("it is empty")),
            ("debgu", Some("\"debgu\" is no level")),
            ("asset_indexer", Some("is no level")),
            ("info,,", Some("is no level")),
            ("asset_indexer=loud", Some("error parsing level")),
        ] {
            match (parse(filter), problem) {
                (Ok(_), None) => {}
                (Err(error), Some(words)) => {
                    let said = error.to_string();
                    assert!(
                        said.contains(words) && said.contains("write for example"),
                        "{said}"
                    );
                }
                (parsed, _) => panic!("{filter:?}: {parsed:?}"),
            }
        }
    }
}
