//! The hits of a search, merged from all segments and Sources as they are asked for.
//!
//! Only the next hit of each segment is in memory as such; the others are addresses.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::vec::IntoIter;

use tantivy::DocAddress;

use super::ranking::Ranked;
use super::{Snapshot, TantivyEngine};
use crate::index::IndexError;
use crate::query::{Hit, Kind, Sort, SortBy, content_type, extension_of, file_name};
use crate::source::Source;
use crate::sync::record::Content;

/// The first documents of one Source in one segment, in the order of the search.
pub struct Stream<'a> {
    source: &'a Source,
    rest: IntoIter<Ranked>,
}

impl<'a> Stream<'a> {
    /// What was found of the Source in a segment.
    pub fn new(source: &'a Source, found: Vec<Ranked>) -> Self {
        Self {
            source,
            rest: found.into_iter(),
        }
    }
}

/// An iterator over the hits of a search.
pub struct Hits<'a> {
    snapshot: &'a Snapshot,
    heads: BinaryHeap<Head<'a>>,
    left: usize,
}

impl<'a> Hits<'a> {
    /// The first `limit` hits of the streams.
    pub fn merge(
        engine: &'a TantivyEngine,
        streams: Vec<Stream<'a>>,
        sort: Sort,
        limit: usize,
    ) -> Result<Self, IndexError> {
        let mut hits = Self {
            snapshot: engine.snapshot(),
            heads: BinaryHeap::with_capacity(streams.len()),
            left: limit,
        };
        for stream in streams {
            let reversed = sort.by == SortBy::Path && sort.descending;
            hits.push_next(stream, reversed)?;
        }
        Ok(hits)
    }

    fn push_next(&mut self, mut stream: Stream<'a>, reversed: bool) -> Result<(), IndexError> {
        for ranked in stream.rest.by_ref() {
            if let Some(hit) = self.hit(stream.source, ranked.address)? {
                self.heads.push(Head {
                    value: ranked.value,
                    hit,
                    reversed,
                    stream,
                });
                return Ok(());
            }
        }
        Ok(())
    }

    /// The hit of a document; `None` for what search must not show.
    fn hit(&self, source: &Source, address: DocAddress) -> Result<Option<Hit>, IndexError> {
        let columns = &self.snapshot.segments[address.segment_ord as usize];
        let key = columns.key(address.doc_id)?;
        let Content::Live { object, first_seen } = columns.record(address.doc_id)?.content else {
            return Ok(None);
        };
        let Some(path) = source.asset_path(&key) else {
            return Ok(None);
        };
        let name = file_name(&path).to_owned();
        let ext = extension_of(&name).map(str::to_lowercase);
        Ok(Some(Hit {
            source: source.name.clone(),
            url: source.asset_url(&key),
            kind: Kind::of_ext(ext.as_deref()),
            content_type: content_type(ext.as_deref()),
            ext,
            size: object.size,
            last_modified: object.last_modified,
            first_seen: Some(first_seen),
            etag: object.etag.as_ref().map(|etag| etag.to_text()),
            storage_class: object.storage_class.name().to_owned(),
            key,
            path,
            name,
            highlights: None,
        }))
    }
}

impl Iterator for Hits<'_> {
    type Item = Result<Hit, IndexError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let Head {
            hit,
            stream,
            reversed,
            ..
        } = self.heads.pop()?;
        match self.push_next(stream, reversed) {
            Ok(()) => Some(Ok(hit)),
            Err(error) => {
                self.left = 0;
                Some(Err(error))
            }
        }
    }
}

/// The next hit of a stream; the greatest is the one that comes first.
struct Head<'a> {
    value: u64,
    hit: Hit,
    reversed: bool,
    stream: Stream<'a>,
}

impl Ord for Head<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_place = || {
            let (mine, theirs) = (&self.hit, &other.hit);
            mine.path
                .cmp(&theirs.path)
                .then_with(|| mine.source.cmp(&theirs.source))
        };
        let order = self.value.cmp(&other.value).then_with(by_place);
        if self.reversed {
            order
        } else {
            order.reverse()
        }
    }
}

impl PartialOrd for Head<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Head<'_> {}
