//! `manual`: writes a man page for each command, for packages.
//!
//! The pages contain the texts of `--help` and nothing else.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::CommandFactory;
use clap_mangen::Man;

use super::Failure;
use super::text::say;

/// Write a man page for each command into a folder
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The folder; it is created if it does not exist
    folder: PathBuf,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let folder = &arguments.folder;
    std::fs::create_dir_all(folder)
        .with_context(|| format!("failed to create the folder {}", folder.display()))?;
    let mut program = super::Arguments::command().disable_help_subcommand(true);
    // Copies the global options to every command.
    program.build();
    let written = write(&program, folder)?;
    say!("{written} pages are in {}", folder.display());
    Ok(())
}

/// Writes the pages of a command and its subcommands. Returns their number.
fn write(command: &clap::Command, folder: &Path) -> Result<usize, Failure> {
    let page = Man::new(command.clone());
    let path = folder.join(page.get_filename());
    let mut text = Vec::new();
    page.render(&mut text)
        .and_then(|()| std::fs::write(&path, &text))
        .with_context(|| format!("failed to write {}", path.display()))?;
    let below = command.get_subcommands().filter(|it| !it.is_hide_set());
    below
        .map(|it| write(it, folder))
        .sum::<Result<usize, _>>()
        .map(|written| written + 1)
}
