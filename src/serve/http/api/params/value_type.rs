//! The types of parameters, and whether a value has one.

use serde_json::Value;

use super::MAX_VALUE_CHARS;
use crate::core::query::advice;
use crate::serve::http::api::error::ApiError;

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

impl ValueType {
    /// Whether a value is a list that is separated by commas.
    pub(crate) fn is_list(self) -> bool {
        matches!(self, Self::List | Self::ListOf(_))
    }

    /// The JSON value of a parameter as it would be in a URL. `None` if it has another type.
    pub(super) fn texts(self, value: &Value) -> Option<Vec<String>> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        match (self, value) {
            (Self::List | Self::ListOf(_) | Self::RepeatedText, Value::Array(items)) => {
                items.iter().map(text).collect()
            }
            (Self::List | Self::ListOf(_) | Self::RepeatedText, _) => None,
            (Self::Number { .. } | Self::Total, Value::Number(number)) => {
                Some(vec![number.to_string()])
            }
            (Self::Flag, Value::Bool(flag)) => Some(vec![flag.to_string()]),
            (Self::Number { .. } | Self::Flag, _) => None,
            _ => text(value).map(|text| vec![text]),
        }
    }

    /// The type of the value in JSON, in words.
    pub(super) fn json_type(self) -> &'static str {
        match self {
            Self::Text | Self::RequiredText | Self::OneOf(_) => "a text",
            Self::RepeatedText | Self::List | Self::ListOf(_) => "a list of texts",
            Self::Number { .. } => "a number",
            Self::Total => "a number, or the text \"exact\"",
            Self::Flag => "true or false",
        }
    }

    /// Checks a value. The error refers to the parameter with this name.
    pub(super) fn check(self, name: &str, value: &str) -> Result<(), ApiError> {
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
                    let known = format!("one or more of {}, separated by commas", words.join(","));
                    let sort = advice::of_sort(value, |name| words.contains(&name));
                    let sort = sort.filter(|_| name == "sort");
                    let advice = sort.map(|sort| format!("{sort}; in general {known}"));
                    invalid(advice.unwrap_or(known))
                }
            }
        }
    }
}
