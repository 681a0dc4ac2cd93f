//! Splits text into search words, for the index and for queries.
//!
//! There is no stemming, no stop words and no language detection, because asset paths are names, not
//! prose. Text in Thai and in similar scripts without spaces is not split.

use std::ops::Range;

use splitter::{Purpose, Splitter};

mod class;
mod fold;
mod spellings;
mod splitter;

pub use fold::fold_name;
pub(super) use fold::fold_with;
pub use spellings::{plain_spelling, spellings};

/// The version of the splitting rules. Raise it whenever the functions here emit other words.
///
/// An index stores the words but not the rules that made them. The version is therefore part of the
/// index's schema.
pub const WORDS_VERSION: u32 = 2;

/// Maximum length of a word in bytes. A longer word is cut, in the index and in queries.
pub const MAX_WORD_BYTES: usize = 255;

/// Maximum number of parts of a run of letters. The last part contains the rest of the run.
pub const MAX_PARTS: usize = 8;

/// Maximum number of neighboring parts of a run that are also emitted as one word. The whole run is, too, however
/// many parts it has.
pub const MAX_JOINED_PARTS: usize = 3;

/// Emits the words of `text` for the index, each with its byte range in `text`.
///
/// A word ends at any character that is not a letter or digit, between letters and digits (`IMG2041`
/// gives `img`, `2041`), between letters of two scripts (`москваCity`), and at case borders as in `summerSale` and
/// `HTMLPage`. Neighboring parts between case borders are also emitted as one word, so that a query finds them in any
/// case: `iPhoneXS` gives `i`, `iphone`, `iphonexs`, `phone`, `phonexs`, `xs`. Each ideograph, kana, hangul syllable
/// and emoji is a separate word. A single letter with `++` or `#` after it is also emitted with that sign: `c++`,
/// `f#`, and so is `net` with its dot: `.net`. Soft hyphens, zero-width characters and skin tones are dropped.
///
/// Words are folded: compatibility forms (`ﬁ`, full-width digits) and ligatures are decomposed, accents
/// are dropped, and letters are in lower case. Words with ä, ö, ü, å or ø are emitted in both [`spellings()`].
pub fn words(text: &str, mut sink: impl FnMut(&str, Range<usize>)) {
    words_with_positions(text, |word, range, _| sink(word, range));
}

/// Emits the same words as [`words`], each also with its range of positions.
///
/// Positions count words, or the parts of words that are split at case borders. In `a summerSale`, `a` is
/// at `0..1`, `summer` at `1..2`, `sale` at `2..3` and `summersale` at `1..3`. A word directly follows
/// another if it starts at the position where the other ends. A range has at most [`MAX_PARTS`] positions.
pub fn words_with_positions(text: &str, sink: impl FnMut(&str, Range<usize>, Range<usize>)) {
    Splitter::new(Purpose::Index, sink).split(text);
}

/// Emits the words of a query: the same as [`words`], but not split at case borders, with ä, ö, ü, å and ø, and
/// only in one form: `c++` is not also `c`, and `.net` is not also `net`.
///
/// `iPhone`, `iphone` and `IPHONE` are the same query and must find the same assets. [`spellings()`] gives the words of
/// the index that a query word stands for.
pub fn query_words(text: &str, mut sink: impl FnMut(&str, Range<usize>)) {
    Splitter::new(Purpose::Query, |word: &str, range, _| sink(word, range)).split(text);
}

/// Appends the lower case of a character. Also folds letters that Unicode does not decompose.
fn push_folded(c: char, folded: &mut String) {
    for lower in c.to_lowercase() {
        match lower {
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'ø' => folded.push('o'),
            'đ' => folded.push('d'),
            'ł' => folded.push('l'),
            'ı' => folded.push('i'),
            'ς' => folded.push('σ'),
            other => folded.push(other),
        }
    }
}

#[cfg(test)]
mod tests;
