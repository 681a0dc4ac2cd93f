//! Splits text into search words, for the index and for queries.
//!
//! There is no stemming, no stop words and no language detection, because asset paths are names, not
//! prose. Text in Thai and in similar scripts without spaces is not split. Emoji are not words.

use std::ops::Range;

use unicode_normalization::char::{
    canonical_combining_class, compose, decompose_compatible, is_combining_mark,
};

mod fold;

pub use fold::fold_name;
pub(super) use fold::fold_with;

/// The version of the splitting rules. Raise it whenever the functions here emit other words.
///
/// An index stores the words but not the rules that made them. The version is therefore part of the
/// index's schema.
pub const WORDS_VERSION: u32 = 1;

/// Maximum length of a word in bytes. A longer word is cut, in the index and in queries.
pub const MAX_WORD_BYTES: usize = 255;

/// Emits the words of `text` for the index, each with its byte range in `text`.
///
/// A word ends at any character that is not a letter or digit, between letters and digits (`IMG2041`
/// gives `img`, `2041`), and at case borders as in `summerSale` and `HTMLPage`. A run of letters with case
/// borders is also emitted as a whole, so that a query finds it in any case: `iPhone` gives `i`, `phone`,
/// `iphone`. Each ideograph, kana and hangul syllable is a separate word.
///
/// Words are folded: compatibility forms (`ﬁ`, full-width digits) and ligatures are decomposed, accents
/// are dropped, and letters are in lower case.
pub fn words(text: &str, mut sink: impl FnMut(&str, Range<usize>)) {
    words_with_positions(text, |word, range, _| sink(word, range));
}

/// Emits the same words as [`words`], each also with its range of positions.
///
/// Positions count words, or the parts of words that are split at case borders. In `a summerSale`, `a` is
/// at `0..1`, `summer` at `1..2`, `sale` at `2..3` and `summersale` at `1..3`. A word directly follows
/// another if it starts at the position where the other ends.
pub fn words_with_positions(text: &str, sink: impl FnMut(&str, Range<usize>, Range<usize>)) {
    Splitter::new(true, sink).split(text);
}

/// Emits the words of a query: the same as [`words`], but not split at case borders.
///
/// `iPhone`, `iphone` and `IPHONE` are the same query and must find the same assets.
pub fn query_words(text: &str, mut sink: impl FnMut(&str, Range<usize>)) {
    Splitter::new(false, |word: &str, range, _| sink(word, range)).split(text);
}

/// The effect of a decomposed character on the current word.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Ends the word.
    Separator,
    /// Is dropped, or joins the syllable before it.
    Mark,
    Digit,
    Lower,
    Upper,
    /// A letter without case.
    Letter,
    /// Is a word by itself.
    Syllable,
}

fn class_of(c: char) -> Class {
    match c {
        'a'..='z' => Class::Lower,
        'A'..='Z' => Class::Upper,
        '0'..='9' => Class::Digit,
        _ if c.is_ascii() => Class::Separator,
        _ if is_dropped_mark(c) => Class::Mark,
        _ if is_syllable(c) => Class::Syllable,
        _ if c.is_lowercase() => Class::Lower,
        _ if c.is_uppercase() => Class::Upper,
        _ if c.is_numeric() => Class::Digit,
        _ if c.is_alphabetic() => Class::Letter,
        _ => Class::Separator,
    }
}

/// Whether this is an accent, a point or a variation selector. Vowel signs of Indic scripts are not dropped.
fn is_dropped_mark(c: char) -> bool {
    is_combining_mark(c) && (canonical_combining_class(c) != 0 || !c.is_alphanumeric())
}

/// Whether the character belongs to a script without spaces whose characters have a meaning by themselves.
fn is_syllable(c: char) -> bool {
    matches!(c,
        '\u{1100}'..='\u{11FF}' | '\u{A960}'..='\u{A97F}' | '\u{AC00}'..='\u{D7FB}' // Hangul
        | '\u{3005}' | '\u{3007}' // ideographic repetition and zero
        | '\u{3041}'..='\u{3096}' | '\u{309D}'..='\u{309F}' // Hiragana
        | '\u{30A1}'..='\u{30FA}' | '\u{30FC}'..='\u{30FF}' | '\u{31F0}'..='\u{31FF}' // Katakana
        | '\u{3105}'..='\u{312F}' | '\u{31A0}'..='\u{31BF}' // Bopomofo
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' // Han
        | '\u{20000}'..='\u{323AF}')
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

/// A byte offset in the folded run, and the corresponding byte offset in the text.
#[derive(Clone, Copy, Default)]
struct Offset {
    folded: usize,
    text: usize,
}

/// Splits text into runs (letters, digits, or one syllable), and runs into parts at case borders.
struct Splitter<F> {
    /// Whether runs are split at case borders.
    case_borders: bool,
    sink: F,
    /// The current run, folded.
    run: String,
    /// The starts of the run, of its last part and of its last character.
    run_start: Offset,
    part_start: Offset,
    last_start: Offset,
    /// The end of the run in the text, and the end before its last character.
    text_end: usize,
    text_end_before: usize,
    /// The classes of the last two characters of the run.
    last: Class,
    second_to_last: Class,
    /// The position of the run, and of its last part.
    run_position: usize,
    part_position: usize,
}

impl<F: FnMut(&str, Range<usize>, Range<usize>)> Splitter<F> {
    fn new(case_borders: bool, sink: F) -> Self {
        Self {
            case_borders,
            sink,
            run: String::with_capacity(32),
            run_start: Offset::default(),
            part_start: Offset::default(),
            last_start: Offset::default(),
            text_end: 0,
            text_end_before: 0,
            last: Class::Separator,
            second_to_last: Class::Separator,
            run_position: 0,
            part_position: 0,
        }
    }

    fn split(mut self, text: &str) {
        for (start, c) in text.char_indices() {
            let source = start..start + c.len_utf8();
            if c.is_ascii() {
                self.push_char(c, source);
            } else {
                decompose_compatible(c, |part| self.push_char(part, source.clone()));
            }
        }
        self.end_run();
    }

    /// Handles one decomposed character. `source` is the byte range of its original in the text.
    fn push_char(&mut self, c: char, source: Range<usize>) {
        if self.last == Class::Syllable && self.joins_syllable(c, &source) {
            return;
        }
        let class = class_of(c);
        match class {
            Class::Mark => {
                if !self.run.is_empty() {
                    self.text_end = source.end;
                }
                return;
            }
            Class::Separator => return self.end_run(),
            Class::Syllable => self.end_run(),
            Class::Digit if self.last != Class::Digit => self.end_run(),
            Class::Lower | Class::Upper | Class::Letter
                if matches!(self.last, Class::Digit | Class::Syllable) =>
            {
                self.end_run();
            }
            _ => {}
        }
        self.split_at_case_border(class, source.start);
        self.append(c, class, source);
    }

    /// Composes a hangul vowel or final consonant, or a kana voicing mark, with the syllable before it.
    ///
    /// They are separate because of the decomposition, or because the text was already decomposed, as in
    /// file names from macOS.
    fn joins_syllable(&mut self, c: char, source: &Range<usize>) -> bool {
        let whole = self.run.pop().and_then(|base| {
            let whole = compose(base, c);
            self.run.push(whole.unwrap_or(base));
            whole
        });
        if whole.is_some() {
            self.text_end = source.end;
        }
        whole.is_some()
    }

    fn append(&mut self, c: char, class: Class, source: Range<usize>) {
        self.last_start = Offset {
            folded: self.run.len(),
            text: source.start,
        };
        if self.run.is_empty() {
            self.run_start = self.last_start;
            self.part_start = self.last_start;
        }
        push_folded(c, &mut self.run);
        (self.text_end_before, self.text_end) = (self.text_end, source.end);
        (self.second_to_last, self.last) = (self.last, class);
    }

    /// Ends a part before the upper-case letter that starts a new one: the `S` in `rS`, the `P` in `LPa`.
    fn split_at_case_border(&mut self, class: Class, start: usize) {
        if !self.case_borders {
            return;
        }
        let (border, text_end) = match (self.second_to_last, self.last, class) {
            (_, Class::Lower, Class::Upper) => {
                let folded = self.run.len();
                (
                    Offset {
                        folded,
                        text: start,
                    },
                    self.text_end,
                )
            }
            (Class::Upper, Class::Upper, Class::Lower) => (self.last_start, self.text_end_before),
            _ => return,
        };
        let position = self.part_position;
        self.emit(self.part_start, border.folded, text_end, position);
        self.part_start = border;
        self.part_position += 1;
    }

    fn end_run(&mut self) {
        if !self.run.is_empty() {
            let has_parts = self.part_start.folded > self.run_start.folded;
            if has_parts {
                let position = self.part_position;
                self.emit(self.part_start, self.run.len(), self.text_end, position);
            }
            let position = self.run_position;
            self.emit(self.run_start, self.run.len(), self.text_end, position);
            self.part_position += 1;
            self.run_position = self.part_position;
            self.run.clear();
        }
        (self.second_to_last, self.last) = (Class::Separator, Class::Separator);
    }

    /// Emits the word from `from` to `folded_end`, whose last part is the current one.
    fn emit(&mut self, from: Offset, folded_end: usize, text_end: usize, position: usize) {
        let word = &self.run[from.folded..folded_end];
        let cut = word.floor_char_boundary(MAX_WORD_BYTES);
        let positions = position..self.part_position + 1;
        (self.sink)(&word[..cut], from.text..text_end, positions);
    }
}

#[cfg(test)]
mod tests;
