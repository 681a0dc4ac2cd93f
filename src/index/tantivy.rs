//! The engine on one machine: tantivy, one index for all Sources.
//!
//! What tantivy does and what it costs was measured for this layout: there is no term dictionary of
//! keys and no document store; the index is sorted by key, and everything that a hit needs is in
//! columns. Nothing outside of this module names tantivy.

use std::path::{Path, PathBuf};

use ::tantivy::indexer::{IndexWriterOptions, LogMergePolicy};
use ::tantivy::{Index, IndexBuilder, IndexReader, IndexWriter, ReloadPolicy, Searcher};

use super::directory::sync_dir;
use super::{Changes, Compaction, Engine, IndexError, Keyed, Which};
use crate::sync::checkpoint::Checkpoint;
use crate::sync::interval::KeyInterval;
use crate::sync::record::Record;
use crate::sync::source_state::SourceId;
use columns::{Columns, read_error};
use held::HeldCommit;
use keys_query::{KeysQuery, find};
use read_only::{CommitFolder, open_newest};
use schema::Fields;

pub mod audit;
pub mod columns;
pub mod compact;
#[cfg(test)]
pub mod corpus;
pub mod document;
pub mod expansion;
pub mod facets;
pub mod facts;
mod failure;
pub mod folders;
pub mod held;
pub mod hits;
pub mod identity;
pub mod interval;
pub mod keys_query;
pub mod level;
pub mod live_query;
pub mod merge;
pub mod paths;
pub mod payload;
pub mod ranking;
pub mod read_only;
pub mod schema;
pub mod scope;
pub mod search;
pub mod size;
pub mod suggest;
pub mod tokenizer;
pub mod translation;
pub mod trigrams;
pub mod verified;
pub mod watch;
pub mod without;

/// The share of deleted documents from which on a segment is merged; by default deletes never cause
/// a merge.
const MERGE_FROM_DELETED_RATIO: f32 = 0.25;

/// The least memory that tantivy's writer takes, bytes.
pub const MIN_WRITER_MEMORY: usize = 15_000_000;

/// How many keys are looked at for each part that an interval is split into.
const SAMPLES_PER_PART: usize = 64;

/// An index in tantivy, open for writing or only for reading.
pub struct TantivyEngine {
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
        Self::for_writing(open_existing(path)?, path, memory)
    }

    /// As [`TantivyEngine::open`], making the index where there is none.
    pub fn open_or_create(path: &Path, memory: usize) -> Result<Self, IndexError> {
        if path.join("meta.json").exists() {
            return Self::open(path, memory);
        }
        std::fs::create_dir_all(path).map_err(IndexError::file("create", path))?;
        let index = builder()
            .create_in_dir(path)
            .map_err(failure::of("create the index"))?;
        Self::for_writing(index, path, memory)
    }

    fn for_writing(index: Index, path: &Path, memory: usize) -> Result<Self, IndexError> {
        let options = IndexWriterOptions::builder()
            .memory_budget_per_thread(memory.max(MIN_WRITER_MEMORY))
            .num_worker_threads(1)
            .num_merge_threads(1)
            .build();
        let writer = index
            .writer_with_options(options)
            .map_err(failure::of("open the index for writing"))?;
        // A commit that was killed may have left a file of deletes behind, whose name the next commit
        // of the same changes takes again: tantivy refuses to write it twice.
        writer
            .garbage_collect_files()
            .wait()
            .map_err(failure::of("remove what no commit holds"))?;
        let mut policy = LogMergePolicy::default();
        policy.set_del_docs_ratio_before_merge(MERGE_FROM_DELETED_RATIO);
        writer.set_merge_policy(Box::new(policy));
        let (_, fields) = Fields::schema();
        Self::over(index, fields, Some(writer), Some(path.to_owned()))
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
    /// are found by their names, so checkpoint and [`Engine::read`] can be relied on, and nothing else.
    pub fn open_of_any_schema(path: &Path) -> Result<Self, IndexError> {
        open_newest(CommitFolder::newest(path)?, |commit| {
            Self::over_commit(commit, Ok)
        })
    }

    /// As [`TantivyEngine::open_of_any_schema`], without the segments that have damaged files, and how many
    /// documents there are less for it. It reads every file whole.
    pub fn open_what_is_whole(path: &Path) -> Result<(Self, u64), IndexError> {
        let commit = HeldCommit::newest(path)?;
        let damages = commit.damages(|_| {})?;
        let (whole, lost) = commit.without(&damages)?;
        Ok((Self::over_commit(whole, Ok)?, lost))
    }

    fn open_commit(commit: CommitFolder) -> Result<Self, IndexError> {
        let path = commit.path().to_owned();
        Self::over_commit(commit, |index| with_our_schema(index, &path))
    }

    fn over_commit(
        commit: CommitFolder,
        check: impl FnOnce(Index) -> Result<Index, IndexError>,
    ) -> Result<Self, IndexError> {
        let index = Index::open(commit.clone()).map_err(failure::of("open the index"))?;
        let (_, fields) = Fields::schema();
        let engine = Self::over(check(index)?, fields, None, None)?;
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
            .map_err(IndexError::engine("create an index in memory"))?;
        let writer = index
            .writer_with_num_threads(1, MIN_WRITER_MEMORY)
            .map_err(IndexError::engine("open the index in memory for writing"))?;
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
            .map_err(failure::of("open the index"))?;
        let metas = index.load_metas().map_err(failure::of("read the index"))?;
        Ok(Self {
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

fn open_existing(path: &Path) -> Result<Index, IndexError> {
    let index = Index::open_in_dir(path).map_err(failure::of("open the index"))?;
    with_our_schema(index, path)
}

/// The index with our tokenizers, if it has our schema.
fn with_our_schema(mut index: Index, path: &Path) -> Result<Index, IndexError> {
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

impl Engine for TantivyEngine {
    fn checkpoint(&self) -> Result<Checkpoint, IndexError> {
        Ok(self.checkpoint.clone())
    }

    fn read(
        &self,
        source: SourceId,
        interval: &KeyInterval,
        which: Which,
        limit: usize,
    ) -> Result<Vec<Keyed>, IndexError> {
        interval::read(&self.snapshot.segments, source, interval, which, limit)
    }

    fn get(&self, source: SourceId, keys: &[&str]) -> Result<Vec<Option<Record>>, IndexError> {
        let hash = |key: &&str| identity::hash(&identity::ukey(source, key));
        let hashes: Vec<_> = keys.iter().map(hash).collect();
        let mut records = vec![None; keys.len()];
        let segments = self.snapshot.searcher.segment_readers();
        for (segment, columns) in segments.iter().zip(&self.snapshot.segments) {
            let mut found = Vec::new();
            find(segment, self.fields.kh, &hashes, |place, doc| {
                found.push((place, doc));
            })
            .map_err(read_error())?;
            for (place, doc) in found {
                // An upsert leaves the old document, deleted, in its segment until that is merged.
                if columns.is_alive(doc) {
                    records[place] = Some(columns.record(doc)?);
                }
            }
        }
        Ok(records)
    }

    fn assets(&self, source: SourceId) -> Result<u64, IndexError> {
        let bounds = identity::ukey_bounds(source, &KeyInterval::everything());
        let mut assets = 0;
        for columns in &self.snapshot.segments {
            let docs = columns.docs(&bounds).map_err(read_error())?;
            assets += docs.filter(|doc| columns.is_asset(*doc)).count() as u64;
        }
        Ok(assets)
    }

    fn estimate(&self, source: SourceId, interval: &KeyInterval) -> Result<u64, IndexError> {
        if interval.is_empty() {
            return Ok(0);
        }
        let bounds = identity::ukey_bounds(source, interval);
        let mut records = 0;
        for columns in &self.snapshot.segments {
            records += columns.docs(&bounds).map_err(read_error())?.len() as u64;
        }
        Ok(records)
    }

    fn split_points(
        &self,
        source: SourceId,
        interval: &KeyInterval,
        parts: usize,
    ) -> Result<Vec<String>, IndexError> {
        let bounds = identity::ukey_bounds(source, interval);
        let in_segment = |columns: &Columns| columns.docs(&bounds).map_err(read_error());
        let segments = self.snapshot.segments.iter().map(in_segment);
        let segments = segments.collect::<Result<Vec<_>, _>>()?;
        let records: usize = segments.iter().map(ExactSizeIterator::len).sum();
        let step = (records / (parts.max(1) * SAMPLES_PER_PART)).max(1);
        // Of all segments: one may hold a stretch of keys that the others do not.
        let mut samples = Vec::new();
        for (columns, docs) in self.snapshot.segments.iter().zip(segments) {
            for doc in docs.skip(step / 2).step_by(step) {
                samples.push(columns.key(doc)?);
            }
        }
        samples.sort_unstable();
        let cut = |part: usize| samples.len() * part / parts.max(1);
        let cuts = (1..parts).map(cut).filter(|place| *place > 0);
        let mut points: Vec<String> = cuts.map(|place| samples[place - 1].clone()).collect();
        points.dedup();
        Ok(points)
    }

    fn commit(&mut self, changes: &Changes, checkpoint: &Checkpoint) -> Result<(), IndexError> {
        self.write(changes, checkpoint)
            .map_err(IndexError::engine("commit to the index"))?;
        if let Some(path) = &self.path {
            // Tantivy renames meta.json and leaves the folder to the kernel; a power cut could
            // bring the commit before back.
            sync_dir(path)?;
        }
        self.snapshot = Snapshot::of(&self.reader)?;
        self.checkpoint.clone_from(checkpoint);
        Ok(())
    }

    fn compact(&mut self) -> Result<Compaction, IndexError> {
        self.begin_compaction()
    }

    fn close(mut self) -> Result<(), IndexError> {
        match self.writer.take() {
            Some(writer) => writer
                .wait_merging_threads()
                .map_err(IndexError::engine("merge segments")),
            None => Ok(()),
        }
    }
}
