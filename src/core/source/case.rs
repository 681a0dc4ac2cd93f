//! Case folding, for rules that ignore letter case.
//!
//! Each character folds to exactly one, so that `?` means the same with and without case. The result does
//! not depend on adjacent characters, so that a pattern can be split anywhere. There is no Unicode
//! normalization, because keys are opaque.

use std::ops::RangeInclusive;

/// The Unicode lower case of a character, if that is one character. Otherwise the character itself.
///
/// `İ` stays as it is, because its lower case has two characters. The final `ς` becomes `σ`, because both
/// are a lower case of `Σ`.
pub fn fold_char(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    let mut lower = c.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some('ς'), None) => 'σ',
        (Some(only), None) => only,
        _ => c,
    }
}

/// Folds each character of the text.
pub fn fold(text: &str) -> String {
    text.chars().map(fold_char).collect()
}

/// Whether another character may fold to the same as `c`. It can be `true` although there is none.
pub fn may_vary(c: char) -> bool {
    fold_char(c) != c || c.to_uppercase().ne([c])
}

/// Folds each character of `ranges`. Returns the result as ascending, separate ranges.
pub fn fold_ranges(ranges: &[RangeInclusive<char>]) -> Vec<RangeInclusive<char>> {
    let mut folded: Vec<char> = ranges.iter().cloned().flatten().map(fold_char).collect();
    folded.sort_unstable();
    folded.dedup();
    let runs = folded.chunk_by(|&c, &next| u32::from(c) + 1 == u32::from(next));
    runs.map(|run| run[0]..=run[run.len() - 1]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_differ_only_in_case_fold_to_the_same() {
        let cases = [
            ("IMG_01.JPG", "img_01.jpg"),
            ("ÀÉÎ", "àéî"),
            ("ФОТО", "фото"),
            ("ΟΔΟΣ", "οδος"),
            ("\u{212A}", "k"),
            ("ẞ", "ß"),
        ];
        for (upper, lower) in cases {
            assert_eq!(fold(upper), fold(lower), "{upper}");
        }
        for (one, other) in [("é", "e"), ("İ", "i"), ("ı", "i"), ("é", "e\u{301}")] {
            assert_ne!(fold(one), fold(other), "{one} {other}");
        }
    }

    #[test]
    fn folded_characters_fold_to_themselves_and_may_vary() {
        for c in '\0'..=char::MAX {
            let folded = fold_char(c);
            assert_eq!(fold_char(folded), folded, "{c:?}");
            assert!(folded == c || (may_vary(c) && may_vary(folded)), "{c:?}");
        }
        for c in ['/', '.', '1', '_', ' ', '你', '\u{307}'] {
            assert!(!may_vary(c), "{c:?}");
        }
    }

    #[test]
    fn folds_ranges() {
        assert_eq!(fold_ranges(&['A'..='C']), ['a'..='c']);
        assert_eq!(fold_ranges(&['Y'..='b']), ['['..='b', 'y'..='z']);
        assert_eq!(fold_ranges(&['А'..='я']), ['а'..='я']);
        assert_eq!(
            fold_ranges(&['\0'..=char::MAX]).last(),
            Some(&('\u{1E922}'..=char::MAX))
        );
    }
}
