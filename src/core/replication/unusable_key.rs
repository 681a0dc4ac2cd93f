//! Keys that cannot be in an index: S3 has keys that are not UTF-8, and some stores write keys that cannot be decoded.
//!
//! They are skipped, counted and shown, and they change nothing about other keys.

use crate::core::human::printable;

/// Maximum number of characters of a key that is shown.
const MAX_SHOWN: usize = 200;

/// A listed key that cannot be in an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusableKey {
    /// How many other keys of the page come before it.
    pub position: usize,
    /// The bytes of the key. `None` if its encoding is broken, so that they are unknown.
    pub bytes: Option<Vec<u8>>,
    /// The key for people: without control characters, and cut if it is long.
    pub text: String,
}

/// The bytes of a key as a text for people. Bytes that are not UTF-8 are shown as `\xE9`.
pub fn escaped(key: &[u8]) -> String {
    let mut text = String::new();
    for chunk in key.utf8_chunks() {
        text += &printable(chunk.valid());
        for byte in chunk.invalid() {
            text += &format!("\\x{byte:02X}");
        }
    }
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_shows_bytes_that_are_not_utf_8_and_control_characters() {
        for (key, text) in [
            (&b"caf\xE9.jpg"[..], r"caf\xE9.jpg"),
            (b"\xC3\xA9\xC3", r"é\xC3"),
            (b"a\x1B[2J\xFF", r"a\u{1b}[2J\xFF"),
        ] {
            assert_eq!(escaped(key), text);
        }
        let long = escaped(&[b'x'; 10_000]);
        assert_eq!(long.chars().count(), MAX_SHOWN + 1);
    }
}
