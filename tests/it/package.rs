//! What is in the Debian package.
//!
//! What it does on a machine is tested in `systemd`.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::cli::Cli;
use crate::config::Config;
use crate::deb::{contents, dpkg_deb, file, root};

/// The example of a configuration that the package has as its own.
const EXAMPLE: &str = include_str!("../../deploy/asset-indexer.toml");

#[test]
fn everything_is_where_debian_has_it() {
    let contents = contents();
    let is = |path: &str, mode: &str| {
        assert_eq!(contents.get(path).map(String::as_str), Some(mode), "{path}")
    };
    is("/usr/bin/asset-indexer", "-rwxr-xr-x");
    for path in [
        "/etc/asset-indexer/asset-indexer.toml",
        "/usr/lib/systemd/system/asset-indexer.service",
        "/usr/lib/systemd/system/asset-indexer@.service",
        "/usr/lib/systemd/system/asset-indexer-reindex.service",
        "/usr/lib/systemd/system/asset-indexer-reindex.timer",
        "/usr/lib/sysusers.d/asset-indexer.conf",
        "/usr/lib/tmpfiles.d/asset-indexer.conf",
        "/usr/share/bash-completion/completions/asset-indexer",
        "/usr/share/zsh/vendor-completions/_asset-indexer",
        "/usr/share/fish/vendor_completions.d/asset-indexer.fish",
        "/usr/share/doc/asset-indexer/README.md",
        "/usr/share/doc/asset-indexer/copyright",
        "/usr/share/doc/asset-indexer/metrics.md",
        "/usr/share/doc/asset-indexer/configuration.md",
        "/usr/share/doc/asset-indexer/events.md",
        "/usr/share/doc/asset-indexer/access.md",
        "/usr/share/doc/asset-indexer/install.md",
        "/usr/share/doc/asset-indexer/query.md",
        "/usr/share/doc/asset-indexer/http.md",
        "/usr/share/doc/asset-indexer/run-book.md",
        "/usr/share/doc/asset-indexer/sbom.json",
        "/usr/share/asset-indexer/grafana-dashboard.json",
        "/usr/share/asset-indexer/prometheus-rules.yml",
        "/usr/share/asset-indexer/schema/asset.json",
        "/usr/share/asset-indexer/schema/openapi.json",
    ] {
        is(path, "-rw-r--r--");
    }
    for service in ["asset-indexer", "asset-indexer@", "asset-indexer-reindex"] {
        let path = format!("/usr/lib/systemd/system/{service}.service.d/hardening.conf");
        is(&path, "-rw-r--r--");
    }
    // Nothing else belongs to a service than what is named above.
    assert_eq!(
        contents
            .keys()
            .filter(|path| path.contains("/systemd/"))
            .count(),
        7
    );
}

#[test]
fn it_needs_the_c_library_and_what_its_services_call() {
    let depends = dpkg_deb(&["--field", "Depends"]);
    let depends = depends
        .trim()
        .split(", ")
        .map(|it| it.split(" (").next().unwrap());
    let depends: BTreeSet<&str> = depends.collect();
    let expected = [
        "ca-certificates",
        "libc6",
        "procps",
        "systemd | systemd-sysusers",
    ];
    assert_eq!(depends, expected.into());
}

#[test]
fn the_configuration_is_kept_as_somebody_has_changed_it() {
    let kept = dpkg_deb(&["--info", "conffiles"]);
    assert_eq!(kept.trim(), "/etc/asset-indexer/asset-indexer.toml");
}

/// The names of all commands that `--help` shows, each with those above it.
fn commands(cli: &Cli, above: &[&str]) -> Vec<String> {
    let help = cli.succeed(&[above, &["--help"]].concat()).stdout;
    let Some((_, rest)) = help.split_once("\nCommands:\n") else {
        return Vec::new();
    };
    let (listed, _) = rest.split_once("\n\n").expect("options follow");
    let first_words = listed.lines().filter_map(|line| line.strip_prefix("  "));
    let names = first_words.filter_map(|line| line.split(' ').next());
    let names = names.filter(|name| !name.is_empty() && *name != "help");
    let of = |name: &str| {
        let path = [above, &[name]].concat();
        let below = commands(cli, &path);
        [vec![path.join("-")], below].concat()
    };
    names.flat_map(of).collect()
}

#[test]
fn each_command_has_a_page_of_the_manual() {
    let cli = Cli::new(&Config::of([]));
    let commands = commands(&cli, &[]);
    assert!(commands.len() > 20, "{commands:?}");
    assert!(
        !commands.iter().any(|it| it == "manual"),
        "it is for packages alone"
    );
    let page = |name: &str| format!("/usr/share/man/man1/{name}.1.gz");
    let mut pages: BTreeSet<String> = commands
        .iter()
        .map(|it| page(&format!("asset-indexer-{it}")))
        .collect();
    pages.insert(page("asset-indexer"));
    let contents = contents();
    let there = contents
        .keys()
        .filter(|path| path.contains("/man/"))
        .cloned();
    assert_eq!(there.collect::<BTreeSet<_>>(), pages);
    // What the units refer to.
    for unit in [
        "asset-indexer.service",
        "asset-indexer-reindex.service",
        "asset-indexer-reindex.timer",
    ] {
        let unit = file(&format!("usr/lib/systemd/system/{unit}"));
        let (_, rest) = unit
            .split_once("Documentation=man:")
            .expect("it names a page");
        let (name, _) = rest.split_once("(1)").expect("of section 1");
        assert!(pages.contains(&page(name)), "{name}");
    }
}

#[test]
fn the_completions_complete_the_commands() {
    for path in [
        "usr/share/bash-completion/completions/asset-indexer",
        "usr/share/zsh/vendor-completions/_asset-indexer",
        "usr/share/fish/vendor_completions.d/asset-indexer.fish",
    ] {
        let script = file(path);
        for word in ["reindex", "quarantine", "iam-policy", "asset-indexer"] {
            assert!(script.contains(word), "{path} has no {word}");
        }
    }
}

#[test]
fn copyright_and_bill_of_materials_name_the_same_crates() {
    let bill: Value = serde_json::from_str(&file("usr/share/doc/asset-indexer/sbom.json")).unwrap();
    let crates: BTreeSet<String> = bill["components"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            format!(
                "{}-{}",
                it["name"].as_str().unwrap(),
                it["version"].as_str().unwrap()
            )
        })
        .collect();
    // Of those that Cargo.toml names one for the program, one for tests, and one that another brings.
    let has = |name: &str| crates.iter().any(|it| it.starts_with(name));
    assert!(
        has("tantivy-0") && has("rustls-0") && !has("proptest-"),
        "{crates:?}"
    );
    let copyright = file("usr/share/doc/asset-indexer/copyright");
    assert!(copyright.starts_with(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
    ));
    let named = copyright
        .lines()
        .filter_map(|line| line.strip_prefix("Files: crates/"));
    let named: BTreeSet<String> = named
        .map(|it| it.trim_end_matches("/*").to_owned())
        .collect();
    assert_eq!(named, crates);
    // Each licence that is named stands below in full, or where Debian has it.
    let (files, texts) = copyright.split_at(copyright.rfind("\nFiles: ").unwrap());
    for line in files
        .lines()
        .filter_map(|line| line.strip_prefix("License: "))
    {
        for licence in line.split(" and ") {
            assert!(
                texts.contains(&format!("\nLicense: {licence}\n ")),
                "no text of {licence}"
            );
        }
    }
}

#[test]
fn the_configuration_by_example_has_the_defaults_and_wants_a_source() {
    let cli = Cli::new(&Config::of([]));
    cli.configure_with(EXAMPLE);
    cli.fail(&["rules", "test", "a.jpg"], &["there is none", "sources.d"]);
    // Each default as if somebody had written it; what is below the tables is a Source.
    let (settings, source) = EXAMPLE.split_once("# Sources are files").unwrap();
    let is_key = |line: &str| {
        line.split_once(" = ")
            .is_some_and(|(key, _)| !key.contains(' '))
    };
    let without_tls = |line: &&str| {
        !["tokens", "tls_"]
            .iter()
            .any(|it| line.contains(&format!("# {it}")))
    };
    let written = |line: &str| match line.strip_prefix("# ") {
        Some(key) if is_key(key) => key.to_owned(),
        _ => line.to_owned(),
    };
    let lines: Vec<String> = settings.lines().filter(without_tls).map(written).collect();
    assert!(
        lines.iter().filter(|line| is_key(line)).count() > 20,
        "{lines:#?}"
    );
    let source: Vec<&str> = source
        .lines()
        .filter_map(|line| line.strip_prefix("# "))
        .filter(|line| is_key(line))
        .collect();
    assert!(source.len() >= 6, "{source:#?}");
    cli.configure_with(&lines.join("\n"));
    let folder = cli.folder().join("sources.d");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("photos.toml"), source.join("\n")).unwrap();
    cli.succeed(&["rules", "test", "a.jpg"]);
}

#[test]
fn what_the_recipe_for_a_container_copies_is_in_the_repository() {
    let recipe = fs::read_to_string(root().join("deploy/Containerfile")).unwrap();
    let mut copied = 0;
    let copies = recipe.lines().filter_map(|line| line.strip_prefix("COPY "));
    for line in copies.filter(|line| !line.starts_with("--from=")) {
        let words: Vec<&str> = line
            .split_whitespace()
            .filter(|it| !it.starts_with("--"))
            .collect();
        let (_, sources) = words.split_last().unwrap();
        for source in sources {
            assert!(root().join(source).exists(), "{source} is not there");
            copied += 1;
        }
    }
    assert!(copied >= 3, "only {copied} paths were found");
    assert!(
        recipe
            .lines()
            .any(|line| line.starts_with("USER ") && !line.contains("root"))
    );
}
