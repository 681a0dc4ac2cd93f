//! The current index of a data directory: opens it to read it, to write it, or to rebuild it.
//!
//! If a rebuild replaces the index while it is being opened or read, the functions here switch to the new
//! index. If the file CURRENT is lost, readers use the generation that they know or the most complete one, and the
//! next writer writes the file again. The module `directory` knows which generation is current, and the engine knows
//! what is in it.

use std::path::{Path, PathBuf};

use super::IndexError;
use super::directory::{DataDir, WriterLock};
use super::tantivy::TantivyEngine;
use super::tantivy::audit::{AuditReport, OnProgress, audit};

/// Maximum number of times that a rebuild may replace the index while it is being read.
const MAX_SWAPS: usize = 5;

/// Opens the current index for writing. Creates the first generation if there is no index.
///
/// If the file CURRENT is lost, chooses a generation first: see [`choose_current`]. `memory` is the writer's
/// budget in bytes.
pub fn open_or_create_current(
    data_dir: &DataDir,
    lock: &WriterLock,
    memory: usize,
) -> Result<TantivyEngine, IndexError> {
    if data_dir.current()?.is_none() {
        choose_current(data_dir, lock)?;
    }
    if let Some(current) = data_dir.current()? {
        return TantivyEngine::open(&current, memory);
    }
    let first = data_dir.next_generation()?;
    let engine = TantivyEngine::open_or_create(&first, memory)?;
    data_dir.publish(&first)?;
    Ok(engine)
}

/// Picks the generation that has completed scans of the most Sources, and makes it current. If several have
/// the same number, picks the newest. Call it if the file CURRENT is lost or damaged.
///
/// A new index would not know when each asset was first seen. If the chosen generation lacks assets, the
/// scans that are due add them. If no generation has completed a scan of any Source, nothing changes.
pub fn choose_current(data_dir: &DataDir, _lock: &WriterLock) -> Result<(), IndexError> {
    let Some(generation) = most_complete(data_dir)? else {
        return Ok(());
    };
    tracing::warn!(
        generation = %generation.display(),
        "the file CURRENT, which names the current index, is lost; using the most complete index"
    );
    data_dir.publish(&generation)
}

/// The generation of this schema version that has completed scans of the most Sources, the newest of several. `None` if
/// none has completed a scan.
fn most_complete(data_dir: &DataDir) -> Result<Option<PathBuf>, IndexError> {
    let complete = |generation: &PathBuf| match TantivyEngine::checkpoint_in(generation) {
        Ok(checkpoint) => {
            let sources = checkpoint.sources.iter();
            sources
                .filter(|state| state.complete_as_of.is_some())
                .count()
        }
        Err(_) => 0,
    };
    let generations = data_dir.generations_of_this_schema()?.into_iter();
    let counted = generations.map(|generation| (complete(&generation), generation));
    // The generations ascend by number, so the last of several maxima is the newest.
    let most = counted.max_by_key(|(complete, _)| *complete);
    let most = most.filter(|(complete, _)| *complete > 0);
    Ok(most.map(|(_, generation)| generation))
}

/// The current generation for readers. If CURRENT is lost or damaged, it is the generation that they know. If it is lost
/// and they know none, it is the most complete one.
fn or_most_complete(
    data_dir: &DataDir,
    current: Result<Option<PathBuf>, IndexError>,
    known: Option<&CurrentIndex>,
) -> Result<Option<PathBuf>, IndexError> {
    let known = known.filter(|known| known.generation.exists());
    match (&current, known) {
        (Ok(None) | Err(IndexError::Damaged { .. }), Some(known)) => {
            Ok(Some(known.generation.clone()))
        }
        (Ok(None), None) if data_dir.path().exists() => most_complete(data_dir),
        _ => current,
    }
}

/// The index that a rebuild takes data from.
pub struct PreviousIndex {
    /// Reads its records. `None` if there is no index, or if none of it can be read.
    pub engine: Option<TantivyEngine>,
    /// The records that cannot be carried over.
    pub lost: LostRecords,
}

/// The records of the previous index that a rebuild cannot carry over, because they cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LostRecords {
    /// This many, tombstones included.
    Counted(u64),
    /// All.
    All,
}

impl LostRecords {
    /// Nothing is lost.
    pub const NONE: Self = Self::Counted(0);
}

/// Opens the current index, of any schema version, so that a rebuild can take data from it. Leaves out
/// the segments whose records cannot be read.
///
/// Damage is logged as a warning. Reads the columns of the whole index, so it can take minutes.
///
/// # Errors
///
/// If the index cannot be read for a reason other than damage. The index may then be intact, and a rebuild
/// without its data would lose when each asset was first seen.
pub fn open_previous_index(data_dir: &DataDir) -> Result<PreviousIndex, IndexError> {
    let current = data_dir.current_of_any_schema().transpose();
    let opened = current.map(|current| TantivyEngine::open_readable_records(&current?));
    let (engine, lost) = match opened.transpose() {
        Ok(None) => (None, LostRecords::NONE),
        Ok(Some((engine, lost))) => {
            if lost > 0 {
                tracing::warn!(
                    documents = lost,
                    "a part of the previous index is damaged; the assets in it count as new"
                );
            }
            (Some(engine), LostRecords::Counted(lost))
        }
        Err(error) if error.is_damage() => {
            tracing::warn!(%error, "the previous index is damaged; all assets count as new");
            (None, LostRecords::All)
        }
        Err(error) => return Err(error),
    };
    Ok(PreviousIndex { engine, lost })
}

/// One commit of the current index, opened for reading.
pub struct CurrentIndex {
    generation: PathBuf,
    /// Reads the commit.
    pub engine: TantivyEngine,
}

/// The newest commit in a data directory, compared with the one that the caller already has.
pub enum NewestCommit {
    /// There is no index yet.
    NoIndex,
    /// The known commit is still the newest.
    Unchanged,
    /// There is another commit, possibly in another generation.
    Changed(Box<CurrentIndex>),
}

/// Reads the current generation. If a rebuild has replaced it meanwhile, reads the new one, up to
/// [`MAX_SWAPS`] times: files of a replaced generation may be removed while they are read.
///
/// `current` returns the current generation. A result that `is_whole` accepts is returned immediately. After
/// any other result or an error, the current generation is determined again. Returns `None` if there is no
/// index yet.
fn read_following_swaps<T>(
    current: impl Fn() -> Result<Option<PathBuf>, IndexError>,
    read: impl Fn(&Path) -> Result<T, IndexError>,
    is_whole: impl Fn(&T) -> bool,
) -> Result<Option<(PathBuf, T)>, IndexError> {
    let mut swaps = 0;
    let mut next = current()?;
    while let Some(generation) = next {
        let answer = read(&generation);
        if answer.as_ref().is_ok_and(&is_whole) {
            return answer.map(|read| Some((generation, read)));
        }
        next = current()?;
        if next.as_ref() == Some(&generation) || swaps == MAX_SWAPS {
            return answer.map(|read| Some((generation, read)));
        }
        swaps += 1;
    }
    Ok(None)
}

/// Opens the newest commit of the current index, unless it is the `known` one.
pub fn newest_commit(
    data_dir: &DataDir,
    known: Option<&CurrentIndex>,
) -> Result<NewestCommit, IndexError> {
    let open = |generation: &Path| {
        open_newest(
            generation,
            known.filter(|known| known.generation == generation),
        )
    };
    let current = || or_most_complete(data_dir, data_dir.current(), known);
    let opened = read_following_swaps(current, open, |_| true)?;
    Ok(match opened {
        None => NewestCommit::NoIndex,
        Some((_, None)) => NewestCommit::Unchanged,
        Some((generation, Some(engine))) => {
            NewestCommit::Changed(Box::new(CurrentIndex { generation, engine }))
        }
    })
}

fn open_newest(
    generation: &Path,
    known: Option<&CurrentIndex>,
) -> Result<Option<TantivyEngine>, IndexError> {
    match known {
        Some(known) => known.engine.newer(),
        None => TantivyEngine::open_read_only(generation).map(Some),
    }
}

/// Audits the current index, even while another process writes it. Returns `None` if there is no index yet.
pub fn audit_current(
    data_dir: &DataDir,
    on_progress: OnProgress<'_>,
) -> Result<Option<(PathBuf, AuditReport)>, IndexError> {
    let audit_of = |generation: &Path| audit(generation, on_progress);
    let current = || or_most_complete(data_dir, data_dir.current(), None);
    read_following_swaps(current, audit_of, AuditReport::is_sound)
}

/// Reads the current index, of any schema version, by calling `read` with its folder.
///
/// # Errors
///
/// The error of `read`, or [`IndexError::Absent`] if there is no index.
pub fn read_current<T>(
    data_dir: &DataDir,
    read: impl Fn(&Path) -> Result<T, IndexError>,
) -> Result<T, IndexError> {
    let current = || or_most_complete(data_dir, data_dir.current_of_any_schema(), None);
    match read_following_swaps(current, read, |_| true)? {
        Some((_, read)) => Ok(read),
        None => Err(IndexError::Absent {
            data_dir: data_dir.path().to_owned(),
        }),
    }
}

/// Opens the current index for reading. Returns `None` if there is no index yet.
pub fn open_current(data_dir: &DataDir) -> Result<Option<TantivyEngine>, IndexError> {
    match newest_commit(data_dir, None)? {
        NewestCommit::Changed(current) => Ok(Some(current.engine)),
        NewestCommit::NoIndex | NewestCommit::Unchanged => Ok(None),
    }
}

#[cfg(test)]
mod tests;
