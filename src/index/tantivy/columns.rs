//! The columns of one segment: they map a document to its key and record, and a key to its document.
//!
//! A segment is sorted by ukey (see [`super::identity::ukey`]) and holds each ukey once. The ordinal of a ukey
//! in the dictionary of its column is therefore the number of its document. [`Columns::open`] checks that the
//! numbers of ukeys and documents are equal.

use std::io;
use std::ops::{Bound, Range};
use std::sync::OnceLock;

use tantivy::columnar::{BytesColumn, Column, ColumnarReader, StrColumn};
use tantivy::directory::FileSlice;
use tantivy::fastfield::AliveBitSet;
use tantivy::index::SegmentMeta;
use tantivy::{DocId, SegmentReader, TantivyError};

use super::column_source::ColumnSource;
use super::key_stream::KeyStream;
use super::schema::UKEY;
use super::{failure, identity};
use crate::core::replication::interval::KeyInterval;
use crate::core::replication::object::{ETag, Object, StorageClass};
use crate::core::replication::record::{Record, RecordContent};
use crate::core::replication::sequencer::Sequencer;
use crate::core::replication::source_state::SourceId;
use crate::core::replication::timestamp::Timestamp;
use crate::index::IndexError;

/// Maximum number of storage classes in memory for each segment. S3 has 13; other stores may have any number.
const MAX_CACHED_CLASSES: usize = 64;

/// The open columns of one segment.
pub struct Columns {
    ukey: Option<BytesColumn>,
    kh2: Option<Column<u64>>,
    alive: Option<AliveBitSet>,
    max_doc: DocId,
    size: Option<Column<u64>>,
    last_modified: Option<Column<i64>>,
    first_seen: Option<Column<i64>>,
    storage_class: Option<StrColumn>,
    /// The first storage classes, by ordinal. They save a look-up in the dictionary for each record.
    classes: Vec<StorageClass>,
    etag_high: Option<Column<u64>>,
    etag_low: Option<Column<u64>>,
    etag_parts: Option<Column<u64>>,
    etag_other: Option<StrColumn>,
    event_time: Option<Column<i64>>,
    sequencer_value: Option<Column<u64>>,
    sequencer_digits: Option<Column<u64>>,
    sequencer: Option<StrColumn>,
    listed_at: Option<Column<i64>>,
    removed_in_scan: Option<Column<u64>>,
    /// The documents of each Source that has any in the segment. Computed on first use.
    sources: OnceLock<Vec<(SourceId, Range<DocId>)>>,
}

impl Columns {
    /// Opens the columns of a segment.
    pub fn open(segment: &SegmentReader) -> Result<Self, IndexError> {
        let alive = segment.alive_bitset().cloned();
        let name = segment.segment_id().uuid_string();
        Self::from_source(segment.fast_fields(), alive, segment.max_doc(), &name)
    }

    /// Opens the columns of a segment from the contents of its column file.
    pub(super) fn from_file(
        file: FileSlice,
        alive: Option<AliveBitSet>,
        segment: &SegmentMeta,
    ) -> Result<Self, IndexError> {
        let source = ColumnarReader::open(file).map_err(read_error())?;
        let name = segment.id().uuid_string();
        Self::from_source(&source, alive, segment.max_doc(), &name)
    }

    /// `name` is the name of the segment, for an error.
    fn from_source(
        source: &impl ColumnSource,
        alive: Option<AliveBitSet>,
        max_doc: DocId,
        name: &str,
    ) -> Result<Self, IndexError> {
        let storage_class = source.texts("storage_class")?;
        let columns = Self {
            ukey: source.bytes(UKEY)?,
            kh2: source.numbers("kh2")?,
            alive,
            max_doc,
            size: source.numbers("size")?,
            last_modified: source.times("last_modified")?,
            first_seen: source.times("first_seen")?,
            classes: first_classes(&storage_class)?,
            storage_class,
            etag_high: source.numbers("etag_high")?,
            etag_low: source.numbers("etag_low")?,
            etag_parts: source.numbers("etag_parts")?,
            etag_other: source.texts("etag_other")?,
            event_time: source.times("event_time")?,
            sequencer_value: source.numbers("sequencer_value")?,
            sequencer_digits: source.numbers("sequencer_digits")?,
            sequencer: source.texts("sequencer")?,
            listed_at: source.times("listed_at")?,
            removed_in_scan: source.numbers("removed_in_scan")?,
            sources: OnceLock::new(),
        };
        let ukeys = columns.ukey.as_ref().map_or(0, BytesColumn::num_terms);
        if ukeys != max_doc as usize {
            let what = format!("segment {name} has {max_doc} documents and {ukeys} keys");
            return Err(IndexError::Damaged { what });
        }
        Ok(columns)
    }

    /// The column of the ukeys. `None` in an empty segment.
    pub fn ukeys(&self) -> Option<&BytesColumn> {
        self.ukey.as_ref()
    }

    /// The column of the upper halves of the hashes of the ukeys. `None` in an empty segment.
    pub fn hashes(&self) -> Option<&Column<u64>> {
        self.kh2.as_ref()
    }

    /// Whether the document has this ukey.
    pub fn has_ukey(&self, doc: DocId, ukey: &[u8]) -> Result<bool, IndexError> {
        let Some(ukeys) = &self.ukey else {
            return Ok(false);
        };
        let lower = Bound::Included(ukey.to_vec());
        let found = KeyStream::from(ukeys.dictionary(), &lower).map_err(read_error())?;
        Ok(found.is_some_and(|at| at.key() == ukey && at.ordinal() == u64::from(doc)))
    }

    /// Whether the document is not deleted.
    pub fn is_alive(&self, doc: DocId) -> bool {
        self.alive.as_ref().is_none_or(|alive| alive.is_alive(doc))
    }

    /// Whether any document in the segment is deleted.
    pub fn has_deleted_docs(&self) -> bool {
        self.alive.is_some()
    }

    /// Whether the document is a tombstone.
    pub fn is_tombstone(&self, doc: DocId) -> bool {
        number_at(&self.removed_in_scan, doc).is_some()
    }

    /// Whether the document is neither deleted nor a tombstone.
    pub fn is_asset(&self, doc: DocId) -> bool {
        self.is_alive(doc) && !self.is_tombstone(doc)
    }

    /// Whether the segment has tombstones.
    pub fn has_tombstones(&self) -> bool {
        self.removed_in_scan.is_some()
    }

    /// The documents whose ukeys are within the bounds.
    pub fn docs(&self, bounds: &Bounds) -> io::Result<Range<DocId>> {
        match &self.ukey {
            Some(ukeys) => docs_between(ukeys, self.max_doc, bounds),
            None => Ok(0..0),
        }
    }

    /// The documents of a Source, including deleted ones and tombstones. They are cached because every search
    /// needs them.
    pub fn source_docs(&self, source: SourceId) -> Result<Range<DocId>, IndexError> {
        let sources = match self.sources.get() {
            Some(sources) => sources,
            None => {
                let found = self.find_sources()?;
                self.sources.get_or_init(|| found)
            }
        };
        let index = sources.binary_search_by_key(&source, |(id, _)| *id);
        Ok(index.map_or(0..0, |index| sources[index].1.clone()))
    }

    /// Finds the documents of each Source by jumping from the first document of a Source to the first document
    /// of the next Source.
    fn find_sources(&self) -> Result<Vec<(SourceId, Range<DocId>)>, IndexError> {
        let mut sources = Vec::new();
        let mut first = 0;
        while first < self.max_doc {
            let source = identity::source_of(&self.ukey(first)?);
            let source = source.ok_or_else(|| no_key(first))?;
            let all = identity::ukey_bounds(source, &KeyInterval::everything());
            let end = self.docs(&all).map_err(read_error())?.end;
            sources.push((source, first..end));
            first = end.max(first + 1);
        }
        Ok(sources)
    }

    /// The key of a document, without the Source id.
    pub fn key(&self, doc: DocId) -> Result<String, IndexError> {
        let ukey = self.ukey(doc)?;
        let key = identity::key_of(&ukey).ok_or_else(|| no_key(doc))?;
        Ok(key.to_owned())
    }

    fn ukey(&self, doc: DocId) -> Result<Vec<u8>, IndexError> {
        let mut ukey = Vec::new();
        let found = match &self.ukey {
            Some(column) => column.ord_to_bytes(u64::from(doc), &mut ukey),
            None => Ok(false),
        };
        if found.map_err(read_error())? {
            Ok(ukey)
        } else {
            Err(no_key(doc))
        }
    }

    /// The record of a document.
    pub fn record(&self, doc: DocId) -> Result<Record, IndexError> {
        let content = match number_at(&self.removed_in_scan, doc) {
            Some(scan) => RecordContent::Removed { scan },
            None => RecordContent::Live {
                object: self.object(doc)?,
                first_seen: timestamp_at(&self.first_seen, doc)
                    .unwrap_or(Timestamp::from_millis(0)),
            },
        };
        Ok(Record {
            content,
            event_time: timestamp_at(&self.event_time, doc),
            sequencer: self.sequencer(doc)?,
            listed_at: timestamp_at(&self.listed_at, doc),
        })
    }

    /// A look-up in the dictionary of a text column decompresses a block, so the usual sequencers are numbers.
    fn sequencer(&self, doc: DocId) -> Result<Option<Sequencer>, IndexError> {
        let number = (
            number_at(&self.sequencer_value, doc),
            number_at(&self.sequencer_digits, doc),
        );
        match number {
            (Some(value), Some(digits)) => Ok(Sequencer::from_number(value, digits)),
            _ => {
                let digits = text_at(&self.sequencer, doc)?;
                Ok(digits.and_then(|digits| Sequencer::parse(&digits)))
            }
        }
    }

    fn object(&self, doc: DocId) -> Result<Object, IndexError> {
        Ok(Object {
            size: number_at(&self.size, doc).unwrap_or(0),
            etag: self.etag(doc)?,
            last_modified: timestamp_at(&self.last_modified, doc)
                .unwrap_or(Timestamp::from_millis(0)),
            storage_class: self.storage_class(doc)?,
        })
    }

    fn storage_class(&self, doc: DocId) -> Result<StorageClass, IndexError> {
        let Some(column) = &self.storage_class else {
            return Ok(StorageClass::Standard);
        };
        let Some(ord) = column.term_ords(doc).next() else {
            return Ok(StorageClass::Standard);
        };
        match self.classes.get(ord as usize) {
            Some(class) => Ok(class.clone()),
            None => class_of(column, ord),
        }
    }

    fn etag(&self, doc: DocId) -> Result<Option<ETag>, IndexError> {
        let halves = (
            number_at(&self.etag_high, doc),
            number_at(&self.etag_low, doc),
        );
        let (Some(high), Some(low)) = halves else {
            let other = text_at(&self.etag_other, doc)?;
            return Ok(other.map(|text| ETag::Other(text.into())));
        };
        let parts = number_at(&self.etag_parts, doc).unwrap_or(0);
        Ok(Some(ETag::Hex {
            bits: (u128::from(high) << 64) | u128::from(low),
            parts: u16::try_from(parts).unwrap_or(0),
        }))
    }
}

fn no_key(doc: DocId) -> IndexError {
    IndexError::Damaged {
        what: format!("document {doc} has no key"),
    }
}

/// The bounds of a range of ukeys.
pub type Bounds = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// The documents whose ukeys are within the bounds, in a segment of `max_doc` documents.
pub fn docs_between(
    ukeys: &BytesColumn,
    max_doc: DocId,
    bounds: &Bounds,
) -> io::Result<Range<DocId>> {
    let below = |ukey: &[u8], inclusive| docs_below(ukeys, max_doc, ukey, inclusive);
    let lower = match &bounds.0 {
        Bound::Unbounded => 0,
        Bound::Included(ukey) => below(ukey, false)?,
        Bound::Excluded(ukey) => below(ukey, true)?,
    };
    let upper = match &bounds.1 {
        Bound::Unbounded => max_doc,
        Bound::Included(ukey) => below(ukey, true)?,
        Bound::Excluded(ukey) => below(ukey, false)?,
    };
    Ok(lower..upper.max(lower))
}

/// Counts the documents whose ukeys are less than `ukey`, or less or equal if `inclusive` is set.
fn docs_below(
    ukeys: &BytesColumn,
    max_doc: DocId,
    ukey: &[u8],
    inclusive: bool,
) -> io::Result<DocId> {
    use tantivy_sstable::TermOrdHit;
    let below = match ukeys.dictionary().term_ord_or_next(ukey)? {
        TermOrdHit::Exact(ord) => ord + u64::from(inclusive),
        TermOrdHit::Next(ord) => ord,
    };
    // If `ukey` is greater than all keys, the dictionary returns u64::MAX.
    Ok(DocId::try_from(below).unwrap_or(max_doc).min(max_doc))
}

/// Reads the classes of the first ordinals of a column.
fn first_classes(column: &Option<StrColumn>) -> Result<Vec<StorageClass>, IndexError> {
    let Some(column) = column else {
        return Ok(Vec::new());
    };
    let count = column.num_terms().min(MAX_CACHED_CLASSES) as u64;
    (0..count).map(|ord| class_of(column, ord)).collect()
}

fn class_of(column: &StrColumn, ord: u64) -> Result<StorageClass, IndexError> {
    let mut name = String::new();
    // The ordinals of a column are in its dictionary. An empty name would be the standard class.
    column.ord_to_str(ord, &mut name).map_err(read_error())?;
    Ok(StorageClass::from_name(&name))
}

/// Wraps an error of tantivy from reading a column.
pub fn read_error<E: Into<TantivyError>>() -> impl FnOnce(E) -> IndexError {
    |error| failure::failed_read("read the index")(error.into())
}

fn number_at(column: &Option<Column<u64>>, doc: DocId) -> Option<u64> {
    column.as_ref()?.first(doc)
}

fn timestamp_at(column: &Option<Column<i64>>, doc: DocId) -> Option<Timestamp> {
    column.as_ref()?.first(doc).map(Timestamp::from_millis)
}

fn text_at(column: &Option<StrColumn>, doc: DocId) -> Result<Option<String>, IndexError> {
    let Some(column) = column else {
        return Ok(None);
    };
    let Some(ord) = column.term_ords(doc).next() else {
        return Ok(None);
    };
    let mut text = String::new();
    let found = column.ord_to_str(ord, &mut text).map_err(read_error())?;
    Ok(found.then_some(text))
}

#[cfg(test)]
mod tests;
