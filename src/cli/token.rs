//! `token`: creates, lists and removes access tokens for HTTP.
//!
//! A token is shown once. [`crate::serve::access`] stores only its hash.

use std::io::{self, IsTerminal};
use std::path::Path;

use anyhow::{Context, anyhow};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::text::say;
use super::{Failure, MISUSED, completions, remove_each, terminal};
use crate::config::Config;
use crate::core::json;
use crate::serve::access::entry::{self, TokenEntry};
use crate::serve::access::token::Token;
use crate::serve::access::tokens::TokenList;
use crate::serve::access::{AccessLevel, SourceScope, TokenFileError, edit};

/// Create, list and remove access tokens for HTTP
///
/// The file that `serve.tokens` names holds only their hashes. A running daemon notices a change within a
/// second.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Create a token and print it; it cannot be shown again
    New(NewArguments),
    /// List the tokens: name, right, Sources, expiry
    List {
        /// Print one JSON object per line
        #[arg(long)]
        json: bool,
    },
    /// Remove tokens; requests with them are refused from then on
    Remove {
        /// Names from `token list`
        #[arg(required = true, value_name = "NAME", add = completions::tokens())]
        names: Vec<String>,
    },
}

/// The properties of a new token.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("sources").required(true).args(["source", "all_sources"]))]
pub(super) struct NewArguments {
    /// Name of the token, for example the name of its user
    #[arg(long)]
    name: String,
    /// Allow access to this Source; repeat it for more
    #[arg(long, value_name = "NAME", add = completions::sources())]
    source: Vec<String>,
    /// Allow access to all Sources, including future ones
    #[arg(long)]
    all_sources: bool,
    /// Also allow access to /metrics
    #[arg(long)]
    admin: bool,
    /// Also allow changing and removing these Sources, and creating new ones with --all-sources; includes --admin
    #[arg(long)]
    manage: bool,
    /// Last valid day (UTC), for example 2027-01-31, or the time of expiry
    #[arg(long, value_name = "DATE", value_parser = expiry)]
    expires: Option<Timestamp>,
}

impl NewArguments {
    fn level(&self) -> AccessLevel {
        match (self.manage, self.admin) {
            (true, _) => AccessLevel::Manage,
            (false, true) => AccessLevel::Admin,
            (false, false) => AccessLevel::Read,
        }
    }
}

fn expiry(word: &str) -> Result<Timestamp, String> {
    let end = entry::expiry(word)?;
    if end > Timestamp::now() {
        Ok(end)
    } else {
        Err("this time is in the past".to_owned())
    }
}

/// Runs the command.
pub(super) fn run(command: &Command, config: &Config) -> Result<(), Failure> {
    let file = config.serve.tokens.as_deref().ok_or_else(|| {
        let text = "no token file is configured; write tokens = \"tokens\" in [serve], a file next to \
                    the configuration";
        Failure::Error(MISUSED, anyhow!(text))
    })?;
    match command {
        Command::New(arguments) => new(arguments, file, config),
        Command::List { json } => list(file, *json),
        Command::Remove { names } => remove(names, file),
    }
}

fn new(arguments: &NewArguments, file: &Path, config: &Config) -> Result<(), Failure> {
    let name = &arguments.name;
    entry::check_name(name).map_err(|problem| Failure::Error(MISUSED, anyhow!(problem)))?;
    let token = Token::generate()
        .ok_or_else(|| anyhow!("the operating system returned no random bytes"))?;
    let sources = arguments.source.iter().map(String::as_str);
    let entry = TokenEntry {
        name: name.clone(),
        level: arguments.level(),
        scope: if arguments.all_sources {
            SourceScope::All
        } else {
            scope(sources)?
        },
        hash: token.hash(),
        expires: arguments.expires,
    };
    edit::add(file, &entry).map_err(anyhow::Error::from)?;
    let known = config.names();
    for source in arguments
        .source
        .iter()
        .filter(|name| !known.contains(&name.as_str()))
    {
        eprintln!("warning: the configuration has no Source {source:?} yet");
    }
    eprintln!(
        "The hash of token {name:?} is stored in {}. The token follows. It cannot be shown again. Send it \
         as\n    Authorization: Bearer TOKEN",
        file.display()
    );
    say!("{token}");
    Ok(())
}

/// Checks the names and makes them a scope.
fn scope<'n>(names: impl Iterator<Item = &'n str> + Clone) -> Result<SourceScope, Failure> {
    for name in names.clone() {
        entry::check_source_name(name)
            .map_err(|problem| Failure::Error(MISUSED, anyhow!(problem)))?;
    }
    Ok(SourceScope::only(names))
}

fn list(file: &Path, json: bool) -> Result<(), Failure> {
    let tokens = match TokenList::read(file) {
        Err(TokenFileError::Absent { .. }) => TokenList::default(),
        read => read.map_err(anyhow::Error::from)?,
    };
    let now = Timestamp::now();
    if json {
        for entry in &tokens.entries {
            let line = json::to_line(&json_of(entry, now)).context("failed to write JSON")?;
            say!("{line}");
        }
        return Ok(());
    }
    let rows = tokens.entries.iter().map(|entry| row(entry, now));
    if !io::stdout().is_terminal() {
        rows.for_each(|row| say!("{}", row.join("\t")));
        return Ok(());
    }
    let mut table = terminal::table();
    table
        .set_header(["NAME", "RIGHT", "SOURCES", "EXPIRES"])
        .add_rows(rows);
    match tokens.entries.len() {
        0 => say!("no tokens"),
        _ => say!("{table}"),
    }
    Ok(())
}

/// `schema/commands.md` describes it. It has no hash: nobody needs it, and it helps to guess a weak token.
fn json_of(entry: &TokenEntry, now: Timestamp) -> Value {
    json!({
        "name": entry.name,
        "right": entry.level.as_str(),
        "sources": match &entry.scope {
            SourceScope::All => None,
            SourceScope::Only(names) => Some(&**names),
        },
        "expires": entry.expires.map(|end| end.to_string()),
        "expired": entry.is_expired(now),
    })
}

/// Name, right, Sources, expiry.
fn row(entry: &TokenEntry, now: Timestamp) -> [String; 4] {
    let expires = match entry.expires {
        Some(end) if entry.is_expired(now) => format!("expired {end}"),
        Some(end) => end.to_string(),
        None => "never".to_owned(),
    };
    let right = entry.level.as_str().to_owned();
    [entry.name.clone(), right, entry.scope.to_string(), expires]
}

fn remove(names: &[String], file: &Path) -> Result<(), Failure> {
    remove_each(names, |name| {
        edit::remove(file, name).map_err(|error| error.to_string())
    })
}
