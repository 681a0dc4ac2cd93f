//! `token`: makes the tokens that let somebody read over HTTP, lists them, and takes them away.
//!
//! What is made is shown once; what is kept of it is in [`crate::serve::access`].

use std::io::{self, IsTerminal};
use std::path::Path;

use anyhow::anyhow;
use comfy_table::{ContentArrangement, Table, presets};
use jiff::Timestamp;

use super::text::say;
use super::{Failure, MISUSED, remove_each};
use crate::config::Config;
use crate::serve::access::entry::{self, Entry};
use crate::serve::access::token::Token;
use crate::serve::access::tokens::Tokens;
use crate::serve::access::{Right, Scope, TokensError, edit};

/// Make and take away the tokens that let somebody read over HTTP
///
/// They are kept, as hashes, in the file that `serve.tokens` names. A daemon that runs sees a change
/// within a second.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Make a token and print it: it is shown now and never again
    New(NewArguments),
    /// List the tokens: name, right, Sources, and when they expire
    List,
    /// Take tokens away; whoever has one cannot read any more
    Remove {
        /// As `token list` has them
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
}

/// What the token is to be.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("sources").required(true).args(["source", "all_sources"]))]
pub(super) struct NewArguments {
    /// By which it can be told from others, such as the name of who is to have it
    #[arg(long)]
    name: String,
    /// Let it see this Source; may be given several times
    #[arg(long, value_name = "NAME")]
    source: Vec<String>,
    /// Let it see all Sources, also those that are yet to come
    #[arg(long)]
    all_sources: bool,
    /// Let it read /metrics too
    #[arg(long)]
    admin: bool,
    /// The last day of its use (UTC), such as 2027-01-31, or the time of its end
    #[arg(long, value_name = "DATE", value_parser = expiry)]
    expires: Option<Timestamp>,
}

fn expiry(word: &str) -> Result<Timestamp, String> {
    let end = entry::expiry(word)?;
    if end > Timestamp::now() {
        Ok(end)
    } else {
        Err("it is over already".to_owned())
    }
}

/// Runs the command.
pub(super) fn run(command: &Command, config: &Config) -> Result<(), Failure> {
    let file = config.serve.tokens.as_deref().ok_or_else(|| {
        let text = "no tokens file is configured; write tokens = \"tokens\" in [serve], a file beside \
                    the configuration";
        Failure::Told(MISUSED, anyhow!(text))
    })?;
    match command {
        Command::New(arguments) => new(arguments, file, config),
        Command::List => list(file),
        Command::Remove { names } => remove(names, file),
    }
}

fn new(arguments: &NewArguments, file: &Path, config: &Config) -> Result<(), Failure> {
    let name = &arguments.name;
    entry::check_name(name).map_err(|problem| Failure::Told(MISUSED, anyhow!(problem)))?;
    let token = Token::generate().ok_or_else(|| anyhow!("the system gives no random bytes"))?;
    let sources = arguments.source.iter().map(String::as_str);
    let entry = Entry {
        name: name.clone(),
        right: if arguments.admin {
            Right::Admin
        } else {
            Right::Read
        },
        scope: if arguments.all_sources {
            Scope::All
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
        eprintln!("warning: there is no Source {source:?} in the configuration yet");
    }
    eprintln!(
        "The token {name:?} is in {} as a hash. Below is the token itself, which is shown only now; send \
         it as\n    Authorization: Bearer TOKEN",
        file.display()
    );
    say!("{token}");
    Ok(())
}

/// Of names as they can stand in the file.
fn scope<'n>(names: impl Iterator<Item = &'n str> + Clone) -> Result<Scope, Failure> {
    for name in names.clone() {
        entry::check_source(name).map_err(|problem| Failure::Told(MISUSED, anyhow!(problem)))?;
    }
    Ok(Scope::only(names))
}

fn list(file: &Path) -> Result<(), Failure> {
    let tokens = match Tokens::read(file) {
        Err(TokensError::Absent { .. }) => Tokens::default(),
        read => read.map_err(anyhow::Error::from)?,
    };
    let now = Timestamp::now();
    let rows = tokens.entries.iter().map(|entry| row(entry, now));
    if !io::stdout().is_terminal() {
        rows.for_each(|row| say!("{}", row.join("\t")));
        return Ok(());
    }
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(["NAME", "RIGHT", "SOURCES", "EXPIRES"])
        .add_rows(rows);
    match tokens.entries.len() {
        0 => say!("there is no token"),
        _ => say!("{table}"),
    }
    Ok(())
}

/// Name, right, Sources, and when it expires.
fn row(entry: &Entry, now: Timestamp) -> [String; 4] {
    let expires = match entry.expires {
        Some(end) if entry.is_expired(now) => format!("expired {end}"),
        Some(end) => end.to_string(),
        None => "never".to_owned(),
    };
    let right = entry.right.as_str().to_owned();
    [entry.name.clone(), right, entry.scope.to_string(), expires]
}

fn remove(names: &[String], file: &Path) -> Result<(), Failure> {
    remove_each(names, |name| {
        edit::remove(file, name).map_err(|error| error.to_string())
    })
}
