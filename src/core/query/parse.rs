//! The query language and its parser.
//!
//! ```text
//! query   = [ any ]                              an empty query finds everything
//! any     = all { "OR" all }                     at least one must match
//! all     = one { [ "AND" ] one }                all must match; AND binds tighter than OR
//! one     = ( "NOT" | "-" ) one | "(" any ")" | words | field
//! words   = word | word "*" | word "~" | quotation | *pattern*
//! field   = name sign ( value | range | "(" any of values ")" )
//!         | name [ "NOT" ] "IN" "[" value { "," value } "]"
//! sign    = ":" | "=" | ":=" | "!=" | "<" | "<=" | ">" | ">="       may have spaces around it
//! range   = [ value ] ".." [ value ] | value "..<" value | ( "[" | "{" ) value "TO" value ( "]" | "}" )
//! ```
//!
//! | query | finds |
//! |---|---|
//! | `summer-sale` | both words anywhere in the path, in any order |
//! | `"summer sale"` | the words directly after each other, in one segment of the path |
//! | `summ*` | words that begin with `summ` |
//! | `sumer~`, `sumer~2` | the word with at most one typo, or two |
//! | `*nt_lar*`, `IMG_????.jpg` | file names that match the pattern |
//! | `photos/*/raw*.dng` | paths that end in a match of the pattern |
//! | `https://photos.imgix.net/a%20b.jpg` | the path `/a b.jpg` |
//! | `folder:/photos` `folder:/photos/*` | in the folder and below it |
//! | `folder:=/photos` `folder=/photos` | directly in the folder |
//! | `folder:"/what?/"` | the folder named `what?`: with quotation marks and a `/` at the end, `*` and `?` are part of the name |
//! | `path:/a/b.jpg` `path:/a/**/b*.jpg` | this path, or paths that match the pattern |
//! | `name:red` `name:"red flower"` `name:re*` | words in the file name |
//! | `name:*red*` `name:"red *.jpg"` | file names that match the pattern |
//! | `name="red flower.jpg"` | exactly this file name |
//! | `ext:jpg,png` `type:image,video` `storage:GLACIER` `etag:…` | one of these values |
//! | `size:>1mb` `size > "1mb"` `size:1mb..5mb` `size:[1mb TO 5mb}` | sizes |
//! | `modified:2026-03` `modified:>=2026-03-01T08:00Z` `modified:<7d` | dates and ages |
//! | `format:(jpg OR png)` `name IN ["a.jpg", "b.jpg"]` | one of these values |
//!
//! Inside quotation marks, write `\"` for a quotation mark and `\\` for a backslash. AND, OR, NOT, IN, HAS
//! and TO are keywords only in capital letters. `!` before a term means the same as `-`, and `|` the same as OR.
//! Directly before a field or a parenthesis, `+` has no effect.
//!
//! Fields also have the names that Cloudinary and ImageKit use: `bytes`, `format`, `resource_type`,
//! `uploaded_at`, `createdAt` and others. Some of them, such as `createdAt`, compare times:
//! `createdAt > 7d` means later than 7 days ago, while `created:>7d` means more than 7 days old.

use crate::core::query::problem::{QueryError, QueryProblem};
use crate::core::query::term::{Condition, MAX_DEPTH, MAX_QUERY_BYTES, MAX_TERMS, Query};
use crate::core::replication::timestamp::Timestamp;

use field::{FieldPrefix, Operator};
use lexer::{Keyword, Lexer, TextPosition};
use value::Value;

mod field;
mod foreign;
mod lexer;
mod text;
mod value;

/// Maximum number of characters that an error shows of the part that is too long.
const MAX_EXCESS_SHOWN: usize = 20;

impl Query {
    /// Parses a query. Ages such as `modified:<7d` count back from `now`.
    ///
    /// Terms without a letter or digit, such as the dash in `Artist - Title`, are skipped. If there is no
    /// other term, they are an error.
    pub fn parse(text: &str, now: Timestamp) -> Result<Self, QueryError> {
        check_length(text)?;
        let mut parser = Parser {
            lexer: Lexer::new(text),
            now,
            terms: 0,
            depth: 0,
            skipped: None,
        };
        let condition = parser.alternatives(None)?;
        parser.expect_end()?;
        match (condition, parser.skipped) {
            (Some(condition), _) => Ok(Self { condition }),
            (None, Some(error)) => Err(error),
            (None, None) => Ok(Self {
                condition: Condition::All(Vec::new()),
            }),
        }
    }
}

fn check_length(text: &str) -> Result<(), QueryError> {
    if text.len() <= MAX_QUERY_BYTES {
        return Ok(());
    }
    let (within, excess) = text.split_at(text.floor_char_boundary(MAX_QUERY_BYTES));
    Err(QueryError {
        column: within.chars().count() + 1,
        text: excess.chars().take(MAX_EXCESS_SHOWN).collect(),
        problem: QueryProblem::TooLong,
    })
}

/// A recursive descent parser.
///
/// Its methods return `None` for a condition that contains only skipped terms. Their parameter `prefix` is
/// the field in front of the enclosing parenthesis, which applies to all values inside.
struct Parser<'a> {
    lexer: Lexer<'a>,
    now: Timestamp,
    terms: usize,
    /// The current depth of parentheses and negations. It limits the recursion.
    depth: usize,
    /// The error to return for the first skipped term, if there is no other term.
    skipped: Option<QueryError>,
}

type ParseResult<T> = Result<T, QueryError>;

impl<'a> Parser<'a> {
    fn alternatives(&mut self, prefix: Option<FieldPrefix<'a>>) -> ParseResult<Option<Condition>> {
        self.expect_operand(None)?;
        let mut alternatives = Vec::new();
        loop {
            match self.conjunction(prefix)? {
                Some(Condition::Any(several)) => alternatives.extend(several),
                one => alternatives.extend(one),
            }
            let or = self.lexer.position();
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

    fn conjunction(&mut self, prefix: Option<FieldPrefix<'a>>) -> ParseResult<Option<Condition>> {
        let (mut conditions, mut has_condition) = (Vec::new(), false);
        while !self.is_at_end() && !self.lexer.is_at_keyword(Keyword::Or) {
            let and = self.lexer.position();
            if self.lexer.eat_keyword(Keyword::And) {
                self.expect_operand(Some(and))?;
            }
            let one = self.operand(prefix)?;
            has_condition |= one.is_some();
            match one {
                Some(Condition::All(several)) => conditions.extend(several),
                one => conditions.extend(one),
            }
        }
        Ok(match conditions.len() {
            1 => conditions.pop(),
            _ => has_condition.then_some(Condition::All(conditions)),
        })
    }

    /// Fails if no operand can start here. `keyword` is the keyword that needs one, if any.
    fn expect_operand(&mut self, keyword: Option<TextPosition>) -> ParseResult<()> {
        self.lexer.skip_space();
        let start = self.lexer.position();
        let is_keyword = [Keyword::And, Keyword::Or].map(|word| self.lexer.eat_keyword(word));
        if is_keyword.contains(&true) {
            return Err(self.lexer.error(start, QueryProblem::MissingOperand));
        }
        match keyword {
            Some(keyword) if self.is_at_end() => {
                Err(self.lexer.error(keyword, QueryProblem::MissingOperand))
            }
            _ => Ok(()),
        }
    }

    /// Whether the text or the group ends here.
    fn is_at_end(&mut self) -> bool {
        self.lexer.skip_space();
        self.lexer.is_empty() || self.lexer.is_at(')')
    }

    fn operand(&mut self, prefix: Option<FieldPrefix<'a>>) -> ParseResult<Option<Condition>> {
        let start = self.lexer.position();
        if self.lexer.eat_keyword(Keyword::Not) {
            self.expect_operand(Some(start))?;
            return self.nested(start, |parser| Ok(parser.operand(prefix)?.map(negation)));
        }
        let is_negated = self.lexer.eat_negation_dashes() || self.lexer.eat_exclamation_mark();
        // `+` has no effect, because adjacent terms must all match anyway.
        self.lexer.eat_before_field('+');
        let one = if self.lexer.is_at('(') {
            self.group(prefix)
        } else {
            self.term(start, prefix)
        };
        Ok(if is_negated { one?.map(negation) } else { one? })
    }

    fn group(&mut self, prefix: Option<FieldPrefix<'a>>) -> ParseResult<Option<Condition>> {
        let start = self.lexer.position();
        self.lexer.eat('(');
        let unclosed = self.lexer.error(start, QueryProblem::UnclosedParenthesis);
        let inside = self.nested(start, |parser| parser.alternatives(prefix))?;
        if self.lexer.eat(')') {
            Ok(inside)
        } else {
            Err(unclosed)
        }
    }

    fn nested<T>(
        &mut self,
        start: TextPosition,
        parse: impl FnOnce(&mut Self) -> ParseResult<T>,
    ) -> ParseResult<T> {
        if self.depth == MAX_DEPTH {
            return Err(self.lexer.error(start, QueryProblem::TooDeep));
        }
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }

    fn term(
        &mut self,
        start: TextPosition,
        prefix: Option<FieldPrefix<'a>>,
    ) -> ParseResult<Option<Condition>> {
        let prefix = match prefix {
            Some(prefix) => Some(prefix),
            None => self.lexer.field(start)?,
        };
        let is_list =
            prefix.is_some_and(|prefix| matches!(prefix.operator, Operator::In | Operator::NotIn));
        if prefix.is_some() && !is_list && self.lexer.is_at('(') {
            let group = self.group(prefix)?;
            return self.lexer.expect_end_of_term().map(|()| group);
        }
        let value = self.lexer.value(prefix)?;
        let condition = match prefix {
            Some(prefix) => value::condition(prefix.field, prefix.operator, &value, self.now)
                .map_err(|problem| prefix.problem(problem)),
            None => value::words(&value),
        };
        let condition = condition.map_err(|problem| self.lexer.error(start, problem))?;
        match &condition {
            Some(condition) => self.terms += count_terms(condition),
            None => {
                let error = || self.lexer.error(start, QueryProblem::NoWords);
                self.skipped.get_or_insert_with(error);
            }
        }
        if self.terms > MAX_TERMS {
            return Err(self.lexer.error(start, QueryProblem::TooManyTerms));
        }
        Ok(condition)
    }

    /// Fails if text is left. That can only be a closing parenthesis without an opening one.
    fn expect_end(&mut self) -> ParseResult<()> {
        let start = self.lexer.position();
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

fn count_terms(condition: &Condition) -> usize {
    match condition {
        Condition::All(several)
        | Condition::Any(several)
        | Condition::AtLeast(_, several)
        | Condition::Best(several) => several.iter().map(count_terms).sum(),
        Condition::Not(one) => count_terms(one),
        Condition::Term(_) => 1,
        Condition::Preferred(_) => 0,
    }
}

#[cfg(test)]
mod tests;
