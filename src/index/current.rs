//! The live index of a data directory, opened for reading, for writing, or to be succeeded.
//!
//! Which generation is the live one is `directory`'s to say, and what is in it tantivy's.

use std::path::{Path, PathBuf};

use super::IndexError;
use super::directory::{DataDir, WriterLock};
use super::tantivy::TantivyEngine;
use super::tantivy::audit::{AuditReport, OnProgress, audit};

/// Rebuilds that may take the index's place while it is opened.
const MAX_SWAPS: usize = 5;

/// Opens the live index for writing, making the first generation where there is none.
///
/// `memory` is the writer's budget in bytes.
pub fn open_or_create_current(
    data_dir: &DataDir,
    lock: &WriterLock,
    memory: usize,
) -> Result<TantivyEngine, IndexError> {
    if data_dir.current()?.is_none() {
        choose_current(data_dir, lock)?;
    }
    if let Some(live) = data_dir.current()? {
        return TantivyEngine::open(&live, memory);
    }
    let first = data_dir.next_generation()?;
    let engine = TantivyEngine::open_or_create(&first, memory)?;
    data_dir.publish(&first)?;
    Ok(engine)
}

/// Makes that index the live one which has most Sources complete, the newest of several, where it is not known
/// any more which is: without it, nothing would tell since when assets have been there. What it lacks the
/// scans find that are due.
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
    // The last of those that are equal is the newest.
    let most = counted.max_by_key(|(complete, _)| *complete);
    let Some((_, generation)) = most.filter(|(complete, _)| *complete > 0) else {
        return Ok(());
    };
    tracing::warn!(
        generation = %generation.display(),
        "the file CURRENT, which names the live index, is lost; the one that has most is taken for it"
    );
    data_dir.publish(&generation)
}

/// The live index, of whatever schema version, for a rebuild to succeed; `None` where there is none, or
/// where it is damaged as a whole, which is only warned of. What is damaged of it is left out.
///
/// It reads the index whole, and so takes its time. An index that may be sound and cannot be read is an error:
/// the rebuild would remove the only place that has since when assets are there.
pub fn open_previous_index(data_dir: &DataDir) -> Result<Option<TantivyEngine>, IndexError> {
    let live = data_dir.current_of_any_schema().transpose();
    let opened = live.map(|live| TantivyEngine::open_undamaged_segments(&live?));
    match opened.transpose() {
        Ok(None) => Ok(None),
        Ok(Some((engine, lost))) => {
            if lost > 0 {
                tracing::warn!(
                    documents = lost,
                    "a part of the index before is damaged; the assets that only it has count as new"
                );
            }
            Ok(Some(engine))
        }
        Err(error) if error.is_damage() => {
            tracing::warn!(%error, "the index before is damaged; all assets count as new");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The live index as one commit left it, opened for reading.
pub struct CurrentIndex {
    generation: PathBuf,
    /// The commit.
    pub engine: TantivyEngine,
}

/// What a look at the data directory finds.
pub enum NewestCommit {
    /// There is no index yet.
    NoIndex,
    /// The commit that is known already is the newest.
    Unchanged,
    /// Another commit, perhaps of another generation.
    Changed(Box<CurrentIndex>),
}

/// Reads the live generation, and the one that has taken its place where a rebuild comes in between: one that
/// has been replaced may have lost files while they were read. `current` tells which is live, `is_whole` whether
/// what was read is good enough not to look again. `None` where there is no index yet.
fn through_swaps<T>(
    current: impl Fn() -> Result<Option<PathBuf>, IndexError>,
    read: impl Fn(&Path) -> Result<T, IndexError>,
    is_whole: impl Fn(&T) -> bool,
) -> Result<Option<(PathBuf, T)>, IndexError> {
    let mut swaps = 0;
    let mut live = current()?;
    while let Some(generation) = live {
        let answer = read(&generation);
        if answer.as_ref().is_ok_and(&is_whole) {
            return answer.map(|read| Some((generation, read)));
        }
        live = current()?;
        if live.as_ref() == Some(&generation) || swaps == MAX_SWAPS {
            return answer.map(|read| Some((generation, read)));
        }
        swaps += 1;
    }
    Ok(None)
}

/// Looks for the newest commit of the live index, and opens it if it is not the `known` one.
///
/// A rebuild that takes the live one's place meanwhile is followed.
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
    let opened = through_swaps(|| data_dir.current(), open, |_| true)?;
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

/// Audits the live index, whatever writes it; `None` where there is no index yet.
pub fn audit_current(
    data_dir: &DataDir,
    on_progress: OnProgress<'_>,
) -> Result<Option<(PathBuf, AuditReport)>, IndexError> {
    let audit_of = |generation: &Path| audit(generation, on_progress);
    through_swaps(|| data_dir.current(), audit_of, AuditReport::is_sound)
}

/// Reads the live index, of whatever schema version, and the one that has taken its place where a rebuild
/// comes in between; that there is none is an error.
pub fn read_current<T>(
    data_dir: &DataDir,
    read: impl Fn(&Path) -> Result<T, IndexError>,
) -> Result<T, IndexError> {
    match through_swaps(|| data_dir.current_of_any_schema(), read, |_| true)? {
        Some((_, read)) => Ok(read),
        None => Err(IndexError::Absent {
            data_dir: data_dir.path().to_owned(),
        }),
    }
}

/// Opens the live index for reading; `None` where there is no index yet.
pub fn open_current(data_dir: &DataDir) -> Result<Option<TantivyEngine>, IndexError> {
    match newest_commit(data_dir, None)? {
        NewestCommit::Changed(live) => Ok(Some(live.engine)),
        NewestCommit::NoIndex | NewestCommit::Unchanged => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::tantivy::MIN_WRITER_MEMORY;

    #[test]
    fn a_damaged_index_holds_up_no_rebuild() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::new(folder.path(), 2);
        let there = || open_previous_index(&data_dir).unwrap().is_some();
        assert!(!there());
        let generation = folder.path().join("assets-v1-000001");
        TantivyEngine::open_or_create(&generation, MIN_WRITER_MEMORY).unwrap();
        data_dir.publish(&generation).unwrap();
        assert!(there(), "of another version");
        let meta = std::fs::read(generation.join("meta.json")).unwrap();
        std::fs::write(generation.join("meta.json"), "{").unwrap();
        assert!(!there());
        std::fs::remove_dir_all(&generation).unwrap();
        assert!(!there());
        std::fs::write(&generation, meta).unwrap();
        assert!(!there(), "a file in its place");
    }

    #[test]
    fn an_index_that_is_replaced_while_it_is_read_gives_way_to_the_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::new(folder.path(), 1);
        let replace = |live: &Path| {
            let next = data_dir.next_generation().unwrap();
            std::fs::create_dir(&next).unwrap();
            data_dir.publish(&next).unwrap();
            IndexError::Damaged {
                what: live.display().to_string(),
            }
        };
        let read = |live: &Path| {
            if live.ends_with("assets-v1-000003") {
                Ok("read")
            } else {
                Err(replace(live))
            }
        };
        let absent = read_current(&data_dir, read).unwrap_err();
        assert!(matches!(absent, IndexError::Absent { .. }), "{absent}");
        replace(Path::new(""));
        assert_eq!(read_current(&data_dir, read).unwrap(), "read");
        let gone = |_: &Path| Err::<(), _>(IndexError::WriterGone);
        assert!(
            read_current(&data_dir, gone).is_err(),
            "nothing replaces it"
        );
        assert!(read_current::<()>(&data_dir, |live| Err(replace(live))).is_err());
    }

    #[test]
    fn an_index_that_may_be_sound_and_cannot_be_read_is_not_succeeded() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::new(folder.path(), 1);
        let generation = folder.path().join("assets-v1-000001");
        TantivyEngine::open_or_create(&generation, MIN_WRITER_MEMORY).unwrap();
        data_dir.publish(&generation).unwrap();
        // What even root cannot read: a loop of links.
        let meta = generation.join("meta.json");
        std::fs::remove_file(&meta).unwrap();
        std::os::unix::fs::symlink(&meta, &meta).unwrap();
        let error = open_previous_index(&data_dir)
            .err()
            .expect("it is no damage");
        assert!(error.to_string().contains("meta.json"), "{error}");
    }
}
