//! Measures the time of searches on one thread: queries, sort orders, facets, folders and suggestions.
//!
//! `cargo bench --bench search -- [ASSETS [FOLDER [CHANGES]]]`
//!
//! It builds an index with ASSETS computed assets in eight Sources, by default a million, and then changes
//! and removes some, as in a real index. If FOLDER is given, the index is kept there and used again the next
//! time. If CHANGES is given, this number of assets a second is changed during the searches, and committed as
//! often as the daemon commits events. Each search uses the newest snapshot, as a service does.

#![allow(unreachable_pub, reason = "a benchmark exports nothing")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use asset_indexer::search::{
    Deadline, FacetBy, Query, Request, SearchIndex, Snapshot, Sort, SuggestRequest, Timestamp,
};

use index_builder::{BackgroundChanges, SOURCES, build};

mod assets;
mod index_builder;
mod mixed;

/// Default number of assets.
const ASSETS: u64 = 1_000_000;

/// Maximum number of runs of each search.
const RUNS: usize = 40;

/// Queries and their sort orders.
const QUERIES: [(&str, &str); 30] = [
    ("", "path"),
    ("", "-path"),
    ("", "name"),
    ("", "-name"),
    ("", "size"),
    ("", "-modified"),
    ("", "created"),
    ("", "relevance"),
    ("summer beach", "relevance"),
    ("summer", "relevance"),
    ("jpg", "relevance"),
    ("summ*", "relevance"),
    ("s*", "relevance"),
    ("2*", "relevance"),
    ("sumer~", "relevance"),
    ("\"summer beach\"", "relevance"),
    ("*mer_be*", "name"),
    ("*um*", "name"),
    ("type:video", "-size"),
    ("ext:jpg,png", "-modified"),
    ("-ext:jpg", "name"),
    ("storage:GLACIER", "path"),
    ("size:>40mb", "-size"),
    ("modified:2026-03", "-modified"),
    ("folder:/flat", "-modified"),
    ("folder:=/flat", "name"),
    ("folder:=/library", "name"),
    ("folder:/archive summer", "relevance"),
    ("path:/library/*/*/web/*.jpg", "path"),
    ("summer (beach OR forest) -ext:gif size:>1mb", "relevance"),
];

/// Texts to complete, and the queries that the suggestions must meet.
const SUGGESTED: [(&str, &str); 9] = [
    ("summ", ""),
    ("s", ""),
    ("2", ""),
    ("summer be", ""),
    ("proj", ""),
    ("zzz", ""),
    ("s", "beach"),
    ("s", "size:>1mb -draft"),
    ("s", "zzz"),
];

fn main() {
    // Cargo adds `--bench`.
    let mut arguments = std::env::args().skip(1).filter(|word| word != "--bench");
    let assets = arguments.next().map_or(ASSETS, |word| {
        word.parse()
            .expect("the first argument is a number of assets")
    });
    let temporary = tempfile::tempdir().expect("a temporary folder can be created");
    let kept = arguments.next().map(PathBuf::from);
    let changes_a_second = arguments.next().map_or(0, |word| {
        word.parse()
            .expect("the third argument is a number of changes")
    });
    let folder = kept.unwrap_or_else(|| temporary.path().join("index"));
    if !folder.exists() {
        let started = Instant::now();
        build(&folder, assets);
        println!("built in {:.0} s", started.elapsed().as_secs_f64());
    }
    let index = SearchIndex::open(&folder).expect("the index exists");
    let changes = BackgroundChanges::start(&folder, assets, changes_a_second);
    println!("{assets} assets, {SOURCES} Sources, {changes_a_second} changes a second");
    println!("{:<66} {:>9} {:>9} {:>10}", "", "p50 ms", "p99 ms", "found");
    measure_queries(&index);
    measure_facets(&index);
    measure_folders(&index);
    measure_suggestions(&index);
    changes.stop();
}

/// The newest snapshot.
fn snapshot(index: &SearchIndex) -> Arc<Snapshot> {
    index.snapshot().expect("the index exists")
}

/// Searches all Sources.
fn search(index: &SearchIndex, request: &Request) -> asset_indexer::search::Page {
    let snapshot = snapshot(index);
    snapshot
        .search(snapshot.sources(), request, &Deadline::never())
        .expect("the search is not too broad")
}

fn measure_queries(index: &SearchIndex) {
    for (query, sort) in QUERIES {
        let mut request = request(query);
        request.sort = Sort::parse(sort).expect("the sort order is valid");
        report(&format!("{query:?} by {sort}"), || {
            search(index, &request).total.value
        });
        if query.is_empty() {
            request.limit = 1000;
            request.after = search(index, &request).next;
            request.limit = 20;
            report(&format!("{query:?} by {sort}, after 1,000"), || {
                search(index, &request).total.value
            });
        }
    }
}

fn measure_facets(index: &SearchIndex) {
    let root = FacetBy::Folder("/".to_owned());
    let many = FacetBy::Folder("/many/".to_owned());
    let every = [
        FacetBy::Type,
        FacetBy::Ext,
        FacetBy::Storage,
        FacetBy::Size,
        FacetBy::Month,
        root.clone(),
    ];
    for query in ["", "summer", "ext:jpg"] {
        for facets in [
            &every[..1],
            &every[3..4],
            &every[4..5],
            std::slice::from_ref(&root),
            std::slice::from_ref(&many),
            &every,
        ] {
            let mut request = request(query);
            request.facets = facets.to_vec();
            report(&format!("{query:?} facets {facets:?}"), || {
                search(index, &request).total.value
            });
        }
    }
}

fn measure_folders(index: &SearchIndex) {
    let never = Deadline::never();
    for (source, folder, after) in [
        (0, "/", None),
        (0, "/flat/", None),
        (1, "/many/", None),
        (1, "/many/", Some("005000")),
        (3, "/library/", None),
        (3, "/none/", None),
    ] {
        report(&format!("folders of {folder} after {after:?}"), || {
            let snapshot = snapshot(index);
            let folders = snapshot.folders(&snapshot.sources()[source], folder, after, 100, &never);
            folders.expect("the folder can be read").folders.len() as u64
        });
    }
}

fn measure_suggestions(index: &SearchIndex) {
    for (scope, name) in [(0..SOURCES as usize, "all"), (5..6, "one")] {
        for (text, within) in SUGGESTED {
            let request = SuggestRequest::new(text).within(request(within).query);
            report(
                &format!("suggestions of {text:?} within {within:?} in {name}"),
                || {
                    let snapshot = snapshot(index);
                    let sources = &snapshot.sources()[scope.clone()];
                    let found = snapshot.suggest(sources, &request, &Deadline::never());
                    found.expect("the index can be read").len() as u64
                },
            );
        }
    }
}

fn request(query: &str) -> Request {
    let now = Timestamp::from_millis(1_780_000_000_000);
    Request::new(Query::parse(query, now).expect("the query is valid"))
}

/// Runs a search several times, for about five seconds at most, and prints the times.
fn report(name: &str, mut search: impl FnMut() -> u64) {
    let mut found = search();
    let mut took = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let started = Instant::now();
        found = search();
        took.push(started.elapsed());
        if took.iter().sum::<Duration>() > Duration::from_secs(5) {
            break;
        }
    }
    took.sort_unstable();
    let at = |percent: usize| took[(took.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    let name: String = name.chars().take(66).collect();
    println!("{name:<66} {:>9.2} {:>9.2} {found:>10}", at(50), at(99));
}
