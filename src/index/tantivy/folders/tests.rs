//! Compares listed folders with the folders of the expected assets.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;

use super::*;
use crate::index::tantivy::corpus::{Corpus, SEARCHED, random_path};

/// The expected names of the child folders, with the number of their assets.
fn children(corpus: &Corpus, source: &str, folder: &str) -> Vec<(String, u64)> {
    let mut children = BTreeMap::new();
    for asset in corpus.expected().iter().filter(|it| it.source == source) {
        let below = asset.path.strip_prefix(folder);
        if let Some((name, _)) = below.and_then(|below| below.split_once('/')) {
            *children.entry(name.to_owned()).or_insert(0) += 1;
        }
    }
    children.into_iter().collect()
}

fn list(
    corpus: &Corpus,
    source: &str,
    folder: &str,
    after: Option<&str>,
    limit: usize,
) -> (Vec<(String, u64)>, bool) {
    let source = corpus.source(source);
    let never = Deadline::never();
    let listed = corpus.engine.folders(source, folder, after, limit, &never);
    let (folders, more) = listed.unwrap();
    for child in &folders {
        assert_eq!(child.path, format!("{folder}{}/", child.name));
    }
    let pairs = folders.into_iter().map(|child| (child.name, child.assets));
    (pairs.collect(), more)
}

#[test]
fn pages_list_the_folders_of_the_assets() {
    for seed in 0..10 {
        let rng = &mut Rng::with_seed(seed);
        let corpus = Corpus::random(rng, 1 + seed as usize % 4, 200);
        let mut folders = vec!["/".to_owned(), "//".to_owned(), "/none/".to_owned()];
        for asset in corpus.expected() {
            let ends = asset.path.match_indices('/').map(|(at, _)| at + 1);
            folders.extend(ends.map(|end| asset.path[..end].to_owned()));
        }
        folders.sort();
        folders.dedup();
        for folder in folders {
            for source in SEARCHED {
                let want = children(&corpus, source, &folder);
                let mut seen: Vec<(String, u64)> = Vec::new();
                loop {
                    let after = seen.last().map(|(name, _)| name.clone());
                    let limit = rng.usize(1..4);
                    let (page, more) = list(&corpus, source, &folder, after.as_deref(), limit);
                    assert!(page.len() == limit || !more);
                    seen.extend(page);
                    if !more {
                        break;
                    }
                }
                assert_eq!(seen, want, "seed {seed}, {source}, {folder:?}");
            }
        }
    }
}

#[test]
fn a_page_can_start_after_any_text() {
    let rng = &mut Rng::with_seed(5);
    let corpus = Corpus::random(rng, 3, 400);
    for _ in 0..400 {
        let (path, after) = (random_path(rng), random_path(rng));
        let end = path.rfind('/').map_or(0, |at| at + 1);
        let after = after.trim_matches('/').replace('/', "-");
        let mut want = children(&corpus, "middle", &path[..end]);
        want.retain(|(name, _)| *name > after);
        let (seen, more) = list(&corpus, "middle", &path[..end], Some(&after), 99);
        assert_eq!((seen, more), (want, false), "{path:?} {after:?}");
    }
}

#[test]
fn sorts_by_name_not_by_key() {
    let mut corpus = Corpus::empty();
    let names = [
        "",
        " ",
        "2024",
        "2024 b",
        "2024-01",
        "2024-01 c",
        "2024-02",
        "20240",
    ];
    let paths = names.map(|name| format!("/{name}/x.jpg"));
    corpus.put(
        paths
            .into_iter()
            .chain(["/2024".to_owned(), "/a.jpg".to_owned()]),
    );
    for limit in 1..9 {
        let mut seen: Vec<String> = Vec::new();
        loop {
            let after = seen.last().cloned();
            let (page, more) = list(&corpus, "middle", "/", after.as_deref(), limit);
            seen.extend(page.into_iter().map(|(name, _)| name));
            if !more {
                break;
            }
        }
        assert_eq!(seen, names, "limit {limit}");
    }
}

#[test]
fn omits_folders_whose_assets_were_removed() {
    let mut corpus = Corpus::empty();
    let paths = |names: &[&str]| -> Vec<String> {
        let each = names
            .iter()
            .flat_map(|name| (0..5).map(move |number| format!("/{name}/{number}.jpg")));
        each.collect()
    };
    corpus.put(paths(&["a", "a-b", "c"]));
    corpus.put(paths(&["c", "d"]));
    corpus.remove(paths(&["a", "c"]));
    let five = |name: &str| (name.to_owned(), 5);
    let (seen, more) = list(&corpus, "middle", "/", None, 2);
    assert_eq!((seen, more), (vec![five("a-b"), five("d")], false));
    corpus.put(paths(&["c"]));
    let (seen, _) = list(&corpus, "middle", "/", Some("a-b"), 2);
    assert_eq!(seen, [five("c"), five("d")]);
}

#[test]
fn unknown_folders_have_no_children_and_a_late_list_is_refused() {
    let mut corpus = Corpus::empty();
    corpus.put(["/a/b/c.jpg".to_owned()]);
    for folder in ["", "a/", "/a", "/a/b/c.jpg", "/a/b/", "/x/"] {
        assert_eq!(
            list(&corpus, "middle", folder, None, 9),
            (Vec::new(), false),
            "{folder}"
        );
    }
    assert_eq!(list(&corpus, "moved", "/", None, 9).0, []);
    let (source, late) = (corpus.source("middle"), Deadline::after(Duration::ZERO));
    let refused = corpus.engine.folders(source, "/", None, 9, &late);
    assert!(matches!(refused, Err(IndexError::TooSlow { .. })));
}
