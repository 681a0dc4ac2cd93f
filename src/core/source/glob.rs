//! Glob patterns over Unicode keys: one pattern, translated to a regular expression.
//!
//! globset says what `*`, `**` and `{…}` mean. It matches single bytes, though, so each `?`, `[…]`
//! and escaped character is taken out of the pattern before and put back behind, as one character.
//! Which keys are compared, and with how many patterns, is no matter of this module.

use std::ops::RangeInclusive;
use std::str::Chars;

use globset::{ErrorKind, GlobBuilder};

use crate::core::source::case;

/// What makes a rule a glob pattern.
pub const GLOB_CHARACTERS: [char; 7] = ['*', '?', '[', ']', '{', '}', '\\'];

/// Stands in a pattern for a token that matches one character; to globset it is a letter.
///
/// Where the pattern itself has this character, that becomes such a token too.
const STAND_IN: char = '\u{E000}';

/// [`STAND_IN`] as globset writes it in a regular expression: its UTF-8 bytes, escaped.
const STAND_IN_IN_REGEX: &str = r"\xee\x80\x80";

/// A pattern that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    /// For `regex::bytes`, with `.` matching newlines too; it matches whole keys.
    ///
    /// What matches bytes in it stands between what matches characters, and UTF-8 shows where a
    /// character begins, so on a valid key it is as good as a match by characters.
    pub regex: String,
    /// What every key that matches begins with.
    pub literal_prefix: String,
    /// Whether nothing but `literal_prefix` itself matches.
    pub is_literal: bool,
}

/// Reads a pattern. With `ignore_case` it matches keys whose case is folded, see [`case`].
pub fn parse(pattern: &str, ignore_case: bool) -> Result<Glob, ErrorKind> {
    regex_by_globset(pattern)?;
    let mut reader = Reader::new(ignore_case);
    reader.read(pattern);
    let regex = regex_by_globset(&reader.pattern)?;
    let mut parts = regex.split(STAND_IN_IN_REGEX);
    let mut regex = parts.next().unwrap_or_default().to_owned();
    for (one_character, part) in reader.taken_out.iter().zip(parts) {
        regex.push_str(one_character);
        regex.push_str(part);
    }
    Ok(Glob {
        regex,
        literal_prefix: reader.literal_prefix,
        is_literal: reader.in_literal_prefix,
    })
}

fn regex_by_globset(pattern: &str) -> Result<String, ErrorKind> {
    let glob = GlobBuilder::new(pattern)
        .literal_separator(true)
        .backslash_escape(true)
        // `a{,.bak}` is `a` or `a.bak`, as in a shell; globset would drop the `a` without a word.
        .empty_alternates(true)
        .build()
        .map_err(|error| error.kind().clone())?;
    Ok(glob.regex().to_owned())
}

/// Takes the tokens that match one character out of a pattern that globset accepts.
struct Reader {
    ignore_case: bool,
    /// The pattern for globset, with a [`STAND_IN`] for each token that was taken out.
    pattern: String,
    /// The tokens that were taken out, in order, as regular expressions.
    taken_out: Vec<String>,
    literal_prefix: String,
    in_literal_prefix: bool,
}

impl Reader {
    fn new(ignore_case: bool) -> Self {
        Self {
            ignore_case,
            pattern: String::new(),
            taken_out: Vec::new(),
            literal_prefix: String::new(),
            in_literal_prefix: true,
        }
    }

    fn read(&mut self, pattern: &str) {
        let mut chars = pattern.chars();
        while let Some(c) = chars.next() {
            match c {
                '?' => self.take_out("(?u:[^/])".to_owned()),
                '[' => {
                    let class = self.read_class(&mut chars);
                    self.take_out(class);
                }
                '*' | '{' | '}' => {
                    self.in_literal_prefix = false;
                    self.pattern.push(c);
                }
                '\\' => match chars.next() {
                    Some(escaped) => self.literal(escaped, true),
                    None => self.pattern.push(c),
                },
                _ => self.literal(c, false),
            }
        }
    }

    fn literal(&mut self, c: char, is_escaped: bool) {
        if self.ignore_case && case::may_vary(c) {
            self.in_literal_prefix = false;
        }
        if self.in_literal_prefix {
            self.literal_prefix.push(c);
        }
        let c = self.folded(c);
        let means_something_to_globset = GLOB_CHARACTERS.contains(&c) || c == ',';
        if c == STAND_IN || (is_escaped && means_something_to_globset) {
            self.pattern.push(STAND_IN);
            self.taken_out
                .push(format!("(?u:\\x{{{:x}}})", u32::from(c)));
        } else {
            self.pattern.push(c);
        }
    }

    fn take_out(&mut self, one_character: String) {
        self.in_literal_prefix = false;
        self.pattern.push(STAND_IN);
        self.taken_out.push(one_character);
    }

    /// Reads what follows a `[`, by globset's grammar.
    fn read_class(&self, chars: &mut Chars<'_>) -> String {
        let after_bracket = chars.as_str();
        let is_negated = after_bracket.starts_with(['!', '^']);
        if is_negated {
            chars.next();
        }
        let mut ranges: Vec<RangeInclusive<char>> = Vec::new();
        let mut is_in_range = false;
        for c in chars.by_ref() {
            match (c, ranges.last_mut()) {
                (']', Some(_)) => break,
                ('-', Some(_)) if !is_in_range => is_in_range = true,
                (_, Some(range)) if is_in_range => {
                    *range = *range.start()..=c;
                    is_in_range = false;
                }
                _ => ranges.push(c..=c),
            }
        }
        if is_in_range {
            ranges.push('-'..='-');
        }
        if self.ignore_case {
            ranges = case::fold_ranges(&ranges);
        }
        class_regex(is_negated, &merged(ranges))
    }

    fn folded(&self, c: char) -> char {
        if self.ignore_case {
            case::fold_char(c)
        } else {
            c
        }
    }
}

/// The same characters in the fewest ranges.
///
/// regex 1.13 negates a class wrongly where one range ends at U+D7FF and the next begins at U+E000,
/// so these, between which no character lies, must be one.
fn merged(mut ranges: Vec<RangeInclusive<char>>) -> Vec<RangeInclusive<char>> {
    ranges.sort_by_key(|range| *range.start());
    let mut merged: Vec<RangeInclusive<char>> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if touch(*last.end(), *range.start()) => {
                *last = *last.start()..=*last.end().max(range.end());
            }
            _ => merged.push(range),
        }
    }
    merged
}

/// Whether no character lies between the end of one range and the start of a later one.
fn touch(end: char, start: char) -> bool {
    start <= end || (end..=start).nth(1) == Some(start)
}

fn class_regex(is_negated: bool, ranges: &[RangeInclusive<char>]) -> String {
    let ranges = ranges.iter().map(|range| {
        let (first, last) = (u32::from(*range.start()), u32::from(*range.end()));
        format!("\\x{{{first:x}}}-\\x{{{last:x}}}")
    });
    let negation = if is_negated { "^" } else { "" };
    format!("(?u:[{negation}{}])", ranges.collect::<String>())
}

#[cfg(test)]
mod tests;
