//! Counts the facets of a search.
//!
//! [`SegmentFacets`] counts the matches of one segment while the search reads them. This module adds up the
//! segments and sorts the values.

use std::collections::HashMap;

use crate::core::query::facet::{MAX_FACET_VALUES, SIZE_STEPS, month};
use crate::core::query::{AssetType, Facet, FacetBy, FacetCount};
use crate::core::replication::object::StorageClass;

mod cache;
mod children;
mod counts;
mod labels;
mod months;
mod segment;

pub use cache::{FacetCache, OpenSegment};
pub use children::child_in;
pub use counts::FacetCounts;
pub use segment::SegmentFacets;

/// The counts of all segments so far.
pub struct Facets<'a> {
    requested: &'a [FacetBy],
    /// The counts so far.
    pub counts: FacetCounts,
}

impl<'a> Facets<'a> {
    /// Starts to count the requested facets.
    pub fn new(requested: &'a [FacetBy]) -> Self {
        Self {
            requested,
            counts: FacetCounts::default(),
        }
    }

    /// Returns the facets in the order of the request.
    pub fn finish(self) -> Vec<Facet> {
        let facet = |by: &FacetBy| {
            let (counts, more) = self.values(by);
            Facet {
                by: by.clone(),
                counts,
                more,
            }
        };
        self.requested.iter().map(facet).collect()
    }

    /// Returns the values of a facet, and whether there are more values.
    fn values(&self, by: &FacetBy) -> (Vec<FacetCount>, bool) {
        match by {
            FacetBy::Ext => {
                let all = self
                    .counts
                    .exts
                    .iter()
                    .map(|(ext, count)| (ext.as_str(), *count));
                most_frequent(all.filter(|(ext, _)| !ext.is_empty()).collect())
            }
            FacetBy::Type => {
                let mut kinds = HashMap::new();
                for (ext, count) in &self.counts.exts {
                    let kind = AssetType::from_extension(Some(ext.as_str()));
                    *kinds.entry(kind.name()).or_insert(0) += count;
                }
                most_frequent(kinds.into_iter().collect())
            }
            FacetBy::Storage => {
                let all = self
                    .counts
                    .classes
                    .iter()
                    .map(|(class, count)| match class.as_str() {
                        "" => (StorageClass::Standard.name(), *count),
                        class => (class, *count),
                    });
                most_frequent(all.collect())
            }
            FacetBy::Size => {
                let steps = SIZE_STEPS.iter().zip(self.counts.sizes);
                first_of(steps.map(|((_, value), count)| ((*value).to_owned(), count)))
            }
            FacetBy::Month => {
                let newest_first = self.counts.months.values().rev();
                first_of(newest_first.map(|(count, time)| (month(*time), *count)))
            }
            FacetBy::Folder(folder) => {
                let children = self
                    .counts
                    .children
                    .get(folder.as_str())
                    .into_iter()
                    .flatten();
                most_frequent(
                    children
                        .map(|(path, count)| (path.as_str(), *count))
                        .collect(),
                )
            }
        }
    }
}

/// Returns the first values that occur, in the given order, and whether there are more.
fn first_of(values: impl Iterator<Item = (String, u64)>) -> (Vec<FacetCount>, bool) {
    let mut occurring = values.filter(|(_, count)| *count > 0);
    let first = occurring.by_ref().take(MAX_FACET_VALUES);
    let counts = first.map(|(value, count)| FacetCount { value, count });
    (counts.collect(), occurring.next().is_some())
}

/// Returns the values with the most assets, and whether there are more. Values with the same count are sorted
/// by name.
fn most_frequent(mut values: Vec<(&str, u64)>) -> (Vec<FacetCount>, bool) {
    let order = |left: &(&str, u64), right: &(&str, u64)| {
        right.1.cmp(&left.1).then_with(|| left.0.cmp(right.0))
    };
    values.retain(|(_, count)| *count > 0);
    let more = values.len() > MAX_FACET_VALUES;
    if more {
        values.select_nth_unstable_by(MAX_FACET_VALUES, order);
        values.truncate(MAX_FACET_VALUES);
    }
    values.sort_unstable_by(order);
    let facet_count = |(value, count): (&str, u64)| FacetCount {
        value: value.to_owned(),
        count,
    };
    (values.into_iter().map(facet_count).collect(), more)
}

#[cfg(test)]
mod tests;
