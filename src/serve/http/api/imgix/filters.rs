//! Converts imgix's asset filters to a search condition.
//!
//! An asset must match every plain filter, and at least one of the `or:` filters if there are any. A filter
//! on something that S3 does not know (`tags`, `face_count`, …) matches nothing.

use super::media_kinds;
use crate::core::query::{Condition, MatchMode, Term, WildcardPattern, WordField, query_words};
use crate::serve::http::api::error::ApiError;
use crate::serve::http::api::params::{ParameterSpec, Params, ValueType};

/// One filter: its plain form and its `or:` form.
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
                description: "Like the filter without `or:`, but only one of the `or:` filters has to match.",
            },
        ]
    };
}

const UNKNOWN: &str = "S3 does not know this attribute: the filter matches nothing.";

/// All filters.
pub(super) const FILTERS: &[&[ParameterSpec]] = &[
    &filter!(
        "keyword",
        "Words that the path must contain. The last one may be incomplete."
    ),
    &filter!(
        "origin_path",
        "A path, a pattern with `*` and `?`, or a folder, which includes everything below it."
    ),
    &filter!(
        "media_kind",
        "One or more of IMAGE, ANIMATION, DOCUMENT, VECTOR and VIDEO, separated by commas."
    ),
    &filter!("categories", UNKNOWN),
    &filter!("colors", UNKNOWN),
    &filter!("custom:*", UNKNOWN),
    &filter!("face_count", UNKNOWN),
    &filter!("has_frames", UNKNOWN),
    &filter!("tags", UNKNOWN),
];

/// The condition of a request's filters, and a text that differs if the filters differ.
pub(super) fn read(params: &Params) -> Result<(Condition, String), ApiError> {
    let (mut all, mut any, mut text) = (Vec::new(), Vec::new(), String::new());
    for (parameter, value) in params.with_prefix("filter[") {
        let name = parameter
            .trim_start_matches("filter[")
            .trim_end_matches(']');
        let (name, conditions) = match name.strip_prefix("or:") {
            Some(name) => (name, &mut any),
            None => (name, &mut all),
        };
        conditions.push(condition(name, value, parameter)?);
        text += &format!("{parameter}{}:{value}\n", value.len());
    }
    if !any.is_empty() {
        all.push(Condition::Any(any));
    }
    Ok((Condition::All(all), text))
}

fn condition(name: &str, value: &str, parameter: &str) -> Result<Condition, ApiError> {
    match name {
        "keyword" => Ok(keyword(value)),
        "origin_path" => Ok(origin_path(value)),
        "media_kind" if value.is_empty() => Ok(Condition::All(Vec::new())),
        "media_kind" => {
            let kinds: Option<Vec<_>> = value.split(',').map(media_kinds::condition).collect();
            kinds.map(Condition::Any).ok_or_else(|| {
                let names = media_kinds::NAMES.join(", ");
                let text =
                    format!("{value:?} is not a list of media kinds; write one or more of {names}");
                ApiError::invalid_parameter(parameter, text)
            })
        }
        _ => Ok(Condition::Any(Vec::new())),
    }
}

/// An empty text matches everything. A text without words, such as `!?`, matches nothing.
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
    if WildcardPattern::has_wildcard(&path) {
        return Condition::Term(Term::PathPattern(WildcardPattern::for_paths(&path)));
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

    fn parse(query: &str) -> Result<Condition, ApiError> {
        let params = Params::read(Some(query), FILTERS)?;
        read(&params).map(|(condition, _)| condition)
    }

    #[test]
    fn plain_filters_all_match_and_one_of_the_or_filters() {
        let nothing = || Condition::Any(Vec::new());
        let pdf = || Condition::Any(vec![media_kinds::condition("DOCUMENT").unwrap()]);
        let condition = parse(
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
        assert_eq!(parse(""), Ok(Condition::All(Vec::new())));
    }

    #[test]
    fn rejects_unknown_media_kinds_and_filters() {
        let error = parse("filter[or:media_kind]=IMAGE,SOUND").unwrap_err();
        let like = ApiError::invalid_parameter("filter[or:media_kind]", "");
        assert!(error.is_like(&like, "SOUND"), "{error:?}");
        assert!(parse("filter[name]=x").is_err());
    }

    #[test]
    fn text_distinguishes_filters() {
        let text = |query| {
            let params = Params::read(Some(query), FILTERS).unwrap();
            read(&params).unwrap().1
        };
        assert_ne!(text("filter[tags]=a"), text("filter[or:tags]=a"));
        assert_ne!(text("filter[tags]=a"), text("filter[tags]=b"));
    }
}
