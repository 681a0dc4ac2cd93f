//! The free space of the disk that holds a folder.
//!
//! The numbers are a snapshot, not a reservation: other programs also write to the disk.

use std::path::Path;

use rustix::fs::{Access, StatVfsMountFlags, access, statvfs};

use super::IndexError;

/// The free space and the state of the file system that holds a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DiskSpace {
    /// Bytes that this process may still write. Excludes the space that is reserved for root.
    pub free_bytes: u64,
    /// Size of the file system in bytes.
    pub size_bytes: u64,
    /// Number of files that can still be created. `None` if the file system has no such limit.
    pub free_files: Option<u64>,
    /// Whether this process cannot write to the folder: the file system is read-only, or permissions are missing.
    pub is_read_only: bool,
}

impl DiskSpace {
    /// Queries the file system of the folder.
    pub(crate) fn of(folder: &Path) -> Result<Self, IndexError> {
        let stats = statvfs(folder)
            .map_err(|error| IndexError::file("query the disk space of", folder)(error.into()))?;
        let bytes = |blocks: u64| blocks.saturating_mul(stats.f_frsize);
        Ok(Self {
            free_bytes: bytes(stats.f_bavail),
            size_bytes: bytes(stats.f_blocks),
            free_files: (stats.f_files > 0).then_some(stats.f_favail),
            is_read_only: stats.f_flag.contains(StatVfsMountFlags::RDONLY)
                || access(folder, Access::WRITE_OK | Access::EXEC_OK).is_err(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_free_space_and_fails_for_a_missing_folder() {
        let folder = tempfile::tempdir().unwrap();
        let space = DiskSpace::of(folder.path()).unwrap();
        assert!(space.free_bytes > 0 && space.free_bytes <= space.size_bytes);
        assert!(!space.is_read_only);
        let error = DiskSpace::of(&folder.path().join("gone")).unwrap_err();
        assert!(error.to_string().contains("query the disk space of"));
    }
}
