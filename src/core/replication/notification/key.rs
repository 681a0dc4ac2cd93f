//! Decodes the key of an event. The envelope decides how, never the look of the key.
//!
//! S3 form-encodes keys for SQS and SNS, but not for EventBridge.

use std::borrow::Cow;

use serde_json::Value;

use super::decode_error::{DecodeError, quoted, shape};
use crate::core::replication::unusable_key::escaped;

/// The maximum length of a key in S3, in bytes of UTF-8.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>
const MAX_KEY_BYTES: usize = 1024;

/// How an envelope encodes keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyEncoding {
    /// `application/x-www-form-urlencoded`: `+` for a space, `%` and two hex digits for a byte.
    Form,
    /// Not encoded.
    Plain,
}

/// The key of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum WrittenKey {
    /// A key that the index can have.
    Usable(String),
    /// A key that is not UTF-8, as a text for people.
    NotUtf8(String),
}

/// Decodes the key in a field. A key that is not UTF-8 is an error.
pub(super) fn decode(field: &Value, encoding: KeyEncoding) -> Result<String, DecodeError> {
    match read(field, encoding)? {
        WrittenKey::Usable(key) => Ok(key),
        WrittenKey::NotUtf8(text) => {
            let found = format!("the key {} with bytes that are not UTF-8", quoted(&text));
            Err(DecodeError::new(found, "a form-encoded key"))
        }
    }
}

/// Decodes the key in a field.
///
/// A form encoder writes every `%` as `%25`. So a `%` without two hex digits proves that the sender does
/// not encode as its envelope requires. This is an error, because a guess could name another key.
pub(super) fn read(field: &Value, encoding: KeyEncoding) -> Result<WrittenKey, DecodeError> {
    let written = match field {
        Value::String(text) => text,
        Value::Null => return Err(DecodeError::new("no key", "the key of an object")),
        other => {
            let found = format!("a key that is {}", shape(other));
            return Err(DecodeError::new(found, "text"));
        }
    };
    let key = match encoding {
        KeyEncoding::Plain => written.clone(),
        KeyEncoding::Form => {
            let bytes = form_decode(written).map_err(|fault| {
                let found = format!("the key {} with {fault}", quoted(written));
                DecodeError::new(found, "a form-encoded key")
            })?;
            match String::from_utf8(bytes) {
                Ok(key) => key,
                Err(error) => return Ok(WrittenKey::NotUtf8(escaped(error.as_bytes()))),
            }
        }
    };
    match key.len() {
        0 => Err(DecodeError::new("an empty key", "the key of an object")),
        1..=MAX_KEY_BYTES => Ok(WrittenKey::Usable(key)),
        bytes => {
            let found = format!("a key of {bytes} bytes, {}", quoted(&key));
            Err(DecodeError::new(found, "at most 1024 bytes"))
        }
    }
}

/// Decodes form encoding. Characters that are not encoded stay.
fn form_decode(written: &str) -> Result<Vec<u8>, &'static str> {
    let spaced = if written.contains('+') {
        Cow::Owned(written.replace('+', " "))
    } else {
        Cow::Borrowed(written)
    };
    let mut parts = spaced.split('%');
    let mut bytes = Vec::with_capacity(spaced.len());
    bytes.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
    for part in parts {
        let (digits, tail) = part
            .as_bytes()
            .split_first_chunk()
            .ok_or("a percent escape that is cut off")?;
        bytes.push(byte_of(*digits).ok_or("a percent escape that is not two hex digits")?);
        bytes.extend_from_slice(tail);
    }
    Ok(bytes)
}

fn byte_of([high, low]: [u8; 2]) -> Option<u8> {
    let digit = |b: u8| {
        char::from(b)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    Some(digit(high)? << 4 | digit(low)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn form_encoded_keys_are_decoded_once() {
        for (written, want) in [
            ("a/b.jpg", "a/b.jpg"),
            ("a%2Fb%2fc", "a/b/c"),
            ("red+flower.jpg", "red flower.jpg"),
            ("red%20flower.jpg", "red flower.jpg"),
            ("1%2B1", "1+1"),
            ("100%25", "100%"),
            ("%252B", "%2B"),
            ("a%00%0D%0A%7F", "a\0\r\n\u{7f}"),
            ("%F0%9F%8C%B5", "🌵"),
            ("é+%C3%A9", "é é"),
            ("//..//./", "//..//./"),
            ("+", " "),
        ] {
            let key = decode(&Value::from(written), KeyEncoding::Form);
            assert_eq!(key.as_deref(), Ok(want), "{written}");
        }
    }

    #[test]
    fn plain_keys_are_not_decoded() {
        for key in ["a+b%2F%", "100% red.jpg", " ", "\n"] {
            assert_eq!(
                decode(&Value::from(key), KeyEncoding::Plain).as_deref(),
                Ok(key)
            );
        }
    }

    #[test]
    fn invalid_keys_are_refused() {
        for (written, fault) in [
            (Value::Null, "no key"),
            (Value::from(7), "a number"),
            (Value::from(""), "empty"),
            (Value::from("%"), "cut off"),
            (Value::from("a%4"), "cut off"),
            (Value::from("100%/a"), "two hex digits"),
            (Value::from("100% red"), "two hex digits"),
            (Value::from("%4g"), "two hex digits"),
            (Value::from("%+1"), "two hex digits"),
            (Value::from("%é"), "two hex digits"),
            (Value::from("%FF"), "not UTF-8"),
            (Value::from("%C3"), "not UTF-8"),
            (Value::from("%ED%A0%80"), "not UTF-8"),
            (Value::from("x".repeat(1025)), "1025 bytes"),
            (Value::from("%C3%A9".repeat(513)), "1026 bytes"),
        ] {
            let refused = decode(&written, KeyEncoding::Form).unwrap_err().to_string();
            assert!(refused.contains(fault), "{written:?}: {refused}");
        }
    }

    #[test]
    fn length_limit_applies_to_the_decoded_key() {
        let written = Value::from("%C3%A9".repeat(512));
        assert_eq!(decode(&written, KeyEncoding::Form).unwrap().len(), 1024);
    }

    /// Encodes like AWS: letters, digits and `-_.*/` stay, a space becomes `+`.
    fn form_encode(key: &str) -> String {
        let written = |byte: u8| match byte {
            b' ' => "+".to_owned(),
            b'-' | b'_' | b'.' | b'*' | b'/' => char::from(byte).to_string(),
            _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        };
        key.bytes().map(written).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn keys_survive_encoding_byte_for_byte(key in "\\PC{1,80}|[\\x00-\\x7f]{1,80}|[ +%/a-f0-9é🌵]{1,80}") {
            let written = Value::from(form_encode(&key));
            prop_assert_eq!(decode(&written, KeyEncoding::Form), Ok(key.clone()));
            prop_assert_eq!(decode(&Value::from(key.clone()), KeyEncoding::Plain), Ok(key));
        }
    }
}
