//! How much room there is on the disk that a folder lies on.
//!
//! It is told at the moment, and promised to nobody: others write there too.

use std::path::Path;

use super::IndexError;

/// The bytes that this process may still write to the disk of the folder; what is kept for the superuser
/// does not count.
pub fn free_bytes(folder: &Path) -> Result<u64, IndexError> {
    let asked = rustix::fs::statvfs(folder);
    let disk =
        asked.map_err(|error| IndexError::file("ask for the disk of", folder)(error.into()))?;
    Ok(disk.f_frsize.saturating_mul(disk.f_bavail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disk_of_a_folder_has_some_room_and_that_of_none_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(free_bytes(folder.path()).unwrap() > 0);
        let error = free_bytes(&folder.path().join("gone")).unwrap_err();
        assert!(error.to_string().contains("ask for the disk of"));
    }
}
