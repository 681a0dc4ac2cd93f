//! Tests reading a configuration again: which Sources are kept, and that no change is missed.

use std::fs::{File, FileTimes};

use super::*;

const MANAGED: &str = "name = \"m\"\nbucket = \"bucket-m\"\nsubdomain = \"m\"\n";

/// A configuration with one Source in `sources.d` and one managed Source.
fn two_sources() -> (TempDir, ConfigReader) {
    let folder = folder("data_dir = \"data\"\n", &[("photos.toml", ONE)]);
    let managed = folder.path().join("data/sources");
    std::fs::create_dir_all(&managed).unwrap();
    std::fs::write(managed.join("m.toml"), MANAGED).unwrap();
    let reader = ConfigReader::new(folder.path().join("indexer.toml"));
    (folder, reader)
}

/// Whether each Source is the very same one as before, so that it was not validated again.
fn are_kept(before: &Config, after: &Config) -> Vec<bool> {
    let pairs = before.sources.iter().zip(&after.sources);
    pairs.map(|(one, other)| Arc::ptr_eq(one, other)).collect()
}

#[test]
fn validates_only_files_that_have_changed() {
    let (folder, reader) = two_sources();
    let first = reader.read().unwrap();
    let second = reader.read().unwrap();
    assert_eq!(are_kept(&first, &second), [true, true]);
    let photos = folder.path().join("sources.d/photos.toml");
    std::fs::write(photos, ONE.replace("my-bucket", "other-bucket")).unwrap();
    let third = reader.read().unwrap();
    assert_eq!(are_kept(&second, &third), [false, true]);
    assert_eq!(third.sources[0].bucket, "other-bucket");
}

#[test]
fn change_that_keeps_the_size_and_time_of_the_file_is_seen() {
    let (folder, reader) = two_sources();
    reader.read().unwrap();
    let path = folder.path().join("data/sources/m.toml");
    let modified = path.metadata().unwrap().modified().unwrap();
    std::fs::write(&path, MANAGED.replace("bucket-m", "bucket-n")).unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    file.set_times(FileTimes::new().set_modified(modified))
        .unwrap();
    assert_eq!(reader.read().unwrap().sources[1].bucket, "bucket-n");
}

#[test]
fn file_that_was_removed_and_came_back_is_seen() {
    let (folder, reader) = two_sources();
    reader.read().unwrap();
    let path = folder.path().join("data/sources/m.toml");
    std::fs::remove_file(&path).unwrap();
    assert_eq!(reader.read().unwrap().names(), ["photos"]);
    std::fs::write(&path, MANAGED).unwrap();
    assert_eq!(reader.read().unwrap().names(), ["photos", "m"]);
}

#[test]
fn managed_source_follows_the_limits_although_its_file_is_the_same() {
    let (folder, reader) = two_sources();
    let before = reader.read().unwrap();
    let main = "data_dir = \"data\"\nmanaged.allow_machine_credentials = true\n";
    std::fs::write(folder.path().join("indexer.toml"), main).unwrap();
    let after = reader.read().unwrap();
    assert_eq!(are_kept(&before, &after), [true, false]);
    let limits = after.sources[1].limits.as_ref();
    assert!(limits.unwrap().allow_machine_credentials);
}

#[test]
fn report_names_the_line_of_a_source_that_was_kept() {
    let (folder, reader) = two_sources();
    reader.read().unwrap();
    let photos = folder.path().join("sources.d/photos.toml");
    let same = ONE.replace("subdomain = \"photos\"", "subdomain = \"m\"");
    std::fs::write(&photos, same).unwrap();
    let error = reader.read().unwrap_err().to_string();
    let place = folder.path().join("data/sources/m.toml:3: source \"m\": ");
    let want = format!("{}subdomain = \"m\"", place.display());
    assert!(error.starts_with(&want), "{error}");
    // Mistakes are found each time.
    assert_eq!(reader.read().unwrap_err().to_string(), error);
}
