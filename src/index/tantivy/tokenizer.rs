//! [`crate::core::query::words()`] as a tantivy tokenizer.

use std::ops::Range;

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

use crate::core::query::{WORDS_VERSION, words};

/// The tokenizer's name in the schema; it ends in the version of the words.
pub const TOKENIZER: &str = "asset_words_1";

// The name must be a literal for the schema, so the version is checked here.
const _: () = assert!(WORDS_VERSION == 1);

/// Emits the words of a text.
#[derive(Clone, Debug, Default)]
pub struct WordTokenizer {
    /// All words of the text, one behind the other.
    text: String,
    /// Where each word lies in `text`, and where it came from.
    words: Vec<(Range<usize>, Range<usize>)>,
}

impl Tokenizer for WordTokenizer {
    type TokenStream<'a> = WordStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream<'a> {
        self.text.clear();
        self.words.clear();
        words(text, |word, origin| {
            let start = self.text.len();
            self.text.push_str(word);
            self.words.push((start..self.text.len(), origin));
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
        let Some((word, origin)) = self.words.words.get(self.next) else {
            return false;
        };
        self.token.text.clear();
        self.token.text.push_str(&self.words.text[word.clone()]);
        self.token.offset_from = origin.start;
        self.token.offset_to = origin.end;
        self.token.position = self.next;
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
