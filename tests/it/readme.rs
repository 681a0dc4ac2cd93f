//! Holds the documents to their word: their configuration is accepted, their commands work.

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
        .expect("there is an example");
    let (example, _) = rest.split_once("```").expect("it ends");
    example
}

/// The lines of the complete example configuration.
fn example() -> Vec<&'static str> {
    toml_block(CONFIGURATION).lines().collect()
}

/// The first words of a line of the example that is commented out, such as `region`.
fn commented_key(line: &str) -> Option<&str> {
    let (key, _) = line.strip_prefix("# ")?.split_once(" = ")?;
    (!key.contains(' ')).then_some(key)
}

/// Loads the text as a configuration. No bucket is asked.
fn load(cli: &Cli, toml: &str) {
    cli.configure_with(toml);
    let output = cli.run(&["rules", "test", "a.jpg"]);
    assert!(output.status.success(), "{toml}: {output:#?}");
}

#[test]
fn the_minimal_configuration_is_accepted() {
    let minimal = toml_block(README);
    assert!(minimal.lines().count() <= 9, "{minimal}");
    load(&Cli::new(&Config::of([])), minimal);
}

/// The rows of the tables below a heading of the configuration document: key, type, default.
fn rows(heading: &str) -> Vec<[&'static str; 3]> {
    let (_, rest) = CONFIGURATION
        .split_once(&format!("## `[{heading}]`\n"))
        .expect("there is such a chapter");
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
fn the_documented_defaults_and_limits_are_those_of_the_program() {
    let cli = Cli::new(&Config::of([]));
    let source = "[[source]]\nname = \"a\"\nbucket = \"abc\"\nsubdomain = \"a\"\n";
    let parsed = |settings: &str| {
        cli.configure_with(&format!("data_dir = \"d\"\n{settings}\n{source}"));
        asset_indexer::config::Config::load(&cli.config_file())
    };
    let default = format!("{:?}", parsed("").expect("it is valid"));
    let mut tried = 0;
    for heading in ["scan", "index", "events", "serve", "search"] {
        for [key, kind, written] in rows(heading) {
            let Some((least, most)) = kind.split_once(" to ") else {
                continue;
            };
            let set = |value: i64| parsed(&format!("[{heading}]\n{key} = {value}"));
            let as_documented = set(written.parse().expect("a number"));
            assert_eq!(
                format!("{:?}", as_documented.expect("valid")),
                default,
                "{key}"
            );
            let [least, most] = [least, most].map(|limit| limit.parse().expect("a number"));
            assert!(set(least).is_ok() && set(most).is_ok(), "{key}");
            assert!(set(least - 1).is_err() && set(most + 1).is_err(), "{key}");
            tried += 1;
        }
    }
    assert_eq!(tried, 18, "not all numbers were found");
}

#[test]
fn the_configuration_by_example_is_taken_with_each_of_its_choices() {
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
        let others = lines.iter().enumerate();
        let others = others.filter(|(other, line)| *other != number && !line.starts_with(key));
        let mut toml: Vec<&str> = others.map(|(_, line)| *line).collect();
        toml.push(chosen);
        load(&cli, &toml.join("\n"));
    }
}

#[test]
fn the_settings_for_other_machines_are_taken() {
    let settings = toml_block(ACCESS);
    let cli = Cli::new(&Config::of([]));
    let mut toml: Vec<&str> = example();
    // In the place of the settings for this machine.
    toml.retain(|line| !line.starts_with("listen = ") && !line.starts_with("[serve]"));
    toml.retain(|line| !line.starts_with("control_socket") && !line.starts_with("grace_period"));
    let settings = settings.replace("# hosts", "hosts");
    load(&cli, &format!("{}\n{settings}", toml.join("\n")));
}

/// The words of a command as a shell splits them; it knows single quotes.
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
fn the_commands_work_as_they_are_printed() {
    let mut fixture = Fixture::with_keys(["2024/summer.jpg", "2024/drafts/a.jpg"]);
    fixture.configure(|config| config.serve = vec!["tokens = \"tokens\"".to_owned()]);
    fixture.cli.reindex();
    // Most commands work with and without a daemon; `status` needs one.
    let daemon = fixture.cli.serve();
    daemon.wait_for(&["ready"]);
    let (mut tried, mut serves) = (0, 0);
    let documents = [README, EVENTS, ACCESS];
    for line in documents.into_iter().flat_map(str::lines) {
        let command = line.strip_prefix("    asset-indexer ");
        let command = command.or_else(|| line.strip_prefix("$ target/release/asset-indexer "));
        let Some(command) = command else {
            continue;
        };
        let command = command.split("  #").next().expect("split yields one part");
        let words = words(command).into_iter();
        // The names of Sources in the documents.
        let words = words.map(|word| match word.as_str() {
            "photos" | "acme" => SOURCE.to_owned(),
            _ => word,
        });
        match words.collect::<Vec<_>>().as_slice() {
            [serve] if serve == "serve" => serves += 1,
            words => drop(fixture.cli.succeed(words)),
        }
        tried += 1;
    }
    daemon.terminate();
    assert_eq!(serves, 1, "the daemon is among the commands");
    assert!(tried >= 12, "only {tried} commands were found");
    fixture.assert_mirror();
}

#[test]
fn what_the_readme_names_is_there() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for path in [
        "deploy/demo.sh",
        "deploy/README.md",
        "deploy/page.png",
        "tests/run.sh",
    ] {
        assert!(README.contains(path), "{path} is not named");
    }
    // The targets of all links, such as [text](deploy/install.md#anchor).
    let links = README.split("](").skip(1).map(|rest| {
        let target = rest.split(')').next().expect("split yields one part");
        target.split('#').next().expect("split yields one part")
    });
    for path in links.filter(|target| !target.contains("://")) {
        assert!(fs::metadata(root.join(path)).is_ok(), "{path} is not there");
    }
    assert!(README.lines().count() <= 150, "the README is too long");
}

#[test]
fn the_addresses_of_the_http_api_are_answered() {
    let mut fixture = Fixture::with_keys(["2024/summer.jpg", "2024/drafts/a.jpg"]);
    fixture.configure(|config| config.listen = "127.0.0.1:0".to_owned());
    fixture.cli.reindex();
    let daemon = fixture.cli.serve();
    let address = daemon.field(&["serving status and metrics"], "address");
    let sources = get(&address, "/v1/sources");
    let id = sources["data"][0]["id"].as_str().expect("an id");
    let mut tried = 0;
    for line in HTTP.lines() {
        let Some(rest) = line.strip_prefix("    curl 'http://127.0.0.1:8470") else {
            continue;
        };
        let path = rest.split('\'').next().expect("split yields one part");
        // The name and the id of the Source in the document.
        let path = path.replace("photos", SOURCE);
        get(&address, &path.replace("7671451c326f8be647913840", id));
        tried += 1;
    }
    daemon.terminate();
    assert!(tried >= 9, "only {tried} addresses were found");
}
