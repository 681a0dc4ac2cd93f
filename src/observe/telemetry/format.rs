//! In which form logs are written: as it is asked for, or as suits whoever reads standard error.
//!
//! What is written is not decided here.

use std::io::IsTerminal;

use super::journal;

/// The form of logs.
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

/// Who most likely reads standard error where it is neither a terminal nor the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Someone who called a command and kept what it said.
    Person,
    /// Whatever collects the logs of services.
    Program,
}

/// What standard error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stream {
    Terminal,
    Journal,
    Other,
}

impl LogFormat {
    /// The form that is meant; never [`LogFormat::Auto`].
    pub(super) fn resolved(self, reader: Audience) -> Self {
        match self {
            Self::Auto => suited_to(standard_error(), reader),
            asked => asked,
        }
    }
}

fn suited_to(stream: Stream, reader: Audience) -> LogFormat {
    match (stream, reader) {
        (Stream::Journal, _) => LogFormat::Journald,
        (Stream::Other, Audience::Program) => LogFormat::Json,
        (Stream::Terminal, _) | (Stream::Other, Audience::Person) => LogFormat::Text,
    }
}

fn standard_error() -> Stream {
    let stderr = std::io::stderr();
    if stderr.is_terminal() {
        return Stream::Terminal;
    }
    let said = std::env::var("JOURNAL_STREAM").ok();
    let is_said = said.is_some_and(|said| {
        rustix::fs::fstat(&stderr)
            .is_ok_and(|about| said == format!("{}:{}", about.st_dev, about.st_ino))
    });
    // Also where the variable was inherited and the journal is out of reach: then text will do.
    if is_said && journal::Journal::open().is_ok() {
        Stream::Journal
    } else {
        Stream::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stream_has_its_form() {
        use {Audience::*, LogFormat::*, Stream::*};
        for (stream, reader, format) in [
            (Terminal, Program, Text),
            (Terminal, Person, Text),
            (Journal, Program, Journald),
            (Journal, Person, Journald),
            (Other, Program, Json),
            (Other, Person, Text),
        ] {
            assert_eq!(suited_to(stream, reader), format, "{stream:?} {reader:?}");
        }
    }

    #[test]
    fn what_is_asked_for_is_what_is_meant() {
        for format in [LogFormat::Text, LogFormat::Json, LogFormat::Journald] {
            assert_eq!(format.resolved(Audience::Program), format);
        }
    }
}
