//! The counts of all facets, of a segment or of several.
//!
//! It does not read documents: [`super::SegmentFacets`] does.

use std::collections::{BTreeMap, HashMap};

use crate::core::query::facet::SIZE_STEPS;
use crate::core::replication::timestamp::Timestamp;

/// The number of assets with each label. Assets without a label are counted under the empty text.
pub(super) type CountsByLabel = HashMap<String, u64>;

/// The counts of facets. Facets that were not requested have none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FacetCounts {
    pub exts: CountsByLabel,
    pub classes: CountsByLabel,
    pub sizes: [u64; SIZE_STEPS.len()],
    /// By the number of the month, each with one time in that month.
    pub months: BTreeMap<i64, (u64, Timestamp)>,
    /// By requested folder: the counts of its child folders, by path.
    pub children: HashMap<String, CountsByLabel>,
}

impl FacetCounts {
    /// Adds the counts of other assets.
    pub fn add(&mut self, other: &Self) {
        add_labels(&mut self.exts, &other.exts);
        add_labels(&mut self.classes, &other.classes);
        for (all, count) in self.sizes.iter_mut().zip(other.sizes) {
            *all += count;
        }
        for (month, (count, time)) in &other.months {
            self.months.entry(*month).or_insert((0, *time)).0 += count;
        }
        for (folder, children) in &other.children {
            match self.children.get_mut(folder) {
                Some(all) => add_labels(all, children),
                None => {
                    self.children.insert(folder.clone(), children.clone());
                }
            }
        }
    }

    /// Number of different labels.
    pub fn labels(&self) -> usize {
        let children = self.children.values().map(HashMap::len);
        self.exts.len() + self.classes.len() + children.sum::<usize>()
    }

    /// Takes away the counts of some of these assets. Values that no asset has any more are removed.
    pub fn subtract(&mut self, gone: &Self) {
        subtract_labels(&mut self.exts, &gone.exts);
        subtract_labels(&mut self.classes, &gone.classes);
        for (left, count) in self.sizes.iter_mut().zip(gone.sizes) {
            *left = left.saturating_sub(count);
        }
        for (month, (count, _)) in &gone.months {
            if let Some((left, _)) = self.months.get_mut(month) {
                *left = left.saturating_sub(*count);
            }
        }
        self.months.retain(|_, (left, _)| *left > 0);
        for (folder, children) in &gone.children {
            if let Some(left) = self.children.get_mut(folder) {
                subtract_labels(left, children);
            }
        }
    }
}

fn add_labels(all: &mut CountsByLabel, more: &CountsByLabel) {
    for (label, count) in more {
        match all.get_mut(label) {
            Some(all) => *all += count,
            None => {
                all.insert(label.clone(), *count);
            }
        }
    }
}

fn subtract_labels(left: &mut CountsByLabel, gone: &CountsByLabel) {
    for (label, count) in gone {
        if let Some(left) = left.get_mut(label) {
            *left = left.saturating_sub(*count);
        }
    }
    if !gone.is_empty() {
        left.retain(|_, count| *count > 0);
    }
}
