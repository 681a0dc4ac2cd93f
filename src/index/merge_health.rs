//! The health of an index's merges: how many failed, which files are damaged, and which segments merges leave out.
//!
//! The engine writes it from the threads that merge. The status board shows it. Damage in a file does not stop the
//! index: searches and commits continue, and merges leave the segment of the file out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::core::counters::Counter;

/// How long merges leave out the segments of a failed merge if none of their files is known to be damaged. The cause
/// may be temporary, for example a full disk.
const RETRY_PAUSE: Duration = Duration::from_secs(600);

/// The ending of a file that every segment has.
const EVERY_SEGMENT: &str = "fast";

/// The health of the merges of one index folder. Cheap to read while merges run.
#[derive(Debug)]
pub(crate) struct MergeHealth {
    folder: PathBuf,
    /// Merges that failed.
    pub failures: Counter,
    faults: Mutex<Faults>,
}

/// The reason why merges do not use some segments.
#[derive(Clone, Debug, Default)]
struct Faults {
    /// The damaged files by name, with the problem of each.
    damaged: BTreeMap<String, String>,
    /// The segments of failed merges, and when each may be merged again.
    paused: BTreeMap<String, Instant>,
}

impl MergeHealth {
    /// No fault is known yet in the index in this folder.
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            failures: Counter::default(),
            faults: Mutex::default(),
        }
    }

    /// Adds what was known before the index was opened again: the count, and the faults if it is the same index.
    pub(crate) fn continue_from(&self, earlier: &Self) {
        self.failures.add(earlier.failures.get());
        if self.folder == earlier.folder {
            let known = earlier.faults().clone();
            let mut faults = self.faults();
            faults.damaged.extend(known.damaged);
            faults.paused.extend(known.paused);
        }
    }

    /// Notes that a file is damaged, and logs it the first time. `what` is a clause such as `it is missing`.
    pub(crate) fn note_damage(&self, file: &str, what: &str) {
        let known = self
            .faults()
            .damaged
            .insert(file.to_owned(), what.to_owned());
        if known.is_none() {
            tracing::error!(
                file,
                reason = what,
                "a file of the index is damaged; merges leave it out, build a new index with `asset-indexer reindex \
                 --rebuild`"
            );
        }
    }

    /// Notes that a merge of these segments failed.
    pub(crate) fn note_failure(&self, segments: &[String], now: Instant) {
        self.failures.add(1);
        let mut faults = self.faults();
        if segments.iter().any(|segment| faults.is_damaged(segment)) {
            // Merges leave out only the damaged segment from now on.
            return;
        }
        let until = now + RETRY_PAUSE;
        let paused = segments.iter().map(|segment| (segment.clone(), until));
        faults.paused.extend(paused);
        drop(faults);
        tracing::warn!(
            segments = segments.len(),
            retry_in_seconds = RETRY_PAUSE.as_secs(),
            "a merge of index segments failed; trying again later"
        );
    }

    /// Whether a merge may use the segment.
    pub(crate) fn may_merge(&self, segment: &str, now: Instant) -> bool {
        let faults = self.faults();
        let is_paused = faults.paused.get(segment).is_some_and(|until| *until > now);
        !is_paused && !faults.is_damaged(segment)
    }

    /// The problem of the index and its remedy, for people. `None` if nothing is known to be wrong.
    ///
    /// Looks for the files: a fault is over when the file of its segment is gone.
    pub(crate) fn problem(&self) -> Option<String> {
        let mut faults = self.faults();
        let exists = |file: &str| self.folder.join(file).exists();
        faults.damaged.retain(|file, _| exists(file));
        faults
            .paused
            .retain(|segment, _| exists(&format!("{segment}.{EVERY_SEGMENT}")));
        let failed = faults.paused.len();
        match (
            faults.damaged.first_key_value(),
            faults.damaged.len(),
            failed,
        ) {
            (None, _, 0) => None,
            (None, _, _) => Some(format!(
                "merging {failed} of its segments failed, and is tried again; see the log, and run `asset-indexer index \
                 verify`"
            )),
            (Some((file, what)), files, _) => {
                let others = match files {
                    1 => String::new(),
                    _ => format!(" (and {} other files)", files - 1),
                };
                Some(format!(
                    "its file {file} is damaged: {what}{others}; build a new index with `asset-indexer reindex --rebuild`"
                ))
            }
        }
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        // Every holder changes single entries, so a panic leaves nothing half-written.
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Faults {
    /// Whether a file of the segment is damaged. The names of its files begin with its id.
    fn is_damaged(&self, segment: &str) -> bool {
        self.damaged.keys().any(|file| file.starts_with(segment))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    /// The health of a folder with the files of the segments `a` and `b`.
    fn health() -> (tempfile::TempDir, MergeHealth) {
        let folder = tempfile::tempdir().unwrap();
        for file in ["a.fast", "a.term", "b.fast"] {
            std::fs::write(folder.path().join(file), "").unwrap();
        }
        let health = MergeHealth::new(folder.path());
        (folder, health)
    }

    #[test]
    fn failed_segments_are_paused_and_then_tried_again() {
        let (folder, health) = health();
        let now = Instant::now();
        assert_eq!(health.problem(), None);
        health.note_failure(&segments(&["a", "b"]), now);
        assert_eq!(health.failures.get(), 1);
        let may_merge = |now| [health.may_merge("a", now), health.may_merge("c", now)];
        assert_eq!(may_merge(now), [false, true]);
        assert_eq!(may_merge(now + RETRY_PAUSE), [true, true]);
        assert!(health.problem().unwrap().contains("2 of its segments"));
        for file in ["a.fast", "b.fast"] {
            std::fs::remove_file(folder.path().join(file)).unwrap();
        }
        assert_eq!(health.problem(), None, "the segments were merged");
    }

    #[test]
    fn only_the_damaged_segment_of_a_failed_merge_is_left_out() {
        let (folder, health) = health();
        let now = Instant::now();
        health.note_damage("a.term", "it is odd");
        health.note_failure(&segments(&["a", "b"]), now);
        let may_merge = ["a", "b"].map(|segment| health.may_merge(segment, now + RETRY_PAUSE * 2));
        assert_eq!(may_merge, [false, true]);
        assert!(health.may_merge("b", now));
        let problem = health.problem().unwrap();
        assert!(
            problem.starts_with("its file a.term is damaged: it is odd; "),
            "{problem}"
        );
        assert!(problem.contains("reindex --rebuild"), "{problem}");
        std::fs::remove_file(folder.path().join("a.term")).unwrap();
        assert_eq!(health.problem(), None);
    }

    #[test]
    fn reopened_index_keeps_its_faults_and_a_new_index_has_none() {
        let (folder, earlier) = health();
        earlier.note_damage("a.term", "it is odd");
        earlier.note_failure(&segments(&["a"]), Instant::now());
        let (other, _) = health();
        for (folder, is_damaged) in [(folder.path(), true), (other.path(), false)] {
            let reopened = MergeHealth::new(folder);
            reopened.continue_from(&earlier);
            assert_eq!(reopened.problem().is_some(), is_damaged);
            assert_eq!(reopened.failures.get(), 1, "the count never falls");
        }
    }
}
