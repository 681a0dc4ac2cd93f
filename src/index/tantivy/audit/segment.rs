//! The documents of one segment: in order, possible, and with what their keys and records yield.
//!
//! Deleted documents are passed over: only a merge still reads them, to leave them out.

use std::collections::BTreeMap;

use tantivy::index::Segment;
use tantivy::{DocId, SegmentReader};

use super::stored::Stored;
use super::{Audit, Problem};
use crate::core::replication::checkpoint::Checkpoint;
use crate::core::replication::invariants;
use crate::core::replication::source_state::{SourceId, SourceState};
use crate::index::IndexError;
use crate::index::tantivy::columns::{Columns, read_error};
use crate::index::tantivy::document::document;
use crate::index::tantivy::schema::Fields;
use crate::index::tantivy::{failure, identity};

/// After so many documents it is told how far the segment is.
const TOLD_EVERY: DocId = 4096;

/// Checks a segment whose files are whole, and gives its columns. `told` is called with how many of its
/// documents are done.
pub(super) fn check(
    segment: &Segment,
    checkpoint: &Checkpoint,
    audit: &mut Audit,
    told: &dyn Fn(u64),
) -> Result<Columns, IndexError> {
    let reader = SegmentReader::open(segment).map_err(failure::of("open a segment"))?;
    let (expected, found) = (segment.meta().num_docs(), reader.num_docs());
    if expected != found {
        return Err(damaged(format!(
            "it has {found} documents that are not deleted, and should have {expected}"
        )));
    }
    let columns = Columns::open(&reader)?;
    let mut walk = Walk {
        name: segment.id().uuid_string(),
        sources: by_id(checkpoint),
        fields: Fields::schema().1,
        stored: Stored::new(&reader)?,
        is_comparable: true,
        columns: &columns,
        audit,
    };
    walk.documents(reader.max_doc(), told)?;
    walk.compare(&reader, told)?;
    Ok(columns)
}

/// The states of the Sources; of two with one number, which is told elsewhere, one.
fn by_id(checkpoint: &Checkpoint) -> BTreeMap<SourceId, &SourceState> {
    let states = checkpoint.sources.iter();
    states.map(|state| (state.id, state)).collect()
}

fn damaged(what: String) -> IndexError {
    IndexError::Damaged { what }
}

/// One pass over the documents of a segment.
struct Walk<'a> {
    name: String,
    sources: BTreeMap<SourceId, &'a SourceState>,
    fields: Fields,
    stored: Stored,
    /// Whether it is known of all documents what they should yield.
    is_comparable: bool,
    columns: &'a Columns,
    audit: &'a mut Audit,
}

impl Walk<'_> {
    fn documents(&mut self, max_doc: DocId, told: &dyn Fn(u64)) -> Result<(), IndexError> {
        let Some(ukeys) = self.columns.ukeys() else {
            return Ok(());
        };
        let mut stream = ukeys.dictionary().stream().map_err(read_error())?;
        let mut before = Vec::new();
        for doc in 0..max_doc {
            if !stream.advance() {
                return Err(damaged(format!("only {doc} of {max_doc} keys can be read")));
            }
            let ukey = stream.key();
            if doc > 0 && *before >= *ukey {
                return Err(damaged(format!(
                    "the key of document {doc} is out of order"
                )));
            }
            if ukeys.ords().first(doc) != Some(u64::from(doc)) {
                return Err(damaged(format!("document {doc} is not in its key's place")));
            }
            if self.columns.is_alive(doc) {
                self.document(doc, ukey)?;
            }
            before.clear();
            before.extend_from_slice(ukey);
            if doc % TOLD_EVERY == 0 {
                // The other half is what comes behind.
                told(u64::from(doc / 2));
            }
        }
        Ok(())
    }

    fn document(&mut self, doc: DocId, ukey: &[u8]) -> Result<(), IndexError> {
        let parts = identity::source_of(ukey).zip(identity::key_of(ukey));
        let (id, key) = parts.ok_or_else(|| damaged(format!("document {doc} has no key")))?;
        let Some(state) = self.sources.get(&id) else {
            self.is_comparable = false;
            self.audit.note(Problem::Record {
                source: format!("number {}", id.0),
                key: key.to_owned(),
                what: "the checkpoint knows no Source of that number".to_owned(),
            });
            return Ok(());
        };
        let record = self.columns.record(doc)?;
        match record.object() {
            Some(_) => self.audit.assets += 1,
            None => self.audit.tombstones += 1,
        }
        if let Some(impossible) = invariants::of_record(state, key, &record) {
            self.audit.note(Problem::Record {
                source: state.name.clone(),
                key: key.to_owned(),
                what: impossible.to_string(),
            });
        }
        let derived = document(&self.fields, id, &state.prefix, key, &record);
        self.stored.derive(doc, &derived);
        Ok(())
    }

    /// Compares what the documents yield with what stands in the columns and the inverted indexes.
    fn compare(&mut self, reader: &SegmentReader, told: &dyn Fn(u64)) -> Result<(), IndexError> {
        if !self.is_comparable {
            return Ok(());
        }
        let half = u64::from(reader.max_doc() / 2);
        let differences = self.stored.differences(reader, &|part| {
            told(half + (half as f64 * part) as u64);
        })?;
        for difference in differences {
            let docs = &difference.docs;
            let key = |doc| self.columns.key(doc);
            let (first, last) = (key(docs.start)?, key(docs.end - 1)?);
            self.audit.note(Problem::Segment {
                segment: self.name.clone(),
                what: format!(
                    "{} `{}` is not what the records yield, first between the keys {first:?} and {last:?}",
                    difference.what, difference.field
                ),
            });
        }
        Ok(())
    }
}
