//! Messages that cannot be handled, kept on disk for whoever looks into them.
//!
//! ```text
//! quarantine/                       mode 0700, in the data directory
//! quarantine/0123456789abcdef.json  one message, mode 0600
//! quarantine/incoming.tmp           one that is being written, or was when the power went
//! ```
//!
//! It holds copies for people: no message is acknowledged because of it, so what becomes of the
//! message itself is up to the queue's redrive policy. What a body means is not looked at.
//!
//! One process keeps messages: the one that holds the lock of the data directory. Any other may read
//! and remove them meanwhile.

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

/// The most messages that are kept.
pub const MAX_MESSAGES: usize = 1_000;
/// The most bytes that the files of all kept messages have together.
pub const MAX_BYTES: u64 = 64_000_000;
/// How soon it is looked again at the folder for what another process has removed from it.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The folder in the data directory.
const FOLDER: &str = "quarantine";
/// What a message is written to before it gets its name.
const INCOMING: &str = "incoming.tmp";

/// The messages in quarantine, shared by all who keep, show and remove them.
///
/// The methods wait for the disk.
#[derive(Debug)]
pub struct Quarantine {
    folder: PathBuf,
    bounds: Bounds,
    known: Mutex<Known>,
}

/// What became of a message that was to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepOutcome {
    /// It is kept now.
    New,
    /// It had been kept before; nothing was written.
    AlreadyKept,
    /// It is not kept: [`MAX_MESSAGES`] or [`MAX_BYTES`] are reached.
    Full,
}

/// How much is kept at most.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    messages: usize,
    bytes: u64,
}

/// What there was when it was last looked, and what was kept since.
#[derive(Debug)]
struct Known {
    /// Bytes of each message's file, by id.
    files: BTreeMap<String, u64>,
    /// When the folder was last looked at again.
    looked: Option<Instant>,
}

impl Quarantine {
    /// Opens the quarantine of a data directory.
    ///
    /// Nothing is made here: the folder comes with the first message, so that whoever only looks
    /// leaves no folder behind that the daemon's user cannot write to.
    pub fn open(data_dir: &Path) -> Result<Self, QuarantineError> {
        let bounds = Bounds {
            messages: MAX_MESSAGES,
            bytes: MAX_BYTES,
        };
        Self::with_bounds(data_dir, bounds)
    }

    fn with_bounds(data_dir: &Path, bounds: Bounds) -> Result<Self, QuarantineError> {
        let folder = data_dir.join(FOLDER);
        let known = Known {
            files: files_in(&folder)?,
            looked: None,
        };
        Ok(Self {
            folder,
            bounds,
            known: Mutex::new(known),
        })
    }

    /// Keeps a message, unless it is kept already or there is no room for it.
    pub fn keep(&self, suspect: &FailedMessage<'_>) -> Result<KeepOutcome, QuarantineError> {
        let now = Timestamp::from_millis(jiff::Timestamp::now().as_millisecond());
        let entry = suspect.entry(now);
        let mut known = self.known();
        let path = self.path_of(&entry.id);
        // Asked of the disk, because another process may have removed it.
        if path
            .try_exists()
            .map_err(QuarantineError::of("look for", &path))?
        {
            return Ok(KeepOutcome::AlreadyKept);
        }
        known.files.remove(&entry.id);
        let text = serde_json::to_vec_pretty(&entry).expect("text and numbers are JSON");
        let bytes = text.len() as u64;
        if !known.has_room_for(bytes, self.bounds) {
            known.look_again(&self.folder)?;
            if !known.has_room_for(bytes, self.bounds) {
                return Ok(KeepOutcome::Full);
            }
        }
        self.write(&path, &text)?;
        known.files.insert(entry.id, bytes);
        Ok(KeepOutcome::New)
    }

    /// Writes a file whole or not at all. The lock on what is known must be held.
    fn write(&self, path: &Path, text: &[u8]) -> Result<(), QuarantineError> {
        let made = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder);
        made.map_err(QuarantineError::of("create", &self.folder))?;
        let incoming = self.folder.join(INCOMING);
        let written = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&incoming)
            .and_then(|mut file| {
                file.write_all(text)?;
                // Else a power cut could leave an empty file under the name.
                file.sync_all()
            });
        if let Err(cause) = written {
            // It may have filled the disk; if it cannot go, the next one is written over it.
            let _ = fs::remove_file(&incoming);
            return Err(QuarantineError::of("write", path)(cause));
        }
        fs::rename(&incoming, path).map_err(QuarantineError::of("write", path))
    }

    /// All that are kept, the newest first.
    ///
    /// A file that cannot be read is passed over, with a warning; [`Quarantine::remove`] removes it.
    pub fn list(&self) -> Result<Vec<QuarantineEntry>, QuarantineError> {
        let mut entries = Vec::new();
        for id in files_in(&self.folder)?.into_keys() {
            match self.get(&id) {
                Ok(Some(entry)) => entries.push(entry),
                // Removed meanwhile.
                Ok(None) => {}
                Err(error) => warn!(%error, "passing over a message in quarantine"),
            }
        }
        entries.sort_by(|a, b| (b.kept_at, &b.id).cmp(&(a.kept_at, &a.id)));
        Ok(entries)
    }

    /// The message of that id; `None` where there is none.
    pub fn get(&self, id: &str) -> Result<Option<QuarantineEntry>, QuarantineError> {
        if !is_id(id) {
            return Ok(None);
        }
        let path = self.path_of(id);
        let read = || -> io::Result<QuarantineEntry> {
            let about = fs::symlink_metadata(&path)?;
            if !about.is_file() || about.len() > MAX_BYTES {
                let why = "it is no file that a message was written to";
                return Err(io::Error::new(ErrorKind::InvalidData, why));
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
            Err(error) => Err(QuarantineError::of("read", &path)(error)),
        }
    }

    /// Removes the message of that id; whether there was one.
    pub fn remove(&self, id: &str) -> Result<bool, QuarantineError> {
        if !is_id(id) {
            return Ok(false);
        }
        let path = self.path_of(id);
        let mut known = self.known();
        let removed = match fs::remove_file(&path) {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::NotFound => false,
            Err(error) => return Err(QuarantineError::of("remove", &path)(error)),
        };
        known.files.remove(id);
        Ok(removed)
    }

    /// How many are kept; what another process removed in the last second may be among them.
    pub fn len(&self) -> usize {
        let mut known = self.known();
        if let Err(error) = known.look_again(&self.folder) {
            warn!(%error, "the quarantine cannot be counted anew");
        }
        known.files.len()
    }

    /// Whether none is kept; see [`Quarantine::len`].
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn path_of(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.json"))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // It is what was seen on disk, and is looked at anew: a panic elsewhere cannot spoil it.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn has_room_for(&self, bytes: u64, bounds: Bounds) -> bool {
        let taken: u64 = self.files.values().sum();
        self.files.len() < bounds.messages && taken.saturating_add(bytes) <= bounds.bytes
    }

    /// Looks at the folder, at most once in [`LOOK_AGAIN`]: it may be asked for each message of a
    /// flood.
    fn look_again(&mut self, folder: &Path) -> Result<(), QuarantineError> {
        let is_due = |looked: Instant| looked.elapsed() >= LOOK_AGAIN;
        if self.looked.is_none_or(is_due) {
            self.files = files_in(folder)?;
            self.looked = Some(Instant::now());
        }
        Ok(())
    }
}

/// The messages in the folder with the bytes of their files; what else lies there is left alone.
fn files_in(folder: &Path) -> Result<BTreeMap<String, u64>, QuarantineError> {
    let unreadable = || QuarantineError::of("read", folder);
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
            Ok(about) if about.is_file() => drop(files.insert(id.to_owned(), about.len())),
            Ok(_) => {}
            // Removed meanwhile.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(QuarantineError::of("read", &entry.path())(error)),
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests;
