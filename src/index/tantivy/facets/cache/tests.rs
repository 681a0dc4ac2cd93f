//! Compares cached facets with facets that are counted from scratch.

use fastrand::Rng;

use super::*;
use crate::core::query::{FacetCount, Page, Query, Request};
use crate::core::replication::timestamp::Timestamp;
use crate::index::tantivy::corpus::Corpus;
use crate::index::tantivy::{Snapshot, TantivyEngine};

fn request(query: &str) -> Request {
    let query = Query::parse(query, Timestamp::from_millis(0)).unwrap();
    let facets = [
        FacetBy::Type,
        FacetBy::Ext,
        FacetBy::Storage,
        FacetBy::Size,
        FacetBy::Month,
        FacetBy::Folder("/".to_owned()),
    ];
    Request::new(query).facets(facets).limit(7)
}

fn search(corpus: &Corpus, engine: &TantivyEngine, query: &str) -> Page {
    let never = Deadline::never();
    engine
        .search(&corpus.scope(), &request(query), &never)
        .unwrap()
}

/// Everything on a page that the cache contributes to. `size:>=0` finds all assets too, but is not cached.
fn assert_equal(corpus: &Corpus, engine: &TantivyEngine) {
    let (cached, counted) = (
        search(corpus, engine, ""),
        search(corpus, engine, "size:>=0"),
    );
    assert_eq!(cached.total, counted.total);
    assert_eq!(cached.total.value as usize, corpus.expected().len());
    let values = |page: &Page| -> Vec<Vec<FacetCount>> {
        page.facets
            .iter()
            .map(|facet| facet.counts.clone())
            .collect()
    };
    assert_eq!(values(&cached), values(&counted));
}

/// An engine that stays at the newest commit, with the same cache.
fn at_this_commit(engine: &TantivyEngine) -> TantivyEngine {
    TantivyEngine {
        _close_on_drop: None,
        fields: *engine.fields(),
        writer: None,
        reader: engine.reader.clone(),
        snapshot: Snapshot::of(&engine.reader).unwrap(),
        checkpoint: engine.checkpoint.clone(),
        records: None,
        path: None,
        commit: None,
        facet_cache: Arc::clone(&engine.facet_cache),
    }
}

#[test]
fn counts_follow_every_commit() {
    for seed in 0..20 {
        let rng = &mut Rng::with_seed(seed);
        let mut corpus = Corpus::empty();
        for _ in 0..6 {
            corpus.commit_random(rng, 150);
            for _ in 0..2 {
                assert_equal(&corpus, &corpus.engine);
            }
        }
    }
}

#[test]
fn search_of_an_older_commit_does_not_use_newer_counts() {
    let mut corpus = Corpus::empty();
    let paths: Vec<String> = (0..500).map(|number| format!("/a/{number}.jpg")).collect();
    corpus.put(paths.iter().cloned());
    let older = at_this_commit(&corpus.engine);
    corpus.remove(paths.iter().step_by(2).cloned());
    assert_eq!(search(&corpus, &corpus.engine, "").total.value, 250);
    let page = search(&corpus, &older, "");
    assert_eq!(
        (page.total.value, page.facets[0].counts[0].count),
        (500, 500)
    );
    assert_eq!(search(&corpus, &corpus.engine, "").total.value, 250);
}

#[test]
fn sets_of_documents_keep_to_their_range() {
    let numbers = |word: u64, index| docs_in(word, index).collect::<Vec<_>>();
    assert!(numbers(0, 3).is_empty());
    assert_eq!(numbers(1 | (1 << 63), 1), [64, 127]);
    for (docs, want) in [(0..0, vec![]), (5..5, vec![]), (63..66, vec![63, 64, 65])] {
        let mut set = DocSet {
            words: vec![u64::MAX; word_range(&docs).len()],
            docs,
        };
        set.clear_outside();
        assert_eq!(set.iter().collect::<Vec<_>>(), want);
        assert_eq!(set.len(), want.len() as u64);
    }
}
