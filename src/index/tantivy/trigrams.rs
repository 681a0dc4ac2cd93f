//! A tantivy tokenizer for file names, so that searches find any part of a name.
//!
//! A term of three characters starts at each character of the folded name; the last two terms are shorter. A
//! part of up to three characters is therefore the start of a term, and a longer part is a run of terms.

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

use crate::core::query::words::{WORDS_VERSION, fold_name};

/// The name of the tokenizer in the schema. It ends in the version of the folding.
pub const TRIGRAM_TOKENIZER: &str = "asset_trigrams_2";

// The schema needs a literal, so the version is checked here.
const _: () = assert!(WORDS_VERSION == 2);

/// Maximum number of characters in a term.
pub const TRIGRAM_CHARS: usize = 3;

/// Splits a file name into trigrams. The name does not have to be folded.
#[derive(Clone, Debug, Default)]
pub struct TrigramTokenizer {
    /// The folded name.
    name: String,
    /// Where each character begins in `name`, and where the name ends.
    char_starts: Vec<usize>,
}

impl Tokenizer for TrigramTokenizer {
    type TokenStream<'a> = TrigramStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> TrigramStream<'a> {
        self.name = fold_name(text);
        self.char_starts.clear();
        self.char_starts
            .extend(self.name.char_indices().map(|(at, _)| at));
        self.char_starts.push(self.name.len());
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
        let char_starts = &self.trigrams.char_starts;
        let last = char_starts.len() - 1;
        if self.next >= last {
            return false;
        }
        let (start, end) = (
            char_starts[self.next],
            char_starts[last.min(self.next + TRIGRAM_CHARS)],
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
    fn a_term_starts_at_each_character() {
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
