//! One commit with all its files held open, so that they stay whatever is merged meanwhile.
//!
//! Whether a file is as it was written is told here, by its checksum, and the commit can be had without the
//! segments that are not. What is in a file is not looked at.

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

/// How much of a file is read at once, bytes.
const CHUNK: usize = 1 << 20;

/// What fails where a file cannot be read.
const READING: &str = "read the index";

/// A commit and its files.
pub struct PinnedCommit {
    /// What `meta.json` says of it.
    pub metas: IndexMeta,
    /// The index, which has no tokenizers of ours yet.
    pub index: Index,
    commit: CommitFolder,
    files: Vec<PinnedFile>,
}

/// A file that is not as it was written.
pub struct Damage {
    /// The segment that it is of.
    pub segment: SegmentId,
    /// Its name.
    pub file: String,
    /// What is wrong.
    pub what: String,
}

/// One file of a segment.
struct PinnedFile {
    name: PathBuf,
    segment: SegmentId,
    /// Open twice: to be read, which tells of a disk that fails, and as tantivy reads it.
    open: Result<(File, Arc<dyn FileHandle>), OpenReadError>,
}

impl PinnedCommit {
    /// The newest commit of the index in the folder, of whatever schema version.
    pub fn newest(path: &Path) -> Result<Self, IndexError> {
        let mut commit = CommitFolder::newest(path)?;
        let mut held = Self::of(commit.clone())?;
        for _ in 0..MAX_OPEN_RETRIES {
            if held.files.iter().all(|file| file.open.is_ok()) {
                break;
            }
            // A file that a merge has removed is none of the commit behind it.
            match commit.newer()? {
                Some(newer) => commit = newer,
                None => break,
            }
            held = Self::of(commit.clone())?;
        }
        Ok(held)
    }

    fn of(commit: CommitFolder) -> Result<Self, IndexError> {
        let index = Index::open(commit.clone()).map_err(failure::failed_to("open the index"))?;
        let metas = index.load_metas().map_err(failure::failed_to(READING))?;
        let mut names: Vec<PathBuf> = metas.list_segment_files().into_iter().collect();
        names.sort_unstable();
        let hold = |name: PathBuf| {
            let segment = segment_of(&metas, &name)?;
            has_file(segment, &name).then(|| PinnedFile::open(&commit, segment.id(), name))
        };
        Ok(Self {
            files: names.into_iter().filter_map(hold).collect(),
            index,
            metas,
            commit,
        })
    }

    /// How many files there are.
    pub fn files(&self) -> usize {
        self.files.len()
    }

    /// Bytes of the files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(PinnedFile::bytes).sum()
    }

    /// Compares every file with its checksum, and gives those that are damaged. `told` is called with how many
    /// bytes have been read.
    pub fn damages(&self, told: impl Fn(u64)) -> Result<Vec<Damage>, IndexError> {
        let mut damages = Vec::new();
        let mut bytes = 0;
        for file in &self.files {
            told(bytes);
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

    /// The commit as if these segments had never been, and how many documents there are less. It is to be
    /// opened while this is held.
    pub fn without(&self, damages: &[Damage]) -> Result<(CommitFolder, u64), IndexError> {
        let mut metas = self.metas.clone();
        let mut lost = 0;
        metas.segments.retain(|segment| {
            let is_whole = damages.iter().all(|damage| damage.segment != segment.id());
            lost += if is_whole {
                0
            } else {
                u64::from(segment.num_docs())
            };
            is_whole
        });
        let meta = serde_json::to_vec(&metas).map_err(IndexError::engine(READING))?;
        Ok((self.commit.with_meta(meta), lost))
    }

    /// What is wrong with the file; an error where that cannot be told.
    fn damage(&self, file: &PinnedFile) -> Result<Option<String>, IndexError> {
        let checked = match &file.open {
            Ok((opened, _)) => match read_through(opened) {
                Ok(()) => self.index.directory().validate_checksum(&file.name),
                Err(error) => return Ok(Some(format!("it cannot be read: {error}"))),
            },
            Err(error) => Err(error.clone()),
        };
        match checked {
            Ok(true) => Ok(None),
            Ok(false) => Ok(Some("its checksum is not that of its contents".to_owned())),
            Err(OpenReadError::FileDoesNotExist(_)) => Ok(Some("it is not there".to_owned())),
            Err(error) => {
                if failure::is_damage(&TantivyError::from(error.clone())) {
                    Ok(Some(format!("its end is damaged: {error}")))
                } else {
                    Err(failure::failed_to(READING)(error.into()))
                }
            }
        }
    }
}

/// The segment that a file is of.
fn segment_of<'a>(metas: &'a IndexMeta, name: &Path) -> Option<&'a SegmentMeta> {
    let name = name.to_string_lossy();
    let is_of = |segment: &&SegmentMeta| name.starts_with(&segment.id().uuid_string());
    metas.segments.iter().find(is_of)
}

/// Whether a segment has this file, which its kind of segments may have.
fn has_file(segment: &SegmentMeta, name: &Path) -> bool {
    match name.extension().and_then(|ending| ending.to_str()) {
        Some("del") => segment.has_deletes(),
        // Only while the segment is being written.
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

/// Reads a file to its end: what the disk does not give is an error here, and the end of the process where
/// it is only mapped.
fn read_through(mut file: &File) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    while file.read(&mut chunk)? > 0 {}
    Ok(())
}
