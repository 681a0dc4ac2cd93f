//! Why a message cannot be decoded.
//!
//! The text goes to logs and to the quarantine. It quotes little of the body, because bodies are long, and
//! anyone who may send to the queue can write anything into them.

use serde_json::Value;

use crate::core::human::printable_char;

/// Maximum number of characters of a body in one quote.
const MAX_QUOTED: usize = 80;

/// The message is not an S3 notification, or does not say what happened to which object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{location}found {found}, expected {expected}")]
pub struct DecodeError {
    /// The location in the message, from the outside in. Empty for the message itself.
    location: String,
    found: String,
    expected: &'static str,
}

impl DecodeError {
    /// Text from the message must go through [`quoted`] before it becomes part of `found`.
    pub(super) fn new(found: impl Into<String>, expected: &'static str) -> Self {
        Self {
            location: String::new(),
            found: found.into(),
            expected,
        }
    }

    /// Adds the part of the message that contains the error.
    pub(super) fn within(self, part: &str) -> Self {
        Self {
            location: format!("in {part}: {}", self.location),
            ..self
        }
    }
}

/// Quotes the beginning of a text and escapes deceptive characters, so that a message cannot control a
/// terminal.
pub(super) fn quoted(text: &str) -> String {
    let mut quote = String::from("\"");
    let mut left = MAX_QUOTED;
    for c in text.chars() {
        let escaped: String = printable_char(c).collect();
        match left.checked_sub(escaped.chars().count()) {
            Some(rest) => left = rest,
            None => {
                quote.push('…');
                break;
            }
        }
        quote.push_str(&escaped);
    }
    quote.push('"');
    quote
}

/// A value as text: the content of a string, the JSON of anything else.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Describes a value, for error texts.
pub(super) fn shape(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "true or false".to_owned(),
        Value::Number(_) => "a number".to_owned(),
        Value::String(text) => format!("the text {}", quoted(text)),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(fields) if fields.is_empty() => "an object without fields".to_owned(),
        Value::Object(fields) => {
            // Enough names to fill the quote.
            let names: Vec<&str> = fields.keys().take(MAX_QUOTED).map(String::as_str).collect();
            format!("an object with the fields {}", quoted(&names.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_short_and_escaped() {
        assert_eq!(quoted("a\u{1b}[2Jb\n"), r#""a\u{1b}[2Jb\n""#);
        for text in ["é".repeat(10_000), "\u{1b}".repeat(10_000)] {
            let quote = quoted(&text);
            assert!(quote.chars().count() <= MAX_QUOTED + 3, "{quote}");
            assert!(quote.ends_with("…\""), "{quote}");
        }
        assert_eq!(quoted(&"x".repeat(MAX_QUOTED)).len(), MAX_QUOTED + 2);
    }

    #[test]
    fn location_is_named_from_the_outside_in() {
        let error = DecodeError::new("no key", "a key").within("record 1 of 2");
        assert_eq!(
            error.within("the SNS message").to_string(),
            "in the SNS message: in record 1 of 2: found no key, expected a key"
        );
    }
}
