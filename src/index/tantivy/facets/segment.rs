//! Counts the facets of one segment while a search reads its matches.
//!
//! Only the columns that the requested facets need are opened.

use tantivy::columnar::Column;
use tantivy::{DocId, SegmentReader};

use super::children::ChildCounts;
use super::counts::FacetCounts;
use super::labels::LabelCounts;
use super::months::MonthCounts;
use crate::core::query::FacetBy;
use crate::core::query::facet::{SIZE_STEPS, size_step};
use crate::index::IndexError;
use crate::index::tantivy::columns::{Columns, read_error};
use crate::index::tantivy::ranking::BLOCK;
use crate::index::tantivy::source_scope::SearchedSource;

/// The counts of one segment.
pub struct SegmentFacets<'a> {
    exts: Option<LabelCounts>,
    classes: Option<LabelCounts>,
    sizes: Option<SizeCounts>,
    months: Option<MonthCounts>,
    children: Vec<(&'a str, ChildCounts<'a>)>,
}

impl<'a> SegmentFacets<'a> {
    /// Opens the columns that the requested facets need.
    pub fn open(segment: &SegmentReader, requested: &'a [FacetBy]) -> Result<Self, IndexError> {
        let includes_any = |facets: &[FacetBy]| requested.iter().any(|by| facets.contains(by));
        let labels = |by: &[FacetBy], column| {
            includes_any(by)
                .then(|| LabelCounts::open(segment, column))
                .transpose()
        };
        let sizes = includes_any(&[FacetBy::Size]);
        let months = includes_any(&[FacetBy::Month]);
        let mut children = Vec::new();
        for by in requested {
            if let FacetBy::Folder(folder) = by
                && children.iter().all(|(other, _)| other != folder)
            {
                children.push((folder.as_str(), ChildCounts::open(segment, folder)?));
            }
        }
        Ok(Self {
            exts: labels(&[FacetBy::Ext, FacetBy::Type], "ext")?,
            classes: labels(&[FacetBy::Storage], "storage_class")?,
            sizes: sizes.then(|| SizeCounts::open(segment)).transpose()?,
            months: months
                .then(|| MonthCounts::open(segment, "last_modified"))
                .transpose()?,
            children,
        })
    }

    /// Starts to count documents of this Source.
    pub fn enter_source(
        &mut self,
        searched: &SearchedSource<'a>,
        columns: &'a Columns,
        segment: &SegmentReader,
    ) -> Result<(), IndexError> {
        for (_, children) in &mut self.children {
            children.enter_source(searched, columns, segment)?;
        }
        Ok(())
    }

    /// Counts up to [`BLOCK`] documents. They must come after all documents that were counted before for this
    /// Source.
    pub fn count(&mut self, docs: &[DocId]) -> Result<(), IndexError> {
        if let Some(exts) = &mut self.exts {
            exts.count(docs);
        }
        if let Some(classes) = &mut self.classes {
            classes.count(docs);
        }
        if let Some(sizes) = &mut self.sizes {
            sizes.count(docs);
        }
        if let Some(months) = &mut self.months {
            months.count(docs);
        }
        for (_, children) in &mut self.children {
            children.count(docs)?;
        }
        Ok(())
    }

    /// Adds the counts to the counts of the other segments.
    pub fn add_to(self, counts: &mut FacetCounts) -> Result<(), IndexError> {
        if let Some(exts) = self.exts {
            exts.add_to(&mut counts.exts)?;
        }
        if let Some(classes) = self.classes {
            classes.add_to(&mut counts.classes)?;
        }
        if let Some(sizes) = self.sizes {
            for (all, count) in counts.sizes.iter_mut().zip(sizes.counts) {
                *all += count;
            }
        }
        if let Some(months) = self.months {
            months.add_to(&mut counts.months);
        }
        for (folder, children) in self.children {
            children.add_to(counts.children.entry(folder.to_owned()).or_default());
        }
        Ok(())
    }
}

/// The number of documents of a segment in each size step.
struct SizeCounts {
    column: Option<Column<u64>>,
    counts: [u64; SIZE_STEPS.len()],
}

impl SizeCounts {
    fn open(segment: &SegmentReader) -> Result<Self, IndexError> {
        let column = segment.fast_fields().column_opt("size");
        Ok(Self {
            column: column.map_err(read_error())?,
            counts: [0; SIZE_STEPS.len()],
        })
    }

    fn count(&mut self, docs: &[DocId]) {
        let Some(column) = &self.column else { return };
        let mut sizes = [None; BLOCK];
        column.first_vals(docs, &mut sizes[..docs.len()]);
        for size in sizes[..docs.len()].iter().flatten() {
            self.counts[size_step(*size)] += 1;
        }
    }
}
