//! Compares facets with counts of the expected assets.

use std::collections::BTreeMap;

use fastrand::Rng;

use super::*;
use crate::core::query::facet::size_step;
use crate::core::query::{Count, Query, Request, extension_of, file_name};
use crate::core::replication::timestamp::Timestamp;
use crate::index::Deadline;
use crate::index::tantivy::corpus::{Corpus, ExpectedAsset, random_path};

/// The value that an asset has in a facet.
fn value_of(by: &FacetBy, asset: &ExpectedAsset) -> Option<String> {
    let ext = extension_of(file_name(&asset.path)).map(str::to_lowercase);
    Some(match by {
        FacetBy::Ext => return ext,
        FacetBy::Type => AssetType::from_extension(ext.as_deref()).name().to_owned(),
        FacetBy::Storage => asset.object.storage_class.name().to_owned(),
        FacetBy::Size => SIZE_STEPS[size_step(asset.object.size)].1.to_owned(),
        FacetBy::Month => month(asset.object.last_modified),
        FacetBy::Folder(folder) => {
            let below = asset.path.strip_prefix(folder.as_str())?;
            format!("{folder}{}/", below.split_once('/')?.0)
        }
    })
}

fn expected(by: &FacetBy, assets: &[ExpectedAsset]) -> Vec<FacetCount> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for value in assets.iter().filter_map(|asset| value_of(by, asset)) {
        *counts.entry(value).or_insert(0) += 1;
    }
    let counts = counts.into_iter();
    let mut counts: Vec<FacetCount> = counts
        .map(|(value, count)| FacetCount { value, count })
        .collect();
    let step = |facet_count: &FacetCount| {
        SIZE_STEPS
            .iter()
            .position(|(_, it)| *it == facet_count.value)
    };
    match by {
        FacetBy::Size => counts.sort_by_key(step),
        FacetBy::Month => counts.reverse(),
        _ => counts.sort_by_key(|facet_count| std::cmp::Reverse(facet_count.count)),
    }
    counts
}

#[test]
fn facets_match_the_expected_counts() {
    for seed in 0..12 {
        let rng = &mut Rng::with_seed(seed);
        let corpus = Corpus::random(rng, 1 + seed as usize % 4, 300);
        for query in [
            "",
            "summer",
            "folder:/a",
            "-ext:jpg",
            "size:<10kb",
            "nothing",
        ] {
            let path = random_path(rng);
            let folder = &path[..=path.rfind('/').unwrap()];
            let query = Query::parse(query, Timestamp::from_millis(0)).unwrap();
            let mut request = Request::new(query);
            request.limit = 1;
            request.count = Count::UpTo(1);
            request.facets = vec![
                FacetBy::Month,
                FacetBy::Ext,
                FacetBy::Folder("/".to_owned()),
                FacetBy::Type,
                FacetBy::Folder(folder.to_owned()),
                FacetBy::Storage,
                FacetBy::Size,
            ];
            let never = Deadline::never();
            let page = corpus.engine.search(&corpus.scope(), &request, &never);
            let page = page.unwrap();
            let mut assets = corpus.expected();
            assets.retain(|asset| request.query.matches(&asset.asset()));
            assert_eq!(page.total.value, assets.len() as u64);
            assert_eq!(page.facets.len(), request.facets.len());
            for (facet, by) in page.facets.iter().zip(&request.facets) {
                assert_eq!(facet.by, *by);
                assert!(!facet.more);
                assert_eq!(facet.counts, expected(by, &assets), "seed {seed} {by:?}");
            }
        }
    }
}

#[test]
fn returns_the_most_frequent_values_first_up_to_the_limit() {
    let names: Vec<String> = (0..MAX_FACET_VALUES + 1)
        .map(|n| format!("{n:03}"))
        .collect();
    let counts = |name: &str| if name == "007" { 9 } else { 1 };
    let all = names.iter().map(|name| (name.as_str(), counts(name)));
    let (counts, more) = most_frequent(all.collect());
    assert!(more);
    assert_eq!(counts.len(), MAX_FACET_VALUES);
    assert_eq!((counts[0].value.as_str(), counts[0].count), ("007", 9));
    assert_eq!(counts[1].value, "000");
    assert_eq!(counts[99].value, "099");
    assert_eq!(most_frequent(vec![("a", 0)]), (Vec::new(), false));
}

#[test]
fn counts_child_folders_of_any_size() {
    let mut corpus = Corpus::empty();
    let many = (0..300).map(|number| format!("/many/{number}.jpg"));
    let deep = (0..40).map(|number| format!("/deep/{number}/x.jpg"));
    let direct = (0..300).map(|number| format!("/n{number}.jpg"));
    let single = (0..90).map(|number| format!("/s{number:02}/x.jpg"));
    corpus.put(many.chain(deep).chain(direct).chain(single));
    let mut request = Request::new(Query::parse("", Timestamp::from_millis(0)).unwrap());
    request.facets = vec![FacetBy::Folder("/".to_owned())];
    let never = Deadline::never();
    let page = corpus
        .engine
        .search(&corpus.scope(), &request, &never)
        .unwrap();
    let facet = &page.facets[0];
    let first: Vec<_> = facet
        .counts
        .iter()
        .take(3)
        .map(|it| (it.value.as_str(), it.count))
        .collect();
    assert_eq!(first, [("/many/", 300), ("/deep/", 40), ("/s00/", 1)]);
    assert_eq!((facet.counts.len(), facet.more), (92, false));
}
