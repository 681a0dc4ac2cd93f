//! Braces in globs: `{a,b}/c` stands for the patterns `a/c` and `b/c`.
//!
//! globset reads each branch of a brace by itself. It does not notice that the `**` of `{**,b}/c` is a whole path
//! component. Patterns with such a `**` are therefore expanded before globset reads them.

use super::GlobError;

/// Maximum number of patterns that one pattern with `**` in its braces stands for.
pub const MAX_EXPANSIONS: usize = 256;

/// A part of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PatternPart<'a> {
    Open,
    Comma,
    Close,
    /// One character, an escaped character, a character class, or all stars in a row.
    Text(&'a str),
}

/// Whether a `**` is inside braces or next to one, so that its neighbors depend on the chosen branch.
pub(super) fn has_double_star_at_brace(pattern: &str) -> bool {
    let parts = parts(pattern);
    let mut depth = 0;
    for (i, part) in parts.iter().enumerate() {
        match part {
            PatternPart::Open => depth += 1,
            PatternPart::Close => depth -= 1,
            PatternPart::Text("**") => {
                let is_after_brace = i > 0 && parts[i - 1] == PatternPart::Close;
                let is_before_brace = parts.get(i + 1) == Some(&PatternPart::Open);
                if depth > 0 || is_after_brace || is_before_brace {
                    return true;
                }
            }
            PatternPart::Text(_) | PatternPart::Comma => {}
        }
    }
    false
}

/// The patterns without braces that a pattern stands for. globset must accept the pattern.
pub(super) fn expand(pattern: &str) -> Result<Vec<String>, GlobError> {
    let mut stack = vec![Braces::new()];
    for part in parts(pattern) {
        let Some(innermost) = stack.last_mut() else {
            break;
        };
        match part {
            PatternPart::Text(text) => innermost.branch.iter_mut().for_each(|it| it.push_str(text)),
            PatternPart::Open => stack.push(Braces::new()),
            PatternPart::Comma => innermost.end_branch(),
            PatternPart::Close => {
                let closed = stack.pop().map(Braces::alternatives).unwrap_or_default();
                if let Some(outer) = stack.last_mut() {
                    outer.append(&closed)?;
                }
            }
        }
    }
    let mut expanded = stack.pop().map(Braces::alternatives).unwrap_or_default();
    expanded.sort_unstable();
    expanded.dedup();
    Ok(expanded)
}

/// The part of one pair of braces, or of the whole pattern, that has been read.
struct Braces {
    /// The alternatives of the complete branches.
    complete: Vec<String>,
    /// The alternatives of the current branch.
    branch: Vec<String>,
}

impl Braces {
    fn new() -> Self {
        Self {
            complete: Vec::new(),
            branch: vec![String::new()],
        }
    }

    fn end_branch(&mut self) {
        self.complete.append(&mut self.branch);
        self.branch.push(String::new());
    }

    fn alternatives(mut self) -> Vec<String> {
        self.complete.append(&mut self.branch);
        self.complete
    }

    /// Appends each of the alternatives to each alternative of the current branch.
    fn append(&mut self, alternatives: &[String]) -> Result<(), GlobError> {
        if self.branch.len() * alternatives.len() > MAX_EXPANSIONS {
            return Err(GlobError::TooManyExpansions);
        }
        let starts = self.branch.iter();
        let longer =
            starts.flat_map(|start| alternatives.iter().map(move |end| start.clone() + end));
        self.branch = longer.collect();
        Ok(())
    }
}

/// Splits a pattern at its braces, by globset's grammar.
fn parts(pattern: &str) -> Vec<PatternPart<'_>> {
    let mut parts = Vec::new();
    let (mut rest, mut depth) = (pattern, 0_usize);
    while let Some(c) = rest.chars().next() {
        let (part, length) = match c {
            '{' => (PatternPart::Open, 1),
            '}' => (PatternPart::Close, 1),
            ',' if depth > 0 => (PatternPart::Comma, 1),
            _ => {
                let length = text_length(rest, c);
                (PatternPart::Text(&rest[..length]), length)
            }
        };
        match part {
            PatternPart::Open => depth += 1,
            PatternPart::Close => depth = depth.saturating_sub(1),
            PatternPart::Text(_) | PatternPart::Comma => {}
        }
        parts.push(part);
        rest = &rest[length..];
    }
    parts
}

/// The length of the first token of `rest`: stars, a class, an escaped character, or one character `first`.
fn text_length(rest: &str, first: char) -> usize {
    match first {
        '*' => rest.len() - rest.trim_start_matches('*').len(),
        '[' => class_length(rest),
        '\\' => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
        _ => first.len_utf8(),
    }
}

/// The length of a character class. A `]` directly after the `[` or its negation does not end it.
fn class_length(class: &str) -> usize {
    let mut chars = class.char_indices().skip(1).peekable();
    chars.next_if(|(_, c)| matches!(c, '!' | '^'));
    chars.next();
    let end = chars.find(|(_, c)| *c == ']');
    end.map_or(class.len(), |(i, _)| i + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expands_braces_but_not_classes_and_escapes() {
        let cases: [(&str, &[&str]); 9] = [
            ("a,b", &["a,b"]),
            ("a/{**,b}", &["a/**", "a/b"]),
            ("{a,b}{c,d}", &["ac", "ad", "bc", "bd"]),
            ("{a,{b,c}/}x", &["ax", "b/x", "c/x"]),
            ("a{,.bak}", &["a", "a.bak"]),
            (r"{a\,b,\{c}", &[r"\{c", r"a\,b"]),
            ("{[,{}],é}", &["[,{}]", "é"]),
            ("{[],],[!],],[^]]}", &["[!],]", "[],]", "[^]]"]),
            ("{a,a}", &["a"]),
        ];
        for (pattern, want) in cases {
            assert_eq!(expand(pattern).unwrap(), want, "{pattern}");
        }
    }

    #[test]
    fn refuses_more_patterns_than_the_limit() {
        let eight_pairs = "{a,b}".repeat(8);
        assert_eq!(expand(&eight_pairs).map(|it| it.len()), Ok(MAX_EXPANSIONS));
        let nine_pairs = "{a,b}".repeat(9);
        assert_eq!(expand(&nine_pairs), Err(GlobError::TooManyExpansions));
    }

    #[test]
    fn finds_double_stars_at_braces() {
        for pattern in ["a/{**,b}", "{a/**,b}", "{a/,b}**", "**{/a,b}", "{x,{y/**}}"] {
            assert!(has_double_star_at_brace(pattern), "{pattern}");
        }
        for pattern in [
            "**/{a,b}", "{a,b}/**", "{*,b}", "{[**],b}", r"{\**,b}", "**",
        ] {
            assert!(!has_double_star_at_brace(pattern), "{pattern}");
        }
    }
}
