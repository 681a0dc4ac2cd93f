//! What is wrong with a configuration: where it stands, what stands there, and what to write.
//!
//! No error holds a line of the text: it might hold a secret.

use std::path::PathBuf;

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file, or the folder `sources.d`, that cannot be read.
    #[error("cannot read the configuration {}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A text that is no TOML, or has a key that means nothing or another kind of value.
    #[error("{}:{line}: {problem}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong and what was expected.
        problem: String,
    },
    /// A value that cannot be meant.
    #[error("{}: {source_name}{value}", path.display())]
    InvalidValue {
        /// The file.
        path: PathBuf,
        /// Empty, or the Source as in `source "photos": `.
        source_name: String,
        /// The value, and what is wrong with it.
        value: InvalidValue,
    },
}

/// One value that cannot be meant.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}{}: {problem}", value.as_ref().map(|value| format!(" = {value}")).unwrap_or_default())]
pub struct InvalidValue {
    /// Such as `events.queue_url`.
    pub key: String,
    /// As it would stand in TOML; `None` where it might be a secret, or is not there.
    pub value: Option<String>,
    /// What is wrong with it and what to write instead.
    pub problem: String,
}

impl InvalidValue {
    /// A text that cannot be meant.
    pub fn text(key: impl Into<String>, value: &str, problem: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            value: Some(format!("{value:?}")),
            problem: problem.into(),
        }
    }

    /// A value that is not shown.
    pub fn hidden(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            value: None,
            problem: problem.into(),
        }
    }

    /// The same below another key.
    pub fn below(mut self, key: &str) -> Self {
        self.key = format!("{key}.{}", self.key);
        self
    }
}
