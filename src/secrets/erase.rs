//! Erases JSON values from memory that can contain secrets.
//!
//! It cannot erase copies that others have made.

use serde_json::{Map, Value};
use zeroize::Zeroize;

/// Erases all texts, because any of them can be a secret in the wrong place.
pub(crate) fn erase(values: &mut Map<String, Value>) {
    values.values_mut().for_each(erase_value);
}

fn erase_value(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(values) => values.iter_mut().for_each(erase_value),
        Value::Object(values) => erase(values),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn erased_values_have_no_text() {
        let body =
            serde_json::json!({"a": "secret", "b": {"c": ["secret", {"d": "secret"}]}, "e": 1});
        let Value::Object(mut body) = body else {
            panic!("not an object")
        };
        erase(&mut body);
        let want = serde_json::json!({"a": "", "b": {"c": ["", {"d": ""}]}, "e": 1});
        assert_eq!(Value::Object(body), want);
    }
}
