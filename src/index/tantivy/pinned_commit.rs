//! A pinned commit: a commit whose files are all open, so that they can be read even after a merge removes
//! them.
//!
//! This module compares files with their checksums, and can open the commit without its damaged segments. It
//! does not interpret the contents of files.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tantivy::directory::FileHandle;
use tantivy::directory::error::OpenReadError;
use tantivy::index::{SegmentId, SegmentMeta};
use tantivy::{Directory, Index, IndexMeta, TantivyError};

use super::failure;
use super::read_only::{CommitFolder, MAX_OPEN_RETRIES};
use crate::index::IndexError;

/// Number of bytes that are read from a file at once.
const CHUNK: usize = 1 << 20;

/// Minimum size of a file in bytes: it ends with the size of its footer and a magic number, 4 bytes each. Tantivy
/// panics on files of 4 to 7 bytes.
const MIN_FILE_BYTES: u64 = 8;

/// The attempted action in error messages.
const READING: &str = "read the index";

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
        for file in &self.files {
            on_progress(bytes);
            if let Some(what) = self.damage(file)? {
                damages.push(Damage {
                    segment: file.segment,
                    file: file.name.display().to_string(),
                    what,
                });
            }
            bytes += file.bytes();
        }
        Ok(damages)
    }

    /// Returns the commit without the segments of these damaged files, and the number of documents that it
    /// loses. Open the returned commit while this one is still pinned.
    pub fn without_damaged_segments(
        &self,
        damages: &[Damage],
    ) -> Result<(CommitFolder, u64), IndexError> {
        let mut metas = self.metas.clone();
        let mut lost = 0;
        metas.segments.retain(|segment| {
            let is_undamaged = damages.iter().all(|damage| damage.segment != segment.id());
            lost += if is_undamaged {
                0
            } else {
                u64::from(segment.num_docs())
            };
            is_undamaged
        });
        let meta = serde_json::to_vec(&metas).map_err(IndexError::engine(READING))?;
        Ok((self.commit.with_meta(meta), lost))
    }

    /// Checks a file. Returns the problem with it, if any, or an error if the check is impossible.
    fn damage(&self, file: &PinnedFile) -> Result<Option<String>, IndexError> {
        let checked = match &file.open {
            Ok(_) if file.bytes() < MIN_FILE_BYTES => {
                let bytes = file.bytes();
                return Ok(Some(format!("its footer is damaged: it has {bytes} bytes")));
            }
            Ok((opened, _)) => match read_through(opened) {
                Ok(()) => self.index.directory().validate_checksum(&file.name),
                Err(error) => return Ok(Some(format!("it cannot be read: {error}"))),
            },
            Err(error) => Err(error.clone()),
        };
        match checked {
            Ok(true) => Ok(None),
            Ok(false) => Ok(Some("its checksum does not match its contents".to_owned())),
            Err(OpenReadError::FileDoesNotExist(_)) => Ok(Some("it is missing".to_owned())),
            Err(error) => {
                if failure::is_damage(&TantivyError::from(error.clone())) {
                    Ok(Some(format!("its footer is damaged: {error}")))
                } else {
                    Err(failure::failed_to(READING)(error.into()))
                }
            }
        }
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
    match name.extension().and_then(|ending| ending.to_str()) {
        Some("del") => segment.has_deletes(),
        // This file exists only while the segment is written.
        Some("temp") => false,
        _ => true,
    }
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

/// Reads a file to its end. A disk error is an error here; in a mapped file it would kill the process.
fn read_through(mut file: &File) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    while file.read(&mut chunk)? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests;
