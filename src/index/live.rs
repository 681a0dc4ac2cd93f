//! The live index of a data directory, opened for reading or for writing.
//!
//! Which generation is the live one is `directory`'s to say, and what is in it tantivy's.

use super::IndexError;
use super::directory::{DataDir, WriterLock};
use super::tantivy::TantivyEngine;

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

/// Opens the live index for reading; a rebuild that takes its place meanwhile is followed. `None`
/// where there is no index yet.
pub fn open_live(data_dir: &DataDir) -> Result<Option<TantivyEngine>, IndexError> {
    /// Rebuilds that may take the index's place while it is opened.
    const MAX_SWAPS: usize = 5;
    let mut live = data_dir.current()?;
    let mut newest = None;
    for _ in 0..MAX_SWAPS {
        let Some(path) = live else { break };
        let opened = TantivyEngine::open_read_only(&path);
        live = data_dir.current()?;
        // One that has been replaced may have lost files while they were opened.
        let is_live = live.as_ref() == Some(&path);
        newest = Some(opened);
        if is_live {
            break;
        }
    }
    newest.transpose()
}
