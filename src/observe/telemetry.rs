//! Logs and spans: constant messages with fields, for people on a terminal and for programs elsewhere.
//!
//! No secret is ever in a field, and no key or search text at `info` and above. Metrics are not here:
//! `http` reads them off the board.

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
#[cfg(feature = "otlp")]
mod otlp;

pub(crate) use filter::{FilterError, LogFilter};
pub(crate) use format::{Audience, LogFormat};
#[cfg(feature = "otlp")]
pub(crate) use otlp::ExportError;

/// The environment variable that says what is logged, in the syntax of `tracing`'s filters.
pub(crate) const LOG_VARIABLE: &str = "ASSET_INDEXER_LOG";

/// The environment variable that says in which form, as `--log-format` does.
pub(crate) const FORMAT_VARIABLE: &str = "ASSET_INDEXER_LOG_FORMAT";

/// Why there can be no logs as they are asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TelemetryError {
    /// The environment asks for a filter that is none.
    #[error("{LOG_VARIABLE}: {0}")]
    Filter(#[from] FilterError),
    /// There is no journal to write to.
    #[error("failed to reach the journal at {path}: {cause}; write another --log-format")]
    Journal {
        /// Where it takes entries.
        path: &'static str,
        /// Why not.
        cause: std::io::Error,
    },
    /// The environment asks for spans to be exported in a way that is not known.
    #[cfg(feature = "otlp")]
    #[error(transparent)]
    Export(#[from] ExportError),
}

/// Logs and spans that are under way. When it is dropped, spans that are left are delivered, within
/// three seconds.
#[derive(Debug)]
pub(crate) struct Telemetry {
    /// What is logged.
    pub filter: LogFilter,
    #[cfg(feature = "otlp")]
    _exporter: Option<otlp::Exporter>,
}

/// Starts logging to `writer`, which stands for standard error.
///
/// `default` is logged where [`LOG_VARIABLE`] is not set. `reader` says who reads standard error where
/// the format is [`LogFormat::Auto`].
pub(crate) fn init<W>(
    writer: W,
    format: LogFormat,
    reader: Audience,
    default: &str,
) -> Result<Telemetry, TelemetryError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let written = std::env::var(LOG_VARIABLE).ok();
    let written = written.filter(|written| !written.trim().is_empty());
    let (filter, filtering) = LogFilter::new(written.as_deref().unwrap_or(default))?;
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
    let filtering = filtering.and(filter_fn(has_no_secret));
    #[cfg_attr(not(feature = "otlp"), allow(unused_mut))]
    let mut layers = vec![logs.with_filter(filtering).boxed()];
    #[cfg(feature = "otlp")]
    let exporter = match otlp::Exporter::from_environment()? {
        Some((exporter, spans)) => {
            layers.push(spans);
            Some(exporter)
        }
        None => None,
    };
    tracing_subscriber::registry().with(layers).init();
    Ok(Telemetry {
        filter,
        #[cfg(feature = "otlp")]
        _exporter: exporter,
    })
}

/// Whether it is sure that no secret is in it: at `trace`, the AWS SDK tells what it signs, session tokens
/// included.
fn has_no_secret(metadata: &Metadata<'_>) -> bool {
    *metadata.level() != Level::TRACE || !metadata.target().starts_with("aws")
}

/// Lines on standard error: colours and no times on a terminal, times and no colours elsewhere.
fn lines<W>(writer: W, format: LogFormat) -> Box<dyn Layer<Registry> + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let on_terminal = std::io::stderr().is_terminal();
    let lines = fmt::layer().with_writer(writer);
    match format {
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .boxed(),
        _ if on_terminal => lines.without_time().with_target(false).boxed(),
        _ => lines.with_ansi(false).boxed(),
    }
}
