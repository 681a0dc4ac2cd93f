//! The audit: reads one whole commit and reports everything that this program could not have written.
//!
//! It checks three things:
//!
//! - Every file matches its checksum (tantivy writes the checksums).
//! - Every record is possible ([`crate::core::replication::invariants`]).
//! - In every document, all fields have the values that this program derives from the key and the record.
//!
//! It does not compare the index with the bucket. It takes no lock and does not block the writer. Its memory
//! use does not grow with the size of the index.

use std::fmt;
use std::path::Path;
use std::thread;

use serde::Serialize;
use tantivy::index::Segment;

use super::payload::Payload;
use super::pinned_commit::{Damage, PinnedCommit};
use super::{check_schema, commit, failure};
use crate::core::replication::checkpoint::Checkpoint;
use crate::core::replication::invariants;
use crate::index::IndexError;

mod fields;
mod fingerprint;
mod keys;
mod segment;

/// Maximum number of problems in a report. Further problems are only counted.
pub const MAX_PROBLEMS: usize = 100;

/// The result of an audit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AuditReport {
    /// Number of files whose checksums were compared.
    pub files: u64,
    /// Size of these files in bytes.
    pub bytes: u64,
    /// Number of segments that could be read.
    pub segments: u64,
    /// Number of live records in these segments.
    pub assets: u64,
    /// Number of tombstones in these segments.
    pub tombstones: u64,
    /// The first problems, up to [`MAX_PROBLEMS`].
    pub problems: Vec<Problem>,
    /// Number of further problems.
    pub more_problems: u64,
}

/// A problem that an audit found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "in", rename_all = "snake_case")]
pub enum Problem {
    /// A file is damaged.
    File {
        /// The name of the file.
        file: String,
        /// The problem, as a clause such as `it is missing`.
        what: String,
    },
    /// The files of a segment match their checksums, but the contents are wrong.
    Segment {
        /// The id of the segment. The names of its files begin with it.
        segment: String,
        /// The problem, as a clause such as `it is missing`.
        what: String,
    },
    /// The state of a Source in the checkpoint is wrong.
    Source {
        /// The name of the Source.
        source: String,
        /// The problem, as a clause such as `it is missing`.
        what: String,
    },
    /// A record is wrong.
    Record {
        /// The name of the record's Source.
        source: String,
        /// The record's key.
        key: String,
        /// The problem, as a clause such as `it is missing`.
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

/// The progress of an audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditProgress {
    /// The data that is being read: `files` or `records`.
    pub phase: &'static str,
    /// The part that was read, in bytes for `files` and in documents for `records`.
    pub done: u64,
    /// The total, in the same unit.
    pub total: u64,
}

/// A callback that receives the progress of an audit from time to time.
pub type OnProgress<'a> = &'a (dyn Fn(AuditProgress) + Sync);

impl AuditReport {
    /// Whether the audit found no problem.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }

    fn add(&mut self, problem: Problem) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem)
        } else {
            self.more_problems += 1
        }
    }
}

/// Audits the newest commit of the index in the folder.
///
/// It returns an error if the audit is impossible: `meta.json` cannot be read, the index has another schema
/// version, or the disk fails. All other damage is in the report.
pub fn audit(path: &Path, on_progress: OnProgress<'_>) -> Result<AuditReport, IndexError> {
    let commit = PinnedCommit::newest(path)?;
    let index = check_schema(commit.index.clone(), path)?;
    let Payload {
        checkpoint,
        records,
        ..
    } = Payload::read(commit.metas.payload.as_deref())?;
    let mut report = AuditReport::default();
    for (source, violation) in invariants::of_checkpoint(&checkpoint) {
        let what = violation.to_string();
        report.add(Problem::Source { source, what });
    }
    let damages = check_files(&commit, &mut report, on_progress)?;
    let segments = index.searchable_segments();
    let mut segments = segments.map_err(failure::failed_to("read the index"))?;
    segments.retain(|segment| damages.iter().all(|damage| damage.segment != segment.id()));
    check_segments(&segments, &checkpoint, &mut report, on_progress);
    let counts = commit
        .metas
        .segments
        .iter()
        .map(|segment| u64::from(segment.num_docs()));
    if let Some(what) = commit::wrong_count(records, counts.sum()) {
        let segment = "all".to_owned();
        report.add(Problem::Segment { segment, what });
    }
    Ok(report)
}

/// Compares every file with its checksum. Returns the damaged files.
fn check_files(
    commit: &PinnedCommit,
    report: &mut AuditReport,
    on_progress: OnProgress<'_>,
) -> Result<Vec<Damage>, IndexError> {
    (report.files, report.bytes) = (commit.files() as u64, commit.bytes());
    let total = report.bytes;
    let damages = commit.damages(|done| {
        on_progress(AuditProgress {
            phase: "files",
            done,
            total,
        });
    })?;
    for damage in &damages {
        report.add(Problem::File {
            file: damage.file.clone(),
            what: damage.what.clone(),
        });
    }
    Ok(damages)
}

/// Checks the segments whose files match their checksums. Each segment is read on its own thread because
/// tantivy may panic on contents that it would not write.
fn check_segments(
    segments: &[Segment],
    checkpoint: &Checkpoint,
    report: &mut AuditReport,
    on_progress: OnProgress<'_>,
) {
    let documents = segments.iter().map(|it| u64::from(it.meta().max_doc()));
    let total = documents.sum();
    let progress_after = |before: u64| {
        move |done: u64| {
            on_progress(AuditProgress {
                phase: "records",
                done: before + done,
                total,
            });
        }
    };
    let mut readable = Vec::with_capacity(segments.len());
    let mut before = 0;
    for segment in segments {
        let on_docs_done = progress_after(before);
        let name = segment.id().uuid_string();
        let checked = run_on_thread(&name, || {
            segment::check(segment, checkpoint, report, &on_docs_done)
        });
        match checked {
            Ok(columns) => readable.push((columns, name)),
            Err(what) => report.add(Problem::Segment {
                segment: name,
                what,
            }),
        }
        before += u64::from(segment.meta().max_doc());
    }
    report.segments = readable.len() as u64;
    if let Err(what) = run_on_thread("all", || keys::check(&readable, checkpoint, report)) {
        let segment = "all".to_owned();
        report.add(Problem::Segment { segment, what });
    }
}

/// Runs a check of a segment on its own thread. A panic becomes an error.
pub(super) fn run_on_thread<T: Send>(
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
        // Without the advice that `IndexError::Damaged` adds: the caller gives it once for all problems.
        Ok(Ok(Err(IndexError::Damaged { what }))) => Err(what),
        Ok(Ok(Err(error))) => Err(error.to_string()),
        Ok(Err(panic)) => Err(format!(
            "it cannot be read: {}",
            failure::panic_message(&*panic)
        )),
        Err(error) => Err(format!("failed to start a thread to read it: {error}")),
    }
}

#[cfg(test)]
mod tests;
