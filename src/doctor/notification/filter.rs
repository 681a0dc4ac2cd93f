//! Decodes the filter of a notification rule.
//!
//! AWS compares the filter with the URL-encoded key, as it is in the event. Other stores compare it with the
//! key.

use std::borrow::Cow;

/// The prefix or suffix that the filter requires of a key. `None` if no key can match the filter.
///
/// It is bytes, because an escape may be only a part of a character.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html>
pub(super) fn decode(filter: &str, is_on_aws: bool) -> Option<Cow<'_, [u8]>> {
    if !is_on_aws {
        return Some(Cow::Borrowed(filter.as_bytes()));
    }
    let mut decoded = Vec::with_capacity(filter.len());
    let mut rest = filter.as_bytes();
    while let [first, others @ ..] = rest {
        rest = others;
        match first {
            b'+' => decoded.push(b' '),
            b'%' => {
                let [high, low, others @ ..] = rest else {
                    return None;
                };
                decoded.push(digit(*high)? << 4 | digit(*low)?);
                rest = others;
            }
            plain if is_plain(*plain) => decoded.push(*plain),
            // The event has this character encoded, so no key matches.
            _ => return None,
        }
    }
    Some(Cow::Owned(decoded))
}

fn digit(hex: u8) -> Option<u8> {
    u8::try_from(char::from(hex).to_digit(16)?).ok()
}

/// Whether an event may have the character unencoded. True for characters on which the documentation is
/// contradictory.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/-_.!*'()~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_filters_on_aws_only() {
        for (filter, on_aws, elsewhere) in [
            ("", Some(""), ""),
            ("photos/2024/", Some("photos/2024/"), "photos/2024/"),
            ("a+b/", Some("a b/"), "a+b/"),
            ("a%20b%3D/", Some("a b=/"), "a%20b%3D/"),
            ("%C3%A9/", Some("é/"), "%C3%A9/"),
            ("a b/", None, "a b/"),
            ("year=2024/", None, "year=2024/"),
            ("é/", None, "é/"),
            ("100%", None, "100%"),
            ("%+1", None, "%+1"),
        ] {
            let bytes = |text: &'static str| text.as_bytes().to_vec();
            let decoded = |is_on_aws| decode(filter, is_on_aws).map(Cow::into_owned);
            assert_eq!(decoded(true), on_aws.map(bytes), "{filter}");
            assert_eq!(decoded(false), Some(bytes(elsewhere)), "{filter}");
        }
        assert_eq!(decode("%C3", true).as_deref(), Some(&[0xC3][..]));
    }
}
