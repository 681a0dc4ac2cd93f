//! A new generation next to the current one, prepared for a rebuild to fill.
//!
//! The new index takes over the names, ids and subdomains of the Sources. It reads from the current index
//! when each asset was first seen, and copies the records of disabled Sources. This module does not scan, and
//! does not make the generation current.

use std::path::{Path, PathBuf};

use super::IndexError;
use super::current::{LostRecords, PreviousIndex, open_previous_index};
use super::directory::DataDir;
use super::ledger::{CommitPolicy, Ledger};
use super::tantivy::TantivyEngine;
use crate::core::replication::checkpoint::Checkpoint;

/// A generation that a rebuild fills.
pub(crate) struct PreparedGeneration {
    /// Its folder, to publish once the rebuild is complete.
    pub path: PathBuf,
    /// Writes to it.
    pub ledger: Ledger<TantivyEngine>,
    /// The records of the current index that cannot be carried over.
    pub lost: LostRecords,
}

/// How to prepare a new generation.
pub(crate) struct PrepareOptions {
    /// Memory budget of the writer, in bytes.
    pub memory: usize,
    /// When changes are committed.
    pub policy: CommitPolicy,
    /// Whether to resume an unfinished rebuild, if it is readable and nothing that it would miss has
    /// entered the current index. Otherwise an unfinished rebuild is removed.
    pub resume: bool,
    /// How to handle a current index that is damaged or has another schema version.
    pub if_unusable: IfUnusable,
    /// Names of the disabled Sources. No scan fills them, so their records are copied.
    pub disabled: Vec<String>,
}

/// How to handle a current index that is damaged or has another schema version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IfUnusable {
    /// Fail. A running daemon writes to both indexes, so a Source must have the same id in both.
    Fail,
    /// Use what can be read. An index of another schema version is read as well. If the checkpoint is
    /// damaged, log a warning and begin without names, ids and subdomains.
    UseReadableParts,
}

/// Prepares the next generation. The caller holds the writer's lock.
///
/// Reads the whole current index, so it can take minutes. Blocks on file I/O.
///
/// # Errors
///
/// If the new folder cannot be written, or the current index cannot be read for a reason other than damage.
/// See [`IfUnusable`] for damage and other schema versions.
pub(crate) fn prepare_new_generation(
    data_dir: &DataDir,
    options: PrepareOptions,
) -> Result<PreparedGeneration, IndexError> {
    let path = data_dir.next_generation()?;
    let current = current_checkpoint(data_dir, options.if_unusable)?;
    let resume = options.resume && can_resume(&path, &current);
    let engine = open_unfinished(&path, options.memory, resume)?;
    let mut ledger = Ledger::new(engine, options.policy, false)?;
    ledger.inherit(current.bindings_only());
    let PreviousIndex { engine, lost } = open_previous_index(data_dir)?;
    if let Some(previous) = engine {
        ledger.set_previous_index(previous)?;
        for name in &options.disabled {
            ledger.copy_records(name)?;
        }
    }
    Ok(PreparedGeneration { path, ledger, lost })
}

/// The checkpoint of the current index. An empty one if there is no index.
fn current_checkpoint(
    data_dir: &DataDir,
    if_unusable: IfUnusable,
) -> Result<Checkpoint, IndexError> {
    let read = |current: Option<PathBuf>| match current {
        Some(current) => TantivyEngine::checkpoint_in(&current),
        None => Ok(Checkpoint::default()),
    };
    if if_unusable == IfUnusable::Fail {
        return data_dir.current().and_then(read);
    }
    match data_dir.current_of_any_schema().and_then(read) {
        Err(error) if error.is_damage() => {
            tracing::warn!(%error, "the current index is unreadable; rebuilding without its subdomain bindings");
            Ok(Checkpoint::default())
        }
        other => other,
    }
}

/// Whether an unfinished rebuild can be resumed: it is readable, and since it began the current index has
/// neither bound a subdomain nor taken in pages or events that the rebuild would miss.
fn can_resume(unfinished: &Path, current: &Checkpoint) -> bool {
    let unfinished = TantivyEngine::checkpoint_in(unfinished);
    unfinished.is_ok_and(|unfinished| {
        unfinished.contains_bindings_of(current) && !unfinished.is_outdated_by(current)
    })
}

/// Opens the unfinished rebuild in the folder if `resume` is set and it is not damaged. Otherwise removes
/// it and creates an empty index.
fn open_unfinished(path: &Path, memory: usize, resume: bool) -> Result<TantivyEngine, IndexError> {
    if resume {
        match TantivyEngine::open_or_create(path, memory) {
            Err(error @ IndexError::Damaged { .. }) => {
                tracing::warn!(%error, "the unfinished rebuild is damaged; starting again");
            }
            other => return other,
        }
    }
    if path.exists() {
        std::fs::remove_dir_all(path).map_err(IndexError::file("remove", path))?;
    }
    TantivyEngine::open_or_create(path, memory)
}
