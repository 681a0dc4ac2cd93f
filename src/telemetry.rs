//! Logs: constant messages with fields, for people on a terminal and for a journal elsewhere.
//!
//! No secret is ever in a field. Metrics are not here: `http` reads them off the board.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// The environment variable that says what is logged, in the syntax of `tracing`'s filters.
pub const LOG_VARIABLE: &str = "ASSET_INDEXER_LOG";

/// A filter that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error(
    "{LOG_VARIABLE} = {filter:?} is no log filter ({why}); write for example info or asset_indexer=debug"
)]
pub struct FilterError {
    filter: String,
    why: String,
}

/// Starts logging to `writer`; `default` is logged where [`LOG_VARIABLE`] is not set.
///
/// Colours and no times on a terminal, times and no colours elsewhere.
pub fn init<W>(writer: W, on_terminal: bool, default: &str) -> Result<(), FilterError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = std::env::var(LOG_VARIABLE).unwrap_or_else(|_| default.to_owned());
    let filter = EnvFilter::try_new(&filter).map_err(|error| FilterError {
        why: error.to_string(),
        filter,
    })?;
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(on_terminal)
        .with_target(!on_terminal);
    if on_terminal {
        logs.without_time().init();
    } else {
        logs.init();
    }
    Ok(())
}
