//! Counts of assets by the child folder of a folder that they lie in, or below.
//!
//! Of each child folder one key is read; where its documents end is asked of the key dictionary.

use std::ops::Range;

use tantivy::columnar::Column;
use tantivy::{DocId, SegmentReader};

use super::CountsByLabel;
use crate::index::IndexError;
use crate::index::tantivy::columns::{Columns, read_error};
use crate::index::tantivy::direct_children_query::{DEPTH, depth_of};
use crate::index::tantivy::paths::Paths;
use crate::index::tantivy::ranking::BLOCK;
use crate::index::tantivy::source_scope::SearchedSource;

/// The child folder of the folder that the path lies in or below, as a path; `None` where it lies in
/// none.
pub fn child_in<'p>(folder: &str, path: &'p str) -> Option<&'p str> {
    let name = path.strip_prefix(folder)?.find('/')?;
    Some(&path[..=folder.len() + name])
}

/// How many documents of a segment lie below each child folder.
pub(super) struct ChildCounts<'a> {
    folder: &'a str,
    depths: Option<Column<u64>>,
    counts: CountsByLabel,
    source: Option<SourceCounts<'a>>,
}

/// A Source, whose documents are counted.
struct SourceCounts<'a> {
    searched: SearchedSource<'a>,
    columns: &'a Columns,
    paths: Paths,
    /// The documents below the folder, and those below its child folder at hand.
    below: Range<DocId>,
    child: Range<DocId>,
    path: String,
    count: u64,
}

impl<'a> ChildCounts<'a> {
    /// Nothing counted yet.
    pub(super) fn open(segment: &SegmentReader, folder: &'a str) -> Result<Self, IndexError> {
        let depths = segment.fast_fields().column_opt(DEPTH);
        Ok(Self {
            folder,
            depths: depths.map_err(read_error())?,
            counts: CountsByLabel::new(),
            source: None,
        })
    }

    /// What is counted from now on is of this Source.
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

    /// Counts at most [`BLOCK`] documents, which lie behind those before.
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

    /// Adds the counts to those of other segments.
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

    /// Goes on to the child folder that the document lies in, which is counted.
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
        let path = self.paths.of(doc).map_err(read_error())?;
        let child = child_in(folder, path).ok_or_else(|| IndexError::Damaged {
            what: format!("document {doc} is not as deep as its column says"),
        })?;
        (self.path, self.count) = (child.to_owned(), 1);
        self.child = doc..self.end_of_child(doc)?;
        Ok(())
    }

    fn end_of_child(&mut self, doc: DocId) -> Result<DocId, IndexError> {
        // Small folders end within what is read already.
        let loaded = self.paths.loaded_from(doc).map_err(read_error())?;
        for next in loaded {
            let path = self.paths.of(next).map_err(read_error())?;
            if !path.starts_with(&self.path) {
                return Ok(next);
            }
        }
        Ok(self.searched.docs_under(self.columns, &self.path)?.end)
    }
}
