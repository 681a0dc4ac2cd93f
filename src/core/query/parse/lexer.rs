//! Reads the text of a query piece by piece, and keeps track of the position for errors.

use crate::core::query::problem::{QueryError, QueryProblem};
use crate::core::query::size;

use super::field::{Field, FieldPrefix, Operator, ValueType};
use super::foreign;
use super::{Value, text};

/// A position in the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct TextPosition {
    /// In bytes.
    at: usize,
    /// In characters, from 1.
    column: usize,
}

/// A keyword: a separate word in capital letters, or a sign with the same meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keyword {
    And,
    Or,
    Not,
}

impl Keyword {
    fn spellings(self) -> &'static [&'static str] {
        match self {
            Self::And => &["AND", "&&"],
            Self::Or => &["OR", "||", "|"],
            Self::Not => &["NOT"],
        }
    }
}

/// The text and the current position in it.
pub(super) struct Lexer<'a> {
    text: &'a str,
    position: TextPosition,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let position = TextPosition { at: 0, column: 1 };
        Self { text, position }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.position.at..]
    }

    pub(super) fn position(&self) -> TextPosition {
        self.position
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest().is_empty()
    }

    pub(super) fn is_at(&self, c: char) -> bool {
        self.rest().starts_with(c)
    }

    /// An error about the text from `from` to the current position, or about one character if that is empty.
    pub(super) fn error(&self, from: TextPosition, problem: QueryProblem) -> QueryError {
        let until_here = &self.text[from.at..self.position.at];
        let first = self.text[from.at..].chars().next().into_iter().collect();
        QueryError {
            column: from.column,
            text: match until_here.trim_end() {
                "" => first,
                text => text.to_owned(),
            },
            problem,
        }
    }

    pub(super) fn skip_space(&mut self) -> bool {
        !self.take_while(char::is_whitespace).is_empty()
    }

    pub(super) fn eat(&mut self, expected: char) -> bool {
        let is_here = self.is_at(expected);
        if is_here {
            self.next();
        }
        is_here
    }

    pub(super) fn is_at_keyword(&self, keyword: Keyword) -> bool {
        self.keyword_len(keyword).is_some()
    }

    pub(super) fn eat_keyword(&mut self, keyword: Keyword) -> bool {
        let len = self.keyword_len(keyword);
        len.inspect(|len| self.advance(*len)).is_some()
    }

    fn keyword_len(&self, keyword: Keyword) -> Option<usize> {
        let rest = self.rest();
        let spelling = keyword.spellings().iter().find(|spelling| {
            let after = rest.strip_prefix(**spelling);
            after.is_some_and(|after| after.is_empty() || after.starts_with(ends_a_word))
        });
        spelling.map(|spelling| spelling.len())
    }

    /// Consumes dashes if they negate the text directly after them.
    pub(super) fn eat_negation_dashes(&mut self) -> bool {
        let after = self.rest().trim_start_matches('-');
        let len = self.rest().len() - after.len();
        let negates = len > 0 && !after.is_empty() && !after.starts_with(ends_a_term);
        if negates {
            self.advance(len);
        }
        negates
    }

    /// Consumes an exclamation mark if it negates the text directly after it.
    pub(super) fn eat_exclamation_mark(&mut self) -> bool {
        let after = self.rest().strip_prefix('!');
        let negates = after.is_some_and(|after| {
            after.starts_with(|c: char| c.is_alphanumeric() || c == '"' || c == '(')
        });
        negates && self.eat('!')
    }

    /// Consumes a sign if a field or a parenthesis follows directly. Before a word, it is punctuation.
    pub(super) fn eat_before_field(&mut self, expected: char) -> bool {
        let Some(after) = self.rest().strip_prefix(expected) else {
            return false;
        };
        let end = after.find(|c: char| !c.is_alphabetic() && c != '_');
        let (name, rest) = after.split_at(end.unwrap_or(after.len()));
        let is_field = Field::from_name(name).is_some() && Operator::strip(rest).is_some();
        let applies = is_field || after.starts_with('(');
        applies && self.eat(expected)
    }

    /// Consumes the name of a field and its operator, if they are next.
    ///
    /// `start` is the start of the term, for errors.
    pub(super) fn field(
        &mut self,
        start: TextPosition,
    ) -> Result<Option<FieldPrefix<'a>>, QueryError> {
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_alphabetic() && c != '_');
        let (name, after) = rest.split_at(end.unwrap_or(rest.len()));
        if name.is_empty() || text::url_path(rest).is_some() {
            return Ok(None);
        }
        let after_space = after.trim_start();
        let field = Field::from_name(name);
        if let Some((len, problem)) = foreign::problem(field, name, after) {
            self.advance(name.len() + len);
            return Err(self.error(start, problem));
        }
        let operator = match (Operator::strip(after), field) {
            (Some(operator), _) => Some(operator),
            (None, Some(_)) => {
                Operator::strip(after_space).or_else(|| Operator::strip_words(after_space))
            }
            // After a space, a colon is punctuation.
            (None, None) => {
                Operator::strip(after_space).filter(|(operator, _)| *operator != Operator::Matches)
            }
        };
        let Some((operator, after)) = operator else {
            return Ok(None);
        };
        self.advance(rest.len() - after.len());
        match field {
            Some(field) => {
                let prefix = FieldPrefix {
                    field,
                    operator,
                    name,
                };
                self.reach_value(start, prefix).map(Some)
            }
            None => {
                self.bare_text();
                let field = name.to_owned();
                Err(self.error(start, QueryProblem::UnknownField { field }))
            }
        }
    }

    /// Moves from the end of the operator to the value. Fails if there is no value.
    fn reach_value(
        &mut self,
        start: TextPosition,
        mut prefix: FieldPrefix<'a>,
    ) -> Result<FieldPrefix<'a>, QueryError> {
        let has_space = self.skip_space();
        // As in `size: > 1mb`.
        if let (
            Operator::Matches,
            ValueType::Number,
            Some((comparison @ Operator::Compares(_), after)),
        ) = (
            prefix.operator,
            prefix.field.value_type(),
            Operator::strip(self.rest()),
        ) {
            prefix.operator = comparison;
            self.advance(self.rest().len() - after.len());
            self.skip_space();
        }
        let is_keyword = self.is_at_keyword(Keyword::And) || self.is_at_keyword(Keyword::Or);
        if self.is_empty() || self.is_at(')') || has_space && is_keyword {
            Err(self.error(start, prefix.problem(prefix.field.missing_value())))
        } else {
            Ok(prefix)
        }
    }

    /// Consumes a value in one of the notations that the field allows.
    pub(super) fn value(&mut self, prefix: Option<FieldPrefix<'a>>) -> Result<Value, QueryError> {
        let is_list = |operator| matches!(operator, Operator::In | Operator::NotIn);
        let field = prefix.map(|prefix| (prefix.field, prefix.operator));
        let value = match (self.rest().chars().next(), field) {
            (Some('[' | '('), Some((_, operator))) if is_list(operator) => self.list()?,
            (Some('['), Some((field, _))) if field.value_type() == ValueType::Labels => {
                self.list()?
            }
            (Some('[' | '{'), Some((field, _))) if field.value_type() == ValueType::Number => {
                self.brackets()?
            }
            (Some('"'), _) => Value::Quoted(self.quotation()?),
            (_, Some((Field::Size, _))) => return Ok(Value::Bare(self.size())),
            _ => return Ok(Value::Bare(self.bare_text().to_owned())),
        };
        self.expect_end_of_term().map(|()| value)
    }

    /// Fails if text follows directly after a quotation, a bracket or a group.
    pub(super) fn expect_end_of_term(&mut self) -> Result<(), QueryError> {
        let start = self.position();
        match self.take_while(|c| !ends_a_term(c)) {
            "" => Ok(()),
            _ => Err(self.error(start, QueryProblem::TextAfterTerm)),
        }
    }

    /// Consumes text up to white space. A `)` is part of it only if its `(` is, too.
    fn bare_text(&mut self) -> &'a str {
        let mut open = 0_usize;
        self.take_while(|c| {
            match c {
                '(' => open += 1,
                ')' if open == 0 => return false,
                ')' => open -= 1,
                _ => {}
            }
            !c.is_whitespace()
        })
    }

    /// Consumes a size or a range of sizes, with or without spaces before the units: `1 mb..5 mb`.
    fn size(&mut self) -> String {
        let mut text = self.bare_text().to_owned();
        while text.ends_with(|c: char| c.is_ascii_digit()) {
            let start = self.position;
            self.skip_space();
            let next = self.bare_text();
            let unit = next.split("..").next().unwrap_or(next);
            if !size::is_unit(unit) {
                self.position = start;
                break;
            }
            text.push_str(next);
        }
        text
    }

    /// Consumes a quotation and returns the text inside.
    fn quotation(&mut self) -> Result<String, QueryError> {
        let start = self.position();
        self.eat('"');
        let mut inside = String::new();
        while let Some(c) = self.next() {
            match c {
                '"' => return Ok(inside),
                '\\' if self.rest().starts_with(['"', '\\']) => inside.extend(self.next()),
                c => inside.push(c),
            }
        }
        Err(self.error(start, QueryProblem::UnclosedQuotation))
    }

    /// Consumes a range and returns it with its brackets, but without quotation marks around its ends.
    fn brackets(&mut self) -> Result<Value, QueryError> {
        let start = self.position();
        let inside = self.take_while(|c| c != ']' && c != '}').replace('"', "");
        match self.next() {
            Some(end) => Ok(Value::Bare(format!("{inside}{end}"))),
            None => Err(self.error(start, QueryProblem::UnclosedBracket)),
        }
    }

    fn list(&mut self) -> Result<Value, QueryError> {
        let start = self.position();
        self.next();
        let mut items = Vec::new();
        loop {
            self.skip_space();
            let item = if self.is_at('"') {
                self.quotation()?
            } else {
                let bare = self.take_while(|c| !matches!(c, ',' | ']' | ')' | '"'));
                bare.trim_end().to_owned()
            };
            items.push(item);
            self.skip_space();
            match self.next() {
                Some(',') => {}
                Some(']' | ')') => return Ok(Value::List(items)),
                _ => return Err(self.error(start, QueryProblem::UnclosedBracket)),
            }
        }
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest().chars().next()?;
        self.advance(c.len_utf8());
        Some(c)
    }

    fn take_while(&mut self, mut belongs: impl FnMut(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        self.advance(end);
        &rest[..end]
    }

    fn advance(&mut self, len: usize) {
        self.position.column += self.rest()[..len].chars().count();
        self.position.at += len;
    }
}

fn ends_a_term(c: char) -> bool {
    c.is_whitespace() || c == ')'
}

fn ends_a_word(c: char) -> bool {
    ends_a_term(c) || c == '('
}
