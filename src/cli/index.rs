//! `index`: looks into the index, repairs it, and takes it elsewhere.
//!
//! What each command does is the library's affair; `info`, `verify` and `export` need no lock, so that they
//! work beside a daemon.

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

/// Look into the index, repair it, and take it elsewhere
///
/// `info`, `verify` and `export` read one commit, also while a daemon writes. `compact` and `rebuild` are
/// put to the daemon where one runs.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    Info(info::Arguments),
    Verify(verify::Arguments),
    Compact(compact::Arguments),
    Export(export::Arguments),
    Rebuild(Rebuild),
}

/// Build a new index beside the live one, and let it take its place; the same as `reindex --rebuild`
#[derive(Debug, clap::Args)]
pub(super) struct Rebuild {
    /// Begin anew even where an unfinished rebuild could be resumed
    #[arg(long)]
    fresh: bool,
}

/// Which data directory is looked into.
#[derive(Debug, clap::Args)]
struct Place {
    /// Another data directory than the configured one, such as a copy
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl Place {
    fn open(&self, config: &Config) -> DataDir {
        let path = self.data_dir.as_ref().unwrap_or(&config.data_dir);
        DataDir::new(path, SCHEMA_VERSION)
    }
}

impl Command {
    /// Whether it shows bars while it runs.
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
        Command::Rebuild(Rebuild { fresh }) => {
            let arguments = reindex::Arguments::rebuild(fresh);
            reindex::run(arguments, config, bars).await
        }
    }
}
