//! Parses a configuration file as far as possible: a key with a mistake is reported and left out, so that one
//! report has all mistakes. Errors name the line and never contain a secret.
//!
//! Errors of the TOML parser quote the line, so only their message is used. The message can quote a value, so
//! secrets are searched for and left out first.

use std::fs::File;
use std::io::{Error, ErrorKind, Read};
use std::ops::Range;
use std::path::Path;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer};

use crate::config::error::Mistake;
use crate::config::places::Places;

/// Maximum number of mistakes of one file in a report. Finding each one parses the file again.
const MAX_MISTAKES: usize = 100;

/// The key of the table whose content could be a secret. If one of its keys has a mistake, all of it is left out.
const CREDENTIALS: &str = "credentials";

/// Starts of messages of the parser with words that TOML does not use, and their replacements.
const PLAIN_WORDS: [(&str, &str); 2] = [
    ("invalid type: sequence,", "invalid type: a list,"),
    ("invalid type: map,", "invalid type: a table,"),
];

/// Maximum size of a file. A device such as `/dev/zero` has no end and must not fill the memory.
const MAX_BYTES: u64 = 64 << 20;

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

/// A parsed file.
pub(super) struct Document<T> {
    /// The content, without the keys that have mistakes.
    pub value: T,
    /// Where its keys are, and which ones are left out.
    pub places: Places,
}

/// Reads and parses the file, and adds its mistakes. Returns `None` if the text is not TOML or has too many
/// mistakes.
pub(super) fn read<T: DeserializeOwned>(
    path: &Path,
    mistakes: &mut Vec<Mistake>,
) -> Option<Document<T>> {
    let text = match read_text(path) {
        Ok(text) => text,
        Err(cause) => {
            let path = path.to_owned();
            mistakes.push(Mistake::Unreadable { path, cause });
            return None;
        }
    };
    let mut found = Vec::new();
    let (table, errors) = DeTable::parse_recoverable(&text);
    let mut places = Places::new(&text, table.get_ref());
    let value = if errors.is_empty() {
        deserialize(table, &mut places, &mut found)
    } else {
        found.extend(syntax_errors(&text, &places, errors));
        None
    };
    mistakes.extend(found.into_iter().map(|error| Mistake::Malformed {
        path: path.to_owned(),
        line: places.line_at(error.at),
        problem: error.problem,
    }));
    Some(Document {
        value: value?,
        places,
    })
}

/// Reads what can be read of the file, and calls `look` with it.
pub(super) fn peek<T>(path: &Path, look: impl FnOnce(&DeTable<'_>) -> T) -> Option<T> {
    let text = read_text(path).ok()?;
    let (table, _) = DeTable::parse_recoverable(&text);
    Some(look(table.get_ref()))
}

fn read_text(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let file = File::open(path)?;
    file.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        let problem = format!("it has more than {MAX_BYTES} bytes");
        return Err(Error::new(ErrorKind::InvalidData, problem));
    }
    Ok(text)
}

/// A mistake in the text, with its offset in bytes.
struct ParseError {
    at: usize,
    problem: String,
}

impl ParseError {
    fn new(span: Range<usize>, problem: impl Into<String>) -> Self {
        Self {
            at: span.start,
            problem: problem.into(),
        }
    }
}

impl From<toml::de::Error> for ParseError {
    fn from(mut error: toml::de::Error) -> Self {
        // Without its input, the error names the key instead of quoting the line.
        error.set_input(None);
        let mut problem = error.to_string().trim_end().replace('\n', " ");
        for (jargon, plain) in PLAIN_WORDS {
            if let Some(rest) = problem.strip_prefix(jargon) {
                problem = format!("{plain}{rest}");
            }
        }
        Self::new(error.span().unwrap_or(0..0), problem)
    }
}

/// The first error of each line: the parser reports the rest of a wrong line as more errors.
fn syntax_errors(text: &str, places: &Places, errors: Vec<toml::de::Error>) -> Vec<ParseError> {
    let mut found: Vec<ParseError> = Vec::new();
    for error in errors.into_iter().take(MAX_MISTAKES) {
        // The span of a duplicate key is the key, so it contains no value.
        let key = error.span().and_then(|span| text.get(span));
        let key = key.filter(|_| error.message() == "duplicate key");
        let named = key.map(|key| format!("duplicate key `{key}`; keep one of its lines"));
        let mut error = ParseError::from(error);
        error.problem = named.unwrap_or(error.problem);
        let line = places.line_at(error.at);
        if found.iter().all(|other| places.line_at(other.at) != line) {
            found.push(error);
        }
    }
    found
}

/// Deserializes the table. As long as a key has a mistake, leaves out the key and starts again.
fn deserialize<T: DeserializeOwned>(
    mut table: Spanned<DeTable<'_>>,
    places: &mut Places,
    found: &mut Vec<ParseError>,
) -> Option<T> {
    leave_out_secrets(table.get_mut(), "", places, found);
    while found.len() < MAX_MISTAKES {
        let error = match T::deserialize(Deserializer::from(table.clone())) {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let span = error.span();
        found.push(error.into());
        let left_out = leave_out(table.get_mut(), span?.start, "")?;
        places.leave_out(left_out);
    }
    None
}

/// Removes the innermost key whose name or value starts at the offset `at` or contains it. Returns its path.
fn leave_out(table: &mut DeTable<'_>, at: usize, above: &str) -> Option<String> {
    let is_at = |span: Range<usize>| span.contains(&at);
    for (key, value) in table.iter_mut() {
        let path = Places::below(above, key.get_ref());
        let inner = match value.get_mut() {
            _ if is_at(key.span()) || key.get_ref() == CREDENTIALS => None,
            DeValue::Table(table) => leave_out(table, at, &path),
            DeValue::Array(values) => {
                values
                    .iter_mut()
                    .enumerate()
                    .find_map(|(index, value)| match value.get_mut() {
                        DeValue::Table(table) => leave_out(table, at, &Places::item(&path, index)),
                        _ => None,
                    })
            }
            _ => None,
        };
        if inner.is_some() {
            return inner;
        }
    }
    let mut keys = table.iter();
    let (key, _) = keys.find(|(key, value)| is_at(key.span()) || holds(value, at))?;
    let key = key.get_ref().clone();
    table.remove(&*key);
    Some(Places::below(above, &key))
}

/// Whether the offset is in the value. The span of a table with a header is only the header.
fn holds(value: &Spanned<DeValue<'_>>, at: usize) -> bool {
    value.span().contains(&at)
        || match value.get_ref() {
            DeValue::Table(table) => table
                .iter()
                .any(|(key, value)| key.span().contains(&at) || holds(value, at)),
            DeValue::Array(values) => values.iter().any(|value| holds(value, at)),
            _ => false,
        }
}

/// Leaves out secrets, and credentials with an unexpected structure, which could be secrets.
fn leave_out_secrets(
    table: &mut DeTable<'_>,
    above: &str,
    places: &mut Places,
    found: &mut Vec<ParseError>,
) {
    let mut exposed = Vec::new();
    for (key, value) in table.iter_mut() {
        let path = Places::below(above, key.get_ref());
        let error = match secret_in(key, value) {
            Some(error) => error,
            None => {
                leave_out_secrets_in(value.get_mut(), &path, places, found);
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

fn leave_out_secrets_in(
    value: &mut DeValue<'_>,
    path: &str,
    places: &mut Places,
    found: &mut Vec<ParseError>,
) {
    match value {
        DeValue::Table(table) => leave_out_secrets(table, path, places, found),
        DeValue::Array(values) => {
            for (index, value) in values.iter_mut().enumerate() {
                let path = Places::item(path, index);
                leave_out_secrets_in(value.get_mut(), &path, places, found);
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
