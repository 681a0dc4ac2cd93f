//! Converts a field, an operator and a value into a condition.

use crate::core::query::asset_type::AssetType;
use crate::core::query::hit::{MAX_EXTENSION_CHARS, folder_path};
use crate::core::query::pattern::WildcardPattern;
use crate::core::query::problem::QueryProblem;
use crate::core::query::term::{Condition, Term, WordField};
use crate::core::query::{date, size};
use crate::core::replication::timestamp::Timestamp;

use super::field::{Field, Operator, ValueType};
use super::{negation, text};

/// A value as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// Text without quotation marks, or a range.
    Bare(String),
    /// The text of a quotation.
    Quoted(String),
    /// The items of a list.
    List(Vec<String>),
}

/// The condition of a value without a field. `None` if it contains no word.
pub(super) fn words(value: &Value) -> Result<Option<Condition>, QueryProblem> {
    match value {
        Value::Bare(bare) => match text::url_path(bare) {
            Some(path) => text::path_of_url(path).map(|term| Some(Condition::Term(term))),
            None => Ok(text::bare(bare, WordField::Path)),
        },
        Value::Quoted(quoted) => Ok(text::quoted(quoted, WordField::Path)),
        // The lexer reads a list only after a field.
        Value::List(_) => Ok(None),
    }
}

/// The condition of a field, an operator and a value. `None` if it tests words and the value has none.
pub(super) fn condition(
    field: Field,
    operator: Operator,
    value: &Value,
    now: Timestamp,
) -> Result<Option<Condition>, QueryProblem> {
    let with_operator = |operator| condition(field, operator, value, now);
    let negated = |condition: Option<Condition>| condition.map(negation);
    match (operator, value) {
        (Operator::NotEquals, _) => return with_operator(Operator::Equals).map(negated),
        (Operator::NotIn, _) => return with_operator(Operator::In).map(negated),
        _ => {}
    }
    let text = match value {
        Value::Bare(text) | Value::Quoted(text) => text.clone(),
        Value::List(items) if field.value_type() == ValueType::Labels => items.join(","),
        Value::List(items) => return one_of(field, items, now).map(Some),
    };
    if text.is_empty() {
        return Err(field.missing_value());
    }
    let is_exact = matches!(operator, Operator::Equals | Operator::In);
    let comparable = match (operator, field.value_type()) {
        (Operator::Compares(comparison), ValueType::Number) => {
            format!("{}{text}", comparison.sign())
        }
        (Operator::Compares(_), _) => return Err(QueryProblem::NotComparable),
        _ => text.clone(),
    };
    let term = match field {
        Field::Folder if is_exact => Term::DirectlyIn(folder_path(&text)),
        // Lists of folders and facets write a folder like this. A `*` in it is part of its name.
        Field::Folder if matches!(value, Value::Quoted(_)) && text.ends_with('/') => {
            Term::Folder(folder_path(&text))
        }
        Field::Folder => folder_or_pattern(&text),
        Field::Path if !is_exact && WildcardPattern::has_wildcard(&text) => {
            Term::PathPattern(WildcardPattern::for_paths(&path_pattern(&text)))
        }
        Field::Path => Term::Path(path(&text)),
        Field::Name if is_exact => Term::Name(text),
        Field::Name => {
            return Ok(match value {
                Value::Quoted(_) => text::quoted(&text, WordField::Name),
                _ => text::bare(&text, WordField::Name),
            });
        }
        Field::Ext => Term::Ext(parse_labels(&text, ext)?),
        Field::Type => Term::Type(parse_labels(&text, |name| {
            AssetType::from_name(name).ok_or(QueryProblem::UnknownType)
        })?),
        Field::Storage => Term::Storage(parse_labels(&text, storage_class)?),
        Field::ETag => Term::ETag(text),
        Field::Size => Term::Size(size::parse(&comparable)?),
        Field::Modified(order) => Term::Modified(date::parse(&comparable, order, now)?),
        Field::Created(order) => Term::Created(date::parse(&comparable, order, now)?),
    };
    Ok(Some(Condition::Term(term)))
}

fn one_of(field: Field, items: &[String], now: Timestamp) -> Result<Condition, QueryProblem> {
    let mut alternatives = Vec::with_capacity(items.len());
    for item in items {
        let value = Value::Quoted(item.clone());
        alternatives.extend(condition(field, Operator::Equals, &value, now)?);
    }
    Ok(match alternatives.len() {
        1 => alternatives.remove(0),
        _ => Condition::Any(alternatives),
    })
}

/// A folder with everything below it, or a pattern if the text contains wildcards.
fn folder_or_pattern(text: &str) -> Term {
    // Cloudinary writes `/*` for "and below".
    let stem = match text {
        "*" | "**" | "/*" | "/**" => "/",
        text => ["/*", "/**"]
            .iter()
            .find_map(|below| text.strip_suffix(below))
            .unwrap_or(text),
    };
    let folder = folder_path(stem);
    if WildcardPattern::has_wildcard(stem) {
        Term::PathPattern(WildcardPattern::for_paths(&format!("{folder}**")))
    } else {
        Term::Folder(folder)
    }
}

fn path(text: &str) -> String {
    let slash = if text.starts_with('/') { "" } else { "/" };
    format!("{slash}{text}")
}

/// Adds the `/` at the start, unless the pattern starts with `**`.
fn path_pattern(text: &str) -> String {
    if text.starts_with("**") {
        text.to_owned()
    } else {
        path(text)
    }
}

/// Parses labels that are separated with commas.
fn parse_labels<T>(
    text: &str,
    parse: impl Fn(&str) -> Result<T, QueryProblem>,
) -> Result<Vec<T>, QueryProblem> {
    text.split(',').map(|part| parse(part.trim())).collect()
}

/// Parses an extension. A leading dot is allowed.
fn ext(text: &str) -> Result<String, QueryProblem> {
    let bare = text.strip_prefix('.').unwrap_or(text).to_lowercase();
    let is_valid = !bare.is_empty()
        && !bare.contains(|c: char| c == '.' || c == '/' || c.is_whitespace())
        && bare.chars().count() <= MAX_EXTENSION_CHARS;
    is_valid
        .then_some(bare)
        .ok_or(QueryProblem::InvalidExtension)
}

/// Parses the name of a storage class, in any letter case, with `-` or `_` between the words. Unknown names
/// are allowed, because S3 may have new classes.
fn storage_class(text: &str) -> Result<String, QueryProblem> {
    let name = text.replace('-', "_").to_uppercase();
    let is_valid = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_valid
        .then_some(name)
        .ok_or(QueryProblem::InvalidStorageClass)
}
