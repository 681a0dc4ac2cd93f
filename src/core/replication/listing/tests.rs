//! Tests what the pages of a listing say about its keys.

use super::*;
use crate::core::replication::object::StorageClass;

fn entry(key: &str) -> PageEntry {
    PageEntry {
        key: key.into(),
        object: Object {
            size: 1,
            etag: None,
            last_modified: Timestamp::from_millis(0),
            storage_class: StorageClass::Standard,
        },
    }
}

fn page(keys: &[&str], next: Option<&str>) -> ListingPage {
    ListingPage {
        entries: keys.iter().map(|key| entry(key)).collect(),
        unusable: Vec::new(),
        next: next.map(|token| ContinuationToken(token.into())),
        listed_at: Timestamp::from_millis(7),
    }
}

/// Walks a bucket of `keys` in pages of `per_page` and checks that the coverages tile the range.
fn walk_all(range: &KeyRange, keys: &[&str], per_page: usize) {
    let mut walk = RangeWalk::new(range.clone());
    let mut request = Some(walk.first_request());
    let mut coverages = Vec::new();
    while let Some(current) = request {
        let from = match &current.token {
            Some(token) => token.0.clone(),
            None => current.start_after.clone().unwrap_or_default(),
        };
        let all: Vec<&str> = keys
            .iter()
            .copied()
            .filter(|key| key.starts_with(&current.prefix))
            .filter(|key| *key > from.as_str() || (from.is_empty() && current.token.is_none()))
            .collect();
        let shown = &all[..all.len().min(per_page).min(current.max_keys.into())];
        let token = (shown.len() < all.len()).then(|| *shown.last().unwrap());
        let coverage = walk.accept(page(shown, token)).unwrap();
        request = coverage.next.clone();
        coverages.push(coverage);
    }
    let inside = range.interval();
    let listed: Vec<&str> = coverages
        .iter()
        .flat_map(|s| s.entries.iter().map(|e| e.key.as_str()))
        .collect();
    let want: Vec<&str> = keys
        .iter()
        .copied()
        .filter(|k| inside.contains(k))
        .collect();
    assert_eq!(listed, want, "{range:?} by {per_page}");
    for key in keys
        .iter()
        .copied()
        .chain(["", "a/aa", "a/zz", "b/b", "zz"])
    {
        let holders = coverages.iter().filter(|s| s.interval.contains(key));
        assert_eq!(
            holders.count(),
            usize::from(inside.contains(key)),
            "{key} in {range:?} by {per_page}"
        );
    }
}

#[test]
fn pages_tile_their_range_without_gap_or_overlap() {
    let keys = ["", "a", "a/", "a/b", "a/c", "a/d", "a0", "b", "b/c", "é"];
    for per_page in 1..=keys.len() + 1 {
        for prefix in ["", "a", "a/", "b/", "x"] {
            for after in [None, Some("a/b"), Some("a/bb"), Some("a")] {
                for until in [None, Some("a/c"), Some("a/cc"), Some("b/c"), Some("zzz")] {
                    let range = KeyRange {
                        prefix: prefix.into(),
                        after: after.map(Into::into),
                        until: until.map(Into::into),
                    };
                    walk_all(&range, &keys, per_page);
                }
            }
        }
    }
}

#[test]
fn walk_of_a_single_key_requests_one_key() {
    let mut walk = RangeWalk::new(KeyRange::only("a"));
    assert_eq!(walk.first_request().max_keys, 1);
    let coverage = walk.accept(page(&["a/b"], Some("t"))).unwrap();
    assert_eq!(coverage.next, None);
    assert!(coverage.entries.is_empty() && coverage.interval.contains("a"));
}

#[test]
fn walk_ends_where_its_range_was_split() {
    let mut walk = RangeWalk::new(KeyRange::under(""));
    walk.accept(page(&["a", "b"], Some("t"))).unwrap();
    // The next page is in flight when the range is split.
    walk.end_at(Some("d"));
    walk.end_at(Some("x"));
    walk.end_at(None);
    let coverage = walk.accept(page(&["c", "d", "e"], Some("u"))).unwrap();
    let keys: Vec<&str> = coverage.entries.iter().map(|entry| &*entry.key).collect();
    assert_eq!((keys, coverage.next), (vec!["c", "d"], None));
    assert!(coverage.interval.contains("d") && !coverage.interval.contains("d0"));
    let listed = coverage.listed.unwrap();
    assert_eq!(listed.after.as_deref(), Some("b"));
    assert_eq!(listed.until.as_deref(), Some("d"));
}

#[test]
fn short_first_page_can_be_full() {
    let mut walk = RangeWalk::new(KeyRange::under("")).with_first_keys(2);
    assert_eq!(walk.first_request().max_keys, 2);
    let first = walk.accept(page_with(&["a", "b"], &[], true, 7)).unwrap();
    assert_eq!(first.next.unwrap().max_keys, MAX_KEYS);
    // The first page was full, so the second one says by itself what follows.
    let second = walk.accept(page_with(&["d"], &[], false, 9)).unwrap();
    assert_eq!(second.listed_at, Timestamp::from_millis(9));
}

#[test]
fn empty_page_with_a_token_covers_nothing() {
    let mut walk = RangeWalk::new(KeyRange::under("a/"));
    let coverage = walk.accept(page(&[], Some("t"))).unwrap();
    assert!(coverage.interval.is_empty() && !coverage.interval.contains("a/b"));
    assert_eq!(coverage.listed, None);
    assert_eq!(
        coverage.next.unwrap().token,
        Some(ContinuationToken("t".into()))
    );
}

fn unusable(position: usize, bytes: Option<&[u8]>) -> UnusableKey {
    UnusableKey {
        position,
        bytes: bytes.map(<[u8]>::to_vec),
        text: "shown".to_owned(),
    }
}

fn page_with(keys: &[&str], unusable: &[UnusableKey], next: bool, at: i64) -> ListingPage {
    ListingPage {
        unusable: unusable.to_vec(),
        listed_at: Timestamp::from_millis(at),
        ..page(keys, next.then_some("t"))
    }
}

#[test]
fn page_that_ends_with_an_unusable_key_covers_up_to_the_last_usable_one() {
    let mut walk = RangeWalk::new(KeyRange::under(""));
    let last = unusable(2, Some(b"c\xFF"));
    let first = walk
        .accept(page_with(&["a", "b"], &[last], true, 7))
        .unwrap();
    assert!(first.interval.contains("b") && !first.interval.contains("c"));
    let listed = first.listed.unwrap();
    assert_eq!((listed.after, listed.until.as_deref()), (None, Some("b")));
    assert_eq!(first.unusable, ["shown"]);
    // A key "c" that is put between the two pages is on neither of them.
    let second = walk.accept(page_with(&["d"], &[], false, 9)).unwrap();
    assert!(second.covers("c") && second.covers("d"));
    assert_eq!(second.listed_at, Timestamp::from_millis(7));
}

#[test]
fn coverage_after_an_empty_page_has_the_time_of_that_page() {
    let mut walk = RangeWalk::new(KeyRange::under(""));
    walk.accept(page_with(&[], &[], true, 5)).unwrap();
    let mut next = page_with(&["b"], &[], true, 9);
    next.next = Some(ContinuationToken("u".into()));
    let coverage = walk.accept(next).unwrap();
    assert_eq!(coverage.listed_at, Timestamp::from_millis(5));
    let last = walk.accept(page_with(&["c"], &[], false, 11)).unwrap();
    assert_eq!(last.listed_at, Timestamp::from_millis(9));
}

#[test]
fn coverage_after_a_page_that_is_not_full_has_the_time_of_that_page() {
    let full: Vec<String> = (0..MAX_KEYS).map(|key| format!("b{key:04}")).collect();
    let full: Vec<&str> = full.iter().map(String::as_str).collect();
    // The page can have ended after its last key, for example after delete markers.
    for (keys, want) in [(&["b"][..], 5), (&full[1..], 5), (&full, 9)] {
        let mut walk = RangeWalk::new(KeyRange::under(""));
        let first = walk.accept(page_with(keys, &[], true, 5)).unwrap();
        assert_eq!(first.listed_at, Timestamp::from_millis(5));
        let last = walk.accept(page_with(&["d"], &[], false, 9)).unwrap();
        assert!(last.covers("c"));
        let keys = keys.len();
        assert_eq!(last.listed_at, Timestamp::from_millis(want), "{keys}");
    }
}

#[test]
fn unusable_keys_after_the_range_end_it_and_are_not_counted() {
    let mut walk = RangeWalk::new(KeyRange::only("a"));
    let page = page_with(&[], &[unusable(0, Some(b"a\xFF"))], true, 7);
    let coverage = walk.accept(page).unwrap();
    assert!(coverage.covers("a") && coverage.next.is_none());
    assert!(coverage.unusable.is_empty());
}

#[test]
fn unusable_key_without_the_prefix_is_refused() {
    let mut walk = RangeWalk::new(KeyRange::under("a/"));
    let page = page_with(&[], &[unusable(0, Some(b"b\xFF"))], false, 7);
    assert!(matches!(
        walk.accept(page),
        Err(ListingError::OutsidePrefix { .. })
    ));
}

/// The keys that a page covers, in parts.
fn parts(mut coverage: PageCoverage) -> Vec<CoveragePart> {
    let probes = ["a", "aa", "b", "bb", "c", "cc", "d", "dd"];
    let covered = probes.map(|key| coverage.covers(key));
    let parts = coverage.take_parts();
    for (key, covers) in probes.into_iter().zip(covered) {
        let holders = parts.iter().filter(|part| part.interval.contains(key));
        assert_eq!(holders.count(), usize::from(covers), "{key}");
    }
    parts
}

#[test]
fn page_says_nothing_about_keys_next_to_one_with_a_broken_encoding() {
    for (broken, covered) in [
        (&[][..], &["a", "aa", "b", "bb", "c", "cc"][..]),
        (&[0], &["a", "aa", "b", "bb", "c", "cc"]),
        (&[1], &["a", "b", "bb", "c", "cc"]),
        (&[1, 1, 2], &["a", "b", "c", "cc"]),
        (&[3], &["a", "aa", "b", "bb", "c"]),
        (&[0, 1, 2, 3], &["a", "b", "c"]),
    ] {
        let mut walk = RangeWalk::new(KeyRange::under(""));
        let broken: Vec<_> = broken
            .iter()
            .map(|position| unusable(*position, None))
            .collect();
        let coverage = walk
            .accept(page_with(&["a", "b", "c"], &broken, false, 7))
            .unwrap();
        for key in ["a", "aa", "b", "bb", "c", "cc"] {
            assert_eq!(
                coverage.covers(key),
                covered.contains(&key),
                "{broken:?} {key}"
            );
        }
        let listed: Vec<_> = parts(coverage)
            .iter()
            .flat_map(|part| part.entries.iter().map(|entry| entry.key.clone()))
            .collect();
        assert_eq!(listed, ["a", "b", "c"]);
    }
}

#[test]
fn broken_key_at_the_end_of_a_page_is_a_gap_of_the_next_page() {
    let mut walk = RangeWalk::new(KeyRange::under(""));
    let broken = [unusable(1, None)];
    let first = walk.accept(page_with(&["a"], &broken, true, 7)).unwrap();
    assert!(first.gaps.is_empty());
    let second = walk.accept(page_with(&["c"], &[], false, 7)).unwrap();
    assert!(!second.covers("b") && second.covers("c") && second.covers("d"));
    assert_eq!(parts(second).len(), 1);
}

#[test]
fn page_of_only_broken_keys_has_one_empty_part() {
    let mut walk = RangeWalk::new(KeyRange::under(""));
    let coverage = walk
        .accept(page_with(&[], &[unusable(0, None)], false, 7))
        .unwrap();
    let parts = parts(coverage);
    assert!(parts.len() == 1 && parts[0].interval.is_empty());
}

#[test]
fn unordered_duplicate_and_foreign_keys_are_refused() {
    for (keys, words) in [
        (&["b", "a"][..], "ascending"),
        (&["a", "a"][..], "ascending"),
    ] {
        let refused = RangeWalk::new(KeyRange::under("")).accept(page(keys, None));
        assert!(refused.unwrap_err().to_string().contains(words));
    }
    let refused = RangeWalk::new(KeyRange::under("a/")).accept(page(&["b"], None));
    assert!(refused.unwrap_err().to_string().contains("prefix"));
    let mut walk = RangeWalk::new(KeyRange::under(""));
    walk.accept(page(&["m"], Some("t"))).unwrap();
    assert!(walk.accept(page(&["c"], None)).is_err());
}

#[test]
fn number_of_empty_pages_is_limited() {
    let mut walk = RangeWalk::new(KeyRange::under(""));
    let mut reported = Vec::new();
    for number in 0..MAX_EMPTY_PAGES {
        walk.accept(page(&[], Some(&number.to_string()))).unwrap();
        reported.extend(walk.empty_pages_to_report());
    }
    let reports = MAX_EMPTY_PAGES / EMPTY_PAGES_PER_REPORT;
    let expected: Vec<u32> = (1..=reports).map(|n| n * EMPTY_PAGES_PER_REPORT).collect();
    assert_eq!(reported, expected);
    assert_eq!(
        walk.accept(page(&[], Some("t"))),
        Err(ListingError::NoProgress)
    );
}

#[test]
fn page_with_the_token_that_was_sent_is_refused() {
    for keys in [&[][..], &["a"]] {
        let mut walk = RangeWalk::new(KeyRange::under(""));
        walk.accept(page(&[], Some("t"))).unwrap();
        assert_eq!(
            walk.accept(page(keys, Some("t"))),
            Err(ListingError::SameToken)
        );
        let mut walk = RangeWalk::new(KeyRange::under(""));
        walk.accept(page(&[], Some("t"))).unwrap();
        walk.accept(page(keys, None)).unwrap();
    }
}
