//! A Source as a person sets it up: what its file may say, and secrets that are not sealed yet.
//!
//! This module reads drafts from JSON. A value that it cannot read is left out and reported, so that the other values can
//! still be checked. It does not validate values, seal secrets or write files.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::config::InvalidValue;
use crate::config::file::SourceFile;
use crate::secrets::Secret;

/// The key with a secret in `credentials`.
pub(crate) const SECRET_KEY: &str = "secret_access_key";

/// Maximum depth of the tables in a Source: `events.credentials.…`.
const MAX_DEPTH: usize = 3;

/// Keys of `credentials` that name files or profiles of this machine, or what only this program writes. Someone
/// who sets up a Source from elsewhere must not use them.
const KEYS_OF_THE_MACHINE: [&str; 4] = [
    "profile",
    "secret_access_key_file",
    "secret_access_key_credential",
    "secret_access_key_sealed",
];

/// A Source with secrets that are not sealed yet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SourceDraft {
    /// The Source, without the values that could not be read.
    pub file: SourceFile,
    /// The secrets to seal.
    pub secrets: DraftSecrets,
    /// All unknown keys, and all values of a wrong type. A draft that has problems must not be used. No problem shows
    /// a value below `credentials`.
    pub problems: Vec<InvalidValue>,
    /// The paths of the values that are left out of `file`.
    pub left_out: Vec<Vec<String>>,
}

/// The new secrets of a draft. `None` keeps the sealed one, if any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DraftSecrets {
    /// For `credentials`.
    pub bucket: Option<Secret>,
    /// For `events.credentials`.
    pub queue: Option<Secret>,
}

/// Reads a draft from JSON with the keys of the configuration file, and `secret_access_key` in `credentials`.
pub(crate) fn from_json(mut json: Map<String, Value>) -> SourceDraft {
    let mut problems = Vec::new();
    let secrets = DraftSecrets {
        bucket: take_secret(&mut json, &["credentials"], &mut problems),
        queue: take_secret(&mut json, &["events", "credentials"], &mut problems),
    };
    let mut left_out = keys_of_the_machine(&json);
    problems.extend(left_out.iter().map(|path| {
        let problem = "only a Source in the configuration file can have it; set access_key_id and secret_access_key, or \
                       role_arn";
        InvalidValue::hidden(path.join("."), problem)
    }));
    let mut leaves = Vec::new();
    collect_leaves(&json, &mut Vec::new(), &mut leaves);
    for (path, value) in leaves {
        if left_out.contains(&path) {
            continue;
        }
        if let Err(error) = SourceFile::deserialize(nested(&path, value)) {
            problems.push(problem(&path, &error));
            left_out.push(path);
        }
    }
    left_out.iter().for_each(|path| leave_out(&mut json, path));
    let file = SourceFile::deserialize(Value::Object(json)).unwrap_or_else(|error| {
        problems.push(InvalidValue::hidden("", error.to_string()));
        SourceFile::deserialize(Value::Object(Map::new())).expect("every key is optional")
    });
    SourceDraft {
        file,
        secrets,
        problems,
        left_out,
    }
    .checkable()
}

impl SourceDraft {
    /// If nobody can tell whether the Source is enabled, it counts as disabled, so that only what applies to every Source
    /// is checked.
    pub(crate) fn checkable(mut self) -> Self {
        self.file.enabled &= !self.left_out.iter().any(|path| path[..] == ["enabled"]);
        self
    }
}

/// Removes the value at `path`, and the tables around it in which only `null` is left.
pub(crate) fn leave_out(table: &mut Map<String, Value>, path: &[String]) {
    let [key, below @ ..] = path else { return };
    if let Some(Value::Object(inner)) = table.get_mut(key)
        && !below.is_empty()
    {
        leave_out(inner, below);
        if !inner.values().all(Value::is_null) {
            return;
        }
    }
    table.remove(key);
}

/// Removes and returns the secret in the table at `path`.
fn take_secret(
    json: &mut Map<String, Value>,
    path: &[&str],
    problems: &mut Vec<InvalidValue>,
) -> Option<Secret> {
    let mut table = json;
    for key in path {
        table = table.get_mut(*key)?.as_object_mut()?;
    }
    match table.remove(SECRET_KEY)? {
        Value::String(text) => match checked_secret(text) {
            Ok(secret) => Some(secret),
            Err(problem) => {
                let key = [path, &[SECRET_KEY]].concat().join(".");
                problems.push(InvalidValue::hidden(key, problem));
                None
            }
        },
        Value::Null => None,
        _ => {
            let key = [path, &[SECRET_KEY]].concat().join(".");
            problems.push(InvalidValue::hidden(key, "must be a string"));
            None
        }
    }
}

/// Returns the secret without the spaces around it, which come with a paste.
pub(crate) fn checked_secret(text: String) -> Result<Secret, &'static str> {
    /// Secrets of AWS have 40 characters.
    const MAX_SECRET_BYTES: usize = 1024;
    let text = zeroize::Zeroizing::new(text);
    match text.trim() {
        "" => Err("must not be empty"),
        secret if secret.len() > MAX_SECRET_BYTES => {
            Err("must not have more than 1024 bytes; copy only the secret access key")
        }
        secret if secret.contains(|c: char| c.is_whitespace() || c.is_control()) => {
            Err("must not contain spaces; copy only the secret access key")
        }
        secret => Ok(Secret::new(secret.to_owned())),
    }
}

/// The paths of the keys in [`KEYS_OF_THE_MACHINE`].
fn keys_of_the_machine(json: &Map<String, Value>) -> Vec<Vec<String>> {
    let of_queue = json
        .get("events")
        .and_then(|events| events.get("credentials"));
    let tables = [
        (&["credentials"][..], json.get("credentials")),
        (&["events", "credentials"], of_queue),
    ];
    let mut paths = Vec::new();
    for (above, table) in tables {
        let keys = KEYS_OF_THE_MACHINE.iter().copied();
        let present = keys.filter(|key| table.is_some_and(|table| table.get(key).is_some()));
        let path = |key| {
            above
                .iter()
                .chain([&key])
                .map(|it| (*it).to_owned())
                .collect()
        };
        paths.extend(present.map(path));
    }
    paths
}

/// The values that are not tables, with their paths.
fn collect_leaves<'a>(
    table: &'a Map<String, Value>,
    above: &mut Vec<String>,
    leaves: &mut Vec<(Vec<String>, &'a Value)>,
) {
    for (key, value) in table {
        above.push(key.clone());
        match value {
            Value::Object(table) if above.len() < MAX_DEPTH && !table.is_empty() => {
                collect_leaves(table, above, leaves);
            }
            value => leaves.push((above.clone(), value)),
        }
        above.pop();
    }
}

/// A table that has only the value at `path`. Every key is optional, so an error is about this value.
fn nested(path: &[String], value: &Value) -> Value {
    path.iter().rev().fold(value.clone(), |inner, key| {
        Value::Object(Map::from_iter([(key.clone(), inner)]))
    })
}

fn problem(path: &[String], error: &serde_json::Error) -> InvalidValue {
    let key = path.join(".");
    let message = error.to_string();
    let is_unknown = message.starts_with("unknown field");
    if path.iter().any(|key| key == "credentials") && !is_unknown {
        return InvalidValue::hidden(key, "must be a string");
    }
    let plain = message
        .replace("invalid type: sequence", "invalid type: a list")
        .replace("invalid type: map", "invalid type: an object");
    InvalidValue::hidden(key, plain)
}

#[cfg(test)]
mod tests;
