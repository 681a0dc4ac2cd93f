//! A read-only view of an index folder at one commit. It takes no lock and never writes.
//!
//! Even to open an index for reading, tantivy normally takes a lock, which is a file. The lock keeps files from
//! being removed while the index is being opened. Without the lock, a file may be missing, but only because a
//! newer commit exists. In that case [`open_newest`] opens the newer commit. An open index stays readable even
//! after its files are removed.

use std::io::{self, Error, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tantivy::Directory;
use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    DirectoryLock, FileHandle, Lock, MmapDirectory, WatchCallback, WatchHandle, WritePtr,
};

use super::failure;
use crate::index::IndexError;

/// The file that names the segments of the newest commit and contains its payload.
pub(super) const META: &str = "meta.json";
/// The file that lists the files that a writer manages. Readers do not need it.
const MANAGED: &str = ".managed.json";

/// Maximum number of times that opening starts again because a newer commit or merge exists. At most a few
/// commits and merges happen in a second, and opening takes milliseconds.
pub const MAX_OPEN_RETRIES: usize = 20;

/// One commit of an index in a folder.
#[derive(Clone, Debug)]
pub struct CommitFolder {
    path: PathBuf,
    /// Maps each file only once, even if several commits use it.
    files: MmapDirectory,
    /// The contents of [`META`] at this commit. Later commits do not change it.
    meta: Arc<Vec<u8>>,
}

impl CommitFolder {
    /// Opens the newest commit of the index in the folder.
    pub fn newest(path: &Path) -> Result<Self, IndexError> {
        let files = open_folder(path)?;
        let meta = read_meta(&files)?;
        Ok(Self {
            path: path.to_owned(),
            files,
            meta,
        })
    }

    /// Returns a view of the same folder with other contents of `meta.json`, which must name only existing
    /// files.
    pub fn with_meta(&self, meta: Vec<u8>) -> Self {
        Self {
            meta: Arc::new(meta),
            ..self.clone()
        }
    }

    /// The path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the newest commit, or `None` if this is the newest one. A merge counts as a commit.
    pub fn newer(&self) -> Result<Option<Self>, IndexError> {
        let meta = read_meta(&self.files)?;
        let newer = || Self {
            meta: Arc::clone(&meta),
            ..self.clone()
        };
        Ok((self.meta != meta).then(newer))
    }
}

/// Opens the folder of an index as a tantivy directory.
pub(super) fn open_folder(path: &Path) -> Result<MmapDirectory, IndexError> {
    MmapDirectory::open(path).map_err(|error| failure::failed_to("open the index")(error.into()))
}

fn read_meta(files: &MmapDirectory) -> Result<Arc<Vec<u8>>, IndexError> {
    let read = files.atomic_read(Path::new(META));
    let meta = read.map_err(|error| failure::failed_to("read the index")(error.into()))?;
    Ok(Arc::new(meta))
}

/// Opens the commit with `open`. If that fails and a newer commit exists, tries the newest one instead.
pub fn open_newest<T>(
    mut commit: CommitFolder,
    open: impl Fn(CommitFolder) -> Result<T, IndexError>,
) -> Result<T, IndexError> {
    let mut opened = open(commit.clone());
    for _ in 0..MAX_OPEN_RETRIES {
        if opened.is_ok() {
            break;
        }
        match commit.newer()? {
            Some(newer) => commit = newer,
            None => break,
        }
        opened = open(commit.clone());
    }
    opened
}

/// The error for all attempts to write.
fn refusal() -> Error {
    Error::new(
        ErrorKind::ReadOnlyFilesystem,
        "the index was opened for reading only",
    )
}

impl Directory for CommitFolder {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        self.files.get_file_handle(path)
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.files.exists(path)
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        match path.to_str() {
            Some(META) => Ok(self.meta.to_vec()),
            Some(MANAGED) => Err(OpenReadError::FileDoesNotExist(path.to_owned())),
            _ => self.files.atomic_read(path),
        }
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        Err(DeleteError::IoError {
            io_error: Arc::new(refusal()),
            filepath: path.to_owned(),
        })
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        Err(OpenWriteError::wrap_io_error(refusal(), path.to_owned()))
    }

    fn atomic_write(&self, _: &Path, _: &[u8]) -> io::Result<()> {
        Err(refusal())
    }

    fn sync_directory(&self) -> io::Result<()> {
        Err(refusal())
    }

    fn acquire_lock(&self, _: &Lock) -> Result<DirectoryLock, LockError> {
        Ok(DirectoryLock::from(Box::new(())))
    }

    fn watch(&self, _: WatchCallback) -> tantivy::Result<WatchHandle> {
        Ok(WatchHandle::empty())
    }
}

#[cfg(test)]
mod tests;
