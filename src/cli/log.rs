//! How each command logs, and `log`, which changes what the running daemon logs.
//!
//! What a filter means is not decided here.

use std::io::IsTerminal;

use indicatif::{MultiProgress, ProgressDrawTarget};

use super::text::{printable, say};
use super::{Command, Failure, MISUSED, index, progress};
use crate::config::Config;
use crate::observe::telemetry::{self, Format, Reader, Telemetry};
use crate::serve::control::{self, Answer, LogOrder, Request};

/// Show or change what the running daemon logs, until it ends or is told otherwise
///
/// A filter is a level for everything, or a level for a part of the program, or several with commas
/// between them: debug, asset_indexer=debug, warn,asset_indexer::aws::queue=trace. Levels are off, error,
/// warn, info, debug and trace. At debug and trace, logs name keys and may name much more.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// What is logged from now on; without it, what is logged now is shown
    #[arg(value_name = "FILTER")]
    filter: Option<String>,
    /// Log again what the daemon began with
    #[arg(long, conflicts_with = "filter")]
    reset: bool,
}

/// Starts the logs, and gives the place where progress bars are drawn: logs go above them.
pub(super) fn start(
    command: &Command,
    format: Format,
) -> Result<(Telemetry, MultiProgress), Failure> {
    let on_terminal = std::io::stderr().is_terminal();
    let target = match command {
        Command::Reindex(_) if on_terminal => ProgressDrawTarget::stderr(),
        Command::Index(command) if on_terminal && command.shows_progress() => {
            ProgressDrawTarget::stderr()
        }
        _ => ProgressDrawTarget::hidden(),
    };
    let bars = MultiProgress::with_draw_target(target);
    // Whoever sees a bar needs no log line about the same.
    let default = match command {
        Command::Serve(_) => "error,asset_indexer=info",
        Command::Reindex(_) | Command::Index(index::Command::Rebuild(_)) if !on_terminal => {
            "error,asset_indexer=info"
        }
        _ => "error,asset_indexer=warn",
    };
    let reader = match command {
        Command::Serve(_) => Reader::Program,
        _ => Reader::Person,
    };
    let writer = progress::AboveBars(bars.clone());
    let telemetry = telemetry::init(writer, format, reader, default);
    let telemetry = telemetry.map_err(|error| Failure::Told(MISUSED, error.into()))?;
    Ok((telemetry, bars))
}

/// Runs the command.
pub(super) async fn run(arguments: Arguments, config: &Config) -> Result<(), Failure> {
    let order = match arguments.filter {
        _ if arguments.reset => LogOrder::Reset,
        Some(filter) => LogOrder::Set(filter),
        None => LogOrder::Show,
    };
    let asked = Request::Log(order);
    let socket = &config.serve.control_socket;
    let mut answers = control::ask(socket, &asked)
        .await
        .map_err(anyhow::Error::from)?;
    match answers.next().await.map_err(anyhow::Error::from)? {
        Some(Answer::Log { filter, initial }) if filter == initial => {
            say!("{}", printable(&filter));
        }
        Some(Answer::Log { filter, initial }) => {
            say!(
                "{} (the daemon began with {})",
                printable(&filter),
                printable(&initial)
            );
        }
        _ => Err(anyhow::anyhow!(
            "the daemon gave another answer than its filter; is it of this version?"
        ))?,
    }
    Ok(())
}
