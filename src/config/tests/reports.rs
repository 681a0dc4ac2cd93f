//! Tests that one report has all mistakes, each with its file and line and in plain words.

use super::*;

/// The mistakes of a configuration, without the folder of their file.
fn mistakes(folder: &TempDir) -> Vec<String> {
    let error = load(folder).map(|_| "no error").unwrap_err();
    let above = format!("{}/", folder.path().display());
    let mistakes = error.mistakes().iter();
    mistakes
        .map(|it| it.to_string().replace(&above, ""))
        .collect()
}

#[test]
fn reports_all_mistakes_of_all_files_with_their_lines() {
    let main = r#"
data_dir = 1
scan = { attempts = 0, range = 2 }
[index]
commit_documents = "many"
commit_interval_seconds = 601
[[source]]
name = "a b"
bucket = "Photos"
subdomain = 7
events = { queue_url = "q", region = "x y" }
credentials = { profil = "x" }
[[source]]
name = "twin"
subdomain = "twin"
secret_access_key = "hidden"
"#;
    let other = "name = \"twin\"\nbucket = \"b\"\nrules.include = [\"[\"]\nsubdomain = \"c\"\n";
    let broken = "name = \"x\nbucket = 1\nbucket = 2\n";
    let folder = folder(main, &[("10.toml", other), ("20.toml", broken)]);
    let found = mistakes(&folder);
    let starts = [
        "indexer.toml:2: invalid type: integer `1`, expected a string",
        "indexer.toml:3: unknown field `range`",
        "indexer.toml:3: scan.attempts = 0: must be a number from 1 to 20",
        "indexer.toml:5: invalid type: string \"many\", expected a whole number",
        "indexer.toml:6: index.commit_interval_seconds = 601: must be",
        "indexer.toml:8: source \"a b\": name = \"a b\": must have",
        "indexer.toml:9: source \"a b\": bucket = \"Photos\": not the name",
        "indexer.toml:10: invalid type: integer `7`, expected a string",
        "indexer.toml:11: source \"a b\": events.region = \"x y\"",
        "indexer.toml:11: source \"a b\": events.queue_url = \"q\"",
        "indexer.toml:12: unknown field `profil`",
        "indexer.toml:13: source \"twin\": bucket: missing",
        "indexer.toml:16: `secret_access_key` is not allowed",
        "sources.d/10.toml:1: source \"twin\": name = \"twin\"",
        "sources.d/10.toml:2: source \"twin\": bucket = \"b\": not the name",
        "sources.d/10.toml:3: source \"twin\": rules.include[0] = \"[\"",
        "sources.d/20.toml:1: ",
        "sources.d/20.toml:3: duplicate key `bucket`",
    ];
    for (index, start) in starts.iter().enumerate() {
        let mistake = found.get(index).map_or("nothing", String::as_str);
        assert!(mistake.starts_with(start), "{start}: {found:#?}");
    }
    assert_eq!(found.len(), starts.len(), "{found:#?}");
}

#[test]
fn errors_are_free_of_rust_types_and_escaped_line_breaks() {
    for keys in [
        "events = 1",
        "events = \"https://q\"",
        "events = []",
        "rules = 1",
        "rules.include = 1",
        "endpoint_order = 1",
        "endpoint_order = {}",
        "prefix = []",
        "path_style = \"yes\"",
        "prefix = \"a\\nb\\u009b\"\nbucket = \"x\\ny\"",
        "prefix = \"a",
        "prefix = 'a\n'",
        "prefix = ",
        "prefix",
        "= 1",
        "[source",
        "prefix = \"\\q\"",
        "prefix = 1 2",
        "x = 1979-99-99",
        "expected_bucket_owner = 0123",
        "[source.events]\n[source.events]",
        "[scan]\nattempts = true",
        "[scan]\nattempts = 99999999999999999999",
        "[serve]\nhosts = 1",
        "[serve]\nhosts = [1]",
        "[[scan]]\nattempts = 1",
        "[index]\n[[source]]\n[[index]]",
    ] {
        for mistake in mistakes(&folder(&with_source(keys), &[])) {
            let words = [
                "struct", "enum", "i64", "i128", "File", "sequence", "\\n`", "map",
            ];
            for word in words {
                assert!(!mistake.contains(word), "{word:?} of {keys:?}: {mistake}");
            }
            assert!(mistake.lines().count() == 1, "{keys:?}: {mistake}");
        }
    }
}

#[test]
fn finds_the_control_socket_despite_mistakes() {
    for (text, socket) in [
        ("data_dir = \"d\"\nunknown = 1\n", Some("d/control.sock")),
        (
            "data_dir = \"d\"\n[serve]\ncontrol_socket = \"s\"\n[x",
            Some("s"),
        ),
        ("data_dir = 1\n", None),
        ("= 1\n", None),
    ] {
        let folder = folder(text, &[("x.toml", "=")]);
        let found = Config::control_socket(&folder.path().join("indexer.toml"));
        assert_eq!(
            found,
            socket.map(|path| folder.path().join(path)),
            "{text:?}"
        );
    }
}
