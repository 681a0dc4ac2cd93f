//! The tantivy engine: one tantivy index for all Sources, in a folder of this machine.
//!
//! The index is sorted by key. It has no term dictionary of keys and no document store: everything that a hit
//! needs is in columns. This layout was chosen by measurements. No other module names tantivy.
//!
//! # Map
//!
//! | task | file | content |
//! |---|---|---|
//! | layout | `schema` | the fields, the settings and the schema version |
//! | | `identity` | ukeys (Source id and key) and their hashes |
//! | | `document` | derives the document of a record |
//! | | `tokenizer`, `trigrams` | split text into words, and file names into trigrams |
//! | | `payload` | the checkpoint inside a commit |
//! | opening | this file | opens an index for writing or reading |
//! | | `commit` | writes a commit, counts its records and finds keys that are in it twice |
//! | | `doubled_keys` | compares the keys of all segments |
//! | | `writer_directory` | refuses changes after the writer is dropped or a commit failed, and merges of damaged files |
//! | | `merge_policy` | decides which segments are merged |
//! | | `read_only` | reads one commit without a lock |
//! | | `pinned_commit` | holds all files of a commit open, compares checksums |
//! | | `checksum` | compares a file with its checksum |
//! | | `failure` | turns errors and panics of tantivy into `IndexError` |
//! | ledger | `engine` | implements [`Engine`](super::Engine) |
//! | | `interval` | reads the records of a key interval |
//! | | `key_stream` | streams the keys of a segment |
//! | | `keys_query` | finds the documents of many keys |
//! | | `column_source` | opens columns by name |
//! | | `columns` | reads the key and the record of a document, and finds the documents of keys |
//! | | `compact` | merges all segments into one |
//! | search | `search` | runs a search |
//! | | `source_scope` | the Sources that a search covers |
//! | | `translation` | translates a query into a tantivy query |
//! | | `ranking` | finds the first documents of one Source in one segment |
//! | | `merge` | merges them into one order |
//! | | `hits` | builds hits |
//! | | `facets` | counts facets, and remembers those of whole Sources |
//! | | `folders`, `suggest` | list child folders, suggest names |
//! | | `paths` | reads the asset paths of many documents |
//! | | `search_budget` | ends a search at its deadline or after an error |
//! | queries | `asset_query` | assets in a key interval |
//! | | `direct_children_query` | assets directly in a folder |
//! | | `multi_term_query` | documents with one of many terms |
//! | | `path_filter_query` | documents whose path passes a test |
//! | | `and_not_query` | documents that one query finds and another does not |
//! | checks | `audit` | finds damage and impossible contents |
//! | | `commit_stats`, `size` | sizes and counts of a commit, from its files or from an open engine |
//! | tests | `corpus` | a random index and its expected contents |
//! | | `small_index` | a small index of tombstones |

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::tantivy::indexer::{IndexWriterOptions, UserOperation};
use ::tantivy::{Index, IndexBuilder, IndexReader, IndexWriter, ReloadPolicy, Searcher};

use super::IndexError;
use super::files::create_folder;
use super::merge_health::MergeHealth;
use crate::core::replication::checkpoint::Checkpoint;
use columns::{Columns, read_error};
use facets::FacetCache;
use failure::catch_panics;
use merge_policy::HealthyMergePolicy;
use payload::Payload;
use pinned_commit::PinnedCommit;
use read_only::{CommitFolder, open_newest};
use schema::Fields;
use writer_directory::{CloseOnDrop, WriterDirectory};

pub mod and_not_query;
pub mod asset_query;
pub mod audit;
mod checksum;
mod column_source;
pub mod columns;
mod commit;
pub mod commit_stats;
pub mod compact;
#[cfg(test)]
pub mod corpus;
pub mod direct_children_query;
pub mod document;
mod doubled_keys;
mod engine;
pub mod facets;
pub mod failure;
pub mod folders;
pub mod hits;
pub mod identity;
pub mod interval;
mod key_stream;
pub mod keys_query;
pub mod merge;
mod merge_policy;
pub mod multi_term_query;
pub mod path_filter_query;
pub mod paths;
pub mod payload;
pub mod pinned_commit;
pub mod plus_score_query;
pub mod positions_query;
pub mod ranking;
mod ranking_decisions;
pub mod read_only;
pub mod schema;
pub mod search;
pub mod search_budget;
pub mod size;
#[cfg(test)]
pub mod small_index;
pub mod source_scope;
pub mod suggest;
pub mod tokenizer;
pub mod translation;
pub mod trigrams;
mod writer_directory;

/// Minimum memory budget of tantivy's writer in bytes.
pub const MIN_WRITER_MEMORY: usize = 15_000_000;

/// An index in tantivy, open for writing or only for reading.
pub struct TantivyEngine {
    /// Declared before `writer`, so that it is dropped before it: merges of the writer may still be running.
    /// `None` in memory, and in an engine that only reads.
    _close_on_drop: Option<CloseOnDrop>,
    fields: Fields,
    /// `None` in an engine that only reads.
    writer: Option<IndexWriter>,
    reader: IndexReader,
    snapshot: Snapshot,
    /// The checkpoint of the snapshot. It is kept in memory because a rebuild may remove the folder.
    checkpoint: Checkpoint,
    /// The number of records in the snapshot according to its payload.
    records: Option<u64>,
    /// The folder that the engine writes to. `None` in memory, and in an engine that only reads.
    path: Option<PathBuf>,
    /// The open commit of an engine that only reads.
    commit: Option<CommitFolder>,
    /// The facets of whole Sources. Engines at newer commits of the same index share it.
    facet_cache: Arc<FacetCache>,
}

/// One commit, open for reading.
pub struct Snapshot {
    /// Tantivy's view of the commit.
    pub searcher: Searcher,
    /// The columns of its segments, in the searcher's order.
    pub segments: Vec<Columns>,
}

impl Snapshot {
    /// Opens the newest commit that the reader has loaded.
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
            let directory = WriterDirectory::open(path)?;
            let index = open_existing(&directory, path)?;
            Self::with_writer(index, directory, path, memory)
        })
    }

    /// Like [`TantivyEngine::open`], but creates the index if it does not exist.
    pub fn open_or_create(path: &Path, memory: usize) -> Result<Self, IndexError> {
        if path.join("meta.json").exists() {
            return Self::open(path, memory);
        }
        create_folder(path).map_err(IndexError::file("create", path))?;
        let directory = WriterDirectory::open(path)?;
        let index = index_builder()
            .open_or_create(directory.clone())
            .map_err(failure::failed_to("create the index"))?;
        Self::with_writer(index, directory, path, memory)
    }

    fn with_writer(
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
        // A process that was killed during a commit may have left a file of deletes. The next commit of the same
        // changes would use the same file name, and tantivy refuses to overwrite files.
        writer
            .garbage_collect_files()
            .wait()
            .map_err(failure::failed_to("remove unused files of the index"))?;
        skip_opstamp(&writer).map_err(failure::failed_to("open the index for writing"))?;
        writer.set_merge_policy(Box::new(HealthyMergePolicy::new(directory.merge_health())));
        let (_, fields) = Fields::schema();
        let engine = Self {
            _close_on_drop: Some(CloseOnDrop(directory)),
            ..Self::from_index(index, fields, Some(writer), Some(path.to_owned()))?
        };
        engine.check_records()?;
        engine.check_keys()?;
        Ok(engine)
    }

    /// Opens the newest commit of the index in the folder for reading. It takes no lock, and does not write to the
    /// folder.
    pub fn open_read_only(path: &Path) -> Result<Self, IndexError> {
        open_newest(CommitFolder::newest(path)?, Self::open_commit)
    }

    /// Opens the newest commit, if this engine only reads and has an older commit open. Otherwise `None`.
    pub fn newer(&self) -> Result<Option<Self>, IndexError> {
        let newer = match &self.commit {
            Some(commit) => commit.newer()?,
            None => None,
        };
        let newer = newer.map(|commit| open_newest(commit, Self::open_commit));
        Ok(newer.transpose()?.map(|newer| newer.with_cache_of(self)))
    }

    /// Takes over what an engine at an older commit of the same index has cached.
    fn with_cache_of(self, older: &Self) -> Self {
        let segments = self.snapshot.searcher.segment_readers().iter();
        let facet_cache = Arc::clone(&older.facet_cache);
        facet_cache.keep(segments.map(::tantivy::SegmentReader::segment_id));
        Self {
            facet_cache,
            ..self
        }
    }

    /// Like [`TantivyEngine::open_read_only`], but accepts any schema version.
    ///
    /// Use only the checkpoint, [`crate::index::Engine::read`] and the counts of records. They find columns
    /// by name, so they work for any schema version.
    pub fn open_any_schema(path: &Path) -> Result<Self, IndexError> {
        open_newest(CommitFolder::newest(path)?, |commit| {
            Self::from_commit(commit, Ok)
        })
    }

    /// Like [`TantivyEngine::open_any_schema`], but leaves out segments whose records cannot be read. Also returns the
    /// number of documents in them. It reads the columns of the whole index.
    ///
    /// Use only the checkpoint, [`crate::index::Engine::read`] and [`crate::index::Engine::assets`].
    pub fn open_readable_records(path: &Path) -> Result<(Self, u64), IndexError> {
        let commit = PinnedCommit::newest(path)?;
        let (segments, lost) = commit.readable_columns()?;
        let mut engine = Self::from_commit(commit.without_segments()?, Ok)?;
        // Reads use only the columns. Tantivy cannot open a segment if any of its files is damaged.
        engine.snapshot.segments = segments;
        Ok((engine, lost))
    }

    fn open_commit(commit: CommitFolder) -> Result<Self, IndexError> {
        let path = commit.path().to_owned();
        Self::from_commit(commit, |index| check_schema(index, &path))
    }

    fn from_commit(
        commit: CommitFolder,
        check: impl FnOnce(Index) -> Result<Index, IndexError>,
    ) -> Result<Self, IndexError> {
        let engine = catch_panics(|| {
            let index =
                Index::open(commit.clone()).map_err(failure::failed_to("open the index"))?;
            let (_, fields) = Fields::schema();
            Self::from_index(check(index)?, fields, None, None)
        })?;
        Ok(Self {
            commit: Some(commit),
            ..engine
        })
    }

    /// Reads the checkpoint of the index in the folder, of any schema version. Returns the default checkpoint
    /// if the newest commit has no payload.
    pub fn checkpoint_in(path: &Path) -> Result<Checkpoint, IndexError> {
        let meta = path.join("meta.json");
        let damaged = |error: &dyn std::fmt::Display| IndexError::Damaged {
            what: format!("failed to read {}: {error}", meta.display()),
        };
        let text = match std::fs::read(&meta) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(damaged(&error));
            }
            Err(error) => return Err(IndexError::file("read", &meta)(error)),
        };
        let meta: Meta = serde_json::from_slice(&text).map_err(|error| damaged(&error))?;
        Ok(Payload::read(meta.payload.as_deref())?.checkpoint)
    }

    /// Creates an empty index in memory.
    pub fn in_memory() -> Result<Self, IndexError> {
        let (_, fields) = Fields::schema();
        let index = index_builder()
            .create_in_ram()
            .map_err(failure::failed_to("create an index in memory"))?;
        let writer = index
            .writer_with_num_threads(1, MIN_WRITER_MEMORY)
            .map_err(failure::failed_to("open the index in memory for writing"))?;
        Self::from_index(index, fields, Some(writer), None)
    }

    fn from_index(
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
        let metas = index
            .load_metas()
            .map_err(failure::failed_to("read the index"))?;
        let payload = Payload::read(metas.payload.as_deref())?;
        Ok(Self {
            _close_on_drop: None,
            snapshot: Snapshot::of(&reader)?,
            checkpoint: payload.checkpoint,
            records: payload.records,
            fields,
            writer,
            reader,
            path,
            commit: None,
            facet_cache: Arc::default(),
        })
    }

    /// The newest commit of this engine, or the commit that it was opened at if it only reads.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The health of the writer's merges. `None` in memory, and in an engine that only reads.
    pub(crate) fn merge_health(&self) -> Option<Arc<MergeHealth>> {
        let writer = self._close_on_drop.as_ref();
        writer.map(|CloseOnDrop(directory)| directory.merge_health())
    }

    /// The handles of the fields.
    pub fn fields(&self) -> &Fields {
        &self.fields
    }
}

/// Uses up one opstamp of a new writer.
///
/// A new writer gives its first operation the opstamp of the last commit. If that is a delete, a merge that starts
/// before the next commit applies it to segments whose deletes are older than the last commit, and not to the others.
/// After the commit, replaced documents of the others would be alive next to the new ones.
fn skip_opstamp(writer: &IndexWriter) -> ::tantivy::Result<()> {
    let nothing: [UserOperation; 0] = [];
    writer.run(nothing).map(|_| ())
}

/// The part of `meta.json` that does not depend on the schema version.
#[derive(serde::Deserialize)]
struct Meta {
    payload: Option<String>,
}

/// Returns a builder for an index of the current schema.
fn index_builder() -> IndexBuilder {
    let (schema, _) = Fields::schema();
    Index::builder()
        .schema(schema)
        .settings(schema::settings())
        .tokenizers(schema::tokenizers())
}

fn open_existing(directory: &WriterDirectory, path: &Path) -> Result<Index, IndexError> {
    let index = Index::open(directory.clone()).map_err(failure::failed_to("open the index"))?;
    check_schema(index, path)
}

/// Registers our tokenizers with the index. Returns an error if the index does not have the current schema.
fn check_schema(mut index: Index, path: &Path) -> Result<Index, IndexError> {
    let (schema, _) = Fields::schema();
    if index.schema() != schema {
        let (path, version) = (path.display(), schema::SCHEMA_VERSION);
        return Err(IndexError::Damaged {
            what: format!(
                "the schema of the index in {path} is not the schema of version {version}"
            ),
        });
    }
    index.set_tokenizers(schema::tokenizers());
    Ok(index)
}
