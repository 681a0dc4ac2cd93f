//! Finds values that no key may have: secrets, dates, and lists instead of tables.
//!
//! They are searched for before the file is deserialized, because its errors would quote a secret, and name parts of the
//! parser for a date. It would take a list for a table whose keys are left out.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{CREDENTIALS, ParseError};
use crate::config::places::Places;

/// Keys that usually have a secret as their value, in lower case without `_` and `-`.
const SECRET_KEYS: [&str; 8] = [
    "secret",
    "secretkey",
    "secretaccesskey",
    "awssecretaccesskey",
    "sessiontoken",
    "awssessiontoken",
    "password",
    "accesskeysecret",
];

/// The keys whose values are tables, except for `credentials`.
const TABLES: [&str; 7] = [
    "scan", "index", "events", "serve", "search", "managed", "rules",
];

/// The key whose value is a list of tables.
const SOURCES: &str = "source";

/// Leaves out secrets, credentials with an unexpected structure, which could be secrets, dates, and lists instead of
/// tables.
pub(super) fn leave_out(
    table: &mut DeTable<'_>,
    above: &str,
    places: &mut Places,
    found: &mut Vec<ParseError>,
) {
    let mut exposed = Vec::new();
    for (key, value) in table.iter_mut() {
        let path = Places::below(above, key.get_ref());
        let error = secret_in(key, value).or_else(|| date_in(key.get_ref(), value));
        let error = match error.or_else(|| list_in(key, value)) {
            Some(error) => error,
            None => {
                leave_out_in(value.get_mut(), &path, places, found);
                continue;
            }
        };
        found.push(error);
        places.leave_out(path);
        exposed.push(key.get_ref().clone());
    }
    for key in exposed {
        table.remove(&*key);
    }
}

fn leave_out_in(
    value: &mut DeValue<'_>,
    path: &str,
    places: &mut Places,
    found: &mut Vec<ParseError>,
) {
    match value {
        DeValue::Table(table) => leave_out(table, path, places, found),
        DeValue::Array(values) => {
            for (index, value) in values.iter_mut().enumerate() {
                let path = Places::item(path, index);
                leave_out_in(value.get_mut(), &path, places, found);
            }
        }
        _ => {}
    }
}

/// The reason to leave out the key: it usually has a secret as its value, or it is `credentials` and contains
/// such a key or a value that is not a string.
fn secret_in(key: &Spanned<impl AsRef<str>>, value: &Spanned<DeValue<'_>>) -> Option<ParseError> {
    let name = key.get_ref().as_ref();
    let letters = name.replace(['_', '-'], "").to_ascii_lowercase();
    if SECRET_KEYS.contains(&letters.as_str()) {
        return Some(ParseError::new(
            key.span(),
            format!(
                "`{name}` is not allowed in the configuration; put the secret in a file that only \
                 this user can read, and set secret_access_key_file = \"/path/to/file\", or \
                 secret_access_key_credential = \"name\" for a systemd credential"
            ),
        ));
    }
    if name != CREDENTIALS {
        return None;
    }
    let DeValue::Table(table) = value.get_ref() else {
        let problem = "credentials must be a table such as { profile = \"name\" }";
        return Some(ParseError::new(value.span(), problem));
    };
    table.iter().find_map(|(key, value)| {
        secret_in(key, value).or_else(|| {
            let name = key.get_ref();
            let problem = format!("credentials.{name} must be a string in quotes");
            (!value.get_ref().is_str()).then(|| ParseError::new(value.span(), problem))
        })
    })
}

/// The reason to leave out the key if its value is a date or a time, or a list with one. No key is, and the parser would
/// take it for a table with a key of its own.
fn date_in(key: &str, value: &Spanned<DeValue<'_>>) -> Option<ParseError> {
    match value.get_ref() {
        DeValue::Datetime(_) => {
            let problem = format!(
                "{key}: a date or time is not allowed here; if it is meant as a text, write it in quotes"
            );
            Some(ParseError::new(value.span(), problem))
        }
        DeValue::Array(values) => values.iter().find_map(|value| date_in(key, value)),
        _ => None,
    }
}

/// The reason to leave out the key if its value is a list, or has a list in it, where a table is needed.
fn list_in(key: &Spanned<impl AsRef<str>>, value: &Spanned<DeValue<'_>>) -> Option<ParseError> {
    let name = key.get_ref().as_ref();
    let DeValue::Array(values) = value.get_ref() else {
        return None;
    };
    if TABLES.contains(&name) {
        let problem = format!(
            "`{name}` must be a table, not a list; write {name} = {{ … }}, or a header in single brackets"
        );
        return Some(ParseError::new(key.span(), problem));
    }
    let inner = values.iter().find(|value| value.get_ref().is_array());
    let inner = inner.filter(|_| name == SOURCES)?;
    let problem = format!("each `{name}` must be a table, not a list; write a header [[{name}]]");
    Some(ParseError::new(inner.span(), problem))
}
