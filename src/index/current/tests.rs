//! The current generation while it is damaged, lost or replaced.

use super::*;
use crate::index::tantivy::MIN_WRITER_MEMORY;

#[test]
fn previous_index_that_is_damaged_is_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = DataDir::new(folder.path(), 2);
    let is_found = || open_previous_index(&data_dir).unwrap().engine.is_some();
    assert!(!is_found());
    let generation = folder.path().join("assets-v1-000001");
    TantivyEngine::open_or_create(&generation, MIN_WRITER_MEMORY).unwrap();
    data_dir.publish(&generation).unwrap();
    assert!(is_found(), "an index of another schema version");
    let meta = std::fs::read(generation.join("meta.json")).unwrap();
    std::fs::write(generation.join("meta.json"), "{").unwrap();
    assert!(!is_found());
    std::fs::remove_dir_all(&generation).unwrap();
    assert!(!is_found());
    std::fs::write(&generation, meta).unwrap();
    assert!(!is_found(), "a file in place of the folder");
}

#[test]
fn read_current_follows_a_rebuild() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = DataDir::new(folder.path(), 1);
    let replace = |current: &Path| {
        let next = data_dir.next_generation().unwrap();
        std::fs::create_dir(&next).unwrap();
        data_dir.publish(&next).unwrap();
        IndexError::Damaged {
            what: current.display().to_string(),
        }
    };
    let read = |current: &Path| {
        if current.ends_with("assets-v1-000003") {
            Ok("read")
        } else {
            Err(replace(current))
        }
    };
    let absent = read_current(&data_dir, read).unwrap_err();
    assert!(matches!(absent, IndexError::Absent { .. }), "{absent}");
    replace(Path::new(""));
    assert_eq!(read_current(&data_dir, read).unwrap(), "read");
    let gone = |_: &Path| Err::<(), _>(IndexError::WriterGone);
    assert!(
        read_current(&data_dir, gone).is_err(),
        "no rebuild replaces it"
    );
    assert!(read_current::<()>(&data_dir, |current| Err(replace(current))).is_err());
}

#[test]
fn lost_current_file_does_not_hide_the_known_generation() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = DataDir::new(folder.path(), 1);
    let generation = folder.path().join("assets-v1-000001");
    TantivyEngine::open_or_create(&generation, MIN_WRITER_MEMORY).unwrap();
    data_dir.publish(&generation).unwrap();
    let NewestCommit::Changed(known) = newest_commit(&data_dir, None).unwrap() else {
        panic!("there is an index");
    };
    let current = folder.path().join("CURRENT");
    for contents in [None, Some("rubbish")] {
        std::fs::remove_file(&current).unwrap();
        if let Some(contents) = contents {
            std::fs::write(&current, contents).unwrap();
        }
        let newest = newest_commit(&data_dir, Some(&known)).unwrap();
        assert!(matches!(newest, NewestCommit::Unchanged), "{contents:?}");
        // No scan has completed in it, so nothing shows that it is the current one.
        let newest = newest_commit(&data_dir, None);
        assert!(matches!(newest, Ok(NewestCommit::NoIndex)) == contents.is_none());
        std::fs::write(&current, "assets-v1-000001").unwrap();
    }
    std::fs::remove_dir_all(folder.path()).unwrap();
    let gone = newest_commit(&data_dir, Some(&known)).unwrap();
    assert!(matches!(gone, NewestCommit::NoIndex));
}

#[test]
fn previous_index_that_is_unreadable_but_not_damaged_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = DataDir::new(folder.path(), 1);
    let generation = folder.path().join("assets-v1-000001");
    TantivyEngine::open_or_create(&generation, MIN_WRITER_MEMORY).unwrap();
    data_dir.publish(&generation).unwrap();
    // Even root cannot read a symbolic link that points to itself.
    let meta = generation.join("meta.json");
    std::fs::remove_file(&meta).unwrap();
    std::os::unix::fs::symlink(&meta, &meta).unwrap();
    let error = open_previous_index(&data_dir)
        .err()
        .expect("it is not damaged");
    assert!(error.to_string().contains("meta.json"), "{error}");
}
