//! The scope of a search: the Sources that it covers, and their documents.
//!
//! The caller decides which Sources to search. Documents of other Sources are not read.

use super::columns::Bounds;
use super::identity::{ukey, ukey_bounds};
use super::{Columns, TantivyEngine, read_error};
use crate::core::replication::interval::KeyRange;
use crate::core::replication::source_state::SourceId;
use crate::core::source::SearchSource;
use crate::index::IndexError;

use std::ops::{Bound, Range};

use tantivy::DocId;

/// A Source that a search covers.
#[derive(Clone, Copy, Debug)]
pub struct SearchedSource<'a> {
    /// The Source.
    pub source: &'a SearchSource,
    /// The id of the Source in the index.
    pub id: SourceId,
}

impl TantivyEngine {
    /// Returns the Sources of `scope` that the index knows, without duplicates.
    ///
    /// A Source is left out if its records are from another bucket or folder than the Source's.
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
    /// Returns the Source's documents in a segment, including tombstones and deleted documents.
    pub fn docs(&self, columns: &Columns) -> Result<Range<DocId>, IndexError> {
        columns.source_docs(self.id)
    }

    /// Returns the Source's documents whose asset path starts with `start`, including tombstones and deleted
    /// documents. There are none if `start` does not begin with `/`.
    pub fn docs_under(&self, columns: &Columns, start: &str) -> Result<Range<DocId>, IndexError> {
        match self.under(start) {
            Some(bounds) => columns.docs(&bounds).map_err(read_error()),
            None => Ok(0..0),
        }
    }

    /// Returns the ukeys of the asset paths that start with `start`, or `None` if it does not begin with `/`.
    pub fn under(&self, start: &str) -> Option<Bounds> {
        let key = self.raw_key(start)?;
        Some(ukey_bounds(self.id, &KeyRange::under(key).interval()))
    }

    /// Returns the number of documents in the segment before the asset path. If `inclusive` is true, the
    /// document of the path itself counts too.
    pub fn docs_before(
        &self,
        columns: &Columns,
        path: &str,
        inclusive: bool,
    ) -> Result<DocId, IndexError> {
        let ukey = ukey(self.id, &self.raw_key(path).unwrap_or_default());
        let upper = if inclusive {
            Bound::Included(ukey)
        } else {
            Bound::Excluded(ukey)
        };
        let before = columns.docs(&(Bound::Unbounded, upper));
        Ok(before.map_err(read_error())?.end)
    }

    /// Returns the asset path of a document of the Source.
    pub fn path(&self, columns: &Columns, doc: DocId) -> Result<String, IndexError> {
        let key = columns.key(doc)?;
        let path = self.source.asset_path(&key);
        path.ok_or_else(|| IndexError::Damaged {
            what: format!("the key of document {doc} is not in the folder of its Source"),
        })
    }

    /// Like [`SearchSource::key_of`], but also accepts the start of a path.
    fn raw_key(&self, path: &str) -> Option<String> {
        let below_root = path.strip_prefix('/')?;
        Some(format!("{}{below_root}", self.source.prefix))
    }
}
