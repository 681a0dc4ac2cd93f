//! How much of the disk the index takes.
//!
//! It reads a folder, so it waits for the disk: not for a path that is taken often.

use std::fs;
use std::path::Path;

use crate::index::directory::DataDir;
use crate::index::tantivy::schema::SCHEMA_VERSION;

/// The bytes of the live generation's files; `None` where there is none, or none can be read.
///
/// Files come and go while segments are merged: one that is gone when it is looked at counts nothing.
pub fn index_bytes(data_dir: &Path) -> Option<u64> {
    let data_dir = DataDir::new(data_dir, SCHEMA_VERSION);
    let generation = data_dir.current_of_any_schema().ok()??;
    let files = fs::read_dir(generation).ok()?;
    let sizes = files.filter_map(|file| file.ok()?.metadata().ok());
    let files = sizes.filter(|found| found.is_file());
    Some(files.map(|file| file.len()).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_the_live_generation_alone_count() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        assert_eq!(index_bytes(path), None);
        let live = format!("assets-v{SCHEMA_VERSION}-000002");
        fs::write(path.join("CURRENT"), &live).unwrap();
        assert_eq!(index_bytes(path), None);
        for generation in [&live, "assets-v1-000001"] {
            fs::create_dir_all(path.join(generation).join("a folder")).unwrap();
            fs::write(path.join(generation).join("one"), [0; 100]).unwrap();
            fs::write(path.join(generation).join("two"), [0; 23]).unwrap();
        }
        assert_eq!(index_bytes(path), Some(123));
    }
}
