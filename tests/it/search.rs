//! The command `search`, on an index of real objects.

use std::collections::BTreeSet;
use std::fs::File;
use std::process::Command;

use crate::cli::{BINARY, Cli};
use crate::fixture::{Fixture, SOURCE, numbered};
use crate::proxy::Action;
use crate::terminal;

/// A few objects with known names and sizes.
fn library() -> Fixture {
    let fixture = Fixture::new();
    fixture.bucket.put_many(
        [
            ("photos/2024/summer beach.jpg", 3000),
            ("photos/2024/winter-forest.JPG", 2000),
            ("photos/2023/summerHouse.png", 1000),
            ("docs/Summer report.pdf", 500),
            ("video/beach_intro.mp4", 2_000_000),
        ]
        .map(|(key, size)| (key.to_owned(), vec![b'x'; size])),
    );
    fixture.cli.reindex();
    fixture
}

/// The keys that a query finds.
fn found(cli: &Cli, query: &str) -> BTreeSet<String> {
    let hits = cli.search(query, &["--limit", "all"]);
    hits.into_iter().map(|hit| hit.key).collect()
}

#[test]
fn queries_find_matching_keys() {
    let fixture = library();
    let [beach, forest, house, report, intro] = [
        "photos/2024/summer beach.jpg",
        "photos/2024/winter-forest.JPG",
        "photos/2023/summerHouse.png",
        "docs/Summer report.pdf",
        "video/beach_intro.mp4",
    ];
    let cases: [(&str, &[&str]); 12] = [
        ("", &[beach, forest, house, report, intro]),
        ("summer", &[beach, house, report]),
        ("SUMMER beach", &[beach]),
        ("summer -beach", &[house, report]),
        ("ext:jpg", &[beach, forest]),
        ("folder:photos", &[beach, forest, house]),
        ("folder:photos/2024", &[beach, forest]),
        ("folder:photos/20", &[]),
        ("size:>1mb", &[intro]),
        ("size:<1000", &[report]),
        ("modified:>2020-01-01 ext:pdf", &[report]),
        ("modified:<2020-01-01", &[]),
    ];
    for (query, keys) in cases {
        let expected = keys.iter().map(|key| (*key).to_owned()).collect();
        assert_eq!(found(&fixture.cli, query), expected, "{query:?}");
    }
}

#[test]
fn hit_has_type_and_content_type_of_its_extension() {
    let fixture = library();
    let hits = fixture.cli.search("ext:jpg", &[]);
    assert_eq!(hits.len(), 2);
    for hit in hits {
        assert_eq!((&*hit.kind, &*hit.content_type), ("image", "image/jpeg"));
    }
}

#[test]
fn sorts_hits_as_requested() {
    let fixture = library();
    let keys = |sort: &str| -> Vec<String> {
        let hits = fixture.cli.search("", &["--sort", sort]);
        hits.into_iter().map(|hit| hit.key).collect()
    };
    let (up, mut down) = (keys("path"), keys("-path"));
    assert!(up.is_sorted() && up.len() == 5, "{up:?}");
    down.reverse();
    assert_eq!(down, up);
    assert_eq!(keys("size")[0], "docs/Summer report.pdf");
    assert_eq!(keys("-size")[0], "video/beach_intro.mp4");
    let mut smallest_last = keys("size,-path");
    smallest_last.reverse();
    assert_eq!(keys("-size"), smallest_last);
    fixture
        .bucket
        .put("docs/Summer report.pdf", "the newest now");
    fixture.cli.reindex();
    assert_eq!(keys("-modified")[0], "docs/Summer report.pdf");
    assert_eq!(keys("modified")[4], "docs/Summer report.pdf");
}

#[test]
fn sorts_by_relevance_unless_the_query_is_empty() {
    let fixture = library();
    let keys = |query: &str| -> Vec<String> {
        let hits = fixture.cli.search(query, &[]);
        hits.into_iter().map(|hit| hit.key).collect()
    };
    // A match in the file name is better than one in a folder.
    fixture.bucket.put("a beach/other.jpg", "x");
    fixture.cli.reindex();
    let beach = keys("beach");
    assert_eq!((beach.len(), &*beach[2]), (3, "a beach/other.jpg"));
    assert!(keys("").is_sorted());
}

#[test]
fn prints_more_hits_than_a_page_without_repetition() {
    let fixture = Fixture::with_keys(numbered(0..2_345));
    fixture.cli.reindex();
    for sort in ["path", "-path", "relevance", "-name", "size", "-size,name"] {
        let options = ["--limit", "2340", "--sort", sort];
        let hits = fixture.cli.search("jpg", &options);
        let keys: BTreeSet<String> = hits.into_iter().map(|hit| hit.key).collect();
        assert_eq!(keys.len(), 2_340, "{sort}");
    }
}

#[test]
fn counts_hits_by_facets() {
    let fixture = library();
    let counts = |query: &str, facets: &str| {
        let output = fixture.cli.succeed(&["search", query, "--facets", facets]);
        let lines = output.stdout.lines().map(str::to_owned);
        lines.collect::<Vec<_>>()
    };
    let types = ["type\timage\t3", "type\tdocument\t1", "type\tvideo\t1"];
    assert_eq!(counts("", "type"), types);
    let folders = ["ext\tjpg\t1", "folder\t/photos/2024/\t1"];
    assert_eq!(counts("beach folder:photos", "ext,folder:/photos"), folders);
    let words = ["size", "month", "folder:/path"];
    fixture.cli.fail(&["search", "--facets", "colour"], &words);
    let output = fixture
        .cli
        .succeed(&["search", "--json", "--facets", "storage"]);
    let line: serde_json::Value = serde_json::from_str(&output.stdout).expect("JSON");
    assert_eq!(line["facet"], "storage");
    assert_eq!(
        (&line["value"], &line["count"]),
        (&"STANDARD".into(), &5.into())
    );
}

#[test]
fn searches_a_repeated_source_once() {
    let fixture = library();
    let options = ["--source", SOURCE, "--source", SOURCE, "--limit", "all"];
    assert_eq!(fixture.cli.search("", &options).len(), 5);
    fixture
        .cli
        .fail(&["search", "--source", "other"], &["other", SOURCE]);
}

#[test]
fn obeys_limit() {
    let fixture = library();
    assert_eq!(fixture.cli.search("", &["--limit", "2"]).len(), 2);
    assert_eq!(fixture.cli.search("", &["--limit", "all"]).len(), 5);
}

#[test]
fn invalid_query_fails_with_the_faulty_text() {
    let fixture = library();
    fixture.cli.fail(&["search", "size:>big"], &["big"]);
    fixture.cli.fail(&["search", "modified:>soon"], &["soon"]);
}

#[test]
fn prints_paths_without_json() {
    let fixture = library();
    let output = fixture.cli.succeed(&["search", "forest"]);
    let path = "/photos/2024/winter-forest.JPG";
    assert!(output.stdout.contains(path), "{output:#?}");
}

#[test]
fn search_without_index_says_what_to_run() {
    let fixture = Fixture::new();
    fixture.cli.fail(&["search", "x"], &["reindex"]);
}

#[test]
fn exit_code_tells_nothing_found_from_a_failure() {
    let fixture = Fixture::new();
    let code = |arguments: &[&str]| {
        let output = fixture.cli.run(&[&["search"], arguments].concat());
        output.status.code().expect("no signal")
    };
    assert_eq!(code(&["a"]), 2, "there is no index");
    fixture.bucket.put("a.jpg", "x");
    fixture.cli.reindex();
    for (arguments, want) in [
        (&["a"][..], 0),
        (&["a", "--limit", "0"], 0),
        (&["a", "--facets", "type"], 0),
        (&["b"], 1),
        (&["b", "--json"], 1),
        (&["b", "--facets", "type"], 1),
        (&["size:>big"], 2),
        (&["--source", "other"], 2),
        (&["--sort", "colour"], 2),
    ] {
        assert_eq!(code(arguments), want, "{arguments:?}");
    }
}

#[test]
fn words_of_a_query_need_no_quotes() {
    let fixture = library();
    let paths = |arguments: &[&str]| {
        let output = fixture.cli.find(&[&["search"], arguments].concat());
        let path = |line: &str| line.split('\t').nth(1).map(str::to_owned);
        output.stdout.lines().filter_map(path).collect::<Vec<_>>()
    };
    let quoted = paths(&["summer beach"]);
    assert_eq!(quoted, ["/photos/2024/summer beach.jpg"]);
    assert_eq!(paths(&["summer", "beach"]), quoted);
    assert_eq!(paths(&["summer", "--limit", "1", "beach"]), quoted);
    assert_eq!(paths(&["--limit", "1", "summer", "--", "beach"]), quoted);
    assert_eq!(paths(&["-draft", "summer", "ext:jpg"]), quoted);
    let unquoted = ["search", "summer", "-draft"];
    fixture.cli.fail(&unquoted, &["'-- -d"]);
}

#[test]
fn terminal_shows_one_line_for_each_hit_at_any_width() {
    let key = format!("photos/{}.jpg", "beach ".repeat(40));
    let fixture = Fixture::with_keys([&*key, "photos/\u{1b}[2J beach 漢字.jpg"]);
    fixture.cli.reindex();
    let paths = [
        format!("/{key}"),
        "/photos/\\u{1b}[2J beach 漢字.jpg".to_owned(),
    ];
    let before = [" SIZE  MODIFIED", " SIZE  MODIFIED    PATH"];
    for (columns, header) in [
        (0, Some(before[0])),
        (20, None),
        (40, None),
        (64, Some(before[1])),
        (80, Some(before[0])),
        (200, Some(before[0])),
    ] {
        let ended = terminal::run_at(columns, &fixture.cli, &["search", "beach"], &[]);
        let mut lines: Vec<&str> = ended.output.lines().collect();
        assert_eq!(
            (ended.code, lines.pop()),
            (0, Some("2 assets")),
            "{ended:?}"
        );
        if let Some(header) = header {
            assert!(lines.remove(0).contains(header), "{columns}: {ended:?}");
        }
        lines.sort_unstable();
        assert_eq!(lines.len(), 2, "{columns}: {ended:?}");
        for path in &paths {
            let ends = |line: &&str| line.ends_with(path.as_str());
            assert!(lines.iter().any(ends), "{columns}: {ended:?}");
        }
    }
}

#[test]
fn matches_are_colored_on_a_terminal_and_not_in_a_pipe() {
    let mut fixture = Fixture::with_keys(["a beach.jpg"]);
    fixture.cli.reindex();
    let plain = "/a beach.jpg";
    let colored = "/a \u{1b}[1;31mbeach\u{1b}[0m.jpg";
    fixture.cli.set_environment("TERM", "xterm");
    let shown = |cli: &Cli, color: &str| {
        let arguments = ["search", "beach", "--color", color];
        let on_terminal = terminal::run(cli, &arguments, &[]).output;
        let has = |text: &str| text.contains('\u{1b}');
        for text in [&on_terminal, &cli.succeed(&arguments).stdout] {
            let want = if has(text) { colored } else { plain };
            assert!(text.contains(want), "{text:?}");
        }
        [has(&on_terminal), has(&cli.succeed(&arguments).stdout)]
    };
    assert_eq!(shown(&fixture.cli, "auto"), [true, false]);
    assert_eq!(shown(&fixture.cli, "always"), [true, true]);
    assert_eq!(shown(&fixture.cli, "never"), [false, false]);
    let json = ["search", "beach", "--color", "always", "--json"];
    assert!(!fixture.cli.succeed(&json).stdout.contains('\u{1b}'));
    fixture.cli.set_environment("NO_COLOR", "1");
    assert_eq!(shown(&fixture.cli, "auto"), [false, false]);
    assert_eq!(shown(&fixture.cli, "always"), [true, true]);
}

#[test]
fn zero_columns_do_not_squeeze_the_help() {
    let mut fixture = Fixture::new();
    for columns in [None, Some("0")] {
        if let Some(columns) = columns {
            fixture.cli.set_environment("COLUMNS", columns);
        }
        // The terminal of the test has 0 columns too.
        let help = terminal::run(&fixture.cli, &["search", "--help"], &[]).output;
        let widths = help.lines().map(|line| line.chars().count());
        let widest = widths.max().expect("the help has lines");
        assert!((80..=120).contains(&widest), "{widest}: {help}");
    }
}

#[test]
fn fails_if_the_output_cannot_be_written() {
    let fixture = Fixture::with_keys(["a.jpg"]);
    fixture.cli.reindex();
    let commands: [&[&str]; 7] = [
        &["search"],
        &["index", "info"],
        &["index", "verify"],
        &["index", "compact"],
        &["iam-policy"],
        &["explain", SOURCE, "a.jpg"],
        &["rules", "test", "/a.jpg"],
    ];
    for arguments in commands {
        let mut command = fixture.cli.command(Command::new(BINARY));
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = command.args(arguments).stdout(full).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let code = if arguments[0] == "search" { 2 } else { 1 };
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
        assert!(stderr.contains("No space left"), "{arguments:?}: {stderr}");
    }
}

#[test]
fn completions_and_help_need_no_configuration() {
    let fixture = Fixture::new();
    std::fs::remove_file(fixture.cli.config_file()).expect("it was written");
    for arguments in [&["completions", "bash"][..], &["--help"], &["--version"]] {
        let output = fixture.cli.succeed(arguments);
        assert!(output.stdout.contains("asset-indexer"), "{arguments:?}");
    }
}

#[test]
fn missing_configuration_says_how_to_name_one() {
    let fixture = Fixture::new();
    std::fs::remove_file(fixture.cli.config_file()).expect("it was written");
    for command in ["search", "status", "check"] {
        let words = [
            "No such file",
            "--config FILE",
            "ASSET_INDEXER_CONFIG",
            "README.md",
        ];
        let output = fixture.cli.fail(&[command], &words);
        assert_eq!(output.status.code(), Some(2), "{output:#?}");
    }
}

#[test]
fn tells_no_hits_from_no_index() {
    let fixture = Fixture::with_keys(["a.jpg"]);
    fixture
        .cli
        .fail(&["search", "a"], &["there is no index in", "yet"]);
    let denied = Action::Error(403, "AccessDenied");
    fixture
        .proxy
        .fault(1, |request| request.list.is_some(), denied);
    fixture.cli.run(&["reindex"]);
    let note = "the first scan is not complete, so assets may be missing: Sources assets";
    let output = fixture.cli.find(&["search", "a"]);
    assert_eq!(output.stdout, "");
    assert!(output.stderr.contains(note), "{output:#?}");
    fixture.cli.reindex();
    let output = fixture.cli.find(&["search", "nothing"]);
    assert_eq!((&*output.stdout, output.stderr.contains(note)), ("", false));
}
