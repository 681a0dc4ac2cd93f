//! Tests the documents: their configurations are accepted, their commands and HTTP requests work, and their
//! links lead to files.

use std::fs;

use crate::cli::Cli;
use crate::config::Config;
use crate::fixture::{Fixture, SOURCE};
use crate::http_client::get;

const README: &str = include_str!("../../README.md");
const CONFIGURATION: &str = include_str!("../../deploy/configuration.md");
const ACCESS: &str = include_str!("../../deploy/access.md");
const EVENTS: &str = include_str!("../../deploy/events.md");
const HTTP: &str = include_str!("../../schema/http.md");

/// The first TOML block of a document.
fn toml_block(document: &'static str) -> &'static str {
    let (_, rest) = document
        .split_once("```toml\n")
        .expect("the document has an example");
    let (example, _) = rest.split_once("```").expect("the example ends");
    example
}

/// The lines of the complete example configuration.
fn example() -> Vec<&'static str> {
    toml_block(CONFIGURATION).lines().collect()
}

/// The key in a line of the example that is commented out, such as `region`.
fn commented_key(line: &str) -> Option<&str> {
    let (key, _) = line.strip_prefix("# ")?.split_once(" = ")?;
    (!key.contains(' ')).then_some(key)
}

/// Loads the text as a configuration. This sends no requests to S3.
fn load(cli: &Cli, toml: &str) {
    cli.configure_with(toml);
    let output = cli.run(&["rules", "test", "a.jpg"]);
    assert!(output.status.success(), "{toml}: {output:#?}");
}

#[test]
fn minimal_configuration_is_accepted() {
    let minimal = toml_block(README);
    assert!(minimal.lines().count() <= 9, "{minimal}");
    load(&Cli::new(&Config::of([])), minimal);
}

/// The rows of the tables below a heading of the configuration document: key, type, default.
fn rows(heading: &str) -> Vec<[&'static str; 3]> {
    let (_, rest) = CONFIGURATION
        .split_once(&format!("## `[{heading}]`\n"))
        .expect("the document has this chapter");
    let chapter = rest.split("\n## ").next().expect("split yields one part");
    let rows = chapter.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.map(|row| row.split(" | ").collect::<Vec<_>>());
    cells
        .map(|cells| {
            let key = cells[0].trim_start_matches("| ");
            [key, cells[1], cells[2]].map(|cell| cell.trim_matches('`'))
        })
        .collect()
}

#[test]
fn documented_defaults_and_limits_match_the_program() {
    let cli = Cli::new(&Config::of([]));
    let source = "[[source]]\nname = \"a\"\nbucket = \"abc\"\nsubdomain = \"a\"\n";
    let parsed = |settings: &str| {
        cli.configure_with(&format!("data_dir = \"d\"\n{settings}\n{source}"));
        asset_indexer::config::Config::load(&cli.config_file())
    };
    let default = format!("{:?}", parsed("").expect("the configuration is valid"));
    let mut tested = 0;
    for heading in ["scan", "index", "events", "serve", "search", "managed"] {
        for [key, kind, documented] in rows(heading) {
            let Some((min, max)) = kind.split_once(" to ") else {
                continue;
            };
            let set = |value: i64| parsed(&format!("[{heading}]\n{key} = {value}"));
            let with_documented = set(documented.parse().expect("the default is a number"));
            assert_eq!(
                format!("{:?}", with_documented.expect("the default is valid")),
                default,
                "{key}"
            );
            let [min, max] = [min, max].map(|limit| limit.parse().expect("a limit is a number"));
            assert!(set(min).is_ok() && set(max).is_ok(), "{key}");
            assert!(set(min - 1).is_err() && set(max + 1).is_err(), "{key}");
            tested += 1;
        }
    }
    assert_eq!(tested, 19, "not all numbers were found");
}

#[test]
fn example_configuration_is_accepted_with_each_choice() {
    let cli = Cli::new(&Config::of([]));
    let lines = example();
    load(&cli, &lines.join("\n"));
    let keys = lines.iter().filter_map(|line| commented_key(line));
    assert!(keys.count() > 8, "the choices were not found");
    for (number, line) in lines.iter().enumerate() {
        let Some(key) = commented_key(line) else {
            continue;
        };
        let chosen = line.strip_prefix("# ").expect("it is commented out");
        let remaining = lines.iter().enumerate();
        let remaining =
            remaining.filter(|(other, line)| *other != number && !line.starts_with(key));
        let mut toml: Vec<&str> = remaining.map(|(_, line)| *line).collect();
        toml.push(chosen);
        load(&cli, &toml.join("\n"));
    }
}

#[test]
fn settings_for_other_machines_are_accepted() {
    let settings = toml_block(ACCESS);
    let cli = Cli::new(&Config::of([]));
    let mut toml: Vec<&str> = example();
    // Replace the settings for this machine.
    toml.retain(|line| !line.starts_with("listen = ") && !line.starts_with("[serve]"));
    toml.retain(|line| !line.starts_with("control_socket") && !line.starts_with("grace_period"));
    let settings = settings.replace("# hosts", "hosts");
    load(&cli, &format!("{}\n{settings}", toml.join("\n")));
}

/// Splits a command into words like a shell. It knows single quotes.
pub fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (number, part) in command.split('\'').enumerate() {
        match number % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            _ => words.push(part.to_owned()),
        }
    }
    words
}

#[test]
fn documented_commands_work() {
    let mut fixture = Fixture::with_keys(["2024/summer.jpg", "2024/drafts/a.jpg"]);
    fixture.configure(|config| config.serve = vec!["tokens = \"tokens\"".to_owned()]);
    fixture.cli.reindex();
    // Most commands work with and without a daemon; `status` needs one.
    let daemon = fixture.cli.serve();
    daemon.wait_for(&["ready"]);
    let (mut tested, mut serves) = (0, 0);
    let documents = [README, EVENTS, ACCESS];
    for line in documents.into_iter().flat_map(str::lines) {
        let command = line.strip_prefix("    asset-indexer ");
        let command = command.or_else(|| line.strip_prefix("$ target/release/asset-indexer "));
        let Some(command) = command else {
            continue;
        };
        let command = command.split("  #").next().expect("split yields one part");
        let words = words(command).into_iter();
        // Replace the Sources of the documents with the Source of the fixture.
        let words = words.map(|word| match word.as_str() {
            "photos" | "acme" => SOURCE.to_owned(),
            _ => word,
        });
        match words.collect::<Vec<_>>().as_slice() {
            [serve] if serve == "serve" => serves += 1,
            words => drop(fixture.cli.succeed(words)),
        }
        tested += 1;
    }
    daemon.terminate();
    assert_eq!(serves, 1, "one of the commands starts the daemon");
    assert!(tested >= 12, "only {tested} commands were found");
    fixture.assert_mirror();
}

#[test]
fn files_that_the_readme_names_exist() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for path in [
        "deploy/demo.sh",
        "deploy/README.md",
        "deploy/page.png",
        "tests/run.sh",
    ] {
        assert!(README.contains(path), "the README does not name {path}");
    }
    // The targets of all links, such as [text](deploy/install.md#anchor).
    let links = README.split("](").skip(1).map(|rest| {
        let target = rest.split(')').next().expect("split yields one part");
        target.split('#').next().expect("split yields one part")
    });
    for path in links.filter(|target| !target.contains("://")) {
        assert!(
            fs::metadata(root.join(path)).is_ok(),
            "{path} does not exist"
        );
    }
    assert!(README.lines().count() <= 150, "the README is too long");
}

#[test]
fn documented_http_requests_work() {
    let mut fixture = Fixture::with_keys(["2024/summer.jpg", "2024/drafts/a.jpg"]);
    fixture.configure(|config| config.listen = "127.0.0.1:0".to_owned());
    fixture.cli.reindex();
    let daemon = fixture.cli.serve();
    let address = daemon.field(&["serving HTTP"], "address");
    let sources = get(&address, "/v1/sources");
    let id = sources["data"][0]["id"]
        .as_str()
        .expect("a Source has an id");
    let mut tested = 0;
    for line in HTTP.lines() {
        let Some(rest) = line.strip_prefix("    curl 'http://127.0.0.1:8470") else {
            continue;
        };
        let path = rest.split('\'').next().expect("split yields one part");
        // Replace the name and the id of the Source in the document.
        let path = path.replace("photos", SOURCE);
        get(&address, &path.replace("7671451c326f8be647913840", id));
        tested += 1;
    }
    daemon.terminate();
    assert!(tested >= 9, "only {tested} requests were found");
}
