//! `source`: sets up, changes, shows and removes managed Sources.
//!
//! While a daemon runs, it makes the changes, over the control socket. Otherwise this command changes the stored
//! files itself. [`crate::managed`] checks and writes them.

use std::path::Path;

use anyhow::anyhow;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::text::printable;
use super::{FAILED, Failure, MISUSED, completions};
use crate::config::Config;
use crate::doctor::changed_source;
use crate::index::directory::DataDir;
use crate::index::info::check_binding;
use crate::index::tantivy::schema::SCHEMA_VERSION;
use crate::managed::changes::{self, AppliedChange, Change, ChangeContext, ChangeError, Values};
use crate::managed::{Actor, FileStore};
use crate::serve::control::{self, AnswerStream, ControlAnswer, ControlError, ControlRequest};

mod form;
mod questions;
mod sealing_key;
mod show;
mod test;

/// Set up, change, show and remove Sources
///
/// Sources that are set up here are stored in the data folder, with their secrets sealed. Sources in the
/// configuration file are shown, but can only be changed there.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Set up a Source; without options, asks for everything
    Add(AddArguments),
    /// Change a Source
    Edit(EditArguments),
    /// List the Sources
    List {
        /// Print one JSON object per line
        #[arg(long)]
        json: bool,
    },
    /// Show one Source, without its secrets
    Show {
        /// Name of the Source
        #[arg(add = completions::sources())]
        name: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Test a Source, or values for a new one: whether its bucket and queue can be used
    ///
    /// Nothing is stored. At most one page below each included prefix is listed. The exit code is 1 if something does
    /// not work.
    Test(test::Arguments),
    /// Enable a Source: its assets are found again, after a scan
    Enable {
        /// Name of the Source
        #[arg(add = completions::sources())]
        name: String,
    },
    /// Disable a Source: its assets stay in the index, but are not found
    Disable {
        /// Name of the Source
        #[arg(add = completions::sources())]
        name: String,
    },
    /// Remove a Source and its assets from the index; its subdomain stays bound to its name
    Remove {
        /// Name of the Source
        #[arg(add = completions::sources())]
        name: String,
        /// Do not ask for the name again
        #[arg(long)]
        yes: bool,
    },
    /// Show who changed a Source, when, and which fields
    History {
        /// Name of the Source
        #[arg(add = completions::sources())]
        name: String,
        /// Print one JSON object per line
        #[arg(long)]
        json: bool,
    },
}

/// A new Source.
#[derive(Debug, clap::Args)]
pub(super) struct AddArguments {
    /// Name of the Source
    name: Option<String>,
    #[command(flatten)]
    fields: form::Fields,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A change of a Source.
#[derive(Debug, clap::Args)]
pub(super) struct EditArguments {
    /// Name of the Source
    #[arg(add = completions::sources())]
    name: String,
    #[command(flatten)]
    fields: form::Fields,
    /// Do not test new credentials, a new bucket or a new endpoint before the old ones are dropped
    #[arg(long)]
    no_test: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The configuration, and the file that it was read from.
#[derive(Clone, Copy)]
struct Configured<'a> {
    config: &'a Config,
    path: &'a Path,
}

/// Runs the command. `path` is the configuration file.
pub(super) async fn run(command: Command, config: &Config, path: &Path) -> Result<(), Failure> {
    let configured = Configured { config, path };
    match command {
        Command::List { json } => show::list(config, json),
        Command::Show { name, json } => show::one(&name, config, json),
        Command::History { name, json } => show::history(&name, &store(config), json),
        Command::Add(arguments) => add(arguments, configured).await,
        Command::Edit(arguments) => {
            let patch = arguments.fields.into_values()?;
            if patch.is_empty() {
                return Err(misused("nothing to change; set an option, see --help"));
            }
            let applied = update(&arguments.name, patch, arguments.no_test, configured).await?;
            show::applied(&arguments.name, &applied, arguments.json);
            Ok(())
        }
        Command::Test(arguments) => test::run(arguments, configured).await,
        Command::Enable { name } => switch(&name, true, configured).await,
        Command::Disable { name } => switch(&name, false, configured).await,
        Command::Remove { name, yes } => remove(&name, yes, configured).await,
    }
}

/// The store of the managed Sources.
fn store(config: &Config) -> FileStore {
    FileStore::new(config.managed_folder())
}

async fn add(arguments: AddArguments, configured: Configured<'_>) -> Result<(), Failure> {
    let values = arguments.fields.into_values()?;
    if arguments.name.is_none() && values.is_empty() {
        return add_by_questions(arguments.json, configured).await;
    }
    let name = name_of_new(arguments.name, &values)?;
    let applied = change(&name, Change::Create(Values(values)), false, configured).await?;
    show::applied(&name, &applied, arguments.json);
    Ok(())
}

/// The name on the command line or in the values.
fn name_of_new(argument: Option<String>, values: &Map<String, Value>) -> Result<String, Failure> {
    let in_values = values.get("name").and_then(Value::as_str);
    match (argument, in_values) {
        (Some(name), Some(other)) if name != other => {
            let problem = anyhow!(
                "the command names the Source {name:?}, but its values have the name {other:?}; remove one of them"
            );
            Err(Failure::Error(MISUSED, problem))
        }
        (Some(name), _) => Ok(name),
        (None, Some(name)) => Ok(name.to_owned()),
        // It is no text, which is reported with the other mistakes.
        (None, None) if values.contains_key("name") => Ok(String::new()),
        (None, None) => Err(misused("the name is missing; write it after `source add`")),
    }
}

/// Asks for everything, again if the values are refused.
async fn add_by_questions(json: bool, configured: Configured<'_>) -> Result<(), Failure> {
    let mut answers = questions::Answers::default();
    loop {
        answers = questions::ask(configured.config, answers)?;
        let create = Change::Create(Values(answers.values.clone()));
        match change(&answers.name, create, false, configured).await {
            // The mistakes are printed.
            Err(Failure::Silent(MISUSED)) => println!(
                "Nothing is stored yet. Correct your answers: press Enter to keep one, or type - to remove it."
            ),
            done => {
                show::applied(&answers.name, &done?, json);
                return Ok(());
            }
        }
    }
}

async fn switch(name: &str, enabled: bool, configured: Configured<'_>) -> Result<(), Failure> {
    let patch = Map::from_iter([("enabled".to_owned(), Value::Bool(enabled))]);
    let applied = update(name, patch, false, configured).await?;
    show::applied(name, &applied, false);
    Ok(())
}

async fn update(
    name: &str,
    patch: Map<String, Value>,
    is_untested: bool,
    configured: Configured<'_>,
) -> Result<AppliedChange, Failure> {
    let change_request = Change::Update {
        patch: Values(patch),
        if_version: None,
    };
    change(name, change_request, is_untested, configured).await
}

async fn remove(name: &str, yes: bool, configured: Configured<'_>) -> Result<(), Failure> {
    let exists = configured.config.names().contains(&name);
    if exists && !yes && !questions::confirms_removal(name)? {
        return Err(misused("nothing was removed"));
    }
    let applied = change(name, Change::Remove { if_version: None }, false, configured).await?;
    show::applied(name, &applied, false);
    Ok(())
}

/// Makes a change: through the daemon if one runs, else on the stored files.
async fn change(
    name: &str,
    change: Change,
    is_untested: bool,
    configured: Configured<'_>,
) -> Result<AppliedChange, Failure> {
    let request = ControlRequest::ChangeSource {
        name: name.to_owned(),
        change: change.clone(),
        is_untested,
    };
    match control::send_request(&configured.config.serve.control_socket, &request).await {
        Ok(answers) => answer_of(answers).await,
        Err(ControlError::NoDaemon { .. }) => {
            if !is_untested {
                test_change(name, &change, configured.config).await?;
            }
            change_files(name, change, configured)
        }
        Err(error) => Err(anyhow::Error::from(error).into()),
    }
}

/// The daemon's answer to a change.
async fn answer_of(mut answers: AnswerStream) -> Result<AppliedChange, Failure> {
    while let Some(answer) = answers.next().await.map_err(anyhow::Error::from)? {
        match answer {
            ControlAnswer::NotInUse(reason) => eprintln!(
                "warning: the change is stored, but the daemon does not use it yet: {}; `asset-indexer status` and the \
                 log of the daemon show when it does",
                printable(&reason)
            ),
            ControlAnswer::SourceChanged(applied) => return Ok(applied),
            ControlAnswer::InvalidSource(problems) => return Err(invalid(&problems)),
            _ => {}
        }
    }
    Err(anyhow!("the daemon closed the connection before it answered; check `source show`").into())
}

/// Tests new credentials, a new bucket and a new endpoint before the old ones are dropped.
async fn test_change(name: &str, change: &Change, config: &Config) -> Result<(), Failure> {
    match changed_source::to_test(&store(config), name, change, config) {
        Some(draft) => changed_source::test(&draft).await.map_err(failure),
        None => Ok(()),
    }
}

fn change_files(
    name: &str,
    change: Change,
    configured: Configured<'_>,
) -> Result<AppliedChange, Failure> {
    let user = rustix::process::getuid().as_raw();
    let actor = Actor::who_sees_all(format!("uid {user} on the command line"));
    let data_dir = DataDir::new(&configured.config.data_dir, SCHEMA_VERSION);
    let context = ChangeContext {
        check_binding: &|name, subdomain| check_binding(&data_dir, name, subdomain),
        load: &|| Config::load(configured.path).map_err(|error| error.to_string()),
        actor: &actor,
        now: Timestamp::now(),
    };
    let keys = sealing_key::KeyUse::of(&change, configured)?;
    let applied = changes::apply(&store(configured.config), name, change, &context);
    let written = applied.map_err(failure)?;
    keys.tell_what_changed();
    Ok(written.applied)
}

/// Prints each problem.
fn invalid(problems: &[String]) -> Failure {
    for problem in problems {
        eprintln!("error: {}", printable(problem));
    }
    Failure::Silent(MISUSED)
}

/// A wrong value exits with [`MISUSED`], anything else with [`FAILED`].
fn failure(error: ChangeError) -> Failure {
    let code = if error.is_misuse() { MISUSED } else { FAILED };
    if let ChangeError::Invalid(problems) | ChangeError::TestFailed(problems) = &error {
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        return invalid(&problems);
    }
    Failure::Error(code, error.into())
}

fn misused(problem: &'static str) -> Failure {
    Failure::Error(MISUSED, anyhow!(problem))
}
