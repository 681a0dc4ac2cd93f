//! Why a message cannot be read.
//!
//! The text is for a log and for the one who looks at what was set aside: it quotes little of the
//! body, because bodies are long and anyone with a right to send can write into them.

use serde_json::Value;

/// The most characters of a body that one text quotes.
const MAX_QUOTED: usize = 80;

/// A message that is no notification of S3, or not one that tells what happened to which object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}found {found}, expected {expected}")]
pub struct DecodeError {
    /// Where in the message, from the outside in; empty for the message itself.
    place: String,
    found: String,
    expected: &'static str,
}

impl DecodeError {
    /// `found` must have passed [`quoted`] where it comes from the message.
    pub(super) fn new(found: impl Into<String>, expected: &'static str) -> Self {
        Self {
            place: String::new(),
            found: found.into(),
            expected,
        }
    }

    /// The same, in a part of what it is now said of.
    pub(super) fn within(self, part: &str) -> Self {
        Self {
            place: format!("in {part}: {}", self.place),
            ..self
        }
    }
}

/// The beginning of a text between quotes, with control characters spelled out, so that what
/// somebody sends cannot command a terminal.
pub(super) fn quoted(text: &str) -> String {
    let mut quote = String::from("\"");
    let mut room = MAX_QUOTED;
    for c in text.chars() {
        let spelled = if c.is_control() {
            c.escape_default().to_string()
        } else {
            c.to_string()
        };
        match room.checked_sub(spelled.chars().count()) {
            Some(left) => room = left,
            None => {
                quote.push('…');
                break;
            }
        }
        quote.push_str(&spelled);
    }
    quote.push('"');
    quote
}

/// A value as text: a string as it stands, anything else as JSON.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What a value is, for a text that says what was found.
pub(super) fn shape(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "true or false".to_owned(),
        Value::Number(_) => "a number".to_owned(),
        Value::String(text) => format!("the text {}", quoted(text)),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(fields) if fields.is_empty() => "an object without fields".to_owned(),
        Value::Object(fields) => {
            // Names enough to fill the quote; each takes a character and a separator at least.
            let names: Vec<&str> = fields.keys().take(MAX_QUOTED).map(String::as_str).collect();
            format!("an object with the fields {}", quoted(&names.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_is_short_and_commands_no_terminal() {
        assert_eq!(quoted("a\u{1b}[2Jb\n"), r#""a\u{1b}[2Jb\n""#);
        for text in ["é".repeat(10_000), "\u{1b}".repeat(10_000)] {
            let quote = quoted(&text);
            assert!(quote.chars().count() <= MAX_QUOTED + 3, "{quote}");
            assert!(quote.ends_with("…\""), "{quote}");
        }
        assert_eq!(quoted(&"x".repeat(MAX_QUOTED)).len(), MAX_QUOTED + 2);
    }

    #[test]
    fn a_place_is_told_from_the_outside_in() {
        let error = DecodeError::new("no key", "a key").within("record 1 of 2");
        assert_eq!(
            error.within("the SNS message").to_string(),
            "in the SNS message: in record 1 of 2: found no key, expected a key"
        );
    }
}
