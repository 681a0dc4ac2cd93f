//! Lists the child folders of a folder, with the number of assets below each.
//!
//! A bucket has no folders: a folder exists if an asset is below it. The index keeps no list of folders. Each
//! segment is sorted, so the next child folder starts where the documents of the previous one end.

use std::ops::Range;

use tantivy::columnar::Column;
use tantivy::{DocId, SegmentReader};

use super::TantivyEngine;
use super::columns::{Columns, read_error};
use super::direct_children_query::{DEPTH, depth_of};
use super::facets::child_in;
use super::source_scope::SearchedSource;
use crate::core::query::Folder;
use crate::core::source::SearchSource;
use crate::index::{Deadline, IndexError};

/// Number of documents that are read between two checks of the deadline.
const DOCS_PER_CHECK: usize = 4096;

/// Number of documents in the first window of the search for a deeper asset. Each further window is twice as
/// large, up to [`DOCS_PER_CHECK`].
const FIRST_WINDOW: DocId = 64;

impl TantivyEngine {
    /// Returns up to `limit` child folders whose names are greater than `after`, and whether there are more.
    /// They are sorted by the bytes of their names.
    ///
    /// `folder` must begin and end in `/`; for any other text the list is empty.
    pub fn folders(
        &self,
        source: &SearchSource,
        folder: &str,
        after: Option<&str>,
        limit: usize,
        deadline: &Deadline,
    ) -> Result<(Vec<Folder>, bool), IndexError> {
        deadline.check()?;
        let searched = self.searched_sources(&[source]).pop();
        let Some(searched) = searched.filter(|_| is_folder(folder)) else {
            return Ok((Vec::new(), false));
        };
        let snapshot = self.snapshot();
        let readers = snapshot.searcher.segment_readers();
        let mut segments = Vec::with_capacity(readers.len());
        for (columns, reader) in snapshot.segments.iter().zip(readers) {
            let mut children = ChildFolders::open(searched, columns, reader, folder, deadline)?;
            if let Some(children) = &mut children {
                children.find_next(after)?;
            }
            segments.extend(children);
        }
        list(&mut segments, folder, limit)
    }
}

fn is_folder(path: &str) -> bool {
    path.starts_with('/') && path.ends_with('/')
}

/// Merges the child folders of all segments. Each segment is at its first child folder.
fn list(
    segments: &mut [ChildFolders<'_>],
    folder: &str,
    limit: usize,
) -> Result<(Vec<Folder>, bool), IndexError> {
    let mut folders = Vec::new();
    while let Some(name) = segments.iter().filter_map(ChildFolders::name).min() {
        if folders.len() == limit {
            return Ok((folders, true));
        }
        let name = name.to_owned();
        let mut assets = 0;
        for children in &mut *segments {
            if children.name() == Some(&name) {
                assets += children.count()?;
                children.find_next(Some(&name))?;
            }
        }
        folders.push(Folder {
            path: format!("{folder}{name}/"),
            name,
            assets,
        });
    }
    Ok((folders, false))
}

/// Iterates over the child folders that have assets in one segment.
struct ChildFolders<'a> {
    searched: SearchedSource<'a>,
    columns: &'a Columns,
    folder: &'a str,
    deadline: &'a Deadline,
    depths: Column<u64>,
    tombstones: Option<Column<u64>>,
    /// The documents below the folder.
    below: Range<DocId>,
    /// The current child folder. `None` before the first and after the last one.
    current: Option<ChildFolder>,
}

/// A child folder in one segment.
struct ChildFolder {
    name: String,
    /// The documents below the child folder, from the first asset on.
    docs: Range<DocId>,
}

impl<'a> ChildFolders<'a> {
    /// Starts before the first child folder. Returns `None` if the segment has no documents below the folder.
    fn open(
        searched: SearchedSource<'a>,
        columns: &'a Columns,
        segment: &SegmentReader,
        folder: &'a str,
        deadline: &'a Deadline,
    ) -> Result<Option<Self>, IndexError> {
        let below = searched.docs_under(columns, folder)?;
        let fast = segment.fast_fields();
        let depths: Option<Column<u64>> = fast.column_opt(DEPTH).map_err(read_error())?;
        let tombstones = fast.column_opt("removed_in_scan").map_err(read_error())?;
        let Some(depths) = depths.filter(|_| !below.is_empty()) else {
            return Ok(None);
        };
        Ok(Some(Self {
            searched,
            columns,
            folder,
            deadline,
            depths,
            tombstones,
            below,
            current: None,
        }))
    }

    /// The name of the current child folder.
    fn name(&self) -> Option<&str> {
        self.current.as_ref().map(|child| child.name.as_str())
    }

    /// Moves to the first child folder whose name is greater than `after`.
    ///
    /// Names and keys do not have the same order: the folder `2024` comes before `2024-01`, but its keys,
    /// `2024/…`, come after the keys `2024-01/…`.
    fn find_next(&mut self, after: Option<&str>) -> Result<(), IndexError> {
        self.current = None;
        let mut from = match after {
            // The keys of all folders with greater names come after this text.
            Some(name) => {
                let path = format!("{}{name}", self.folder);
                self.searched.docs_before(self.columns, &path, true)?
            }
            None => self.below.start,
        };
        from = from.max(self.below.start);
        while let Some(doc) = self.first_asset_below(from)? {
            self.deadline.check()?;
            let path = self.searched.path(self.columns, doc)?;
            let Some(child) = child_in(self.folder, &path) else {
                let what = format!("the depth of document {doc} is wrong");
                return Err(IndexError::Damaged { what });
            };
            let name = &child[self.folder.len()..child.len() - 1];
            if after.is_some_and(|after| name <= after) {
                from = self.end_of(name)?.max(doc + 1);
                continue;
            }
            self.current = match self.shorter_child(name, after)? {
                Some(shorter) => Some(shorter),
                None => Some(ChildFolder {
                    name: name.to_owned(),
                    docs: doc..self.end_of(name)?,
                }),
            };
            return Ok(());
        }
        Ok(())
    }

    /// Looks for child folders whose name is a prefix of `name` but whose keys come after the keys of `name`.
    /// Returns the shortest of these names that is greater than `after`.
    fn shorter_child(
        &self,
        name: &str,
        after: Option<&str>,
    ) -> Result<Option<ChildFolder>, IndexError> {
        for (end, _) in name.char_indices().filter(|(_, c)| *c < '/') {
            let shorter = &name[..end];
            if after.is_some_and(|after| shorter <= after) {
                continue;
            }
            self.deadline.check()?;
            let path = format!("{}{shorter}/", self.folder);
            let docs = self.searched.docs_under(self.columns, &path)?;
            if let Some(first) = self.first_asset_in(docs.clone())? {
                return Ok(Some(ChildFolder {
                    name: shorter.to_owned(),
                    docs: first..docs.end,
                }));
            }
        }
        Ok(None)
    }

    /// Returns the end of the documents of a child folder.
    fn end_of(&self, name: &str) -> Result<DocId, IndexError> {
        let path = format!("{}{name}/", self.folder);
        Ok(self.searched.docs_under(self.columns, &path)?.end)
    }

    /// Returns the first asset in a child folder, from this document on.
    fn first_asset_below(&self, from: DocId) -> Result<Option<DocId>, IndexError> {
        let (min_depth, max_depth) = (depth_of(self.folder) + 1, self.depths.max_value());
        // A column returns wrong results for values outside its bounds.
        let min_depth = min_depth.max(self.depths.min_value());
        if min_depth > max_depth {
            return Ok(None);
        }
        let (mut start, mut size) = (from, FIRST_WINDOW);
        let mut found = Vec::new();
        while start < self.below.end {
            self.deadline.check()?;
            let end = self.below.end.min(start.saturating_add(size));
            found.clear();
            self.depths
                .get_docids_for_value_range(min_depth..=max_depth, start..end, &mut found);
            if let Some(doc) = found.iter().find(|doc| self.columns.is_asset(**doc)) {
                return Ok(Some(*doc));
            }
            (start, size) = (end, (size * 2).min(DOCS_PER_CHECK as DocId));
        }
        Ok(None)
    }

    /// Returns the first of these documents that is an asset.
    fn first_asset_in(&self, mut docs: Range<DocId>) -> Result<Option<DocId>, IndexError> {
        loop {
            self.deadline.check()?;
            let mut batch = docs.by_ref().take(DOCS_PER_CHECK);
            let found = batch.find(|doc| self.columns.is_asset(*doc));
            if found.is_some() || docs.is_empty() {
                return Ok(found);
            }
        }
    }

    /// Returns the number of assets of the current child folder in this segment.
    fn count(&self) -> Result<u64, IndexError> {
        let docs = self
            .current
            .as_ref()
            .map_or(0..0, |child| child.docs.clone());
        let mut removed = 0;
        if self.columns.has_deleted_docs() {
            let mut rest = docs.clone();
            while !rest.is_empty() {
                self.deadline.check()?;
                let batch = rest.by_ref().take(DOCS_PER_CHECK);
                removed += batch.filter(|doc| !self.columns.is_alive(*doc)).count();
            }
        }
        if let Some(tombstones) = &self.tombstones {
            let mut found = Vec::new();
            let any = tombstones.min_value()..=tombstones.max_value();
            tombstones.get_docids_for_value_range(any, docs.clone(), &mut found);
            let alive = found.iter().filter(|doc| self.columns.is_alive(**doc));
            removed += alive.count();
        }
        Ok((docs.len() - removed) as u64)
    }
}

#[cfg(test)]
mod tests;
