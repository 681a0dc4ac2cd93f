//! How long each kind of search takes, on one thread: queries, sorts, facets, folders, suggestions.
//!
//! `cargo bench --bench search` makes an index of a million computed assets in eight Sources,
//! `cargo bench --bench search -- 5000000` one of so many, and with a folder behind the number keeps
//! it there for the next time. Some assets are changed or removed at the end, as in a live index.
//! With one more number behind the folder that many assets a second are changed meanwhile, committed
//! as often as the daemon commits events; each search then takes the newest snapshot, as a service does.

#![allow(unreachable_pub, reason = "a benchmark exports nothing")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use asset_indexer::search::{
    Deadline, FacetBy, Query, Request, SearchIndex, Snapshot, Sort, Timestamp,
};

use live_index::{Changing, SOURCES, build};

mod assets;
mod live_index;

/// How many assets there are, if no argument says.
const ASSETS: u64 = 1_000_000;

/// How often each search is done.
const RUNS: usize = 40;

/// Searches with the sorts that they are asked for in.
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

const SUGGESTED: [&str; 6] = ["summ", "s", "2", "summer be", "proj", "zzz"];

fn main() {
    // Cargo adds `--bench`.
    let mut given = std::env::args().skip(1).filter(|word| word != "--bench");
    let assets = given.next().map_or(ASSETS, |word| {
        word.parse().expect("the argument is a number of assets")
    });
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let kept = given.next().map(PathBuf::from);
    let changes_a_second = given.next().map_or(0, |word| {
        word.parse().expect("the third is a number of changes")
    });
    let folder = kept.unwrap_or_else(|| temporary.path().join("index"));
    if !folder.exists() {
        let began = Instant::now();
        build(&folder, assets);
        println!("made in {:.0} s", began.elapsed().as_secs_f64());
    }
    let index = SearchIndex::open(&folder).expect("it was made");
    let changing = Changing::begin(&folder, assets, changes_a_second);
    println!("{assets} assets, {SOURCES} Sources, {changes_a_second} changes a second");
    println!("{:<66} {:>9} {:>9} {:>10}", "", "p50 ms", "p99 ms", "found");
    measure_queries(&index);
    measure_facets(&index);
    measure_folders(&index);
    measure_suggestions(&index);
    changing.end();
}

/// The newest commit that must be seen.
fn snapshot(index: &SearchIndex) -> Arc<Snapshot> {
    index.snapshot().expect("it was made")
}

/// What is found by one search of all Sources.
fn search(index: &SearchIndex, request: &Request) -> asset_indexer::search::Page {
    let snapshot = snapshot(index);
    snapshot
        .search(snapshot.sources(), request, &Deadline::never())
        .expect("a search that is not too broad")
}

fn measure_queries(index: &SearchIndex) {
    for (query, sort) in QUERIES {
        let mut request = request(query);
        request.sort = Sort::parse(sort).expect("an order");
        report(&format!("{query:?} by {sort}"), || {
            search(index, &request).total.value
        });
        if query.is_empty() {
            request.limit = 1000;
            request.after = search(index, &request).next;
            request.limit = 20;
            report(&format!("{query:?} by {sort}, behind 1,000"), || {
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
        report(&format!("folders of {folder} behind {after:?}"), || {
            let snapshot = snapshot(index);
            let folders = snapshot.folders(&snapshot.sources()[source], folder, after, 100, &never);
            folders.expect("folders").folders.len() as u64
        });
    }
}

fn measure_suggestions(index: &SearchIndex) {
    for (scope, name) in [(0..SOURCES as usize, "all"), (5..6, "one")] {
        for text in SUGGESTED {
            report(&format!("suggestions of {text:?} in {name}"), || {
                let snapshot = snapshot(index);
                let sources = &snapshot.sources()[scope.clone()];
                let found = snapshot.suggest(sources, text, 10, &Deadline::never());
                found.expect("suggestions").len() as u64
            });
        }
    }
}

fn request(query: &str) -> Request {
    let now = Timestamp::from_millis(1_780_000_000_000);
    Request::new(Query::parse(query, now).expect("a query"))
}

/// Runs a search some times and prints what it took.
fn report(name: &str, mut search: impl FnMut() -> u64) {
    let mut found = search();
    let mut took = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let began = Instant::now();
        found = search();
        took.push(began.elapsed());
        if took.iter().sum::<Duration>() > Duration::from_secs(5) {
            break;
        }
    }
    took.sort_unstable();
    let at = |percent: usize| took[(took.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    let name: String = name.chars().take(66).collect();
    println!("{name:<66} {:>9.2} {:>9.2} {found:>10}", at(50), at(99));
}
