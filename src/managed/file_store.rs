//! Stores managed Sources as files: `NAME.toml`, and `history/NAME.jsonl` with one entry in each line.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::history::{HistoryEntry, MAX_ENTRIES};
use super::store::{SourceStore, StoreError, StoredSource, Version};
use crate::atomic_file;
use crate::config::{Config, MANAGED_FOLDER};

/// The permissions of the files: the group may read them, because their secrets are sealed.
const FILE_MODE: u32 = 0o640;

/// The permissions of the folders.
const FOLDER_MODE: u32 = 0o750;

/// Maximum size of a file. A Source with the maximum number of rules is smaller.
const MAX_BYTES: u64 = 16 << 20;

/// The folder with the histories.
const HISTORY: &str = "history";

/// The store in one folder.
#[derive(Clone, Debug)]
pub(crate) struct FileStore {
    folder: PathBuf,
}

/// Other processes wait until this is dropped.
pub(crate) struct StoreLock {
    _folder: File,
}

impl FileStore {
    /// The store in this folder. Creates the folder when it is locked for the first time.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The store in this data folder.
    pub(crate) fn in_data_dir(data_dir: &Path) -> Self {
        Self::new(data_dir.join(MANAGED_FOLDER))
    }

    /// Whether a Source was ever stored here.
    pub(crate) fn was_used(&self) -> Result<bool, StoreError> {
        let folder = self.folder.join(HISTORY);
        match fs::read_dir(&folder) {
            Ok(mut entries) => Ok(entries.next().is_some()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(failed("list", &folder)(error)),
        }
    }

    /// The file of a Source. The name is checked: it may come from a client, and must not lead out of the folder.
    fn path(&self, name: &str) -> Result<PathBuf, StoreError> {
        checked(name).map(|name| self.folder.join(format!("{name}.toml")))
    }

    fn history_path(&self, name: &str) -> Result<PathBuf, StoreError> {
        checked(name).map(|name| self.folder.join(HISTORY).join(format!("{name}.jsonl")))
    }
}

impl SourceStore for FileStore {
    type Lock = StoreLock;

    fn lock(&self) -> Result<StoreLock, StoreError> {
        let folder = self.folder.join(HISTORY);
        atomic_file::create_folder(&folder, FOLDER_MODE).map_err(failed("create", &folder))?;
        // Lock the folder: a separate lock file would look like part of the data.
        let lock = File::open(&self.folder).map_err(failed("open", &self.folder))?;
        lock.lock().map_err(failed("lock", &self.folder))?;
        Ok(StoreLock { _folder: lock })
    }

    fn names(&self) -> Result<Vec<String>, StoreError> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed("list", &self.folder)(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed("list", &self.folder))?;
            let file_name = entry.file_name();
            let name = file_name.to_str().and_then(|it| it.strip_suffix(".toml"));
            names.extend(
                name.filter(|name| !name.starts_with('.'))
                    .map(str::to_owned),
            );
        }
        names.sort_unstable();
        Ok(names)
    }

    fn get(&self, name: &str) -> Result<Option<StoredSource>, StoreError> {
        let Ok(path) = self.path(name) else {
            return Ok(None);
        };
        let text = read(&path)?;
        Ok(text.map(|text| StoredSource {
            version: Version::of(&text),
            text,
        }))
    }

    fn put(&self, name: &str, text: &str, _lock: &StoreLock) -> Result<Version, StoreError> {
        let path = self.path(name)?;
        atomic_file::replace(&path, text.as_bytes(), FILE_MODE).map_err(failed("write", &path))?;
        Ok(Version::of(text))
    }

    fn remove(&self, name: &str, _lock: &StoreLock) -> Result<(), StoreError> {
        let path = self.path(name)?;
        let removed = atomic_file::remove(&path).map_err(failed("remove", &path));
        removed.map(drop)
    }

    fn record(
        &self,
        name: &str,
        entry: &HistoryEntry,
        _lock: &StoreLock,
    ) -> Result<(), StoreError> {
        let mut entries = self.history(name)?;
        entries.push(entry.clone());
        let kept = &entries[entries.len().saturating_sub(MAX_ENTRIES)..];
        let line = |entry: &HistoryEntry| {
            let json = serde_json::to_string(entry).expect("an entry has only strings and times");
            json + "\n"
        };
        let text: String = kept.iter().map(line).collect();
        let path = self.history_path(name)?;
        atomic_file::replace(&path, text.as_bytes(), FILE_MODE).map_err(failed("write", &path))
    }

    fn history(&self, name: &str) -> Result<Vec<HistoryEntry>, StoreError> {
        let Ok(path) = self.history_path(name) else {
            return Ok(Vec::new());
        };
        let Some(text) = read(&path)? else {
            return Ok(Vec::new());
        };
        let entry = |line| {
            let entry = serde_json::from_str(line);
            entry.map_err(|error| {
                failed("read", &path)(io::Error::new(ErrorKind::InvalidData, error))
            })
        };
        text.lines().map(entry).collect()
    }
}

/// The name, if a Source can have it.
fn checked(name: &str) -> Result<&str, StoreError> {
    if Config::is_source_name(name) {
        Ok(name)
    } else {
        let name = name.to_owned();
        Err(StoreError::BadName { name })
    }
}

/// The text of a file, or `None` if there is no such file.
fn read(path: &Path) -> Result<Option<String>, StoreError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("open", path)(error)),
    };
    let mut text = String::new();
    let read = file.take(MAX_BYTES + 1).read_to_string(&mut text);
    read.map_err(failed("read", path))?;
    if text.len() as u64 > MAX_BYTES {
        let too_long = format!("it has more than {MAX_BYTES} bytes");
        return Err(failed("read", path)(io::Error::other(too_long)));
    }
    Ok(Some(text))
}

fn failed(attempted: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |cause| StoreError::File {
        attempted,
        path,
        cause,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::managed::history::Action;

    fn store() -> (tempfile::TempDir, FileStore) {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::new(folder.path().join("sources"));
        (folder, store)
    }

    fn entry(actor: &str) -> HistoryEntry {
        HistoryEntry {
            time: jiff::Timestamp::UNIX_EPOCH,
            actor: actor.to_owned(),
            action: Action::Create,
            fields: vec!["name".into()],
        }
    }

    #[test]
    fn stores_replaces_and_removes_sources() {
        let (_folder, store) = store();
        assert_eq!(store.names().unwrap(), Vec::<String>::new());
        let lock = store.lock().unwrap();
        let first = store.put("b", "one", &lock).unwrap();
        let second = store.put("b", "two", &lock).unwrap();
        store.put("a", "three", &lock).unwrap();
        assert_ne!(first, second);
        let stored = store.get("b").unwrap().unwrap();
        assert_eq!((stored.text.as_str(), stored.version), ("two", second));
        assert_eq!(store.names().unwrap(), ["a", "b"]);
        let mode = fs::metadata(store.path("b").unwrap())
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o7777, 0o640);
        store.remove("b", &lock).unwrap();
        store.remove("b", &lock).unwrap();
        assert!(store.get("b").unwrap().is_none());
        assert_eq!(store.names().unwrap(), ["a"]);
    }

    #[test]
    fn history_outlives_its_source_and_is_bounded() {
        let (_folder, store) = store();
        let lock = store.lock().unwrap();
        assert!(store.history("a").unwrap().is_empty());
        for number in 0..3 {
            store
                .record("a", &entry(&number.to_string()), &lock)
                .unwrap();
        }
        store.remove("a", &lock).unwrap();
        let history = store.history("a").unwrap();
        let actors: Vec<&str> = history.iter().map(|entry| entry.actor.as_str()).collect();
        assert_eq!(actors, ["0", "1", "2"]);
        let line = serde_json::to_string(&entry("x")).unwrap() + "\n";
        fs::write(store.history_path("a").unwrap(), line.repeat(MAX_ENTRIES)).unwrap();
        store.record("a", &entry("last"), &lock).unwrap();
        let history = store.history("a").unwrap();
        assert_eq!(history.len(), MAX_ENTRIES);
        assert_eq!(history.last().unwrap().actor, "last");
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        let (folder, store) = store();
        let lock = store.lock().unwrap();
        let victim = folder.path().join("x.toml");
        fs::write(&victim, "kept").unwrap();
        fs::write(folder.path().join("sources/x.jsonl"), "kept").unwrap();
        for name in ["../x", "..", ".", "", "a/../../x", "/x", ".x", "x\0"] {
            assert!(store.get(name).unwrap().is_none(), "{name}");
            assert!(store.history(name).unwrap().is_empty(), "{name}");
            assert!(store.put(name, "new", &lock).is_err(), "{name}");
            assert!(store.remove(name, &lock).is_err(), "{name}");
            assert!(store.record(name, &entry("a"), &lock).is_err(), "{name}");
        }
        assert_eq!(fs::read_to_string(&victim).unwrap(), "kept");
        assert!(!store.was_used().unwrap());
        store.record("x", &entry("a"), &lock).unwrap();
        assert!(store.was_used().unwrap());
    }

    #[test]
    fn only_one_process_changes_the_store() {
        let (_folder, store) = store();
        let lock = store.lock().unwrap();
        let other = File::open(&store.folder).unwrap();
        assert!(other.try_lock().is_err());
        drop(lock);
        assert!(other.try_lock().is_ok());
    }
}
