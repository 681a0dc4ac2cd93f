//! The facets of a search: what its matches have in common.
//!
//! The matches are counted as the search goes by them, one segment after the other ([`SegmentFacets`]);
//! here the segments are added up and the values put in order.

use std::collections::{BTreeMap, HashMap};

use crate::core::query::facet::{MAX_FACET_VALUES, SIZE_STEPS, month};
use crate::core::query::{AssetType, Facet, FacetBy, FacetCount};
use crate::core::replication::object::StorageClass;
use crate::core::replication::timestamp::Timestamp;

mod children;
mod labels;
mod months;
mod segment;

pub use children::child_in;
pub use segment::SegmentFacets;

/// How many assets have each label; the empty one stands for none.
type CountsByLabel = HashMap<String, u64>;

/// The counts of all segments so far.
#[derive(Default)]
pub struct Facets<'a> {
    requested: &'a [FacetBy],
    exts: CountsByLabel,
    classes: CountsByLabel,
    sizes: [u64; SIZE_STEPS.len()],
    /// By number, each with one of its moments.
    months: BTreeMap<i64, (u64, Timestamp)>,
    /// The child folders, by their paths, of each folder that is asked for.
    children: HashMap<&'a str, CountsByLabel>,
}

impl<'a> Facets<'a> {
    /// Nothing counted yet.
    pub fn new(requested: &'a [FacetBy]) -> Self {
        Self {
            requested,
            ..Self::default()
        }
    }

    fn includes_any(&self, one_of: &[FacetBy]) -> bool {
        self.requested
            .iter()
            .any(|requested| one_of.contains(requested))
    }

    /// The facets, in the order in which they were asked for.
    pub fn finish(self) -> Vec<Facet> {
        let facet = |by: &FacetBy| {
            let (counts, more) = self.counts(by);
            Facet {
                by: by.clone(),
                counts,
                more,
            }
        };
        self.requested.iter().map(facet).collect()
    }

    fn counts(&self, by: &FacetBy) -> (Vec<FacetCount>, bool) {
        match by {
            FacetBy::Ext => {
                let all = self.exts.iter().map(|(ext, count)| (ext.as_str(), *count));
                most_frequent(all.filter(|(ext, _)| !ext.is_empty()).collect())
            }
            FacetBy::Type => {
                let mut kinds = HashMap::new();
                for (ext, count) in &self.exts {
                    let kind = AssetType::from_extension(Some(ext.as_str()));
                    *kinds.entry(kind.name()).or_insert(0) += count;
                }
                most_frequent(kinds.into_iter().collect())
            }
            FacetBy::Storage => {
                let all = self
                    .classes
                    .iter()
                    .map(|(class, count)| match class.as_str() {
                        "" => (StorageClass::Standard.name(), *count),
                        class => (class, *count),
                    });
                most_frequent(all.collect())
            }
            FacetBy::Size => {
                let steps = SIZE_STEPS.iter().zip(self.sizes);
                first_of(steps.map(|((_, value), count)| ((*value).to_owned(), count)))
            }
            FacetBy::Month => {
                let newest_first = self.months.values().rev();
                first_of(newest_first.map(|(count, moment)| (month(*moment), *count)))
            }
            FacetBy::Folder(folder) => {
                let children = self.children.get(folder.as_str()).into_iter().flatten();
                most_frequent(
                    children
                        .map(|(path, count)| (path.as_str(), *count))
                        .collect(),
                )
            }
        }
    }
}

/// The first values in their order, of those that occur.
fn first_of(values: impl Iterator<Item = (String, u64)>) -> (Vec<FacetCount>, bool) {
    let mut occurring = values.filter(|(_, count)| *count > 0);
    let first = occurring.by_ref().take(MAX_FACET_VALUES);
    let counts = first.map(|(value, count)| FacetCount { value, count });
    (counts.collect(), occurring.next().is_some())
}

/// The values with the most assets, of equal ones the least.
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
