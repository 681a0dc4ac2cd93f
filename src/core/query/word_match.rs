//! How the words of a query match the words of a name or a path.
//!
//! Everything that depends only on the query is prepared once, because a search compares many words with it.

use std::borrow::Cow;
use std::ops::Range;

use crate::core::query::term::MatchMode;
use crate::core::query::typo::{self, forgiven_edits, is_within};
use crate::core::query::word_forms::{other_forms, with_leading_zeros};
use crate::core::query::words::{spellings, words, words_with_positions};

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

/// A word of a query, prepared for the comparison with many words.
#[derive(Clone, Debug)]
pub struct WordTest {
    mode: MatchMode,
    spellings: Vec<String>,
    forms: Vec<String>,
    /// Whether it may be only the beginning of a word.
    may_begin: bool,
}

impl WordTest {
    /// `is_last` says whether it is the last word of its term.
    pub fn new(mode: MatchMode, query_word: &str, is_last: bool) -> Self {
        Self {
            mode,
            spellings: spellings(query_word).map(Cow::into_owned).collect(),
            forms: forms(mode, query_word),
            may_begin: match mode {
                MatchMode::Prefix => is_last,
                MatchMode::Beginning | MatchMode::Similar => can_be_beginning(query_word),
                MatchMode::Whole | MatchMode::Phrase | MatchMode::Typos(_) => false,
            },
        }
    }

    /// How a word matches. `None` if it does not.
    pub fn matches(&self, word: &str) -> Option<WordMatch> {
        if self.spellings.iter().any(|it| it == word) {
            return Some(WordMatch::Whole);
        }
        if self.forms.iter().any(|form| form == word) {
            return Some(WordMatch::Form);
        }
        if self.may_begin && self.beginning(word).is_some() {
            return Some(WordMatch::Beginning);
        }
        let is_typo = |spelling: &String| match self.mode {
            MatchMode::Typos(edits) => typo::matches(edits, spelling, word),
            MatchMode::Similar => {
                let edits = forgiven_edits(spelling);
                edits > 0 && is_within(edits, spelling, word)
            }
            _ => false,
        };
        self.spellings
            .iter()
            .any(is_typo)
            .then_some(WordMatch::Typo)
    }

    /// The beginning of the word that is a spelling of the query word, if there is one.
    pub fn beginning<'a>(&self, word: &'a str) -> Option<&'a str> {
        let found = self.spellings.iter().filter(|it| word.starts_with(*it));
        let longest = found.map(String::len).max();
        longest.map(|len| &word[..len])
    }
}

/// Words that a query word also stands for, without its spellings: a number with more leading zeros, or in a forgiving
/// search, all [`other_forms`].
pub fn forms(mode: MatchMode, query_word: &str) -> Vec<String> {
    match mode {
        MatchMode::Whole | MatchMode::Prefix => with_leading_zeros(query_word).collect(),
        MatchMode::Phrase | MatchMode::Typos(_) => Vec::new(),
        MatchMode::Beginning | MatchMode::Similar => {
            let each = spellings(query_word);
            each.flat_map(|spelling| other_forms(&spelling)).collect()
        }
    }
}

/// The words that a query word stands for in an exact search.
pub fn exact_forms(query_word: &str) -> impl Iterator<Item = String> {
    let forms = forms(MatchMode::Whole, query_word);
    spellings(query_word).map(Cow::into_owned).chain(forms)
}

/// The words of a term, prepared for the comparison with many texts.
#[derive(Clone, Debug)]
pub struct WordsTest {
    mode: MatchMode,
    words: Vec<WordTest>,
}

impl WordsTest {
    /// Prepares the words of a term.
    pub fn new(words: &[String], mode: MatchMode) -> Self {
        let last = words.len().saturating_sub(1);
        let words = words.iter().enumerate();
        let words = words.map(|(index, word)| WordTest::new(mode, word, index == last));
        Self {
            mode,
            words: words.collect(),
        }
    }

    /// The words one by one.
    pub fn words(&self) -> &[WordTest] {
        &self.words
    }

    /// Whether a path or a name contains the words.
    pub fn matches(&self, text: &str) -> bool {
        if self.mode == MatchMode::Phrase {
            let mut segments = text.split('/');
            return segments.any(|segment| self.phrases(segment).next().is_some());
        }
        let mut is_found = vec![false; self.words.len()];
        words(text, |word, _| {
            for (test, is_found) in self.words.iter().zip(&mut is_found) {
                *is_found |= test.matches(word).is_some();
            }
        });
        !is_found.contains(&false)
    }

    /// The byte ranges of a path segment in which the words follow each other directly.
    ///
    /// A word that is split at case borders counts as a whole or as its parts: `summerSale.jpg` contains
    /// `"summer sale"`, `"sale jpg"` and `"summersale jpg"`.
    pub fn phrases(&self, segment: &str) -> impl Iterator<Item = Range<usize>> + use<> {
        // For each query word, the byte ranges and the positions where it is.
        let mut found = vec![Vec::new(); self.words.len()];
        words_with_positions(segment, |word, range, positions| {
            for (test, found) in self.words.iter().zip(&mut found) {
                if test.matches(word).is_some() {
                    found.push((range.clone(), positions.clone()));
                }
            }
        });
        let mut found = found.into_iter();
        let first = found.next().unwrap_or_else(|| vec![(0..0, 0..0)]);
        let phrases = found.fold(first, |so_far, next| {
            let longer = so_far.iter().flat_map(|(range, positions)| {
                let is_next = |its: &&(Range<usize>, Range<usize>)| its.1.start == positions.end;
                let longer = next.iter().filter(is_next);
                longer.map(|(end, its)| (range.start..end.end, positions.start..its.end))
            });
            longer.collect()
        });
        phrases.into_iter().map(|(range, _)| range)
    }
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
            ("münchen", "munchen", Some(WordMatch::Whole)),
            ("münchen", "muenchen", Some(WordMatch::Whole)),
            ("münchen", "muenchener", Some(WordMatch::Beginning)),
            ("munchen", "muenchen", Some(WordMatch::Typo)),
        ] {
            let test = WordTest::new(MatchMode::Similar, query_word, true);
            assert_eq!(test.matches(word), want, "{query_word} {word}");
        }
        let without_typos = WordTest::new(MatchMode::Beginning, "sunst", true);
        assert_eq!(without_typos.matches("sunset"), None);
    }

    #[test]
    fn exact_words_have_more_zeros_but_not_fewer() {
        for (mode, query_word, word, want) in [
            (MatchMode::Whole, "42", "0042", Some(WordMatch::Form)),
            (MatchMode::Whole, "0042", "42", None),
            (MatchMode::Whole, "0042", "00042", Some(WordMatch::Form)),
            (MatchMode::Prefix, "42", "0042", Some(WordMatch::Form)),
            (MatchMode::Phrase, "42", "0042", None),
            (MatchMode::Whole, "handbag", "handbags", None),
            (MatchMode::Whole, "für", "fuer", Some(WordMatch::Whole)),
            (
                MatchMode::Prefix,
                "grü",
                "gruen",
                Some(WordMatch::Beginning),
            ),
            (MatchMode::Typos(1), "grün", "grunt", Some(WordMatch::Typo)),
        ] {
            let found = WordTest::new(mode, query_word, true).matches(word);
            assert_eq!(found, want, "{mode:?} {query_word} {word}");
        }
    }
}
