//! Errors of the configuration: the place, the value, what is wrong with it, and what to set instead.
//!
//! No error contains a line of the file, because it could contain a secret.

use std::path::PathBuf;

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file, or the folder `sources.d`, cannot be read.
    #[error("failed to read the configuration {}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// Why it cannot be read.
        source: std::io::Error,
    },
    /// The text is not TOML, or a key is unknown, or a value has the wrong type.
    #[error("{}:{line}: {problem}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The problem, and the expected value.
        problem: String,
    },
    /// A value is not allowed.
    #[error("{}: {source_name}{value}", path.display())]
    InvalidValue {
        /// The file.
        path: PathBuf,
        /// Names the Source, as in `source "photos": `. Empty if the value does not belong to a Source.
        source_name: String,
        /// The value, and what is wrong with it.
        value: InvalidValue,
    },
}

/// One value that is not allowed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}{}: {problem}", value.as_ref().map(|value| format!(" = {value}")).unwrap_or_default())]
pub struct InvalidValue {
    /// The key, such as `events.queue_url`.
    pub key: String,
    /// The value in TOML syntax. `None` if it is missing or could be a secret.
    pub value: Option<String>,
    /// The problem, and what to set instead.
    pub problem: String,
}

impl InvalidValue {
    /// An error about a text. The message shows it.
    pub fn text(key: impl Into<String>, value: &str, problem: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            value: Some(format!("{value:?}")),
            problem: problem.into(),
        }
    }

    /// An error whose message does not show the value.
    pub fn hidden(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            value: None,
            problem: problem.into(),
        }
    }

    /// Puts the key below another key, as in `events.credentials`.
    pub fn below(mut self, key: &str) -> Self {
        self.key = format!("{key}.{}", self.key);
        self
    }
}
