//! Converts a field, an operator and a value into a condition.

use crate::core::query::file_kind::{FileKind, kind_of_file, with_other_spellings};
use crate::core::query::hit::{MAX_EXTENSION_CHARS, absolute_path, folder_path};
use crate::core::query::pattern::WildcardPattern;
use crate::core::query::problem::{QueryProblem, ValueProblem};
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
            None => bare_words(bare),
        },
        Value::Quoted(quoted) => Ok(text::quoted(quoted, WordField::Path)),
        // The lexer reads a list only after a field.
        Value::List(_) => Ok(None),
    }
}

/// The condition of text without quotation marks. A `|` inside means OR.
fn bare_words(bare: &str) -> Result<Option<Condition>, QueryProblem> {
    if text::has_too_many_typos(bare) {
        return Err(QueryProblem::TooManyTypos);
    }
    let alternatives = bare.split('|');
    let mut alternatives: Vec<Condition> = alternatives
        .filter_map(|one| text::bare(one, WordField::Path))
        .collect();
    Ok(match alternatives.len() {
        0 | 1 => alternatives.pop(),
        _ => Some(Condition::Any(alternatives)),
    })
}

/// The condition of a field, an operator and a value. `None` if it tests words and the value has none.
pub(super) fn condition(
    field: Field,
    operator: Operator,
    value: &Value,
    now: Timestamp,
) -> Result<Option<Condition>, ValueProblem> {
    let with_operator = |operator| condition(field, operator, value, now);
    let negated = |condition: Option<Condition>| condition.map(negation);
    match (operator, value) {
        (Operator::NotEquals, _) => return with_operator(Operator::Equals).map(negated),
        (Operator::NotIn, _) => return with_operator(Operator::In).map(negated),
        _ => {}
    }
    let text = match value {
        Value::Bare(text) if text.contains('|') && field.value_type() != ValueType::Text => {
            return alternatives(field, operator, text, now).map(Some);
        }
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
        (Operator::Compares(_), _) => return Err(ValueProblem::NotComparable),
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
        Field::Path => Term::Path(absolute_path(&text).into_owned()),
        Field::Name if is_exact => Term::Name(text),
        Field::Name => {
            return Ok(match value {
                Value::Quoted(_) => text::quoted(&text, WordField::Name),
                _ => text::bare(&text, WordField::Name),
            });
        }
        Field::Ext if is_exact => Term::Ext(parse_labels(&text, ext)?),
        Field::Ext => Term::Ext(with_other_spellings(parse_labels(&text, ext)?)),
        Field::Type => return types(&text).map(Some),
        Field::Storage => Term::Storage(parse_labels(&text, storage_class)?),
        Field::ETag => Term::ETag(text),
        Field::Size => Term::Size(size::parse(&comparable)?),
        Field::Modified(order) => Term::Modified(date::parse(&comparable, order, now)?),
        Field::Created(order) => Term::Created(date::parse(&comparable, order, now)?),
    };
    Ok(Some(Condition::Term(term)))
}

/// The condition of values that are separated with `|`.
fn alternatives(
    field: Field,
    operator: Operator,
    text: &str,
    now: Timestamp,
) -> Result<Condition, ValueProblem> {
    let mut any = Vec::new();
    for one in text.split('|') {
        any.extend(condition(
            field,
            operator,
            &Value::Bare(one.to_owned()),
            now,
        )?);
    }
    Ok(Condition::Any(any))
}

fn one_of(field: Field, items: &[String], now: Timestamp) -> Result<Condition, ValueProblem> {
    let mut alternatives = Vec::with_capacity(items.len());
    for item in items {
        let value = Value::Quoted(item.clone());
        alternatives.extend(condition(field, Operator::Equals, &value, now)?);
    }
    Ok(any_of(alternatives))
}

/// The condition of at least one of these. A single one stays as it is.
fn any_of(mut any: Vec<Condition>) -> Condition {
    match any.len() {
        1 => any.remove(0),
        _ => Condition::Any(any),
    }
}

/// Types, such as `image`, and kinds of files that are one or more extensions, such as `pdf` or `raw`.
fn types(text: &str) -> Result<Condition, ValueProblem> {
    let labels = parse_labels(text, |name| {
        kind_of_file(name).ok_or(ValueProblem::UnknownType)
    })?;
    let (mut types, mut extensions) = (Vec::new(), Vec::new());
    for label in labels {
        match label {
            FileKind::Type(asset_type) => types.push(asset_type),
            FileKind::Extensions(several) => extensions.extend(several),
        }
    }
    let mut any = Vec::new();
    if !types.is_empty() {
        any.push(Condition::Term(Term::Type(types)));
    }
    if !extensions.is_empty() {
        any.push(Condition::Term(Term::Ext(extensions)));
    }
    Ok(any_of(any))
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

/// Adds the `/` at the start, unless the pattern starts with `**`.
fn path_pattern(text: &str) -> String {
    if text.starts_with("**") {
        text.to_owned()
    } else {
        absolute_path(text).into_owned()
    }
}

/// Parses labels that are separated with commas.
fn parse_labels<T>(
    text: &str,
    parse: impl Fn(&str) -> Result<T, ValueProblem>,
) -> Result<Vec<T>, ValueProblem> {
    text.split(',').map(|part| parse(part.trim())).collect()
}

/// Parses an extension. A leading dot is allowed.
fn ext(text: &str) -> Result<String, ValueProblem> {
    let bare = text.strip_prefix('.').unwrap_or(text).to_lowercase();
    let is_valid = !bare.is_empty()
        && !bare.contains(|c: char| c == '.' || c == '/' || c.is_whitespace())
        && bare.chars().count() <= MAX_EXTENSION_CHARS;
    is_valid
        .then_some(bare)
        .ok_or(ValueProblem::InvalidExtension)
}

/// Parses the name of a storage class, in any letter case, with `-` or `_` between the words. Unknown names
/// are allowed, because S3 may have new classes.
fn storage_class(text: &str) -> Result<String, ValueProblem> {
    let name = text.replace('-', "_").to_uppercase();
    let is_valid = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_valid
        .then_some(name)
        .ok_or(ValueProblem::InvalidStorageClass)
}
