//! The walk over the text of a search, piece by piece, and where it is.

use crate::core::query::problem::{QueryError, QueryProblem};

use super::field::{Field, Operator, ValueType};
use super::{Value, text};

/// A place in the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct TextPosition {
    /// In bytes.
    at: usize,
    /// In characters, from 1.
    column: usize,
}

/// A word that is none, when it is in capitals and stands alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keyword {
    And,
    Or,
    Not,
}

impl Keyword {
    fn forms(self) -> &'static [&'static str] {
        match self {
            Self::And => &["AND", "&&"],
            Self::Or => &["OR", "||"],
            Self::Not => &["NOT"],
        }
    }
}

/// The text and where the walk over it is.
pub(super) struct Lexer<'a> {
    text: &'a str,
    here: TextPosition,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let here = TextPosition { at: 0, column: 1 };
        Self { text, here }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.here.at..]
    }

    pub(super) fn mark(&self) -> TextPosition {
        self.here
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest().is_empty()
    }

    pub(super) fn is_at(&self, c: char) -> bool {
        self.rest().starts_with(c)
    }

    /// What is wrong with the text from the mark to here, which is at least one character.
    pub(super) fn error(&self, from: TextPosition, problem: QueryProblem) -> QueryError {
        let until_here = &self.text[from.at..self.here.at];
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

    pub(super) fn eat(&mut self, wanted: char) -> bool {
        let is_here = self.is_at(wanted);
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
        let form = keyword.forms().iter().find(|form| {
            let behind = rest.strip_prefix(**form);
            behind.is_some_and(|behind| behind.is_empty() || behind.starts_with(ends_a_word))
        });
        form.map(|form| form.len())
    }

    /// Takes the dashes of a negation: there is something directly behind them.
    pub(super) fn eat_dashes(&mut self) -> bool {
        let behind = self.rest().trim_start_matches('-');
        let len = self.rest().len() - behind.len();
        let negates = len > 0 && !behind.is_empty() && !behind.starts_with(ends_a_term);
        if negates {
            self.advance(len);
        }
        negates
    }

    /// Takes a sign that stands directly before a field or a parenthesis; before a word it is
    /// punctuation.
    pub(super) fn eat_before_field(&mut self, wanted: char) -> bool {
        let Some(behind) = self.rest().strip_prefix(wanted) else {
            return false;
        };
        let end = behind.find(|c: char| !c.is_alphabetic() && c != '_');
        let (name, rest) = behind.split_at(end.unwrap_or(behind.len()));
        let is_field = Field::from_name(name).is_some() && Operator::strip(rest).is_some();
        let is_before = is_field || behind.starts_with('(');
        is_before && self.eat(wanted)
    }

    /// The name of a field and the sign behind it, if that is what stands here.
    ///
    /// `start` is where the term begins, for errors.
    pub(super) fn field(
        &mut self,
        start: TextPosition,
    ) -> Result<Option<(Field, Operator)>, QueryError> {
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_alphabetic() && c != '_');
        let (name, behind) = rest.split_at(end.unwrap_or(rest.len()));
        if name.is_empty() || text::address(rest).is_some() {
            return Ok(None);
        }
        let spaced = behind.trim_start();
        let field = Field::from_name(name);
        let sign = match (Operator::strip(behind), field) {
            (Some(sign), _) => Some(sign),
            (None, Some(_)) => Operator::strip(spaced).or_else(|| Operator::strip_words(spaced)),
            // With a space in between, a colon is punctuation.
            (None, None) => Operator::strip(spaced).filter(|(sign, _)| *sign != Operator::Matches),
        };
        let Some((sign, behind)) = sign else {
            return Ok(None);
        };
        self.advance(rest.len() - behind.len());
        match field {
            Some(field) => self.reach_value(start, field, sign).map(Some),
            None => {
                self.bare();
                let field = name.to_owned();
                Err(self.error(start, QueryProblem::UnknownField { field }))
            }
        }
    }

    /// Walks from behind a sign to the value, which must be there.
    fn reach_value(
        &mut self,
        start: TextPosition,
        field: Field,
        mut sign: Operator,
    ) -> Result<(Field, Operator), QueryError> {
        let is_separate = self.skip_space();
        // As in `size: > 1mb`.
        if let (
            Operator::Matches,
            ValueType::Number,
            Some((comparison @ Operator::Compares(_), behind)),
        ) = (sign, field.value_type(), Operator::strip(self.rest()))
        {
            sign = comparison;
            self.advance(self.rest().len() - behind.len());
            self.skip_space();
        }
        let is_keyword = self.is_at_keyword(Keyword::And) || self.is_at_keyword(Keyword::Or);
        if self.is_empty() || self.is_at(')') || is_separate && is_keyword {
            Err(self.error(start, field.missing_value()))
        } else {
            Ok((field, sign))
        }
    }

    /// The value that stands here, in the form that the field takes.
    pub(super) fn value(&mut self, field: Option<(Field, Operator)>) -> Result<Value, QueryError> {
        let is_list = |sign| matches!(sign, Operator::In | Operator::NotIn);
        let value = match (self.rest().chars().next(), field) {
            (Some('[' | '('), Some((_, sign))) if is_list(sign) => self.list()?,
            (Some('['), Some((field, _))) if field.value_type() == ValueType::Labels => {
                self.list()?
            }
            (Some('[' | '{'), Some((field, _))) if field.value_type() == ValueType::Number => {
                self.brackets()?
            }
            (Some('"'), _) => Value::Quoted(self.quotation()?),
            _ => return Ok(Value::Bare(self.bare().to_owned())),
        };
        self.expect_end_of_term().map(|()| value)
    }

    /// Refuses text directly behind a quotation or a bracket.
    pub(super) fn expect_end_of_term(&mut self) -> Result<(), QueryError> {
        let start = self.mark();
        match self.take_while(|c| !ends_a_term(c)) {
            "" => Ok(()),
            _ => Err(self.error(start, QueryProblem::TextAfterTerm)),
        }
    }

    /// Text without white space; a `)` belongs to it only if it opens in it.
    fn bare(&mut self) -> &'a str {
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

    /// What stands between the quotation mark here and the next one.
    fn quotation(&mut self) -> Result<String, QueryError> {
        let start = self.mark();
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

    /// A range, its brackets included, without the quotation marks of its ends.
    fn brackets(&mut self) -> Result<Value, QueryError> {
        let start = self.mark();
        let inside = self.take_while(|c| c != ']' && c != '}').replace('"', "");
        match self.next() {
            Some(end) => Ok(Value::Bare(format!("{inside}{end}"))),
            None => Err(self.error(start, QueryProblem::UnclosedBracket)),
        }
    }

    fn list(&mut self) -> Result<Value, QueryError> {
        let start = self.mark();
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
        self.here.column += self.rest()[..len].chars().count();
        self.here.at += len;
    }
}

fn ends_a_term(c: char) -> bool {
    c.is_whitespace() || c == ')'
}

fn ends_a_word(c: char) -> bool {
    ends_a_term(c) || c == '('
}
