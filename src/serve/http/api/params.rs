//! Parses the query parameters of a request and checks their types.
//!
//! Each path has a table of [`ParameterSpec`]s, which is also the source of its OpenAPI entry. The handlers
//! decide what a value means.

use super::error::{ApiError, ErrorCode};
use super::operation::OPENAPI_PATH;

/// Maximum number of characters of a value.
pub(crate) const MAX_VALUE_CHARS: usize = 4_096;

/// One parameter of a path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ParameterSpec {
    /// The name. A `*` in it stands for one or more characters.
    pub name: &'static str,
    pub value_type: ValueType,
    /// The description for the OpenAPI document: full sentences.
    pub description: &'static str,
}

/// The type of a parameter's value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ValueType {
    /// Any text.
    Text,
    /// Any text. The parameter is required.
    RequiredText,
    /// Any text. The parameter may occur several times.
    RepeatedText,
    /// A whole number from `min` to `max`.
    Number {
        min: u64,
        max: u64,
        /// The value if the parameter is absent.
        default: u64,
    },
    /// A whole number, or `exact`, which is the default.
    Total,
    /// `true` or `false`, which is the default.
    Flag,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// One or more texts, separated by commas. The parameter may occur several times.
    List,
    /// One or more of these words, separated by commas. The parameter may occur several times.
    ListOf(&'static [&'static str]),
}

/// The parameters of a request. Names and types match the tables.
#[derive(Debug)]
pub(crate) struct Params {
    specs: &'static [&'static [ParameterSpec]],
    given: Vec<(String, String)>,
}

impl Params {
    /// Parses the part of a URL after the `?`.
    ///
    /// A list that occurs several times becomes one list. Fails at the first parameter that is unknown, repeated or
    /// invalid, and if a required one is missing.
    pub(crate) fn read(
        query: Option<&str>,
        specs: &'static [&'static [ParameterSpec]],
    ) -> Result<Self, ApiError> {
        let mut given: Vec<(String, String)> = Vec::new();
        let pairs = query.unwrap_or_default().split('&');
        for pair in pairs.filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = percent_decode(name, true).map_err(|problem| {
                let text = format!("the parameter name {name:?} {problem}");
                ApiError::new(ErrorCode::ParameterInvalid, text)
            })?;
            let value = percent_decode(value, true).map_err(|problem| {
                ApiError::invalid_parameter(&name, format!("the value of {name} {problem}"))
            })?;
            let spec = spec_of(specs, &name).ok_or_else(|| unknown(specs, &name))?;
            let earlier = given.iter().position(|(other, _)| *other == name);
            match earlier.map(|index| &mut given[index].1) {
                Some(list) if spec.value_type.is_list() => {
                    list.push(',');
                    list.push_str(&value);
                    spec.value_type.check(&name, list)?;
                }
                Some(_) if !matches!(spec.value_type, ValueType::RepeatedText) => {
                    let text =
                        format!("the parameter {name} occurs more than once; give it one value");
                    let error = ApiError::new(ErrorCode::ParameterRepeated, text);
                    return Err(error.for_parameter(&name));
                }
                _ => {
                    spec.value_type.check(&name, &value)?;
                    given.push((name, value));
                }
            }
        }
        let params = Self { specs, given };
        let required = specs.iter().copied().flatten();
        for spec in required.filter(|spec| matches!(spec.value_type, ValueType::RequiredText)) {
            if params.text(spec.name).is_none() {
                let name = spec.name;
                let text = format!(
                    "the parameter {name} is missing; add {name}=… to the URL, see {OPENAPI_PATH}"
                );
                return Err(ApiError::new(ErrorCode::ParameterMissing, text).for_parameter(name));
            }
        }
        Ok(params)
    }

    /// The value of a parameter, if it is present.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.values(name).next()
    }

    /// All values of a parameter, in the order of the URL.
    pub(crate) fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        debug_assert!(spec_of(self.specs, name).is_some(), "no parameter {name}");
        let given = self.given.iter().filter(move |(given, _)| given == name);
        given.map(|(_, value)| value.as_str())
    }

    /// Names and values of all parameters whose name starts with `prefix`, in the order of the URL.
    pub(crate) fn with_prefix(&self, prefix: &str) -> impl Iterator<Item = (&str, &str)> {
        let given = self.given.iter();
        let given = given.filter(move |(name, _)| name.starts_with(prefix));
        given.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(crate) fn is_given(&self, name: &str) -> bool {
        self.text(name).is_some()
    }

    /// The value of a [`ValueType::Number`], or its default.
    pub(crate) fn number(&self, name: &str) -> u64 {
        let default = match spec_of(self.specs, name).map(|spec| spec.value_type) {
            Some(ValueType::Number { default, .. }) => default,
            _ => 0,
        };
        let parsed = self.text(name).and_then(|text| text.parse().ok());
        parsed.unwrap_or(default)
    }

    /// Whether the value is `true`.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.text(name) == Some("true")
    }

    /// The words of a comma-separated value, each once.
    pub(crate) fn list(&self, name: &str) -> Vec<&str> {
        let mut words = Vec::new();
        for word in self.text(name).unwrap_or_default().split(',') {
            if !word.is_empty() && !words.contains(&word) {
                words.push(word);
            }
        }
        words
    }
}

impl ValueType {
    /// Whether a value is a list that is separated by commas.
    pub(super) fn is_list(self) -> bool {
        matches!(self, Self::List | Self::ListOf(_))
    }

    fn check(self, name: &str, value: &str) -> Result<(), ApiError> {
        if value.chars().nth(MAX_VALUE_CHARS).is_some() {
            let text = format!(
                "the value of {name} is longer than {MAX_VALUE_CHARS} characters; shorten it"
            );
            return Err(ApiError::invalid_parameter(name, text));
        }
        let invalid = |expected: String| {
            let text = format!("{value:?} is not a valid value of {name}; write {expected}");
            Err(ApiError::invalid_parameter(name, text))
        };
        match self {
            Self::Text | Self::RequiredText | Self::RepeatedText | Self::List => Ok(()),
            Self::Number { min, max, .. } => {
                let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
                let number = value.parse().ok().filter(|_| digits);
                match number.filter(|number| (min..=max).contains(number)) {
                    Some(_) => Ok(()),
                    None => invalid(format!("a whole number from {min} to {max}")),
                }
            }
            Self::Total if value == "exact" => Ok(()),
            Self::Total => match value.parse::<u32>() {
                Ok(_) => Ok(()),
                Err(_) => invalid("exact, or the number to count up to".into()),
            },
            Self::Flag if matches!(value, "true" | "false") => Ok(()),
            Self::Flag => invalid("true or false".into()),
            Self::OneOf(words) if words.contains(&value) => Ok(()),
            Self::OneOf(words) => invalid(format!("one of {}", words.join(", "))),
            Self::ListOf(words) => {
                if value.split(',').all(|word| words.contains(&word)) {
                    Ok(())
                } else {
                    invalid(format!(
                        "one or more of {}, separated by commas",
                        words.join(",")
                    ))
                }
            }
        }
    }
}

fn spec_of(
    specs: &'static [&'static [ParameterSpec]],
    name: &str,
) -> Option<&'static ParameterSpec> {
    let mut all = specs.iter().copied().flatten();
    all.find(|spec| match spec.name.split_once('*') {
        None => spec.name == name,
        Some((start, end)) => {
            let rest = name.strip_prefix(start);
            let middle = rest.and_then(|rest| rest.strip_suffix(end));
            middle.is_some_and(|middle| !middle.is_empty()) || spec.name == name
        }
    })
}

fn unknown(specs: &[&[ParameterSpec]], name: &str) -> ApiError {
    let known: Vec<_> = specs.iter().copied().flatten().map(|it| it.name).collect();
    let known = match known.as_slice() {
        [] => "it has none".to_owned(),
        known => format!("it has {}", known.join(", ")),
    };
    let text = format!("this path has no parameter {name:?}; {known}");
    ApiError::new(ErrorCode::ParameterUnknown, text).for_parameter(name)
}

/// Decodes each `%` with two hex digits to a byte, once. If `is_form` is set, `+` becomes a space.
///
/// The error completes a sentence that starts with the name of the text.
pub(crate) fn percent_decode(text: &str, is_form: bool) -> Result<String, &'static str> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' if is_form => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let pair = digit().zip(digit());
                let (high, low) = pair.ok_or("has a % without two hex digits; write % as %25")?;
                u8::try_from(high * 16 + low).expect("two hex digits are a byte")
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| "is not UTF-8; percent-encode its UTF-8 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECS: &[&[ParameterSpec]] = &[
        &[
            spec("q", ValueType::Text),
            spec("source", ValueType::RepeatedText),
            spec("name", ValueType::RequiredText),
        ],
        &[
            spec(
                "limit",
                ValueType::Number {
                    min: 1,
                    max: 1000,
                    default: 20,
                },
            ),
            spec("highlights", ValueType::Flag),
            spec("total", ValueType::OneOf(&["exact", "10000"])),
            spec("facets", ValueType::ListOf(&["type", "ext"])),
            spec("fields", ValueType::List),
            spec("filter[custom:*]", ValueType::Text),
        ],
    ];

    const fn spec(name: &'static str, value_type: ValueType) -> ParameterSpec {
        ParameterSpec {
            name,
            value_type,
            description: "",
        }
    }

    #[test]
    fn parses_parameters_of_each_type() {
        let query = "q=a+b%2B%C3%A9&source=x&source=y&name=&limit=007&highlights=true&facets=ext&facets=\
                     type,ext&filter%5Bcustom:a]=1&fields=a,b&&fields=c";
        let params = Params::read(Some(query), SPECS).unwrap();
        assert_eq!(params.text("q"), Some("a b+é"));
        assert_eq!(params.values("source").collect::<Vec<_>>(), ["x", "y"]);
        assert_eq!(params.text("name"), Some(""));
        assert_eq!(params.number("limit"), 7);
        assert!(params.flag("highlights"));
        assert_eq!(params.list("facets"), ["ext", "type"]);
        assert_eq!(params.list("fields"), ["a", "b", "c"]);
        assert!(!params.is_given("total"));
        let custom: Vec<_> = params.with_prefix("filter[").collect();
        assert_eq!(custom, [("filter[custom:a]", "1")]);
        let params = Params::read(Some("name"), SPECS).unwrap();
        assert_eq!(params.number("limit"), 20);
        assert!(!params.flag("highlights"));
    }

    #[test]
    fn rejects_invalid_parameters() {
        let long = format!("name=&q={}", "x".repeat(MAX_VALUE_CHARS + 1));
        let half = "x".repeat(MAX_VALUE_CHARS / 2);
        let long_list = format!("name=&fields={half}&fields={half}");
        for (query, code, parameter, text) in [
            ("", ErrorCode::ParameterMissing, Some("name"), "name="),
            (
                "nme=",
                ErrorCode::ParameterUnknown,
                Some("nme"),
                "q, source, name",
            ),
            ("Q=", ErrorCode::ParameterUnknown, Some("Q"), "\"Q\""),
            ("=1", ErrorCode::ParameterUnknown, Some(""), "\"\""),
            (
                "filter[custom:]=",
                ErrorCode::ParameterUnknown,
                Some("filter[custom:]"),
                "",
            ),
            ("q=a&q=a", ErrorCode::ParameterRepeated, Some("q"), "once"),
            (
                "limit=0",
                ErrorCode::ParameterInvalid,
                Some("limit"),
                "from 1 to 1000",
            ),
            (
                "limit=1001",
                ErrorCode::ParameterInvalid,
                Some("limit"),
                "from 1 to 1000",
            ),
            (
                "limit=%2B1",
                ErrorCode::ParameterInvalid,
                Some("limit"),
                "whole number",
            ),
            (
                "limit=",
                ErrorCode::ParameterInvalid,
                Some("limit"),
                "whole number",
            ),
            (
                "limit=99999999999999999999",
                ErrorCode::ParameterInvalid,
                Some("limit"),
                "whole",
            ),
            (
                "highlights=1",
                ErrorCode::ParameterInvalid,
                Some("highlights"),
                "true or false",
            ),
            (
                "highlights",
                ErrorCode::ParameterInvalid,
                Some("highlights"),
                "true or false",
            ),
            (
                "total=5",
                ErrorCode::ParameterInvalid,
                Some("total"),
                "exact, 10000",
            ),
            (
                "facets=type,,ext",
                ErrorCode::ParameterInvalid,
                Some("facets"),
                "type,ext",
            ),
            (
                "facets=type&facets=",
                ErrorCode::ParameterInvalid,
                Some("facets"),
                "type,ext",
            ),
            (
                "limit=1&limit=1",
                ErrorCode::ParameterRepeated,
                Some("limit"),
                "once",
            ),
            (
                &long_list,
                ErrorCode::ParameterInvalid,
                Some("fields"),
                "4096",
            ),
            ("q=100%", ErrorCode::ParameterInvalid, Some("q"), "%25"),
            ("q=%zz", ErrorCode::ParameterInvalid, Some("q"), "%25"),
            ("q=%ff", ErrorCode::ParameterInvalid, Some("q"), "UTF-8"),
            ("%ff=1", ErrorCode::ParameterInvalid, None, "UTF-8"),
            (&long, ErrorCode::ParameterInvalid, Some("q"), "4096"),
        ] {
            let error = Params::read(Some(query), SPECS).unwrap_err();
            let mut expected = ApiError::new(code, "");
            if let Some(parameter) = parameter {
                expected = expected.for_parameter(parameter);
            }
            assert!(error.is_like(&expected, text), "{query}: {error:?}");
        }
    }

    #[test]
    fn decodes_a_path_once_and_keeps_plus_signs() {
        for (text, want) in [
            ("/a+b%20c%2525%2Fd//é", "/a+b c%25/d//é"),
            ("", ""),
            ("%00", "\0"),
        ] {
            assert_eq!(percent_decode(text, false).as_deref(), Ok(want), "{text}");
        }
    }
}
