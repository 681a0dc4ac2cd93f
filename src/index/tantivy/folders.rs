//! The child folders of a folder, with how many assets lie below each.
//!
//! There are no folders in a bucket: one is wherever an asset lies below it. No list of them is kept;
//! each segment is sorted, so the next child folder is found behind the end of the last one.

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

/// So many documents are looked at between two looks at the deadline.
const DOCS_PER_CHECK: usize = 4096;

/// So many documents are looked at first for one that is deeper; then twice as many, and so on.
const FIRST_WINDOW: DocId = 64;

impl TantivyEngine {
    /// The first `limit` child folders of a folder, ascending by the bytes of their names, behind the
    /// child folder named `after`; and whether there are more.
    ///
    /// `folder` begins and ends in `/`; any other text is no folder and has no child folders.
    pub fn folders(
        &self,
        source: &SearchSource,
        folder: &str,
        after: Option<&str>,
        limit: usize,
        deadline: &Deadline,
    ) -> Result<(Vec<Folder>, bool), IndexError> {
        deadline.check()?;
        let known = self.searched_sources(&[source]).pop();
        let Some(searched) = known.filter(|_| is_folder(folder)) else {
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

/// The next child folders of all segments, each of which is at its first.
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

/// The child folders that one segment has assets of, one after the other.
struct ChildFolders<'a> {
    searched: SearchedSource<'a>,
    columns: &'a Columns,
    folder: &'a str,
    deadline: &'a Deadline,
    depths: Column<u64>,
    tombstones: Option<Column<u64>>,
    /// The documents below the folder.
    below: Range<DocId>,
    /// The child folder at hand.
    current: Option<ChildFolder>,
}

/// A child folder in one segment.
struct ChildFolder {
    name: String,
    /// The documents below it, from the first asset on.
    docs: Range<DocId>,
}

impl<'a> ChildFolders<'a> {
    /// In front of the first child folder; `None` where the segment has nothing below the folder.
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

    /// The name of the child folder at hand; `None` behind the last one.
    fn name(&self) -> Option<&str> {
        self.current.as_ref().map(|child| child.name.as_str())
    }

    /// Moves on to the first child folder whose name is greater than this one.
    ///
    /// Names and keys are not in the same order: the folder `2024` comes before `2024-01`, and its
    /// keys, `2024/…`, come behind those of `2024-01/…`.
    fn find_next(&mut self, after: Option<&str>) -> Result<(), IndexError> {
        self.current = None;
        let mut from = match after {
            // Whatever has a greater name has a key behind this text.
            Some(name) => {
                let last = format!("{}{name}", self.folder);
                self.searched.docs_before(self.columns, &last, true)?
            }
            None => self.below.start,
        };
        from = from.max(self.below.start);
        while let Some(doc) = self.first_asset_below(from)? {
            self.deadline.check()?;
            let path = self.searched.path(self.columns, doc)?;
            let Some(child) = child_in(self.folder, &path) else {
                let what = format!("document {doc} is not as deep as its column says");
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

    /// The shortest beginning of the name that is behind `after` and the name of a child folder too,
    /// whose keys come behind those of the name.
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

    fn end_of(&self, name: &str) -> Result<DocId, IndexError> {
        let path = format!("{}{name}/", self.folder);
        Ok(self.searched.docs_under(self.columns, &path)?.end)
    }

    /// The first asset from this document on that lies in a child folder.
    fn first_asset_below(&self, from: DocId) -> Result<Option<DocId>, IndexError> {
        let (least, most) = (depth_of(self.folder) + 1, self.depths.max_value());
        // Of a value that is out of its bounds a column says nonsense.
        let least = least.max(self.depths.min_value());
        if least > most {
            return Ok(None);
        }
        let (mut start, mut size) = (from, FIRST_WINDOW);
        let mut found = Vec::new();
        while start < self.below.end {
            self.deadline.check()?;
            let end = self.below.end.min(start.saturating_add(size));
            found.clear();
            self.depths
                .get_docids_for_value_range(least..=most, start..end, &mut found);
            if let Some(doc) = found.iter().find(|doc| self.columns.is_asset(**doc)) {
                return Ok(Some(*doc));
            }
            (start, size) = (end, (size * 2).min(DOCS_PER_CHECK as DocId));
        }
        Ok(None)
    }

    fn first_asset_in(&self, mut docs: Range<DocId>) -> Result<Option<DocId>, IndexError> {
        loop {
            self.deadline.check()?;
            let mut some = docs.by_ref().take(DOCS_PER_CHECK);
            let found = some.find(|doc| self.columns.is_asset(*doc));
            if found.is_some() || docs.is_empty() {
                return Ok(found);
            }
        }
    }

    /// How many assets the child folder at hand has in this segment.
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
                let some = rest.by_ref().take(DOCS_PER_CHECK);
                removed += some.filter(|doc| !self.columns.is_alive(*doc)).count();
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
