//! Decodes text in a response: XML entities, then percent-encoding, then UTF-8.
//!
//! It never normalizes a key: the decoded key equals the uploaded one byte for byte.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

/// The maximum length of a reference after its `&`, including the `;`, as in `&#x0010FFFF;`.
const MAX_REFERENCE: usize = 12;

/// Decodes the text of an element.
///
/// Set `url_encoded` if the response has `<EncodingType>url</EncodingType>` and that covers the element.
pub(super) fn decode(raw: &[u8], url_encoded: bool) -> Result<String, &'static str> {
    let bytes = unescape(raw)?;
    let bytes = if url_encoded {
        percent_decode(bytes)?
    } else {
        bytes
    };
    String::from_utf8(bytes.into_owned()).map_err(|_| "text that is not UTF-8")
}

/// A key as a response has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum WrittenKey {
    /// A key that the index can have.
    Usable(String),
    /// These bytes are not UTF-8.
    NotUtf8(Vec<u8>),
    /// The percent-encoding is broken, so the bytes of the key are unknown. This is the text as written.
    Broken(Vec<u8>),
}

/// Decodes a key like [`decode`], but only an invalid document is an error. A store can have a key that is not text.
pub(super) fn key(raw: &[u8], url_encoded: bool) -> Result<WrittenKey, &'static str> {
    let written = unescape(raw)?;
    let bytes = if url_encoded {
        match percent_decode(Cow::Borrowed(&written)) {
            Ok(bytes) => bytes.into_owned(),
            Err(_) => return Ok(WrittenKey::Broken(written.into_owned())),
        }
    } else {
        written.into_owned()
    };
    Ok(match String::from_utf8(bytes) {
        Ok(key) => WrittenKey::Usable(key),
        Err(error) => WrittenKey::NotUtf8(error.into_bytes()),
    })
}

/// Replaces XML entities and character references.
pub(super) fn unescape(raw: &[u8]) -> Result<Cow<'_, [u8]>, &'static str> {
    let Some(first) = memchr(b'&', raw) else {
        return Ok(Cow::Borrowed(raw));
    };
    let (plain, mut rest) = raw.split_at(first);
    let mut text = Vec::with_capacity(raw.len());
    text.extend_from_slice(plain);
    while let Some(reference) = rest.strip_prefix(b"&") {
        let end = memchr(b';', &reference[..reference.len().min(MAX_REFERENCE)])
            .ok_or("an entity without its semicolon")?;
        let c = reference_to_char(&reference[..end]).ok_or("an unknown entity")?;
        text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        let tail = &reference[end + 1..];
        let next = memchr(b'&', tail).unwrap_or(tail.len());
        text.extend_from_slice(&tail[..next]);
        rest = &tail[next..];
    }
    Ok(Cow::Owned(text))
}

/// The character for the name between `&` and `;`.
fn reference_to_char(name: &[u8]) -> Option<char> {
    match name {
        b"amp" => Some('&'),
        b"lt" => Some('<'),
        b"gt" => Some('>'),
        b"quot" => Some('"'),
        b"apos" => Some('\''),
        [b'#', b'x', digits @ ..] => code_point(digits, 16),
        [b'#', digits @ ..] => code_point(digits, 10),
        _ => None,
    }
}

fn code_point(digits: &[u8], radix: u32) -> Option<char> {
    digits
        .iter()
        .try_fold(0u32, |number, &digit| {
            let digit = char::from(digit).to_digit(radix)?;
            number.checked_mul(radix)?.checked_add(digit)
        })
        .filter(|_| !digits.is_empty())
        .and_then(char::from_u32)
}

/// Decodes percent-encoding, in which `+` is a space.
fn percent_decode(encoded: Cow<'_, [u8]>) -> Result<Cow<'_, [u8]>, &'static str> {
    let Some(first) = memchr2(b'%', b'+', &encoded) else {
        return Ok(encoded);
    };
    let mut plain = Vec::with_capacity(encoded.len());
    plain.extend_from_slice(&encoded[..first]);
    let mut rest = &encoded[first..];
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match byte {
            b'+' => plain.push(b' '),
            b'%' => {
                let (&[high, low], tail) = tail
                    .split_first_chunk()
                    .ok_or("a truncated percent escape")?;
                let digit = |b: u8| HEX_DIGITS[usize::from(b)];
                let (high, low) = (digit(high), digit(low));
                if high | low > 0x0F {
                    return Err("a percent escape that is not two hex digits");
                }
                plain.push(high << 4 | low);
                rest = tail;
            }
            byte => plain.push(*byte),
        }
    }
    Ok(Cow::Owned(plain))
}

/// The value of each byte as a hex digit, or 0xFF.
const HEX_DIGITS: [u8; 256] = {
    let mut table = [0xFF; 256];
    let mut value = 0;
    while value < 16 {
        table[b"0123456789abcdef"[value] as usize] = value as u8;
        table[b"0123456789ABCDEF"[value] as usize] = value as u8;
        value += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_url_encoding_once() {
        for (raw, want) in [
            ("", ""),
            ("a/b.jpg", "a/b.jpg"),
            ("a%2Fb", "a/b"),
            ("a%2fb", "a/b"),
            ("red+flower", "red flower"),
            ("red%20flower", "red flower"),
            ("1%2B1", "1+1"),
            ("100%25", "100%"),
            ("%2541", "%41"),
            ("a%00%0D%0A%7Fb", "a\0\r\n\u{7f}b"),
            ("%F0%9F%8C%B5", "🌵"),
            ("é%C3%A9", "éé"),
            ("a&amp;b", "a&b"),
            ("a%26amp;b", "a&amp;b"),
            ("&#37;41", "A"),
        ] {
            assert_eq!(decode(raw.as_bytes(), true).as_deref(), Ok(want), "{raw}");
        }
    }

    #[test]
    fn only_unescapes_other_text() {
        for (raw, want) in [
            ("a+b%2F", "a+b%2F"),
            ("&lt;&gt;&quot;&apos;&amp;", "<>\"'&"),
            ("&amp;amp;", "&amp;"),
            ("a&#10;b&#x0A;c&#xd;", "a\nb\nc\r"),
            ("&#127797;&#x1F335;", "🌵🌵"),
            ("a;b", "a;b"),
        ] {
            assert_eq!(decode(raw.as_bytes(), false).as_deref(), Ok(want), "{raw}");
        }
    }

    #[test]
    fn rejects_invalid_text() {
        for (raw, url_encoded, expected) in [
            (&b"%"[..], true, "truncated"),
            (b"a%4", true, "truncated"),
            (b"%4g", true, "two hex digits"),
            (b"%+1", true, "two hex digits"),
            (b"%FF", true, "not UTF-8"),
            (b"%C3", true, "not UTF-8"),
            (b"\xC3", false, "not UTF-8"),
            (b"a&b", false, "semicolon"),
            (b"&amp", false, "semicolon"),
            (b"&nbsp;", false, "unknown entity"),
            (b"&;", false, "unknown entity"),
            (b"&#;", false, "unknown entity"),
            (b"&#x;", false, "unknown entity"),
            (b"&#-1;", false, "unknown entity"),
            (b"&#xD800;", false, "unknown entity"),
            (b"&#4294967338;", false, "unknown entity"),
        ] {
            let error = decode(raw, url_encoded).unwrap_err();
            assert!(error.contains(expected), "{raw:?}: {error}");
        }
    }
}
