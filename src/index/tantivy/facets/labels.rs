//! Counts the labels in a column, such as extensions and storage classes.
//!
//! Labels are counted by ordinal. Only the labels that occur are read, all at once and in order.

use std::io;

use tantivy::columnar::StrColumn;
use tantivy::{DocId, SegmentReader};

use super::counts::CountsByLabel;
use crate::index::IndexError;
use crate::index::tantivy::columns::read_error;
use crate::index::tantivy::ranking::BLOCK;

/// The number of documents of a segment with each label.
pub(super) struct LabelCounts {
    /// `None` if no document has a label.
    column: Option<StrColumn>,
    by_ord: Vec<u64>,
    /// The number of documents without a label.
    unlabeled: u64,
}

impl LabelCounts {
    /// Starts to count the labels in a column.
    pub(super) fn open(segment: &SegmentReader, column: &str) -> Result<Self, IndexError> {
        let column = segment.fast_fields().str(column).map_err(read_error())?;
        let labels = column.as_ref().map_or(0, |column| column.num_terms());
        Ok(Self {
            column,
            by_ord: vec![0; labels],
            unlabeled: 0,
        })
    }

    /// Counts up to [`BLOCK`] documents.
    pub(super) fn count(&mut self, docs: &[DocId]) {
        let mut ords = [None; BLOCK];
        if let Some(column) = &self.column {
            column.ords().first_vals(docs, &mut ords[..docs.len()]);
        }
        for ord in &ords[..docs.len()] {
            match ord {
                Some(ord) => self.by_ord[*ord as usize] += 1,
                None => self.unlabeled += 1,
            }
        }
    }

    /// Adds the counts to the counts of the other segments.
    pub(super) fn add_to(self, labels: &mut CountsByLabel) -> Result<(), IndexError> {
        if self.unlabeled > 0 {
            *labels.entry(String::new()).or_insert(0) += self.unlabeled;
        }
        let Some(column) = &self.column else {
            return Ok(());
        };
        let counts = self.by_ord.iter().enumerate();
        let occurring: Vec<_> = counts.filter(|(_, count)| **count > 0).collect();
        let ords: Vec<u64> = occurring.iter().map(|(ord, _)| *ord as u64).collect();
        let mut occurring = occurring.into_iter();
        let mut is_text = true;
        let each = |label: &[u8]| {
            let count = occurring.next().map_or(0, |(_, count)| *count);
            match str::from_utf8(label) {
                Ok(label) => *labels.entry(label.to_owned()).or_insert(0) += count,
                Err(_) => is_text = false,
            }
        };
        let dictionary = column.dictionary();
        let found = dictionary.sorted_ords_to_term_cb(&ords, each);
        if found.map_err(read_error())? && is_text {
            Ok(())
        } else {
            Err(read_error()(io::Error::from(io::ErrorKind::InvalidData)))
        }
    }
}
