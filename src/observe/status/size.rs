//! The size of the index on disk.
//!
//! It blocks on file I/O, so do not call it often.

use std::fs;
use std::path::Path;

use crate::index::directory::DataDir;
use crate::index::tantivy::schema::SCHEMA_VERSION;

/// The size of the current generation's files in bytes. `None` if there is no generation, or it cannot be
/// read.
///
/// Merges create and remove files meanwhile. A file that is already gone does not count.
pub fn index_bytes(data_dir: &Path) -> Option<u64> {
    let data_dir = DataDir::new(data_dir, SCHEMA_VERSION);
    let generation = data_dir.current_of_any_schema().ok()??;
    let files = fs::read_dir(generation).ok()?;
    let metadata = files.filter_map(|file| file.ok()?.metadata().ok());
    let files = metadata.filter(|metadata| metadata.is_file());
    Some(files.map(|file| file.len()).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_only_the_files_of_the_current_generation() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        assert_eq!(index_bytes(path), None);
        let current = format!("assets-v{SCHEMA_VERSION}-000002");
        fs::write(path.join("CURRENT"), &current).unwrap();
        assert_eq!(index_bytes(path), None);
        for generation in [&current, "assets-v1-000001"] {
            fs::create_dir_all(path.join(generation).join("a folder")).unwrap();
            fs::write(path.join(generation).join("one"), [0; 100]).unwrap();
            fs::write(path.join(generation).join("two"), [0; 23]).unwrap();
        }
        assert_eq!(index_bytes(path), Some(123));
    }
}
