//! How a word of a forgiving search matches a word of an asset path.

use crate::core::query::term::MatchMode;
use crate::core::query::typo::{forgiven_edits, is_within};
use crate::core::query::word_forms::other_forms;

/// Minimum number of characters of a query word that may be only the beginning of a word. Too many words begin
/// with the same character.
pub const MIN_BEGINNING_CHARS: usize = 2;

/// How a word matches. The best comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WordMatch {
    /// The words are equal.
    Whole,
    /// The word is another form of the query word, by [`other_forms`].
    Form,
    /// The query word is the beginning of the word.
    Beginning,
    /// The words differ by typos.
    Typo,
}

/// How a query word matches a word in [`MatchMode::Similar`], or in [`MatchMode::Beginning`], which knows no
/// typos. `None` if it does not match.
pub fn word_match(mode: MatchMode, query_word: &str, word: &str) -> Option<WordMatch> {
    if query_word == word {
        return Some(WordMatch::Whole);
    }
    if other_forms(query_word).iter().any(|form| form == word) {
        return Some(WordMatch::Form);
    }
    if can_be_beginning(query_word) && word.starts_with(query_word) {
        return Some(WordMatch::Beginning);
    }
    let edits = forgiven_edits(query_word);
    let is_typo = mode == MatchMode::Similar && edits > 0 && is_within(edits, query_word, word);
    is_typo.then_some(WordMatch::Typo)
}

/// Whether the query word may be only the beginning of a word.
pub fn can_be_beginning(query_word: &str) -> bool {
    query_word.chars().nth(MIN_BEGINNING_CHARS - 1).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_match_whole_by_their_beginning_or_with_typos() {
        for (query_word, word, want) in [
            ("sun", "sun", Some(WordMatch::Whole)),
            ("sun", "sunset", Some(WordMatch::Beginning)),
            ("s", "sunset", None),
            ("s", "s", Some(WordMatch::Whole)),
            ("sunst", "sunset", Some(WordMatch::Typo)),
            ("sns", "suns", None),
            ("42", "0042", Some(WordMatch::Form)),
            ("0042", "42", Some(WordMatch::Form)),
            ("handbags", "handbag", Some(WordMatch::Form)),
            ("colour", "color", Some(WordMatch::Form)),
            ("42", "00000000042", None),
            ("2041", "2042", None),
            ("0", "000", Some(WordMatch::Form)),
            ("fotograph", "photograph", Some(WordMatch::Typo)),
        ] {
            assert_eq!(
                word_match(MatchMode::Similar, query_word, word),
                want,
                "{query_word} {word}"
            );
        }
        assert_eq!(word_match(MatchMode::Beginning, "sunst", "sunset"), None);
    }
}
