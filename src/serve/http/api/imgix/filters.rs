//! Converts imgix's asset filters to a search condition.
//!
//! An asset must match every plain filter, and at least one of the `or:` filters if there are any. A filter
//! on something that S3 does not know (`tags`, `face_count`, …) matches nothing.

use super::media_kinds;
use crate::core::query::{Condition, MatchMode, Term, WildcardPattern, WordField, query_words};
use crate::core::source::Source;
use crate::core::source::named_assets::{named_assets, possible_assets};
use crate::core::source::reference::is_uri;
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
        "Words that the path must contain, the last one may be incomplete; or the path, key or address (`s3://bucket/key`, \
         an ARN or a URL) of an asset."
    ),
    &filter!(
        "origin_path",
        "A path, a pattern with `*` and `?`, a folder, which includes everything below it, or the key or address of an asset."
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
pub(super) fn read(params: &Params, source: &Source) -> Result<(Condition, String), ApiError> {
    let (mut all, mut any, mut text) = (Vec::new(), Vec::new(), String::new());
    for (parameter, value) in params.with_prefix("filter[") {
        let name = parameter
            .trim_start_matches("filter[")
            .trim_end_matches(']');
        let (name, conditions) = match name.strip_prefix("or:") {
            Some(name) => (name, &mut any),
            None => (name, &mut all),
        };
        conditions.push(condition(name, value, parameter, source)?);
        text += &format!("{parameter}{}:{value}\n", value.len());
    }
    if !any.is_empty() {
        all.push(Condition::Any(any));
    }
    Ok((Condition::All(all), text))
}

fn condition(
    name: &str,
    value: &str,
    parameter: &str,
    source: &Source,
) -> Result<Condition, ApiError> {
    match name {
        "keyword" | "origin_path" if is_uri(value.trim()) => {
            address(value.trim(), parameter, source)
        }
        "keyword" => Ok(or_asset(value, source, keyword(value))),
        "origin_path" => Ok(or_asset(value, source, origin_path(value))),
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

/// The asset that an address names: an S3 URI, an ARN or a URL.
fn address(text: &str, parameter: &str, source: &Source) -> Result<Condition, ApiError> {
    let assets = named_assets(text, [source])
        .map_err(|error| ApiError::invalid_parameter(parameter, error.to_string()))?;
    let paths = assets.into_iter().map(|asset| Term::Path(asset.path));
    Ok(Condition::Any(paths.map(Condition::Term).collect()))
}

/// The condition, or the asset whose path or key the text is.
fn or_asset(text: &str, source: &Source, condition: Condition) -> Condition {
    let assets = possible_assets(text.trim(), [source]).into_iter();
    let paths = assets.map(|asset| Condition::Term(Term::Path(asset.path)));
    let mut any: Vec<Condition> = paths.collect();
    if any.is_empty() {
        return condition;
    }
    any.push(condition);
    Condition::Any(any)
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

    fn source() -> Source {
        Source::new("photos", "my-bucket", "acme")
    }

    fn parse(query: &str) -> Result<Condition, ApiError> {
        let params = Params::read(Some(query), FILTERS)?;
        read(&params, &source()).map(|(condition, _)| condition)
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
    fn addresses_name_one_asset() {
        let path = Condition::Any(vec![Condition::Term(Term::Path("/a b.jpg".into()))]);
        for query in [
            "filter[keyword]=s3://my-bucket/a+b.jpg",
            "filter[origin_path]=arn:aws:s3:::my-bucket/a%20b.jpg",
            "filter[keyword]=+https://acme.imgix.net/a%2520b.jpg%3Fw=1",
        ] {
            let want = Condition::All(vec![path.clone()]);
            assert_eq!(parse(query), Ok(want), "{query}");
        }
        let error = parse("filter[keyword]=s3://other/a").unwrap_err();
        let like = ApiError::invalid_parameter("filter[keyword]", "");
        assert!(
            error.is_like(&like, "names the bucket \"other\""),
            "{error:?}"
        );
    }

    #[test]
    fn paths_and_keys_match_their_asset_too() {
        let path = Condition::Term(Term::Path("/a b.jpg".into()));
        let photos = Source {
            prefix: "photos/".to_owned(),
            ..source()
        };
        for query in [
            "filter[keyword]=/a+b.jpg",
            "filter[keyword]=photos/a+b.jpg",
            "filter[origin_path]=photos/a+b.jpg",
        ] {
            let params = Params::read(Some(query), FILTERS).unwrap();
            let Condition::All(all) = read(&params, &photos).unwrap().0 else {
                panic!("{query}");
            };
            let Condition::Any(any) = &all[0] else {
                panic!("{query}");
            };
            assert!(any.contains(&path), "{query}: {any:?}");
        }
    }

    #[test]
    fn text_distinguishes_filters() {
        let text = |query| {
            let params = Params::read(Some(query), FILTERS).unwrap();
            read(&params, &source()).unwrap().1
        };
        assert_ne!(text("filter[tags]=a"), text("filter[or:tags]=a"));
        assert_ne!(text("filter[tags]=a"), text("filter[tags]=b"));
    }
}
