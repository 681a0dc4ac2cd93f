//! Compares pages of a search with the sorted list of expected assets.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::time::Duration;

use fastrand::Rng;

use super::*;
use crate::core::query::words::words_with_positions;
use crate::core::query::{Query, Sort, file_name, fold_name};
use crate::core::replication::timestamp::Timestamp;
use crate::index::tantivy::corpus::{Corpus, ExpectedAsset, random_path};

const QUERIES: [&str; 12] = [
    "",
    "summer",
    "sum*",
    "a -b",
    "ext:jpg OR type:video",
    "type:other",
    "folder:/a",
    "folder:=/a",
    "size:<10kb",
    "storage:STANDARD modified:>1970-01-01",
    "NOT summer",
    "nothing",
];

fn request(query: &str) -> Request {
    Request::new(Query::parse(query, Timestamp::from_millis(0)).unwrap())
}

/// A query whose matches all have the same score, because every file name with this extension has this word.
const EQUAL_SCORES: &str = "name:jpg ext:jpg";

/// The expected order. Relevance is only tested with queries whose matches all have the same score.
fn order(request: &Request, left: &ExpectedAsset, right: &ExpectedAsset) -> Ordering {
    let is_scored = request.query == self::request(EQUAL_SCORES).query;
    let name_words = |asset: &ExpectedAsset| {
        let mut words = 0;
        words_with_positions(file_name(&asset.path), |_, _, positions| {
            words = words.max(positions.end);
        });
        words
    };
    let name = |asset: &ExpectedAsset| fold_name(file_name(&asset.path));
    let directed = |order: Ordering, descends: bool| {
        if descends { order.reverse() } else { order }
    };
    for key in request.sort.keys() {
        let by_key = match key.by {
            SortBy::Path => unreachable!("the path comes after the keys"),
            SortBy::Relevance if !is_scored => Ordering::Equal,
            SortBy::Relevance => name_words(left).cmp(&name_words(right)),
            SortBy::Name => name(left).cmp(&name(right)),
            SortBy::Modified => left.object.last_modified.cmp(&right.object.last_modified),
            SortBy::Size => left.object.size.cmp(&right.object.size),
            SortBy::Created => left.first_seen.cmp(&right.first_seen),
        };
        if by_key.is_ne() {
            return directed(by_key, key.descending);
        }
    }
    let by_path = left.path.cmp(&right.path);
    let by_path_and_source = by_path.then_with(|| left.source.cmp(right.source));
    directed(by_path_and_source, request.sort.path_descends())
}

type HitId = (String, String);

fn hit_ids(page: &Page) -> Vec<HitId> {
    let hits = page.hits.iter();
    hits.map(|hit| (hit.source.clone(), hit.path.clone()))
        .collect()
}

fn expected_hits(corpus: &Corpus, request: &Request) -> Vec<HitId> {
    let mut expected = corpus.expected();
    expected.retain(|asset| request.query.matches(&asset.asset()));
    expected.sort_by(|left, right| order(request, left, right));
    let expected = expected.into_iter();
    expected
        .map(|asset| (asset.source.to_owned(), asset.path))
        .collect()
}

fn find(corpus: &Corpus, request: &Request) -> Page {
    let found = corpus
        .engine
        .search(&corpus.scope(), request, &Deadline::never());
    found.unwrap()
}

/// Orders with one and with several keys, each in both directions.
const SORTS: [&str; 12] = [
    "relevance",
    "name",
    "path",
    "modified",
    "size",
    "created",
    "-size,name",
    "created,-modified",
    "name,-size,-path",
    "-relevance,created,name",
    "size,-created,modified",
    "created,name,-relevance,-path",
];

fn all_sorts() -> impl Iterator<Item = Sort> {
    SORTS.into_iter().flat_map(|text| {
        let sort = Sort::parse(text).unwrap();
        [sort, sort.reversed()]
    })
}

#[test]
fn pages_show_the_sorted_list_to_the_end() {
    for seed in 0..12 {
        let rng = &mut Rng::with_seed(seed);
        let corpus = Corpus::random(rng, 1 + seed as usize % 5, 150);
        for sort in all_sorts() {
            let mut request = request(QUERIES[rng.usize(..QUERIES.len())]);
            if sort.has(SortBy::Relevance) {
                let queries = ["", "ext:jpg", EQUAL_SCORES];
                request = self::request(queries[rng.usize(..queries.len())]);
            }
            request.sort = sort;
            request.limit = rng.usize(1..60);
            let want = expected_hits(&corpus, &request);
            let mut seen = Vec::new();
            for _ in 0..=want.len() {
                let page = find(&corpus, &request);
                assert_eq!(page.total.value, want.len() as u64);
                assert!(page.total.exact);
                assert!(page.hits.len() <= request.limit);
                seen.extend(hit_ids(&page));
                request.after = page.next;
                if request.after.is_none() {
                    break;
                }
                request.limit = rng.usize(1..60);
            }
            assert_eq!(seen, want, "seed {seed}, {sort}, {:?}", request.query);
        }
    }
}

#[test]
fn pages_show_the_sorted_list_back_to_the_start() {
    for seed in 0..6 {
        let rng = &mut Rng::with_seed(seed);
        let corpus = Corpus::random(rng, 1 + seed as usize % 4, 120);
        for sort in all_sorts() {
            let mut request = request(["", "ext:jpg", EQUAL_SCORES][rng.usize(..3)]);
            request.sort = sort;
            let want = expected_hits(&corpus, &request);
            request.limit = rng.usize(1..60);
            let mut page = find(&corpus, &request);
            assert_eq!(page.prev, None);
            while let Some(next) = page.next.take() {
                request.after = Some(next);
                page = find(&corpus, &request);
            }
            request.after = None;
            let mut seen = hit_ids(&page);
            while let Some(prev) = page.prev.take() {
                request.before = Some(prev);
                request.limit = rng.usize(1..60);
                page = find(&corpus, &request);
                let mut before = hit_ids(&page);
                before.extend(seen);
                seen = before;
                // The page after this one starts where it ends.
                let mut following = request.clone();
                (following.before, following.after) = (None, page.next.clone());
                let following = hit_ids(&find(&corpus, &following));
                assert!(seen[page.hits.len()..].starts_with(&following[..following.len().min(1)]));
            }
            assert_eq!(seen, want, "seed {seed}, {sort}, {:?}", request.query);
        }
    }
}

#[test]
fn queries_find_the_expected_assets() {
    let rng = &mut Rng::with_seed(7);
    let corpus = Corpus::random(rng, 4, 200);
    for query in QUERIES {
        let mut request = request(query);
        request.limit = 1_000;
        request.sort = Sort::default();
        assert_eq!(
            hit_ids(&find(&corpus, &request)),
            expected_hits(&corpus, &request),
            "{query}"
        );
    }
}

#[test]
fn a_bounded_count_is_a_lower_bound_and_changes_no_page() {
    for seed in 0..2 {
        let rng = &mut Rng::with_seed(seed);
        let corpus = Corpus::random(rng, 3, 400);
        for sort in all_sorts() {
            let mut exact = request(QUERIES[rng.usize(..QUERIES.len())]);
            exact.sort = sort;
            exact.limit = rng.usize(10..60);
            loop {
                let page = find(&corpus, &exact);
                let enough = rng.u64(0..500);
                let mut bounded = exact.clone();
                bounded.count = Count::UpTo(enough);
                let other = find(&corpus, &bounded);
                assert_eq!((&other.hits, &other.next), (&page.hits, &page.next));
                if other.total.exact {
                    assert_eq!(other.total.value, page.total.value)
                } else {
                    assert_eq!(other.total.value, enough);
                    assert!(enough <= page.total.value);
                }
                exact.after = page.next;
                if exact.after.is_none() {
                    break;
                }
            }
        }
    }
}

#[test]
fn shows_unchanged_assets_once_despite_commits_between_pages() {
    for seed in 0..2 {
        let rng = &mut Rng::with_seed(seed);
        let mut corpus = Corpus::random(rng, 3, 150);
        for sort in all_sorts() {
            let mut request = request("");
            (request.sort, request.limit) = (sort, rng.usize(40..90));
            let identity = |asset: &ExpectedAsset| {
                let object = format!("{:?}", asset.object);
                (asset.source.to_owned(), asset.path.clone(), object)
            };
            let mut unchanged: BTreeSet<_> = corpus.expected().iter().map(identity).collect();
            let mut seen: Vec<HitId> = Vec::new();
            loop {
                let page = find(&corpus, &request);
                seen.extend(hit_ids(&page));
                request.after = page.next;
                if request.after.is_none() {
                    break;
                }
                corpus.commit_random(rng, 5);
                let now: BTreeSet<_> = corpus.expected().iter().map(identity).collect();
                unchanged.retain(|asset| now.contains(asset));
            }
            for (source, path, _) in unchanged {
                let hit_id = (source, path);
                let times = seen.iter().filter(|seen| **seen == hit_id).count();
                assert_eq!(times, 1, "seed {seed}, {sort}: {hit_id:?}");
            }
        }
    }
}

#[test]
fn better_word_matches_come_first() {
    let mut corpus = Corpus::empty();
    let best_first = [
        "/x/summer.jpg",
        "/a/summer beach photo.jpg",
        "/summer/a.jpg",
        "/summer/a b.jpg",
        "/x/summertime.jpg",
        "/summertime/a.jpg",
    ];
    corpus.put(best_first.map(str::to_owned));
    let mut request = request("summer*");
    request.sort = Sort::by(SortBy::Relevance);
    request.limit = 2;
    let mut seen = Vec::new();
    loop {
        let page = find(&corpus, &request);
        seen.extend(page.hits.into_iter().map(|hit| hit.path));
        request.after = page.next;
        if request.after.is_none() {
            break;
        }
    }
    assert_eq!(seen, best_first);
}

#[test]
fn hits_have_highlights_if_requested() {
    let mut corpus = Corpus::empty();
    corpus.put(["/x/summer.jpg".to_owned()]);
    let mut request = request("summer");
    assert_eq!(find(&corpus, &request).hits[0].highlights, None);
    request.highlights = true;
    let hit = &find(&corpus, &request).hits[0];
    let marks = hit.highlights.as_ref().unwrap();
    assert_eq!(&hit.path[marks[0].start..marks[0].end], "summer");
}

#[test]
fn searches_only_the_sources_in_scope_and_each_once() {
    let rng = &mut Rng::with_seed(1);
    let corpus = Corpus::random(rng, 2, 300);
    let source = corpus.source("zoo");
    let mut request = request("");
    request.limit = 1_000;
    let never = Deadline::never();
    let page = corpus.engine.search(&[source, source], &request, &never);
    let want = expected_hits(&corpus, &request);
    let want: Vec<_> = want.into_iter().filter(|it| it.0 == "zoo").collect();
    assert_eq!(hit_ids(&page.unwrap()), want);
    let moved = [corpus.source("moved")];
    assert_eq!(
        corpus
            .engine
            .search(&moved, &request, &never)
            .unwrap()
            .total
            .value,
        0
    );
    assert!(corpus.engine.search(&[], &request, &never).is_ok());
}

#[test]
fn finds_an_asset_by_its_path() {
    let rng = &mut Rng::with_seed(2);
    let corpus = Corpus::random(rng, 3, 300);
    let expected = corpus.expected();
    for asset in &expected {
        let source = corpus.source(asset.source);
        let hit = corpus.engine.asset(source, &asset.path).unwrap().unwrap();
        assert_eq!((&hit.path, hit.size), (&asset.path, asset.object.size));
    }
    for name in ["aard", "middle", "zoo", "moved"] {
        for _ in 0..300 {
            let path = random_path(rng);
            let exists = expected
                .iter()
                .any(|asset| asset.source == name && asset.path == path);
            let hit = corpus.engine.asset(corpus.source(name), &path).unwrap();
            assert_eq!(hit.is_some(), exists, "{name} {path:?}");
        }
    }
    let source = corpus.source("middle");
    for path in ["", "/", "a"] {
        assert_eq!(corpus.engine.asset(source, path).unwrap(), None);
    }
}

#[test]
fn refuses_a_late_search_and_a_position_of_another_sort_order() {
    let rng = &mut Rng::with_seed(4);
    let corpus = Corpus::random(rng, 1, 300);
    let mut request = request("");
    let late = Deadline::after(Duration::ZERO);
    let refused = corpus.engine.search(&corpus.scope(), &request, &late);
    assert!(matches!(refused, Err(IndexError::TooSlow { .. })));
    request.after = find(&corpus, &request).next;
    request.sort = Sort::by(SortBy::Size);
    let refused = corpus
        .engine
        .search(&corpus.scope(), &request, &Deadline::never());
    assert!(matches!(refused, Err(IndexError::OtherSort { .. })));
}
