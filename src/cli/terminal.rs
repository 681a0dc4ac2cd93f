//! The terminal that shows the output: how wide it is, and whether it shows colors. This module prints nothing.

use std::ffi::OsString;
use std::io::{self, IsTerminal};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use rustix::termios::tcgetwinsize;

/// Maximum number of columns of help texts. Longer lines are hard to read.
const MAX_HELP_COLUMNS: usize = 100;

/// When output is colored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set or TERM is dumb
    #[default]
    Auto,
    /// Also in files and pipes
    Always,
    /// Never
    Never,
}

impl ColorChoice {
    /// Whether standard output is colored.
    pub(super) fn is_colored(self) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => {
                io::stdout().is_terminal() && allows_colors(|name| std::env::var_os(name))
            }
        }
    }
}

/// Whether the environment allows colors. <https://no-color.org>
fn allows_colors(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let forbids = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
    let has_colors = variable("TERM").is_some_and(|term| !term.is_empty() && term != "dumb");
    has_colors && !forbids
}

/// The number of columns of standard output. `None` means no limit: standard output is not a terminal, or it says
/// that it has 0 columns, so its width is unknown. `COLUMNS` in the environment has precedence over the terminal.
pub(super) fn columns() -> Option<u16> {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    let wanted = std::env::var("COLUMNS").ok();
    let measured = || tcgetwinsize(&stdout).ok().map(|size| size.ws_col);
    limit(wanted.as_deref(), measured)
}

/// The limit that `COLUMNS` sets, or else the measured one. 0 means no limit.
fn limit(wanted: Option<&str>, measured: impl FnOnce() -> Option<u16>) -> Option<u16> {
    let wanted = wanted.and_then(|text| text.trim().parse().ok());
    wanted.or_else(measured).filter(|columns| *columns > 0)
}

/// The number of columns of help texts.
pub(super) fn help_columns() -> usize {
    columns().map_or(MAX_HELP_COLUMNS, |columns| {
        MAX_HELP_COLUMNS.min(columns.into())
    })
}

/// A table without lines that fits the terminal.
pub(super) fn table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if let Some(columns) = columns() {
        table
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(columns);
    }
    table
}

/// Aligns a column of numbers.
pub(super) fn align_right(table: &mut Table, column: usize) {
    if let Some(column) = table.column_mut(column) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environment_can_forbid_colors() {
        for (no_color, term, want) in [
            (None, Some("xterm"), true),
            (Some(""), Some("xterm"), true),
            (Some("1"), Some("xterm"), false),
            (None, Some("dumb"), false),
            (None, None, false),
        ] {
            let variable = |name: &str| match name {
                "NO_COLOR" => no_color.map(OsString::from),
                _ => term.map(OsString::from),
            };
            assert_eq!(allows_colors(variable), want, "{no_color:?} {term:?}");
        }
    }

    #[test]
    fn zero_columns_mean_no_limit() {
        for (wanted, measured, want) in [
            (None, Some(80), Some(80)),
            (Some("120"), Some(80), Some(120)),
            (Some("0"), Some(80), None),
            (Some("wide"), Some(80), Some(80)),
            (None, Some(0), None),
            (None, None, None),
        ] {
            assert_eq!(limit(wanted, || measured), want, "{wanted:?} {measured:?}");
        }
    }
}
