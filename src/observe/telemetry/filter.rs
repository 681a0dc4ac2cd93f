//! The log filter. It can be changed while the process runs.
//!
//! It applies only to logs: exported spans have a filter of their own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, ParseError};
use tracing_subscriber::{EnvFilter, Registry, reload};

/// A log filter that is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid log filter {filter:?}: {problem}. Use for example info or asset_indexer=debug.")]
pub(crate) struct FilterError {
    filter: String,
    problem: String,
}

/// The log filter. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct LogFilter(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    handle: reload::Handle<EnvFilter, Registry>,
    initial: String,
    current: Mutex<String>,
}

impl LogFilter {
    /// Parses a filter. Also returns the filter for the log layer.
    pub(super) fn new(
        initial: &str,
    ) -> Result<(Self, reload::Layer<EnvFilter, Registry>), FilterError> {
        let (layer_filter, handle) = reload::Layer::new(parse(initial)?);
        let shared = Shared {
            handle,
            initial: initial.to_owned(),
            current: Mutex::new(initial.to_owned()),
        };
        Ok((Self(Arc::new(shared)), layer_filter))
    }

    /// The filter at the start of the process.
    pub(crate) fn initial(&self) -> &str {
        &self.0.initial
    }

    /// The current filter.
    pub(crate) fn current(&self) -> String {
        self.lock().clone()
    }

    /// Replaces the filter, and logs the change if the old or the new filter allows it.
    pub(crate) fn set(&self, filter: &str) -> Result<(), FilterError> {
        let parsed = parse(filter)?;
        // The lock is held during the change, so that `current` matches the active filter.
        let mut current = self.lock();
        let before = std::mem::replace(&mut *current, filter.to_owned());
        let is_logged = tracing::enabled!(Level::INFO);
        if is_logged {
            log_change(&before, filter);
        }
        // This fails only if the subscriber is gone, as in a test.
        let _ = self.0.handle.reload(parsed);
        if !is_logged {
            log_change(&before, filter);
        }
        Ok(())
    }

    /// Restores the filter from the start of the process.
    pub(crate) fn reset(&self) {
        let result = self.set(&self.0.initial);
        result.expect("the filter was valid at the start");
    }

    fn lock(&self) -> MutexGuard<'_, String> {
        // Every holder writes a complete text, so a panic cannot leave it half-written.
        self.0
            .current
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn log_change(before: &str, filter: &str) {
    tracing::info!(filter, before, "log filter changed");
}

/// Parses a filter. A word without `=` must be a level. `tracing` would accept any other word, for example a
/// misspelled level, and then log only the module of that name.
fn parse(filter: &str) -> Result<EnvFilter, FilterError> {
    let invalid = |problem: String| FilterError {
        filter: filter.to_owned(),
        problem,
    };
    if filter.trim().is_empty() {
        return Err(invalid("it is empty".to_owned()));
    }
    // In brackets, commas separate the fields of a span.
    if filter.contains('[') {
        return parse_directives(filter).map_err(|error| invalid(error.to_string()));
    }
    let parts: Vec<&str> = filter.split(',').map(str::trim).collect();
    let words = parts.iter().filter(|part| !part.contains('='));
    for word in words {
        // An empty word would parse as a level.
        if word.is_empty() || word.parse::<LevelFilter>().is_err() {
            let levels = "off, error, warn, info, debug and trace";
            return Err(invalid(format!(
                "{word:?} is not a level; the levels are {levels}"
            )));
        }
    }
    parse_directives(&parts.join(",")).map_err(|error| invalid(error.to_string()))
}

/// Parses directives. Field values are compared literally: regular expressions could need unlimited memory.
fn parse_directives(filter: &str) -> Result<EnvFilter, ParseError> {
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
    fn changes_logs_and_resets_the_filter() {
        let lines = Lines::default();
        let (filter, layer_filter) = LogFilter::new("warn").unwrap();
        let logs = fmt::layer().with_writer(lines.clone()).with_ansi(false);
        let logs = logs.with_filter(layer_filter);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(logs), || {
            tracing::debug!("one");
            filter.set("asset_indexer=debug").unwrap();
            assert!(lines.take().contains("log filter changed"));
            tracing::debug!("two");
            assert!(lines.take().contains("two"));
            assert_eq!(filter.current(), "asset_indexer=debug");
            assert!(filter.set("loud").is_err());
            assert_eq!(filter.current(), "asset_indexer=debug");
            filter.reset();
            let line = lines.take();
            assert!(
                line.contains("filter=\"warn\" before=\"asset_indexer=debug\""),
                "{line}"
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
    fn refuses_invalid_filters() {
        for (filter, problem) in [
            ("info", None),
            ("ERROR", None),
            ("off", None),
            ("error,asset_indexer=info", None),
            ("error, asset_indexer::aws::queue=trace", None),
            ("asset_indexer[scan{source=\"a\"}]=debug", None),
            ("", Some("it is empty")),
            (" ", Some("it is empty")),
            ("debgu", Some("\"debgu\" is not a level")),
            ("asset_indexer", Some("is not a level")),
            ("info,,", Some("is not a level")),
            ("asset_indexer=loud", Some("error parsing level")),
        ] {
            match (parse(filter), problem) {
                (Ok(_), None) => {}
                (Err(error), Some(words)) => {
                    let text = error.to_string();
                    assert!(
                        text.contains(words) && text.contains("Use for example"),
                        "{text}"
                    );
                }
                (parsed, _) => panic!("{filter:?}: {parsed:?}"),
            }
        }
    }
}
