//! Counts assets by the child folder of a folder that contains them, directly or in deeper folders.
//!
//! For each child folder, one key is read. The key dictionary shows where the documents of the child folder
//! end.

use std::ops::Range;

use tantivy::columnar::Column;
use tantivy::{DocId, SegmentReader};

use super::counts::CountsByLabel;
use crate::index::IndexError;
use crate::index::tantivy::columns::{Columns, read_error};
use crate::index::tantivy::direct_children_query::{DEPTH, depth_of};
use crate::index::tantivy::paths::Paths;
use crate::index::tantivy::ranking::BLOCK;
use crate::index::tantivy::source_scope::SearchedSource;

/// Returns the path of the child folder of `folder` that contains `path`, directly or in deeper folders.
/// Returns `None` if no child folder does.
pub fn child_in<'p>(folder: &str, path: &'p str) -> Option<&'p str> {
    let name_len = path.strip_prefix(folder)?.find('/')?;
    Some(&path[..=folder.len() + name_len])
}

/// The number of documents of a segment in each child folder.
pub(super) struct ChildCounts<'a> {
    folder: &'a str,
    depths: Option<Column<u64>>,
    counts: CountsByLabel,
    source: Option<SourceCounts<'a>>,
}

/// The Source whose documents are being counted.
struct SourceCounts<'a> {
    searched: SearchedSource<'a>,
    columns: &'a Columns,
    paths: Paths,
    /// The documents below the folder.
    below: Range<DocId>,
    /// The documents below the current child folder.
    child: Range<DocId>,
    /// The path of the current child folder.
    path: String,
    /// The count of the current child folder.
    count: u64,
}

impl<'a> ChildCounts<'a> {
    /// Starts to count the child folders of `folder`.
    pub(super) fn open(segment: &SegmentReader, folder: &'a str) -> Result<Self, IndexError> {
        let depths = segment.fast_fields().column_opt(DEPTH);
        Ok(Self {
            folder,
            depths: depths.map_err(read_error())?,
            counts: CountsByLabel::new(),
            source: None,
        })
    }

    /// Starts to count documents of this Source.
    pub(super) fn enter_source(
        &mut self,
        searched: &SearchedSource<'a>,
        columns: &'a Columns,
        segment: &SegmentReader,
    ) -> Result<(), IndexError> {
        self.leave_source();
        let paths = Paths::open(segment, &searched.source.prefix).map_err(read_error())?;
        let below = searched.docs_under(columns, self.folder)?;
        self.source = paths.map(|paths| SourceCounts {
            searched: *searched,
            columns,
            paths,
            below,
            child: 0..0,
            path: String::new(),
            count: 0,
        });
        Ok(())
    }

    fn leave_source(&mut self) {
        if let Some(source) = self.source.take() {
            source.flush(&mut self.counts);
        }
    }

    /// Counts up to [`BLOCK`] documents. They must come after all documents that were counted before for this
    /// Source.
    pub(super) fn count(&mut self, docs: &[DocId]) -> Result<(), IndexError> {
        let (Some(source), Some(depths)) = (&mut self.source, &self.depths) else {
            return Ok(());
        };
        let is_outside =
            |ends: (&DocId, &DocId)| *ends.1 < source.below.start || *ends.0 >= source.below.end;
        if docs.first().zip(docs.last()).is_none_or(is_outside) {
            return Ok(());
        }
        let child = &source.child;
        if docs.iter().all(|doc| child.contains(doc)) {
            source.count += docs.len() as u64;
            return Ok(());
        }
        let mut found = [None; BLOCK];
        depths.first_vals(docs, &mut found[..docs.len()]);
        let own_depth = depth_of(self.folder);
        for (doc, depth) in docs.iter().zip(found) {
            if source.child.contains(doc) {
                source.count += 1;
            } else if source.below.contains(doc) && depth.is_some_and(|depth| depth > own_depth) {
                source.move_to_child_of(*doc, self.folder, &mut self.counts)?;
            }
        }
        Ok(())
    }

    /// Adds the counts to the counts of the other segments.
    pub(super) fn add_to(mut self, children: &mut CountsByLabel) {
        self.leave_source();
        for (path, count) in self.counts {
            *children.entry(path).or_insert(0) += count;
        }
    }
}

impl SourceCounts<'_> {
    fn flush(self, counts: &mut CountsByLabel) {
        if self.count > 0 {
            *counts.entry(self.path).or_insert(0) += self.count;
        }
    }

    /// Moves to the child folder that contains the document, and counts the document.
    fn move_to_child_of(
        &mut self,
        doc: DocId,
        folder: &str,
        counts: &mut CountsByLabel,
    ) -> Result<(), IndexError> {
        if self.count > 0 {
            let path = std::mem::take(&mut self.path);
            *counts.entry(path).or_insert(0) += self.count;
        }
        let path = self.paths.get(doc).map_err(read_error())?;
        let child = child_in(folder, path).ok_or_else(|| IndexError::Damaged {
            what: format!("the depth of document {doc} is wrong"),
        })?;
        (self.path, self.count) = (child.to_owned(), 1);
        self.child = doc..self.end_of_child(doc)?;
        Ok(())
    }

    fn end_of_child(&mut self, doc: DocId) -> Result<DocId, IndexError> {
        // A small folder ends within the paths that are already loaded.
        let loaded = self.paths.loaded_from(doc).map_err(read_error())?;
        for next in loaded {
            let path = self.paths.get(next).map_err(read_error())?;
            if !path.starts_with(&self.path) {
                return Ok(next);
            }
        }
        Ok(self.searched.docs_under(self.columns, &self.path)?.end)
    }
}
