//! `completions`: the scripts that complete commands, options and values in a shell.
//!
//! A script only asks this program what to offer, so the names of Sources and tokens are those of the configuration
//! in use. Nothing is printed if it cannot be read. No request is sent.

use std::ffi::{OsStr, OsString};
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use anyhow::{Context, anyhow};
use clap::CommandFactory;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use clap_complete::env::Shells;
use clap_complete::{CompleteEnv, Shell};

use super::{CONFIG_VARIABLE, DEFAULT_CONFIG, Failure};
use crate::config::Config;
use crate::core::query::SortBy;
use crate::search::FacetBy;
use crate::serve::access::tokens::TokenList;

/// The name of the program in shells.
const PROGRAM: &str = "asset-indexer";

/// The environment variable with which a script asks what to offer. Its value is the name of the shell.
const VARIABLE: &str = "ASSET_INDEXER_COMPLETE";

/// Prints the script for a shell.
pub(super) fn run(shell: Shell) -> Result<(), Failure> {
    let name = shell.to_string();
    let shells = Shells::builtins();
    let completer = shells
        .completer(&name)
        .ok_or_else(|| anyhow!("there are no completions for {name}"))?;
    // Into memory first, to tell a closed pipe from other errors.
    let mut script = Vec::new();
    completer
        .write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut script)
        .context("failed to write the completions")?;
    if shell == Shell::Zsh {
        script.extend_from_slice(ZSH_FIRST_CALL.as_bytes());
    }
    match std::io::stdout().write_all(&script) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(anyhow::Error::from(error).context("failed to print the completions"))?
        }
        // A closed pipe, for example `| head`, is not a failure.
        _ => Ok(()),
    }
}

/// If zsh loads the script as a function at the first completion, the script must also answer this one.
const ZSH_FIRST_CALL: &str = r#"
if [[ "$funcstack[1]" == _asset-indexer ]]; then
    _clap_dynamic_completer_asset_indexer
fi
"#;

/// If a script asks what to offer, answers and ends the process.
pub(super) fn answer() {
    CompleteEnv::with_factory(super::Arguments::command)
        .var(VARIABLE)
        .bin(PROGRAM)
        .completer(PROGRAM)
        .complete();
}

/// The names of the Sources.
pub(super) fn sources() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let config = config();
        let names = config.iter().flat_map(|config| config.names());
        names.map(CompletionCandidate::new).collect()
    })
}

/// The names of the access tokens.
pub(super) fn tokens() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let file = config().and_then(|config| config.serve.tokens);
        let tokens = file.and_then(|file| TokenList::read(&file).ok());
        let entries = tokens.into_iter().flat_map(|tokens| tokens.entries);
        entries
            .map(|entry| CompletionCandidate::new(entry.name))
            .collect()
    })
}

/// The sort orders.
pub(super) fn sorts() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let names = SortBy::ALL.map(SortBy::name);
        let reversed = names.map(|name| format!("-{name}"));
        let names = names.map(str::to_owned).into_iter().chain(reversed);
        names.map(CompletionCandidate::new).collect()
    })
}

/// The facets.
pub(super) fn facets() -> ArgValueCandidates {
    ArgValueCandidates::new(|| FacetBy::NAMES.map(CompletionCandidate::new).into())
}

/// The configuration of the command line that is completed. `None` if it cannot be used.
fn config() -> Option<Config> {
    // The script writes the words of the command line after `--`.
    let words = std::env::args_os().skip_while(|word| word != "--").skip(1);
    let named = config_option(words).or_else(|| std::env::var_os(CONFIG_VARIABLE));
    let path = named.unwrap_or_else(|| DEFAULT_CONFIG.into());
    Config::load(&PathBuf::from(path)).ok()
}

/// The value of `--config` on a command line.
fn config_option(words: impl Iterator<Item = OsString>) -> Option<OsString> {
    let mut words = words.skip_while(|word| !is_config_option(word));
    let option = words.next()?;
    let text = option.to_str()?;
    let attached = text
        .strip_prefix("--config=")
        .or_else(|| text.strip_prefix("-c").filter(|value| !value.is_empty()));
    match attached {
        Some(value) => Some(value.into()),
        // Bash makes a word of the sign in `--config=FILE`.
        None => words.find(|word| word != "="),
    }
}

fn is_config_option(word: &OsStr) -> bool {
    let text = word.to_str().unwrap_or_default();
    text == "--config" || text.starts_with("--config=") || text.starts_with("-c")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_configuration_on_the_command_line() {
        for (line, want) in [
            ("asset-indexer search --source", None),
            ("asset-indexer --config a.toml search", Some("a.toml")),
            ("asset-indexer --config=a.toml search", Some("a.toml")),
            ("asset-indexer --config = a.toml search", Some("a.toml")),
            ("asset-indexer search -c a.toml --source", Some("a.toml")),
            ("asset-indexer search -ca.toml", Some("a.toml")),
            ("asset-indexer search --config", None),
        ] {
            let words = line.split(' ').map(OsString::from);
            assert_eq!(config_option(words), want.map(OsString::from), "{line}");
        }
    }
}
