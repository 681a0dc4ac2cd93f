//! Writes JSON without raw control characters.
//!
//! JSON requires escapes only below U+0020. DEL and the characters U+0080 to U+009F may be raw, but they control a
//! terminal as well. A parser returns the same text for their escapes.

use serde::Serialize;

/// The value as JSON on one line.
pub(crate) fn to_line(value: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string(value).map(escaped_text)
}

/// The value as indented JSON.
pub(crate) fn to_pretty(value: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string_pretty(value).map(escaped_text)
}

fn escaped_text(json: String) -> String {
    escape_controls(json.as_bytes()).map_or(json, |escaped| {
        String::from_utf8(escaped).expect("whole characters of UTF-8 were replaced by ASCII")
    })
}

/// Escapes the control characters in JSON that is encoded as UTF-8. `None` if there are none.
pub(crate) fn escape_controls(json: &[u8]) -> Option<Vec<u8>> {
    let first = (0..json.len()).find(|index| control_at(json, *index).is_some())?;
    let mut escaped = json[..first].to_vec();
    let mut index = first;
    while let Some(byte) = json.get(index) {
        match control_at(json, index) {
            // In JSON such a character can only be in a string.
            Some((code, length)) => {
                escaped.extend_from_slice(format!("\\u{code:04x}").as_bytes());
                index += length;
            }
            None => {
                escaped.push(*byte);
                index += 1;
            }
        }
    }
    Some(escaped)
}

/// The control character that starts at this byte, and its length in bytes.
fn control_at(json: &[u8], index: usize) -> Option<(u8, usize)> {
    match (json[index], json.get(index + 1)) {
        (0x7f, _) => Some((0x7f, 1)),
        // The second byte of a character from U+0080 to U+00BF has the value of the character.
        (0xc2, Some(code @ 0x80..=0x9f)) => Some((*code, 2)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_every_control_character_and_nothing_else() {
        let all: String = (0..0x300).filter_map(char::from_u32).collect();
        for json in [to_line(&all).unwrap(), to_pretty(&all).unwrap()] {
            assert!(!json.contains(char::is_control), "{json}");
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), all);
            for kept in ["é", "\u{a0}", "Â", "ÿ"] {
                assert!(json.contains(kept), "{kept}");
            }
        }
    }

    #[test]
    fn text_without_control_characters_is_not_copied() {
        for json in ["{}", "[\"é фото 🌵 Â\"]", "{\n  \"a\": 1\n}"] {
            assert_eq!(escape_controls(json.as_bytes()), None, "{json}");
        }
        // A character that the buffer cuts off is kept.
        assert_eq!(escape_controls(b"\x7f\xc2").unwrap(), b"\\u007f\xc2");
    }
}
