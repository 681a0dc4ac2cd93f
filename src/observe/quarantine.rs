//! The quarantine: copies of messages that could not be handled, on disk, for people to inspect.
//!
//! ```text
//! quarantine/                       mode 0700, in the data directory
//! quarantine/0123456789abcdef.json  one message, mode 0600
//! quarantine/incoming.tmp           a message that is being written, or a leftover after a power cut
//! ```
//!
//! The quarantine does not acknowledge messages: the queue's redrive policy decides what happens to the
//! original. It does not decode bodies.
//!
//! Only the process that holds the lock of the data directory adds messages. Other processes may read and
//! remove them at the same time.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::warn;

use crate::core::replication::timestamp::Timestamp;

mod entry;
mod error;

use entry::is_id;
pub use entry::{FailedMessage, QuarantineEntry};
pub use error::QuarantineError;

/// Maximum number of messages.
pub const MAX_MESSAGES: usize = 1_000;
/// Maximum total size of the message files in bytes.
pub const MAX_BYTES: u64 = 64_000_000;
/// Minimum time between two reads of the folder, which find messages that another process removed.
const REFRESH_INTERVAL: Duration = Duration::from_secs(1);

/// The folder's name in the data directory.
const FOLDER: &str = "quarantine";
/// The name of the temporary file that a message is written to first.
const INCOMING: &str = "incoming.tmp";

/// The quarantine of a data directory.
///
/// The methods block on file I/O.
#[derive(Debug)]
pub struct Quarantine {
    folder: PathBuf,
    limits: Limits,
    known: Mutex<KnownFiles>,
}

/// The result of [`Quarantine::keep`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepOutcome {
    /// The message was written.
    New,
    /// The message is already in quarantine. Nothing was written.
    AlreadyKept,
    /// Nothing was written: [`MAX_MESSAGES`] or [`MAX_BYTES`] is reached.
    Full,
}

/// The limits of a quarantine.
#[derive(Clone, Copy, Debug)]
struct Limits {
    messages: usize,
    bytes: u64,
}

/// The files that the folder had at the last read, and those written since.
#[derive(Debug)]
struct KnownFiles {
    /// The size of each message's file in bytes, by id.
    files: BTreeMap<String, u64>,
    /// When [`KnownFiles::refresh`] last read the folder.
    read_at: Option<Instant>,
}

impl Quarantine {
    /// Opens the quarantine of a data directory.
    ///
    /// This does not create the folder: the first message does. Otherwise a command run by another user could
    /// create a folder that the daemon cannot write to.
    pub fn open(data_dir: &Path) -> Result<Self, QuarantineError> {
        let limits = Limits {
            messages: MAX_MESSAGES,
            bytes: MAX_BYTES,
        };
        Self::with_limits(data_dir, limits)
    }

    fn with_limits(data_dir: &Path, limits: Limits) -> Result<Self, QuarantineError> {
        let folder = data_dir.join(FOLDER);
        let known = KnownFiles {
            files: files_in(&folder)?,
            read_at: None,
        };
        Ok(Self {
            folder,
            limits,
            known: Mutex::new(known),
        })
    }

    /// Adds a message, unless it is already in quarantine or does not fit.
    pub fn keep(&self, message: &FailedMessage<'_>) -> Result<KeepOutcome, QuarantineError> {
        let now = Timestamp::from_millis(jiff::Timestamp::now().as_millisecond());
        let entry = message.entry(now);
        let mut known = self.known();
        let path = self.path(&entry.id);
        // Check the disk, because another process may have removed it.
        if path
            .try_exists()
            .map_err(QuarantineError::new("look for", &path))?
        {
            return Ok(KeepOutcome::AlreadyKept);
        }
        known.files.remove(&entry.id);
        let text = serde_json::to_vec_pretty(&entry).expect("text and numbers are JSON");
        let bytes = text.len() as u64;
        if !known.fits(bytes, self.limits) {
            known.refresh(&self.folder)?;
            if !known.fits(bytes, self.limits) {
                return Ok(KeepOutcome::Full);
            }
        }
        self.write(&path, &text)?;
        known.files.insert(entry.id, bytes);
        Ok(KeepOutcome::New)
    }

    /// Writes a file atomically. The caller must hold the lock on the known files.
    fn write(&self, path: &Path, text: &[u8]) -> Result<(), QuarantineError> {
        let created = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder);
        created.map_err(QuarantineError::new("create", &self.folder))?;
        let incoming = self.folder.join(INCOMING);
        let written = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&incoming)
            .and_then(|mut file| {
                file.write_all(text)?;
                // Without this, a power cut could leave an empty file with the final name.
                file.sync_all()
            });
        if let Err(cause) = written {
            // The file may have filled the disk. If it cannot be removed, the next message overwrites it.
            let _ = fs::remove_file(&incoming);
            return Err(QuarantineError::new("write", path)(cause));
        }
        fs::rename(&incoming, path).map_err(QuarantineError::new("write", path))
    }

    /// All messages, newest first.
    ///
    /// Skips unreadable files with a warning. [`Quarantine::remove`] removes them.
    pub fn list(&self) -> Result<Vec<QuarantineEntry>, QuarantineError> {
        let mut entries = Vec::new();
        for id in files_in(&self.folder)?.into_keys() {
            match self.get(&id) {
                Ok(Some(entry)) => entries.push(entry),
                // Another process removed it.
                Ok(None) => {}
                Err(error) => warn!(%error, "skipping an unreadable message in quarantine"),
            }
        }
        entries.sort_by(|a, b| (b.kept_at, &b.id).cmp(&(a.kept_at, &a.id)));
        Ok(entries)
    }

    /// The message with this id, if it exists.
    pub fn get(&self, id: &str) -> Result<Option<QuarantineEntry>, QuarantineError> {
        if !is_id(id) {
            return Ok(None);
        }
        let path = self.path(id);
        let read = || -> io::Result<QuarantineEntry> {
            let metadata = fs::symlink_metadata(&path)?;
            if !metadata.is_file() || metadata.len() > MAX_BYTES {
                let problem = "not the file of a message";
                return Err(io::Error::new(ErrorKind::InvalidData, problem));
            }
            let entry: QuarantineEntry = serde_json::from_slice(&fs::read(&path)?)?;
            Ok(QuarantineEntry {
                id: id.to_owned(),
                ..entry
            })
        };
        match read() {
            Ok(entry) => Ok(Some(entry)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(QuarantineError::new("read", &path)(error)),
        }
    }

    /// Removes the message with this id. Returns whether it existed.
    pub fn remove(&self, id: &str) -> Result<bool, QuarantineError> {
        if !is_id(id) {
            return Ok(false);
        }
        let path = self.path(id);
        let mut known = self.known();
        let removed = match fs::remove_file(&path) {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::NotFound => false,
            Err(error) => return Err(QuarantineError::new("remove", &path)(error)),
        };
        known.files.remove(id);
        Ok(removed)
    }

    /// The number of messages. May include messages that another process removed in the last second.
    pub fn len(&self) -> usize {
        let mut known = self.known();
        if let Err(error) = known.refresh(&self.folder) {
            warn!(%error, "counting the messages in quarantine failed; using the last count");
        }
        known.files.len()
    }

    /// Whether there are no messages, see [`Quarantine::len`].
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn path(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.json"))
    }

    fn known(&self) -> MutexGuard<'_, KnownFiles> {
        // It only caches what is in the folder, so it is usable even after another holder panicked.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KnownFiles {
    /// Whether a file of this size fits into the limits.
    fn fits(&self, bytes: u64, limits: Limits) -> bool {
        let used: u64 = self.files.values().sum();
        self.files.len() < limits.messages && used.saturating_add(bytes) <= limits.bytes
    }

    /// Reads the folder again, at most once per [`REFRESH_INTERVAL`], because many messages may fail at once.
    fn refresh(&mut self, folder: &Path) -> Result<(), QuarantineError> {
        let is_due = |read_at: Instant| read_at.elapsed() >= REFRESH_INTERVAL;
        if self.read_at.is_none_or(is_due) {
            self.files = files_in(folder)?;
            self.read_at = Some(Instant::now());
        }
        Ok(())
    }
}

/// The message files in the folder with their sizes in bytes. Ignores other files.
fn files_in(folder: &Path) -> Result<BTreeMap<String, u64>, QuarantineError> {
    let unreadable = || QuarantineError::new("read", folder);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(unreadable()(error)),
    };
    let mut files = BTreeMap::new();
    for entry in entries {
        let entry = entry.map_err(unreadable())?;
        let name = entry.file_name();
        let id = name.to_str().and_then(|name| name.strip_suffix(".json"));
        let Some(id) = id.filter(|id| is_id(id)) else {
            continue;
        };
        match entry.metadata() {
            Ok(metadata) if metadata.is_file() => {
                files.insert(id.to_owned(), metadata.len());
            }
            Ok(_) => {}
            // Another process removed it.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(QuarantineError::new("read", &entry.path())(error)),
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests;
