//! Compares suggestions with the names and folders of the expected assets.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;

use super::*;
use crate::core::query::matches::words_match;
use crate::core::replication::timestamp::Timestamp;
use crate::index::tantivy::corpus::Corpus;

type ByFolded = BTreeMap<String, Vec<(String, String, String)>>;

/// All matching texts, each with the text, path and Source of every possible suggestion.
fn all_matches(
    corpus: &Corpus,
    words: &[String],
    request: &SuggestRequest,
    kind: SuggestionKind,
) -> ByFolded {
    let mut all = ByFolded::new();
    for asset in corpus.expected() {
        let path = &asset.path;
        if !path.starts_with(&request.folder) || !request.within.matches(&asset.asset()) {
            continue;
        }
        let texts: Vec<(&str, &str)> = match kind {
            SuggestionKind::Name => vec![(file_name(path), path)],
            SuggestionKind::Folder => folder_names(path)
                .map(|(start, end)| (&path[start..end], &path[..=end]))
                .filter(|(_, folder)| folder.len() > request.folder.len())
                .collect(),
        };
        for (text, path) in texts {
            if words_match(words, MatchMode::Prefix, text) {
                let shown = (text.to_owned(), path.to_owned(), asset.source.to_owned());
                all.entry(fold_name(text)).or_default().push(shown);
            }
        }
    }
    all
}

#[test]
fn suggests_existing_names_and_each_text_once() {
    for seed in 0..10 {
        let rng = &mut Rng::with_seed(seed);
        let corpus = Corpus::random(rng, 1 + seed as usize % 4, 200);
        for text in [
            "s",
            "sum",
            "summer sa",
            "Été",
            "e",
            "2024 0",
            "b.j",
            "写",
            "zz",
            "",
            "/",
        ] {
            let mut words = Vec::new();
            query_words(text, |word, _| words.push(word.to_owned()));
            let never = Deadline::never();
            let limit = rng.usize(1..=MAX_SUGGESTIONS + 3);
            let within = rng.choice(["", "", "a", "ext:jpg", "-summer", "2024 OR x"]);
            let within = Query::parse(within.unwrap(), Timestamp::from_millis(0)).unwrap();
            let folder = rng.choice(["/", "/", "/a/", "/2024/", "/Summer Sale/"]);
            let request = SuggestRequest::new(text)
                .limit(limit)
                .within(within)
                .folder(folder.unwrap());
            let scope = corpus.scope();
            let suggested = corpus.engine.suggest(&scope, &request, &never).unwrap();
            let mut counts = [0, 0];
            for (index, kind) in [SuggestionKind::Folder, SuggestionKind::Name]
                .into_iter()
                .enumerate()
            {
                let mut left = if words.is_empty() {
                    ByFolded::new()
                } else {
                    all_matches(&corpus, &words, &request, kind)
                };
                counts[index] = left.len();
                for it in suggested.iter().filter(|it| it.kind == kind) {
                    let shown = (it.text.clone(), it.path.clone(), it.source.clone());
                    let can_be = left.remove(&fold_name(&it.text));
                    let is_one = can_be.is_some_and(|all| all.contains(&shown));
                    assert!(is_one, "seed {seed} {request:?}: {it:?}");
                }
            }
            // There are so few that all are read.
            let want = limit.min(MAX_SUGGESTIONS).min(counts[0] + counts[1]);
            assert_eq!(suggested.len(), want, "seed {seed} {request:?} {counts:?}");
        }
    }
}

#[test]
fn names_with_few_words_come_first_and_folders_leave_room_for_names() {
    let mut corpus = Corpus::empty();
    let folders = (0..9).map(|number| format!("/summer {number}/x.jpg"));
    let names = (0..9).map(|number| format!("/y/summer photo {number}.jpg"));
    let short = ["/y/summer.jpg".to_owned(), "/summer/x.jpg".to_owned()];
    corpus.put(folders.chain(names).chain(short));
    let never = Deadline::never();
    let texts = |text: &str, limit| -> Vec<String> {
        let request = SuggestRequest::new(text).limit(limit);
        let suggested = corpus.engine.suggest(&corpus.scope(), &request, &never);
        suggested.unwrap().into_iter().map(|it| it.text).collect()
    };
    let few = ["summer", "summer 0", "summer.jpg", "summer photo 0.jpg"];
    assert_eq!(texts("sum", 4), few);
    assert_eq!(texts("summer photo 8", 4), ["summer photo 8.jpg"]);
    assert_eq!(texts("x", 4), ["x.jpg"]);
}

#[test]
fn suggests_the_outermost_of_folders_with_the_same_name() {
    let mut corpus = Corpus::empty();
    let paths = ["/a/summer/x.jpg", "/b/Summer/x.jpg", "/summer/x.jpg"];
    corpus.put(paths.map(str::to_owned));
    let never = Deadline::never();
    let request = SuggestRequest::new("summer");
    let suggested = corpus.engine.suggest(&corpus.scope(), &request, &never);
    let paths: Vec<_> = suggested.unwrap().into_iter().map(|it| it.path).collect();
    assert_eq!(paths, ["/summer/"]);
}

#[test]
fn a_folder_with_many_assets_counts_as_one_match() {
    let mut corpus = Corpus::empty();
    let big = (0..500).map(|number| format!("/sale/{}/{number}.jpg", number % 7));
    corpus.put(big.chain(["/zz/sale-b/x.jpg".to_owned()]));
    let never = Deadline::never();
    let request = SuggestRequest::new("sale");
    let suggested = corpus.engine.suggest(&corpus.scope(), &request, &never);
    let paths: Vec<_> = suggested.unwrap().into_iter().map(|it| it.path).collect();
    assert_eq!(paths, ["/sale/", "/zz/sale-b/"]);
}

#[test]
fn refuses_a_late_search_and_suggests_only_from_the_scope() {
    let rng = &mut Rng::with_seed(3);
    let corpus = Corpus::random(rng, 2, 300);
    let late = Deadline::after(Duration::ZERO);
    let request = SuggestRequest::new("s");
    let refused = corpus.engine.suggest(&corpus.scope(), &request, &late);
    assert!(matches!(refused, Err(IndexError::TooSlow { .. })));
    let never = Deadline::never();
    let moved = [corpus.source("moved")];
    assert_eq!(corpus.engine.suggest(&moved, &request, &never).unwrap(), []);
    let zoo = [corpus.source("zoo")];
    let suggested = corpus.engine.suggest(&zoo, &request, &never).unwrap();
    assert!(!suggested.is_empty() && suggested.iter().all(|it| it.source == "zoo"));
}

#[test]
fn what_is_suggested_exists_together_with_the_other_words_and_below_the_folder() {
    let mut corpus = Corpus::empty();
    let paths = [
        "/beach/sunset.jpg",
        "/beach/summer/x.jpg",
        "/beach/x.jpg",
        "/city/sunrise.jpg",
        "/city/suburb/x.jpg",
    ];
    corpus.put(paths.map(str::to_owned));
    let never = Deadline::never();
    let paths = |request: SuggestRequest| -> Vec<String> {
        let suggested = corpus.engine.suggest(&corpus.scope(), &request, &never);
        suggested.unwrap().into_iter().map(|it| it.path).collect()
    };
    let within = |text| Query::parse(text, Timestamp::from_millis(0)).unwrap();
    let request = || SuggestRequest::new("su");
    let of_beach = ["/beach/summer/", "/beach/sunset.jpg"];
    assert_eq!(paths(request().within(within("beach"))), of_beach);
    assert_eq!(
        paths(request().within(within("beach -sunset"))),
        of_beach[..1]
    );
    assert_eq!(paths(request().within(within("nothing"))), [""; 0]);
    let of_city = ["/city/suburb/", "/city/sunrise.jpg"];
    assert_eq!(paths(request().folder("/city")), of_city);
    // The folder itself is no suggestion.
    assert_eq!(paths(SuggestRequest::new("ci").folder("/city")), [""; 0]);
    assert_eq!(
        paths(request().folder("/city").within(within("beach"))),
        [""; 0]
    );
}
