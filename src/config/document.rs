//! Parses a configuration file. Errors name the line and never contain a secret.
//!
//! Errors of the TOML parser quote the line, so only their message is used. The message can quote a value, so
//! secrets are searched for and refused first.

use std::fs::File;
use std::io::{Error, ErrorKind, Read};
use std::ops::Range;
use std::path::Path;

use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue};

use crate::config::error::ConfigError;

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

/// Reads and parses the file.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<T, ConfigError> {
    let text = read_text(path).map_err(|source| ConfigError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    parse(&text).map_err(|error| ConfigError::Malformed {
        path: path.to_owned(),
        line: line_of(&text, error.at),
        problem: error.problem,
    })
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

/// A problem in the text, with its offset in bytes.
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
        let problem = error.to_string().trim_end().replace('\n', " ");
        Self::new(error.span().unwrap_or(0..0), problem)
    }
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, ParseError> {
    let table = DeTable::parse(text)?;
    refuse_secrets(table.get_ref())?;
    Ok(toml::from_str(text)?)
}

/// Refuses secrets, and credentials with an unexpected structure, which could be secrets.
fn refuse_secrets(table: &DeTable<'_>) -> Result<(), ParseError> {
    for (key, value) in table {
        let name = key.get_ref();
        let letters = name.replace(['_', '-'], "").to_ascii_lowercase();
        if SECRET_KEYS.contains(&letters.as_str()) {
            return Err(ParseError::new(
                key.span(),
                format!(
                    "`{name}` is not allowed in the configuration; put the secret in a file that only \
                     this user can read, and set secret_access_key_file = \"/path/to/file\", or \
                     secret_access_key_credential = \"name\" for a systemd credential"
                ),
            ));
        }
        if name == "credentials" {
            check_credentials(value.span(), value.get_ref())?;
        }
        refuse_secrets_in(value.get_ref())?;
    }
    Ok(())
}

fn refuse_secrets_in(value: &DeValue<'_>) -> Result<(), ParseError> {
    match value {
        DeValue::Table(table) => refuse_secrets(table),
        DeValue::Array(values) => values
            .iter()
            .try_for_each(|value| refuse_secrets_in(value.get_ref())),
        _ => Ok(()),
    }
}

fn check_credentials(span: Range<usize>, credentials: &DeValue<'_>) -> Result<(), ParseError> {
    let DeValue::Table(table) = credentials else {
        return Err(ParseError::new(
            span,
            "credentials must be a table such as { profile = \"name\" }",
        ));
    };
    for (key, value) in table {
        if !value.get_ref().is_str() {
            let problem = format!("credentials.{} must be a string in quotes", key.get_ref());
            return Err(ParseError::new(value.span(), problem));
        }
    }
    Ok(())
}

/// The line of the byte at offset `at`, counted from 1.
fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().iter().take(at);
    1 + before.filter(|&&byte| byte == b'\n').count()
}
