//! A query as text that is read back as the same query: to show what was understood.
//!
//! What the parser itself never makes (words that are not folded) need not come back.

use std::fmt::{self, Display, Formatter, Write};
use std::ops::Bound;

use crate::core::query::hit::rfc3339;
use crate::core::query::interval::Interval;
use crate::core::query::term::{Condition, MatchMode, Query, Term, WordField};

impl Display for Query {
    /// The query in one line; `*` for everything.
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        self.condition.fmt(out)
    }
}

impl Display for Condition {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(none) if none.is_empty() => out.write_char('*'),
            // Nothing else finds nothing.
            Self::Any(none) if none.is_empty() => out.write_str("-*"),
            Self::All(all) => joined(all, " ", |one| matches!(one, Self::Any(_)), out),
            Self::Any(any) => joined(any, " OR ", |_| false, out),
            Self::Not(one) => match &**one {
                Self::Not(_) => write!(out, "NOT {one}"),
                Self::Term(_) => write!(out, "-{one}"),
                Self::All(none) if none.is_empty() => out.write_str("-*"),
                several => write!(out, "-({several})"),
            },
            Self::Term(term) => term.fmt(out),
        }
    }
}

fn joined(
    conditions: &[Condition],
    between: &str,
    needs_parentheses: impl Fn(&Condition) -> bool,
    out: &mut Formatter<'_>,
) -> fmt::Result {
    for (place, one) in conditions.iter().enumerate() {
        if place > 0 {
            out.write_str(between)?;
        }
        if needs_parentheses(one) {
            write!(out, "({one})")?
        } else {
            write!(out, "{one}")?
        }
    }
    Ok(())
}

impl Display for Term {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Words { words, mode, field } => print_words(words, *mode, *field, out),
            Self::NamePattern(pattern) => write!(out, "name:{}", Quoted(pattern.text())),
            Self::Name(name) => write!(out, "name={}", Quoted(name)),
            Self::Path(path) => write!(out, "path={}", Quoted(path)),
            Self::PathPattern(pattern) => write!(out, "path:{}", Quoted(pattern.text())),
            Self::Ext(extensions) => write!(out, "ext:{}", Label(&extensions.join(","))),
            Self::Type(kinds) => {
                let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
                write!(out, "type:{}", names.join(","))
            }
            Self::Folder(folder) => write!(out, "folder:{}", Quoted(folder)),
            Self::DirectlyIn(folder) => write!(out, "folder={}", Quoted(folder)),
            Self::Size(sizes) => print_interval("size", sizes, u64::to_string, out),
            Self::Modified(stamps) => print_interval("modified", stamps, |s| exact(*s), out),
            Self::Created(stamps) => print_interval("created", stamps, |s| exact(*s), out),
            Self::Storage(classes) => write!(out, "storage:{}", classes.join(",")),
            Self::ETag(etag) => write!(out, "etag={}", Quoted(etag)),
        }
    }
}

fn print_words(
    words: &[String],
    mode: MatchMode,
    field: WordField,
    out: &mut Formatter<'_>,
) -> fmt::Result {
    if field == WordField::Name {
        out.write_str("name:")?;
    }
    match mode {
        MatchMode::Whole => out.write_str(&words.join("-")),
        MatchMode::Phrase => Quoted(&words.join(" ")).fmt(out),
        MatchMode::Prefix => write!(out, "{}*", words.join("-")),
        MatchMode::Typo => write!(out, "{}~", words.join("-")),
    }
}

fn print_interval<T>(
    field: &str,
    interval: &Interval<T>,
    print: impl Fn(&T) -> String,
    out: &mut Formatter<'_>,
) -> fmt::Result {
    let (open, lower) = match &interval.lower {
        Bound::Included(lower) => ('[', print(lower)),
        Bound::Excluded(lower) => ('{', print(lower)),
        Bound::Unbounded => ('[', "*".to_owned()),
    };
    let (upper, close) = match &interval.upper {
        Bound::Included(upper) => (print(upper), ']'),
        Bound::Excluded(upper) => (print(upper), '}'),
        Bound::Unbounded => ("*".to_owned(), ']'),
    };
    write!(out, "{field}:{open}{lower} TO {upper}{close}")
}

/// With milliseconds in any case: without, it would be a whole second.
fn exact(stamp: crate::core::replication::timestamp::Timestamp) -> String {
    let text = rfc3339(stamp);
    if text.contains('.') {
        text
    } else {
        text.replace('Z', ".000Z")
    }
}

/// Text in quotation marks.
struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let escaped = self.0.replace('\\', "\\\\").replace('"', "\\\"");
        write!(out, "\"{escaped}\"")
    }
}

/// Text in quotation marks if it needs them.
struct Label<'a>(&'a str);

impl Display for Label<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let is_plain = |c: char| c.is_alphanumeric() || c == ',';
        if self.0.chars().all(is_plain) {
            out.write_str(self.0)
        } else {
            Quoted(self.0).fmt(out)
        }
    }
}

#[cfg(test)]
mod tests;
