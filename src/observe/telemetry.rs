//! Logs and spans: constant messages with fields.
//!
//! No field contains a secret. At `info` and above, no field contains a key or a search text, except perhaps the
//! message of a panic. This module has no metrics: `serve::http` makes them from the status board.

use std::io::IsTerminal;

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt};

mod filter;
mod format;
mod journal;
mod json_lines;
#[cfg(feature = "otlp")]
mod otlp;
mod panics;

pub(crate) use filter::{FilterError, LogFilter};
pub(crate) use format::{Audience, LogFormat};
use json_lines::JsonLines;
#[cfg(feature = "otlp")]
pub(crate) use otlp::ExportError;
pub(crate) use panics::panics;

/// The environment variable with the log filter, in the syntax of `tracing`.
pub(crate) const LOG_VARIABLE: &str = "ASSET_INDEXER_LOG";

/// The environment variable with the log format, like `--log-format`.
pub(crate) const FORMAT_VARIABLE: &str = "ASSET_INDEXER_LOG_FORMAT";

/// Why logging could not be started as requested.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TelemetryError {
    /// The filter in the environment is invalid.
    #[error("{LOG_VARIABLE}: {0}")]
    Filter(#[from] FilterError),
    /// The systemd journal cannot be reached.
    #[error("failed to reach the systemd journal at {path}: {cause}. Use another --log-format.")]
    Journal {
        /// The socket of the journal.
        path: &'static str,
        /// Why it failed.
        cause: std::io::Error,
    },
    /// The environment requests an export of spans that is not possible.
    #[cfg(feature = "otlp")]
    #[error(transparent)]
    Export(#[from] ExportError),
}

/// Running logs and spans. Dropping it delivers the remaining spans, which takes at most 3 seconds.
#[derive(Debug)]
pub(crate) struct Telemetry {
    /// Changes what is logged.
    pub filter: LogFilter,
    #[cfg(feature = "otlp")]
    _exporter: Option<otlp::Exporter>,
}

/// Starts logging to `writer`, which must write to standard error. From then on, panics are logged too.
///
/// `default` is the filter if [`LOG_VARIABLE`] is not set. `reader` is the expected reader of standard error,
/// for [`LogFormat::Auto`].
pub(crate) fn init<W>(
    writer: W,
    format: LogFormat,
    reader: Audience,
    default: &str,
) -> Result<Telemetry, TelemetryError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let configured = std::env::var(LOG_VARIABLE).ok();
    let configured = configured.filter(|filter| !filter.trim().is_empty());
    let (filter, layer_filter) = LogFilter::new(configured.as_deref().unwrap_or(default))?;
    let format = format.resolved(reader);
    let journal = match format {
        LogFormat::Journald => {
            Some(
                journal::Journal::open().map_err(|cause| TelemetryError::Journal {
                    path: journal::SOCKET,
                    cause,
                })?,
            )
        }
        _ => None,
    };
    let logs = match journal {
        Some(journal) => journal.boxed(),
        None => lines(writer, format),
    };
    let layer_filter = layer_filter.and(filter_fn(has_no_secret));
    #[cfg_attr(not(feature = "otlp"), allow(unused_mut))]
    let mut layers = vec![logs.with_filter(layer_filter).boxed()];
    #[cfg(feature = "otlp")]
    let exporter = match otlp::Exporter::from_environment()? {
        Some((exporter, spans)) => {
            layers.push(spans);
            Some(exporter)
        }
        None => None,
    };
    tracing_subscriber::registry().with(layers).init();
    panics::install();
    Ok(Telemetry {
        filter,
        #[cfg(feature = "otlp")]
        _exporter: exporter,
    })
}

/// Whether the event or span may be logged, because it cannot contain a secret. At `trace`, the AWS SDK logs
/// what it signs, including session tokens.
fn has_no_secret(metadata: &Metadata<'_>) -> bool {
    *metadata.level() != Level::TRACE || !metadata.target().starts_with("aws")
}

/// A layer that writes lines: with colors and without times on a terminal, otherwise with times and without
/// colors.
fn lines<W>(writer: W, format: LogFormat) -> Box<dyn Layer<Registry> + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let on_terminal = std::io::stderr().is_terminal();
    let lines = fmt::layer();
    if format == LogFormat::Json {
        let json = lines.with_writer(JsonLines(writer)).json();
        return json.flatten_event(true).with_current_span(false).boxed();
    }
    let lines = lines.with_writer(writer);
    if on_terminal {
        lines.without_time().with_target(false).boxed()
    } else {
        lines.with_ansi(false).boxed()
    }
}
