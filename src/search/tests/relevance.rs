//! Searches real names as people type them, and counts how often an expected asset is among the first hits.
//!
//! `tests/names` has the names and the queries. The test prints each query that misses, and the time of the searches.

use std::io::Read;
use std::path::Path;
use std::time::Instant;

use super::*;

/// Number of hits that people look at.
const FIRST_HITS: usize = 5;

/// Minimum number of queries that find an expected asset among the first hits.
const FLOOR: usize = 539;

/// Maximum size of the index for each asset of this test, which has no ETag. It was 74.7 bytes without positions.
const MAX_BYTES_EACH: f64 = 85.0;

/// A file of `tests/names`.
fn path(name: &str) -> std::path::PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("tests/names").join(name)
}

fn names() -> String {
    let packed = std::fs::File::open(path("names.txt.gz")).unwrap();
    let mut names = String::new();
    let mut unpacked = flate2::read::GzDecoder::new(packed);
    unpacked.read_to_string(&mut names).unwrap();
    names
}

/// The size of all files in a folder.
fn bytes_in(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap();
    let size = entries.map(|entry| {
        let entry = entry.unwrap();
        let metadata = entry.metadata().unwrap();
        if metadata.is_dir() {
            bytes_in(&entry.path())
        } else {
            metadata.len()
        }
    });
    size.sum()
}

#[test]
fn expected_assets_are_among_the_first_hits() {
    let names = names();
    let keys: Vec<String> = names.lines().map(|name| format!("photos/{name}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let writer = Writer::with_assets(&keys);
    let size = bytes_in(writer.folder.path());
    let bytes_each = size as f64 / keys.len() as f64;
    println!("{bytes_each:.1} bytes for each asset");
    assert!(bytes_each < MAX_BYTES_EACH, "{bytes_each:.1} bytes");
    let snapshot = writer.index(NEVER).snapshot().unwrap();
    let queries = std::fs::read_to_string(path("queries.tsv")).unwrap();
    let (mut found, mut times) = (0, Vec::new());
    for line in queries.lines() {
        let (text, expected) = line.split_once('\t').unwrap();
        let request = Request::new(Query::parse(text, now()).unwrap()).limit(FIRST_HITS);
        let began = Instant::now();
        let page = snapshot
            .search(snapshot.sources(), &request, &Deadline::never())
            .unwrap();
        times.push((began.elapsed(), text));
        let expected = expected.to_lowercase();
        let is_expected = |path: &str| {
            let path = path.to_lowercase();
            expected.split('|').any(|part| path.contains(part))
        };
        if page.hits.iter().any(|hit| is_expected(&hit.path)) {
            found += 1;
            continue;
        }
        let paths: Vec<&str> = page.hits.iter().map(|hit| hit.path.as_str()).collect();
        let step = page.interpretation.map(|it| it.step);
        println!(
            "{text:?} misses {expected}: {step:?} of {} {paths:#?}",
            page.total.value
        );
    }
    times.sort_unstable();
    let percentile = |percent: usize| times[(times.len() - 1) * percent / 100].0;
    println!(
        "{found} of {} queries in {} names; times: median {:?}, 99th percentile {:?}, longest {:?}",
        times.len(),
        keys.len(),
        percentile(50),
        percentile(99),
        times.last().unwrap(),
    );
    assert!(found >= FLOOR, "{found} of {} queries", times.len());
}

/// Every asset is on one page, and the totals are the number of hits, in all orders and for odd queries.
#[test]
fn pages_of_forgiving_searches_are_complete() {
    let names = names();
    let keys: Vec<String> = names
        .lines()
        .step_by(40)
        .map(|name| format!("photos/{name}"))
        .collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let writer = Writer::with_assets(&keys);
    let snapshot = writer.index(NEVER).snapshot().unwrap();
    let sixteen = "arrow ".repeat(15) + "left";
    let seventeen = "arrow ".repeat(16) + "left";
    let long = "a".repeat(2_000);
    for text in [
        "arow",
        "calender",
        "the arrow of the left",
        "whats app",
        "final_final",
        "2024-07",
        "mp4 jpg",
        "a",
        "1",
        "日",
        "日本 x",
        "ألمانيا",
        "😀 smile",
        "é",
        &sixteen,
        &seventeen,
        &long,
        "zzzz qqqq",
        "heart OR arow",
        "-svg heart",
        "heart ext:svg typoo",
    ] {
        for sort in ["relevance", "-relevance", "name", "path", "-size"] {
            let query = Query::parse(text, now()).unwrap();
            let sort = crate::core::query::Sort::parse(sort).unwrap();
            let mut request = Request::new(query)
                .sort(sort)
                .limit(7)
                .facets([crate::core::query::FacetBy::Type])
                .highlights(true);
            let (mut paths, mut total, mut step) = (Vec::new(), None, None);
            loop {
                let page = snapshot
                    .search(snapshot.sources(), &request, &Deadline::never())
                    .unwrap();
                let first = *total.get_or_insert(page.total.value);
                assert_eq!(page.total.value, first, "{text} {sort:?}");
                let counted: u64 = page.facets[0].counts.iter().map(|it| it.count).sum();
                assert_eq!(counted, first, "{text} {sort:?}");
                for hit in &page.hits {
                    let marks = hit.highlights.as_ref().unwrap();
                    assert!(
                        !marks.is_empty(),
                        "{text} {} {:?}",
                        hit.path,
                        page.interpretation
                    );
                }
                if let Some(it) = &page.interpretation
                    && paths.is_empty()
                    && step.is_none()
                {
                    println!("{text:.60}: {:?} {}", it.step, it.message);
                    step = Some(it.step);
                }
                paths.extend(page.hits.iter().map(|hit| hit.path.clone()));
                let Some(next) = page.next else { break };
                request.after = Some(next);
                if paths.len() > 200 {
                    break;
                }
            }
            let found = paths.len();
            paths.sort_unstable();
            paths.dedup();
            assert_eq!(paths.len(), found, "{text} {sort:?}");
            assert!(
                found > 200 || Some(found as u64) == total,
                "{text} {sort:?} {found} {total:?}"
            );
        }
    }
}
