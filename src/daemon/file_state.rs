//! What the file system says about a file, to notice that it was written or replaced. It does not read the file.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Changes whenever the file is written or replaced. Two changes of one size can look the same if they are only
/// milliseconds apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileState {
    device: u64,
    inode: u64,
    bytes: u64,
    changed: (i64, i64),
}

impl FileState {
    /// `None` if there is no such file, or if this user may not look for it.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.size(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}
