//! The Sources that are searched, as the index knows them.
//!
//! Whoever asks decides which those are; of all others nothing is looked at.

use super::columns::Bounds;
use super::identity::{ukey, ukey_bounds};
use super::{Columns, TantivyEngine, read_error};
use crate::core::replication::interval::KeyRange;
use crate::core::replication::source_state::SourceId;
use crate::core::source::SearchSource;
use crate::index::IndexError;

use std::ops::{Bound, Range};

use tantivy::DocId;

/// A Source that is searched.
#[derive(Clone, Copy, Debug)]
pub struct SearchedSource<'a> {
    /// The Source.
    pub source: &'a SearchSource,
    /// Its number in the index.
    pub id: SourceId,
}

impl TantivyEngine {
    /// Those Sources, each once, that have assets in the index.
    ///
    /// Records of another bucket or folder than the Source's are none of its assets.
    pub(super) fn searched_sources<'a>(
        &self,
        scope: &[&'a SearchSource],
    ) -> Vec<SearchedSource<'a>> {
        let mut searched: Vec<SearchedSource<'a>> = Vec::with_capacity(scope.len());
        for source in scope.iter().copied() {
            let state = self.checkpoint.source(&source.name);
            let state = state
                .filter(|state| state.origin == source.origin && state.prefix == source.prefix);
            if let Some(id) = state.map(|state| state.id)
                && searched.iter().all(|other| other.id != id)
            {
                searched.push(SearchedSource { source, id });
            }
        }
        searched
    }
}

impl SearchedSource<'_> {
    /// The Source's documents in a segment, deleted ones and tombstones too.
    pub fn docs(&self, columns: &Columns) -> Result<Range<DocId>, IndexError> {
        columns.source_docs(self.id)
    }

    /// The same of the documents whose asset path begins so; none where no path can.
    pub fn docs_under(&self, columns: &Columns, start: &str) -> Result<Range<DocId>, IndexError> {
        match self.under(start) {
            Some(bounds) => columns.docs(&bounds).map_err(read_error()),
            None => Ok(0..0),
        }
    }

    /// The ukeys of the asset paths that begin so.
    pub fn under(&self, start: &str) -> Option<Bounds> {
        let key = self.raw_key(start)?;
        Some(ukey_bounds(self.id, &KeyRange::under(key).interval()))
    }

    /// How many documents of the segment come before the asset path, itself counted where `with_it`.
    pub fn docs_before(
        &self,
        columns: &Columns,
        path: &str,
        with_it: bool,
    ) -> Result<DocId, IndexError> {
        let ukey = ukey(self.id, &self.raw_key(path).unwrap_or_default());
        let upper = if with_it {
            Bound::Included(ukey)
        } else {
            Bound::Excluded(ukey)
        };
        let before = columns.docs(&(Bound::Unbounded, upper));
        Ok(before.map_err(read_error())?.end)
    }

    /// The asset path of a document of the Source.
    pub fn path(&self, columns: &Columns, doc: DocId) -> Result<String, IndexError> {
        let key = columns.key(doc)?;
        let path = self.source.asset_path(&key);
        path.ok_or_else(|| IndexError::Damaged {
            what: format!("document {doc} lies outside of its Source"),
        })
    }

    /// Unlike [`SearchSource::key_of`] also for what begins a path and is none.
    fn raw_key(&self, path: &str) -> Option<String> {
        let below_root = path.strip_prefix('/')?;
        Some(format!("{}{below_root}", self.source.prefix))
    }
}
