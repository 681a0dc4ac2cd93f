//! `log`: changes what the running daemon logs. Also starts the logs of every command.
//!
//! `observe::telemetry` decides what a filter means.

use std::io::IsTerminal;

use indicatif::{MultiProgress, ProgressDrawTarget};

use super::text::{printable, say};
use super::{Command, Failure, MISUSED, index, progress};
use crate::config::Config;
use crate::observe::telemetry::{self, Audience, LogFormat, Telemetry};
use crate::serve::control::{self, ControlAnswer, ControlRequest, LogCommand};

/// Show or change the log filter of the running daemon; a change lasts until the daemon stops
///
/// A filter is a level for everything, a level for a part of the program, or several of them separated by
/// commas: debug, asset_indexer=debug, warn,asset_indexer::aws::queue=trace. Levels are off, error,
/// warn, info, debug and trace. At debug and trace, logs contain keys and more.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The new filter; without it, the current one is shown
    #[arg(value_name = "FILTER")]
    filter: Option<String>,
    /// Return to the filter that the daemon started with
    #[arg(long, conflicts_with = "filter")]
    reset: bool,
}

/// Starts the logs. Returns the display for progress bars, above which logs are printed.
pub(super) fn start(
    command: &Command,
    format: LogFormat,
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
    // A progress bar makes log lines about progress redundant.
    let default = match command {
        Command::Serve(_) => "error,asset_indexer=info",
        Command::Reindex(_) | Command::Index(index::Command::Rebuild(_)) if !on_terminal => {
            "error,asset_indexer=info"
        }
        _ => "error,asset_indexer=warn",
    };
    let reader = match command {
        Command::Serve(_) => Audience::Program,
        _ => Audience::Person,
    };
    let writer = progress::AboveBars(bars.clone());
    let telemetry = telemetry::init(writer, format, reader, default);
    let telemetry = telemetry.map_err(|error| Failure::Error(MISUSED, error.into()))?;
    Ok((telemetry, bars))
}

/// Runs the command.
pub(super) async fn run(arguments: Arguments, config: &Config) -> Result<(), Failure> {
    let order = match arguments.filter {
        _ if arguments.reset => LogCommand::Reset,
        Some(filter) => LogCommand::Set(filter),
        None => LogCommand::Show,
    };
    let request = ControlRequest::Log(order);
    let socket = &config.serve.control_socket;
    let mut answers = control::send_request(socket, &request)
        .await
        .map_err(anyhow::Error::from)?;
    match answers.next().await.map_err(anyhow::Error::from)? {
        Some(ControlAnswer::Log { filter, initial }) if filter == initial => {
            say!("{}", printable(&filter));
        }
        Some(ControlAnswer::Log { filter, initial }) => {
            say!(
                "{} (the daemon started with {})",
                printable(&filter),
                printable(&initial)
            );
        }
        _ => Err(anyhow::anyhow!(
            "the daemon sent an unexpected answer; check that it has the same version as this command"
        ))?,
    }
    Ok(())
}
