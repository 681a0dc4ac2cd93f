//! Compares the stored fields of a segment with the fields that its records yield.
//!
//! For each field it compares fingerprints of two structures: the values of the column, and the terms of the
//! inverted index, with their positions if it has any. The expected values come from [`super::super::document::document`]. The column of the keys
//! is not compared, because the check of the documents reads it directly.

use std::ops::Range;

use tantivy::columnar::StrColumn;
use tantivy::postings::{Postings, SegmentPostings};
use tantivy::schema::{Field, FieldEntry, FieldType, IndexRecordOption, Value};
use tantivy::tokenizer::TextAnalyzer;
use tantivy::{DocId, DocSet, SegmentReader, TERMINATED, TantivyDocument};

use super::fingerprint::{Fingerprint, hash};
use crate::index::IndexError;
use crate::index::tantivy::columns::read_error;
use crate::index::tantivy::failure;
use crate::index::tantivy::schema::UKEY;

/// Maximum number of text hashes in memory at the same time: 8 MB.
const MAX_HASHES: usize = 1 << 20;

/// The comparison of all fields of one segment.
pub(super) struct FieldComparison {
    /// The fields, by field id.
    fields: Vec<ComparedField>,
    /// A buffer for the hashes of the terms of one value.
    terms: Vec<u64>,
}

struct ComparedField {
    field: Field,
    name: String,
    is_text: bool,
    is_signed: bool,
    /// Whether the inverted index has the positions of the terms.
    has_positions: bool,
    /// `None` if the column is not compared.
    column: Option<FingerprintPair>,
    /// `None` if the field has no inverted index. Text fields have an analyzer.
    terms: Option<(FingerprintPair, Option<TextAnalyzer>)>,
}

/// The fingerprints of the values that the records yield and of the stored values.
struct FingerprintPair {
    expected: Fingerprint,
    stored: Fingerprint,
}

/// A stored field that differs from the expected one.
pub(super) struct Difference {
    /// `the column` or `the inverted index`.
    pub structure: &'static str,
    /// The name of the field.
    pub field: String,
    /// The first range of documents with a difference.
    pub docs: Range<DocId>,
}

impl FieldComparison {
    /// Starts a comparison of all fields of the segment.
    pub(super) fn new(reader: &SegmentReader) -> Result<Self, IndexError> {
        let fields = reader.schema().fields();
        let fields = fields.map(|(field, entry)| ComparedField::new(reader, field, entry));
        Ok(Self {
            fields: fields.collect::<Result<_, _>>()?,
            terms: Vec::new(),
        })
    }

    /// Adds the expected fields of a document.
    pub(super) fn add_expected(&mut self, doc: DocId, document: &TantivyDocument) {
        for (field, value) in document.field_values() {
            let compared = &mut self.fields[field.field_id() as usize];
            let has_positions = compared.has_positions;
            let number = value
                .as_u64()
                .or(value.as_i64().map(|signed| signed as u64));
            let text = value.as_str();
            if let Some(column) = &mut compared.column
                && let Some(value) = number.or(text.map(|text| hash(text.as_bytes())))
            {
                column.expected.add(doc, value);
            }
            let Some((terms, analyzer)) = &mut compared.terms else {
                continue;
            };
            self.terms.clear();
            match (analyzer, text, number) {
                (Some(analyzer), Some(text), _) => {
                    let mut tokens = analyzer.token_stream(text);
                    tokens.process(&mut |token| {
                        let term = hash(token.text.as_bytes());
                        let position = has_positions.then_some(token.position as u32);
                        self.terms
                            .push(position.map_or(term, |it| at_position(term, it)));
                    });
                }
                (_, _, Some(number)) => self.terms.push(hash(&number.to_be_bytes())),
                _ => {}
            }
            self.terms.sort_unstable();
            self.terms.dedup();
            for term in &self.terms {
                terms.expected.add(doc, *term);
            }
        }
    }

    /// Reads the stored fields and returns the differences from the expected ones.
    ///
    /// `on_progress` receives the fraction of the fields that is done, from 0 to 1.
    pub(super) fn differences(
        &mut self,
        reader: &SegmentReader,
        on_progress: &dyn Fn(f64),
    ) -> Result<Vec<Difference>, IndexError> {
        let count = self.fields.len() as f64;
        let mut differences = Vec::new();
        for (index, field) in self.fields.iter_mut().enumerate() {
            on_progress(index as f64 / count);
            differences.extend(field.column_difference(reader)?);
            differences.extend(field.terms_difference(reader)?);
        }
        Ok(differences)
    }
}

impl ComparedField {
    fn new(reader: &SegmentReader, field: Field, entry: &FieldEntry) -> Result<Self, IndexError> {
        let pair = || FingerprintPair {
            expected: Fingerprint::new(reader.max_doc()),
            stored: Fingerprint::new(reader.max_doc()),
        };
        let is_text = matches!(entry.field_type(), FieldType::Str(_));
        let analyzer = if is_text && entry.is_indexed() {
            Some(reader.index().tokenizer_for_field(field))
        } else {
            None
        };
        let analyzer = analyzer
            .transpose()
            .map_err(failure::failed_to("read a field"))?;
        let is_compared = entry.name() != UKEY;
        Ok(Self {
            field,
            name: entry.name().to_owned(),
            is_text,
            is_signed: matches!(entry.field_type(), FieldType::I64(_)),
            has_positions: has_positions(entry.field_type()),
            column: (is_compared && entry.is_fast()).then(pair),
            terms: entry.is_indexed().then(|| (pair(), analyzer)),
        })
    }

    fn column_difference(
        &mut self,
        reader: &SegmentReader,
    ) -> Result<Option<Difference>, IndexError> {
        let Some(FingerprintPair { expected, stored }) = &mut self.column else {
            return Ok(None);
        };
        let (fast, name) = (reader.fast_fields(), &self.name);
        if self.is_text {
            if let Some(column) = fast.str(name).map_err(read_error())? {
                add_texts(reader, &column, stored)?;
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
        Ok(expected.difference(stored).map(|docs| Difference {
            structure: "the column",
            field: name.clone(),
            docs,
        }))
    }

    fn terms_difference(
        &mut self,
        reader: &SegmentReader,
    ) -> Result<Option<Difference>, IndexError> {
        let Some((FingerprintPair { expected, stored }, _)) = &mut self.terms else {
            return Ok(None);
        };
        let inverted = reader.inverted_index(self.field).map_err(read_error())?;
        let mut terms = inverted.terms().stream().map_err(read_error())?;
        while terms.advance() {
            let value = hash(terms.key());
            if self.has_positions {
                let option = IndexRecordOption::WithFreqsAndPositions;
                let postings = inverted.read_postings_from_terminfo(terms.value(), option);
                add_positions(reader, postings.map_err(read_error())?, value, stored);
                continue;
            }
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
        Ok(expected.difference(stored).map(|docs| Difference {
            structure: "the inverted index",
            field: self.name.clone(),
            docs,
        }))
    }
}

fn has_positions(field: &FieldType) -> bool {
    let FieldType::Str(options) = field else {
        return false;
    };
    let indexed = options.get_indexing_options();
    indexed.is_some_and(|indexed| indexed.index_option().has_positions())
}

/// The value for a term at a position.
fn at_position(term: u64, position: u32) -> u64 {
    hash(&[&term.to_be_bytes()[..], &position.to_be_bytes()].concat())
}

/// Adds each position of a term to the fingerprint.
fn add_positions(
    reader: &SegmentReader,
    mut postings: SegmentPostings,
    term: u64,
    stored: &mut Fingerprint,
) {
    let mut positions = Vec::new();
    while postings.doc() != TERMINATED {
        if !reader.is_deleted(postings.doc()) {
            postings.positions(&mut positions);
            // A name can have a word twice at the same position, in two spellings that are equal when folded.
            positions.dedup();
            for position in &positions {
                stored.add(postings.doc(), at_position(term, *position));
            }
        }
        postings.advance();
    }
}

/// Adds the texts of a column to the fingerprint.
///
/// It streams the dictionary from beginning to end in chunks and matches ordinals. Looking up each ordinal
/// would take far longer.
fn add_texts(
    reader: &SegmentReader,
    column: &StrColumn,
    stored: &mut Fingerprint,
) -> Result<(), IndexError> {
    let mut texts = column.dictionary().stream().map_err(read_error())?;
    let mut hashes = Vec::new();
    // The ordinal of the first hash.
    let mut first = 0;
    loop {
        hashes.clear();
        while hashes.len() < MAX_HASHES && texts.advance() {
            hashes.push(hash(texts.key()));
        }
        if hashes.is_empty() {
            return Ok(());
        }
        for doc in reader.doc_ids_alive() {
            for ord in column.term_ords(doc) {
                let index = ord.checked_sub(first).map(|index| index as usize);
                if let Some(value) = index.and_then(|index| hashes.get(index)) {
                    stored.add(doc, *value);
                }
            }
        }
        first += hashes.len() as u64;
    }
}
