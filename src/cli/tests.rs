//! Checks that the commands in the run-book parse.

use clap::Parser;
use clap::error::ErrorKind;

use super::Arguments;

/// The run-book.
const RUNBOOK: &str = include_str!("../../deploy/README.md");

/// Splits a command into words like a shell. It knows single quotes.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (number, part) in command.split('\'').enumerate() {
        match number % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            _ => words.push(part.to_owned()),
        }
    }
    words
}

/// The commands of this program in a text: in indented lines and between backticks, also after `systemd-run`.
fn commands(text: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("    "));
    let lines = lines.map(str::trim_start);
    let runs_it = |line: &&str| {
        ["asset-indexer ", "systemd-run "]
            .iter()
            .any(|it| line.starts_with(it))
    };
    let inline = text.split('`').skip(1).step_by(2);
    let is_command = |part: &&str| part.starts_with("asset-indexer ");
    let all = lines.filter(runs_it).chain(inline.filter(is_command));
    let from_name = |line: &str| {
        let start = if line.starts_with("asset-indexer ") {
            0
        } else {
            line.rfind(" asset-indexer ")? + 1
        };
        let command = line[start..].split("  #").next()?;
        let command = command.trim_end().trim_end_matches(" &&");
        Some(command.trim_end().to_owned())
    };
    all.filter_map(from_name).collect()
}

#[test]
fn run_book_commands_parse() {
    let commands = commands(RUNBOOK);
    assert!(commands.len() > 40, "only {} were found", commands.len());
    for command in commands {
        if let Err(error) = Arguments::try_parse_from(words(&command)) {
            assert_eq!(error.kind(), ErrorKind::DisplayHelp, "{command}: {error}");
        }
    }
}

#[test]
fn command_definitions_are_consistent() {
    use clap::CommandFactory;
    Arguments::command().debug_assert();
}
