//! Prints a query as text, to show how it was understood. The text parses to the same query.
//!
//! This is only true for queries that the parser can make. For example, their words are folded.

use std::fmt::{self, Display, Formatter, Write};
use std::ops::Bound;

use crate::core::query::hit::rfc3339;
use crate::core::query::interval::Interval;
use crate::core::query::term::{Condition, MatchMode, Query, Term, WordField};
use crate::core::replication::timestamp::Timestamp;

impl Display for Query {
    /// The query in one line, or `*` if it finds everything.
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        self.condition.fmt(out)
    }
}

impl Display for Condition {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(none) if none.is_empty() => out.write_char('*'),
            // The language has no other text that finds nothing.
            Self::Any(none) if none.is_empty() => out.write_str("-*"),
            Self::All(all) => write_joined(all, " ", |one| matches!(one, Self::Any(_)), out),
            Self::Any(any) => write_joined(any, " OR ", |_| false, out),
            Self::Best(any) => {
                out.write_str("best of (")?;
                write_joined(any, ", ", |_| false, out)?;
                out.write_char(')')
            }
            Self::Preferred(preference) => write!(out, "preferred ({preference:?})"),
            Self::AtLeast(least, several) => {
                write!(out, "{least} of (")?;
                write_joined(several, ", ", |_| false, out)?;
                out.write_char(')')
            }
            Self::Not(one) => match &**one {
                Self::Not(_) => write!(out, "NOT {one}"),
                Self::Term(_) => write!(out, "-{one}"),
                Self::All(none) if none.is_empty() => out.write_str("-*"),
                other => write!(out, "-({other})"),
            },
            Self::Term(term) => term.fmt(out),
        }
    }
}

fn write_joined(
    conditions: &[Condition],
    separator: &str,
    needs_parentheses: impl Fn(&Condition) -> bool,
    out: &mut Formatter<'_>,
) -> fmt::Result {
    for (index, one) in conditions.iter().enumerate() {
        if index > 0 {
            out.write_str(separator)?;
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
            Self::Ext(extensions) => write!(out, "ext:={}", Label(&extensions.join(","))),
            Self::Type(kinds) => {
                let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
                write!(out, "type:{}", names.join(","))
            }
            Self::Folder(folder) => write!(out, "folder:{}", Quoted(folder)),
            Self::DirectlyIn(folder) => write!(out, "folder={}", Quoted(folder)),
            Self::Size(sizes) => print_interval("size", sizes, u64::to_string, out),
            Self::Modified(times) => print_interval("modified", times, |t| exact(*t), out),
            Self::Created(times) => print_interval("created", times, |t| exact(*t), out),
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
        MatchMode::Prefix | MatchMode::Beginning => write!(out, "{}*", words.join("-")),
        MatchMode::Typos(edits) if edits > 1 => write!(out, "{}~{edits}", words.join("-")),
        MatchMode::Typos(_) | MatchMode::Similar => write!(out, "{}~", words.join("-")),
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

/// The timestamp with milliseconds. Without them, the text would mean a whole second.
fn exact(timestamp: Timestamp) -> String {
    let text = rfc3339(timestamp);
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
