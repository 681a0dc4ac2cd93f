//! What the data directory takes and has left, as the disk says.
//!
//! It waits for the disk: not for a path that is taken often.

use std::path::Path;

use super::index_bytes;
use crate::index::disk::Room;
use crate::observe::quarantine::Quarantine;

/// What is on the disk; `None` where it cannot be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskUsage {
    /// Bytes of the index's files.
    pub index_bytes: Option<u64>,
    /// Bytes of the file system that the process may still write.
    pub available_bytes: Option<u64>,
    /// Bytes of the file system.
    pub size_bytes: Option<u64>,
    /// Messages in quarantine.
    pub quarantined: Option<u64>,
}

impl DiskUsage {
    /// That of a data directory.
    pub fn of(data_dir: &Path) -> Self {
        let room = Room::of(data_dir).ok();
        let quarantine = Quarantine::open(data_dir).ok();
        Self {
            index_bytes: index_bytes(data_dir),
            available_bytes: room.map(|room| room.free_bytes),
            size_bytes: room.map(|room| room.size_bytes),
            quarantined: quarantine.map(|quarantine| quarantine.len() as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_a_disk_and_a_quarantine() {
        let folder = tempfile::tempdir().unwrap();
        let disk = DiskUsage::of(folder.path());
        assert!(disk.available_bytes.unwrap() <= disk.size_bytes.unwrap());
        assert!(disk.size_bytes.unwrap() > 1 << 20, "{disk:?}");
        assert_eq!((disk.index_bytes, disk.quarantined), (None, Some(0)));
        let kept = folder.path().join("quarantine");
        std::fs::create_dir(&kept).unwrap();
        std::fs::write(kept.join("0123456789abcdef.json"), "{}").unwrap();
        assert_eq!(DiskUsage::of(folder.path()).quarantined, Some(1));
    }

    #[test]
    fn nothing_is_told_of_what_is_not_there() {
        let disk = DiskUsage::of(Path::new("/none/at/all"));
        assert_eq!((disk.available_bytes, disk.size_bytes), (None, None));
    }
}
