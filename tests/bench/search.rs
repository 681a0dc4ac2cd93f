//! How long each kind of search takes, on one thread: queries, sorts, facets, folders, suggestions.
//!
//! `cargo bench --bench search` makes an index of a million computed assets in eight Sources,
//! `cargo bench --bench search -- 5000000` one of so many, and with a folder behind the number keeps
//! it there for the next time. Some assets are changed or removed at the end, as in a live index.

use std::path::Path;
use std::time::{Duration, Instant};

use asset_indexer::index::tantivy::TantivyEngine;
use asset_indexer::index::{Change, Changes, Deadline, Engine};
use asset_indexer::query::{FacetBy, Query, Request, Sort};
use asset_indexer::source::Source;
use asset_indexer::sync::checkpoint::Checkpoint;
use asset_indexer::sync::object::Object;
use asset_indexer::sync::record::{Content, Record};
use asset_indexer::sync::source_state::{Identity, SourceId};
use asset_indexer::sync::stamp::Stamp;

use assets::{key, object};

mod assets;

/// How many assets there are, if no argument says.
const ASSETS: u64 = 1_000_000;

const SOURCES: u64 = 8;

/// Assets of a commit while the index is made, and changes of one afterwards.
const PER_COMMIT: u64 = 500_000;
const PER_CHANGE: u64 = 2_000;

/// Commits afterwards: overwritten, removed with a tombstone, and new assets in each.
const CHANGES: u64 = 12;

/// How often each search is done.
const RUNS: usize = 40;

/// What the writer of the index may take, bytes.
const MEMORY: usize = 200_000_000;

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
    let kept = given.next().map(std::path::PathBuf::from);
    let folder = kept.unwrap_or_else(|| temporary.path().join("index"));
    if !folder.exists() {
        let began = Instant::now();
        build(&folder, assets);
        println!("made in {:.0} s", began.elapsed().as_secs_f64());
    }
    let engine = TantivyEngine::open_read_only(&folder).expect("it was made");
    let segments = engine.snapshot().segments.len();
    println!("{assets} assets, {SOURCES} Sources, {segments} segments");
    println!("{:<66} {:>9} {:>9} {:>10}", "", "p50 ms", "p99 ms", "found");
    let sources: Vec<Source> = (0..SOURCES).map(source).collect();
    measure_queries(&engine, &sources);
    measure_facets(&engine, &sources);
    measure_folders(&engine, &sources);
    measure_suggestions(&engine, &sources);
}

fn measure_queries(engine: &TantivyEngine, sources: &[Source]) {
    let all: Vec<&Source> = sources.iter().collect();
    for (query, sort) in QUERIES {
        let mut request = request(query);
        request.sort = Sort::parse(sort).expect("an order");
        let search = |request: &Request| {
            let page = engine.search(&all, request, &Deadline::never());
            page.expect("a search that is not too broad")
        };
        report(&format!("{query:?} by {sort}"), || {
            search(&request).total.value
        });
        if query.is_empty() {
            request.limit = 1000;
            request.after = search(&request).next;
            request.limit = 20;
            report(&format!("{query:?} by {sort}, behind 1,000"), || {
                search(&request).total.value
            });
        }
    }
}

fn measure_facets(engine: &TantivyEngine, sources: &[Source]) {
    let all: Vec<&Source> = sources.iter().collect();
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
                let page = engine.search(&all, &request, &Deadline::never());
                page.expect("a search").total.value
            });
        }
    }
}

fn measure_folders(engine: &TantivyEngine, sources: &[Source]) {
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
            let folders = engine.folders(&sources[source], folder, after, 100, &never);
            folders.expect("folders").0.len() as u64
        });
    }
}

fn measure_suggestions(engine: &TantivyEngine, sources: &[Source]) {
    let all: Vec<&Source> = sources.iter().collect();
    for (scope, name) in [(&all[..], "all"), (&all[5..6], "one")] {
        for text in SUGGESTED {
            report(&format!("suggestions of {text:?} in {name}"), || {
                let found = engine.suggest(scope, text, 10, &Deadline::never());
                found.expect("suggestions").len() as u64
            });
        }
    }
}

fn request(query: &str) -> Request {
    let now = Stamp::from_millis(1_780_000_000_000);
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

fn source(number: u64) -> Source {
    let name = format!("source-{number}");
    Source::new(&name, "bucket", &name)
}

/// Makes an index of so many assets, and changes some of them.
fn build(folder: &Path, assets: u64) {
    let mut engine = TantivyEngine::open_or_create(folder, MEMORY).expect("the folder is ours");
    let mut checkpoint = Checkpoint::default();
    for number in 0..SOURCES {
        let source = source(number);
        let identity = Identity {
            name: &source.name,
            subdomain: &source.subdomain,
            origin: &source.origin(),
            prefix: &source.prefix,
            scope: "",
        };
        checkpoint.register(&identity).expect("each is another");
    }
    let commit = |engine: &mut TantivyEngine, changes: &Changes| {
        engine
            .commit(changes, &checkpoint)
            .expect("room on the disk");
    };
    for begin in (0..assets).step_by(PER_COMMIT as usize) {
        let numbers = begin..assets.min(begin + PER_COMMIT);
        let put = |number| (place(assets, number), change(Some(object(number)), false));
        commit(&mut engine, &numbers.map(put).collect());
    }
    for round in 0..CHANGES {
        let spread = assets / (PER_CHANGE * CHANGES);
        let number = |nth: u64| (nth * CHANGES + round) * spread.max(1);
        let numbers = (0..PER_CHANGE)
            .map(number)
            .filter(|number| *number < assets);
        let changed = |number: u64| {
            let kept = !number.is_multiple_of(3);
            let object = kept.then(|| object(number + assets));
            (place(assets, number), change(object, true))
        };
        commit(&mut engine, &numbers.map(changed).collect());
    }
    engine.close().expect("merges end");
}

/// Each Source has a stretch of the assets.
fn place(assets: u64, number: u64) -> (SourceId, String) {
    let per_source = assets.div_ceil(SOURCES);
    let source = number / per_source;
    let id = SourceId(u16::try_from(source).expect("there are few"));
    (id, key(source, number % per_source, per_source))
}

fn change(object: Option<Object>, replaces: bool) -> Change {
    let content = match object {
        Some(object) => Content::Live {
            first_seen: object.last_modified,
            object,
        },
        None => Content::Removed { scan: 1 },
    };
    let record = Record {
        content,
        event_time: None,
        sequencer: None,
        listed_at: Some(Stamp::from_millis(1_780_000_000_000)),
    };
    Change {
        record: Some(record),
        replaces,
    }
}
