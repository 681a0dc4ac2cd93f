//! Names what a change changes, for the history.
//!
//! It shows no values.

use serde_json::Value;

use crate::config::file::SourceFile;
use crate::managed::draft::SECRET_KEY;
use crate::managed::history::Action;

pub(super) fn action(old: Option<&SourceFile>, new: &SourceFile, fields: &[String]) -> Action {
    match old {
        None => Action::Create,
        Some(old) if old.enabled != new.enabled && fields.len() == 1 => {
            if new.enabled {
                Action::Enable
            } else {
                Action::Disable
            }
        }
        Some(_) => Action::Update,
    }
}

/// The paths of the values that differ. A new secret counts as a difference, but only its name is shown.
pub(super) fn changed_fields(old: Option<&SourceFile>, new: &SourceFile) -> Vec<String> {
    let leaves = |file: &SourceFile| {
        let mut leaves = std::collections::BTreeMap::new();
        let json = serde_json::to_value(file).expect("the keys of a Source are strings");
        flatten(&json, "", &mut leaves);
        // A Source that is enabled has no such key.
        leaves.insert("enabled".to_owned(), Value::Bool(file.enabled));
        leaves
    };
    let old = old.map(leaves).unwrap_or_default();
    let new = leaves(new);
    let mut fields: Vec<String> = old
        .keys()
        .chain(new.keys())
        .filter(|key| old.get(*key) != new.get(*key))
        .map(|key| key.replace("secret_access_key_sealed", SECRET_KEY))
        .collect();
    fields.sort_unstable();
    fields.dedup();
    fields
}

fn flatten(json: &Value, above: &str, leaves: &mut std::collections::BTreeMap<String, Value>) {
    match json {
        Value::Object(table) => {
            for (key, value) in table {
                let dot = if above.is_empty() { "" } else { "." };
                flatten(value, &format!("{above}{dot}{key}"), leaves);
            }
        }
        value => {
            leaves.insert(above.to_owned(), value.clone());
        }
    }
}
