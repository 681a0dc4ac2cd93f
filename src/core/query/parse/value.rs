//! What a field, a sign and a value ask for together.

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
    /// Without quotation marks; ranges too.
    Bare(String),
    /// What a quotation holds.
    Quoted(String),
    /// What the brackets of a list hold.
    List(Vec<String>),
}

/// What text without a field asks for; `None` where it holds no word.
pub(super) fn words(value: &Value) -> Result<Option<Condition>, QueryProblem> {
    match value {
        Value::Bare(bare) => match text::address(bare) {
            Some(path) => text::path_of_address(path).map(|term| Some(Condition::Term(term))),
            None => Ok(text::bare(bare, WordField::Path)),
        },
        Value::Quoted(quoted) => Ok(text::quoted(quoted, WordField::Path)),
        // A list needs a field.
        Value::List(_) => Ok(None),
    }
}

/// What a term asks for; `None` where it holds no word.
pub(super) fn condition(
    field: Field,
    sign: Operator,
    value: &Value,
    now: Timestamp,
) -> Result<Option<Condition>, QueryProblem> {
    let same_but = |sign| condition(field, sign, value, now);
    let negated = |condition: Option<Condition>| condition.map(negation);
    match (sign, value) {
        (Operator::NotEquals, _) => return same_but(Operator::Equals).map(negated),
        (Operator::NotIn, _) => return same_but(Operator::In).map(negated),
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
    let is_exact = matches!(sign, Operator::Equals | Operator::In);
    let compared = match (sign, field.value_type()) {
        (Operator::Compares(comparison), ValueType::Number) => {
            format!("{}{text}", comparison.sign())
        }
        (Operator::Compares(_), _) => return Err(QueryProblem::NotComparable),
        _ => text.clone(),
    };
    let term = match field {
        Field::Folder if is_exact => Term::DirectlyIn(folder_path(&text)),
        // As folders and facets are listed: a `*` in it is part of its name.
        Field::Folder if matches!(value, Value::Quoted(_)) && text.ends_with('/') => {
            Term::Folder(folder_path(&text))
        }
        Field::Folder => folder_or_form(&text),
        Field::Path if !is_exact && WildcardPattern::has_wildcard(&text) => {
            Term::PathPattern(WildcardPattern::for_paths(&form_of_paths(&text)))
        }
        Field::Path => Term::Path(path(&text)),
        Field::Name if is_exact => Term::Name(text),
        Field::Name => {
            return Ok(match value {
                Value::Quoted(_) => text::quoted(&text, WordField::Name),
                _ => text::bare(&text, WordField::Name),
            });
        }
        Field::Ext => Term::Ext(each(&text, ext)?),
        Field::Type => Term::Type(each(&text, |name| {
            AssetType::from_name(name).ok_or(QueryProblem::UnknownType)
        })?),
        Field::Storage => Term::Storage(each(&text, storage_class)?),
        Field::ETag => Term::ETag(text),
        Field::Size => Term::Size(size::parse(&compared)?),
        Field::Modified(clock) => Term::Modified(date::parse(&compared, clock, now)?),
        Field::Created(clock) => Term::Created(date::parse(&compared, clock, now)?),
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

/// A folder with all below it; wildcards in it make a form of folders.
fn folder_or_form(text: &str) -> Term {
    // As Cloudinary writes "and below it".
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
    let head = if text.starts_with('/') { "" } else { "/" };
    format!("{head}{text}")
}

/// A form can leave open what is in front of its first `/`.
fn form_of_paths(text: &str) -> String {
    if text.starts_with("**") {
        text.to_owned()
    } else {
        path(text)
    }
}

/// What stands between the commas.
fn each<T>(
    text: &str,
    read: impl Fn(&str) -> Result<T, QueryProblem>,
) -> Result<Vec<T>, QueryProblem> {
    text.split(',').map(|part| read(part.trim())).collect()
}

/// A leading dot is tolerated.
fn ext(text: &str) -> Result<String, QueryProblem> {
    let bare = text.strip_prefix('.').unwrap_or(text).to_lowercase();
    let possible = !bare.is_empty()
        && !bare.contains(|c: char| c == '.' || c == '/' || c.is_whitespace())
        && bare.chars().count() <= MAX_EXTENSION_CHARS;
    possible
        .then_some(bare)
        .ok_or(QueryProblem::InvalidExtension)
}

/// By S3's name, in any case and with `-` or `_` between the words; S3 may have more than we know.
fn storage_class(text: &str) -> Result<String, QueryProblem> {
    let name = text.replace('-', "_").to_uppercase();
    let possible = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    possible
        .then_some(name)
        .ok_or(QueryProblem::InvalidStorageClass)
}
