//! How much room there is on the disk that a folder lies on.
//!
//! It is told at the moment, and promised to nobody: others write there too.

use std::path::Path;

use rustix::fs::{Access, StatVfsMountFlags, access, statvfs};

use super::IndexError;

/// What there is on the file system of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// Bytes that this process may still write; what is kept for the superuser does not count.
    pub free_bytes: u64,
    /// Bytes that the file system has altogether.
    pub size_bytes: u64,
    /// How many files can be made; `None` where the file system has no such bound.
    pub free_files: Option<u64>,
    /// Whether nothing can be written in the folder, by anybody or by this process.
    pub is_read_only: bool,
}

impl Room {
    /// That of a folder.
    pub(crate) fn of(folder: &Path) -> Result<Self, IndexError> {
        let found = statvfs(folder)
            .map_err(|error| IndexError::file("ask for the disk of", folder)(error.into()))?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Ok(Self {
            free_bytes: bytes(found.f_bavail),
            size_bytes: bytes(found.f_blocks),
            free_files: (found.f_files > 0).then_some(found.f_favail),
            is_read_only: found.f_flag.contains(StatVfsMountFlags::RDONLY)
                || access(folder, Access::WRITE_OK | Access::EXEC_OK).is_err(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disk_of_a_folder_has_some_room_and_that_of_none_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let room = Room::of(folder.path()).unwrap();
        assert!(room.free_bytes > 0 && room.free_bytes <= room.size_bytes);
        assert!(!room.is_read_only);
        let error = Room::of(&folder.path().join("gone")).unwrap_err();
        assert!(error.to_string().contains("ask for the disk of"));
    }
}
