//! Tests whether the disk has space for the index to grow.
//!
//! Merging segments, or a rebuild next to the current index, may need as much free space as the index uses.

use std::path::Path;

use super::finding::{Finding, Subject};
use crate::core::human::{grouped, size};
use crate::index::disk::DiskSpace;
use crate::observe::status::index_bytes;

/// Minimum free space in bytes. With less, the next commits fail.
const MIN_FREE_BYTES: u64 = 100_000_000;

/// Minimum number of files that can still be created. A commit creates about 10 before it deletes old ones.
const MIN_FREE_FILES: u64 = 200;

/// Examines the disk of the data directory. Blocks on file I/O.
pub(super) fn examine(data_dir: &Path) -> Finding {
    let folder = first_existing(data_dir);
    match DiskSpace::of(folder) {
        Ok(space) => judge(folder, space, index_bytes(data_dir).unwrap_or(0)),
        Err(error) => {
            Finding::warning(Subject::Disk, error.to_string()).remedy("Look at the disk with df.")
        }
    }
}

/// The folder, or its nearest ancestor that exists: the folder will be created there.
fn first_existing(path: &Path) -> &Path {
    let existing = path.ancestors().find(|ancestor| ancestor.is_dir());
    existing.unwrap_or(Path::new("/"))
}

fn judge(folder: &Path, space: DiskSpace, index_bytes: u64) -> Finding {
    let (subject, folder) = (Subject::Disk, folder.display());
    if space.is_read_only {
        let what = format!("this user cannot write to {folder}");
        return Finding::failure(subject, what).remedy(
            "Run check as the user of the service. If you already do, mount the file system read-write and \
             make that user the owner of the folder.",
        );
    }
    let files = match space.free_files {
        Some(files) => format!(" and {} files", grouped(files)),
        None => String::new(),
    };
    let what = format!(
        "{folder} has {}{files} free; the index uses {}",
        size(space.free_bytes),
        size(index_bytes)
    );
    let has_files = space.free_files.is_none_or(|files| files >= MIN_FREE_FILES);
    if space.free_bytes < MIN_FREE_BYTES || !has_files {
        return Finding::failure(subject, what)
            .remedy("Free disk space. Until then commits fail, and no message is acknowledged.");
    }
    if space.free_bytes - MIN_FREE_BYTES < index_bytes {
        return Finding::warning(subject, what)
            .remedy("Free disk space. Merging segments or a rebuild may need as much free space as the index uses.");
    }
    Finding::ok(subject, what)
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    #[test]
    fn requires_space_for_the_next_commit_and_a_second_index() {
        const GB: u64 = 1_000_000_000;
        let many = Some(1_000_000);
        for (case, free_bytes, free_files, is_read_only, index, verdict) in [
            ("plenty", 10 * GB, many, false, GB, Verdict::Ok),
            ("unlimited files", 10 * GB, None, false, GB, Verdict::Ok),
            ("new index", MIN_FREE_BYTES, many, false, 0, Verdict::Ok),
            (
                "just enough",
                GB + MIN_FREE_BYTES,
                many,
                false,
                GB,
                Verdict::Ok,
            ),
            ("not for a merge", GB, many, false, GB, Verdict::Warning),
            ("full", MIN_FREE_BYTES - 1, many, false, 0, Verdict::Failure),
            ("no files", 10 * GB, Some(199), false, 0, Verdict::Failure),
            ("few files", 10 * GB, Some(200), false, 0, Verdict::Ok),
            ("read-only", 10 * GB, many, true, 0, Verdict::Failure),
        ] {
            let space = DiskSpace {
                free_bytes,
                size_bytes: 100 * GB,
                free_files,
                is_read_only,
            };
            let finding = judge(Path::new("/data"), space, index);
            assert_eq!(finding.verdict, verdict, "{case}: {finding:?}");
            assert_eq!(finding.remedy.is_none(), verdict == Verdict::Ok, "{case}");
        }
    }

    #[test]
    fn measures_the_parent_of_a_folder_that_does_not_exist_yet() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("not/there/yet");
        assert_eq!(first_existing(&deep), folder.path());
        assert!(examine(&deep).what.contains(" free; the index uses"));
    }
}
