//! Disk usage of the data directory.
//!
//! It blocks on file I/O, so do not call it often.

use std::path::Path;

use super::index_bytes;
use crate::index::disk::DiskSpace;
use crate::observe::quarantine::Quarantine;

/// Disk usage. Unknown values are `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskUsage {
    /// Size of the index's files in bytes.
    pub index_bytes: Option<u64>,
    /// Bytes that the process can still write to the file system.
    pub available_bytes: Option<u64>,
    /// Size of the file system in bytes.
    pub size_bytes: Option<u64>,
    /// Number of messages in quarantine.
    pub quarantined: Option<u64>,
}

impl DiskUsage {
    /// Measures a data directory.
    pub fn of(data_dir: &Path) -> Self {
        let space = DiskSpace::of(data_dir).ok();
        let quarantine = Quarantine::open(data_dir).ok();
        Self {
            index_bytes: index_bytes(data_dir),
            available_bytes: space.map(|space| space.free_bytes),
            size_bytes: space.map(|space| space.size_bytes),
            quarantined: quarantine.map(|quarantine| quarantine.len() as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_the_disk_and_the_quarantine() {
        let folder = tempfile::tempdir().unwrap();
        let disk = DiskUsage::of(folder.path());
        assert!(disk.available_bytes.unwrap() <= disk.size_bytes.unwrap());
        assert!(disk.size_bytes.unwrap() > 1 << 20, "{disk:?}");
        assert_eq!((disk.index_bytes, disk.quarantined), (None, Some(0)));
        let quarantine = folder.path().join("quarantine");
        std::fs::create_dir(&quarantine).unwrap();
        std::fs::write(quarantine.join("0123456789abcdef.json"), "{}").unwrap();
        assert_eq!(DiskUsage::of(folder.path()).quarantined, Some(1));
    }

    #[test]
    fn missing_folder_has_no_values() {
        let disk = DiskUsage::of(Path::new("/none/at/all"));
        assert_eq!((disk.available_bytes, disk.size_bytes), (None, None));
    }
}
