//! The engine on one machine: tantivy, one index for all Sources.
//!
//! What tantivy does and what it costs was measured for this layout: there is no term dictionary of
//! keys and no document store; the index is sorted by key, and everything that a hit needs is in
//! columns. Nothing outside of this module names tantivy.

use std::path::{Path, PathBuf};

use ::tantivy::indexer::{IndexWriterOptions, LogMergePolicy};
use ::tantivy::{Index, IndexBuilder, IndexReader, IndexWriter, ReloadPolicy, Searcher};

use super::{Changes, IndexError};
use crate::core::replication::checkpoint::Checkpoint;
use columns::{Columns, read_error};
use failure::catch_panics;
use pinned_commit::PinnedCommit;
use keys_query::KeysQuery;
use read_only::{CommitFolder, open_folder, open_newest};
use schema::Fields;
use writer_directory::{CloseOnDrop, WriterDirectory};

pub mod audit;
pub mod columns;
pub mod compact;
#[cfg(test)]
pub mod corpus;
pub mod document;
mod engine;
pub mod multi_term_query;
pub mod facets;
pub mod commit_stats;
pub mod failure;
pub mod folders;
pub mod pinned_commit;
pub mod hits;
pub mod identity;
pub mod interval;
pub mod keys_query;
pub mod direct_children_query;
pub mod asset_query;
pub mod merge;
pub mod paths;
pub mod payload;
pub mod ranking;
pub mod read_only;
pub mod schema;
pub mod source_scope;
pub mod search;
pub mod size;
pub mod suggest;
pub mod tokenizer;
pub mod translation;
pub mod trigrams;
pub mod path_filter_query;
pub mod search_budget;
pub mod and_not_query;
mod writer_directory;

/// The share of deleted documents from which on a segment is merged; by default deletes never cause
/// a merge.
const MERGE_FROM_DELETED_RATIO: f32 = 0.25;

/// The least memory that tantivy's writer takes, bytes.
pub const MIN_WRITER_MEMORY: usize = 15_000_000;

/// An index in tantivy, open for writing or only for reading.
pub struct TantivyEngine {
    /// Dropped before the writer, whose merges may still run; `None` in memory, and in an engine that only reads.
    _closes: Option<CloseOnDrop>,
    fields: Fields,
    /// `None` in an engine that only reads.
    writer: Option<IndexWriter>,
    reader: IndexReader,
    snapshot: Snapshot,
    /// That of the newest commit: kept, because a rebuild may remove the folder meanwhile.
    checkpoint: Checkpoint,
    /// The folder that is written to; `None` in memory, and where it is only read.
    path: Option<PathBuf>,
    /// Where it is only read: which commit.
    commit: Option<CommitFolder>,
}

/// One commit, as readers see it.
pub struct Snapshot {
    /// Tantivy's own view of the commit.
    pub searcher: Searcher,
    /// The columns of its segments, in the searcher's order.
    pub segments: Vec<Columns>,
}

impl Snapshot {
    /// The newest commit that the reader has loaded.
    pub fn of(reader: &IndexReader) -> Result<Self, IndexError> {
        let searcher = reader.searcher();
        let segments = searcher.segment_readers().iter().map(Columns::open);
        Ok(Self {
            segments: segments.collect::<Result<_, _>>()?,
            searcher,
        })
    }
}

impl TantivyEngine {
    /// Opens the index in the folder for writing.
    ///
    /// `memory` is the writer's budget in bytes, at least [`MIN_WRITER_MEMORY`].
    pub fn open(path: &Path, memory: usize) -> Result<Self, IndexError> {
        catch_panics(|| {
            let directory = writer_directory(path)?;
            Self::for_writing(open_existing(&directory, path)?, directory, path, memory)
        })
    }

    /// As [`TantivyEngine::open`], making the index where there is none.
    pub fn open_or_create(path: &Path, memory: usize) -> Result<Self, IndexError> {
        if path.join("meta.json").exists() {
            return Self::open(path, memory);
        }
        std::fs::create_dir_all(path).map_err(IndexError::file("create", path))?;
        let directory = writer_directory(path)?;
        let index = builder()
            .open_or_create(directory.clone())
            .map_err(failure::failed_to("create the index"))?;
        Self::for_writing(index, directory, path, memory)
    }

    fn for_writing(
        index: Index,
        directory: WriterDirectory,
        path: &Path,
        memory: usize,
    ) -> Result<Self, IndexError> {
        let options = IndexWriterOptions::builder()
            .memory_budget_per_thread(memory.max(MIN_WRITER_MEMORY))
            .num_worker_threads(1)
            .num_merge_threads(1)
            .build();
        let writer = index
            .writer_with_options(options)
            .map_err(failure::failed_to("open the index for writing"))?;
        // A commit that was killed may have left a file of deletes behind, whose name the next commit
        // of the same changes takes again: tantivy refuses to write it twice.
        writer
            .garbage_collect_files()
            .wait()
            .map_err(failure::failed_to("remove what no commit holds"))?;
        let mut policy = LogMergePolicy::default();
        policy.set_del_docs_ratio_before_merge(MERGE_FROM_DELETED_RATIO);
        writer.set_merge_policy(Box::new(policy));
        let (_, fields) = Fields::schema();
        Ok(Self {
            _closes: Some(CloseOnDrop(directory)),
            ..Self::over(index, fields, Some(writer), Some(path.to_owned()))?
        })
    }

    /// Opens the newest commit of the index in the folder for reading alone; the folder is not
    /// written to, and nobody waits for it.
    pub fn open_read_only(path: &Path) -> Result<Self, IndexError> {
        open_newest(CommitFolder::newest(path)?, Self::open_commit)
    }

    /// The newest commit, where this is an older one that was opened for reading alone.
    pub fn newer(&self) -> Result<Option<Self>, IndexError> {
        let newer = match &self.commit {
            Some(commit) => commit.newer()?,
            None => None,
        };
        newer
            .map(|commit| open_newest(commit, Self::open_commit))
            .transpose()
    }

    /// As [`TantivyEngine::open_read_only`], also where the index is of another schema version. Columns
    /// are found by their names, so checkpoint and [`crate::index::Engine::read`] can be relied on, and nothing else.
    pub fn open_any_schema(path: &Path) -> Result<Self, IndexError> {
        open_newest(CommitFolder::newest(path)?, |commit| {
            Self::over_commit(commit, Ok)
        })
    }

    /// As [`TantivyEngine::open_any_schema`], without the segments that have damaged files, and how many
    /// documents there are less for it. It reads every file whole.
    pub fn open_undamaged_segments(path: &Path) -> Result<(Self, u64), IndexError> {
        let commit = PinnedCommit::newest(path)?;
        let damages = commit.damages(|_| {})?;
        let (whole, lost) = commit.without(&damages)?;
        Ok((Self::over_commit(whole, Ok)?, lost))
    }

    fn open_commit(commit: CommitFolder) -> Result<Self, IndexError> {
        let path = commit.path().to_owned();
        Self::over_commit(commit, |index| check_schema(index, &path))
    }

    fn over_commit(
        commit: CommitFolder,
        check: impl FnOnce(Index) -> Result<Index, IndexError>,
    ) -> Result<Self, IndexError> {
        let engine = catch_panics(|| {
            let index = Index::open(commit.clone()).map_err(failure::failed_to("open the index"))?;
            let (_, fields) = Fields::schema();
            Self::over(check(index)?, fields, None, None)
        })?;
        Ok(Self {
            commit: Some(commit),
            ..engine
        })
    }

    /// The checkpoint of the index in the folder, of whatever schema version; the default one where
    /// there is none.
    pub fn checkpoint_in(path: &Path) -> Result<Checkpoint, IndexError> {
        let meta = path.join("meta.json");
        let damaged = |why: &dyn std::fmt::Display| IndexError::Damaged {
            what: format!("{} cannot be read: {why}", meta.display()),
        };
        let text = match std::fs::read(&meta) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(damaged(&error));
            }
            Err(error) => return Err(IndexError::file("read", &meta)(error)),
        };
        let meta: Meta = serde_json::from_slice(&text).map_err(|error| damaged(&error))?;
        Ok(payload::read(meta.payload.as_deref())?.0)
    }

    /// An empty index in memory that is gone when it is dropped.
    pub fn in_memory() -> Result<Self, IndexError> {
        let (_, fields) = Fields::schema();
        let index = builder()
            .create_in_ram()
            .map_err(failure::failed_to("create an index in memory"))?;
        let writer = index
            .writer_with_num_threads(1, MIN_WRITER_MEMORY)
            .map_err(failure::failed_to("open the index in memory for writing"))?;
        Self::over(index, fields, Some(writer), None)
    }

    fn over(
        index: Index,
        fields: Fields,
        writer: Option<IndexWriter>,
        path: Option<PathBuf>,
    ) -> Result<Self, IndexError> {
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()
            .map_err(failure::failed_to("open the index"))?;
        let metas = index.load_metas().map_err(failure::failed_to("read the index"))?;
        Ok(Self {
            _closes: None,
            snapshot: Snapshot::of(&reader)?,
            checkpoint: payload::read(metas.payload.as_deref())?.0,
            fields,
            writer,
            reader,
            path,
            commit: None,
        })
    }

    /// The newest commit.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The fields of the index.
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    fn write(
        &mut self,
        changes: &Changes,
        checkpoint: &Checkpoint,
    ) -> Result<(), ::tantivy::TantivyError> {
        let Some(writer) = &mut self.writer else {
            return Err(::tantivy::TantivyError::InvalidArgument(
                "the index was opened for reading only".to_owned(),
            ));
        };
        let replaced: Vec<_> = changes
            .iter()
            .filter(|(_, change)| change.replaces)
            .map(|((source, key), _)| identity::hash(&identity::ukey(*source, key)))
            .collect();
        if !replaced.is_empty() {
            // Before the adds: a delete meets only what was added before it.
            writer.delete_query(Box::new(KeysQuery::new(&self.fields, replaced)))?;
        }
        for ((source, key), change) in changes {
            if let Some(record) = &change.record {
                let prefix = checkpoint
                    .state(*source)
                    .map_or("", |state| state.prefix.as_str());
                let document = document::document(&self.fields, *source, prefix, key, record);
                writer.add_document(document)?;
            }
        }
        let payload = payload::write(checkpoint)
            .map_err(|error| ::tantivy::TantivyError::InternalError(error.to_string()))?;
        let mut prepared = writer.prepare_commit()?;
        // A commit without a payload would erase the checkpoint.
        prepared.set_payload(&payload);
        prepared.commit()?;
        self.reader.reload()
    }
}

/// What is read of a `meta.json` without knowing its schema.
#[derive(serde::Deserialize)]
struct Meta {
    payload: Option<String>,
}

/// A new index of this schema.
fn builder() -> IndexBuilder {
    let (schema, _) = Fields::schema();
    Index::builder()
        .schema(schema)
        .settings(schema::settings())
        .tokenizers(schema::tokenizers())
}

fn writer_directory(path: &Path) -> Result<WriterDirectory, IndexError> {
    Ok(WriterDirectory::new(open_folder(path)?))
}

fn open_existing(directory: &WriterDirectory, path: &Path) -> Result<Index, IndexError> {
    let index = Index::open(directory.clone()).map_err(failure::failed_to("open the index"))?;
    check_schema(index, path)
}

/// The index with our tokenizers, if it has our schema.
fn check_schema(mut index: Index, path: &Path) -> Result<Index, IndexError> {
    let (schema, _) = Fields::schema();
    if index.schema() != schema {
        let (path, version) = (path.display(), schema::SCHEMA_VERSION);
        return Err(IndexError::Damaged {
            what: format!("the schema in {path} is not that of version {version}"),
        });
    }
    index.set_tokenizers(schema::tokenizers());
    Ok(index)
}
