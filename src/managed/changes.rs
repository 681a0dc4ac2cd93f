//! Checks a change of a managed Source, seals its secrets, and writes it with an entry in the history.
//!
//! A change that is refused writes nothing. The caller decides who may make it, and lets the daemon read the
//! configuration again.

mod change;
mod changed_fields;
mod check;
mod draft_source;
mod error;
mod kept_secret;
mod new_secrets;
mod patch;
mod target;

use jiff::Timestamp;

use super::actor::Actor;
use super::claims::{self, CheckBinding};
use super::draft::SourceDraft;
use super::history::{Action, HistoryEntry};
use super::store::{SourceStore, StoredSource, Version};
use crate::config::Config;
use crate::config::file::SourceFile;
use crate::core::source::Source;
use crate::secrets::{self, KeyRing};

use changed_fields::{action, changed_fields};
use check::{checked, with_texts_for_secrets};
use new_secrets::for_each_secret;
use target::{Target, target};

pub(crate) use change::{AppliedChange, Change, Values, WrittenChange};
pub(crate) use check::problems_of_new;
pub(crate) use draft_source::{DraftSource, draft_source};
pub(crate) use error::ChangeError;
pub(super) use new_secrets::{BUCKET_SECRET, QUEUE_SECRET};

/// The first lines of the file of a managed Source.
const HEAD: &str =
    "# A managed Source of asset-indexer. After a change by hand, reload the daemon.\n";

/// What a change depends on besides the store.
pub(crate) struct ChangeContext<'a> {
    /// Reads the configuration with all other Sources. It is called while the store is locked: otherwise two changes
    /// at once, or a file that was edited meanwhile, could lead to a configuration that cannot be loaded.
    pub load: &'a dyn Fn() -> Result<Config, String>,
    /// Checks whether the index has bound a subdomain to another Source.
    pub check_binding: &'a CheckBinding<'a>,
    /// Who makes the change.
    pub actor: &'a Actor,
    /// When.
    pub now: Timestamp,
}

/// Applies a change to the Source `name`. When it returns, the change is durable.
pub(crate) fn apply<S: SourceStore>(
    store: &S,
    name: &str,
    change: Change,
    context: &ChangeContext<'_>,
) -> Result<WrittenChange, ChangeError> {
    let lock = store.lock()?;
    let config = (context.load)().map_err(ChangeError::Configuration)?;
    let planned = plan(store, name, change, &config, context)?;
    if planned.changes_nothing() {
        // Do not even write the same values again: a file that was edited by hand keeps its comments.
        let version = store.get(name)?.map(|stored| stored.version);
        return Ok(planned.written(version));
    }
    let entry = HistoryEntry {
        time: context.now,
        actor: context.actor.name.clone(),
        action: planned.action,
        fields: planned.fields.clone(),
    };
    // First the history: a change without an entry must not exist.
    store.record(name, &entry, &lock)?;
    let version = match &planned.text {
        Some(text) => Some(store.put(name, text, &lock)?),
        None => {
            store.remove(name, &lock)?;
            None
        }
    };
    Ok(planned.written(version))
}

/// What to write.
struct PlannedChange {
    action: Action,
    fields: Vec<String>,
    /// The new text. `None` removes the Source.
    text: Option<String>,
    /// The new Source, without its new secrets.
    source: Option<Source>,
}

impl PlannedChange {
    fn changes_nothing(&self) -> bool {
        self.action == Action::Update && self.fields.is_empty()
    }

    fn written(self, version: Option<Version>) -> WrittenChange {
        WrittenChange {
            applied: AppliedChange {
                action: self.action,
                fields: self.fields,
                version,
            },
            source: self.source,
        }
    }
}

/// Checks a change without making it. It seals no secret and writes nothing.
pub(crate) fn check<S: SourceStore>(
    store: &S,
    name: &str,
    change: Change,
    context: &ChangeContext<'_>,
) -> Result<(), ChangeError> {
    let config = (context.load)().map_err(ChangeError::Configuration)?;
    match target(store, name, change, &config)? {
        Some(Target { draft, old }) => {
            check_draft(&draft, old.as_ref(), &config, context).map(drop)
        }
        None => Ok(()),
    }
}

fn check_draft(
    draft: &SourceDraft,
    old: Option<&SourceFile>,
    config: &Config,
    context: &ChangeContext<'_>,
) -> Result<Source, ChangeError> {
    let taken = claims::taken_values(
        &draft.file,
        old,
        config,
        context.actor,
        context.check_binding,
    );
    let file = with_texts_for_secrets(draft)?;
    checked(file, draft, old, config, context.actor, taken)
}

fn plan<S: SourceStore>(
    store: &S,
    name: &str,
    change: Change,
    config: &Config,
    context: &ChangeContext<'_>,
) -> Result<PlannedChange, ChangeError> {
    match target(store, name, change, config)? {
        Some(Target { draft, old }) => {
            // Check before sealing, which can create a key.
            let source = check_draft(&draft, old.as_ref(), config, context)?;
            let planned = seal(draft, old.as_ref(), config)?;
            Ok(PlannedChange {
                source: Some(source),
                ..planned
            })
        }
        None => Ok(PlannedChange {
            action: Action::Remove,
            fields: Vec::new(),
            text: None,
            source: None,
        }),
    }
}

/// The stored Source, if it has the expected version.
fn require<S: SourceStore>(
    store: &S,
    name: &str,
    if_version: Option<Version>,
) -> Result<StoredSource, ChangeError> {
    let name = || name.to_owned();
    let stored = store.get(&name())?;
    let stored = stored.ok_or_else(|| ChangeError::NotFound { name: name() })?;
    match if_version {
        Some(expected) if expected != stored.version => Err(ChangeError::Conflict { name: name() }),
        _ => Ok(stored),
    }
}

/// The same, parsed.
pub(super) fn read<S: SourceStore>(
    store: &S,
    name: &str,
    if_version: Option<Version>,
) -> Result<SourceFile, ChangeError> {
    let stored = require(store, name, if_version)?;
    parse(&stored.text).map_err(|problem| ChangeError::Damaged {
        name: name.to_owned(),
        problem,
    })
}

/// Parses the text of a stored Source. The error shows no line of the file.
pub(crate) fn parse(text: &str) -> Result<SourceFile, String> {
    toml::from_str(text).map_err(|error| error.message().to_owned())
}

/// Seals the secrets of a valid draft, and returns what to write.
fn seal(
    draft: SourceDraft,
    old: Option<&SourceFile>,
    config: &Config,
) -> Result<PlannedChange, ChangeError> {
    let SourceDraft {
        mut file, secrets, ..
    } = draft;
    let source = file.name.clone().unwrap_or_default();
    let mut keys: Option<KeyRing> = None;
    for_each_secret(&mut file, &secrets, |field, secret| {
        let keys = match &mut keys {
            Some(keys) => keys,
            none => none.insert(secrets::keys_for_sealing(&config.keys)?.0),
        };
        secrets::seal(keys, &source, field, secret).map_err(|_| ChangeError::Seal)
    })?;
    let fields = changed_fields(old, &file);
    Ok(PlannedChange {
        action: action(old, &file, &fields),
        fields,
        text: Some(text_of(&file)),
        source: None,
    })
}

/// The text that stores a Source.
pub(super) fn text_of(file: &SourceFile) -> String {
    let text = toml::to_string_pretty(file);
    let text = text.expect("a Source has only strings, numbers, switches and lists");
    format!("{HEAD}{text}")
}

#[cfg(test)]
mod tests;
