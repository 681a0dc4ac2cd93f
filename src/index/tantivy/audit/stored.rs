//! What a segment has stored of its fields, against what its records yield.
//!
//! For each field two sets are made of what `document` derives from the records, and of what is there: the
//! values of the column, and the terms of the inverted index. The field of the keys is left out: whoever
//! walks over the documents has read it.

use std::ops::Range;

use tantivy::columnar::StrColumn;
use tantivy::schema::{Field, FieldEntry, FieldType, IndexRecordOption, Value};
use tantivy::tokenizer::TextAnalyzer;
use tantivy::{DocId, SegmentReader, TantivyDocument};

use super::prints::{Print, hash};
use crate::index::IndexError;
use crate::index::tantivy::columns::read_error;
use crate::index::tantivy::failure;
use crate::index::tantivy::schema::UKEY;

/// So many texts of a column are looked at together, by their hashes: 8 MB.
const LABELS: usize = 1 << 20;

/// The fields of one segment.
pub(super) struct Stored {
    /// By their numbers.
    fields: Vec<StoredField>,
    /// The terms of one value.
    terms: Vec<u64>,
}

struct StoredField {
    field: Field,
    name: String,
    is_text: bool,
    is_signed: bool,
    column: Option<Both>,
    terms: Option<(Both, Option<TextAnalyzer>)>,
}

/// What the records yield, and what is there.
struct Both {
    derived: Print,
    stored: Print,
}

/// Where a field is not what the records yield.
pub(super) struct Difference {
    /// The column, or the inverted index.
    pub what: &'static str,
    /// The field.
    pub field: String,
    /// The first documents that differ, or one of them.
    pub docs: Range<DocId>,
}

impl Stored {
    /// The fields of a segment, of which nothing has been looked at.
    pub(super) fn new(reader: &SegmentReader) -> Result<Self, IndexError> {
        let fields = reader.schema().fields();
        let fields = fields.map(|(field, entry)| StoredField::new(reader, field, entry));
        Ok(Self {
            fields: fields.collect::<Result<_, _>>()?,
            terms: Vec::new(),
        })
    }

    /// Adds what the record of a document yields.
    pub(super) fn derive(&mut self, doc: DocId, document: &TantivyDocument) {
        for (field, value) in document.field_values() {
            let stored = &mut self.fields[field.field_id() as usize];
            let number = value
                .as_u64()
                .or(value.as_i64().map(|signed| signed as u64));
            let text = value.as_str();
            if let Some(column) = &mut stored.column
                && let Some(value) = number.or(text.map(|text| hash(text.as_bytes())))
            {
                column.derived.add(doc, value);
            }
            let Some((terms, analyzer)) = &mut stored.terms else {
                continue;
            };
            self.terms.clear();
            match (analyzer, text, number) {
                (Some(analyzer), Some(text), _) => {
                    let mut tokens = analyzer.token_stream(text);
                    tokens.process(&mut |token| self.terms.push(hash(token.text.as_bytes())));
                }
                (_, _, Some(number)) => self.terms.push(hash(&number.to_be_bytes())),
                _ => {}
            }
            self.terms.sort_unstable();
            self.terms.dedup();
            for term in &self.terms {
                terms.derived.add(doc, *term);
            }
        }
    }

    /// Reads what is there, and tells the fields that are not what the records yield. `told` is called
    /// with the part that is done, of 1.
    pub(super) fn differences(
        &mut self,
        reader: &SegmentReader,
        told: &dyn Fn(f64),
    ) -> Result<Vec<Difference>, IndexError> {
        let count = self.fields.len() as f64;
        let mut differences = Vec::new();
        for (place, field) in self.fields.iter_mut().enumerate() {
            told(place as f64 / count);
            differences.extend(field.difference_of_columns(reader)?);
            differences.extend(field.difference_of_terms(reader)?);
        }
        Ok(differences)
    }
}

impl StoredField {
    fn new(reader: &SegmentReader, field: Field, entry: &FieldEntry) -> Result<Self, IndexError> {
        let both = || Both {
            derived: Print::new(reader.max_doc()),
            stored: Print::new(reader.max_doc()),
        };
        let is_text = matches!(entry.field_type(), FieldType::Str(_));
        let analyzer = if is_text && entry.is_indexed() {
            Some(reader.index().tokenizer_for_field(field))
        } else {
            None
        };
        let analyzer = analyzer.transpose().map_err(failure::of("read a field"))?;
        let is_compared = entry.name() != UKEY;
        Ok(Self {
            field,
            name: entry.name().to_owned(),
            is_text,
            is_signed: matches!(entry.field_type(), FieldType::I64(_)),
            column: (is_compared && entry.is_fast()).then(both),
            terms: entry.is_indexed().then(|| (both(), analyzer)),
        })
    }

    fn difference_of_columns(
        &mut self,
        reader: &SegmentReader,
    ) -> Result<Option<Difference>, IndexError> {
        let Some(Both { derived, stored }) = &mut self.column else {
            return Ok(None);
        };
        let (fast, name) = (reader.fast_fields(), &self.name);
        if self.is_text {
            if let Some(column) = fast.str(name).map_err(read_error())? {
                add_labels(reader, &column, stored)?;
            }
        } else if self.is_signed {
            if let Some(column) = fast.column_opt::<i64>(name).map_err(read_error())? {
                for doc in reader.doc_ids_alive() {
                    let values = column.values_for_doc(doc);
                    values.for_each(|value| stored.add(doc, value as u64));
                }
            }
        } else if let Some(column) = fast.column_opt::<u64>(name).map_err(read_error())? {
            for doc in reader.doc_ids_alive() {
                let values = column.values_for_doc(doc);
                values.for_each(|value| stored.add(doc, value));
            }
        }
        Ok(derived.difference(stored).map(|docs| Difference {
            what: "the column",
            field: name.clone(),
            docs,
        }))
    }

    fn difference_of_terms(
        &mut self,
        reader: &SegmentReader,
    ) -> Result<Option<Difference>, IndexError> {
        let Some((Both { derived, stored }, _)) = &mut self.terms else {
            return Ok(None);
        };
        let inverted = reader.inverted_index(self.field).map_err(read_error())?;
        let mut terms = inverted.terms().stream().map_err(read_error())?;
        while terms.advance() {
            let value = hash(terms.key());
            let postings =
                inverted.read_block_postings_from_terminfo(terms.value(), IndexRecordOption::Basic);
            let mut postings = postings.map_err(read_error())?;
            while !postings.docs().is_empty() {
                for doc in postings.docs() {
                    if !reader.is_deleted(*doc) {
                        stored.add(*doc, value);
                    }
                }
                postings.advance();
            }
        }
        Ok(derived.difference(stored).map(|docs| Difference {
            what: "the inverted index",
            field: self.name.clone(),
            docs,
        }))
    }
}

/// Adds the texts of a column. They are found by their places in its dictionary, which is read from
/// beginning to end: to look each up would take far longer.
fn add_labels(
    reader: &SegmentReader,
    column: &StrColumn,
    stored: &mut Print,
) -> Result<(), IndexError> {
    let mut labels = column.dictionary().stream().map_err(read_error())?;
    let mut hashes = Vec::new();
    let mut first = 0;
    loop {
        hashes.clear();
        while hashes.len() < LABELS && labels.advance() {
            hashes.push(hash(labels.key()));
        }
        if hashes.is_empty() {
            return Ok(());
        }
        for doc in reader.doc_ids_alive() {
            for ord in column.term_ords(doc) {
                let place = ord.checked_sub(first).map(|place| place as usize);
                if let Some(value) = place.and_then(|place| hashes.get(place)) {
                    stored.add(doc, *value);
                }
            }
        }
        first += hashes.len() as u64;
    }
}
