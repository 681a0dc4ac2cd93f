//! Facets: counts of the assets that a search finds, grouped by type, extension, folder and so on.
//!
//! Each value can be used in a query as it is, as in `size:10kb..<100kb`. The value of a folder needs
//! quotation marks.

use serde::Serialize;

use crate::core::query::hit::rfc3339;
use crate::core::replication::timestamp::Timestamp;

/// The maximum number of values in a facet.
pub const MAX_FACET_VALUES: usize = 100;

/// The property to count assets by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FacetBy {
    /// The child folders of this folder. The paths of all of them begin and end in `/`.
    Folder(String),
    /// The type, as in `image`.
    Type,
    /// The extension. Assets without an extension are not counted.
    Ext,
    /// The storage class, by its name in S3.
    Storage,
    /// The size, in steps such as `1mb..<10mb`.
    Size,
    /// The month in UTC when S3 last changed the object, as in `2026-03`.
    Month,
}

impl FacetBy {
    /// The names of all facets.
    pub const NAMES: [&str; 6] = ["type", "ext", "storage", "size", "month", "folder"];

    /// The facet with this name. `folder` is the folder whose children the facet `folder` counts.
    pub fn from_name(name: &str, folder: &str) -> Option<Self> {
        Some(match name {
            "type" => Self::Type,
            "ext" => Self::Ext,
            "storage" => Self::Storage,
            "size" => Self::Size,
            "month" => Self::Month,
            "folder" => Self::Folder(folder.to_owned()),
            _ => return None,
        })
    }

    /// The name of the facet in text.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Ext => "ext",
            Self::Storage => "storage",
            Self::Size => "size",
            Self::Month => "month",
            Self::Folder(_) => "folder",
        }
    }
}

/// The counts of one facet.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facet {
    /// The property that the assets were counted by.
    pub by: FacetBy,
    /// The values and their counts, at most [`MAX_FACET_VALUES`]. Values with the most assets come
    /// first, except that sizes ascend and months start with the newest.
    pub counts: Vec<FacetCount>,
    /// Whether values were left out.
    pub more: bool,
}

/// A value of a facet and how many assets have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FacetCount {
    /// The value, as a query can use it.
    pub value: String,
    /// The number of assets that have it.
    pub count: u64,
}

/// The steps of the size facet: the exclusive end in bytes, and the value. The last step has no end.
pub const SIZE_STEPS: [(u64, &str); 7] = [
    (10_000, "<10kb"),
    (100_000, "10kb..<100kb"),
    (1_000_000, "100kb..<1mb"),
    (10_000_000, "1mb..<10mb"),
    (100_000_000, "10mb..<100mb"),
    (1_000_000_000, "100mb..<1gb"),
    (u64::MAX, ">=1gb"),
];

/// The index in [`SIZE_STEPS`] of a size in bytes.
pub fn size_step(size: u64) -> usize {
    let last = SIZE_STEPS.len() - 1;
    SIZE_STEPS[..last].partition_point(|(end, _)| *end <= size)
}

/// The month of a timestamp in UTC, as in `2026-03`.
pub fn month(timestamp: Timestamp) -> String {
    let text = rfc3339(timestamp);
    let date = text.split_once('T').map_or("", |(date, _time)| date);
    let month = date.rsplit_once('-').map_or("", |(month, _day)| month);
    month.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::query::term::{Condition, Query, Term};

    #[test]
    fn reads_the_names_that_it_writes() {
        for name in FacetBy::NAMES {
            assert_eq!(FacetBy::from_name(name, "/").unwrap().name(), name);
        }
        assert_eq!(FacetBy::from_name("Type", "/"), None);
    }

    #[test]
    fn size_steps() {
        for (size, want) in [
            (0, "<10kb"),
            (9_999, "<10kb"),
            (10_000, "10kb..<100kb"),
            (999_999_999, "100mb..<1gb"),
            (1_000_000_000, ">=1gb"),
            (u64::MAX, ">=1gb"),
        ] {
            assert_eq!(SIZE_STEPS[size_step(size)].1, want, "{size}");
        }
    }

    #[test]
    fn queries_can_use_the_values() {
        let parse = |text: &str| Query::parse(text, Timestamp::from_millis(0)).map(|q| q.condition);
        let mut start = 0;
        for (end, value) in SIZE_STEPS {
            let Ok(Condition::Term(Term::Size(sizes))) = parse(&format!("size:{value}")) else {
                panic!("{value}");
            };
            assert!(
                sizes.contains(&start) && sizes.contains(&(end - 1)),
                "{value}"
            );
            assert!(start == 0 || !sizes.contains(&(start - 1)), "{value}");
            assert!(end == u64::MAX || !sizes.contains(&end), "{value}");
            start = end;
        }
        let now = Timestamp::from_millis(1_773_144_000_000);
        let Ok(Condition::Term(Term::Modified(times))) = parse(&format!("modified:{}", month(now)))
        else {
            panic!("{}", month(now));
        };
        assert!(times.contains(&now) && !times.contains(&Timestamp::from_millis(0)));
    }

    #[test]
    fn months() {
        for (millis, want) in [
            (0, "1970-01"),
            (-1, "1969-12"),
            (1_773_144_000_000, "2026-03"),
            (i64::MAX, "9999-12"),
        ] {
            assert_eq!(month(Timestamp::from_millis(millis)), want);
        }
    }
}
