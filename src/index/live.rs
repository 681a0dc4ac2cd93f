//! The live index of a data directory, opened for reading, for writing, or to be succeeded.
//!
//! Which generation is the live one is `directory`'s to say, and what is in it tantivy's.

use std::path::{Path, PathBuf};

use super::IndexError;
use super::directory::{DataDir, WriterLock};
use super::tantivy::TantivyEngine;
use super::tantivy::audit::{Audit, Watcher, audit};

/// Rebuilds that may take the index's place while it is opened.
const MAX_SWAPS: usize = 5;

/// Opens the live index for writing, making the first generation where there is none.
///
/// `memory` is the writer's budget in bytes.
pub fn open_or_create_live(
    data_dir: &DataDir,
    _lock: &WriterLock,
    memory: usize,
) -> Result<TantivyEngine, IndexError> {
    if let Some(live) = data_dir.current()? {
        return TantivyEngine::open(&live, memory);
    }
    let first = data_dir.next()?;
    let engine = TantivyEngine::open_or_create(&first, memory)?;
    data_dir.publish(&first)?;
    Ok(engine)
}

/// The live index, of whatever schema version, for a rebuild to succeed; `None` where there is none, or
/// where it cannot be read, which is only warned of. What is damaged of it is left out.
///
/// It reads the index whole, and so takes its time.
pub fn open_predecessor(data_dir: &DataDir) -> Option<TantivyEngine> {
    let live = data_dir.current_of_any_schema().transpose()?;
    let opened = live.and_then(|live| TantivyEngine::open_what_is_whole(&live));
    let (engine, lost) = opened
        .inspect_err(|error| {
            tracing::warn!(%error, "the index before cannot be read; all assets count as new");
        })
        .ok()?;
    if lost > 0 {
        tracing::warn!(
            documents = lost,
            "a part of the index before is damaged; the assets that only it has count as new"
        );
    }
    Some(engine)
}

/// The live index as one commit left it, opened for reading.
pub struct Live {
    generation: PathBuf,
    /// The commit.
    pub engine: TantivyEngine,
}

/// What a look at the data directory finds.
pub enum Newest {
    /// There is no index yet.
    Absent,
    /// The commit that is known already is the newest.
    Known,
    /// Another commit, perhaps of another generation.
    Other(Box<Live>),
}

/// Looks for the newest commit of the live index, and opens it if it is not the `known` one.
///
/// A rebuild that takes the live one's place meanwhile is followed.
pub fn newest(data_dir: &DataDir, known: Option<&Live>) -> Result<Newest, IndexError> {
    let mut swaps = 0;
    let mut live = data_dir.current()?;
    loop {
        let Some(generation) = live else {
            return Ok(Newest::Absent);
        };
        let known = known.filter(|known| known.generation == generation);
        let error = match open_newest(&generation, known) {
            Ok(Some(engine)) => return Ok(Newest::Other(Box::new(Live { generation, engine }))),
            Ok(None) => return Ok(Newest::Known),
            Err(error) => error,
        };
        // One that has been replaced may have lost files while they were opened.
        live = data_dir.current()?;
        swaps += 1;
        if live.as_ref() == Some(&generation) || swaps > MAX_SWAPS {
            return Err(error);
        }
    }
}

fn open_newest(
    generation: &Path,
    known: Option<&Live>,
) -> Result<Option<TantivyEngine>, IndexError> {
    match known {
        Some(known) => known.engine.newer(),
        None => TantivyEngine::open_read_only(generation).map(Some),
    }
}

/// Audits the live index, whatever writes it; `None` where there is no index yet.
pub fn audit_live(
    data_dir: &DataDir,
    watcher: Watcher<'_>,
) -> Result<Option<(PathBuf, Audit)>, IndexError> {
    let Some(mut live) = data_dir.current()? else {
        return Ok(None);
    };
    let mut audited = audit(&live, watcher);
    for _ in 0..MAX_SWAPS {
        // One that has been replaced may have lost its files before they were held.
        let now = data_dir.current()?;
        match now.filter(|now| audited.is_err() && *now != live) {
            Some(now) => live = now,
            None => break,
        }
        audited = audit(&live, watcher);
    }
    Ok(Some((live, audited?)))
}

/// Opens the live index for reading; `None` where there is no index yet.
pub fn open_live(data_dir: &DataDir) -> Result<Option<TantivyEngine>, IndexError> {
    match newest(data_dir, None)? {
        Newest::Other(live) => Ok(Some(live.engine)),
        Newest::Absent | Newest::Known => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::tantivy::MIN_WRITER_MEMORY;

    #[test]
    fn an_index_that_cannot_be_read_has_no_successor_that_fails() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::new(folder.path(), 2);
        assert!(open_predecessor(&data_dir).is_none());
        let generation = folder.path().join("assets-v1-000001");
        TantivyEngine::open_or_create(&generation, MIN_WRITER_MEMORY).unwrap();
        data_dir.publish(&generation).unwrap();
        assert!(open_predecessor(&data_dir).is_some(), "of another version");
        std::fs::write(generation.join("meta.json"), "{").unwrap();
        assert!(open_predecessor(&data_dir).is_none());
        std::fs::remove_dir_all(generation).unwrap();
        assert!(open_predecessor(&data_dir).is_none());
    }
}
