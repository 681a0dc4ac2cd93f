//! Errors of the configuration: the place, the value, what is wrong with it, and what to set instead.
//!
//! No error contains a line of the file, because it could contain a secret.

use std::fmt;
use std::path::{Path, PathBuf};

/// Why a configuration cannot be used: all mistakes that were found, at least one, by file and line.
#[derive(Debug)]
pub struct ConfigError {
    mistakes: Vec<Mistake>,
}

impl ConfigError {
    /// An error with these mistakes. Sorts them: first the ones in `main`, then by file and line.
    pub(super) fn new(mut mistakes: Vec<Mistake>, main: &Path) -> Self {
        mistakes.sort_by(|left, right| {
            let place = |mistake: &Mistake| (mistake.path() != main, mistake.line());
            let (left_place, right_place) = (place(left), place(right));
            let by_file = left_place.0.cmp(&right_place.0);
            let by_file = by_file.then_with(|| left.path().cmp(right.path()));
            by_file.then_with(|| left_place.1.cmp(&right_place.1))
        });
        Self { mistakes }
    }

    /// The mistakes.
    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }
}

/// One mistake in each line.
impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.mistakes.iter().enumerate() {
            let line_break = if index > 0 { "\n" } else { "" };
            write!(f, "{line_break}{mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// One mistake in a configuration.
#[derive(Debug, thiserror::Error)]
pub enum Mistake {
    /// A file, or the folder `sources.d`, cannot be read.
    #[error("failed to read the configuration {}: {cause}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// Why it cannot be read.
        cause: std::io::Error,
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
    #[error("{}:{line}: {source_name}{value}", path.display())]
    InvalidValue {
        /// The file.
        path: PathBuf,
        /// The line of the key, or of the table that lacks it, counted from 1.
        line: usize,
        /// Names the Source, as in `source "photos": `. Empty if the value does not belong to a Source.
        source_name: String,
        /// The value, and what is wrong with it.
        value: InvalidValue,
    },
}

impl Mistake {
    fn path(&self) -> &Path {
        match self {
            Self::Unreadable { path, .. }
            | Self::Malformed { path, .. }
            | Self::InvalidValue { path, .. } => path,
        }
    }

    fn line(&self) -> usize {
        match self {
            Self::Unreadable { .. } => 0,
            Self::Malformed { line, .. } | Self::InvalidValue { line, .. } => *line,
        }
    }
}

/// The values that are not allowed. It collects them, so that one report has all of them.
#[derive(Debug, Default)]
pub(super) struct InvalidValues(pub Vec<InvalidValue>);

impl InvalidValues {
    /// Returns the value. If it is not allowed, keeps the error and returns the default, so that the caller can
    /// continue with the next value.
    pub(super) fn accept<T: Default>(&mut self, checked: Result<T, InvalidValue>) -> T {
        checked.unwrap_or_else(|error| {
            self.0.push(error);
            T::default()
        })
    }

    /// The same for a value that must be set. `what` says what to set.
    pub(super) fn require(
        &mut self,
        key: &str,
        value: Option<String>,
        what: &str,
    ) -> Option<String> {
        if value.is_none() {
            let problem = format!("missing; set {what}");
            self.0.push(InvalidValue::hidden(key, problem));
        }
        value
    }
}

/// One value that is not allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
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

    /// Whether the value is the one of this key, or a part of it.
    pub fn is_in(&self, key: &str) -> bool {
        let below = self.key.strip_prefix(key);
        below.is_some_and(|rest| rest.is_empty() || key.is_empty() || rest.starts_with(['.', '[']))
    }

    /// Puts the key below another key, as in `events.credentials`.
    pub fn below(mut self, key: &str) -> Self {
        self.key = format!("{key}.{}", self.key);
        self
    }
}
