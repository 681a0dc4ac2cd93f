//! Converts imgix's asset filters to a search condition.
//!
//! An asset must match every plain filter, and at least one of the `or:` filters if there are any. A filter
//! on something that S3 does not know (`tags`, `face_count`, …) matches nothing.

use super::media_kinds;
use crate::core::query::hit::absolute_path;
use crate::core::query::{
    Condition, MatchMode, Term, WildcardPattern, WordField, folder_path, query_words,
};
use crate::core::source::Source;
use crate::core::source::named_assets::{named_assets, possible_assets};
use crate::core::source::reference::is_uri;
use crate::serve::http::api::error::ApiError;
use crate::serve::http::api::params::{ParameterSpec, Params, ValueType};

/// One filter: its plain form and its `or:` form.
macro_rules! filter {
    ($name:literal, $description:expr) => {
        filter!($name, ValueType::Text, $description)
    };
    ($name:literal, $value_type:expr, $description:expr) => {
        [
            ParameterSpec {
                name: concat!("filter[", $name, "]"),
                value_type: $value_type,
                description: $description,
            },
            ParameterSpec {
                name: concat!("filter[or:", $name, "]"),
                value_type: $value_type,
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
        "Words that the path must contain; or the path, key or address (`s3://bucket/key`, an ARN or a URL) of an asset. \
         If the words find too little, typos and more are forgiven, and `meta.interpretation` says what. With `or:` only \
         the last word may be incomplete."
    ),
    &filter!(
        "origin_path",
        "A path, a pattern with `*` and `?`, a folder, which includes everything below it, or the key or address of an asset."
    ),
    &filter!(
        "media_kind",
        ValueType::List,
        "One or more of IMAGE, ANIMATION, DOCUMENT, VECTOR and VIDEO, separated by commas."
    ),
    &filter!("categories", UNKNOWN),
    &filter!("colors", UNKNOWN),
    &filter!("custom:*", UNKNOWN),
    &filter!("face_count", UNKNOWN),
    &filter!("has_frames", UNKNOWN),
    &filter!("tags", UNKNOWN),
];

/// The filters of a request.
pub(super) struct Filters {
    all: Vec<Filter>,
    any: Vec<Filter>,
    /// Differs if the filters differ.
    pub text: String,
}

/// What a filter means.
#[derive(Debug)]
enum Filter {
    Condition(Condition),
    /// Words, each a condition. Or an asset, if one of these paths exists.
    Keyword {
        paths: Vec<String>,
        words: Vec<Condition>,
    },
}

impl Filters {
    pub(super) fn read(params: &Params, source: &Source) -> Result<Self, ApiError> {
        let mut filters = Self {
            all: Vec::new(),
            any: Vec::new(),
            text: String::new(),
        };
        for (parameter, value) in params.with_prefix("filter[") {
            let name = parameter
                .trim_start_matches("filter[")
                .trim_end_matches(']');
            let (name, group, mode) = match name.strip_prefix("or:") {
                Some(name) => (name, &mut filters.any, MatchMode::Prefix),
                None => (name, &mut filters.all, MatchMode::Whole),
            };
            group.push(filter(name, value, mode, parameter, source)?);
            filters.text += &format!("{parameter}{}:{value}\n", value.len());
        }
        Ok(filters)
    }

    /// Whether there is a filter on words, so that hits can be ranked.
    pub(super) fn has_words(&self) -> bool {
        let mut filters = self.all.iter().chain(&self.any);
        filters.any(|filter| matches!(filter, Filter::Keyword { words, .. } if !words.is_empty()))
    }

    /// The condition of all filters. `exists` says whether there is an asset with this path.
    ///
    /// Plain words are conditions of their own at the top, so that a search can forgive them.
    pub(super) fn condition<E>(
        &self,
        exists: impl Fn(&str) -> Result<bool, E>,
    ) -> Result<Condition, E> {
        let mut all = Vec::new();
        for filter in &self.all {
            all.extend(filter.conditions(&exists)?);
        }
        let mut any = Vec::new();
        for filter in &self.any {
            any.push(match filter.conditions(&exists)? {
                mut one if one.len() == 1 => one.remove(0),
                several => Condition::All(several),
            });
        }
        if !any.is_empty() {
            all.push(Condition::Any(any));
        }
        Ok(Condition::All(all))
    }
}

impl Filter {
    /// The conditions that must all match.
    fn conditions<E>(&self, exists: impl Fn(&str) -> Result<bool, E>) -> Result<Vec<Condition>, E> {
        match self {
            Self::Condition(condition) => Ok(vec![condition.clone()]),
            Self::Keyword { paths, words } => {
                for path in paths {
                    if exists(path)? {
                        return Ok(vec![Condition::Term(Term::Path(path.clone()))]);
                    }
                }
                Ok(words.clone())
            }
        }
    }
}

/// `mode` is how words match.
fn filter(
    name: &str,
    value: &str,
    mode: MatchMode,
    parameter: &str,
    source: &Source,
) -> Result<Filter, ApiError> {
    let condition = match name {
        "keyword" | "origin_path" if is_uri(value.trim()) => {
            address(value.trim(), parameter, source)?
        }
        "keyword" => {
            let assets = possible_assets(value.trim(), [source]).into_iter();
            return Ok(Filter::Keyword {
                paths: assets.map(|asset| asset.path).collect(),
                words: keyword(value, mode),
            });
        }
        "origin_path" => or_asset(value, source, origin_path(value)),
        "media_kind" if value.is_empty() => Condition::All(Vec::new()),
        "media_kind" => {
            let kinds: Option<Vec<_>> = value.split(',').map(media_kinds::condition).collect();
            kinds.map(Condition::Any).ok_or_else(|| {
                let names = media_kinds::NAMES.join(", ");
                let text =
                    format!("{value:?} is not a list of media kinds; write one or more of {names}");
                ApiError::invalid_parameter(parameter, text)
            })?
        }
        _ => Condition::Any(Vec::new()),
    };
    Ok(Filter::Condition(condition))
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

/// One condition for each part without a space. An empty text matches everything. A text without words, such as `!?`,
/// matches nothing.
fn keyword(text: &str, mode: MatchMode) -> Vec<Condition> {
    let mut conditions = Vec::new();
    for part in text.split_whitespace() {
        let mut words: Vec<String> = Vec::new();
        query_words(part, |word, _| words.push(word.to_owned()));
        if !words.is_empty() {
            conditions.push(Condition::Term(Term::Words {
                words,
                mode,
                field: WordField::Path,
            }));
        }
    }
    if conditions.is_empty() && !text.trim().is_empty() {
        conditions.push(Condition::Any(Vec::new()));
    }
    conditions
}

fn origin_path(text: &str) -> Condition {
    let path = absolute_path(text).into_owned();
    if WildcardPattern::has_wildcard(&path) {
        return Condition::Term(Term::PathPattern(WildcardPattern::for_paths(&path)));
    }
    let below = folder_path(&path);
    Condition::Any(vec![
        Condition::Term(Term::Path(path)),
        Condition::Term(Term::Folder(below)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::query::Query;

    fn source() -> Source {
        Source::new("photos", "my-bucket", "acme")
    }

    fn parse(query: &str) -> Result<Condition, ApiError> {
        let params = Params::read(Some(query), FILTERS)?;
        let filters = Filters::read(&params, &source())?;
        let nothing_exists = |_: &str| Ok::<_, ApiError>(false);
        filters.condition(nothing_exists)
    }

    #[test]
    fn plain_filters_all_match_and_one_of_the_or_filters() {
        let nothing = || Condition::Any(Vec::new());
        let pdf = || Condition::Any(vec![media_kinds::condition("DOCUMENT").unwrap()]);
        let condition = parse(
            "filter[media_kind]=document&filter[or:tags]=a&filter[or:media_kind]=DOCUMENT&\
             filter[custom:b]=&filter[keyword]=+",
        );
        let want = vec![pdf(), nothing(), Condition::Any(vec![nothing(), pdf()])];
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
    fn paths_and_keys_find_their_asset_if_it_exists() {
        let path = Condition::Term(Term::Path("/a b.jpg".into()));
        let photos = Source {
            prefix: "photos/".to_owned(),
            ..source()
        };
        for query in ["filter[keyword]=/a+b.jpg", "filter[keyword]=photos/a+b.jpg"] {
            let params = Params::read(Some(query), FILTERS).unwrap();
            let filters = Filters::read(&params, &photos).unwrap();
            let condition = |is_there: bool| {
                filters.condition(|asset: &str| Ok::<_, ApiError>(is_there && asset == "/a b.jpg"))
            };
            assert_eq!(condition(true), Ok(Condition::All(vec![path.clone()])));
            assert_ne!(condition(false), condition(true), "{query}");
        }
        let params = Params::read(Some("filter[origin_path]=photos/a+b.jpg"), FILTERS).unwrap();
        let filters = Filters::read(&params, &photos).unwrap();
        let text = format!("{:?}", filters.condition(|_| Ok::<_, ApiError>(false)));
        assert!(text.contains("Path(\"/a b.jpg\")"), "{text}");
    }

    /// So that a search can forgive each of them.
    #[test]
    fn words_are_plain_words_of_a_query() {
        use crate::core::query::forgiving::plain_words;
        let words = |query: &str| {
            let condition = parse(query).unwrap();
            let query = Query { condition };
            let words = plain_words(&query).into_iter();
            words.map(str::to_owned).collect::<Vec<_>>()
        };
        let both = "filter[media_kind]=IMAGE&filter[keyword]=summer+beach-2024";
        assert_eq!(words(both), ["summer", "beach", "2024"]);
        assert!(words("filter[or:keyword]=summer").is_empty());
    }

    #[test]
    fn text_distinguishes_filters() {
        let text = |query| {
            let params = Params::read(Some(query), FILTERS).unwrap();
            Filters::read(&params, &source()).unwrap().text
        };
        assert_ne!(text("filter[tags]=a"), text("filter[or:tags]=a"));
        assert_ne!(text("filter[tags]=a"), text("filter[tags]=b"));
    }
}
