//! Glob patterns for Unicode keys: translates one pattern into a regular expression.
//!
//! globset defines the meaning of `*`, `**` and `{…}`. But it matches single bytes. This module therefore
//! replaces each `?`, `[…]` and escaped character with a placeholder, lets globset translate the pattern, and
//! then replaces the placeholders with regular expressions for one character.
//!
//! It matches no keys itself.

use std::ops::RangeInclusive;
use std::str::Chars;

use globset::{ErrorKind, GlobBuilder};

use crate::core::source::case;

pub mod braces;

/// A rule with one of these characters is a glob pattern.
pub const GLOB_CHARACTERS: [char; 7] = ['*', '?', '[', ']', '{', '}', '\\'];

/// The placeholder for a token that matches one character. To globset, it is an ordinary letter.
///
/// If the pattern itself contains this character, it is replaced with a placeholder, too.
const PLACEHOLDER: char = '\u{E000}';

/// [`PLACEHOLDER`] as globset writes it in a regular expression: its UTF-8 bytes, escaped.
const PLACEHOLDER_IN_REGEX: &str = r"\xee\x80\x80";

/// Why a text is not a valid pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GlobError {
    /// globset refuses it.
    Invalid(ErrorKind),
    /// It has `**` in its braces and stands for more than [`braces::MAX_EXPANSIONS`] patterns.
    TooManyExpansions,
    /// It is `**/` or stands for it, among others. To globset this means everything.
    OnlyFolders,
}

/// A parsed pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    /// A regular expression for `regex::bytes`. It matches whole keys, and needs `.` to match newlines.
    ///
    /// Some parts of it match bytes, others match characters. On valid UTF-8 the result is the same as for a
    /// match by characters, because the bytes show where each character begins.
    pub regex: String,
    /// The prefix of every key that matches.
    pub literal_prefix: String,
    /// Whether only the key `literal_prefix` itself matches.
    pub is_literal: bool,
    /// Whether the pattern has a `**` in or next to its braces, so that it was expanded.
    pub is_expanded: bool,
}

/// Parses a pattern. With `ignore_case`, it matches keys that are folded as in [`case`].
pub fn parse(pattern: &str, ignore_case: bool) -> Result<Glob, GlobError> {
    globset_regex(pattern)?;
    let mut reader = Reader::new(ignore_case);
    reader.read(pattern);
    let is_expanded = braces::has_double_star_at_brace(pattern);
    let regex = if is_expanded {
        let expanded = braces::expand(pattern)?;
        let regexes = expanded.iter().map(|one| {
            let mut reader = Reader::new(ignore_case);
            reader.read(one);
            Ok(format!("(?:{})", reader.regex()?))
        });
        regexes.collect::<Result<Vec<_>, GlobError>>()?.join("|")
    } else {
        reader.regex()?
    };
    Ok(Glob {
        regex,
        literal_prefix: reader.literal_prefix,
        is_literal: reader.in_literal_prefix,
        is_expanded,
    })
}

fn globset_regex(pattern: &str) -> Result<String, GlobError> {
    if pattern.ends_with("**/") && pattern.trim_start_matches("**/").is_empty() {
        return Err(GlobError::OnlyFolders);
    }
    let glob = GlobBuilder::new(pattern)
        .literal_separator(true)
        .backslash_escape(true)
        // `a{,.bak}` means `a` or `a.bak`, as in a shell. By default, globset silently drops the `a`.
        .empty_alternates(true)
        .build()
        .map_err(|error| GlobError::Invalid(error.kind().clone()))?;
    Ok(glob.regex().to_owned())
}

/// Replaces the tokens that match one character, in a pattern that globset accepts.
struct Reader {
    ignore_case: bool,
    /// The pattern for globset, with a [`PLACEHOLDER`] for each replaced token.
    pattern: String,
    /// The replaced tokens as regular expressions, in order.
    tokens: Vec<String>,
    literal_prefix: String,
    in_literal_prefix: bool,
}

impl Reader {
    fn new(ignore_case: bool) -> Self {
        Self {
            ignore_case,
            pattern: String::new(),
            tokens: Vec::new(),
            literal_prefix: String::new(),
            in_literal_prefix: true,
        }
    }

    fn read(&mut self, pattern: &str) {
        let mut chars = pattern.chars();
        while let Some(c) = chars.next() {
            match c {
                '?' => self.replace_token("(?u:[^/])".to_owned()),
                '[' => {
                    let class = self.read_class(&mut chars);
                    self.replace_token(class);
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

    /// The regular expression of the pattern that was read.
    fn regex(&self) -> Result<String, GlobError> {
        let regex = globset_regex(&self.pattern)?;
        let parts: Vec<&str> = regex.split(PLACEHOLDER_IN_REGEX).collect();
        assert_eq!(
            parts.len(),
            self.tokens.len() + 1,
            "globset's regular expression contains each placeholder of {:?} once",
            self.pattern
        );
        let mut regex = parts[0].to_owned();
        for (token, part) in self.tokens.iter().zip(&parts[1..]) {
            regex.push_str(token);
            regex.push_str(part);
        }
        Ok(regex)
    }

    fn literal(&mut self, c: char, is_escaped: bool) {
        if self.ignore_case && case::may_vary(c) {
            self.in_literal_prefix = false;
        }
        if self.in_literal_prefix {
            self.literal_prefix.push(c);
        }
        let c = self.folded(c);
        let is_special_to_globset = GLOB_CHARACTERS.contains(&c) || c == ',';
        if c == PLACEHOLDER || (is_escaped && is_special_to_globset) {
            self.pattern.push(PLACEHOLDER);
            self.tokens.push(format!("(?u:\\x{{{:x}}})", u32::from(c)));
        } else {
            self.pattern.push(c);
        }
    }

    fn replace_token(&mut self, regex: String) {
        self.in_literal_prefix = false;
        self.pattern.push(PLACEHOLDER);
        self.tokens.push(regex);
    }

    /// Reads a character class after its `[`, by globset's grammar.
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

/// Merges overlapping and adjacent ranges.
///
/// regex 1.13 negates a class incorrectly if one range ends at U+D7FF and the next begins at U+E000. There is
/// no character between the two, so they count as adjacent.
fn merged(mut ranges: Vec<RangeInclusive<char>>) -> Vec<RangeInclusive<char>> {
    ranges.sort_by_key(|range| *range.start());
    let mut merged: Vec<RangeInclusive<char>> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if are_adjacent(*last.end(), *range.start()) => {
                *last = *last.start()..=*last.end().max(range.end());
            }
            _ => merged.push(range),
        }
    }
    merged
}

/// Whether there is no character between the end of one range and the start of a later one.
fn are_adjacent(end: char, start: char) -> bool {
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
