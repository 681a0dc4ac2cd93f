//! Parses a configuration file as far as possible: a key with a mistake is reported and left out, so that one
//! report has all mistakes. Errors name the line and never contain a secret.
//!
//! Errors of the TOML parser quote the line, so only their message is used. The message can quote a value, so
//! secrets are searched for and left out first.

mod forbidden;

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

/// Words in messages of the parser that TOML does not use, and their replacements.
const PLAIN_WORDS: [(&str, &str); 6] = [
    (
        "unknown field `source`, expected one of `name`",
        "remove the header [[source]]: this file is one Source, so its keys are at the top level: `name`",
    ),
    ("invalid type: sequence,", "invalid type: a list,"),
    ("invalid type: map,", "invalid type: a table,"),
    ("unknown variant `", "unknown value `"),
    ("` as i128, expected", "`, expected"),
    ("` as u128, expected", "`, expected"),
];

/// Starts of messages of the parser about the text, and what to say instead.
const PLAIN_PROBLEMS: [(&str, &str); 12] = [
    (
        "string values must be quoted",
        "the value is missing, or it is a text without quotes; write key = \"text\"",
    ),
    (
        "invalid basic string, expected `\"`",
        "the text has no quotation mark at its end",
    ),
    (
        "invalid basic string, expected non-double-quote",
        "the text has a control character; write it as an escape such as \\t",
    ),
    (
        "missing escaped value",
        "a backslash in double quotes starts an escape such as \\t; write \\\\ for a backslash, or the text in single \
         quotes",
    ),
    ("key with no value", "a key has no value; write key = value"),
    (
        "invalid key-value pair",
        "a key is missing; write key = value",
    ),
    ("extra `=`", "there is a second `=`; write a text in quotes"),
    (
        "unexpected key or value",
        "there is more after the value; start a new line, or a comment with #",
    ),
    (
        "unexpected leading zero",
        "a number cannot start with 0; write an id or another text in quotes",
    ),
    (
        "missing comma between array elements",
        "a comma is missing between two values of a list",
    ),
    (
        "unclosed inline table",
        "the table in braces has no } at its end",
    ),
    (
        "cannot recurse further",
        "lists or tables are nested too deeply",
    ),
];

/// Maximum length of a key that errors about the text of its line name, in characters. A longer one may be a secret.
const MAX_NAMED_KEY: usize = 30;

/// Maximum size of a file. A device such as `/dev/zero` has no end and must not fill the memory.
const MAX_BYTES: u64 = 64 << 20;

/// A parsed file.
pub(super) struct Document<T> {
    /// The content, without the keys that have mistakes.
    pub value: T,
    /// Where its keys are, and which ones are left out.
    pub places: Places,
}

/// Reads and parses the file, and adds its mistakes. Returns `None` if nothing of it can be used.
pub(super) fn read<T: DeserializeOwned>(
    path: &Path,
    mistakes: &mut Vec<Mistake>,
) -> Option<Document<T>> {
    let bytes = bytes_of(path, mistakes)?;
    parse(path, &bytes, mistakes)
}

/// Reads the file. Adds the mistake if it cannot be read.
pub(super) fn bytes_of(path: &Path, mistakes: &mut Vec<Mistake>) -> Option<Vec<u8>> {
    let unreadable = |cause| Mistake::Unreadable {
        path: path.to_owned(),
        cause,
    };
    let read = read_bytes(path).map_err(unreadable);
    read.map_err(|mistake| mistakes.push(mistake)).ok()
}

/// Parses the content of a file, and adds its mistakes. Returns `None` if nothing of it can be used.
///
/// If the text is not TOML, the lines after the first error may mean something else, so only the lines before it are
/// examined further.
pub(super) fn parse<T: DeserializeOwned>(
    path: &Path,
    bytes: &[u8],
    mistakes: &mut Vec<Mistake>,
) -> Option<Document<T>> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let before = &bytes[..error.valid_up_to()];
            mistakes.push(Mistake::Malformed {
                path: path.to_owned(),
                line: 1 + before.iter().filter(|&&byte| byte == b'\n').count(),
                problem: "the text is not UTF-8; save the file in the encoding UTF-8".to_owned(),
            });
            return None;
        }
    };
    let mut found = Vec::new();
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut places = Places::new(text, table.get_ref());
    let syntax = syntax_errors(text, &places, errors);
    let value = deserialize(table, &mut places, &mut found);
    if let Some(end) = syntax.iter().map(|error| places.line_at(error.at)).min() {
        found.retain(|error| places.line_at(error.at) < end);
        places.end_before(end);
    }
    found.extend(syntax);
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
    let text = String::from_utf8(read_bytes(path).ok()?).ok()?;
    let (table, _) = DeTable::parse_recoverable(&text);
    Some(look(table.get_ref()))
}

fn read_bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path)?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        let problem = format!("it has more than {MAX_BYTES} bytes");
        return Err(Error::new(ErrorKind::InvalidData, problem));
    }
    Ok(bytes)
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
            problem = problem.replacen(jargon, plain, 1);
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
        error.problem = named.unwrap_or_else(|| in_plain_words(text, &error));
        let line = places.line_at(error.at);
        if found.iter().all(|other| places.line_at(other.at) != line) {
            found.push(error);
        }
    }
    found
}

/// The problem in words that need no knowledge of the parser, after the key whose value has it.
fn in_plain_words(text: &str, error: &ParseError) -> String {
    let mut plain = PLAIN_PROBLEMS.iter();
    let plain = plain.find(|(start, _)| error.problem.starts_with(start));
    let problem = plain.map_or(&*error.problem, |(_, plain)| plain);
    match key_before(text, error.at) {
        Some(key) => format!("{key}: {problem}"),
        None => problem.to_owned(),
    }
}

/// The key on the line of this offset, if its value has the offset. A text that could be a secret is no key.
fn key_before(text: &str, at: usize) -> Option<&str> {
    let before = text.get(..at)?;
    let line = before.rsplit('\n').next()?;
    let (key, _) = line.split_once('=')?;
    let key = key.trim();
    let is_key = |c: char| c.is_ascii_lowercase() || c == '_' || c == '.';
    let is_named = (1..=MAX_NAMED_KEY).contains(&key.len()) && key.chars().all(is_key);
    is_named.then_some(key)
}

/// Deserializes the table. As long as a key has a mistake, leaves out the key and starts again.
fn deserialize<T: DeserializeOwned>(
    mut table: Spanned<DeTable<'_>>,
    places: &mut Places,
    found: &mut Vec<ParseError>,
) -> Option<T> {
    forbidden::leave_out(table.get_mut(), "", places, found);
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
