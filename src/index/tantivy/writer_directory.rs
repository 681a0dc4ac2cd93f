//! The folder of an index that an engine writes to. It refuses changes after the engine is dropped, and after
//! a commit failed.
//!
//! Tantivy does not wait for running merges when a writer is dropped. If such a merge ended later, it would
//! overwrite the `meta.json` of the next writer's commits and remove files that those commits need. A failed
//! write of `meta.json` is as dangerous: tantivy already counts the new segments, and the next merge would
//! publish them without the deletes that belong to them. Reads are passed through.

use std::io::{self, Error};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use tantivy::Directory;
use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    DirectoryLock, FileHandle, Lock, MmapDirectory, WatchCallback, WatchHandle, WritePtr,
};

use super::read_only::META;

/// A directory that can be closed for changes. Clones share one state.
#[derive(Clone, Debug)]
pub(super) struct WriterDirectory {
    files: MmapDirectory,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Locked for reading during each change, so that closing waits for changes in progress.
    is_closed: RwLock<bool>,
    /// Whether a write of `meta.json` failed.
    has_failed: AtomicBool,
}

impl WriterDirectory {
    pub(super) fn new(files: MmapDirectory) -> Self {
        Self {
            files,
            state: Arc::default(),
        }
    }

    /// Waits for changes in progress, and refuses all later ones.
    pub(super) fn close(&self) {
        let mut is_closed = self.state.is_closed.write();
        **is_closed.as_mut().unwrap_or_else(PoisonError::get_mut) = true;
    }

    /// Permits a change for as long as the returned guard exists.
    fn permit(&self) -> io::Result<RwLockReadGuard<'_, bool>> {
        let is_closed = self.state.is_closed.read();
        let is_closed = is_closed.unwrap_or_else(PoisonError::into_inner);
        if *is_closed {
            return Err(refusal("its writer is closed"));
        }
        if self.state.has_failed.load(Ordering::Acquire) {
            return Err(refusal("an earlier commit failed; open the index again"));
        }
        Ok(is_closed)
    }
}

/// Closes the directory when it is dropped.
pub(super) struct CloseOnDrop(pub(super) WriterDirectory);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close();
    }
}

fn refusal(why: &str) -> Error {
    Error::other(format!("refused to change the index: {why}"))
}

impl Directory for WriterDirectory {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        self.files.get_file_handle(path)
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.files.exists(path)
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        self.files.atomic_read(path)
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        let _permit = self.permit().map_err(|error| DeleteError::IoError {
            io_error: Arc::new(error),
            filepath: path.to_owned(),
        })?;
        self.files.delete(path)
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        let refused = |error| OpenWriteError::wrap_io_error(error, path.to_owned());
        let _permit = self.permit().map_err(refused)?;
        self.files.open_write(path)
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        let _permit = self.permit()?;
        let written = self.files.atomic_write(path, data);
        if written.is_err() && path == Path::new(META) {
            // Set before the permit is dropped. Only the thread that just failed writes this file.
            self.state.has_failed.store(true, Ordering::Release);
        }
        written
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.files.sync_directory()
    }

    fn acquire_lock(&self, lock: &Lock) -> Result<DirectoryLock, LockError> {
        self.files.acquire_lock(lock)
    }

    fn watch(&self, callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        self.files.watch(callback)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::tantivy::{MIN_WRITER_MEMORY, TantivyEngine};

    fn directory() -> (tempfile::TempDir, WriterDirectory) {
        let folder = tempfile::tempdir().unwrap();
        let files = MmapDirectory::open(folder.path()).unwrap();
        let directory = WriterDirectory::new(files);
        directory.atomic_write(Path::new(META), b"{}").unwrap();
        directory.atomic_write(Path::new("a.term"), b"a").unwrap();
        (folder, directory)
    }

    fn assert_frozen(directory: &WriterDirectory) {
        assert!(directory.delete(Path::new("a.term")).is_err());
        assert!(directory.open_write(Path::new("b.term")).is_err());
        assert!(directory.atomic_write(Path::new(META), b"[]").is_err());
        assert!(directory.exists(Path::new("a.term")).unwrap());
        assert!(!directory.exists(Path::new("b.term")).unwrap());
    }

    #[test]
    fn refuses_changes_after_it_is_closed() {
        let (_folder, directory) = directory();
        let merge_directory = directory.clone();
        directory.close();
        assert_frozen(&merge_directory);
        assert_eq!(directory.atomic_read(Path::new(META)).unwrap(), b"{}");
    }

    #[test]
    fn dropped_engine_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let engine = TantivyEngine::open_or_create(folder.path(), MIN_WRITER_MEMORY).unwrap();
        let CloseOnDrop(merge_directory) = engine._close_on_drop.as_ref().unwrap();
        let merge_directory = merge_directory.clone();
        merge_directory
            .atomic_write(Path::new("a.term"), b"a")
            .unwrap();
        drop(engine);
        assert_frozen(&merge_directory);
    }

    #[test]
    fn refuses_changes_after_a_failed_commit() {
        let (folder, directory) = directory();
        let meta = folder.path().join(META);
        std::fs::remove_file(&meta).unwrap();
        // A folder with this name makes the rename fail, even for root.
        std::fs::create_dir_all(meta.join("full")).unwrap();
        assert!(directory.atomic_write(Path::new(META), b"[]").is_err());
        std::fs::remove_dir_all(&meta).unwrap();
        assert_frozen(&directory);
        assert!(!directory.exists(Path::new(META)).unwrap());
    }
}
