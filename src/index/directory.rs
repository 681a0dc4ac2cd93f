//! The data directory: it holds the generations of the index, the name of the current one, and the lock of
//! the writer.
//!
//! ```text
//! writer.lock              locked by the only process that writes
//! CURRENT                  the name of the current generation
//! assets-v1-000001/        a generation: schema version and number
//! ```
//!
//! A rebuild fills the next generation and then replaces CURRENT by one rename. This module does not look
//! inside a generation: the engine does.

use std::fs::{self, File, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::IndexError;
use super::files::{create_folder, open_or_create_file, replace_file};

/// The file that names the current generation.
const CURRENT: &str = "CURRENT";
/// The file that is locked while a process writes the index.
const LOCK: &str = "writer.lock";
/// Maximum number of attempts to take the lock while another process only tests whether it is held.
///
/// A test takes microseconds, but the process that tests may have to wait for a processor.
const MAX_LOCK_ATTEMPTS: usize = 2_000;
/// Time between two attempts to take the lock.
const LOCK_RETRY_PAUSE: Duration = Duration::from_millis(1);
/// Maximum number of bytes to read from the lock file to name its holder.
const MAX_HOLDER_BYTES: u64 = 200;
/// Maximum number of bytes to read from CURRENT. A name is much shorter.
const MAX_CURRENT_BYTES: u64 = 256;
/// Maximum number of characters to quote from CURRENT if it does not hold a name.
const MAX_QUOTED: usize = 80;

/// The folder that holds the generations of an index.
#[derive(Clone, Debug)]
pub struct DataDir {
    path: PathBuf,
    schema_version: u32,
}

/// Keeps other writers out until it is dropped. The kernel releases it when the process ends.
#[derive(Debug)]
pub struct WriterLock {
    _file: File,
}

impl DataDir {
    /// The data directory at `path`, for indexes of this schema version. Does not touch the disk.
    pub fn new(path: impl Into<PathBuf>, schema_version: u32) -> Self {
        Self {
            path: path.into(),
            schema_version,
        }
    }

    /// The path of the data directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the writer's lock, and creates the folder if it does not exist. Blocks for up to a few seconds.
    ///
    /// # Errors
    ///
    /// If another process holds the lock, or this process runs as root and the folder belongs to another
    /// user.
    pub fn lock(&self) -> Result<WriterLock, IndexError> {
        create_folder(&self.path).map_err(IndexError::file("create", &self.path))?;
        self.check_owner()?;
        let path = self.path.join(LOCK);
        let mut file = open_or_create_file(&path).map_err(IndexError::file("open", &path))?;
        let mut attempts = 0;
        while let Err(refused) = file.try_lock() {
            attempts += 1;
            if let TryLockError::Error(error) = refused {
                return Err(IndexError::file("lock", path)(error));
            }
            if attempts > MAX_LOCK_ATTEMPTS
                || is_held(&file).map_err(IndexError::file("lock", &path))?
            {
                return Err(self.locked_by(&mut file));
            }
            std::thread::sleep(LOCK_RETRY_PAUSE);
        }
        let holder = format!("process {}\n", std::process::id());
        file.set_len(0)
            .and_then(|()| file.write_all(holder.as_bytes()))
            .map_err(IndexError::file("write", &path))?;
        Ok(WriterLock { _file: file })
    }

    /// Refuses to write as root into the folder of another user. That user could not read or replace what
    /// root writes.
    fn check_owner(&self) -> Result<(), IndexError> {
        let metadata =
            fs::metadata(&self.path).map_err(IndexError::file("read the owner of", &self.path))?;
        match metadata.uid() {
            owner if owner != 0 && rustix::process::geteuid().is_root() => {
                Err(IndexError::OwnedByAnotherUser {
                    data_dir: self.path.clone(),
                    owner,
                })
            }
            _ => Ok(()),
        }
    }

    fn locked_by(&self, file: &mut File) -> IndexError {
        IndexError::Locked {
            data_dir: self.path.clone(),
            holder: holder_of(file),
        }
    }

    /// The process that holds the writer's lock, as it wrote itself into the file. `None` if no process does.
    pub fn lock_holder(&self) -> Result<Option<String>, IndexError> {
        let path = self.path.join(LOCK);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(IndexError::file("open", path)(error)),
        };
        let is_locked = is_held(&file).map_err(IndexError::file("lock", path))?;
        Ok(is_locked.then(|| holder_of(&mut file)))
    }

    /// The folder of the current generation. `None` if there is no index yet.
    ///
    /// # Errors
    ///
    /// If the current generation has another schema version, or CURRENT does not name a generation.
    pub fn current(&self) -> Result<Option<PathBuf>, IndexError> {
        let path = self.path.join(CURRENT);
        let Some(name) = self.read_current()? else {
            return Ok(None);
        };
        let name = name.trim_end();
        let generation = self.path.join(name);
        match parse_name(name) {
            Some((version, _)) if version == self.schema_version => Ok(Some(generation)),
            Some((found, _)) => Err(IndexError::OtherSchema {
                path: generation,
                found,
                expected: self.schema_version,
            }),
            None => Err(IndexError::Damaged {
                what: format!(
                    "{} names {:?}, which is not a generation",
                    path.display(),
                    name.chars().take(MAX_QUOTED).collect::<String>()
                ),
            }),
        }
    }

    /// Like [`DataDir::current`], but accepts a generation of another schema version.
    pub fn current_of_any_schema(&self) -> Result<Option<PathBuf>, IndexError> {
        match self.current() {
            Err(IndexError::OtherSchema { path, .. }) => Ok(Some(path)),
            other => other,
        }
    }

    /// The folder of the generation after the current one. It may hold an unfinished rebuild.
    ///
    /// If it is not known which generation is current, its number is above the numbers of all generations.
    pub fn next_generation(&self) -> Result<PathBuf, IndexError> {
        let number = match self.current_number()? {
            Some(current) => current.saturating_add(1),
            None => self
                .numbers()?
                .into_iter()
                .max()
                .unwrap_or(0)
                .saturating_add(1),
        };
        let name = format!("assets-v{}-{number:06}", self.schema_version);
        Ok(self.path.join(name))
    }

    /// The number of the current generation, whatever its schema version is.
    fn current_number(&self) -> Result<Option<u32>, IndexError> {
        Ok(self.current_name()?.map(|(_, number)| number))
    }

    fn current_name(&self) -> Result<Option<(u32, u32)>, IndexError> {
        let name = self.read_current()?;
        Ok(name.and_then(|name| parse_name(name.trim_end())))
    }

    /// The beginning of CURRENT. Bytes that are not UTF-8 are replaced. `None` if the file does not exist.
    fn read_current(&self) -> Result<Option<String>, IndexError> {
        let path = self.path.join(CURRENT);
        let mut bytes = Vec::new();
        let read =
            File::open(&path).and_then(|file| file.take(MAX_CURRENT_BYTES).read_to_end(&mut bytes));
        match read {
            Ok(_) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(IndexError::file("read", path)(error)),
        }
    }

    /// The numbers of all generations on disk.
    fn numbers(&self) -> Result<Vec<u32>, IndexError> {
        let generations = self.generations()?;
        Ok(generations.into_iter().map(|(number, _)| number).collect())
    }

    /// All generations on disk, with their numbers, in no order.
    fn generations(&self) -> Result<Vec<(u32, PathBuf)>, IndexError> {
        let entries = fs::read_dir(&self.path).map_err(IndexError::file("read", &self.path))?;
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.map_err(IndexError::file("read", &self.path))?;
            if let Some((_, number)) = entry.file_name().to_str().and_then(parse_name) {
                found.push((number, entry.path()));
            }
        }
        Ok(found)
    }

    /// The generations of this schema version, ascending by number. The current one is included.
    pub fn generations_of_this_schema(&self) -> Result<Vec<PathBuf>, IndexError> {
        let mut generations = self.generations()?;
        generations.retain(|(_, path)| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.and_then(parse_name)
                .is_some_and(|(version, _)| version == self.schema_version)
        });
        generations.sort_unstable();
        Ok(generations.into_iter().map(|(_, path)| path).collect())
    }

    /// Whether there is a current generation.
    pub fn has_index(&self) -> Result<bool, IndexError> {
        Ok(self.read_current()?.is_some())
    }

    /// The names of all generations except the current one, sorted.
    ///
    /// A generation after the current one belongs to a rebuild that is running or did not finish. The next
    /// rebuild or one-shot reindex removes the generations before the current one.
    pub fn other_generations(&self) -> Result<Vec<String>, IndexError> {
        let current = self.read_current()?.unwrap_or_default();
        let generations = self.generations()?.into_iter();
        let names = generations.filter_map(|(_, path)| {
            let name = path.file_name()?.to_str()?;
            (name != current.trim_end()).then(|| name.to_owned())
        });
        let mut names: Vec<String> = names.collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Makes `generation` the current one, atomically and durably. A power failure leaves either the old or
    /// the new one current.
    pub fn publish(&self, generation: &Path) -> Result<(), IndexError> {
        let name = generation.file_name().unwrap_or_default().to_string_lossy();
        let current = self.path.join(CURRENT);
        let text = format!("{name}\n");
        replace_file(&current, text.as_bytes()).map_err(IndexError::file("replace", &current))?;
        sync_dir(&self.path)
    }

    /// Removes the generations before the current one. Only the holder of the lock may do that.
    pub fn remove_old(&self, _lock: &WriterLock) -> Result<(), IndexError> {
        let Some(current) = self.current_number()? else {
            return Ok(());
        };
        for (number, path) in self.generations()? {
            if number < current {
                fs::remove_dir_all(&path).map_err(IndexError::file("remove", &path))?;
            }
        }
        Ok(())
    }
}

/// Whether a writer holds the lock of this file. If no writer does, takes a shared lock for a moment.
fn is_held(file: &File) -> std::io::Result<bool> {
    match file.try_lock_shared() {
        Ok(()) => file.unlock().map(|()| false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Returns the text that the holder of the lock wrote into the file, such as `process 7`.
fn holder_of(file: &mut File) -> String {
    let mut holder = String::new();
    let read = file.take(MAX_HOLDER_BYTES).read_to_string(&mut holder);
    match holder.trim() {
        name if read.is_ok() && !name.is_empty() => name.to_owned(),
        _ => "another process".to_owned(),
    }
}

/// Makes new files and renames in the folder durable.
pub fn sync_dir(path: &Path) -> Result<(), IndexError> {
    File::open(path)
        .and_then(|dir| dir.sync_all())
        .map_err(IndexError::file("sync", path))
}

/// The schema version in the name of a generation.
pub(super) fn schema_version_of(generation: &str) -> Option<u32> {
    parse_name(generation).map(|(version, _)| version)
}

/// Schema version and number of `assets-v1-000001`.
fn parse_name(name: &str) -> Option<(u32, u32)> {
    let (version, number) = name.strip_prefix("assets-v")?.split_once('-')?;
    Some((version.parse().ok()?, number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_generation_becomes_current_and_older_ones_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::new(folder.path(), 1);
        assert_eq!(dir.current().unwrap(), None);
        let first = dir.next_generation().unwrap();
        assert!(first.ends_with("assets-v1-000001"));
        for generation in [&first, &folder.path().join("assets-v1-000002")] {
            fs::create_dir(generation).unwrap();
            dir.publish(generation).unwrap();
            assert_eq!(dir.current().unwrap().as_ref(), Some(generation));
        }
        assert!(dir.next_generation().unwrap().ends_with("assets-v1-000003"));
        let lock = dir.lock().unwrap();
        dir.remove_old(&lock).unwrap();
        assert!(!first.exists() && dir.current().unwrap().unwrap().exists());
    }

    #[test]
    fn current_rejects_another_schema_version_but_next_generation_continues_its_numbers() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(CURRENT), "assets-v7-000004\n").unwrap();
        let dir = DataDir::new(folder.path(), 1);
        let text = dir.current().unwrap_err().to_string();
        assert!(text.contains("reindex --rebuild") && text.contains("assets-v7-000004"));
        assert!(dir.next_generation().unwrap().ends_with("assets-v1-000005"));
    }

    #[test]
    fn next_generation_is_above_all_if_current_is_unknown() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::new(folder.path(), 1);
        fs::create_dir(folder.path().join("assets-v1-000003")).unwrap();
        assert!(dir.next_generation().unwrap().ends_with("assets-v1-000004"));
        fs::write(folder.path().join(CURRENT), "../../etc").unwrap();
        assert!(dir.current().unwrap_err().to_string().contains("--rebuild"));
        assert!(dir.next_generation().unwrap().ends_with("assets-v1-000004"));
        dir.remove_old(&dir.lock().unwrap()).unwrap();
        assert!(folder.path().join("assets-v1-000003").exists());
    }

    #[test]
    fn error_quotes_only_the_beginning_of_an_invalid_current_file() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::new(folder.path(), 1);
        // A text that begins like a name, but is longer than what is read, is not a name either.
        for text in [
            "é".repeat(1 << 20),
            format!("assets-v1-{}1", "x".repeat(1 << 20)),
        ] {
            fs::write(folder.path().join(CURRENT), &text).unwrap();
            let quoted: String = text.chars().take(80).collect();
            let error = dir.current().unwrap_err().to_string();
            let words = format!("CURRENT names \"{quoted}\", which is not a generation");
            assert!(error.contains(&words), "{error}");
        }
        assert_eq!(dir.read_current().unwrap().unwrap().len(), 256);
    }

    #[test]
    fn lock_error_names_the_process_that_holds_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::new(folder.path().join("new"), 1);
        assert_eq!(dir.lock_holder().unwrap(), None);
        let lock = dir.lock().unwrap();
        let ours = format!("process {}", std::process::id());
        assert_eq!(dir.lock_holder().unwrap(), Some(ours));
        let text = dir.lock().unwrap_err().to_string();
        assert!(
            text.contains(&format!("process {}", std::process::id())),
            "{text}"
        );
        assert_eq!(
            dir.lock_holder().unwrap(),
            Some(format!("process {}", std::process::id()))
        );
        drop(lock);
        assert_eq!(dir.lock_holder().unwrap(), None);
        dir.lock().unwrap();
    }

    #[test]
    fn root_cannot_lock_the_folder_of_another_user() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::new(folder.path(), 1);
        drop(dir.lock().unwrap());
        // Only root can change the owner of a folder. If the test does not run as root, this fails.
        if std::os::unix::fs::chown(folder.path(), Some(7), None).is_ok() {
            let text = dir.lock().unwrap_err().to_string();
            assert!(text.contains("runuser") && text.contains("#7"), "{text}");
        }
    }

    #[test]
    fn testing_the_lock_does_not_keep_a_writer_out() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::new(folder.path(), 1);
        assert_eq!(
            dir.lock_holder().unwrap(),
            None,
            "there is no lock file yet"
        );
        drop(dir.lock().unwrap());
        let is_over = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                    dir.lock_holder().unwrap();
                }
            });
            let locked: Vec<_> = (0..200).map(|_| dir.lock().map(drop)).collect();
            is_over.store(true, std::sync::atomic::Ordering::Relaxed);
            assert!(
                locked.iter().all(Result::is_ok),
                "a test of the lock kept a writer out"
            );
        });
    }

    #[test]
    fn other_generations_are_all_except_the_current_one() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::new(folder.path(), 2);
        for name in [
            "assets-v2-000004",
            "assets-v2-000003",
            "assets-v1-000001",
            "quarantine",
        ] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        fs::write(folder.path().join(CURRENT), "assets-v2-000003\n").unwrap();
        let others = ["assets-v1-000001", "assets-v2-000004"];
        assert_eq!(dir.other_generations().unwrap(), others);
    }
}
