//! The parts that bucket and queue errors share.
//!
//! The kinds of failure, and what to do about each, are in `bucket::error` and `queue::error`.

use std::error::Error;
use std::fmt;
use std::io;

use crate::core::human::printable_char;

/// The longest detail that is kept, in characters.
const MAX_CHARACTERS: usize = 1_000;

/// How AWS or the network described a failure. It may be empty, and never contains a secret.
///
/// It is safe to print: deceptive characters are escaped, because the text comes from a server and must
/// not control a terminal. A longer text is cut after 1,000 characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorDetail(String);

impl ErrorDetail {
    /// Escapes and cuts the text.
    pub fn new(text: &str) -> Self {
        let kept = text.chars().take(MAX_CHARACTERS);
        Self(kept.flat_map(printable_char).collect())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Prints the text in parentheses after a space, or nothing if there is no text.
impl fmt::Display for ErrorDetail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        write!(f, " ({})", self.0)
    }
}

/// The error and the chain of its sources. [`Error::source`] skips the error inside of an [`io::Error`], so this uses
/// [`io::Error::get_ref`].
pub(crate) fn chain<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        match error.downcast_ref::<io::Error>() {
            Some(error) => error.get_ref().map(|inner| inner as _),
            None => error.source(),
        }
    })
}

/// The error and all its sources in one line.
pub(crate) fn describe(error: &(dyn Error + 'static)) -> String {
    let mut parts: Vec<String> = chain(error).map(ToString::to_string).collect();
    parts.dedup();
    parts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_control_characters() {
        let detail = ErrorDetail::new("\u{1b}[2Jgone\r\n\u{9b}1m\u{202e} é");
        assert_eq!(detail.as_str(), "\\u{1b}[2Jgone\\r\\n\\u{9b}1m\\u{202e} é");
    }

    #[test]
    fn cuts_a_long_text() {
        let detail = ErrorDetail::new(&"é".repeat(10_000));
        assert_eq!(detail.as_str().chars().count(), MAX_CHARACTERS);
    }

    #[test]
    fn prints_parentheses_only_around_text() {
        assert_eq!(ErrorDetail::new("why").to_string(), " (why)");
        assert_eq!(ErrorDetail::default().to_string(), "");
    }
}
