//! What the filter of a notification says of keys.
//!
//! AWS compares it with the key as it stands in the event, URL-encoded; other stores with the key itself.

use std::borrow::Cow;

/// What the keys begin with, or end in, that the filter lets through; `None`: it lets none through.
///
/// These are bytes, as an escape can end inside of a character.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html>
pub(super) fn meaning(filter: &str, is_on_aws: bool) -> Option<Cow<'_, [u8]>> {
    if !is_on_aws {
        return Some(Cow::Borrowed(filter.as_bytes()));
    }
    let mut meant = Vec::with_capacity(filter.len());
    let mut rest = filter.as_bytes();
    while let [first, behind @ ..] = rest {
        rest = behind;
        match first {
            b'+' => meant.push(b' '),
            b'%' => {
                let [high, low, behind @ ..] = rest else {
                    return None;
                };
                meant.push(digit(*high)? << 4 | digit(*low)?);
                rest = behind;
            }
            plain if is_plain(*plain) => meant.push(*plain),
            // In an event it stands encoded.
            _ => return None,
        }
    }
    Some(Cow::Owned(meant))
}

fn digit(hex: u8) -> Option<u8> {
    u8::try_from(char::from(hex).to_digit(16)?).ok()
}

/// Whether the character may stand in an event as it is. Where the sources differ it counts as one that may.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/-_.!*'()~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aws_compares_with_the_key_as_it_stands_in_the_event() {
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
            let meant = |is_on_aws| meaning(filter, is_on_aws).map(Cow::into_owned);
            assert_eq!(meant(true), on_aws.map(bytes), "{filter}");
            assert_eq!(meant(false), Some(bytes(elsewhere)), "{filter}");
        }
        assert_eq!(meaning("%C3", true).as_deref(), Some(&[0xC3][..]));
    }
}
