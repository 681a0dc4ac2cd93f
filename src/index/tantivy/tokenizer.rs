//! A tantivy tokenizer that splits text by [`crate::core::query::words()`], with positions.

use std::ops::Range;

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

use crate::core::query::WORDS_VERSION;
use crate::core::query::words::{MAX_PARTS, words_with_positions};

/// The name of the tokenizer in the schema. It ends in the version of the words.
pub const TOKENIZER: &str = "asset_words_2";

// The schema needs a literal, so the version is checked here.
const _: () = assert!(WORDS_VERSION == 2);

/// The number that the index stores as the position of a word: the start of its range of positions, times
/// [`MAX_PARTS`], plus the number of positions after the first.
///
/// A word that is written together from several parts has several positions, but tantivy stores only one number.
pub fn position_code(positions: &Range<usize>) -> usize {
    positions.start * MAX_PARTS + (positions.len() - 1)
}

/// The range of positions of a [`position_code`].
pub fn positions_of(code: u32) -> Range<u32> {
    let parts = MAX_PARTS as u32;
    let start = code / parts;
    start..start + code % parts + 1
}

/// Splits a text into words.
#[derive(Clone, Debug, Default)]
pub struct WordTokenizer {
    /// All words of the text, one after another.
    text: String,
    /// For each word, its range in `text` and in the original text, and its position code.
    words: Vec<(Range<usize>, Range<usize>, usize)>,
}

impl Tokenizer for WordTokenizer {
    type TokenStream<'a> = WordStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream<'a> {
        self.text.clear();
        self.words.clear();
        words_with_positions(text, |word, origin, positions| {
            let start = self.text.len();
            self.text.push_str(word);
            let code = position_code(&positions);
            self.words.push((start..self.text.len(), origin, code));
        });
        WordStream {
            words: self,
            next: 0,
            token: Token::default(),
        }
    }
}

/// The words of one text.
pub struct WordStream<'a> {
    words: &'a WordTokenizer,
    next: usize,
    token: Token,
}

impl TokenStream for WordStream<'_> {
    fn advance(&mut self) -> bool {
        let Some((word, origin, code)) = self.words.words.get(self.next) else {
            return false;
        };
        self.token.text.clear();
        self.token.text.push_str(&self.words.text[word.clone()]);
        self.token.offset_from = origin.start;
        self.token.offset_to = origin.end;
        self.token.position = *code;
        self.next += 1;
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_stand_for_positions() {
        for start in 0..20 {
            for len in 1..=MAX_PARTS {
                let code = position_code(&(start..start + len)) as u32;
                let want = start as u32..(start + len) as u32;
                assert_eq!(positions_of(code), want);
            }
        }
    }

    /// Tantivy stores the differences between the positions of a word in a name, which must not be negative.
    #[test]
    fn positions_of_each_word_ascend() {
        for text in [
            "abAbAbab abAb",
            "MüEsli-müesli Mueesli",
            "aAaAaAaAaAaAaAaAaA",
            &"aB".repeat(300),
            &format!("{}B{}", "a".repeat(300), "b".repeat(300)),
        ] {
            let mut last = std::collections::HashMap::new();
            let mut tokenizer = WordTokenizer::default();
            tokenizer.token_stream(text).process(&mut |token| {
                let before = last.insert(token.text.clone(), token.position);
                assert!(before.is_none_or(|it| it <= token.position), "{token:?}");
            });
        }
    }
}
