//! The commands that are printed for people can be given as they stand there.

use clap::Parser;
use clap::error::ErrorKind;

use super::Arguments;

/// What an operator reads.
const RUNBOOK: &str = include_str!("../../deploy/README.md");

/// The words of a command as a shell splits them; it knows single quotes.
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

/// The commands of a text, with the program's name: in lines that are indented or between backticks, where the
/// line is one of the program or of what runs it.
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
        let place = if line.starts_with("asset-indexer ") {
            0
        } else {
            line.rfind(" asset-indexer ")? + 1
        };
        let command = line[place..].split("  #").next()?;
        let command = command.trim_end().trim_end_matches(" &&");
        Some(command.trim_end().to_owned())
    };
    all.filter_map(from_name).collect()
}

#[test]
fn the_commands_of_the_run_book_can_be_given() {
    let commands = commands(RUNBOOK);
    assert!(commands.len() > 40, "only {} were found", commands.len());
    for command in commands {
        if let Err(error) = Arguments::try_parse_from(words(&command)) {
            assert_eq!(error.kind(), ErrorKind::DisplayHelp, "{command}: {error}");
        }
    }
}

#[test]
fn the_definition_of_the_commands_holds() {
    use clap::CommandFactory;
    Arguments::command().debug_assert();
}
