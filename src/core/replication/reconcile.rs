//! The merge join of a listed page with the indexed records of the same key interval.
//!
//! One pass finds all additions, changes and removals of the interval. It decides nothing:
//! [`order`](crate::core::replication::order) does.

use std::cmp::Ordering;

use crate::core::replication::listing::PageEntry;
use crate::core::replication::object::Object;
use crate::core::replication::record::Record;

/// A key of the page, the index, or both.
#[derive(Clone, Copy, Debug)]
pub struct JoinedKey<'a> {
    /// The key.
    pub key: &'a str,
    /// The object that the page lists under the key.
    pub listed: Option<&'a Object>,
    /// The key's record in the index.
    pub indexed: Option<&'a Record>,
}

/// Calls `each` once for every key of the page and the index, in ascending order. Stops at the first error.
///
/// Both inputs must be in ascending order. [`RangeWalk`](crate::core::replication::listing::RangeWalk) has
/// checked the page, and the index is sorted by key.
pub fn merge_join<'a, E>(
    listed: &'a [PageEntry],
    indexed: &'a [(String, Record)],
    mut each: impl FnMut(JoinedKey<'a>) -> Result<(), E>,
) -> Result<(), E> {
    let mut listed = listed.iter().peekable();
    let mut indexed = indexed.iter().peekable();
    loop {
        let order = match (listed.peek(), indexed.peek()) {
            (None, None) => return Ok(()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(entry), Some((key, _))) => entry.key.cmp(key),
        };
        let entry = if order.is_le() { listed.next() } else { None };
        let known = if order.is_ge() { indexed.next() } else { None };
        let key = match (entry, known) {
            (Some(entry), _) => &entry.key,
            (None, Some((key, _))) => key,
            (None, None) => return Ok(()),
        };
        each(JoinedKey {
            key,
            listed: entry.map(|entry| &entry.object),
            indexed: known.map(|(_, record)| record),
        })?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::replication::object::StorageClass;
    use crate::core::replication::record::RecordContent;
    use crate::core::replication::timestamp::Timestamp;

    fn object() -> Object {
        Object {
            size: 0,
            etag: None,
            last_modified: Timestamp::from_millis(0),
            storage_class: StorageClass::Standard,
        }
    }

    fn joined(listed: &str, indexed: &str) -> String {
        let listed: Vec<PageEntry> = listed
            .chars()
            .map(|c| PageEntry {
                key: c.into(),
                object: object(),
            })
            .collect();
        let record = Record {
            content: RecordContent::Removed { scan: 0 },
            event_time: None,
            sequencer: None,
            listed_at: None,
        };
        let indexed: Vec<(String, Record)> = indexed
            .chars()
            .map(|c| (c.into(), record.clone()))
            .collect();
        let mut seen = String::new();
        merge_join(&listed, &indexed, |pair| -> Result<(), ()> {
            let sign = match (pair.listed, pair.indexed) {
                (Some(_), None) => '+',
                (None, Some(_)) => '-',
                _ => '=',
            };
            seen.push(sign);
            seen.push_str(pair.key);
            Ok(())
        })
        .unwrap();
        seen
    }

    #[test]
    fn keys_are_joined_in_order() {
        for (listed, indexed, want) in [
            ("", "", ""),
            ("ab", "", "+a+b"),
            ("", "ab", "-a-b"),
            ("ab", "ab", "=a=b"),
            ("ac", "bc", "+a-b=c"),
            ("bd", "ace", "-a+b-c+d-e"),
            ("abc", "c", "+a+b=c"),
        ] {
            assert_eq!(joined(listed, indexed), want, "{listed} with {indexed}");
        }
    }

    #[test]
    fn first_error_ends_the_join() {
        let entries = [PageEntry {
            key: "a".into(),
            object: object(),
        }];
        assert_eq!(merge_join(&entries, &[], |_| Err("full")), Err("full"));
    }
}
