//! Recognizes what is an operator or a field in other search languages and not here, so that it is never taken for words
//! to find.

use super::field::{Field, Operator};
use crate::core::query::problem::QueryProblem;

/// The words that are operators after a field in other search languages, and not here.
const FOREIGN_OPERATORS: [&str; 8] = [
    "EXISTS",
    "NOT EXISTS",
    "IS",
    "CONTAINS",
    "NOT CONTAINS",
    "STARTS WITH",
    "LIKE",
    "BETWEEN",
];

/// The operator of another search language at the start of the text. `TO` is one between two values, as in
/// `size 1 TO 1000`.
fn foreign_operator(text: &str) -> Option<&str> {
    let is_word = |rest: &str| rest.is_empty() || rest.starts_with(char::is_whitespace);
    let mut words = FOREIGN_OPERATORS.into_iter();
    if let Some(word) = words.find(|word| text.strip_prefix(*word).is_some_and(is_word)) {
        return Some(&text[..word.len()]);
    }
    let mut words = text.split_whitespace();
    let is_value = words.next()?.starts_with(|c: char| c.is_ascii_digit());
    let to = words.next().filter(|word| is_value && *word == "TO")?;
    words.next().map(|_| to)
}

/// The fields of other services that have fields themselves, as in `metadata.color`.
const FOREIGN_GROUPS: [&str; 4] = ["context", "metadata", "imagemetadata", "info"];

/// The length of the rest of a name such as `metadata.color`, if an operator follows. `after` is what follows `name`.
fn foreign_name_len(name: &str, after: &str) -> Option<usize> {
    let folded = name.replace('_', "").to_lowercase();
    let part = after.strip_prefix('.')?;
    let is_part = |c: char| !c.is_alphanumeric() && c != '_' && c != '.';
    let len = part.find(is_part)?;
    let has_operator = Operator::strip(&part[len..]).is_some();
    (FOREIGN_GROUPS.contains(&folded.as_str()) && has_operator).then_some(1 + len)
}

/// The problem with a name and what follows it, and the length of that part of what follows. `field` is the field with
/// this name, if there is one.
pub(super) fn problem(
    field: Option<Field>,
    name: &str,
    after: &str,
) -> Option<(usize, QueryProblem)> {
    let operator_at = after.trim_start();
    let has_space = operator_at.len() < after.len();
    if let Some(field) = field {
        let operator = foreign_operator(operator_at).filter(|_| has_space)?;
        let problem = QueryProblem::UnknownOperator {
            field: name.to_owned(),
            operator: operator.to_owned(),
            example: field.example(),
        };
        return Some((after.trim_end().len(), problem));
    }
    let is_list = || {
        let operator = Operator::strip_words(operator_at);
        matches!(operator, Some((Operator::In | Operator::NotIn, _)))
    };
    let is_function = name.starts_with("_geo") && after.starts_with('(');
    let len = match foreign_name_len(name, after) {
        Some(len) => len,
        None if (has_space && is_list()) || is_function => 0,
        None => return None,
    };
    let field = format!("{name}{}", &after[..len]);
    Some((len, QueryProblem::UnknownField { field }))
}
