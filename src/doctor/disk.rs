//! Whether there is room for what the index will need.
//!
//! Merging segments, and a rebuild beside the live index, can need as much again as the index has.

use std::path::Path;

use super::finding::{Finding, Subject};
use crate::core::human::{grouped, size};
use crate::index::disk::Room;
use crate::observe::status::index_bytes;

/// With less room than that the next commits fail.
const LEAST_BYTES: u64 = 100_000_000;

/// With fewer files than that, likewise: a commit makes some ten, before old ones go.
const LEAST_FILES: u64 = 200;

/// Examines the disk of the data directory. It reads the disk.
pub(super) fn examine(data_dir: &Path) -> Finding {
    let place = first_existing(data_dir);
    match Room::of(place) {
        Ok(room) => judge(place, room, index_bytes(data_dir).unwrap_or(0)),
        Err(error) => Finding::warning(Subject::Disk, error.to_string()).remedy("look at it by df"),
    }
}

/// The folder, or the nearest one above it that is there: where it will be made.
fn first_existing(path: &Path) -> &Path {
    let there = path.ancestors().find(|ancestor| ancestor.is_dir());
    there.unwrap_or(Path::new("/"))
}

fn judge(place: &Path, room: Room, index_bytes: u64) -> Finding {
    let (subject, place) = (Subject::Disk, place.display());
    if room.is_read_only {
        let what = format!("nothing can be written in {place} by this user");
        return Finding::failure(subject, what).remedy(
            "run this as the user of the service; if it is that one, mount the file system for writing, \
             and give the folder to that user",
        );
    }
    let files = match room.free_files {
        Some(files) => format!(" and {} files", grouped(files)),
        None => String::new(),
    };
    let what = format!(
        "there is room for {}{files} in {place}; the index has {}",
        size(room.free_bytes),
        size(index_bytes)
    );
    let has_files = room.free_files.is_none_or(|files| files >= LEAST_FILES);
    if room.free_bytes < LEAST_BYTES || !has_files {
        return Finding::failure(subject, what)
            .remedy("make room: commits fail, and nothing is acknowledged meanwhile");
    }
    if room.free_bytes - LEAST_BYTES < index_bytes {
        return Finding::warning(subject, what)
            .remedy("make room: merging it, or a rebuild, can need as much again");
    }
    Finding::ok(subject, what)
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    #[test]
    fn room_is_needed_for_the_next_commit_and_for_a_second_index() {
        const GB: u64 = 1_000_000_000;
        let many = Some(1_000_000);
        for (case, free_bytes, free_files, is_read_only, index, verdict) in [
            ("plenty", 10 * GB, many, false, GB, Verdict::Ok),
            ("no bound on files", 10 * GB, None, false, GB, Verdict::Ok),
            ("new index", LEAST_BYTES, many, false, 0, Verdict::Ok),
            (
                "just enough",
                GB + LEAST_BYTES,
                many,
                false,
                GB,
                Verdict::Ok,
            ),
            ("not for a merge", GB, many, false, GB, Verdict::Warning),
            ("full", LEAST_BYTES - 1, many, false, 0, Verdict::Failure),
            ("no files", 10 * GB, Some(199), false, 0, Verdict::Failure),
            ("few files", 10 * GB, Some(200), false, 0, Verdict::Ok),
            ("read-only", 10 * GB, many, true, 0, Verdict::Failure),
        ] {
            let room = Room {
                free_bytes,
                size_bytes: 100 * GB,
                free_files,
                is_read_only,
            };
            let finding = judge(Path::new("/data"), room, index);
            assert_eq!(finding.verdict, verdict, "{case}: {finding:?}");
            assert_eq!(finding.remedy.is_none(), verdict == Verdict::Ok, "{case}");
        }
    }

    #[test]
    fn a_folder_that_is_yet_to_be_made_is_measured_where_it_will_be() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("not/there/yet");
        assert_eq!(first_existing(&deep), folder.path());
        assert!(examine(&deep).what.contains("there is room"));
    }
}
