//! Pages of a search against the sorted list of what they should show.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::time::Duration;

use fastrand::Rng;

use super::*;
use crate::core::query::words::words_with_positions;
use crate::core::query::{Query, Sort, file_name, fold_name};
use crate::core::replication::timestamp::Timestamp;
use crate::index::tantivy::corpus::{Corpus, ExpectedAsset, ORDERS, random_path};

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

/// Words that all assets with this extension have in their names.
const ALL_SCORE_THE_SAME: &str = "name:jpg ext:jpg";

/// What a person would sort by hand; relevance is compared where all score the same, or nothing.
fn order(request: &Request, left: &ExpectedAsset, right: &ExpectedAsset) -> Ordering {
    let sort = request.sort;
    let is_scored = request.query == self::request(ALL_SCORE_THE_SAME).query;
    let name_words = |known: &ExpectedAsset| {
        let mut words = 0;
        words_with_positions(file_name(&known.path), |_, _, places| {
            words = words.max(places.end);
        });
        words
    };
    let name = |known: &ExpectedAsset| fold_name(file_name(&known.path));
    let by_place = || {
        let by_path = left.path.cmp(&right.path);
        by_path.then_with(|| left.source.cmp(right.source))
    };
    let by_value = match sort.by {
        SortBy::Path => by_place(),
        SortBy::Relevance if !is_scored => Ordering::Equal,
        SortBy::Relevance => name_words(left).cmp(&name_words(right)),
        SortBy::Name => name(left).cmp(&name(right)),
        SortBy::Modified => left.object.last_modified.cmp(&right.object.last_modified),
        SortBy::Size => left.object.size.cmp(&right.object.size),
        SortBy::Created => left.first_seen.cmp(&right.first_seen),
    };
    let turned = if sort.descending {
        by_value.reverse()
    } else {
        by_value
    };
    turned.then_with(by_place)
}

type Shown = (String, String);

fn shown(page: &Page) -> Vec<Shown> {
    let hits = page.hits.iter();
    hits.map(|hit| (hit.source.clone(), hit.path.clone()))
        .collect()
}

fn should_show(corpus: &Corpus, request: &Request) -> Vec<Shown> {
    let mut known = corpus.expected();
    known.retain(|known| request.query.matches(&known.asset()));
    known.sort_by(|left, right| order(request, left, right));
    let shown = known.into_iter();
    shown
        .map(|known| (known.source.to_owned(), known.path))
        .collect()
}

fn find(corpus: &Corpus, request: &Request) -> Page {
    let found = corpus
        .engine
        .search(&corpus.scope(), request, &Deadline::never());
    found.unwrap()
}

fn every_sort() -> impl Iterator<Item = Sort> {
    let each = |by| [false, true].map(|descending| Sort { by, descending });
    ORDERS.into_iter().flat_map(each)
}

#[test]
fn pages_to_the_end_are_the_sorted_list() {
    for seed in 0..12 {
        let rng = &mut Rng::with_seed(seed);
        let corpus = Corpus::random(rng, 1 + seed as usize % 5, 150);
        for sort in every_sort() {
            let mut request = request(QUERIES[rng.usize(..QUERIES.len())]);
            if sort.by == SortBy::Relevance {
                let queries = ["", "ext:jpg", ALL_SCORE_THE_SAME];
                request = self::request(queries[rng.usize(..queries.len())]);
            }
            request.sort = sort;
            request.limit = rng.usize(1..60);
            let want = should_show(&corpus, &request);
            let mut seen = Vec::new();
            for _ in 0..=want.len() {
                let page = find(&corpus, &request);
                assert_eq!(page.total.value, want.len() as u64);
                assert!(page.total.exact);
                assert!(page.hits.len() <= request.limit);
                seen.extend(shown(&page));
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
fn every_query_finds_what_it_means() {
    let rng = &mut Rng::with_seed(7);
    let corpus = Corpus::random(rng, 4, 200);
    for query in QUERIES {
        let mut request = request(query);
        request.limit = 1_000;
        request.sort = Sort::default();
        assert_eq!(
            shown(&find(&corpus, &request)),
            should_show(&corpus, &request),
            "{query}"
        );
    }
}

#[test]
fn a_count_that_may_stop_is_a_lower_bound_and_changes_no_page() {
    for seed in 0..2 {
        let rng = &mut Rng::with_seed(seed);
        let corpus = Corpus::random(rng, 3, 400);
        for sort in every_sort() {
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
fn what_stays_is_seen_exactly_once_whatever_is_committed_between_pages() {
    for seed in 0..2 {
        let rng = &mut Rng::with_seed(seed);
        let mut corpus = Corpus::random(rng, 3, 150);
        for sort in every_sort() {
            let mut request = request("");
            (request.sort, request.limit) = (sort, rng.usize(40..90));
            let place = |known: &ExpectedAsset| {
                let object = format!("{:?}", known.object);
                (known.source.to_owned(), known.path.clone(), object)
            };
            let mut stay: BTreeSet<_> = corpus.expected().iter().map(place).collect();
            let mut seen: Vec<Shown> = Vec::new();
            loop {
                let page = find(&corpus, &request);
                seen.extend(shown(&page));
                request.after = page.next;
                if request.after.is_none() {
                    break;
                }
                corpus.commit_random(rng, 5);
                let now: BTreeSet<_> = corpus.expected().iter().map(place).collect();
                stay.retain(|known| now.contains(known));
            }
            for (source, path, _) in stay {
                let place = (source, path);
                let times = seen.iter().filter(|seen| **seen == place).count();
                assert_eq!(times, 1, "seed {seed}, {sort}: {place:?}");
            }
        }
    }
}

#[test]
fn the_best_words_come_first() {
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
    request.sort.by = SortBy::Relevance;
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
fn hits_say_which_parts_were_found() {
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
fn a_source_is_searched_once_and_only_where_it_is_asked_for() {
    let rng = &mut Rng::with_seed(1);
    let corpus = Corpus::random(rng, 2, 300);
    let source = corpus.source("zoo");
    let mut request = request("");
    request.limit = 1_000;
    let never = Deadline::never();
    let page = corpus.engine.search(&[source, source], &request, &never);
    let want = should_show(&corpus, &request);
    let want: Vec<_> = want.into_iter().filter(|it| it.0 == "zoo").collect();
    assert_eq!(shown(&page.unwrap()), want);
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
fn one_asset_by_its_path() {
    let rng = &mut Rng::with_seed(2);
    let corpus = Corpus::random(rng, 3, 300);
    let known = corpus.expected();
    for asset in &known {
        let source = corpus.source(asset.source);
        let hit = corpus.engine.asset(source, &asset.path).unwrap().unwrap();
        assert_eq!((&hit.path, hit.size), (&asset.path, asset.object.size));
    }
    for name in ["aard", "middle", "zoo", "moved"] {
        for _ in 0..300 {
            let path = random_path(rng);
            let there = known
                .iter()
                .any(|known| known.source == name && known.path == path);
            let hit = corpus.engine.asset(corpus.source(name), &path).unwrap();
            assert_eq!(hit.is_some(), there, "{name} {path:?}");
        }
    }
    let source = corpus.source("middle");
    for path in ["", "/", "a"] {
        assert_eq!(corpus.engine.asset(source, path).unwrap(), None);
    }
}

#[test]
fn a_search_that_is_late_or_goes_on_from_another_order_is_refused() {
    let rng = &mut Rng::with_seed(4);
    let corpus = Corpus::random(rng, 1, 300);
    let mut request = request("");
    let late = Deadline::after(Duration::ZERO);
    let refused = corpus.engine.search(&corpus.scope(), &request, &late);
    assert!(matches!(refused, Err(IndexError::TooSlow { .. })));
    request.after = find(&corpus, &request).next;
    request.sort.by = SortBy::Size;
    let refused = corpus
        .engine
        .search(&corpus.scope(), &request, &Deadline::never());
    assert!(matches!(refused, Err(IndexError::OtherSort { .. })));
}
