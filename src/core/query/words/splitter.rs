//! Splits text into runs (letters, digits, or one single character), and runs into parts at case borders.

use std::ops::Range;

use unicode_normalization::char::{compose, decompose_compatible};

use super::class::{Class, class_of, is_flag_letter, is_script_border};
use super::spellings::{marked, second_letter};
use super::{MAX_JOINED_PARTS, MAX_PARTS, MAX_WORD_BYTES, push_folded};

/// Which words are emitted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The words of a name: parts of runs, parts written together, and all spellings.
    Index,
    /// The words of a query: whole runs, with umlauts.
    Query,
}

/// A word that begins with a sign. Other words after a dot are mostly extensions.
const DOT_NET: &str = ".net";

/// A byte offset in the folded run, and the corresponding byte offset in the text.
#[derive(Clone, Copy, Default)]
struct Offset {
    folded: usize,
    text: usize,
}

/// A part of a run: where it begins, and where it ends in the text.
#[derive(Clone, Copy)]
struct Part {
    start: Offset,
    text_end: usize,
}

/// Splits one text.
pub(super) struct Splitter<F> {
    purpose: Purpose,
    sink: F,
    /// The current run, folded.
    run: String,
    /// The umlauts of the run, and where their base letters begin in it.
    umlauts: Vec<(usize, char)>,
    /// The complete parts of the run.
    parts: Vec<Part>,
    /// The starts of the last part and of the last character.
    part_start: Offset,
    last_start: Offset,
    /// The end of the run in the text, and the end before its last character.
    text_end: usize,
    text_end_before: usize,
    /// The last character of the run before folding.
    last_char: char,
    /// The classes of the last two characters of the run.
    last: Class,
    second_to_last: Class,
    /// The signs that belong to the run, such as the `++` of `c++`.
    sign: &'static str,
    /// The last character of the text before the current one.
    previous: char,
    /// Whether there is a dot before the run.
    follows_dot: bool,
    /// The position of the run.
    position: usize,
    /// Another spelling of the word that is emitted.
    spelling: String,
}

impl<F: FnMut(&str, Range<usize>, Range<usize>)> Splitter<F> {
    pub(super) fn new(purpose: Purpose, sink: F) -> Self {
        Self {
            purpose,
            sink,
            run: String::with_capacity(32),
            umlauts: Vec::new(),
            parts: Vec::new(),
            part_start: Offset::default(),
            last_start: Offset::default(),
            text_end: 0,
            text_end_before: 0,
            last_char: '\0',
            last: Class::Separator,
            second_to_last: Class::Separator,
            sign: "",
            previous: '\0',
            follows_dot: false,
            position: 0,
            spelling: String::new(),
        }
    }

    pub(super) fn split(mut self, text: &str) {
        for (start, c) in text.char_indices() {
            let source = start..start + c.len_utf8();
            if c.is_ascii() {
                if matches!(c, '+' | '#') && self.is_one_letter() {
                    self.sign = sign_at(&text[start..]);
                }
                self.push_char(c, source);
            } else {
                decompose_compatible(c, |part| self.push_char(part, source.clone()));
            }
            self.previous = c;
        }
        self.end_run();
    }

    /// Handles one decomposed character. `source` is the byte range of its original in the text.
    fn push_char(&mut self, c: char, source: Range<usize>) {
        if self.last == Class::Single && self.joins_single(c, &source) {
            return;
        }
        let class = class_of(c);
        match class {
            Class::Mark => {
                if !self.run.is_empty() {
                    self.text_end = source.end;
                    self.add_mark(c);
                }
                return;
            }
            Class::Separator => return self.end_run(),
            Class::Single => self.end_run(),
            Class::Digit if self.last != Class::Digit => self.end_run(),
            _ if class.is_letter() && self.borders_letter(c) => self.end_run(),
            _ => {}
        }
        self.split_at_case_border(class, source.start);
        self.append(c, class, source);
    }

    /// Whether the run is one letter without another spelling.
    fn is_one_letter(&self) -> bool {
        self.run.len() == 1 && self.last.is_letter() && self.umlauts.is_empty()
    }

    /// Whether the run ends before this letter.
    fn borders_letter(&self, letter: char) -> bool {
        matches!(self.last, Class::Digit | Class::Single)
            || self.last.is_letter() && is_script_border(self.last_char, letter)
    }

    /// Joins a hangul vowel or final consonant, a kana voicing mark, or the second letter of a flag, with the
    /// character before it.
    ///
    /// They are separate because of the decomposition, or because the text was already decomposed, as in
    /// file names from macOS.
    fn joins_single(&mut self, c: char, source: &Range<usize>) -> bool {
        let is_second_flag_letter =
            is_flag_letter(c) && is_flag_letter(self.last_char) && self.run.len() == c.len_utf8();
        let joins = if is_second_flag_letter {
            self.run.push(c);
            true
        } else {
            let whole = self.run.pop().and_then(|base| {
                let whole = compose(base, c);
                self.run.push(whole.unwrap_or(base));
                whole
            });
            whole.is_some()
        };
        if joins {
            self.text_end = source.end;
        }
        joins
    }

    /// Remembers that a dropped mark makes an umlaut of the last letter.
    fn add_mark(&mut self, mark: char) {
        let (before, last) = self.run.split_at(self.last_start.folded);
        let mut letters = last.chars();
        let has_mark = self
            .umlauts
            .last()
            .is_some_and(|(at, _)| *at == before.len());
        if let (Some(base), None, false) = (letters.next(), letters.next(), has_mark)
            && let Some(umlaut) = marked(base, mark)
        {
            self.umlauts.push((before.len(), umlaut));
        }
    }

    fn append(&mut self, c: char, class: Class, source: Range<usize>) {
        self.last_start = Offset {
            folded: self.run.len(),
            text: source.start,
        };
        if self.run.is_empty() {
            self.part_start = self.last_start;
            self.follows_dot = self.previous == '.';
        }
        if matches!(c, 'ø' | 'Ø') {
            self.umlauts.push((self.run.len(), 'ø'));
        }
        push_folded(c, &mut self.run);
        (self.text_end_before, self.text_end) = (self.text_end, source.end);
        (self.second_to_last, self.last) = (self.last, class);
        self.last_char = c;
    }

    /// Ends a part before the upper-case letter that starts a new one: the `S` in `rS`, the `P` in `LPa`.
    fn split_at_case_border(&mut self, class: Class, start: usize) {
        if self.purpose == Purpose::Query || self.parts.len() + 1 >= MAX_PARTS {
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
        self.parts.push(Part {
            start: self.part_start,
            text_end,
        });
        self.part_start = border;
    }

    fn end_run(&mut self) {
        if !self.run.is_empty() {
            self.parts.push(Part {
                start: self.part_start,
                text_end: self.text_end,
            });
            match self.purpose {
                Purpose::Index => self.emit_parts(),
                Purpose::Query => self.emit_query_word(),
            }
            self.position += self.parts.len();
            self.parts.clear();
            self.umlauts.clear();
            self.run.clear();
        }
        self.sign = "";
        (self.second_to_last, self.last) = (Class::Separator, Class::Separator);
    }

    /// Emits the parts of the run, neighboring parts written together, and the whole run. Words at later positions
    /// come later, and shorter ones first: the index needs this order.
    fn emit_parts(&mut self) {
        let all = self.parts.len();
        for first in 0..all {
            let joined = first + 1..=all.min(first + MAX_JOINED_PARTS);
            let whole = (first == 0 && all > MAX_JOINED_PARTS).then_some(all);
            for end in joined.chain(whole) {
                self.emit(first..end);
            }
        }
        let positions = self.position..self.position + all;
        if self.is_dot_net() {
            let range = self.range_with_dot();
            (self.sink)(DOT_NET, range, positions.clone());
        }
        if !self.sign.is_empty() {
            let range = self.text_range(0..all);
            self.run.push_str(self.sign);
            (self.sink)(
                &self.run,
                range.start..range.end + self.sign.len(),
                positions,
            );
        }
    }

    /// Emits neighboring parts as one word, in each of its spellings.
    fn emit(&mut self, parts: Range<usize>) {
        let range = self.text_range(parts.clone());
        let positions = self.position + parts.start..self.position + parts.end;
        let folded_end = match self.parts.get(parts.end) {
            Some(next) => next.start.folded,
            None => self.run.len(),
        };
        let folded = self.parts[parts.start].start.folded..folded_end;
        (self.sink)(
            cut(&self.run[folded.clone()]),
            range.clone(),
            positions.clone(),
        );
        let mut from = folded.start;
        self.spelling.clear();
        for (at, umlaut) in &self.umlauts {
            if folded.contains(at) {
                // The base letters of umlauts have one byte.
                self.spelling.push_str(&self.run[from..=*at]);
                self.spelling.extend(second_letter(*umlaut));
                from = at + 1;
            }
        }
        if from > folded.start {
            self.spelling.push_str(&self.run[from..folded.end]);
            (self.sink)(cut(&self.spelling), range, positions);
        }
    }

    /// Emits the whole run with its umlauts and its sign.
    fn emit_query_word(&mut self) {
        if self.is_dot_net() {
            let positions = self.position..self.position + self.parts.len();
            let range = self.range_with_dot();
            return (self.sink)(DOT_NET, range, positions);
        }
        let range = self.text_range(0..self.parts.len());
        let mut word = std::mem::take(&mut self.run);
        // From the end, because an umlaut has more bytes than its base letter.
        for (at, umlaut) in self.umlauts.iter().rev() {
            word.replace_range(*at..=*at, umlaut.encode_utf8(&mut [0; 4]));
        }
        word.push_str(self.sign);
        let range = range.start..range.end + self.sign.len();
        let positions = self.position..self.position + self.parts.len();
        (self.sink)(cut(&word), range, positions);
        self.run = word;
    }

    /// Whether the run is the name of the framework, with its dot: `.NET`, `ASP.NET`.
    fn is_dot_net(&self) -> bool {
        self.follows_dot && self.run == DOT_NET[1..]
    }

    /// The byte range of the run and the dot before it in the text.
    fn range_with_dot(&self) -> Range<usize> {
        let range = self.text_range(0..self.parts.len());
        range.start - 1..range.end
    }

    /// The byte range of neighboring parts in the text.
    fn text_range(&self, parts: Range<usize>) -> Range<usize> {
        let (first, last) = (self.parts[parts.start], self.parts[parts.end - 1]);
        first.start.text..last.text_end
    }
}

fn cut(word: &str) -> &str {
    &word[..word.floor_char_boundary(MAX_WORD_BYTES)]
}

/// The signs at the start of the text that belong to the single letter before them, as in `c++` and `c#`. Empty if a
/// letter or another sign follows.
fn sign_at(text: &str) -> &'static str {
    let Some(sign) = ["++", "#"].into_iter().find(|it| text.starts_with(it)) else {
        return "";
    };
    let goes_on = |c: char| c.is_alphabetic() || c == '+' || c == '#';
    if text[sign.len()..].starts_with(goes_on) {
        return "";
    }
    sign
}
