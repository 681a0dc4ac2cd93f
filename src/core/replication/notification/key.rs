//! The key of an event: decoded as its envelope has it, never by what the key looks like.
//!
//! S3 form-encodes keys on their way to SQS and SNS, and leaves them alone on EventBridge.

use std::borrow::Cow;

use serde_json::Value;

use super::decode_error::{DecodeError, quoted, shape};

/// The longest key that S3 takes, in bytes of UTF-8.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>
const MAX_KEY_BYTES: usize = 1024;

/// How an envelope writes a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyEncoding {
    /// `application/x-www-form-urlencoded`: `+` for a space, `%` and two hex digits for a byte.
    Form,
    /// As it stands.
    Plain,
}

/// The key that a field holds.
///
/// Who encodes writes every `%` as `%25`. So a `%` without two hex digits proves that the sender
/// encodes otherwise than its envelope says; a guess could name another key, and is not made.
pub(super) fn read(field: &Value, encoding: KeyEncoding) -> Result<String, DecodeError> {
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
        KeyEncoding::Form => form_decode(written).map_err(|fault| {
            let found = format!("the key {} with {fault}", quoted(written));
            DecodeError::new(found, "a form-encoded key")
        })?,
    };
    match key.len() {
        0 => Err(DecodeError::new("an empty key", "the key of an object")),
        1..=MAX_KEY_BYTES => Ok(key),
        bytes => {
            let found = format!("a key of {bytes} bytes, {}", quoted(&key));
            Err(DecodeError::new(found, "at most 1024 bytes"))
        }
    }
}

/// Undoes form encoding; what is not encoded stays.
fn form_decode(written: &str) -> Result<String, &'static str> {
    let spaced = if written.contains('+') {
        Cow::Owned(written.replace('+', " "))
    } else {
        Cow::Borrowed(written)
    };
    let mut parts = spaced.split('%');
    let mut bytes = Vec::with_capacity(spaced.len());
    bytes.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
    for part in parts {
        let (digits, behind) = part
            .as_bytes()
            .split_first_chunk()
            .ok_or("a percent escape that is cut off")?;
        bytes.push(byte_of(*digits).ok_or("a percent escape that is not two hex digits")?);
        bytes.extend_from_slice(behind);
    }
    String::from_utf8(bytes).map_err(|_| "bytes that are not UTF-8")
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
            let key = read(&Value::from(written), KeyEncoding::Form);
            assert_eq!(key.as_deref(), Ok(want), "{written}");
        }
    }

    #[test]
    fn plain_keys_stay_as_they_are() {
        for key in ["a+b%2F%", "100% red.jpg", " ", "\n"] {
            assert_eq!(
                read(&Value::from(key), KeyEncoding::Plain).as_deref(),
                Ok(key)
            );
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
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
            let refused = read(&written, KeyEncoding::Form).unwrap_err().to_string();
            assert!(refused.contains(fault), "{written:?}: {refused}");
        }
    }

    #[test]
    fn the_limit_is_of_the_decoded_key() {
        let written = Value::from("%C3%A9".repeat(512));
        assert_eq!(read(&written, KeyEncoding::Form).unwrap().len(), 1024);
    }

    /// As AWS writes a key: letters, digits and `-_.*/` as they are, a space as `+`.
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
        fn keys_come_back_byte_for_byte(key in "\\PC{1,80}|[\\x00-\\x7f]{1,80}|[ +%/a-f0-9é🌵]{1,80}") {
            let written = Value::from(form_encode(&key));
            prop_assert_eq!(read(&written, KeyEncoding::Form), Ok(key.clone()));
            prop_assert_eq!(read(&Value::from(key.clone()), KeyEncoding::Plain), Ok(key));
        }
    }
}
