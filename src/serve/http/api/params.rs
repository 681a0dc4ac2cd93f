//! Parses the query parameters of a request and checks their types.
//!
//! Each path has a table of [`ParameterSpec`]s, which is also the source of its OpenAPI entry. The handlers
//! decide what a value means.

use serde_json::{Map, Value};

use super::error::{ApiError, ErrorCode};
use super::operation::OPENAPI_PATH;
use crate::core::query::advice;

pub(crate) use value_type::ValueType;

mod value_type;

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
        let mut params = Self {
            specs,
            given: Vec::new(),
        };
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
            params.add(name, value)?;
        }
        params.require_all()?;
        Ok(params)
    }

    /// Reads the same parameters from a JSON object. Lists are JSON lists, numbers are numbers, and flags are booleans.
    pub(crate) fn of_json(
        values: &Map<String, Value>,
        specs: &'static [&'static [ParameterSpec]],
    ) -> Result<Self, ApiError> {
        let mut params = Self {
            specs,
            given: Vec::new(),
        };
        for (name, value) in values {
            let spec = spec_of(specs, name).ok_or_else(|| unknown(specs, name))?;
            let texts = spec.value_type.texts(value).ok_or_else(|| {
                let expected = spec.value_type.json_type();
                ApiError::invalid_parameter(name, format!("the value of {name} must be {expected}"))
            })?;
            for text in texts {
                params.add(name.clone(), text)?;
            }
        }
        params.require_all()?;
        Ok(params)
    }

    /// Adds a parameter, or the values of a list that occurs several times.
    fn add(&mut self, name: String, value: String) -> Result<(), ApiError> {
        let spec = spec_of(self.specs, &name).ok_or_else(|| unknown(self.specs, &name))?;
        let earlier = self.given.iter_mut().find(|(other, _)| *other == name);
        match earlier {
            Some((_, list)) if spec.value_type.is_list() => {
                list.push(',');
                list.push_str(&value);
                spec.value_type.check(&name, list)
            }
            Some(_) if !matches!(spec.value_type, ValueType::RepeatedText) => {
                let text = format!("the parameter {name} occurs more than once; give it one value");
                Err(ApiError::new(ErrorCode::ParameterRepeated, text).for_parameter(&name))
            }
            _ => {
                spec.value_type.check(&name, &value)?;
                self.given.push((name, value));
                Ok(())
            }
        }
    }

    fn require_all(&self) -> Result<(), ApiError> {
        let required = self.specs.iter().copied().flatten();
        for spec in required.filter(|spec| matches!(spec.value_type, ValueType::RequiredText)) {
            if self.text(spec.name).is_none() {
                let name = spec.name;
                let text = format!(
                    "the parameter {name} is missing; add {name}=… to the URL, see {OPENAPI_PATH}"
                );
                return Err(ApiError::new(ErrorCode::ParameterMissing, text).for_parameter(name));
            }
        }
        Ok(())
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
    // Only a search has a `q`, and what the advice names.
    let is_search = known.contains(&"q");
    let advice = advice::of_parameter(name).filter(|_| is_search);
    let advice = advice
        .map(|advice| format!("; {advice}"))
        .unwrap_or_default();
    let known = match known.as_slice() {
        [] => "it has none".to_owned(),
        known => format!("it has {}", known.join(", ")),
    };
    let text = format!("this path has no parameter {name:?}; {known}{advice}");
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
mod tests;
