//! A tantivy tokenizer that splits text by [`crate::core::query::words()`].

use std::ops::Range;

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

use crate::core::query::{WORDS_VERSION, words};

/// The name of the tokenizer in the schema. It ends in the version of the words.
pub const TOKENIZER: &str = "asset_words_1";

// The schema needs a literal, so the version is checked here.
const _: () = assert!(WORDS_VERSION == 1);

/// Splits a text into words.
#[derive(Clone, Debug, Default)]
pub struct WordTokenizer {
    /// All words of the text, one after another.
    text: String,
    /// The position of each word in `text`, and in the original text.
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
