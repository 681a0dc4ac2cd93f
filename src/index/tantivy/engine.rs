//! Implements [`Engine`], the interface of the ledger to the index, with tantivy.
//!
//! If reading panics because of damage, the operation returns [`IndexError::Damaged`]. The ordering rules are
//! not here but in the ledger. Opening an index is in the parent module.

use super::columns::{Columns, read_error};
use super::failure::{self, catch_panics};
use super::identity::HashedKey;
use super::keys_query::find_candidates;
use super::{TantivyEngine, identity, interval};
use crate::core::replication::checkpoint::Checkpoint;
use crate::core::replication::interval::KeyInterval;
use crate::core::replication::record::Record;
use crate::core::replication::source_state::SourceId;
use crate::index::{Changes, Compaction, Engine, IndexError, KeyedRecord, RecordFilter};

/// Number of keys to sample for each part of a split interval.
const SAMPLES_PER_PART: usize = 64;

impl Engine for TantivyEngine {
    fn checkpoint(&self) -> Result<Checkpoint, IndexError> {
        Ok(self.checkpoint.clone())
    }

    fn read(
        &self,
        source: SourceId,
        interval: &KeyInterval,
        filter: RecordFilter,
        limit: usize,
    ) -> Result<Vec<KeyedRecord>, IndexError> {
        catch_panics(|| interval::read(&self.snapshot.segments, source, interval, filter, limit))
    }

    fn get(&self, source: SourceId, keys: &[&str]) -> Result<Vec<Option<Record>>, IndexError> {
        catch_panics(|| self.get_records(source, keys))
    }

    fn assets(&self, source: SourceId) -> Result<u64, IndexError> {
        catch_panics(|| self.count_assets(source))
    }

    fn estimate(&self, source: SourceId, interval: &KeyInterval) -> Result<u64, IndexError> {
        catch_panics(|| self.estimate_records(source, interval))
    }

    fn split_points(
        &self,
        source: SourceId,
        interval: &KeyInterval,
        parts: usize,
    ) -> Result<Vec<String>, IndexError> {
        catch_panics(|| self.sample_split_points(source, interval, parts))
    }

    fn commit(&mut self, changes: &Changes, checkpoint: &Checkpoint) -> Result<(), IndexError> {
        catch_panics(|| self.commit_all(changes, checkpoint))
    }

    fn compact(&mut self) -> Result<Compaction, IndexError> {
        self.begin_compaction()
    }

    fn close(mut self) -> Result<(), IndexError> {
        match self.writer.take() {
            Some(writer) => writer
                .wait_merging_threads()
                .map_err(failure::failed_to("merge segments")),
            None => Ok(()),
        }
    }
}

impl TantivyEngine {
    fn get_records(
        &self,
        source: SourceId,
        keys: &[&str],
    ) -> Result<Vec<Option<Record>>, IndexError> {
        let hashed: Vec<_> = keys.iter().map(|key| HashedKey::new(source, key)).collect();
        let mut records = vec![None; keys.len()];
        let segments = self.snapshot.searcher.segment_readers();
        for (segment, columns) in segments.iter().zip(&self.snapshot.segments) {
            let Some(high) = columns.hashes() else {
                continue;
            };
            let found = find_candidates(segment, self.fields.kh, high, &hashed);
            for (doc, index) in found.map_err(read_error())? {
                // A replaced document stays in its segment, marked as deleted, until a merge.
                if columns.is_alive(doc) && columns.has_ukey(doc, &hashed[index].ukey)? {
                    records[index] = Some(columns.record(doc)?);
                }
            }
        }
        Ok(records)
    }

    fn count_assets(&self, source: SourceId) -> Result<u64, IndexError> {
        let bounds = identity::ukey_bounds(source, &KeyInterval::everything());
        let mut assets = 0;
        for columns in &self.snapshot.segments {
            let docs = columns.docs(&bounds).map_err(read_error())?;
            assets += docs.filter(|doc| columns.is_asset(*doc)).count() as u64;
        }
        Ok(assets)
    }

    fn estimate_records(
        &self,
        source: SourceId,
        interval: &KeyInterval,
    ) -> Result<u64, IndexError> {
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

    fn sample_split_points(
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
        // Sample every segment: one may hold a range of keys that the others do not.
        let mut samples = Vec::new();
        for (columns, docs) in self.snapshot.segments.iter().zip(segments) {
            for doc in docs.skip(step / 2).step_by(step) {
                samples.push(columns.key(doc)?);
            }
        }
        samples.sort_unstable();
        let cut = |part: usize| samples.len() * part / parts.max(1);
        let cuts = (1..parts).map(cut).filter(|index| *index > 0);
        let mut points: Vec<String> = cuts.map(|index| samples[index - 1].clone()).collect();
        points.dedup();
        Ok(points)
    }
}
