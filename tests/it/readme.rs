//! Holds the README to its word: its configuration is taken, its commands work.

use std::fs;

use crate::cli::Cli;
use crate::config::Config;
use crate::fixture::{Fixture, SOURCE};
use crate::http_client::get;

const README: &str = include_str!("../../README.md");

/// The lines of the configuration by example.
fn example() -> Vec<&'static str> {
    let (_, rest) = README.split_once("```toml\n").expect("there is an example");
    let (example, _) = rest.split_once("```").expect("it ends");
    example.lines().collect()
}

/// The first words of a line of the example that is commented out, such as `region`.
fn commented_key(line: &str) -> Option<&str> {
    let (key, _) = line.strip_prefix("# ")?.split_once(" = ")?;
    (!key.contains(' ')).then_some(key)
}

/// Loads the text as a configuration, and tells how it was taken: no bucket is asked.
fn load(cli: &Cli, toml: &str) {
    cli.configure_with(toml);
    let output = cli.run(&["rules", "test", "a.jpg"]);
    assert!(output.status.success(), "{toml}: {output:#?}");
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
    let (_, access) = README.split_once("## Access").expect("it is there");
    let (_, rest) = access.split_once("```toml\n").expect("there is an example");
    let (settings, _) = rest.split_once("```").expect("it ends");
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
    let mut daemon = None;
    let mut tried = 0;
    for line in README.lines() {
        let Some(command) = line.strip_prefix("    asset-indexer ") else {
            continue;
        };
        let command = command.split("  #").next().expect("split yields one part");
        let words = words(command).into_iter();
        // The name of the Source in the README.
        let words = words.map(|word| match word.as_str() {
            "photos" => SOURCE.to_owned(),
            _ => word,
        });
        match words.collect::<Vec<_>>().as_slice() {
            [serve] if serve == "serve" => {
                let started = fixture.cli.serve();
                started.wait_for(&["ready"]);
                daemon = Some(started);
            }
            words => drop(fixture.cli.succeed(words)),
        }
        tried += 1;
    }
    daemon
        .expect("the daemon is among the commands")
        .terminate();
    assert!(tried >= 12, "only {tried} commands were found");
    fixture.assert_mirror();
}

#[test]
fn what_the_readme_names_is_there() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for path in [
        "deploy/demo.sh",
        "deploy/package.sh",
        "deploy/README.md",
        "deploy/Containerfile",
        "deploy/systemd",
        "tests/run.sh",
        "schema/asset.json",
        "tests/it",
    ] {
        assert!(README.contains(path), "{path} is not named");
        assert!(fs::metadata(root.join(path)).is_ok(), "{path} is not there");
    }
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
    for line in README.lines() {
        let Some(rest) = line.strip_prefix("    curl 'http://127.0.0.1:8470") else {
            continue;
        };
        let path = rest.split('\'').next().expect("split yields one part");
        // The name and the id of the Source in the README.
        let path = path.replace("photos", SOURCE);
        get(&address, &path.replace("7671451c326f8be647913840", id));
        tried += 1;
    }
    daemon.terminate();
    assert!(tried >= 9, "only {tried} addresses were found");
}
