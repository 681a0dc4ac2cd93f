//! imgix's filters of assets as a condition.
//!
//! All of them hold; of those with `or:` in front of their names, together, at least one. A filter by
//! something that S3 does not know (`tags`, `face_count`, …) finds nothing.

use super::media_kinds;
use crate::core::query::{Condition, MatchMode, Term, WildcardPattern, WordField, query_words};
use crate::serve::http::api::error::ApiError;
use crate::serve::http::api::params::{ParameterSpec, Params, ValueType};

/// One filter, alone and as one of several.
macro_rules! filter {
    ($name:literal, $description:expr) => {
        [
            ParameterSpec {
                name: concat!("filter[", $name, "]"),
                value_type: ValueType::Text,
                description: $description,
            },
            ParameterSpec {
                name: concat!("filter[or:", $name, "]"),
                value_type: ValueType::Text,
                description: "one of the filters with or: holds",
            },
        ]
    };
}

const UNKNOWN: &str = "not known of objects in S3: finds nothing";

/// The filters that there are.
pub(super) const FILTERS: &[&[ParameterSpec]] = &[
    &filter!(
        "keyword",
        "words of the path; the last may be the beginning of one"
    ),
    &filter!(
        "origin_path",
        "a path, or one with * and ?, or a folder with all below"
    ),
    &filter!(
        "media_kind",
        "IMAGE, ANIMATION, DOCUMENT, VECTOR, VIDEO; several with commas"
    ),
    &filter!("categories", UNKNOWN),
    &filter!("colors", UNKNOWN),
    &filter!("custom:*", UNKNOWN),
    &filter!("face_count", UNKNOWN),
    &filter!("has_frames", UNKNOWN),
    &filter!("tags", UNKNOWN),
];

/// What the filters of a request ask for, and the same as a text that tells it from others.
pub(super) fn read(params: &Params) -> Result<(Condition, String), ApiError> {
    let (mut all, mut any, mut written) = (Vec::new(), Vec::new(), String::new());
    for (parameter, value) in params.with_prefix("filter[") {
        let name = parameter
            .trim_start_matches("filter[")
            .trim_end_matches(']');
        let (name, conditions) = match name.strip_prefix("or:") {
            Some(name) => (name, &mut any),
            None => (name, &mut all),
        };
        conditions.push(one(name, value, parameter)?);
        written += &format!("{parameter}{}:{value}\n", value.len());
    }
    if !any.is_empty() {
        all.push(Condition::Any(any));
    }
    Ok((Condition::All(all), written))
}

fn one(name: &str, value: &str, parameter: &str) -> Result<Condition, ApiError> {
    match name {
        "keyword" => Ok(keyword(value)),
        "origin_path" => Ok(origin_path(value)),
        "media_kind" if value.is_empty() => Ok(Condition::All(Vec::new())),
        "media_kind" => {
            let kinds: Option<Vec<_>> = value.split(',').map(media_kinds::condition).collect();
            kinds.map(Condition::Any).ok_or_else(|| {
                let names = media_kinds::NAMES.join(", ");
                let text = format!("there is no kind {value:?}; there are {names}");
                ApiError::invalid_parameter(parameter, text)
            })
        }
        _ => Ok(Condition::Any(Vec::new())),
    }
}

/// A box that is still empty finds everything; signs alone find nothing.
fn keyword(text: &str) -> Condition {
    let mut words: Vec<String> = Vec::new();
    query_words(text, |word, _| words.push(word.to_owned()));
    match (words.is_empty(), text.trim().is_empty()) {
        (true, true) => Condition::All(Vec::new()),
        (true, false) => Condition::Any(Vec::new()),
        (false, _) => Condition::Term(Term::Words {
            words,
            mode: MatchMode::Prefix,
            field: WordField::Path,
        }),
    }
}

fn origin_path(text: &str) -> Condition {
    let path = if text.starts_with('/') {
        text.to_owned()
    } else {
        format!("/{text}")
    };
    if WildcardPattern::is_in(&path) {
        return Condition::Term(Term::PathPattern(WildcardPattern::of_paths(&path)));
    }
    let below = if path.ends_with('/') {
        path.clone()
    } else {
        format!("{path}/")
    };
    Condition::Any(vec![
        Condition::Term(Term::Path(path)),
        Condition::Term(Term::Folder(below)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &str) -> Result<Condition, ApiError> {
        let params = Params::read(Some(query), FILTERS)?;
        read(&params).map(|(condition, _)| condition)
    }

    #[test]
    fn filters_hold_together_and_those_with_or_one_by_one() {
        let nothing = || Condition::Any(Vec::new());
        let pdf = || Condition::Any(vec![media_kinds::condition("DOCUMENT").unwrap()]);
        let condition = of(
            "filter[media_kind]=document&filter[or:tags]=a&filter[or:media_kind]=DOCUMENT&\
             filter[custom:b]=&filter[keyword]=+",
        );
        let want = vec![
            pdf(),
            nothing(),
            Condition::All(Vec::new()),
            Condition::Any(vec![nothing(), pdf()]),
        ];
        assert_eq!(condition, Ok(Condition::All(want)));
        assert_eq!(of(""), Ok(Condition::All(Vec::new())));
    }

    #[test]
    fn a_kind_that_there_is_not_is_an_error() {
        let error = of("filter[or:media_kind]=IMAGE,SOUND").unwrap_err();
        let like = ApiError::invalid_parameter("filter[or:media_kind]", "");
        assert!(error.is_like(&like, "SOUND"), "{error:?}");
        assert!(of("filter[name]=x").is_err());
    }

    #[test]
    fn other_filters_are_another_search() {
        let text = |query| {
            let params = Params::read(Some(query), FILTERS).unwrap();
            read(&params).unwrap().1
        };
        assert_ne!(text("filter[tags]=a"), text("filter[or:tags]=a"));
        assert_ne!(text("filter[tags]=a"), text("filter[tags]=b"));
    }
}
