//! The log format: the requested one, or one that fits the reader of standard error.
//!
//! This module does not decide what is logged.

use std::io::IsTerminal;

use super::journal;

/// The format of logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// Text on a terminal, journald under systemd; elsewhere JSON from the daemon and text from other
    /// commands
    #[default]
    Auto,
    /// A line of text for each message
    Text,
    /// A JSON object on a line for each message
    Json,
    /// Entries of the systemd journal, with a field for each field of the message
    Journald,
}

/// The expected reader of standard error if it is neither a terminal nor the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// A person who ran a command and redirected its output.
    Person,
    /// A program that collects the logs of services.
    Program,
}

/// The kind of stream that standard error is connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stream {
    Terminal,
    Journal,
    Other,
}

impl LogFormat {
    /// Replaces [`LogFormat::Auto`] by the format that fits.
    pub(super) fn resolved(self, reader: Audience) -> Self {
        match self {
            Self::Auto => resolve_auto(standard_error(), reader),
            requested => requested,
        }
    }
}

fn resolve_auto(stream: Stream, reader: Audience) -> LogFormat {
    match (stream, reader) {
        (Stream::Journal, _) => LogFormat::Journald,
        (Stream::Other, Audience::Program) => LogFormat::Json,
        (Stream::Terminal, _) | (Stream::Other, Audience::Person) => LogFormat::Text,
    }
}

/// Detects what standard error is connected to.
fn standard_error() -> Stream {
    let stderr = std::io::stderr();
    if stderr.is_terminal() {
        return Stream::Terminal;
    }
    let variable = std::env::var("JOURNAL_STREAM").ok();
    let is_journal = variable.is_some_and(|variable| {
        rustix::fs::fstat(&stderr)
            .is_ok_and(|stat| variable == format!("{}:{}", stat.st_dev, stat.st_ino))
    });
    // The variable may be inherited while the journal cannot be reached.
    if is_journal && journal::Journal::open().is_ok() {
        Stream::Journal
    } else {
        Stream::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_depends_on_stream_and_reader() {
        use {Audience::*, LogFormat::*, Stream::*};
        for (stream, reader, format) in [
            (Terminal, Program, Text),
            (Terminal, Person, Text),
            (Journal, Program, Journald),
            (Journal, Person, Journald),
            (Other, Program, Json),
            (Other, Person, Text),
        ] {
            assert_eq!(
                resolve_auto(stream, reader),
                format,
                "{stream:?} {reader:?}"
            );
        }
    }

    #[test]
    fn requested_format_is_used() {
        for format in [LogFormat::Text, LogFormat::Json, LogFormat::Journald] {
            assert_eq!(format.resolved(Audience::Program), format);
        }
    }
}
