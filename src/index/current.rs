//! The current index of a data directory: opens it to read it, to write it, or to rebuild it.
//!
//! If a rebuild replaces the index while it is being opened or read, the functions here switch to the new
//! index. The module `directory` knows which generation is current, and the engine knows what is in it.

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
    let Some((_, generation)) = most.filter(|(complete, _)| *complete > 0) else {
        return Ok(());
    };
    tracing::warn!(
        generation = %generation.display(),
        "the file CURRENT, which names the current index, is lost; using the most complete index"
    );
    data_dir.publish(&generation)
}

/// Opens the current index, of any schema version, so that a rebuild can take data from it. Leaves out
/// damaged parts.
///
/// Returns `None` if there is no index, or if all of it is damaged. Damage is logged as a warning. Reads the
/// whole index, so it can take minutes.
///
/// # Errors
///
/// If the index cannot be read for a reason other than damage. The index may then be intact, and a rebuild
/// without its data would lose when each asset was first seen.
pub fn open_previous_index(data_dir: &DataDir) -> Result<Option<TantivyEngine>, IndexError> {
    let current = data_dir.current_of_any_schema().transpose();
    let opened = current.map(|current| TantivyEngine::open_undamaged_segments(&current?));
    match opened.transpose() {
        Ok(None) => Ok(None),
        Ok(Some((engine, lost))) => {
            if lost > 0 {
                tracing::warn!(
                    documents = lost,
                    "a part of the previous index is damaged; the assets in it count as new"
                );
            }
            Ok(Some(engine))
        }
        Err(error) if error.is_damage() => {
            tracing::warn!(%error, "the previous index is damaged; all assets count as new");
            Ok(None)
        }
        Err(error) => Err(error),
    }
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
    let opened = read_following_swaps(|| data_dir.current(), open, |_| true)?;
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
    read_following_swaps(|| data_dir.current(), audit_of, AuditReport::is_sound)
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
    match read_following_swaps(|| data_dir.current_of_any_schema(), read, |_| true)? {
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
mod tests {
    use super::*;
    use crate::index::tantivy::MIN_WRITER_MEMORY;

    #[test]
    fn previous_index_that_is_damaged_is_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::new(folder.path(), 2);
        let is_found = || open_previous_index(&data_dir).unwrap().is_some();
        assert!(!is_found());
        let generation = folder.path().join("assets-v1-000001");
        TantivyEngine::open_or_create(&generation, MIN_WRITER_MEMORY).unwrap();
        data_dir.publish(&generation).unwrap();
        assert!(is_found(), "an index of another schema version");
        let meta = std::fs::read(generation.join("meta.json")).unwrap();
        std::fs::write(generation.join("meta.json"), "{").unwrap();
        assert!(!is_found());
        std::fs::remove_dir_all(&generation).unwrap();
        assert!(!is_found());
        std::fs::write(&generation, meta).unwrap();
        assert!(!is_found(), "a file in place of the folder");
    }

    #[test]
    fn read_current_follows_a_rebuild() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::new(folder.path(), 1);
        let replace = |current: &Path| {
            let next = data_dir.next_generation().unwrap();
            std::fs::create_dir(&next).unwrap();
            data_dir.publish(&next).unwrap();
            IndexError::Damaged {
                what: current.display().to_string(),
            }
        };
        let read = |current: &Path| {
            if current.ends_with("assets-v1-000003") {
                Ok("read")
            } else {
                Err(replace(current))
            }
        };
        let absent = read_current(&data_dir, read).unwrap_err();
        assert!(matches!(absent, IndexError::Absent { .. }), "{absent}");
        replace(Path::new(""));
        assert_eq!(read_current(&data_dir, read).unwrap(), "read");
        let gone = |_: &Path| Err::<(), _>(IndexError::WriterGone);
        assert!(
            read_current(&data_dir, gone).is_err(),
            "no rebuild replaces it"
        );
        assert!(read_current::<()>(&data_dir, |current| Err(replace(current))).is_err());
    }

    #[test]
    fn previous_index_that_is_unreadable_but_not_damaged_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::new(folder.path(), 1);
        let generation = folder.path().join("assets-v1-000001");
        TantivyEngine::open_or_create(&generation, MIN_WRITER_MEMORY).unwrap();
        data_dir.publish(&generation).unwrap();
        // Even root cannot read a symbolic link that points to itself.
        let meta = generation.join("meta.json");
        std::fs::remove_file(&meta).unwrap();
        std::os::unix::fs::symlink(&meta, &meta).unwrap();
        let error = open_previous_index(&data_dir)
            .err()
            .expect("it is not damaged");
        assert!(error.to_string().contains("meta.json"), "{error}");
    }
}
