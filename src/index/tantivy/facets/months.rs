//! Counts times by month in UTC.
//!
//! A month is a number here. [`Facets`](super::Facets) writes it as text, from one time in the month.

use std::collections::BTreeMap;

use tantivy::columnar::Column;
use tantivy::{DocId, SegmentReader};

use crate::core::replication::timestamp::Timestamp;
use crate::index::IndexError;
use crate::index::tantivy::columns::read_error;
use crate::index::tantivy::ranking::BLOCK;

/// The first and the last time that is counted as it is: the years -9999 to 9999. Other times are clamped.
const FIRST_MILLIS: i64 = -377_705_116_800_000;
const LAST_MILLIS: i64 = 253_402_300_799_999;

const MILLIS_PER_DAY: i64 = 86_400_000;

/// The number of documents of a segment in each month.
pub(super) struct MonthCounts {
    column: Option<Column<i64>>,
    /// The number of the first month that is counted.
    first: i64,
    /// By month: the count and one time in that month.
    counts: Vec<(u64, i64)>,
}

impl MonthCounts {
    /// Starts to count the times in a column.
    pub(super) fn open(segment: &SegmentReader, column: &str) -> Result<Self, IndexError> {
        let fast = segment.fast_fields();
        let column: Option<Column<i64>> = fast.column_opt(column).map_err(read_error())?;
        let (first, last) = match &column {
            Some(column) => (month_of(column.min_value()), month_of(column.max_value())),
            None => (0, 0),
        };
        let months = (last - first + 1).max(0) as usize;
        Ok(Self {
            column,
            first,
            counts: vec![(0, 0); months],
        })
    }

    /// Counts up to [`BLOCK`] documents.
    pub(super) fn count(&mut self, docs: &[DocId]) {
        let Some(column) = &self.column else { return };
        let mut times = [None; BLOCK];
        column.first_vals(docs, &mut times[..docs.len()]);
        for time in times[..docs.len()].iter().flatten() {
            let index = (month_of(*time) - self.first) as usize;
            let (count, example) = &mut self.counts[index];
            *count += 1;
            *example = *time;
        }
    }

    /// Adds the counts to the counts of the other segments.
    pub(super) fn add_to(self, months: &mut BTreeMap<i64, (u64, Timestamp)>) {
        for (number, (count, time)) in (self.first..).zip(self.counts) {
            if count > 0 {
                let empty = (0, Timestamp::from_millis(time));
                months.entry(number).or_insert(empty).0 += count;
            }
        }
    }
}

/// Returns the number of months since the start of the year 0 in the Gregorian calendar.
///
/// The calculation starts the year in March, so that a leap day is the last day of the year. See
/// <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>.
fn month_of(millis: i64) -> i64 {
    const DAYS_TO_EPOCH: i64 = 719_468;
    const DAYS_PER_ERA: i64 = 146_097;
    let millis = millis.clamp(FIRST_MILLIS, LAST_MILLIS);
    let days = millis.div_euclid(MILLIS_PER_DAY) + DAYS_TO_EPOCH;
    let (era, day) = (days.div_euclid(DAYS_PER_ERA), days.rem_euclid(DAYS_PER_ERA));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    (era * 400 + year) * 12 + month + 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::query::facet::month;

    /// Formats the number of a month like `month` does.
    fn text(number: i64) -> String {
        let (year, month) = (number.div_euclid(12), number.rem_euclid(12) + 1);
        if year < 0 {
            format!("-{:06}-{month:02}", -year)
        } else {
            format!("{year:04}-{month:02}")
        }
    }

    #[test]
    fn months_match_the_calendar() {
        let rng = &mut fastrand::Rng::with_seed(1);
        let edges = [i64::MIN, FIRST_MILLIS, -1, 0, LAST_MILLIS, i64::MAX];
        let leap = [
            951_782_399_999,
            951_782_400_000,
            951_868_799_999,
            951_868_800_000,
        ];
        let random: Vec<_> = (0..10_000)
            .map(|_| rng.i64(FIRST_MILLIS..LAST_MILLIS))
            .collect();
        for millis in edges.into_iter().chain(leap).chain(random) {
            let want = month(Timestamp::from_millis(millis));
            assert_eq!(text(month_of(millis)), want, "{millis}");
        }
    }
}
