//! Asks for the fields of a new Source, one by one, on the terminal.
//!
//! Each answer is checked as it is given. If the values are refused in the end, the answers are the defaults of the
//! next round. The questions about credentials are in [`mod@credentials`].

mod credentials;
mod terminal;

use std::io::{self, IsTerminal};

use serde_json::{Map, Value, json};

use self::terminal::{Choice, choose, is_yes, optional, required};
use super::misused;
use crate::cli::Failure;
use crate::cli::text::printable;
use crate::config::Config;
use crate::managed::changes::{self, Values};

/// The name of a new Source, and its values with the keys of the configuration file. They can contain a secret.
#[derive(Clone, Default)]
pub(super) struct Answers {
    pub name: String,
    pub values: Map<String, Value>,
}

/// One round of questions.
struct Dialog<'a> {
    config: &'a Config,
    /// The answers of the previous round.
    previous: Answers,
    answers: Answers,
}

/// Asks for everything. The answers of a previous round are the defaults.
pub(super) fn ask(config: &Config, previous: Answers) -> Result<Answers, Failure> {
    if !io::stdin().is_terminal() {
        return Err(misused(
            "the name is missing; write it after `source add`, or run the command on a terminal to be asked",
        ));
    }
    let mut dialog = Dialog {
        config,
        previous,
        answers: Answers::default(),
    };
    dialog.ask_name()?;
    dialog.ask_bucket()?;
    let may_be_of_the_machine = config.managed.limits.allow_machine_credentials;
    dialog.ask_until_valid("credentials", |previous| {
        credentials::ask(previous, may_be_of_the_machine)
    })?;
    dialog.ask_addresses()?;
    dialog.ask_until_valid("rules", |previous| ask_rules(previous.as_ref()))?;
    dialog.ask_freshness()?;
    Ok(dialog.answers)
}

impl Dialog<'_> {
    fn ask_name(&mut self) -> Result<(), Failure> {
        loop {
            self.answers.name = required("Name of the Source", &self.previous.name)?;
            let name = &self.answers.name;
            let is_taken = self.config.names().contains(&name.as_str());
            if is_taken {
                println!("There is already a Source {name:?}. Choose another name.");
            } else if !self.has_problem("name") {
                return Ok(());
            }
        }
    }

    fn ask_bucket(&mut self) -> Result<(), Failure> {
        self.ask_text("endpoint_url", |default| {
            let text = "Address of an S3-compatible store (empty for Amazon S3)";
            optional(text, default)
        })?;
        if self.answers.values.contains_key("endpoint_url") {
            let before = self.previous.values.get("path_style");
            let default = before.and_then(Value::as_bool).unwrap_or(true);
            let path_style = is_yes("Name the bucket in the path of requests", default)?;
            self.set("path_style", path_style.into());
            self.ask_text("region", |default| {
                optional("Region of the store (empty if it does not matter)", default)
            })?;
        }
        self.ask_text("bucket", |default| required("Bucket", default))?;
        self.ask_text("prefix", |default| {
            optional("Folder in the bucket (empty for all of it)", default)
        })
    }

    fn ask_addresses(&mut self) -> Result<(), Failure> {
        let name = self.answers.name.to_ascii_lowercase();
        self.ask_text("subdomain", |default| {
            let default = if default.is_empty() { &name } else { default };
            optional("Subdomain, for https://SUBDOMAIN.imgix.net", default)
        })?;
        self.ask_text("base_url", |default| {
            optional("Another address of the assets (empty for none)", default)
        })?;
        self.ask_text("thumbnail_url", |default| {
            let text = "Address of small pictures, with {path} or {key} (empty for the default)";
            optional(text, default)
        })
    }

    fn ask_freshness(&mut self) -> Result<(), Failure> {
        self.ask_until_valid("events", |previous| {
            let default = previous.as_ref().and_then(|it| it["queue_url"].as_str());
            let text = "URL of the queue with the bucket's events (empty for scans only)";
            let url = optional(text, default.unwrap_or_default())?;
            Ok((!url.is_empty()).then(|| json!({"queue_url": url})))
        })?;
        if self.answers.values.contains_key("events") {
            return Ok(());
        }
        let common = self.config.scan.reconcile_every.as_secs() / 60;
        self.ask_until_valid("reconcile_every_minutes", |previous| {
            let default = previous.map_or_else(|| common.to_string(), |it| it.to_string());
            let answer = optional("Minutes between two scans", &default)?;
            let minutes = answer.parse::<u64>();
            Ok(match minutes {
                Ok(minutes) if minutes == common => None,
                Ok(minutes) => Some(minutes.into()),
                Err(_) => Some(answer.into()),
            })
        })
    }

    /// Asks for a text. An empty one is no value.
    fn ask_text(
        &mut self,
        key: &'static str,
        ask: impl Fn(&str) -> Result<String, Failure>,
    ) -> Result<(), Failure> {
        self.ask_until_valid(key, |previous| {
            let default = previous.as_ref().and_then(Value::as_str);
            let answer = ask(default.unwrap_or_default())?;
            Ok((!answer.is_empty()).then(|| answer.into()))
        })
    }

    /// Asks until the answer is a valid value. `ask` gets the previous answer.
    fn ask_until_valid(
        &mut self,
        key: &'static str,
        ask: impl Fn(Option<Value>) -> Result<Option<Value>, Failure>,
    ) -> Result<(), Failure> {
        loop {
            let previous = self.previous.values.get(key).cloned();
            self.answers.values.remove(key);
            if let Some(value) = ask(previous)? {
                self.set(key, value);
            }
            if !self.has_problem(key) {
                return Ok(());
            }
        }
    }

    fn set(&mut self, key: &str, value: Value) {
        self.answers.values.insert(key.to_owned(), value);
    }

    /// Prints what is wrong with the value, if anything. Values that have not been asked for are missing, of course.
    fn has_problem(&self, key: &str) -> bool {
        let values = Values(self.answers.values.clone());
        let problems = changes::problems_of_new(&self.answers.name, values, self.config);
        let mut problems = problems.into_iter().filter(|problem| problem.is_in(key));
        let found = problems.next();
        if let Some(problem) = &found {
            println!("{}", printable(&problem.to_string()));
        }
        found.is_some()
    }
}

/// Asks which paths are assets: the four choices.
fn ask_rules(previous: Option<&Value>) -> Result<Option<Value>, Failure> {
    let paths_before = |key: &str| {
        let paths = previous.and_then(|rules| rules[key].as_array());
        paths.map(|paths| paths.iter().filter_map(Value::as_str).collect::<Vec<_>>())
    };
    let default = match previous {
        None => "1",
        Some(_) if paths_before("include").is_some() => "2",
        Some(_) if paths_before("exclude").is_some() => "4",
        Some(_) => "3",
    };
    let choices = [
        Choice("1", "all"),
        Choice("2", "only some paths"),
        Choice("3", "none"),
        Choice("4", "all except some paths"),
    ];
    let key = match choose("Which paths are assets?", &choices, default)? {
        "1" => return Ok(None),
        "3" => return Ok(Some(json!({"exclude": "all"}))),
        "2" => "include",
        _ => "exclude",
    };
    let before = paths_before(key).unwrap_or_default();
    let first = before.first().copied().unwrap_or_default();
    let mut paths = vec![required("Path, such as /images or **/*.jpg", first)?];
    loop {
        let default = before.get(paths.len()).copied().unwrap_or_default();
        match optional("Another path (empty to go on)", default)? {
            path if path.is_empty() => return Ok(Some(json!({key: paths}))),
            path => paths.push(path),
        }
    }
}

/// Asks to type the name of the Source again. Returns whether it is the same.
pub(super) fn confirms_removal(name: &str) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Err(misused(
            "removing a Source must be confirmed; run it on a terminal, or with --yes",
        ));
    }
    println!(
        "The assets of {name} leave search and the index. Its subdomain stays bound to this name. The bucket \
         is not changed."
    );
    Ok(optional("Type the name of the Source to remove it", "")? == name)
}
