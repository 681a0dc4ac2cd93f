//! Checks the documents of one segment: their order, their records, and the fields derived from them.
//!
//! It skips deleted documents. Only the next merge of the segment reads them, to drop them.

use std::collections::BTreeMap;

use tantivy::index::Segment;
use tantivy::{DocId, SegmentReader};

use super::fields::FieldComparison;
use super::{AuditReport, Problem};
use crate::core::replication::checkpoint::Checkpoint;
use crate::core::replication::invariants;
use crate::core::replication::source_state::{SourceId, SourceState};
use crate::index::IndexError;
use crate::index::tantivy::columns::{Columns, read_error};
use crate::index::tantivy::document::document;
use crate::index::tantivy::schema::Fields;
use crate::index::tantivy::{failure, identity};

/// Number of documents between two progress reports.
const PROGRESS_INTERVAL: DocId = 4096;

/// Checks a segment whose files match their checksums, and returns its columns.
///
/// `on_docs_done` receives the number of documents that are done. Each of the two passes counts half.
pub(super) fn check(
    segment: &Segment,
    checkpoint: &Checkpoint,
    report: &mut AuditReport,
    on_docs_done: &dyn Fn(u64),
) -> Result<Columns, IndexError> {
    let reader = SegmentReader::open(segment).map_err(failure::failed_to("open a segment"))?;
    let (expected, found) = (segment.meta().num_docs(), reader.num_docs());
    if expected != found {
        return Err(damaged(format!(
            "it has {found} documents that are not deleted, but `meta.json` says {expected}"
        )));
    }
    let columns = Columns::open(&reader)?;
    let mut check = SegmentCheck {
        name: segment.id().uuid_string(),
        sources: by_id(checkpoint),
        fields: Fields::schema().1,
        comparison: FieldComparison::new(&reader)?,
        is_comparable: true,
        columns: &columns,
        report,
    };
    check.check_documents(reader.max_doc(), on_docs_done)?;
    check.compare_fields(&reader, on_docs_done)?;
    Ok(columns)
}

/// Returns the states of the Sources by id. If two states have the same id, it keeps the last one; the check
/// of the checkpoint reports that.
fn by_id(checkpoint: &Checkpoint) -> BTreeMap<SourceId, &SourceState> {
    let states = checkpoint.sources.iter();
    states.map(|state| (state.id, state)).collect()
}

fn damaged(what: String) -> IndexError {
    IndexError::Damaged { what }
}

/// The check of one segment.
struct SegmentCheck<'a> {
    name: String,
    sources: BTreeMap<SourceId, &'a SourceState>,
    fields: Fields,
    comparison: FieldComparison,
    /// Whether the expected fields are known for all documents.
    is_comparable: bool,
    columns: &'a Columns,
    report: &'a mut AuditReport,
}

impl SegmentCheck<'_> {
    /// Checks the order of the keys and every record, and collects the expected fields.
    fn check_documents(
        &mut self,
        max_doc: DocId,
        on_docs_done: &dyn Fn(u64),
    ) -> Result<(), IndexError> {
        let Some(ukeys) = self.columns.ukeys() else {
            return Ok(());
        };
        let mut stream = ukeys.dictionary().stream().map_err(read_error())?;
        let mut previous = Vec::new();
        for doc in 0..max_doc {
            if !stream.advance() {
                return Err(damaged(format!("only {doc} of {max_doc} keys can be read")));
            }
            let ukey = stream.key();
            if doc > 0 && *previous >= *ukey {
                return Err(damaged(format!(
                    "the key of document {doc} is out of order"
                )));
            }
            if ukeys.ords().first(doc) != Some(u64::from(doc)) {
                return Err(damaged(format!(
                    "document {doc} is not at the position of its key"
                )));
            }
            if self.columns.is_alive(doc) {
                self.check_document(doc, ukey)?;
            }
            previous.clear();
            previous.extend_from_slice(ukey);
            if doc % PROGRESS_INTERVAL == 0 {
                // The comparison of the fields is the other half.
                on_docs_done(u64::from(doc / 2));
            }
        }
        Ok(())
    }

    fn check_document(&mut self, doc: DocId, ukey: &[u8]) -> Result<(), IndexError> {
        let parts = identity::source_of(ukey).zip(identity::key_of(ukey));
        let (id, key) = parts.ok_or_else(|| damaged(format!("document {doc} has no key")))?;
        let Some(state) = self.sources.get(&id) else {
            self.is_comparable = false;
            self.report.add(Problem::Record {
                source: format!("id {}", id.0),
                key: key.to_owned(),
                what: "the checkpoint has no Source with this id".to_owned(),
            });
            return Ok(());
        };
        let record = self.columns.record(doc)?;
        match record.object() {
            Some(_) => self.report.assets += 1,
            None => self.report.tombstones += 1,
        }
        if let Some(violation) = invariants::of_record(state, key, &record) {
            self.report.add(Problem::Record {
                source: state.name.clone(),
                key: key.to_owned(),
                what: violation.to_string(),
            });
        }
        let expected = document(&self.fields, id, &state.prefix, key, &record);
        self.comparison.add_expected(doc, &expected);
        Ok(())
    }

    /// Compares the expected fields with the stored columns and inverted indexes.
    fn compare_fields(
        &mut self,
        reader: &SegmentReader,
        on_docs_done: &dyn Fn(u64),
    ) -> Result<(), IndexError> {
        if !self.is_comparable {
            return Ok(());
        }
        let half = u64::from(reader.max_doc() / 2);
        let differences = self.comparison.differences(reader, &|part| {
            on_docs_done(half + (half as f64 * part) as u64);
        })?;
        for difference in differences {
            let docs = &difference.docs;
            let key = |doc| self.columns.key(doc);
            let (first, last) = (key(docs.start)?, key(docs.end - 1)?);
            self.report.add(Problem::Segment {
                segment: self.name.clone(),
                what: format!(
                    "{} `{}` does not match the records; the first difference is between the keys {first:?} \
                     and {last:?}",
                    difference.structure, difference.field
                ),
            });
        }
        Ok(())
    }
}
