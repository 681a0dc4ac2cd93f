//! How the text of a search is read.
//!
//! ```text
//! search = { term }                 all of them hold
//! term   = ["-"] [field ":"] value  "-" negates
//! value  = text without white space | '"' text '"'   (\" and \\ inside)
//! ```
//!
//! A quotation only keeps white space and colons together; its words are looked for one by one.

use crate::query::hit::MAX_EXTENSION_CHARS;
use crate::query::problem::{Problem, QueryError};
use crate::query::term::{Condition, MAX_QUERY_CHARS, MAX_TERMS, Match, Query, Term, Within};
use crate::query::words::query_words;
use crate::query::{date, size};
use crate::sync::stamp::Stamp;

/// The most characters of a text that is too long that an error shows.
const SHOWN_OF_TOO_LONG: usize = 20;

impl Query {
    /// Reads a search; ages such as `modified:<7d` are counted back from `now`.
    ///
    /// Terms without a letter or digit (the dash in `Artist - Title`) are passed over, unless there
    /// is no other.
    pub fn parse(text: &str, now: Stamp) -> Result<Self, QueryError> {
        check_length(text)?;
        let mut scanner = Scanner {
            rest: text,
            column: 1,
        };
        let mut all_of = Vec::new();
        let mut passed_over = None;
        while let Some(raw) = scanner.next_term()? {
            match raw.read(now)? {
                Some(_) if all_of.len() == MAX_TERMS => {
                    return Err(raw.error(Problem::TooManyTerms));
                }
                Some(clause) => all_of.push(clause),
                None => passed_over = passed_over.or(Some(raw)),
            }
        }
        match passed_over {
            Some(raw) if all_of.is_empty() => Err(raw.error(Problem::NoWords)),
            _ => Ok(Self {
                condition: Condition::All(all_of),
            }),
        }
    }
}

fn check_length(text: &str) -> Result<(), QueryError> {
    let beyond = text.chars().skip(MAX_QUERY_CHARS);
    let shown: String = beyond.take(SHOWN_OF_TOO_LONG).collect();
    if shown.is_empty() {
        return Ok(());
    }
    Err(QueryError {
        column: MAX_QUERY_CHARS + 1,
        text: shown,
        problem: Problem::TooLong,
    })
}

/// A term as it was written.
struct RawTerm<'a> {
    column: usize,
    text: &'a str,
    negated: bool,
    field: Option<&'a str>,
    value: String,
}

impl RawTerm<'_> {
    /// The clause that the term means; `None` if it holds no word.
    fn read(&self, now: Stamp) -> Result<Option<Condition>, QueryError> {
        let term = self.read_term(now).map_err(|problem| self.error(problem))?;
        let condition = term.map(Condition::Term);
        Ok(match self.negated {
            true => condition.map(|condition| Condition::Not(Box::new(condition))),
            false => condition,
        })
    }

    fn read_term(&self, now: Stamp) -> Result<Option<Term>, Problem> {
        let Some(field) = self.field else {
            return Ok(words_term(&self.value));
        };
        let value = self.value.as_str();
        let with_value = |example| match value {
            "" => Err(Problem::NoValue { example }),
            value => Ok(value),
        };
        let term = match field.to_ascii_lowercase().as_str() {
            "ext" => Term::Ext(extensions(with_value("ext:jpg")?)?),
            "folder" => Term::Folder(folder(with_value("folder:/photos")?)),
            "modified" => Term::Modified(date::parse(
                with_value("modified:2026")?,
                date::Clock::Ages,
                now,
            )?),
            "size" => Term::Size(size::parse(with_value("size:>1mb")?)?),
            _ => {
                let field = field.to_owned();
                return Err(Problem::UnknownField { field });
            }
        };
        Ok(Some(term))
    }

    fn error(&self, problem: Problem) -> QueryError {
        QueryError {
            column: self.column,
            text: self.text.to_owned(),
            problem,
        }
    }
}

fn words_term(text: &str) -> Option<Term> {
    let mut words: Vec<String> = Vec::new();
    query_words(text, |word, _| {
        if !words.iter().any(|known| known == word) {
            words.push(word.to_owned());
        }
    });
    (!words.is_empty()).then_some(Term::Words {
        words,
        how: Match::Whole,
        within: Within::Path,
    })
}

/// Splits at commas; a leading dot is tolerated.
fn extensions(text: &str) -> Result<Vec<String>, Problem> {
    let read = |part: &str| {
        let bare = part.strip_prefix('.').unwrap_or(part).to_lowercase();
        let possible = !bare.is_empty()
            && !bare.contains(|c: char| c == '.' || c == '/' || c.is_whitespace())
            && bare.chars().count() <= MAX_EXTENSION_CHARS;
        possible.then_some(bare).ok_or(Problem::Extension)
    };
    text.split(',').map(read).collect()
}

/// The folder with a slash on both sides; slashes inside are part of the keys and stay.
fn folder(text: &str) -> String {
    let head = if text.starts_with('/') { "" } else { "/" };
    let tail = if text.ends_with('/') { "" } else { "/" };
    format!("{head}{text}{tail}")
}

/// The walk over the text, term by term.
struct Scanner<'a> {
    rest: &'a str,
    /// Of the next character, in characters, from 1.
    column: usize,
}

impl<'a> Scanner<'a> {
    fn next_term(&mut self) -> Result<Option<RawTerm<'a>>, QueryError> {
        self.take_while(char::is_whitespace);
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (column, from_here) = (self.column, self.rest);
        let negated = self.eat('-');
        let field = self.field();
        let value = match self.rest.starts_with('"') {
            true => self.quotation()?,
            false => self.take_while(|c| !c.is_whitespace()).to_owned(),
        };
        let text = &from_here[..from_here.len() - self.rest.len()];
        Ok(Some(RawTerm {
            column,
            text,
            negated,
            field,
            value,
        }))
    }

    /// Letters with a colon behind them.
    fn field(&mut self) -> Option<&'a str> {
        let end = self.rest.find(|c: char| !c.is_alphabetic() && c != '_')?;
        if end == 0 || !self.rest[end..].starts_with(':') {
            return None;
        }
        let field = self.take_while(|c| c != ':');
        self.eat(':');
        Some(field)
    }

    /// What stands between the quotation mark here and the next one.
    fn quotation(&mut self) -> Result<String, QueryError> {
        let (column, from_here) = (self.column, self.rest);
        self.eat('"');
        let mut inside = String::new();
        while let Some(c) = self.next() {
            match c {
                '"' => return self.check_end_of_quotation().map(|()| inside),
                '\\' if self.rest.starts_with(['"', '\\']) => inside.extend(self.next()),
                c => inside.push(c),
            }
        }
        Err(QueryError {
            column,
            text: from_here.to_owned(),
            problem: Problem::OpenQuotation,
        })
    }

    fn check_end_of_quotation(&mut self) -> Result<(), QueryError> {
        let column = self.column;
        let behind = self.take_while(|c| !c.is_whitespace());
        if behind.is_empty() {
            return Ok(());
        }
        Err(QueryError {
            column,
            text: behind.to_owned(),
            problem: Problem::BehindQuotation,
        })
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        self.column += 1;
        Some(c)
    }

    fn eat(&mut self, wanted: char) -> bool {
        let here = self.rest.starts_with(wanted);
        if here {
            self.next();
        }
        here
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        self.column += taken.chars().count();
        taken
    }
}

#[cfg(test)]
mod tests;
