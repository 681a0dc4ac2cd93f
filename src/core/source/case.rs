//! Letter case: what two characters have in common that differ in case alone.
//!
//! One character stays one character, so that `?` means the same with and without case, and no
//! character depends on its neighbours, so that a pattern can be cut anywhere. Normal forms are not
//! unified: keys are opaque.

use std::ops::RangeInclusive;

/// The Unicode lowercase of one character, where that is one character.
///
/// `İ` stays as it is, its lowercase being two; the `ς` of a word's end is `σ`, both being the
/// lowercase of `Σ`.
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

/// The text with each character folded.
pub fn fold(text: &str) -> String {
    text.chars().map(fold_char).collect()
}

/// Whether another character than `c` may fold to what `c` folds to; `true` in doubt.
pub fn may_vary(c: char) -> bool {
    fold_char(c) != c || c.to_uppercase().ne([c])
}

/// The ranges that hold each character of `ranges` folded, ascending and apart.
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
    fn characters_that_differ_in_case_alone_fold_to_the_same() {
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
    fn every_character_that_another_folds_to_may_vary_and_folds_to_itself() {
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
    fn ranges_fold_to_what_their_characters_fold_to() {
        assert_eq!(fold_ranges(&['A'..='C']), ['a'..='c']);
        assert_eq!(fold_ranges(&['Y'..='b']), ['['..='b', 'y'..='z']);
        assert_eq!(fold_ranges(&['А'..='я']), ['а'..='я']);
        assert_eq!(
            fold_ranges(&['\0'..=char::MAX]).last(),
            Some(&('\u{1E922}'..=char::MAX))
        );
    }
}
