//! One commit with all its files held open, so that they stay whatever is merged meanwhile.
//!
//! Whether a file is as it was written is told here, by its checksum; what is in it is not.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tantivy::directory::FileHandle;
use tantivy::directory::error::OpenReadError;
use tantivy::index::{Segment, SegmentId, SegmentMeta};
use tantivy::{Directory, Index, IndexMeta, TantivyError};

use super::{Audit, Problem, Step, Watcher};
use crate::index::IndexError;
use crate::index::tantivy::read_only::{CommitFolder, MAX_REPLACED};
use crate::index::tantivy::{failure, with_our_schema};

/// How much of a file is read at once, bytes.
const CHUNK: usize = 1 << 20;

/// What fails where a file cannot be read.
const READING: &str = "read the index";

/// A commit and its files.
pub struct HeldCommit {
    /// What `meta.json` says of it.
    pub metas: IndexMeta,
    index: Index,
    files: Vec<HeldFile>,
}

/// One file of a segment.
struct HeldFile {
    name: PathBuf,
    segment: SegmentId,
    /// Open twice: to be read, which tells of a disk that fails, and as tantivy reads it.
    open: Result<(File, Arc<dyn FileHandle>), OpenReadError>,
}

impl HeldCommit {
    /// The newest commit of the index in the folder, if it is of our schema.
    pub fn newest(path: &Path) -> Result<Self, IndexError> {
        let mut commit = CommitFolder::newest(path)?;
        let mut held = Self::of(commit.clone())?;
        for _ in 0..MAX_REPLACED {
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
        let index = Index::open(commit.clone()).map_err(failure::of("open the index"))?;
        let index = with_our_schema(index, commit.path())?;
        let metas = index.load_metas().map_err(failure::of(READING))?;
        let mut names: Vec<PathBuf> = metas.list_segment_files().into_iter().collect();
        names.sort_unstable();
        let hold = |name: PathBuf| {
            let segment = segment_of(&metas, &name)?;
            has_file(segment, &name).then(|| HeldFile::open(&commit, segment.id(), name))
        };
        Ok(Self {
            files: names.into_iter().filter_map(hold).collect(),
            index,
            metas,
        })
    }

    /// The segments; those with damaged files must not be opened.
    pub fn segments(&self) -> Result<Vec<Segment>, IndexError> {
        let segments = self.index.searchable_segments();
        segments.map_err(failure::of(READING))
    }

    /// Compares every file with its checksum, and gives the segments that are damaged.
    pub fn check_files(
        &self,
        audit: &mut Audit,
        watcher: Watcher<'_>,
    ) -> Result<HashSet<SegmentId>, IndexError> {
        let total = self.files.iter().map(HeldFile::bytes).sum();
        let mut damaged = HashSet::new();
        for file in &self.files {
            watcher(Step {
                what: "files",
                done: audit.bytes,
                total,
            });
            if let Some(what) = self.damage(file)? {
                damaged.insert(file.segment);
                let file = file.name.display().to_string();
                audit.note(Problem::File { file, what });
            }
            audit.files += 1;
            audit.bytes += file.bytes();
        }
        Ok(damaged)
    }

    /// What is wrong with the file; an error where that cannot be told.
    fn damage(&self, file: &HeldFile) -> Result<Option<String>, IndexError> {
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
            Err(error) => match failure::is_damage(&TantivyError::from(error.clone())) {
                true => Ok(Some(format!("its end is damaged: {error}"))),
                false => Err(failure::of(READING)(error.into())),
            },
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

impl HeldFile {
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
