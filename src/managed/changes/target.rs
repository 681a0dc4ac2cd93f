//! Determines what a change asks for: the Source as it would be stored, or its removal.
//!
//! It reads the store. It does not validate values.

use serde_json::Value;

use super::patch::{patched, remove_nulls};
use super::{Change, ChangeError, Values, read, require};
use crate::config::file::SourceFile;
use crate::config::{Config, InvalidValue};
use crate::managed::draft::{self, SourceDraft};
use crate::managed::store::SourceStore;

/// Names that no new Source can have: `/v1/sources/test` is an operation, not a Source.
pub(super) const RESERVED_NAMES: [&str; 3] = ["test", "preview", "setup"];

/// The Source that a change asks for.
pub(super) struct Target {
    pub draft: SourceDraft,
    /// The Source that it replaces.
    pub old: Option<SourceFile>,
}

/// What a change asks for. `None` removes the Source.
pub(super) fn target<S: SourceStore>(
    store: &S,
    name: &str,
    change: Change,
    config: &Config,
) -> Result<Option<Target>, ChangeError> {
    if is_in_file(name, config) {
        return Err(ChangeError::ManagedByFile {
            name: name.to_owned(),
        });
    }
    match change {
        Change::Create(values) => Ok(Some(Target {
            draft: new_source(store, name, values, config)?,
            old: None,
        })),
        Change::Update { patch, if_version } => {
            let old = read(store, name, if_version)?;
            Ok(Some(Target {
                draft: patched(&old, patch.take()),
                old: Some(old),
            }))
        }
        Change::Remove { if_version } => {
            require(store, name, if_version)?;
            Ok(None)
        }
    }
}

/// The draft of a new Source.
fn new_source<S: SourceStore>(
    store: &S,
    name: &str,
    values: Values,
    config: &Config,
) -> Result<SourceDraft, ChangeError> {
    let mut values = values.take();
    remove_nulls(&mut values);
    // A name that is no text stays, so that it is reported with the other mistakes. So is one that is missing.
    if values.get("name").is_none_or(Value::is_string) && !name.is_empty() {
        values.insert("name".to_owned(), Value::from(name));
    }
    let mut draft = draft::from_json(values);
    let problem = if RESERVED_NAMES.contains(&name) {
        "is the name of an operation in the HTTP interface; choose another name"
    } else if store.get(name)?.is_some() {
        "a managed Source already has this name; choose another name"
    } else {
        let max = config.managed.max_sources;
        if store.names()?.len() >= max {
            return Err(ChangeError::TooMany { max });
        }
        return Ok(draft);
    };
    draft
        .problems
        .push(InvalidValue::text("name", name, problem));
    Ok(draft)
}

pub(super) fn is_in_file(name: &str, config: &Config) -> bool {
    let mut sources = config.sources.iter();
    sources.any(|source| source.name == name && !source.is_managed)
}
