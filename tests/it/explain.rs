//! The command `explain`: the state of a key in a real bucket and in the index, and the verdict.

use serde_json::Value;

use crate::access::serve_read_only;
use crate::cli::{Cli, Output};
use crate::fixture::{Fixture, SOURCE};
use crate::http_client::get;
use crate::proxy::{Action, nth_list};
use crate::scan_keys::odd_keys;

/// Runs `explain`, which must succeed, and returns its verdict.
fn verdict(cli: &Cli, key: &str) -> String {
    let output = cli.succeed(&["explain", SOURCE, key]);
    last_line(&output)
}

/// The verdict in the last line of the output.
fn last_line(output: &Output) -> String {
    let line = output.stdout.lines().last().expect("it prints something");
    let verdict = line.strip_prefix("verdict ").expect("the verdict is last");
    verdict.trim_start().to_owned()
}

/// Runs `explain --json`. Returns the output and the exit code.
fn explain(cli: &Cli, arguments: &[&str]) -> (Value, Option<i32>) {
    let output = cli.run(&[&["explain", "--json", SOURCE], arguments].concat());
    let json = serde_json::from_str(&output.stdout);
    let json = json.unwrap_or_else(|_| panic!("not JSON: {output:#?}"));
    (json, output.status.code())
}

#[test]
fn shows_all_facts_about_a_searchable_asset() {
    let mut fixture = Fixture::new();
    fixture.change_source(|source| {
        source.prefix = Some("shop".to_owned());
        source.subdomain = "acme-shop".to_owned();
    });
    fixture.bucket.put("shop/Red Shoe.jpg", vec![b'x'; 1234]);
    fixture.cli.reindex();
    let listed = fixture.bucket.list()["shop/Red Shoe.jpg"].clone();
    let output = fixture
        .cli
        .succeed(&["explain", SOURCE, "shop/Red Shoe.jpg"]);
    let url = "https://acme-shop.imgix.net/Red%20Shoe.jpg";
    for text in [
        "Source    assets\n",
        "key       shop/Red Shoe.jpg\n",
        "path      /Red Shoe.jpg\n",
        url,
        "rules     admitted: no rule excludes it",
        "1.2 kB (1234 bytes)",
        "first seen ",
        "listed ",
        "complete as of ",
    ] {
        assert!(output.stdout.contains(text), "{text}: {output:#?}");
    }
    // Once in the bucket, once in the index.
    assert_eq!(output.stdout.matches(&listed.etag).count(), 2);
    let matches = "searchable, and the index matches the bucket";
    assert_eq!(last_line(&output), matches);
    let (json, code) = explain(&fixture.cli, &["shop/Red Shoe.jpg"]);
    assert_eq!(code, Some(0));
    assert_eq!(json["searchable"], true);
    assert_eq!(json["verdict"], matches);
    let facts = &json["facts"];
    assert_eq!(facts["url"], url);
    assert_eq!(facts["bucket"]["state"], "present");
    assert_eq!(facts["bucket"]["size"], 1234);
    let content = &facts["index"]["record"]["content"];
    assert_eq!(content["state"], "live");
    assert_eq!(content["object"]["etag"], listed.etag);
}

#[test]
fn names_the_reason_in_the_configuration() {
    let mut fixture = Fixture::with_keys(["in/a.jpg", "in/drafts/a.jpg", "out.jpg"]);
    fixture.bucket.put("in/folder/", "");
    fixture.change_source(|source| {
        *source = source.clone().with_rules(&[], &["drafts"]);
        source.prefix = Some("in".to_owned());
    });
    fixture.cli.reindex();
    let refused = |key: &str, why: &str| {
        let verdict = verdict(&fixture.cli, key);
        assert!(verdict.starts_with("not searchable: "), "{verdict}");
        assert!(verdict.contains(why), "{key}: {verdict}");
    };
    refused("in/drafts/a.jpg", "excluded by the rule \"drafts\"");
    refused("in/folder/", "marks a folder");
    refused("in/nothing.jpg", "the bucket has no object with this key");
    fixture.proxy.clear();
    let outside = format!("s3://{}/out.jpg", fixture.bucket.name);
    refused(&outside, "not under the Source's prefix \"in/\"");
    // The credentials may not be allowed to list it.
    assert!(fixture.proxy.lists().is_empty());
}

#[test]
fn reports_changes_since_the_reindex() {
    let fixture = Fixture::with_keys(["kept", "deleted", "changed"]);
    fixture.cli.reindex();
    fixture.bucket.delete("deleted");
    fixture.bucket.put("changed", "otherwise");
    fixture.bucket.put("new", "new");
    for (key, start) in [
        ("kept", "searchable, and the index matches the bucket"),
        (
            "deleted",
            "searchable, but no longer in the bucket; the next scan",
        ),
        (
            "changed",
            "searchable, but the object in the bucket has changed; the next scan",
        ),
        (
            "new",
            "not searchable: it is in the bucket, but not in the index yet; the next scan",
        ),
        (
            "nothing",
            "not searchable: the bucket has no object with this key",
        ),
    ] {
        let verdict = verdict(&fixture.cli, key);
        assert!(verdict.starts_with(start), "{key}: {verdict}");
    }
    fixture.cli.reindex();
    assert!(verdict(&fixture.cli, "new").starts_with("searchable, and"));
    let gone = verdict(&fixture.cli, "deleted");
    assert!(gone.contains("no object with this key"), "{gone}");
}

#[test]
fn reports_changes_of_the_configuration() {
    let mut fixture = Fixture::with_keys(["a.jpg", "b.gif"]);
    fixture.change_source(|source| *source = source.clone().with_rules(&["*.jpg"], &[]));
    fixture.cli.reindex();
    fixture.change_source(|source| *source = source.clone().with_rules(&["*.gif"], &[]));
    let verdict = |fixture: &Fixture, key| verdict(&fixture.cli, key);
    let still = verdict(&fixture, "a.jpg");
    assert!(
        still.starts_with("searchable, but not admitted: "),
        "{still}"
    );
    let not_yet = verdict(&fixture, "b.gif");
    assert!(not_yet.contains("the scan for the changed rules"));
    let toml = fixture.config.to_toml(&fixture.cli.data_dir());
    fixture
        .cli
        .configure_with(&format!("{toml}enabled = false\n"));
    assert!(verdict(&fixture, "a.jpg").contains("disabled"));
    fixture.change_source(|source| {
        *source = source.clone().with_rules(&[], &[]);
        source.prefix = Some("a".to_owned());
    });
    fixture.bucket.put("a/1.jpg", "x");
    let moving = verdict(&fixture, "a/1.jpg");
    assert!(
        moving.contains("the bucket or prefix of the Source has changed"),
        "{moving}"
    );
}

#[test]
fn reports_missing_index_without_creating_it() {
    let fixture = Fixture::with_keys(["a"]);
    let none = verdict(&fixture.cli, "a");
    assert!(none.contains("there is no index yet"), "{none}");
    assert!(!fixture.cli.data_dir().exists());
}

#[test]
fn odd_keys_are_exact_and_escaped_for_terminals() {
    // Only the keys that a step could change, because each one costs a run.
    let fragile = [
        "space", "+", "%", "//", "..", "\n", "\u{1}", "\u{85}", "é", "-",
    ];
    let is_fragile = |key: &String| fragile.iter().any(|part| key.contains(part));
    let mut keys: Vec<_> = odd_keys().into_iter().filter(is_fragile).collect();
    keys.retain(|key| key.len() < 100);
    keys.extend(["--json", "-x"].map(str::to_owned));
    let fixture = Fixture::with_keys(&keys);
    fixture.cli.reindex();
    for key in &keys {
        // A text that starts with a slash is an asset path.
        let asset = if key.starts_with('/') {
            format!("/{key}")
        } else {
            key.clone()
        };
        let (json, code) = explain(&fixture.cli, &["--", &asset]);
        assert_eq!(
            (&json["facts"]["key"], code),
            (&Value::from(key.as_str()), Some(0))
        );
        assert_eq!(json["searchable"], true, "{key:?}: {json}");
        let bucket = &json["facts"]["bucket"];
        assert_eq!(bucket["size"], key.len(), "{key:?}: {json}");
    }
    let output = fixture
        .cli
        .succeed(&["explain", SOURCE, "control\u{1}.jpg"]);
    assert!(output.stdout.contains("control\\u{1}.jpg"), "{output:#?}");
    assert!(!output.stdout.contains('\u{1}'));
}

#[test]
fn decodes_key_with_option_encoded() {
    let fixture = Fixture::with_keys(["red flower+1%/é.jpg"]);
    fixture.cli.reindex();
    let (json, code) = explain(
        &fixture.cli,
        &["--encoded", "red+flower%2B1%25%2F%C3%A9.jpg"],
    );
    assert_eq!(json["facts"]["key"], "red flower+1%/é.jpg");
    assert_eq!((&json["searchable"], code), (&Value::from(true), Some(0)));
    let (json, _) = explain(&fixture.cli, &["red+flower%2B1%25%2F%C3%A9.jpg"]);
    assert_eq!(json["searchable"], false);
    let broken = ["explain", SOURCE, "100%", "--encoded"];
    let output = fixture.cli.fail(&broken, &["percent escape", "100%"]);
    assert_eq!(output.status.code(), Some(2), "{output:#?}");
    let output = fixture
        .cli
        .fail(&["explain", SOURCE, ""], &["names no asset"]);
    assert_eq!(output.status.code(), Some(2), "{output:#?}");
}

#[test]
fn unknown_source_is_a_usage_error() {
    let fixture = Fixture::new();
    let output = fixture
        .cli
        .fail(&["explain", "others", "a"], &["others", SOURCE]);
    assert_eq!(output.status.code(), Some(2), "{output:#?}");
}

#[test]
fn failed_look_up_still_shows_the_other_facts() {
    let fixture = Fixture::with_keys(["a"]);
    fixture.cli.reindex();
    let (json, code) = explain(&fixture.cli, &["a", "--offline"]);
    assert_eq!(code, Some(0));
    assert_eq!(json["facts"]["bucket"]["state"], "not_looked_up");
    assert_eq!(json["searchable"], true);
    fixture.proxy.clear();
    let refused = Action::Error(403, "AccessDenied");
    fixture.proxy.fault(1, nth_list(1), refused);
    let output = fixture.cli.run(&["explain", SOURCE, "a"]);
    assert_eq!(output.status.code(), Some(1), "{output:#?}");
    assert!(output.stdout.contains("bucket    FAILED: "), "{output:#?}");
    assert!(output.stdout.contains("access denied"), "{output:#?}");
    assert!(
        last_line(&output).starts_with("searchable; "),
        "{output:#?}"
    );
    let current = fixture.cli.data_dir().join("CURRENT");
    std::fs::write(current, "nonsense").expect("the folder is ours");
    let (json, code) = explain(&fixture.cli, &["a"]);
    assert_eq!(code, Some(1));
    assert_eq!(json["facts"]["bucket"]["state"], "present");
    assert_eq!(json["facts"]["index"]["state"], "failed");
    assert_eq!(json["searchable"], Value::Null);
}

#[test]
fn all_commands_accept_all_forms_of_an_asset() {
    let mut fixture =
        Fixture::with_keys(["in/a b.jpg", "in/c/a b.jpg", "in/a \"b", "in/other.jpg"]);
    fixture.configure(|config| {
        config.listen = "127.0.0.1:0".to_owned();
        config.sources[0].prefix = Some("in".to_owned());
        config.sources[0].subdomain = "acme-forms".to_owned();
    });
    fixture.cli.reindex();
    let (bucket, endpoint) = (&fixture.bucket.name, fixture.proxy.endpoint());
    let host = endpoint.trim_start_matches("http://");
    let uris = [
        format!("s3://{bucket}/in/a b.jpg"),
        format!("arn:aws:s3:::{bucket}/in/a b.jpg"),
        format!("{endpoint}/{bucket}/in/a%20b.jpg"),
        "https://acme-forms.imgix.net/a%20b.jpg?w=200".to_owned(),
    ];
    let without_scheme = [
        format!("{host}/{bucket}/in/a%20b.jpg"),
        format!("{bucket}.{host}/in/a%20b.jpg"),
        "acme-forms.imgix.net/a%20b.jpg?w=200".to_owned(),
    ];
    let paths = ["in/a b.jpg", "/a b.jpg", "a b.jpg"].map(str::to_owned);
    for text in uris.iter().chain(&without_scheme).chain(&paths) {
        let (json, _) = explain(&fixture.cli, &[text, "--offline"]);
        assert_eq!(json["facts"]["key"], "in/a b.jpg", "{text}");
        assert_eq!(json["searchable"], true, "{text}");
        let tested = fixture.cli.succeed(&["rules", "test", text]);
        assert!(tested.stdout.contains(": admitted"), "{tested:#?}");
    }
    // The console of S3 writes spaces like this.
    let with_plus = [format!("{endpoint}/{bucket}/in/a+b.jpg")];
    let addresses = uris.iter().chain(&without_scheme).chain(&with_plus);
    let (server, address) = serve_read_only(&fixture.cli);
    for text in addresses.chain(&paths[..2]) {
        let found = fixture.cli.succeed(&["search", "--json", text]);
        let hit: Value = serde_json::from_str(&found.stdout).expect("one hit");
        assert_eq!(hit["path"], "/a b.jpg", "{text}");
        let encoded = text.bytes().map(|byte| format!("%{byte:02X}"));
        let found = get(
            &address,
            &format!("/v1/search?q={}", encoded.collect::<String>()),
        );
        let hits = found["data"].as_array().expect("a list");
        assert_eq!(
            (hits.len(), &hits[0]["path"]),
            (1, &Value::from("/a b.jpg")),
            "{text}"
        );
    }
    server.terminate();
    // A word can be in other names too, and a slash alone does not make a query a path.
    for (text, hits) in [("a b.jpg", 2), ("/a", 3), ("in/a \"b", 1)] {
        let found = fixture.cli.succeed(&["search", "--json", text]);
        assert_eq!(found.stdout.lines().count(), hits, "{text}");
    }
    let none = format!("s3://{bucket}/in/none.jpg");
    let output = fixture.cli.find(&["search", "--json", &none]);
    assert_eq!(output.stdout, "");
    let named = "the address names '/none.jpg' in Source \"assets\", which is not in the index";
    assert!(output.stderr.contains(named), "{output:#?}");
    for command in [&["explain", SOURCE][..], &["rules", "test"], &["search"]] {
        let other = [command, &["s3://another/in/a b.jpg"]].concat();
        let output = fixture.cli.run(&other);
        let text = format!("{}{}", output.stdout, output.stderr);
        assert!(text.contains("names the bucket \"another\""), "{output:#?}");
    }
    let counted = ["search", &uris[0], "--facets", "type"];
    let refused = fixture.cli.fail(&counted, &["remove --facets"]);
    assert_eq!(refused.status.code(), Some(2), "{refused:#?}");
}

#[test]
fn names_asset_in_another_unicode_form() {
    let (nfc, nfd) = ("caf\u{e9}.jpg", "cafe\u{301}.jpg");
    let fixture = Fixture::with_keys([nfd]);
    fixture.cli.reindex();
    let (json, _) = explain(&fixture.cli, &[nfc]);
    assert_eq!(json["searchable"], false);
    assert_eq!(json["facts"]["index"]["look_alike"], nfd);
    let output = fixture.cli.succeed(&["explain", SOURCE, nfc]);
    let line = "the asset \"cafe\\u{301}.jpg\" looks the same";
    assert!(output.stdout.contains(line), "{output:#?}");
    let (json, _) = explain(&fixture.cli, &[nfd]);
    assert_eq!(json["facts"]["index"]["look_alike"], Value::Null);
}

#[test]
fn names_asset_that_looks_the_same_in_part() {
    let mixed = "caf\u{e9}/e\u{301}.jpg";
    let fixture = Fixture::with_keys([mixed, "\u{fb01}n.jpg", "fun.jpg"]);
    fixture.cli.reindex();
    for (typed, look_alike) in [
        ("caf\u{e9}/\u{e9}.jpg", Value::from(mixed)),
        ("cafe\u{301}/e\u{301}.jpg", Value::from(mixed)),
        ("fin.jpg", Value::from("\u{fb01}n.jpg")),
        ("f\u{fc}n.jpg", Value::Null),
    ] {
        let (json, _) = explain(&fixture.cli, &[typed]);
        assert_eq!(json["facts"]["index"]["look_alike"], look_alike, "{typed}");
    }
}

#[test]
fn names_a_rule_that_almost_matches() {
    let mut fixture = Fixture::with_keys(["a/b.jpg"]);
    fixture.change_source(|source| *source = source.clone().with_rules(&["*.jpg"], &[]));
    let (json, _) = explain(&fixture.cli, &["a/b.jpg"]);
    let near_miss = json["facts"]["near_miss"].as_str().expect("a near miss");
    assert!(
        near_miss.contains("write \"**/*.jpg\" for all levels"),
        "{near_miss}"
    );
    let output = fixture.cli.succeed(&["explain", SOURCE, "a/b.jpg"]);
    assert!(output.stdout.contains(near_miss), "{output:#?}");
}

/// The text with each word that has a digit replaced, because times, sizes and ETags differ.
fn without_values(text: &str) -> String {
    let word = |word: &str| {
        let end = word.trim_end_matches([',', ';', ')']).len();
        if word.contains(|c: char| c.is_ascii_digit()) {
            format!("#{}", &word[end..])
        } else {
            word.to_owned()
        }
    };
    let line = |line: &str| {
        line.split_whitespace()
            .map(word)
            .collect::<Vec<_>>()
            .join(" ")
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn prints_the_example_of_the_readme() {
    const COMMAND: &str = "$ target/release/asset-indexer explain acme '";
    let readme = include_str!("../../README.md");
    let (_, example) = readme
        .split_once(COMMAND)
        .expect("the README explains a key");
    let (key, output) = example.split_once("'\n").expect("it is quoted");
    let (output, _) = output.split_once("```").expect("the example ends");
    let mut fixture = Fixture::with_keys([key]);
    fixture.change_source(|source| {
        source.name = "acme".to_owned();
        source.subdomain = "acme".to_owned();
        source.exclude = vec!["/internal".to_owned()];
    });
    fixture.cli.reindex();
    let printed = fixture.cli.succeed(&["explain", "acme", key]).stdout;
    assert_eq!(without_values(&printed), without_values(output));
}
