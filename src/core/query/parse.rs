//! How the text of a search is read.
//!
//! ```text
//! search  = [ any ]                              nothing finds everything
//! any     = all { "OR" all }                     at least one of them
//! all     = one { [ "AND" ] one }                each of them: AND binds tighter than OR
//! one     = ( "NOT" | "-" ) one | "(" any ")" | words | field
//! words   = word | word "*" | word "~" | quotation | *form*
//! field   = name sign ( value | range | "(" any of values ")" )
//!         | name [ "NOT" ] "IN" "[" value { "," value } "]"
//! sign    = ":" | "=" | ":=" | "!=" | "<" | "<=" | ">" | ">="       spaces may stand around it
//! range   = [ value ] ".." [ value ] | value "..<" value | ( "[" | "{" ) value "TO" value ( "]" | "}" )
//! ```
//!
//! | written | finds |
//! |---|---|
//! | `summer-sale` | both words anywhere in the path, in any order |
//! | `"summer sale"` | the words one behind the other, in one segment of the path |
//! | `summ*` | words that begin so |
//! | `sumer~` | words with at most one slip |
//! | `*nt_lar*`, `IMG_????.jpg` | file names of this form |
//! | `photos/*/raw*.dng` | paths that end in this form |
//! | `https://photos.imgix.net/a%20b.jpg` | the path `/a b.jpg` |
//! | `folder:/photos` `folder:/photos/*` | in the folder and below it |
//! | `folder:=/photos` `folder=/photos` | in the folder alone |
//! | `folder:"/what?/"` | the same as `folder:`, a `*` and `?` being part of the name: in quotation marks, with `/` at the end |
//! | `path:/a/b.jpg` `path:/a/**/b*.jpg` | this path, or paths of this form |
//! | `name:red` `name:"red flower"` `name:re*` | words of the file name alone |
//! | `name:*red*` `name:"red *.jpg"` | file names of this form |
//! | `name="red flower.jpg"` | this file name |
//! | `ext:jpg,png` `type:image,video` `storage:GLACIER` `etag:…` | one of these |
//! | `size:>1mb` `size > "1mb"` `size:1mb..5mb` `size:[1mb TO 5mb}` | sizes |
//! | `modified:2026-03` `modified:>=2026-03-01T08:00Z` `modified:<7d` | dates, ages |
//! | `format:(jpg OR png)` `name IN ["a.jpg", "b.jpg"]` | one of these |
//!
//! A quotation keeps together what it holds, with `\"` and `\\` inside. AND, OR, NOT, IN, HAS and TO
//! are words when they are not in capitals. Directly before a field or a parenthesis `!` is the same
//! as `-`, and `+` means nothing more. Fields can be written as Cloudinary and ImageKit write them:
//! `bytes`, `format`, `resource_type`, `uploaded_at`, `createdAt`, …; those named after a moment compare
//! moments, so `createdAt > 7d` is later than 7 days ago, while `created:>7d` is older than 7 days.

use crate::core::query::problem::{QueryError, QueryProblem};
use crate::core::query::term::{Condition, MAX_DEPTH, MAX_QUERY_CHARS, MAX_TERMS, Query};
use crate::core::replication::timestamp::Timestamp;

use field::{Field, Operator};
use lexer::{Keyword, Lexer, TextPosition};
use value::Value;

mod field;
mod lexer;
mod text;
mod value;

/// The most characters of a text that is too long that an error shows.
const SHOWN_OF_TOO_LONG: usize = 20;

impl Query {
    /// Reads a search; ages such as `modified:<7d` are counted back from `now`.
    ///
    /// Terms without a letter or digit (the dash in `Artist - Title`) are passed over, unless there
    /// is no other.
    pub fn parse(text: &str, now: Timestamp) -> Result<Self, QueryError> {
        check_length(text)?;
        let mut parser = Parser {
            lexer: Lexer::new(text),
            now,
            terms: 0,
            depth: 0,
            passed_over: None,
        };
        let condition = parser.any(None)?;
        parser.check_all_is_read()?;
        match (condition, parser.passed_over) {
            (Some(condition), _) => Ok(Self { condition }),
            (None, Some(error)) => Err(error),
            (None, None) => Ok(Self {
                condition: Condition::All(Vec::new()),
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
        problem: QueryProblem::TooLong,
    })
}

/// Reads conditions; `None` is what holds no word and is passed over.
///
/// A field that stands before a parenthesis is the field of all values inside.
struct Parser<'a> {
    lexer: Lexer<'a>,
    now: Timestamp,
    terms: usize,
    /// Of parentheses and negations: bounds the recursion.
    depth: usize,
    /// What is wrong with the first term that was passed over, if there is no other.
    passed_over: Option<QueryError>,
}

type Read<T> = Result<T, QueryError>;

impl Parser<'_> {
    fn any(&mut self, field: Option<(Field, Operator)>) -> Read<Option<Condition>> {
        self.expect_operand(None)?;
        let mut alternatives = Vec::new();
        loop {
            match self.all(field)? {
                Some(Condition::Any(several)) => alternatives.extend(several),
                one => alternatives.extend(one),
            }
            let or = self.lexer.mark();
            if !self.lexer.eat_keyword(Keyword::Or) {
                break;
            }
            self.expect_operand(Some(or))?;
        }
        Ok(match alternatives.len() {
            0 | 1 => alternatives.pop(),
            _ => Some(Condition::Any(alternatives)),
        })
    }

    fn all(&mut self, field: Option<(Field, Operator)>) -> Read<Option<Condition>> {
        let (mut conditions, mut holds_something) = (Vec::new(), false);
        while !self.is_at_end() && !self.lexer.is_at_keyword(Keyword::Or) {
            let and = self.lexer.mark();
            if self.lexer.eat_keyword(Keyword::And) {
                self.expect_operand(Some(and))?;
            }
            let one = self.one(field)?;
            holds_something |= one.is_some();
            match one {
                Some(Condition::All(several)) => conditions.extend(several),
                one => conditions.extend(one),
            }
        }
        Ok(match conditions.len() {
            1 => conditions.pop(),
            _ => holds_something.then_some(Condition::All(conditions)),
        })
    }

    /// Refuses what cannot stand where a term must: `keyword` is what asks for one.
    fn expect_operand(&mut self, keyword: Option<TextPosition>) -> Read<()> {
        self.lexer.skip_space();
        let here = self.lexer.mark();
        let is_keyword = [Keyword::And, Keyword::Or].map(|word| self.lexer.eat_keyword(word));
        if is_keyword.contains(&true) {
            return Err(self.lexer.error(here, QueryProblem::MissingOperand));
        }
        match keyword {
            Some(keyword) if self.is_at_end() => {
                Err(self.lexer.error(keyword, QueryProblem::MissingOperand))
            }
            _ => Ok(()),
        }
    }

    /// Whether the text, or the parenthesis, ends here.
    fn is_at_end(&mut self) -> bool {
        self.lexer.skip_space();
        self.lexer.is_empty() || self.lexer.is_at(')')
    }

    fn one(&mut self, field: Option<(Field, Operator)>) -> Read<Option<Condition>> {
        let start = self.lexer.mark();
        if self.lexer.eat_keyword(Keyword::Not) {
            self.expect_operand(Some(start))?;
            return self.deeper(start, |parser| Ok(parser.one(field)?.map(negation)));
        }
        let is_negated = self.lexer.eat_dashes() || self.lexer.eat_before_field('!');
        // What stands beside each other must hold anyway.
        self.lexer.eat_before_field('+');
        let one = if self.lexer.is_at('(') {
            self.group(field)
        } else {
            self.term(start, field)
        };
        Ok(if is_negated { one?.map(negation) } else { one? })
    }

    fn group(&mut self, field: Option<(Field, Operator)>) -> Read<Option<Condition>> {
        let start = self.lexer.mark();
        self.lexer.eat('(');
        let opened = self.lexer.error(start, QueryProblem::UnclosedParenthesis);
        let inside = self.deeper(start, |parser| parser.any(field))?;
        if self.lexer.eat(')') {
            Ok(inside)
        } else {
            Err(opened)
        }
    }

    fn deeper<T>(
        &mut self,
        start: TextPosition,
        read: impl FnOnce(&mut Self) -> Read<T>,
    ) -> Read<T> {
        if self.depth == MAX_DEPTH {
            return Err(self.lexer.error(start, QueryProblem::TooDeep));
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    fn term(
        &mut self,
        start: TextPosition,
        field: Option<(Field, Operator)>,
    ) -> Read<Option<Condition>> {
        let field = match field {
            Some(field) => Some(field),
            None => self.lexer.field(start)?,
        };
        let is_list = matches!(field, Some((_, Operator::In | Operator::NotIn)));
        if field.is_some() && !is_list && self.lexer.is_at('(') {
            let group = self.group(field)?;
            return self.lexer.expect_end_of_term().map(|()| group);
        }
        let value = self.lexer.value(field)?;
        let condition = match field {
            Some((field, sign)) => value::condition(field, sign, &value, self.now),
            None => value::words(&value),
        };
        let condition = condition.map_err(|problem| self.lexer.error(start, problem))?;
        match &condition {
            Some(condition) => self.terms += terms(condition),
            None => {
                let error = || self.lexer.error(start, QueryProblem::NoWords);
                self.passed_over.get_or_insert_with(error);
            }
        }
        if self.terms > MAX_TERMS {
            return Err(self.lexer.error(start, QueryProblem::TooManyTerms));
        }
        Ok(condition)
    }

    /// What ends the last term early is a parenthesis that nothing opened.
    fn check_all_is_read(&mut self) -> Read<()> {
        let start = self.lexer.mark();
        if self.lexer.eat(')') {
            Err(self.lexer.error(start, QueryProblem::UnopenedParenthesis))
        } else {
            Ok(())
        }
    }
}

fn negation(condition: Condition) -> Condition {
    Condition::Not(Box::new(condition))
}

fn terms(condition: &Condition) -> usize {
    match condition {
        Condition::All(several) | Condition::Any(several) => several.iter().map(terms).sum(),
        Condition::Not(one) => terms(one),
        Condition::Term(_) => 1,
    }
}

#[cfg(test)]
mod tests;
