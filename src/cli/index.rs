//! `index`: inspects, repairs and exports the index.
//!
//! `info`, `verify` and `export` take no lock, so they work while a daemon runs.

use std::path::PathBuf;

use indicatif::MultiProgress;

use super::{Failure, reindex};
use crate::config::Config;
use crate::index::directory::DataDir;
use crate::index::tantivy::schema::SCHEMA_VERSION;

mod compact;
mod export;
mod info;
mod verify;

/// Inspect, repair and export the index
///
/// `info`, `verify` and `export` read one commit, even while a daemon writes. If a daemon runs, it does the
/// work of `compact` and `rebuild`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    Info(info::Arguments),
    Verify(verify::Arguments),
    Compact(compact::Arguments),
    Export(export::Arguments),
    Rebuild(Rebuild),
}

/// Build a new index next to the current one and swap it in; the same as `reindex --rebuild`
#[derive(Debug, clap::Args)]
pub(super) struct Rebuild {
    /// Start from scratch even if an unfinished rebuild could be resumed
    #[arg(long)]
    pub(super) fresh: bool,
    /// Confirm that a bucket or prefix that is new in the configuration has no assets: remove those of the
    /// former bucket or prefix
    #[arg(long)]
    pub(super) allow_empty: bool,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

/// The data directory to read.
#[derive(Debug, clap::Args)]
struct DataDirArgument {
    /// Another data directory than the configured one, for example a copy
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl DataDirArgument {
    fn open(&self, config: &Config) -> DataDir {
        let path = self.data_dir.as_ref().unwrap_or(&config.data_dir);
        DataDir::new(path, SCHEMA_VERSION)
    }
}

impl Command {
    /// Whether the command shows progress bars.
    pub(super) fn shows_progress(&self) -> bool {
        matches!(self, Self::Verify(_) | Self::Compact(_) | Self::Rebuild(_))
    }
}

/// Runs the command.
pub(super) async fn run(
    command: Command,
    config: Config,
    bars: MultiProgress,
) -> Result<(), Failure> {
    match command {
        Command::Info(arguments) => info::run(&arguments, &config),
        Command::Verify(arguments) => verify::run(&arguments, &config, &bars),
        Command::Compact(_) => compact::run(&config, &bars).await,
        Command::Export(arguments) => export::run(arguments, &config).await,
        Command::Rebuild(rebuild) => reindex::run(rebuild.into(), config, bars).await,
    }
}
