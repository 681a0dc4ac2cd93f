//! The commands: each reads arguments, prints text and returns an exit code.
//!
//! A command loads the configuration, calls the other rooms and shows the result. It makes no decision
//! that another caller would need too.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::anyhow;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use self::text::{printable, printable_lines, say};
use crate::config::{Config, ConfigError, Mistake, UnknownSource};
use crate::core::source::Source;
use crate::observe::{build_info, telemetry};

mod check;
mod completions;
mod explain;
mod iam_policy;
mod index;
mod link;
mod log;
mod manual;
mod open_files;
mod progress;
mod quarantine;
mod reindex;
mod rules;
mod search;
mod secrets;
mod serve;
mod setup;
mod source;
mod status;
mod terminal;
mod text;
mod token;

/// Keeps a search index that mirrors the assets in S3 buckets.
///
/// A Source is a folder of a bucket with rules that say which of its keys are assets. `serve` runs the
/// daemon that keeps the index up to date, `reindex` does it once, and `search` finds assets.
#[derive(Debug, Parser)]
#[command(version = build_info::FULL_VERSION, after_help = EXIT_CODES)]
struct Arguments {
    /// Configuration file; Sources can also be in the folder `sources.d` next to it
    #[arg(
        long,
        short,
        global = true,
        env = CONFIG_VARIABLE,
        default_value = DEFAULT_CONFIG,
        value_name = "FILE"
    )]
    config: PathBuf,
    /// Format of the logs
    #[arg(
        long,
        global = true,
        env = telemetry::FORMAT_VARIABLE,
        value_enum,
        default_value_t,
        value_name = "FORMAT"
    )]
    log_format: telemetry::LogFormat,
    #[command(subcommand)]
    command: Command,
}

/// The environment variable with the configuration file.
const CONFIG_VARIABLE: &str = "ASSET_INDEXER_CONFIG";

/// The default configuration file.
const DEFAULT_CONFIG: &str = "/etc/asset-indexer/asset-indexer.toml";

const EXIT_CODES: &str = "\
Exit codes:
  0    success
  1    failure; standard error says what failed and what to do (`search`: nothing was found)
  2    wrong arguments or configuration; nothing was done (`search`: also any failure)
  130  interrupted; committed changes stay

Logs go to standard error. ASSET_INDEXER_LOG=debug shows more. To see more of a running daemon, use
`asset-indexer log debug`.";

/// Exit code of a failure.
const FAILED: u8 = 1;
/// Exit code of wrong arguments or configuration. clap uses the same code.
const MISUSED: u8 = 2;
/// Exit code of an interrupted command, as a shell reports SIGINT.
const INTERRUPTED: u8 = 130;

#[derive(Debug, Subcommand)]
enum Command {
    Reindex(reindex::Arguments),
    Search(search::Arguments),
    Serve(serve::Arguments),
    Status(status::Arguments),
    Log(log::Arguments),
    Explain(explain::Arguments),
    #[command(subcommand)]
    Rules(rules::Command),
    #[command(subcommand)]
    Quarantine(quarantine::Command),
    /// Print a one-time link with which the web page may set up Sources; the daemon must be running
    Link,
    #[command(subcommand)]
    Token(token::Command),
    #[command(subcommand)]
    Index(index::Command),
    #[command(subcommand)]
    Source(Box<source::Command>),
    #[command(subcommand)]
    Secrets(secrets::Command),
    Check(check::Arguments),
    IamPolicy(iam_policy::Arguments),
    Setup(setup::Arguments),
    /// Print the completion script for a shell
    Completions {
        /// For example bash, zsh or fish
        shell: clap_complete::Shell,
    },
    #[command(hide = true)]
    Manual(manual::Arguments),
}

/// Why a command ends early.
enum Failure {
    /// Exit with this code after printing the error.
    Error(u8, anyhow::Error),
    /// Exit with this code. The command has printed everything.
    Silent(u8),
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Error(FAILED, error)
    }
}

impl From<UnknownSource> for Failure {
    fn from(error: UnknownSource) -> Self {
        Self::Error(MISUSED, error.into())
    }
}

/// Returns the Sources with these names, or all enabled Sources if `names` is empty.
fn sources_in_use<'a>(config: &'a Config, names: &[String]) -> Result<Vec<&'a Source>, Failure> {
    let chosen = config.choose(names)?.into_iter().map(AsRef::as_ref);
    let used: Vec<&Source> = match names {
        [] => chosen.filter(|source: &&Source| source.enabled).collect(),
        _ => chosen.collect(),
    };
    if used.is_empty() {
        Err(Failure::Error(
            MISUSED,
            anyhow!("no Source is enabled; choose Sources with --source"),
        ))
    } else {
        Ok(used)
    }
}

/// Removes each name. If one cannot be removed, the others still are.
fn remove_each(
    names: &[String],
    remove: impl Fn(&str) -> Result<(), String>,
) -> Result<(), Failure> {
    let mut all_removed = true;
    for name in names {
        match remove(name) {
            Ok(()) => say!("removed {}", printable(name)),
            Err(error) => {
                all_removed = false;
                eprintln!("error: {}", printable_lines(&error));
            }
        }
    }
    if all_removed {
        Ok(())
    } else {
        Err(Failure::Silent(FAILED))
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Error(MISUSED, error.into())
    }
}

/// Parses the arguments and runs the command.
pub fn main() -> ExitCode {
    forbid_core_dumps();
    completions::answer();
    let arguments = parse_arguments();
    let done = run(arguments).and_then(|()| match text::lost() {
        None => Ok(()),
        Some(error) => Err(anyhow::Error::from(error)
            .context("failed to print the output")
            .into()),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Silent(code)) => ExitCode::from(code),
        Err(Failure::Error(code, error)) => {
            match error.downcast_ref::<ConfigError>() {
                Some(error) => error.mistakes().iter().for_each(|it| {
                    eprintln!("error: {}{}", printable_lines(&it.to_string()), remedy(it));
                }),
                None => eprintln!("error: {}", printable_lines(&format!("{error:#}"))),
            }
            ExitCode::from(code)
        }
    }
}

/// Advice for a configuration file that does not exist. The messages of other mistakes have their own advice.
fn remedy(mistake: &Mistake) -> &'static str {
    match mistake {
        Mistake::Unreadable { cause, .. } if cause.kind() == ErrorKind::NotFound => {
            ". Name the file with --config FILE or with the environment variable ASSET_INDEXER_CONFIG. If there is \
             none yet, write one: README.md has a short example"
        }
        _ => "",
    }
}

/// Parses the arguments. Help, and errors about arguments, end the process.
fn parse_arguments() -> Arguments {
    let command = Arguments::command().term_width(terminal::help_columns());
    let mut matches = command.get_matches();
    Arguments::from_arg_matches_mut(&mut matches).unwrap_or_else(|error| error.exit())
}

/// A core dump would contain the secrets in memory. If the limit cannot be lowered, the machine decides.
fn forbid_core_dumps() {
    let _ = rlimit::setrlimit(rlimit::Resource::CORE, 0, 0);
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    if let Command::Completions { shell } = arguments.command {
        return completions::run(shell);
    }
    if let Command::Manual(arguments) = &arguments.command {
        return manual::run(arguments);
    }
    if let Command::Secrets(secrets::Command::NewKey) = &arguments.command {
        return secrets::new_key();
    }
    let (telemetry, bars) = log::start(&arguments.command, arguments.log_format)?;
    if let Command::Status(status) = arguments.command {
        return runtime()?.block_on(status::run(&status, &arguments.config));
    }
    let config = Config::load(&arguments.config)?;
    if needs_sources(&arguments.command) {
        config
            .require_sources()
            .map_err(|error| Failure::Error(MISUSED, error.into()))?;
    }
    open_files::raise(&arguments.command).map_err(anyhow::Error::from)?;
    match arguments.command {
        Command::Reindex(arguments) => runtime()?.block_on(reindex::run(arguments, config, bars)),
        Command::Serve(command) => runtime()?.block_on(serve::run(
            &command,
            config,
            arguments.config,
            telemetry.filter.clone(),
        )),
        Command::Search(arguments) => search::run(&arguments, &config),
        Command::Rules(command) => rules::run(&command, &config),
        Command::Explain(arguments) => runtime()?.block_on(explain::run(&arguments, &config)),
        Command::Quarantine(command) => runtime()?.block_on(quarantine::run(&command, &config)),
        Command::Log(arguments) => runtime()?.block_on(log::run(arguments, &config)),
        Command::Link => runtime()?.block_on(link::run(&config)),
        Command::Token(command) => token::run(&command, &config),
        Command::Index(command) => runtime()?.block_on(index::run(command, config, bars)),
        Command::Check(command) => {
            runtime()?.block_on(check::run(&command, &config, &arguments.config))
        }
        Command::Secrets(command) => runtime()?.block_on(secrets::run(&command, &config)),
        Command::Source(command) => {
            runtime()?.block_on(source::run(*command, &config, &arguments.config))
        }
        Command::Setup(arguments) => setup::run(&arguments, &config),
        Command::IamPolicy(arguments) => iam_policy::run(&arguments, &config),
        // Handled above, because they need no configuration, or work with a wrong one.
        Command::Completions { .. } | Command::Manual(_) | Command::Status(_) => Ok(()),
    }
}

/// Whether the command does nothing without a Source.
fn needs_sources(command: &Command) -> bool {
    matches!(
        command,
        Command::Reindex(_)
            | Command::Search(_)
            | Command::Rules(_)
            | Command::Explain(_)
            | Command::Setup(_)
            | Command::IamPolicy(_)
    )
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Runtime::new().map_err(anyhow::Error::from)?)
}

#[cfg(test)]
mod tests;
