//! The folder of an index that an engine writes to. It refuses changes after the engine is dropped, and after
//! a commit failed.
//!
//! Tantivy does not wait for running merges when a writer is dropped. If such a merge ended later, it would
//! overwrite the `meta.json` of the next writer's commits and remove files that those commits need. A failed
//! write of `meta.json` is as dangerous: tantivy already counts the new segments, and the next merge would
//! publish them without the deletes that belong to them. Tantivy syncs the folder before this write, so a failed sync
//! counts as a failed write.
//!
//! A merge reads only files that match their checksums. It would copy damage into a new file with a valid checksum, and
//! nothing could find it there. All other reads are passed through.
//!
//! New files get the permissions of [`crate::index::files`].

use std::fs::File;
use std::io::{self, BufWriter, Error, ErrorKind, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::thread;

use tantivy::Directory;
use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    AntiCallToken, DirectoryLock, FileHandle, Lock, ManagedDirectory, MmapDirectory,
    TerminatingWrite, WatchCallback, WatchHandle, WritePtr,
};

use super::read_only::{META, open_folder};
use super::{checksum, failure};
use crate::index::IndexError;
use crate::index::files::{create_file, open_or_create_file, replace_file};
use crate::index::merge_health::MergeHealth;

/// How the names of the threads begin that tantivy merges with.
const MERGE_THREAD: &str = "merge_thread";

/// A directory that can be closed for changes. Clones share one state.
#[derive(Clone, Debug)]
pub(super) struct WriterDirectory {
    folder: Arc<Path>,
    files: MmapDirectory,
    /// The same files, to compare them with their checksums.
    checked_files: ManagedDirectory,
    state: Arc<State>,
    merge_health: Arc<MergeHealth>,
}

#[derive(Debug, Default)]
struct State {
    /// Locked for reading during each change, so that closing waits for changes in progress.
    is_closed: RwLock<bool>,
    /// Whether a write of `meta.json` failed, or the sync before it.
    has_failed: AtomicBool,
}

impl WriterDirectory {
    /// Opens the folder of an index.
    pub(super) fn open(folder: &Path) -> Result<Self, IndexError> {
        let files = open_folder(folder)?;
        let checked_files = ManagedDirectory::wrap(Box::new(files.clone()));
        Ok(Self {
            folder: folder.into(),
            files,
            checked_files: checked_files.map_err(failure::failed_to("open the index"))?,
            state: Arc::default(),
            merge_health: Arc::new(MergeHealth::new(folder)),
        })
    }

    /// The health of the merges of this directory.
    pub(super) fn merge_health(&self) -> Arc<MergeHealth> {
        Arc::clone(&self.merge_health)
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

    /// Refuses all later changes. The caller holds a permit. Only the thread that just failed writes `meta.json`, so
    /// no other write of it is in progress.
    fn note_failed_commit(&self) {
        self.state.has_failed.store(true, Ordering::Release);
    }

    /// Fails if a file does not match its checksum.
    fn check(&self, path: &Path) -> Result<(), OpenReadError> {
        let failed = |error| OpenReadError::wrap_io_error(error, path.to_owned());
        let mapped = self.files.get_file_handle(path)?;
        let opened = File::open(self.folder.join(path)).map_err(failed)?;
        let bytes = mapped.len() as u64;
        match checksum::damage(&self.checked_files, path, &opened, bytes)? {
            None => Ok(()),
            Some(what) => {
                let file = path.display().to_string();
                self.merge_health.note_damage(&file, &what);
                let what = format!("the file {file} is damaged: {what}");
                Err(failed(Error::new(ErrorKind::InvalidData, what)))
            }
        }
    }
}

/// Whether this thread merges segments.
fn is_merging() -> bool {
    let thread = thread::current();
    thread
        .name()
        .is_some_and(|name| name.starts_with(MERGE_THREAD))
}

/// A new file that is synced when it is complete.
struct SyncedFile(File);

impl Write for SyncedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl TerminatingWrite for SyncedFile {
    fn terminate_ref(&mut self, _: AntiCallToken) -> io::Result<()> {
        self.0.sync_data()
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
        if is_merging() {
            self.check(path)?;
        }
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
        let failed = |error| OpenWriteError::wrap_io_error(error, path.to_owned());
        let _permit = self.permit().map_err(failed)?;
        match create_file(&self.folder.join(path)) {
            Ok(file) => Ok(BufWriter::new(Box::new(SyncedFile(file)))),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                Err(OpenWriteError::FileAlreadyExists(path.to_owned()))
            }
            Err(error) => Err(failed(error)),
        }
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        let _permit = self.permit()?;
        let written = replace_file(&self.folder.join(path), data);
        if written.is_err() && path == Path::new(META) {
            self.note_failed_commit();
        }
        written
    }

    /// Tantivy also syncs after it removed unused files. A failure then refuses changes without need. That is safe,
    /// and the folder should be opened again anyway.
    fn sync_directory(&self) -> io::Result<()> {
        let _permit = self.permit()?;
        let synced = self.files.sync_directory();
        if synced.is_err() {
            self.note_failed_commit();
        }
        synced
    }

    fn acquire_lock(&self, lock: &Lock) -> Result<DirectoryLock, LockError> {
        let file = open_or_create_file(&self.folder.join(&lock.filepath));
        file.map_err(|error| LockError::IoError(Arc::new(error)))?;
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
        let directory = WriterDirectory::open(folder.path()).unwrap();
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

    #[test]
    fn refuses_changes_after_a_failed_sync() {
        let (folder, directory) = directory();
        let elsewhere = folder.path().with_extension("elsewhere");
        std::fs::rename(folder.path(), &elsewhere).unwrap();
        assert!(directory.sync_directory().is_err());
        std::fs::rename(&elsewhere, folder.path()).unwrap();
        assert_frozen(&directory);
        assert!(directory.sync_directory().is_err());
        assert_eq!(directory.atomic_read(Path::new(META)).unwrap(), b"{}");
    }
}
