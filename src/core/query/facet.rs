//! How the assets that a search finds are counted by what they have in common.
//!
//! The values of a facet can be written in a search as they are: `size:` and the value of a size; those of
//! folders in quotation marks.

use serde::Serialize;

use crate::core::query::hit::rfc3339;
use crate::core::replication::timestamp::Timestamp;

/// The most values of a facet.
pub const MAX_BUCKETS: usize = 100;

/// What assets are counted by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FacetBy {
    /// The child folders of this folder, which begins and ends in `/`; their values do too.
    Folder(String),
    /// The type, by [`crate::core::query::Kind::name`].
    Type,
    /// The extension; what has none is not counted.
    Ext,
    /// The storage class, by S3's name.
    Storage,
    /// The size, by [`size_step`].
    Size,
    /// When S3 last changed the object, by [`month`].
    Month,
}

impl FacetBy {
    /// As they are written.
    pub const NAMES: [&str; 6] = ["type", "ext", "storage", "size", "month", "folder"];

    /// The one of that name; `folder` is the folder whose child folders are meant.
    pub fn named(name: &str, folder: &str) -> Option<Self> {
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

    /// As it is written.
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

/// The counts of a facet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facet {
    /// What was counted by.
    pub by: FacetBy,
    /// The values with the most assets first, but sizes ascending and months from the newest on; at
    /// most [`MAX_BUCKETS`].
    pub buckets: Vec<Bucket>,
    /// Whether there are more values than these.
    pub more: bool,
}

/// A value of a facet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bucket {
    /// The value.
    pub value: String,
    /// The assets that have it.
    pub count: u64,
}

/// The steps of sizes: where each ends, not included, and its value; the last has no end.
pub const SIZE_STEPS: [(u64, &str); 7] = [
    (10_000, "<10kb"),
    (100_000, "10kb..<100kb"),
    (1_000_000, "100kb..<1mb"),
    (10_000_000, "1mb..<10mb"),
    (100_000_000, "10mb..<100mb"),
    (1_000_000_000, "100mb..<1gb"),
    (u64::MAX, ">=1gb"),
];

/// The place in [`SIZE_STEPS`] of a size in bytes.
pub fn size_step(size: u64) -> usize {
    let last = SIZE_STEPS.len() - 1;
    SIZE_STEPS[..last].partition_point(|(end, _)| *end <= size)
}

/// The month of a moment, in UTC: `2026-03`.
pub fn month(stamp: Timestamp) -> String {
    let text = rfc3339(stamp);
    let date = text.split_once('T').map_or("", |(date, _time)| date);
    let month = date.rsplit_once('-').map_or("", |(month, _day)| month);
    month.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::query::term::{Condition, Query, Term};

    #[test]
    fn every_facet_keeps_its_name() {
        for name in FacetBy::NAMES {
            assert_eq!(FacetBy::named(name, "/").unwrap().name(), name);
        }
        assert_eq!(FacetBy::named("Type", "/"), None);
    }

    #[test]
    fn steps_of_sizes() {
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
    fn values_can_be_searched_for() {
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
        let Ok(Condition::Term(Term::Modified(stamps))) =
            parse(&format!("modified:{}", month(now)))
        else {
            panic!("{}", month(now));
        };
        assert!(stamps.contains(&now) && !stamps.contains(&Timestamp::from_millis(0)));
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
