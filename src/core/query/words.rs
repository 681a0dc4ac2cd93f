//! How text becomes search words, for the index and for queries alike.
//!
//! No stemming, no stop words, no languages: asset paths are names, not prose. Thai and other
//! scripts without spaces are not taken apart, and emoji are not words.

use std::ops::Range;

use unicode_normalization::char::{
    canonical_combining_class, compose, decompose_compatible, is_combining_mark,
};

mod fold;

pub use fold::fold_name;
pub(super) use fold::fold_with;

/// Raised with every change of what the functions here emit.
///
/// An index stores its words but not how they were made, so the version is part of the index's
/// schema.
pub const WORDS_VERSION: u32 = 1;

/// The most bytes of a word; a longer one is cut, in the index and in queries alike.
pub const MAX_WORD_BYTES: usize = 255;

/// Emits the words of `text` that an index holds, each with its byte range in `text`.
///
/// Words end at everything that is neither letter nor digit, between letters and digits (`IMG2041`
/// is `img`, `2041`), and at the case borders of `summerSale` and `HTMLPage`. A run of letters with
/// case borders is emitted whole as well: `iPhone` is `i`, `phone`, `iphone`, so that a query finds
/// it in any case. Each ideograph, kana and hangul syllable is a word of its own.
///
/// Words are folded: compatibility forms (`ﬁ`, full-width digits) and ligatures taken apart, accents
/// dropped, lower-case.
pub fn words(text: &str, mut sink: impl FnMut(&str, Range<usize>)) {
    words_with_positions(text, |word, range, _| sink(word, range));
}

/// Emits what [`words`] does, each word also with its place among them.
///
/// Places count the words, or their parts where case borders cut them: in `a summerSale`, `a` is at
/// `0..1`, `summer` at `1..2`, `sale` at `2..3` and `summersale` at `1..3`. Two words stand one behind
/// the other where one ends at the place at which the other begins.
pub fn words_with_positions(text: &str, sink: impl FnMut(&str, Range<usize>, Range<usize>)) {
    Splitter::new(true, sink).split(text);
}

/// Emits the words of a query: those of [`words`], but without a look at upper and lower case.
///
/// `iPhone`, `iphone` and `IPHONE` are the same question and must find the same assets.
pub fn query_words(text: &str, mut sink: impl FnMut(&str, Range<usize>)) {
    Splitter::new(false, |word: &str, range, _| sink(word, range)).split(text);
}

/// What a character, once it is decomposed, does to the word at hand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Ends it.
    Separator,
    /// Is passed over, or joins the syllable before it.
    Mark,
    Digit,
    Lower,
    Upper,
    /// A letter without case.
    Letter,
    /// Is a word of its own.
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

/// Accents, points and variation selectors; not the vowel signs that Indic scripts spell with.
fn is_dropped_mark(c: char) -> bool {
    is_combining_mark(c) && (canonical_combining_class(c) != 0 || !c.is_alphanumeric())
}

/// Scripts that are written without spaces in characters that mean something by themselves.
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

/// Folds the letters that Unicode does not take apart by itself.
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

/// A place in the folded run and the place in the text where it came from.
#[derive(Clone, Copy, Default)]
struct Place {
    folded: usize,
    text: usize,
}

/// Cuts a text into runs (of letters, of digits, of one syllable), and runs into parts.
struct Splitter<F> {
    /// Whether runs are cut at case borders too.
    case_borders: bool,
    sink: F,
    /// The run at hand, folded.
    run: String,
    /// Where the run, its last part and its last character begin.
    run_start: Place,
    part_start: Place,
    last_start: Place,
    /// Where the run ends in the text, and where it ended before its last character.
    text_end: usize,
    text_end_before: usize,
    /// The classes of the last two characters of the run.
    last: Class,
    last_but_one: Class,
    /// The place of the run, and of its last part.
    run_place: usize,
    part_place: usize,
}

impl<F: FnMut(&str, Range<usize>, Range<usize>)> Splitter<F> {
    fn new(case_borders: bool, sink: F) -> Self {
        Self {
            case_borders,
            sink,
            run: String::with_capacity(32),
            run_start: Place::default(),
            part_start: Place::default(),
            last_start: Place::default(),
            text_end: 0,
            text_end_before: 0,
            last: Class::Separator,
            last_but_one: Class::Separator,
            run_place: 0,
            part_place: 0,
        }
    }

    fn split(mut self, text: &str) {
        for (start, c) in text.char_indices() {
            let source = start..start + c.len_utf8();
            if c.is_ascii() {
                self.take(c, source);
            } else {
                decompose_compatible(c, |part| self.take(part, source.clone()));
            }
        }
        self.end_run();
    }

    /// Takes one decomposed character, which stands for `source` in the text.
    fn take(&mut self, c: char, source: Range<usize>) {
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
        self.cut_at_case_border(class, source.start);
        self.push(c, class, source);
    }

    /// Puts a vowel or a tail of hangul, or a voicing mark of kana, into the syllable before it.
    ///
    /// Decomposition has torn them off, or the text came decomposed, as macOS writes names.
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

    fn push(&mut self, c: char, class: Class, source: Range<usize>) {
        self.last_start = Place {
            folded: self.run.len(),
            text: source.start,
        };
        if self.run.is_empty() {
            self.run_start = self.last_start;
            self.part_start = self.last_start;
        }
        push_folded(c, &mut self.run);
        (self.text_end_before, self.text_end) = (self.text_end, source.end);
        (self.last_but_one, self.last) = (self.last, class);
    }

    /// Ends a part in front of the upper-case letter of `rS` and of `LPa`.
    fn cut_at_case_border(&mut self, class: Class, start: usize) {
        if !self.case_borders {
            return;
        }
        let (border, text_end) = match (self.last_but_one, self.last, class) {
            (_, Class::Lower, Class::Upper) => {
                let folded = self.run.len();
                (
                    Place {
                        folded,
                        text: start,
                    },
                    self.text_end,
                )
            }
            (Class::Upper, Class::Upper, Class::Lower) => (self.last_start, self.text_end_before),
            _ => return,
        };
        let place = self.part_place;
        self.emit(self.part_start, border.folded, text_end, place);
        self.part_start = border;
        self.part_place += 1;
    }

    fn end_run(&mut self) {
        if !self.run.is_empty() {
            let was_cut = self.part_start.folded > self.run_start.folded;
            if was_cut {
                let place = self.part_place;
                self.emit(self.part_start, self.run.len(), self.text_end, place);
            }
            let place = self.run_place;
            self.emit(self.run_start, self.run.len(), self.text_end, place);
            self.part_place += 1;
            self.run_place = self.part_place;
            self.run.clear();
        }
        (self.last_but_one, self.last) = (Class::Separator, Class::Separator);
    }

    /// Hands out a word that begins at the place and ends with the part at hand.
    fn emit(&mut self, from: Place, folded_end: usize, text_end: usize, place: usize) {
        let word = &self.run[from.folded..folded_end];
        let cut = word.floor_char_boundary(MAX_WORD_BYTES);
        let places = place..self.part_place + 1;
        (self.sink)(&word[..cut], from.text..text_end, places);
    }
}

#[cfg(test)]
mod tests;
