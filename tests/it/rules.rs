//! Tests processing rules from the configuration file to the index. The unit tests of the matcher cover the
//! details of patterns.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::fixture::{Fixture, SOURCE};

const KEYS: [&str; 8] = [
    "a/1.jpg",
    "a/deep/2.png",
    "a/private/3.jpg",
    "ab/4.jpg",
    "b/5.jpg",
    "b/deep/6.jpg",
    "c.gif",
    "top.jpg",
];

/// The keys in the index with these rules, and the prefixes that the scan listed.
fn scanned(include: &[&str], exclude: &[&str]) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut fixture = Fixture::with_keys(KEYS);
    fixture.change_source(|source| *source = source.clone().with_rules(include, exclude));
    fixture.cli.reindex();
    let prefix = |request: &crate::proxy::Request| request.get("prefix").unwrap_or("").to_owned();
    let prefixes = fixture.proxy.lists().iter().map(prefix).collect();
    (fixture.cli.keys(SOURCE), prefixes)
}

/// Checks which keys are in the index, and which prefixes were listed.
#[track_caller]
fn assert_scan(include: &[&str], exclude: &[&str], keys: &[&str], prefixes: &[&str]) {
    let (keys_found, listed) = scanned(include, exclude);
    assert_eq!(
        keys_found,
        keys.iter().map(|key| (*key).to_owned()).collect()
    );
    assert_eq!(listed, prefixes.iter().map(|p| (*p).to_owned()).collect());
}

#[test]
fn no_rules_include_everything() {
    assert_scan(&[], &[], &KEYS, &[""]);
}

#[test]
fn includes_one_path() {
    let keys = ["a/1.jpg", "a/deep/2.png", "a/private/3.jpg"];
    assert_scan(&["/a/**"], &[], &keys, &["a/"]);
}

#[test]
fn lists_only_the_literal_prefixes_of_included_paths() {
    let keys = ["a/1.jpg", "a/deep/2.png", "a/private/3.jpg", "b/5.jpg"];
    assert_scan(&["a/**", "b/*.jpg"], &[], &keys, &["a/", "b/"]);
}

#[test]
fn excluding_everything_leaves_nothing() {
    let (found, _) = scanned(&[], &["**"]);
    assert_eq!(found, BTreeSet::new());
}

#[test]
fn include_all_mirrors_everything_and_exclude_all_lists_nothing() {
    let mut fixture = Fixture::with_keys(KEYS);
    let set_rules = |fixture: &mut Fixture, rules_value: &str| {
        let mut toml = String::new();
        fixture.configure(|config| toml = config.to_toml(std::path::Path::new("data")));
        let rules = toml
            .lines()
            .find(|line| line.starts_with("rules"))
            .expect("the configuration has rules");
        fixture
            .cli
            .configure_with(&toml.replace(rules, &format!("rules = {{ {rules_value} }}")));
    };
    set_rules(&mut fixture, "include = \"all\"");
    fixture.cli.reindex();
    fixture.assert_mirror();
    fixture.proxy.clear();
    set_rules(&mut fixture, "exclude = \"all\"");
    fixture.cli.reindex();
    assert!(fixture.cli.keys(SOURCE).is_empty());
    assert!(fixture.proxy.lists().is_empty());
}

#[test]
fn removes_excluded_paths() {
    let keys = ["ab/4.jpg", "c.gif", "top.jpg"];
    assert_scan(&[], &["/a", "b/**"], &keys, &[""]);
}

#[test]
fn excludes_some_of_the_included_paths() {
    let keys = ["a/1.jpg", "a/deep/2.png"];
    assert_scan(&["a/**"], &["a/private"], &keys, &["a/"]);
}

#[test]
fn one_star_stops_at_a_slash_and_two_do_not() {
    assert_scan(&["/*.jpg"], &[], &["top.jpg"], &[""]);
    let jpgs = KEYS.iter().filter(|key| key.ends_with(".jpg"));
    assert_scan(
        &["**/*.jpg"],
        &[],
        &jpgs.copied().collect::<Vec<_>>(),
        &[""],
    );
}

#[test]
fn literal_rule_matches_a_path_and_everything_below_it() {
    let (found, _) = scanned(&["a/1.jpg", "b"], &[]);
    let keys = ["a/1.jpg", "b/5.jpg", "b/deep/6.jpg"].map(str::to_owned);
    assert_eq!(found, keys.into());
}

#[test]
fn case_matters_unless_case_insensitive() {
    let mut fixture = Fixture::with_keys(["IMG/A.JPG", "img/b.jpg"]);
    fixture.change_source(|source| *source = source.clone().with_rules(&["img/*.jpg"], &[]));
    fixture.cli.reindex();
    assert_eq!(fixture.cli.keys(SOURCE), ["img/b.jpg".to_owned()].into());
    fixture.change_source(|source| source.case_insensitive = true);
    fixture.cli.reindex();
    fixture.assert_mirror();
}

#[test]
fn changed_rules_add_and_remove_keys() {
    let mut fixture = Fixture::with_keys(KEYS);
    fixture.change_source(|source| *source = source.clone().with_rules(&["a/**"], &[]));
    fixture.cli.reindex();
    fixture.change_source(|source| {
        *source = source.clone().with_rules(&["a/**", "b/**"], &["a/private"]);
    });
    let counts = fixture.cli.reindex();
    assert_eq!((counts.added, counts.changed, counts.removed), (2, 0, 1));
    fixture.change_source(|source| *source = source.clone().with_rules(&[], &[]));
    fixture.cli.reindex();
    fixture.assert_mirror();
    fixture.change_source(|source| *source = source.clone().with_rules(&["b"], &[]));
    let counts = fixture.cli.reindex();
    assert_eq!((counts.added, counts.changed, counts.removed), (0, 0, 6));
}

#[test]
fn folder_markers_are_assets_only_if_configured() {
    let mut fixture = Fixture::with_keys(["a/1.jpg"]);
    fixture.bucket.put("a/", "");
    fixture.bucket.put("b/", "");
    fixture.bucket.put("no marker/", "content");
    fixture.bucket.put("empty", "");
    fixture.cli.reindex();
    let keys = ["a/1.jpg", "empty", "no marker/"].map(str::to_owned);
    assert_eq!(fixture.cli.keys(SOURCE), keys.into());
    fixture.change_source(|source| source.folder_markers = true);
    fixture.cli.reindex();
    fixture.assert_mirror();
    fixture.change_source(|source| source.folder_markers = false);
    assert_eq!(fixture.cli.reindex().removed, 2);
}

#[test]
fn rules_test_shows_which_rule_decided() {
    let mut fixture = Fixture::new();
    fixture.change_source(|source| {
        *source = source.clone().with_rules(&["a/**"], &["a/private"]);
    });
    let paths = ["/a/1.jpg", "a/private/x.jpg", "/b/2.jpg"];
    let output = fixture
        .cli
        .succeed(&[&["rules", "test"], &paths[..]].concat());
    let lines: Vec<_> = output.stdout.lines().collect();
    let line = |path: &str| {
        let found = lines.iter().find(|line| line.contains(path));
        *found.unwrap_or_else(|| panic!("no line about {path}: {output:#?}"))
    };
    assert!(line("a/1.jpg").contains("a/**"));
    assert!(line("a/private/x.jpg").contains("a/private"));
    assert_ne!(line("b/2.jpg"), line("a/1.jpg"));
    assert!(fixture.proxy.lists().is_empty(), "a request was sent");
}

#[test]
fn rules_test_fails_if_no_source_knows_an_asset() {
    let fixture = Fixture::new();
    let output = fixture
        .cli
        .run(&["rules", "test", "/a", "s3://other-bucket/a"]);
    assert_eq!(output.status.code(), Some(2), "{output:#?}");
    assert!(output.stdout.contains("/a: admitted"), "{output:#?}");
    assert!(output.stdout.contains("\"other-bucket\""), "{output:#?}");
}

#[test]
fn rules_test_names_rules_that_almost_match() {
    let mut fixture = Fixture::new();
    fixture.change_source(|source| {
        *source = source.clone().with_rules(&["*.jpg", "caf\u{e9}"], &[]);
    });
    let test = |path: &str| fixture.cli.succeed(&["rules", "test", path]).stdout;
    let below = test("/a/1.jpg");
    assert!(below.contains("not admitted: no include rule"), "{below}");
    assert!(below.contains("\"**/*.jpg\" for all levels"), "{below}");
    let spelled = test("/cafe\u{301}/1.png");
    assert!(
        spelled.contains("looks the same but has other bytes"),
        "{spelled}"
    );
    assert!(test("/1.jpg").contains("admitted by the include rule"));
}

#[test]
fn double_stars_in_braces_match_any_folders() {
    let keys = ["a/1.jpg", "a/deep/2.png", "a/private/3.jpg", "b/5.jpg"];
    assert_scan(&["{a/**,b/*.jpg}"], &[], &keys, &[""]);
    let jpgs = ["a/1.jpg", "a/private/3.jpg", "top.jpg"];
    assert_scan(&["{a/**,{,x}}/*.jpg", "top.jpg"], &[], &jpgs, &[""]);
}

#[test]
fn refuses_rules_with_another_meaning_elsewhere() {
    for (rule, remedy) in [
        ("!*.tmp", "write \"*.tmp\" in the other list"),
        ("./a", "write \"a\""),
        ("**/", "write \"**\""),
    ] {
        let mut fixture = Fixture::new();
        fixture.change_source(|source| *source = source.clone().with_rules(&[rule], &[]));
        let output = fixture.cli.fail(&["rules", "test", "/a"], &[remedy, rule]);
        assert_eq!(output.status.code(), Some(2), "{output:#?}");
    }
}

#[test]
fn verdicts_are_also_json() {
    let mut fixture = Fixture::new();
    fixture.change_source(|source| {
        source.prefix = Some("in/".to_owned());
        *source = source.clone().with_rules(&["*.jpg"], &["/b"]);
    });
    let assets = ["/a.jpg", "/d/e.jpg", "s3://another/in/a.jpg"];
    let arguments = [&["rules", "test", "--json"][..], &assets].concat();
    let output = fixture.cli.run(&arguments);
    // No Source knows the last one.
    assert_eq!(output.status.code(), Some(2), "{output:#?}");
    let lines = output.stdout.lines();
    let verdicts: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(
        verdicts[0],
        json!({
            "source": SOURCE,
            "asset": "/a.jpg",
            "key": "in/a.jpg",
            "admitted": true,
            "reason": "admitted by the include rule \"*.jpg\"",
            "near_miss": null,
        })
    );
    let of = |index: usize, name: &str| &verdicts[index][name];
    assert_eq!(of(1, "admitted"), false);
    assert!(of(1, "near_miss").is_string(), "{verdicts:?}");
    assert_eq!(
        (of(2, "key"), of(2, "admitted")),
        (&Value::Null, &Value::from(false))
    );
    assert!(
        of(2, "reason").to_string().contains("another"),
        "{verdicts:?}"
    );
}
