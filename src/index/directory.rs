//! The data directory: which generation of the index is the live one, and who may write.
//!
//! ```text
//! writer.lock              held by the one process that writes
//! CURRENT                  the name of the live generation
//! assets-v1-000001/        a generation: schema version and number
//! ```
//!
//! A rebuild fills the next generation and then replaces CURRENT in one rename. What is inside a
//! generation is the engine's affair.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::IndexError;

/// Names the live generation.
const CURRENT: &str = "CURRENT";
/// Held while an index is written.
const LOCK: &str = "writer.lock";
/// How often the lock is tried again while somebody only looks whether it is held, and after how long:
/// a look takes microseconds, but whoever looks may have to wait for a processor.
const MAX_LOOKS: usize = 2_000;
const LOOK_PAUSE: Duration = Duration::from_millis(1);
/// The most bytes that are read of the lock's file to name its holder.
const MAX_HOLDER_BYTES: u64 = 200;
/// The most bytes that are read of CURRENT: many more than a name has.
const MAX_CURRENT_BYTES: u64 = 256;
/// The most characters that are quoted of what it holds instead of a name.
const MAX_QUOTED: usize = 80;

/// The folder that holds the generations of an index.
#[derive(Clone, Debug)]
pub struct DataDir {
    path: PathBuf,
    schema_version: u32,
}

/// Keeps other writers out until it is dropped; the kernel drops it with the process.
#[derive(Debug)]
pub struct WriterLock {
    _file: File,
}

impl DataDir {
    /// The data directory at `path`, for indexes of that schema version.
    pub fn new(path: impl Into<PathBuf>, schema_version: u32) -> Self {
        Self {
            path: path.into(),
            schema_version,
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the writer's lock, making the folder where there is none.
    pub fn lock(&self) -> Result<WriterLock, IndexError> {
        fs::create_dir_all(&self.path).map_err(IndexError::file("create", &self.path))?;
        self.check_owner()?;
        let path = self.path.join(LOCK);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(IndexError::file("open", &path))?;
        let mut looks = 0;
        while let Err(refused) = file.try_lock() {
            looks += 1;
            if let TryLockError::Error(error) = refused {
                return Err(IndexError::file("lock", path)(error));
            }
            if looks > MAX_LOOKS || is_held(&file).map_err(IndexError::file("lock", &path))? {
                return Err(self.locked_by(&mut file));
            }
            std::thread::sleep(LOOK_PAUSE);
        }
        let holder = format!("process {}\n", std::process::id());
        file.set_len(0)
            .and_then(|()| file.write_all(holder.as_bytes()))
            .map_err(IndexError::file("write", &path))?;
        Ok(WriterLock { _file: file })
    }

    /// What root writes into the folder of another user, that one could not read or replace.
    fn check_owner(&self) -> Result<(), IndexError> {
        let about = fs::metadata(&self.path).map_err(IndexError::file("look at", &self.path))?;
        match about.uid() {
            owner if owner != 0 && rustix::process::geteuid().is_root() => {
                Err(IndexError::OfAnotherUser {
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

    /// Who holds the writer's lock, as they left it; `None` where nobody does.
    pub fn lock_holder(&self) -> Result<Option<String>, IndexError> {
        let path = self.path.join(LOCK);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(IndexError::file("open", path)(error)),
        };
        let held = is_held(&file).map_err(IndexError::file("lock", path))?;
        Ok(held.then(|| holder_of(&mut file)))
    }

    /// The live generation; `None` where there is no index yet.
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
                wanted: self.schema_version,
            }),
            None => Err(IndexError::Damaged {
                what: format!(
                    "{} names {:?}, which is no generation",
                    path.display(),
                    name.chars().take(MAX_QUOTED).collect::<String>()
                ),
            }),
        }
    }

    /// The live generation, also if this program cannot read it.
    pub fn current_of_any_schema(&self) -> Result<Option<PathBuf>, IndexError> {
        match self.current() {
            Err(IndexError::OtherSchema { path, .. }) => Ok(Some(path)),
            other => other,
        }
    }

    /// The folder of the generation behind the live one; it may hold a rebuild that did not end.
    ///
    /// Where no generation is known to be live, it is behind all that there are.
    pub fn next_generation(&self) -> Result<PathBuf, IndexError> {
        let number = match self.current_number()? {
            Some(live) => live.saturating_add(1),
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

    /// The number of the live generation, of whatever schema version.
    fn current_number(&self) -> Result<Option<u32>, IndexError> {
        Ok(self.current_name()?.map(|(_, number)| number))
    }

    /// The schema version of the live generation; `None` where none is known to be live.
    pub fn current_schema_version(&self) -> Result<Option<u32>, IndexError> {
        Ok(self.current_name()?.map(|(version, _)| version))
    }

    fn current_name(&self) -> Result<Option<(u32, u32)>, IndexError> {
        let name = self.read_current()?;
        Ok(name.and_then(|name| parse_name(name.trim_end())))
    }

    /// What CURRENT begins with, also where it is no text; `None` where there is no such file.
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

    /// The numbers of all generations whose folders exist.
    fn numbers(&self) -> Result<Vec<u32>, IndexError> {
        let generations = self.generations()?;
        Ok(generations.into_iter().map(|(number, _)| number).collect())
    }

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

    /// The generations of this schema, ascending by number, whichever is the live one.
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

    /// The names of the generations that are not the live one: what a rebuild left that did not end, or
    /// is filling. One of before the live one goes with the next rebuild.
    pub fn other_generations(&self) -> Result<Vec<String>, IndexError> {
        let live = self.read_current()?.unwrap_or_default();
        let generations = self.generations()?.into_iter();
        let names = generations.filter_map(|(_, path)| {
            let name = path.file_name()?.to_str()?;
            (name != live.trim_end()).then(|| name.to_owned())
        });
        let mut names: Vec<String> = names.collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Makes `generation` the live one, in one step that a power cut cannot halve.
    pub fn publish(&self, generation: &Path) -> Result<(), IndexError> {
        let name = generation.file_name().unwrap_or_default().to_string_lossy();
        let draft = self.path.join("CURRENT.new");
        let write_draft = || -> std::io::Result<()> {
            let mut file = File::create(&draft)?;
            writeln!(file, "{name}")?;
            file.sync_all()
        };
        write_draft().map_err(IndexError::file("write", &draft))?;
        let current = self.path.join(CURRENT);
        fs::rename(&draft, &current).map_err(IndexError::file("replace", &current))?;
        sync_dir(&self.path)
    }

    /// Removes the generations before the live one; only the holder of the lock may.
    pub fn remove_old(&self, _lock: &WriterLock) -> Result<(), IndexError> {
        let Some(live) = self.current_number()? else {
            return Ok(());
        };
        for (number, path) in self.generations()? {
            if number < live {
                fs::remove_dir_all(&path).map_err(IndexError::file("remove", &path))?;
            }
        }
        Ok(())
    }
}

/// Whether a writer holds the lock of this file. It is taken for a moment where none does, together with
/// all others who look.
fn is_held(file: &File) -> std::io::Result<bool> {
    match file.try_lock_shared() {
        Ok(()) => file.unlock().map(|()| false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// What the holder of the lock has written into it.
fn holder_of(file: &mut File) -> String {
    let mut holder = String::new();
    let read = file.take(MAX_HOLDER_BYTES).read_to_string(&mut holder);
    match holder.trim() {
        named if read.is_ok() && !named.is_empty() => named.to_owned(),
        _ => "another process".to_owned(),
    }
}

/// Makes renames and new files in the folder durable.
pub fn sync_dir(path: &Path) -> Result<(), IndexError> {
    File::open(path)
        .and_then(|dir| dir.sync_all())
        .map_err(IndexError::file("sync", path))
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
    fn a_published_generation_is_the_live_one_and_older_ones_go() {
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
    fn another_schema_version_is_refused_and_the_next_generation_is_of_ours() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(CURRENT), "assets-v7-000004\n").unwrap();
        let dir = DataDir::new(folder.path(), 1);
        let text = dir.current().unwrap_err().to_string();
        assert!(text.contains("reindex --rebuild") && text.contains("assets-v7-000004"));
        assert!(dir.next_generation().unwrap().ends_with("assets-v1-000005"));
    }

    #[test]
    fn where_no_generation_is_known_to_be_live_the_next_is_behind_all() {
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
    fn little_is_quoted_of_a_pointer_that_is_something_else() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::new(folder.path(), 1);
        // A name behind which there is more than is read is none either.
        for text in [
            "é".repeat(1 << 20),
            format!("assets-v1-{}1", "x".repeat(1 << 20)),
        ] {
            fs::write(folder.path().join(CURRENT), &text).unwrap();
            let quoted: String = text.chars().take(80).collect();
            let said = dir.current().unwrap_err().to_string();
            let words = format!("CURRENT names \"{quoted}\", which is no generation");
            assert!(said.contains(&words), "{said}");
        }
        assert_eq!(dir.read_current().unwrap().unwrap().len(), 256);
    }

    #[test]
    fn a_second_writer_is_refused_with_the_name_of_the_first() {
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
    fn root_does_not_write_where_another_user_does() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::new(folder.path(), 1);
        drop(dir.lock().unwrap());
        // Nobody but root can give a folder away.
        if std::os::unix::fs::chown(folder.path(), Some(7), None).is_ok() {
            let text = dir.lock().unwrap_err().to_string();
            assert!(text.contains("runuser") && text.contains("#7"), "{text}");
        }
    }

    #[test]
    fn whoever_looks_for_a_writer_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::new(folder.path(), 1);
        assert_eq!(dir.lock_holder().unwrap(), None, "no such file");
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
            assert!(locked.iter().all(Result::is_ok), "a look is no writer");
        });
    }

    #[test]
    fn generations_that_are_not_live_are_named() {
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
