//! Checks that a response is as the OpenAPI document describes it: its status, headers, content type and body.
//!
//! It is for tests only. It is stricter than the document: a response may have no header and no member that the
//! document does not name. The integration tests check every response of the program with it.

use serde_json::{Map, Value};

/// Headers that belong to the message and not to the API. The document does not name them.
const MESSAGE_HEADERS: [&str; 5] = [
    "connection",
    "content-length",
    "content-type",
    "date",
    "transfer-encoding",
];

/// Keywords of a schema that are for people or for clients that send something.
const NOT_CHECKED: [&str; 6] = [
    "default",
    "description",
    "format",
    "maxLength",
    "pattern",
    "writeOnly",
];

/// A response of the program.
#[derive(Debug)]
pub(crate) struct CheckedResponse<'a> {
    pub method: &'a str,
    /// The path of the request, with its parameters.
    pub path: &'a str,
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(&'a str, &'a str)>,
    pub body: &'a [u8],
}

impl CheckedResponse<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| *value)
    }

    /// Returns what the document does not describe.
    pub(crate) fn check(&self, document: &Value) -> Result<(), String> {
        let path = self.path.split('?').next().unwrap_or_default();
        let method = match self.method {
            "HEAD" => "get".to_owned(),
            method => method.to_lowercase(),
        };
        // A `/` at the end makes no difference.
        let found = operation(document, path, &method);
        let found = found.or_else(|| operation(document, path.strip_suffix('/')?, &method));
        let Some(operation) = found else {
            return match (self.status, self.method) {
                (204, "OPTIONS") | (400 | 401 | 403 | 404 | 405 | 414, _) => Ok(()),
                (status, _) => Err(format!("no operation, but the status {status}")),
            };
        };
        let responses = &operation["responses"];
        let Some(response) = responses.get(self.status.to_string()) else {
            return Err(format!("no status {}", self.status));
        };
        let response = resolved(document, response);
        for (name, _) in &self.headers {
            let name = name.to_lowercase();
            let mut named = response["headers"].as_object().into_iter().flatten();
            if !MESSAGE_HEADERS.contains(&name.as_str())
                && !named.any(|(other, _)| other.eq_ignore_ascii_case(&name))
            {
                return Err(format!("no header {name} of status {}", self.status));
            }
        }
        if self.method == "HEAD" || self.header("content-encoding").is_some() {
            return Ok(());
        }
        self.check_body(document, response)
    }

    fn check_body(&self, document: &Value, response: &Value) -> Result<(), String> {
        let content = response.get("content").and_then(Value::as_object);
        let Some(content) = content else {
            return self
                .body
                .is_empty()
                .then_some(())
                .ok_or_else(|| format!("no body of status {}", self.status));
        };
        let kind = self.header("content-type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default();
        let Some(described) = content.get(kind) else {
            return Err(format!(
                "no content type {kind:?} of status {}",
                self.status
            ));
        };
        if !kind.ends_with("json") {
            return Ok(());
        }
        let body: Value = serde_json::from_slice(self.body).map_err(|error| error.to_string())?;
        check_value(document, &described["schema"], &body)
    }
}

/// Checks a value against a schema. The error names the place in the value.
pub(crate) fn check_value(document: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let schema = resolved(document, schema);
    let Some(keywords) = schema.as_object() else {
        return Err(format!("the schema {schema} is no object"));
    };
    for (keyword, argument) in keywords {
        let fits = match keyword.as_str() {
            "type" => has_type(value, argument),
            "enum" => argument.as_array().is_some_and(|it| it.contains(value)),
            "minimum" => value.as_f64() >= argument.as_f64() || !value.is_number(),
            "maxItems" => value.as_array().map(Vec::len) <= length(argument),
            "maxProperties" => value.as_object().map(Map::len) <= length(argument),
            "anyOf" => {
                let mut choices = argument.as_array().into_iter().flatten();
                choices.any(|choice| check_value(document, choice, value).is_ok())
            }
            "properties" | "required" | "additionalProperties" | "items" => true,
            other if NOT_CHECKED.contains(&other) => true,
            other => return Err(format!("the keyword {other} cannot be checked")),
        };
        if !fits {
            return Err(format!(": {value} does not fit {keyword}: {argument}"));
        }
    }
    let inside = |place: &str, schema: &Value, value: &Value| {
        check_value(document, schema, value).map_err(|error| format!("/{place}{error}"))
    };
    // A schema with only `anyOf` says nothing about members. Its choices were checked above.
    let says_members = keywords.contains_key("type");
    let items = value.as_array().filter(|_| says_members);
    for (index, item) in items.into_iter().flatten().enumerate() {
        inside(&index.to_string(), &schema["items"], item)?;
    }
    let is_object = value.is_object() && says_members;
    for (name, member) in value.as_object().into_iter().flatten() {
        if !is_object {
            break;
        }
        match (&schema["properties"][name], &schema["additionalProperties"]) {
            (Value::Null, Value::Bool(true)) => {}
            (Value::Null, Value::Null) => return Err(format!(": no member {name:?}")),
            (Value::Null, schema) | (schema, _) => inside(name, schema, member)?,
        }
    }
    let required = schema["required"].as_array().into_iter().flatten();
    let mut required = required.filter_map(Value::as_str);
    match required.find(|name| is_object && value.get(name).is_none()) {
        Some(name) => Err(format!(": the member {name:?} is missing")),
        None => Ok(()),
    }
}

fn length(argument: &Value) -> Option<usize> {
    argument.as_u64().and_then(|number| number.try_into().ok())
}

fn has_type(value: &Value, argument: &Value) -> bool {
    let is = |kind: &Value| match kind.as_str().unwrap_or_default() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    };
    match argument.as_array() {
        Some(kinds) => kinds.iter().any(is),
        None => is(argument),
    }
}

/// The operation of a path and a method. A path without variables comes first.
fn operation<'d>(document: &'d Value, path: &str, method: &str) -> Option<&'d Value> {
    let paths = document["paths"].as_object()?;
    let with_method = |template: &str| paths.get(template)?.get(method);
    if let Some(operation) = with_method(path) {
        return Some(operation);
    }
    let mut templates = paths.keys().filter(|template| fits(template, path));
    templates.find_map(|template| with_method(template))
}

/// Whether the path is one of the template. Only a variable at the end can have a `/`.
fn fits(template: &str, path: &str) -> bool {
    let (mut template, mut path) = (template.split('/').peekable(), path.split('/'));
    while let Some(part) = template.next() {
        let Some(given) = path.next() else {
            return false;
        };
        let is_variable = part.starts_with('{');
        if is_variable && part == "{origin_path}" && template.peek().is_none() {
            return !given.is_empty() || path.next().is_some();
        }
        if part != given && (!is_variable || given.is_empty()) {
            return false;
        }
    }
    path.next().is_none()
}

/// The part of the document that a `$ref` names, or the part itself.
fn resolved<'d>(document: &'d Value, part: &'d Value) -> &'d Value {
    let reference = part.get("$ref").and_then(Value::as_str);
    let found = reference.and_then(|reference| document.pointer(reference.trim_start_matches('#')));
    found.unwrap_or(part)
}
