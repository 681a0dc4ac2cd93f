//! The places of a file name as a tantivy tokenizer, so that a part of a name is found.
//!
//! Each character of the folded name begins a term of three characters, the last two shorter ones.
//! So every part of up to three characters is the beginning of a term, whatever the name's length,
//! and a longer part is a run of terms.

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

use crate::core::query::words::{WORDS_VERSION, fold_name};

/// The tokenizer's name in the schema; it ends in the version of the folding.
pub const TRIGRAM_TOKENIZER: &str = "asset_trigrams_1";

// The name must be a literal for the schema, so the version is checked here.
const _: () = assert!(WORDS_VERSION == 1);

/// Characters of a term.
pub const TRIGRAM_CHARS: usize = 3;

/// Emits the trigrams of a file name as it is written.
#[derive(Clone, Debug, Default)]
pub struct TrigramTokenizer {
    /// The folded name.
    name: String,
    /// Where its characters begin, and where it ends.
    places: Vec<usize>,
}

impl Tokenizer for TrigramTokenizer {
    type TokenStream<'a> = TrigramStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> TrigramStream<'a> {
        self.name = fold_name(text);
        self.places.clear();
        self.places
            .extend(self.name.char_indices().map(|(at, _)| at));
        self.places.push(self.name.len());
        TrigramStream {
            trigrams: self,
            next: 0,
            token: Token::default(),
        }
    }
}

/// The trigrams of one name.
pub struct TrigramStream<'a> {
    trigrams: &'a TrigramTokenizer,
    next: usize,
    token: Token,
}

impl TokenStream for TrigramStream<'_> {
    fn advance(&mut self) -> bool {
        let places = &self.trigrams.places;
        let last = places.len() - 1;
        if self.next >= last {
            return false;
        }
        let (start, end) = (
            places[self.next],
            places[last.min(self.next + TRIGRAM_CHARS)],
        );
        self.token.text.clear();
        self.token.text.push_str(&self.trigrams.name[start..end]);
        self.token.offset_from = start;
        self.token.offset_to = end;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_of_a_name_begins_a_term() {
        for (name, want) in [
            ("", &[][..]),
            ("a", &["a"]),
            ("Ab", &["ab", "b"]),
            ("a-b", &["a-b", "-b", "b"]),
            ("Été.j", &["ete", "te.", "e.j", ".j", "j"]),
            ("写真集x", &["写真集", "真集x", "集x", "x"]),
        ] {
            let mut tokenizer = TrigramTokenizer::default();
            let mut stream = tokenizer.token_stream(name);
            let mut terms = Vec::new();
            while stream.advance() {
                terms.push(stream.token().text.clone());
            }
            assert_eq!(terms, want, "{name:?}");
        }
    }
}
