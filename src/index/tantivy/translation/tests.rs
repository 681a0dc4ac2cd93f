//! Compares what an index finds with what a query means, for random assets of three Sources.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use tantivy::collector::{Count, DocSetCollector, TopDocs};

use super::*;
use crate::core::query::matches::Asset;
use crate::core::query::term::Preference;
use crate::core::query::words::query_words;
use crate::core::query::{MatchMode, WildcardPattern, WordField};
use crate::core::replication::checkpoint::Checkpoint;
use crate::core::replication::object::{ETag, Object, StorageClass};
use crate::core::replication::record::{Record, RecordContent};
use crate::core::replication::source_state::SourceIdentity;
use crate::core::replication::timestamp::Timestamp;
use crate::index::tantivy::TantivyEngine;
use crate::index::{Change, Changes, Engine};

mod strategies;

/// The prefixes of the Sources. Some keys of the first Source start with the prefix of the second.
const PREFIXES: [&str; 3] = ["", "p/", ""];

/// More documents than any of these tests has.
const MAX_FOUND: usize = 1_000;

/// An index and its expected contents.
pub(super) struct Fixture {
    engine: TantivyEngine,
    checkpoint: Checkpoint,
    sources: Vec<(SearchSource, SourceId)>,
    records: BTreeMap<(SourceId, String), Option<Object>>,
}

/// The time when every asset was first seen.
const FIRST_SEEN: i64 = 50;

impl Fixture {
    fn new() -> Self {
        let mut checkpoint = Checkpoint::default();
        let mut sources = Vec::new();
        for (index, prefix) in PREFIXES.into_iter().enumerate() {
            let name = format!("source-{index}");
            let source = SearchSource::new(&name, "aws/bucket", prefix, &name);
            let identity = SourceIdentity {
                name: &name,
                subdomain: &name,
                origin: &source.origin,
                prefix,
                scope: "",
            };
            let (id, _) = checkpoint.register(&identity).unwrap();
            sources.push((source, id));
        }
        // This tests an edge case: there is no id after the last one.
        let last = SourceId(u16::MAX);
        checkpoint.sources.last_mut().unwrap().id = last;
        sources.last_mut().unwrap().1 = last;
        Self {
            engine: TantivyEngine::in_memory().unwrap(),
            checkpoint,
            sources,
            records: BTreeMap::new(),
        }
    }

    /// Commits changes: the index of a Source, a path, and its new state.
    fn commit(&mut self, changes: impl IntoIterator<Item = (usize, String, NewState)>) {
        let mut commit = Changes::new();
        for (source, path, new_state) in changes {
            let (source, id) = &self.sources[source];
            let Some(key) = source.key_of(&path) else {
                continue;
            };
            let (record, object) = match new_state {
                NewState::Object(object) => (Some(record(Some(object.clone()))), Some(object)),
                NewState::Tombstone => (Some(record(None)), None),
                NewState::Nothing => (None, None),
            };
            let record_key = (*id, key);
            // Only the first change of a key in a commit knows whether the commit before had it.
            let earlier: Option<&Change> = commit.get(&record_key);
            let replaces = match earlier {
                Some(change) => change.replaces,
                None => self.records.contains_key(&record_key),
            };
            match &record {
                Some(_) => self.records.insert(record_key.clone(), object),
                None => self.records.remove(&record_key),
            };
            commit.insert(record_key, Change { record, replaces });
        }
        self.engine.commit(&commit, &self.checkpoint).unwrap();
    }

    /// The paths of a Source that the condition should find.
    fn expected(&self, source: usize, condition: &Condition) -> BTreeSet<String> {
        let (source, id) = &self.sources[source];
        let mut paths = BTreeSet::new();
        for ((_, key), object) in self.records.iter().filter(|((its, _), _)| its == id) {
            let Some(object) = object else { continue };
            let path = source.asset_path(key).unwrap();
            let etag = object.etag.as_ref().map(ETag::to_text);
            let asset = Asset {
                path: &path,
                size: object.size,
                last_modified: object.last_modified,
                first_seen: Some(Timestamp::from_millis(FIRST_SEEN)),
                storage_class: object.storage_class.name(),
                etag: etag.as_deref(),
            };
            if condition.matches(&asset) {
                paths.insert(path);
            }
        }
        paths
    }

    /// The paths of a Source that the index finds, with their scores.
    fn found(&self, source: usize, condition: &Condition) -> BTreeMap<String, f32> {
        let (source, id) = &self.sources[source];
        let budget = SearchBudget::unlimited();
        let (engine, multi_term_queries) = (&self.engine, MultiTermQueries::new(&budget, 2));
        let decisions = RankingDecisions::default();
        let translation = Translation::new(
            engine.snapshot(),
            engine.fields(),
            (source, *id),
            &budget,
            &multi_term_queries,
            &decisions,
        )
        .unwrap();
        let condition = condition.clone();
        let query = translation.query(&Query { condition }).unwrap();
        let searcher = &self.engine.snapshot().searcher;
        let scored = TopDocs::with_limit(MAX_FOUND).order_by_score();
        let scored = searcher.search(&*query, &scored).unwrap();
        // Without scores, and when it only counts, tantivy runs other code.
        let found = searcher.search(&*query, &DocSetCollector).unwrap();
        assert_eq!(found, scored.iter().map(|(_, doc)| *doc).collect());
        assert_eq!(found.len(), searcher.search(&*query, &Count).unwrap());
        assert!(budget.error().is_none());
        let path = |doc: tantivy::DocAddress| {
            let columns = &self.engine.snapshot().segments[doc.segment_ord as usize];
            let key = columns.key(doc.doc_id).unwrap();
            source.asset_path(&key).unwrap()
        };
        let paths = scored.into_iter().map(|(score, doc)| (path(doc), score));
        paths.collect()
    }
}

/// The new state of a key.
#[derive(Clone, Debug)]
enum NewState {
    Object(Object),
    Tombstone,
    Nothing,
}

fn record(object: Option<Object>) -> Record {
    let content = match object {
        Some(object) => RecordContent::Live {
            object,
            first_seen: Timestamp::from_millis(FIRST_SEEN),
        },
        None => RecordContent::Removed { scan: 1 },
    };
    Record {
        content,
        event_time: None,
        sequencer: None,
        listed_at: Some(Timestamp::from_millis(1)),
    }
}

fn object() -> Object {
    Object {
        size: 5,
        etag: None,
        last_modified: Timestamp::from_millis(5),
        storage_class: StorageClass::Standard,
    }
}

fn words_of(text: &str, mode: MatchMode, field: WordField) -> Condition {
    let mut words = Vec::new();
    query_words(text, |word, _| words.push(word.to_owned()));
    Condition::Term(Term::Words { words, mode, field })
}

/// The paths that an index of `paths` finds, with their scores. The best score comes first.
fn found_by_score(paths: &[&str], condition: &Condition) -> Vec<(String, f32)> {
    let mut fixture = Fixture::new();
    let object = NewState::Object(object());
    fixture.commit(paths.iter().map(|path| (0, (*path).into(), object.clone())));
    let mut found: Vec<_> = fixture.found(0, condition).into_iter().collect();
    found.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    found
}

#[test]
fn names_score_more_than_folders_and_whole_words_more_than_parts() {
    let paths = [
        "/beach/a",
        "/beaches/a",
        "/a/beach",
        "/a/beaches",
        "/beach/beach",
        "/a/bleach",
        "/bleach/a",
    ];
    let both = [
        ("/a/beach", 64.0),
        ("/beach/beach", 64.0),
        ("/beach/a", 40.0),
    ];
    let prefix = [
        both[0],
        both[1],
        both[2],
        ("/a/beaches", 28.0),
        ("/beaches/a", 20.0),
    ];
    let forms = [
        both[0],
        both[1],
        ("/a/beaches", 56.0),
        both[2],
        ("/beaches/a", 36.0),
    ];
    let typos = [
        both[0],
        both[1],
        both[2],
        ("/a/bleach", 16.0),
        ("/bleach/a", 8.0),
    ];
    let mut similar: Vec<(&str, f32)> = [&forms[..], &typos[3..]].concat();
    similar.sort_by_key(|(path, _)| *path);
    similar.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    for (mode, want) in [
        (MatchMode::Whole, &both[..]),
        (MatchMode::Prefix, &prefix),
        (MatchMode::Typos(1), &typos),
        (MatchMode::Beginning, &forms),
        (MatchMode::Similar, &similar),
    ] {
        let found = found_by_score(&paths, &words_of("beach", mode, WordField::Path));
        let want = want
            .iter()
            .map(|(path, score)| ((*path).to_owned(), *score));
        assert_eq!(found, want.collect::<Vec<_>>(), "{mode:?}");
    }
}

#[test]
fn beginnings_that_are_almost_the_whole_word_score_more() {
    let condition = words_of("bea", MatchMode::Beginning, WordField::Path);
    let found = found_by_score(&["/a/beach", "/a/beaches", "/beach/a"], &condition);
    let want = [("/a/beach", 32.0), ("/a/beaches", 28.0), ("/beach/a", 24.0)];
    assert_eq!(found, want.map(|(path, score)| (path.to_owned(), score)));
}

#[test]
fn neighbors_that_are_preferred_score_more_and_rare_words_count_more() {
    let pair = Preference::Neighbors(["2024".to_owned(), "07".to_owned()]);
    let both = words_of("2024 07", MatchMode::Whole, WordField::Path);
    let condition = Condition::All(vec![both, Condition::Preferred(pair)]);
    let found = found_by_score(&["/2024-01-07", "/sale-2024-07"], &condition);
    let want = [("/sale-2024-07", 152.0), ("/2024-01-07", 133.0)];
    assert_eq!(found, want.map(|(path, score)| (path.to_owned(), score)));
    let several = ["beach", "rare"].map(|word| words_of(word, MatchMode::Similar, WordField::Path));
    let condition = Condition::AtLeast(1, several.to_vec());
    let paths = ["/beach-1", "/beach-2", "/beach-3", "/rare"];
    let found = found_by_score(&paths, &condition);
    assert_eq!(found[0], ("/rare".to_owned(), 64.0 + 2.0 * 16.0));
    assert_eq!(found[1].1, 64.0);
}

#[test]
fn scores_of_words_are_added_and_filters_score_nothing() {
    let two = words_of("beach sun", MatchMode::Whole, WordField::Path);
    let phrase = words_of("beach sun", MatchMode::Phrase, WordField::Path);
    let typo = words_of("baech sun", MatchMode::Typos(1), WordField::Path);
    let folder = Condition::Term(Term::Folder("/".into()));
    let part = Condition::Term(Term::NamePattern(WildcardPattern::for_names("*each*")));
    let not = Condition::Not(Box::new(words_of(
        "moon",
        MatchMode::Whole,
        WordField::Path,
    )));
    for (condition, name, mixed) in [
        (two.clone(), Some(128.0), Some(104.0)),
        (phrase, Some(128.0), None),
        (typo, Some(80.0), Some(72.0)),
        (
            Condition::All(vec![two, folder.clone(), not.clone()]),
            Some(128.0),
            Some(104.0),
        ),
        (folder, Some(0.0), Some(0.0)),
        (part, Some(28.0), None),
        (not, Some(0.0), Some(0.0)),
        (Condition::All(vec![]), Some(0.0), Some(0.0)),
    ] {
        let found: BTreeMap<_, _> = found_by_score(&["/a/beach-sun", "/beach/sun"], &condition)
            .into_iter()
            .collect();
        let score = |path| found.get(path).copied();
        assert_eq!(score("/a/beach-sun"), name, "{condition:?}");
        assert_eq!(score("/beach/sun"), mixed, "{condition:?}");
    }
}

#[test]
fn reads_no_more_paths_when_the_search_must_stop() {
    let mut fixture = Fixture::new();
    let object = NewState::Object(object());
    fixture.commit((0..500).map(|n| (0, format!("/a-{n:03}"), object.clone())));
    let (source, id) = &fixture.sources[0];
    let budget = SearchBudget::new(|| true);
    let (engine, multi_term_queries) = (&fixture.engine, MultiTermQueries::new(&budget, 2));
    let decisions = RankingDecisions::default();
    let translation = Translation::new(
        engine.snapshot(),
        engine.fields(),
        (source, *id),
        &budget,
        &multi_term_queries,
        &decisions,
    )
    .unwrap();
    let condition = Condition::Term(Term::NamePattern(WildcardPattern::for_names("?-*")));
    let query = translation.query(&Query { condition }).unwrap();
    let searcher = &fixture.engine.snapshot().searcher;
    let found = searcher.search(&*query, &Count).unwrap();
    assert!(found < 100, "{found}");
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: 40,
        ..ProptestConfig::default()
    })]

    #[test]
    fn finds_what_a_query_means(
        commits in strategies::commits(),
        conditions in proptest::collection::vec(strategies::condition(), 60),
    ) {
        let mut fixture = Fixture::new();
        for commit in commits {
            fixture.commit(commit);
        }
        for condition in conditions {
            for source in 0..PREFIXES.len() {
                let found: BTreeSet<_> = fixture.found(source, &condition).into_keys().collect();
                let expected = fixture.expected(source, &condition);
                prop_assert_eq!(found, expected, "{:?}", condition);
            }
        }
    }
}
