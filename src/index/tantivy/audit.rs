//! Reads one commit whole, and looks for what no history of commits leads to.
//!
//! Three things are looked at: whether each file is as it was written (tantivy's checksums), whether each
//! record is possible ([`crate::core::replication::invariants`]), and whether everything that is derived from keys and
//! records is what this program derives, in all documents. What the bucket says is not asked. It needs
//! no lock and stops nobody from writing; its memory does not grow with the index.

use std::fmt;
use std::path::Path;
use std::thread;

use serde::Serialize;
use tantivy::index::Segment;

use super::held::{Damage, HeldCommit};
use super::{failure, payload, with_our_schema};
use crate::core::replication::checkpoint::Checkpoint;
use crate::core::replication::invariants;
use crate::index::IndexError;

mod keys;
mod prints;
mod segment;
mod stored;

/// The most problems that are told one by one; the others are counted.
pub const MAX_PROBLEMS: usize = 100;

/// What an audit has found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// Files whose checksums were compared.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Segments that could be read.
    pub segments: u64,
    /// Live records in them.
    pub assets: u64,
    /// Tombstones in them.
    pub tombstones: u64,
    /// What is wrong, up to [`MAX_PROBLEMS`].
    pub problems: Vec<Problem>,
    /// How many problems there are beyond those.
    pub more_problems: u64,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "in", rename_all = "snake_case")]
pub enum Problem {
    /// A file of the index.
    File {
        /// Its name.
        file: String,
        /// What is wrong.
        what: String,
    },
    /// A segment, whose files are whole.
    Segment {
        /// What the names of its files begin with.
        segment: String,
        /// What is wrong.
        what: String,
    },
    /// What is known of a Source.
    Source {
        /// Its name.
        source: String,
        /// What is wrong.
        what: String,
    },
    /// One record.
    Record {
        /// The name of its Source.
        source: String,
        /// Its key.
        key: String,
        /// What is wrong.
        what: String,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file, what } => write!(out, "file {file}: {what}"),
            Self::Segment { segment, what } => write!(out, "segment {segment}: {what}"),
            Self::Source { source, what } => write!(out, "Source {source:?}: {what}"),
            Self::Record { source, key, what } => {
                write!(out, "key {key:?} of Source {source:?}: {what}")
            }
        }
    }
}

/// How far an audit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What is being read: `files`, in bytes, or `records`, in documents.
    pub what: &'static str,
    /// How much has been read.
    pub done: u64,
    /// How much there is.
    pub total: u64,
}

/// Told now and then how far an audit is.
pub type Watcher<'a> = &'a (dyn Fn(Step) + Sync);

impl Audit {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }

    fn note(&mut self, problem: Problem) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem)
        } else {
            self.more_problems += 1
        }
    }
}

/// Audits the newest commit of the index in the folder.
///
/// An error means that it could not be done: `meta.json` cannot be read, the index is of another schema,
/// or the disk refuses. All other damage is in the result.
pub fn audit(path: &Path, watcher: Watcher<'_>) -> Result<Audit, IndexError> {
    let commit = HeldCommit::newest(path)?;
    let index = with_our_schema(commit.index.clone(), path)?;
    let (checkpoint, _) = payload::read(commit.metas.payload.as_deref())?;
    let mut audit = Audit::default();
    for (source, impossible) in invariants::of_checkpoint(&checkpoint) {
        let what = impossible.to_string();
        audit.note(Problem::Source { source, what });
    }
    let damages = check_files(&commit, &mut audit, watcher)?;
    let segments = index.searchable_segments();
    let mut segments = segments.map_err(failure::of("read the index"))?;
    segments.retain(|segment| damages.iter().all(|damage| damage.segment != segment.id()));
    read_segments(&segments, &checkpoint, &mut audit, watcher);
    Ok(audit)
}

/// Compares every file with its checksum.
fn check_files(
    commit: &HeldCommit,
    audit: &mut Audit,
    watcher: Watcher<'_>,
) -> Result<Vec<Damage>, IndexError> {
    (audit.files, audit.bytes) = (commit.files() as u64, commit.bytes());
    let total = audit.bytes;
    let damages = commit.damages(|done| {
        watcher(Step {
            what: "files",
            done,
            total,
        });
    })?;
    for damage in &damages {
        audit.note(Problem::File {
            file: damage.file.clone(),
            what: damage.what.clone(),
        });
    }
    Ok(damages)
}

/// Reads the segments whose files are whole. Each is read on a thread of its own: tantivy panics where it
/// reads what it would not have written.
fn read_segments(
    segments: &[Segment],
    checkpoint: &Checkpoint,
    audit: &mut Audit,
    watcher: Watcher<'_>,
) {
    let documents = segments.iter().map(|it| u64::from(it.meta().max_doc()));
    let total = documents.sum();
    let told_from = |before: u64| {
        move |done: u64| {
            watcher(Step {
                what: "records",
                done: before + done,
                total,
            });
        }
    };
    let mut readable = Vec::with_capacity(segments.len());
    let mut before = 0;
    for segment in segments {
        let told = told_from(before);
        let name = segment.id().uuid_string();
        let found = &mut *audit;
        match apart(&name, || segment::check(segment, checkpoint, found, &told)) {
            Ok(columns) => readable.push((columns, name)),
            Err(what) => audit.note(Problem::Segment {
                segment: name,
                what,
            }),
        }
        before += u64::from(segment.meta().max_doc());
    }
    audit.segments = readable.len() as u64;
    let found = &mut *audit;
    if let Err(what) = apart("all", || keys::check(&readable, checkpoint, found)) {
        let segment = "all".to_owned();
        audit.note(Problem::Segment { segment, what });
    }
}

/// Runs it on a thread of its own; a panic is an error like any other.
pub(super) fn apart<T: Send>(
    segment: &str,
    run: impl FnOnce() -> Result<T, IndexError> + Send,
) -> Result<T, String> {
    let joined = thread::scope(|scope| {
        let thread = thread::Builder::new().name(format!("audit of {segment}"));
        let running = thread.spawn_scoped(scope, run);
        running.map(thread::ScopedJoinHandle::join)
    });
    match joined {
        Ok(Ok(Ok(done))) => Ok(done),
        // What to do about damage is said once, where everything is told.
        Ok(Ok(Err(IndexError::Damaged { what }))) => Err(what),
        Ok(Ok(Err(error))) => Err(error.to_string()),
        Ok(Err(panic)) => Err(format!(
            "it cannot be read: {}",
            failure::message_of(&*panic)
        )),
        Err(error) => Err(format!("no thread could be started to read it: {error}")),
    }
}

#[cfg(test)]
mod tests;
