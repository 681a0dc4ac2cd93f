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
fn mistakes_before_a_line_that_is_not_toml_are_reported_too() {
    for broken in [
        "prefix = \"a",
        "bucket = \"again\"",
        "prefix = 1 2",
        "[source",
    ] {
        let text = format!(
            "data_dir = \"d\"\nunknown = 1\nscan.attempts = 0\n[[source]]\nname = \"a b\"\n\
             bucket = \"Photos\"\npath_style = 1\n{broken}\nregion = \"x y\"\nsubdomain = 1\n"
        );
        let found = mistakes(&folder(&text, &[]));
        let starts = [
            "indexer.toml:2: unknown field `unknown`",
            "indexer.toml:3: scan.attempts = 0",
            "indexer.toml:5: source \"a b\": name = \"a b\"",
            "indexer.toml:6: source \"a b\": bucket = \"Photos\"",
            "indexer.toml:7: invalid type: integer `1`",
            "indexer.toml:8: ",
        ];
        for (index, start) in starts.iter().enumerate() {
            let mistake = found.get(index).map_or("nothing", String::as_str);
            assert!(mistake.starts_with(start), "{start}: {found:#?}");
        }
        assert!(
            found.iter().all(|it| !it.contains("missing;")),
            "{found:#?}"
        );
    }
}

/// All keys of a Source and of the settings. The paths are those below a table.
const KEYS: [&str; 48] = [
    "source",
    "source.name",
    "source.enabled",
    "source.bucket",
    "source.prefix",
    "source.region",
    "source.endpoint_url",
    "source.path_style",
    "source.endpoint_order",
    "source.subdomain",
    "source.base_url",
    "source.thumbnail_url",
    "source.annotation",
    "source.reconcile_every_minutes",
    "source.rules",
    "source.rules.include",
    "source.rules.exclude",
    "source.rules.case_insensitive",
    "source.folder_markers",
    "source.credentials",
    "source.credentials.profile",
    "source.credentials.role_arn",
    "source.expected_bucket_owner",
    "source.request_payer",
    "source.events",
    "source.events.queue_url",
    "source.events.region",
    "source.events.credentials",
    "data_dir",
    "scan",
    "scan.attempts",
    "index",
    "index.writer_memory_mb",
    "events",
    "events.visibility_timeout_seconds",
    "serve",
    "serve.listen",
    "serve.tokens",
    "serve.hosts",
    "serve.cors_origins",
    "serve.tls_key",
    "serve.grace_period_seconds",
    "search",
    "search.refresh_ms",
    "managed",
    "managed.allow_machine_credentials",
    "managed.allowed_hosts",
    "managed.max_sources",
];

#[test]
fn wrong_types_of_every_key_are_explained_in_plain_words() {
    let values = [
        "\"x y\"",
        "1",
        "-1.5",
        "nan",
        "true",
        "1979-05-27",
        "07:32:00",
        "99999999999999999999",
        "[]",
        "[1]",
        "[\"x\", 1]",
        "[[]]",
        "[{ x = 1 }]",
        "{ x = 1 }",
        "{}",
    ];
    for (key, value) in KEYS
        .iter()
        .flat_map(|key| values.iter().map(move |value| (key, value)))
    {
        let below = key.strip_prefix("source.");
        let text = match below {
            Some(below) => with_source(&format!("{below} = {value}")),
            None => format!("{key} = {value}\n"),
        };
        let folder = folder(&text, &[]);
        if load(&folder).is_ok() {
            continue;
        }
        for mistake in mistakes(&folder) {
            for word in [
                "struct", "enum", "variant", "i64", "i128", "u64", "f64", "File", "sequence",
                "map", "tuple", "newtype", "unit", "Some", "None", "\\n", "__",
            ] {
                let context = format!("{word:?} of {key} = {value}: {mistake}");
                assert!(!mistake.contains(word), "{context}");
            }
            let is_placed = mistake.starts_with("indexer.toml:");
            assert!(is_placed, "{key} = {value}: {mistake}");
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

#[test]
fn lists_instead_of_tables_are_refused() {
    let source = "[[source]]\nname = \"a\"\nbucket = \"bucket\"\nsubdomain = \"a\"\n";
    for (text, want) in [
        (
            "scan = [8, 4, 8, 60]\n",
            "indexer.toml:2: `scan` must be a table, not a list",
        ),
        (
            "[[scan]]\nattempts = 3\n",
            "indexer.toml:2: `scan` must be a table, not a list",
        ),
        (
            "[[serve]]\nlisten = \"off\"\n",
            "indexer.toml:2: `serve` must be a table, not a list",
        ),
    ] {
        let folder = folder(&format!("data_dir = \"d\"\n{text}{source}"), &[]);
        let found = mistakes(&folder);
        let [only] = &found[..] else {
            panic!("{found:#?}");
        };
        assert!(only.starts_with(want), "{only}");
    }
    let nested = "data_dir = \"d\"\nsource = [[\"a\", true, \"bucket\"]]\n";
    let found = mistakes(&folder(nested, &[]));
    let want = "indexer.toml:2: each `source` must be a table, not a list";
    assert!(found[0].starts_with(want), "{found:#?}");
}

#[test]
fn text_that_is_not_utf_8_names_the_line() {
    let folder = folder("data_dir = \"d\"\n", &[]);
    let path = folder.path().join("indexer.toml");
    std::fs::write(path, b"data_dir = \"d\"\n# \xfc\n").unwrap();
    let want = "indexer.toml:2: the text is not UTF-8";
    assert!(mistakes(&folder)[0].contains(want));
}

#[test]
fn broken_line_does_not_show_a_secret_before_an_equals_sign() {
    let secret = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY=";
    let found = mistakes(&folder(&format!("data_dir = \"d\"\n{secret}\n"), &[]));
    let text = found.join("\n");
    assert!(
        text.contains("indexer.toml:2: ") && !text.contains("wJal"),
        "{text}"
    );
}
