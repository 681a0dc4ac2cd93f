//! Applies a patch to the values of a stored Source, as in RFC 7396.
//!
//! It reads the patch, and does not validate the result.

use serde::Deserialize;
use serde_json::{Map, Value};
use zeroize::Zeroize;

use crate::config::InvalidValue;
use crate::config::file::SourceFile;
use crate::managed::draft::{self, SECRET_KEY, SourceDraft};

/// The Source with the values of the patch, except for those that cannot be read.
pub(super) fn patched(old: &SourceFile, patch: Map<String, Value>) -> SourceDraft {
    let mut values = patch;
    let mut present = values.clone();
    remove_nulls(&mut present);
    let mut draft = draft::from_json(present);
    for path in &draft.left_out {
        draft::leave_out(&mut values, path);
    }
    // Without it, the Source keeps its name.
    if values.remove("name").is_some() && draft.file.name != old.name {
        let problem = "the name of a Source cannot change; add a new Source and remove this one";
        draft.problems.push(InvalidValue::hidden("name", problem));
    }
    remove_secrets(&mut values);
    let mut new = serde_json::to_value(old).expect("the keys of a Source are strings");
    switch_credentials(&mut new, &values, draft.secrets.bucket.is_some());
    if let Some(events) = values.get("events").and_then(Value::as_object)
        && let Some(old_events) = new.get_mut("events")
    {
        switch_credentials(old_events, events, draft.secrets.queue.is_some());
    }
    merge(&mut new, Value::Object(values));
    let file = SourceFile::deserialize(new);
    let file = file
        .expect("the old Source and the patch have been read, and a patch replaces whole values");
    SourceDraft { file, ..draft }.checkable()
}

/// Removes the secrets, which [`draft::from_json`] has read.
fn remove_secrets(values: &mut Map<String, Value>) {
    let table = |value: Option<&mut Value>| -> Option<()> {
        if let Some(Value::String(mut secret)) = value?.as_object_mut()?.remove(SECRET_KEY) {
            secret.zeroize();
        }
        Some(())
    };
    table(values.get_mut("credentials"));
    let events = values.get_mut("events").and_then(Value::as_object_mut);
    table(events.and_then(|events| events.get_mut("credentials")));
}

/// If the patch has credentials, removes the old ones. Credentials of different kinds must not be mixed. The
/// sealed secret stays if the access key does. `has_secret` says whether the patch has a new one, which is not in
/// `patch` any more.
fn switch_credentials(old: &mut Value, patch: &Map<String, Value>, has_secret: bool) {
    let Some(new) = patch.get("credentials").and_then(Value::as_object) else {
        return;
    };
    let Some(old) = old.get_mut("credentials").and_then(Value::as_object_mut) else {
        return;
    };
    let is_same_key = new
        .get("access_key_id")
        .is_none_or(|id| Some(id) == old.get("access_key_id"));
    let keeps_kind = !new.contains_key("role_arn");
    let is_empty = new.is_empty() && !has_secret;
    if !(is_same_key && keeps_kind) || is_empty {
        old.clear();
    }
}

/// A JSON merge patch, RFC 7396.
pub(super) fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(target) = target.as_object_mut() else {
        return;
    };
    for (key, value) in patch {
        if value.is_null() {
            target.remove(&key);
        } else {
            merge(target.entry(key).or_insert(Value::Null), value);
        }
    }
}

/// Removes the values that are `null`, which mean the same as missing ones.
pub(super) fn remove_nulls(values: &mut Map<String, Value>) {
    values.retain(|_, value| !value.is_null());
    let tables = values.values_mut().filter_map(Value::as_object_mut);
    tables.for_each(remove_nulls);
}
