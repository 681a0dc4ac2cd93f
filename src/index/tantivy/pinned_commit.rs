//! A pinned commit: a commit whose files are all open, so that they can be read even after a merge removes
//! them.
//!
//! This module finds damaged files, and can open the columns of segments whose other files are damaged.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tantivy::directory::FileHandle;
use tantivy::directory::error::OpenReadError;
use tantivy::fastfield::AliveBitSet;
use tantivy::index::{SegmentId, SegmentMeta};
use tantivy::{Directory, Index, IndexMeta};

use super::columns::{Columns, read_error};
use super::failure::catch_panics;
use super::read_only::{CommitFolder, MAX_OPEN_RETRIES};
use super::{checksum, failure};
use crate::index::IndexError;

/// The attempted action in error messages.
const READING: &str = "read the index";

/// The ending of the file with the columns of a segment.
const COLUMNS: &str = "fast";

/// The ending of the file that says which documents of a segment are deleted.
const DELETES: &str = "del";

/// A commit and its open files.
pub struct PinnedCommit {
    /// The contents of `meta.json`.
    pub metas: IndexMeta,
    /// The index, without our tokenizers.
    pub index: Index,
    commit: CommitFolder,
    files: Vec<PinnedFile>,
}

/// A file that is not as tantivy wrote it.
pub struct Damage {
    /// The segment of the file.
    pub segment: SegmentId,
    /// The name of the file.
    pub file: String,
    /// The problem with the file.
    pub what: String,
}

/// One file of a segment.
struct PinnedFile {
    name: PathBuf,
    segment: SegmentId,
    /// The file is opened twice: once to be read, which reports errors of the disk, and once as tantivy
    /// reads it.
    open: Result<(File, Arc<dyn FileHandle>), OpenReadError>,
}

impl PinnedCommit {
    /// Pins the newest commit of the index in the folder, of any schema version.
    pub fn newest(path: &Path) -> Result<Self, IndexError> {
        Self::pin_or_newer(CommitFolder::newest(path)?)
    }

    /// Pins the commit, or the newest one if files of the commit are missing.
    fn pin_or_newer(mut commit: CommitFolder) -> Result<Self, IndexError> {
        let mut pinned = Self::pin(commit.clone())?;
        for _ in 0..MAX_OPEN_RETRIES {
            if pinned.files.iter().all(|file| file.open.is_ok()) {
                break;
            }
            // If a merge removed a file, there is a newer commit that does not need it.
            match commit.newer()? {
                Some(newer) => commit = newer,
                None => break,
            }
            pinned = Self::pin(commit.clone())?;
        }
        Ok(pinned)
    }

    fn pin(commit: CommitFolder) -> Result<Self, IndexError> {
        let index = Index::open(commit.clone()).map_err(failure::failed_to("open the index"))?;
        let metas = index.load_metas().map_err(failure::failed_to(READING))?;
        let mut names: Vec<PathBuf> = metas.list_segment_files().into_iter().collect();
        names.sort_unstable();
        let open = |name: PathBuf| {
            let segment = segment_of(&metas, &name)?;
            has_file(segment, &name).then(|| PinnedFile::open(&commit, segment.id(), name))
        };
        Ok(Self {
            files: names.into_iter().filter_map(open).collect(),
            index,
            metas,
            commit,
        })
    }

    /// Returns the number of files.
    pub fn files(&self) -> usize {
        self.files.len()
    }

    /// Returns the size of all files in bytes.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(PinnedFile::bytes).sum()
    }

    /// Compares every file with its checksum. Returns the damaged files.
    ///
    /// Before each file it calls `on_progress` with the number of bytes in the files before it.
    pub fn damages(&self, on_progress: impl Fn(u64)) -> Result<Vec<Damage>, IndexError> {
        let mut damages = Vec::new();
        let mut bytes = 0;
        for pinned in &self.files {
            on_progress(bytes);
            if let Some(what) = self.damage(pinned)? {
                damages.push(Damage {
                    segment: pinned.segment,
                    file: pinned.name.display().to_string(),
                    what,
                });
            }
            bytes += pinned.bytes();
        }
        Ok(damages)
    }

    /// Opens the columns of every segment whose column file and deletes match their checksums. Other files of the
    /// segment may be damaged. Also returns the number of documents in the other segments.
    ///
    /// Reads these files completely.
    pub fn readable_columns(&self) -> Result<(Vec<Columns>, u64), IndexError> {
        let (mut columns, mut lost) = (Vec::new(), 0);
        for segment in &self.metas.segments {
            match catch_panics(|| self.columns_of(segment)) {
                Ok(of_segment) => columns.push(of_segment),
                Err(error) if error.is_damage() => {
                    lost += u64::from(segment.num_docs());
                    tracing::warn!(%error, "a segment of the index cannot be read");
                }
                Err(error) => return Err(error),
            }
        }
        Ok((columns, lost))
    }

    fn columns_of(&self, segment: &SegmentMeta) -> Result<Columns, IndexError> {
        let (mut columns, mut alive) = (None, None);
        for file in self
            .files
            .iter()
            .filter(|file| file.segment == segment.id())
        {
            let slot = match ending(&file.name) {
                Some(COLUMNS) => &mut columns,
                Some(DELETES) => &mut alive,
                _ => continue,
            };
            if let Some(what) = self.damage(file)? {
                let what = format!("file {}: {what}", file.name.display());
                return Err(IndexError::Damaged { what });
            }
            let opened = self.index.directory().open_read(&file.name);
            let opened = opened.map_err(|error| failure::failed_read(READING)(error.into()))?;
            *slot = Some(opened);
        }
        let missing = || IndexError::Damaged {
            what: format!("segment {} has no columns", segment.id().uuid_string()),
        };
        let alive = alive.map(|file| file.read_bytes()).transpose();
        let alive = alive.map_err(read_error())?.map(AliveBitSet::open);
        Columns::from_file(columns.ok_or_else(missing)?, alive, segment)
    }

    /// Returns the commit without any segment: it has the payload, but no documents.
    pub fn without_segments(&self) -> Result<CommitFolder, IndexError> {
        let mut metas = self.metas.clone();
        metas.segments.clear();
        let meta = serde_json::to_vec(&metas).map_err(IndexError::engine(READING))?;
        Ok(self.commit.with_meta(meta))
    }

    /// Checks a file. Returns the problem with it, if any, or an error if the check is impossible.
    fn damage(&self, file: &PinnedFile) -> Result<Option<String>, IndexError> {
        let checked = match &file.open {
            Ok((opened, _)) => {
                let directory = self.index.directory();
                checksum::damage(directory, &file.name, opened, file.bytes())
            }
            Err(error) => checksum::damage_of(error.clone()).map(Some),
        };
        checked.map_err(|error| failure::failed_to(READING)(error.into()))
    }
}

/// Returns the segment of a file.
fn segment_of<'a>(metas: &'a IndexMeta, name: &Path) -> Option<&'a SegmentMeta> {
    let name = name.to_string_lossy();
    let owns_file = |segment: &&SegmentMeta| name.starts_with(&segment.id().uuid_string());
    metas.segments.iter().find(owns_file)
}

/// Whether a segment should have this file. Tantivy also names files that not every segment has.
fn has_file(segment: &SegmentMeta, name: &Path) -> bool {
    match ending(name) {
        Some(DELETES) => segment.has_deletes(),
        // This file exists only while the segment is written.
        Some("temp") => false,
        _ => true,
    }
}

fn ending(name: &Path) -> Option<&str> {
    name.extension().and_then(|ending| ending.to_str())
}

impl PinnedFile {
    fn open(commit: &CommitFolder, segment: SegmentId, name: PathBuf) -> Self {
        let open = || {
            let mapped = commit.get_file_handle(&name)?;
            let file = File::open(commit.path().join(&name));
            let file = file.map_err(|error| match error.kind() {
                ErrorKind::NotFound => OpenReadError::FileDoesNotExist(name.clone()),
                _ => OpenReadError::wrap_io_error(error, name.clone()),
            });
            Ok((file?, mapped))
        };
        Self {
            open: open(),
            segment,
            name,
        }
    }

    fn bytes(&self) -> u64 {
        let open = self.open.as_ref().ok();
        open.map_or(0, |(_, mapped)| mapped.len() as u64)
    }
}

#[cfg(test)]
mod tests;
