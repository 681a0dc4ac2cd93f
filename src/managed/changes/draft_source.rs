//! Resolves a draft: the values of a Source that are to be tried out, and are not stored.
//!
//! A draft passes the same checks as a change. Its secrets are sealed with a key that only this process has.

use serde_json::Value;

use super::patch::{patched, remove_nulls};
use super::target::is_in_file;
use super::{ChangeError, SourceFile, SourceStore, Values, checked, for_each_secret, read};
use crate::config::Config;
use crate::core::source::Source;
use crate::managed::draft::{self, DraftSecrets, SourceDraft};
use crate::managed::{Actor, claims};
use crate::secrets;

/// A draft that passed the checks.
#[derive(Clone, Debug)]
pub(crate) struct DraftSource {
    /// The Source. Opening it works only in this process.
    pub source: Source,
    /// The stored Source that the draft changes, if there is one.
    pub changes: Option<ChangedPlaces>,
    /// Whether the draft has a name. Otherwise the one in `source` is made up.
    pub has_name: bool,
    /// Whether the draft has a subdomain. Otherwise the one in `source` is made up.
    pub has_subdomain: bool,
}

/// What a draft changes about how a stored Source is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChangedPlaces {
    /// The bucket, its store or the credentials for it.
    pub bucket: bool,
    /// The queue or the credentials of its own.
    pub queue: bool,
}

/// Resolves a draft. If a managed Source has the name in `values`, they change this Source as a patch does. Otherwise
/// they are a new Source, whose name and subdomain may be missing. Problems name only Sources that the actor can see.
pub(crate) fn draft_source<S: SourceStore>(
    store: &S,
    values: Values,
    config: &Config,
    actor: &Actor,
) -> Result<DraftSource, ChangeError> {
    let mut values = values.take();
    if values.get("name").is_some_and(Value::is_null) {
        values.remove("name");
    }
    let name = values
        .get("name")
        .and_then(Value::as_str)
        .map(str::to_owned);
    if let Some(name) = &name {
        if is_in_file(name, config) {
            return Err(ChangeError::ManagedByFile { name: name.clone() });
        }
        if store.get(name)?.is_some() {
            let old = read(store, name, None)?;
            return resolve(&patched(&old, values), Some(&old), config, actor);
        }
    }
    let [has_name, has_subdomain] = ["name", "subdomain"].map(|key| {
        let has_value = values.get(key).is_some_and(|value| !value.is_null());
        if !has_value {
            values.insert(key.to_owned(), placeholder().into());
        }
        has_value
    });
    remove_nulls(&mut values);
    let resolved = resolve(&draft::from_json(values), None, config, actor)?;
    Ok(DraftSource {
        has_name,
        has_subdomain,
        ..resolved
    })
}

impl DraftSource {
    /// Whether the address of an asset is known.
    pub(crate) fn has_address(&self) -> bool {
        self.has_subdomain || self.source.has_custom_base_url()
    }
}

/// A name that no Source has.
fn placeholder() -> String {
    format!("draft-{:016x}", fastrand::u64(..))
}

fn resolve(
    draft: &SourceDraft,
    old: Option<&SourceFile>,
    config: &Config,
    actor: &Actor,
) -> Result<DraftSource, ChangeError> {
    let changes = old.map(|old| changed_places(old, &draft.file, &draft.secrets));
    let taken = claims::taken_queue(&draft.file, old, config, actor);
    let mut file = draft.file.clone();
    let name = file.name.clone().unwrap_or_default();
    for_each_secret(&mut file, &draft.secrets, |field, secret| {
        secrets::seal_in_memory(&name, field, secret).map_err(|_| ChangeError::Seal)
    })?;
    let taken = taken.into_iter().collect();
    Ok(DraftSource {
        source: checked(file, draft, old, config, actor, taken)?,
        changes,
        has_name: true,
        has_subdomain: true,
    })
}

fn changed_places(old: &SourceFile, new: &SourceFile, secrets: &DraftSecrets) -> ChangedPlaces {
    let bucket = |file: &SourceFile| {
        let store = (
            file.endpoint_url.clone(),
            file.path_style,
            file.region.clone(),
        );
        (file.bucket.clone(), store, file.credentials.clone())
    };
    ChangedPlaces {
        bucket: secrets.bucket.is_some() || bucket(old) != bucket(new),
        queue: secrets.queue.is_some() || old.events != new.events,
    }
}
