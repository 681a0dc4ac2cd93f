//! Formats numbers, sizes, keys and permission errors for people.
//!
//! It prints nothing.

/// The number with commas between groups of thousands: `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A size with a decimal unit, as in the query language: `1.5 MB`.
pub(crate) fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    let mut unit = "B";
    for larger in ["kB", "MB", "GB", "TB"] {
        if value < 1000.0 {
            break;
        }
        (value, unit) = (value / 1000.0, larger);
    }
    match unit {
        "B" => format!("{bytes} B"),
        _ => format!("{value:.1} {unit}"),
    }
}

/// Advice to append to the text of an I/O error if permission was denied. Empty for other errors.
pub(crate) fn permission_hint(cause: &std::io::Error) -> &'static str {
    match cause.kind() {
        std::io::ErrorKind::PermissionDenied => {
            "; run it as root or as the service's user; members of the group asset-indexer may ask the daemon"
        }
        _ => "",
    }
}

/// Whether the character changes how a terminal shows the text around it, or is itself invisible: control characters
/// (also those from U+0080 on), marks and overrides of the writing direction, and characters without a width.
pub(crate) fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// The character, or its escape sequence if it is deceptive.
pub(crate) fn printable_char(c: char) -> impl Iterator<Item = char> {
    let escaped = is_deceptive(c).then(|| c.escape_default());
    let shown = escaped.is_none().then_some(c);
    escaped.into_iter().flatten().chain(shown)
}

/// The text with deceptive characters escaped, so that a key cannot control a terminal or look like another key.
pub(crate) fn printable(text: &str) -> String {
    text.chars().flat_map(printable_char).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1234567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn sizes_have_decimal_units() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (1_540_000, "1.5 MB"),
            (3_000_000_000_000_000, "3000.0 TB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn permission_errors_get_a_hint() {
        use std::io::{Error, ErrorKind};
        let advice = permission_hint(&Error::from(ErrorKind::PermissionDenied));
        assert!(advice.starts_with("; run it as root or as"), "{advice}");
        assert_eq!(permission_hint(&Error::from(ErrorKind::NotFound)), "");
    }

    #[test]
    fn deceptive_characters_are_escaped() {
        for (text, shown) in [
            ("a\u{1b}[31m\n é\\", "a\\u{1b}[31m\\n é\\"),
            ("\u{9b}31m\u{85}", "\\u{9b}31m\\u{85}"),
            ("\u{202e}gpj.exe\u{2066}", "\\u{202e}gpj.exe\\u{2066}"),
            ("a\u{200b}b\u{feff}\u{ad}", "a\\u{200b}b\\u{feff}\\u{ad}"),
            ("\u{2028}\u{e0041}", "\\u{2028}\\u{e0041}"),
            ("фото 🌵 e\u{301} العربية", "фото 🌵 e\u{301} العربية"),
        ] {
            assert_eq!(printable(text), shown);
        }
    }
}
