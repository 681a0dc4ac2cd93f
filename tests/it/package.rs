//! Tests the content of the Debian package.
//!
//! `systemd` tests what the package does on a machine.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::cli::Cli;
use crate::config::Config;
use crate::deb::{PACKAGES, compressed_file, contents, dpkg_deb, file, root, version};

/// The configuration file of the package.
const EXAMPLE: &str = include_str!("../../deploy/asset-indexer.toml");

#[test]
fn files_are_in_the_folders_of_debian() {
    let contents = contents();
    let has = |path: &str, mode: &str| {
        assert_eq!(contents.get(path).map(String::as_str), Some(mode), "{path}")
    };
    has("/usr/bin/asset-indexer", "-rwxr-xr-x");
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
        "/usr/share/doc/asset-indexer/changelog.gz",
        "/usr/share/doc/asset-indexer/changelog.Debian.gz",
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
        has(path, "-rw-r--r--");
    }
    for service in ["asset-indexer", "asset-indexer@", "asset-indexer-reindex"] {
        let path = format!("/usr/lib/systemd/system/{service}.service.d/hardening.conf");
        has(&path, "-rw-r--r--");
    }
    // The package has no other files for systemd.
    assert_eq!(
        contents
            .keys()
            .filter(|path| path.contains("/systemd/"))
            .count(),
        7
    );
}

#[test]
fn each_build_is_an_upgrade_of_the_build_before() {
    let versions = PACKAGES.map(version);
    let [first, later] = &versions;
    let times = ["20261129.120000", "20261129.120001"];
    for (version, time) in versions.iter().zip(times) {
        let prefix = format!("{}+{time}", env!("CARGO_PKG_VERSION"));
        assert!(version.starts_with(&prefix), "{version}");
    }
    let compare = |a: &str, relation: &str, b: &str| {
        let mut dpkg = Command::new("dpkg");
        dpkg.args(["--compare-versions", a, relation, b]);
        assert!(
            dpkg.status().is_ok_and(|status| status.success()),
            "not: {a} {relation} {b}"
        );
    };
    compare(first, "lt", later);
    // Packages used to have this version.
    compare("0.1.0-1", "lt", first);
}

/// Runs the script that finds the version of a package. Returns the version and the changelog.
fn version_for(shown: &str, given: &[&str]) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("changelog");
    let mut script = Command::new(root().join("deploy/changelog.py"));
    script.arg(shown).arg(&path).args(given);
    let output = script
        .env("SOURCE_DATE_EPOCH", "1795953600")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:#?}");
    let version = String::from_utf8(output.stdout).unwrap();
    (
        version.trim_end().to_owned(),
        fs::read_to_string(path).unwrap(),
    )
}

#[test]
fn version_has_the_time_before_the_commit() {
    for (shown, want) in [
        ("unknown", "0.1.0+20261129.120000-1"),
        ("0123abc, 2026-11-28", "0.1.0+20261129.120000.git0123abc-1"),
        (
            "0123abc-modified, 2026-11-28",
            "0.1.0+20261129.120000.git0123abc.modified-1",
        ),
    ] {
        let shown = format!("asset-indexer 0.1.0 (commit {shown})\n");
        assert_eq!(version_for(&shown, &[]).0, want);
        let (version, changelog) = version_for(&shown, &["0.1.0-1"]);
        assert_eq!(version, "0.1.0-1");
        assert!(
            changelog.starts_with("asset-indexer (0.1.0-1) "),
            "{changelog}"
        );
    }
}

#[test]
fn changelog_is_in_the_package() {
    let written = fs::read_to_string(root().join("deploy/CHANGELOG.md")).unwrap();
    let folder = "usr/share/doc/asset-indexer";
    assert_eq!(compressed_file(&format!("{folder}/changelog.gz")), written);
    // In the format of Debian: a header, entries, and who built it when.
    let debian = compressed_file(&format!("{folder}/changelog.Debian.gz"));
    let header = format!(
        "asset-indexer ({}) unstable; urgency=medium\n\n  * ",
        version(PACKAGES[0])
    );
    assert!(debian.starts_with(&header), "{debian}");
    let built = "  Sun, 29 Nov 2026 12:00:00 +0000\n";
    let (entries, trailer) = debian.rsplit_once("\n\n -- ").unwrap();
    assert!(
        trailer.contains("@localhost>") && trailer.ends_with(built),
        "{trailer}"
    );
    let newest = written.split("\n## ").nth(1).unwrap();
    let count = |text: &str, mark: &str| text.lines().filter(|line| line.starts_with(mark)).count();
    assert_eq!(count(entries, "  * "), count(newest, "- "));
}

#[test]
fn depends_on_the_c_library_and_the_programs_of_its_units() {
    let depends = dpkg_deb(&["--field", "Depends"]);
    let depends = depends
        .trim()
        .split(", ")
        .map(|package| package.split(" (").next().unwrap());
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
fn configuration_is_a_conffile() {
    let conffiles = dpkg_deb(&["--info", "conffiles"]);
    assert_eq!(conffiles.trim(), "/etc/asset-indexer/asset-indexer.toml");
}

/// All commands that `--help` of `parents` shows and their subcommands, such as `index-verify`.
fn commands(cli: &Cli, parents: &[&str]) -> Vec<String> {
    let help = cli.succeed(&[parents, &["--help"]].concat()).stdout;
    let Some((_, rest)) = help.split_once("\nCommands:\n") else {
        return Vec::new();
    };
    let (listed, _) = rest
        .split_once("\n\n")
        .expect("options follow the commands");
    let first_words = listed.lines().filter_map(|line| line.strip_prefix("  "));
    let names = first_words.filter_map(|line| line.split(' ').next());
    let names = names.filter(|name| !name.is_empty() && *name != "help");
    let with_children = |name: &str| {
        let path = [parents, &[name]].concat();
        let children = commands(cli, &path);
        [vec![path.join("-")], children].concat()
    };
    names.flat_map(with_children).collect()
}

#[test]
fn units_check_the_configuration_before_a_reload() {
    for (unit, config) in [
        ("asset-indexer", ""),
        (
            "asset-indexer@",
            "--config /etc/asset-indexer/%i/asset-indexer.toml ",
        ),
    ] {
        let unit = file(&format!("usr/lib/systemd/system/{unit}.service"));
        let commands: Vec<&str> = unit
            .lines()
            .filter_map(|line| line.strip_prefix("ExecReload="))
            .collect();
        let check = format!("/usr/bin/asset-indexer {config}check --offline");
        // systemd runs them in this order and stops at the first one that fails.
        assert_eq!(commands, [check.as_str(), "/bin/kill -HUP $MAINPID"]);
    }
}

#[test]
fn each_command_has_a_man_page() {
    let cli = Cli::new(&Config::of([]));
    let commands = commands(&cli, &[]);
    assert!(commands.len() > 20, "{commands:?}");
    assert!(
        !commands.iter().any(|command| command == "manual"),
        "the command is hidden, because only packages need it"
    );
    let page = |name: &str| format!("/usr/share/man/man1/{name}.1.gz");
    let mut pages: BTreeSet<String> = commands
        .iter()
        .map(|command| page(&format!("asset-indexer-{command}")))
        .collect();
    pages.insert(page("asset-indexer"));
    let contents = contents();
    let packaged = contents
        .keys()
        .filter(|path| path.contains("/man/"))
        .cloned();
    assert_eq!(packaged.collect::<BTreeSet<_>>(), pages);
    // The man pages that the units refer to exist.
    for unit in [
        "asset-indexer.service",
        "asset-indexer-reindex.service",
        "asset-indexer-reindex.timer",
    ] {
        let unit = file(&format!("usr/lib/systemd/system/{unit}"));
        let (_, rest) = unit
            .split_once("Documentation=man:")
            .expect("a unit names a man page");
        let (name, _) = rest
            .split_once("(1)")
            .expect("the man page is in section 1");
        assert!(pages.contains(&page(name)), "{name}");
    }
}

#[test]
fn completions_ask_the_program() {
    for path in [
        "usr/share/bash-completion/completions/asset-indexer",
        "usr/share/zsh/vendor-completions/_asset-indexer",
        "usr/share/fish/vendor_completions.d/asset-indexer.fish",
    ] {
        let script = file(path);
        for word in ["ASSET_INDEXER_COMPLETE", "asset-indexer"] {
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
        .map(|component| {
            format!(
                "{}-{}",
                component["name"].as_str().unwrap(),
                component["version"].as_str().unwrap()
            )
        })
        .collect();
    // A direct dependency, an indirect dependency, and a dependency of the tests.
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
        .map(|folder| folder.trim_end_matches("/*").to_owned())
        .collect();
    assert_eq!(named, crates);
    // Each license has a paragraph at the end, with its text or with the path of the text in Debian.
    let (files, texts) = copyright.split_at(copyright.rfind("\nFiles: ").unwrap());
    for line in files
        .lines()
        .filter_map(|line| line.strip_prefix("License: "))
    {
        for license in line.split(" and ") {
            assert!(
                texts.contains(&format!("\nLicense: {license}\n ")),
                "no text of {license}"
            );
        }
    }
}

#[test]
fn example_configuration_has_the_defaults_and_only_lacks_a_source() {
    let cli = Cli::new(&Config::of([]));
    cli.configure_with(EXAMPLE);
    cli.fail(
        &["rules", "test", "a.jpg"],
        &["no Source is configured", "sources.d"],
    );
    // Comment in all defaults. The comments after the tables are a Source.
    let (settings, source) = EXAMPLE.split_once("# Sources are files").unwrap();
    let is_key = |line: &str| {
        line.split_once(" = ")
            .is_some_and(|(key, _)| !key.contains(' '))
    };
    let without_tls = |line: &&str| {
        !["tokens", "tls_"]
            .iter()
            .any(|key| line.contains(&format!("# {key}")))
    };
    let commented_in = |line: &str| match line.strip_prefix("# ") {
        Some(key) if is_key(key) => key.to_owned(),
        _ => line.to_owned(),
    };
    let lines: Vec<String> = settings
        .lines()
        .filter(without_tls)
        .map(commented_in)
        .collect();
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
fn paths_that_the_containerfile_copies_exist() {
    let containerfile = fs::read_to_string(root().join("deploy/Containerfile")).unwrap();
    let mut copied = BTreeSet::new();
    let copies = containerfile
        .lines()
        .filter_map(|line| line.strip_prefix("COPY "));
    for line in copies.filter(|line| !line.starts_with("--from=")) {
        let words: Vec<&str> = line
            .split_whitespace()
            .filter(|word| !word.starts_with("--"))
            .collect();
        let (_, sources) = words.split_last().unwrap();
        for source in sources {
            copied.insert(*source);
            assert!(root().join(source).exists(), "{source} does not exist");
        }
    }
    assert!(copied.len() >= 3, "{copied:?}");
    // The ignore file has the name that podman and docker look for. It admits exactly these paths.
    let ignore = fs::read_to_string(root().join("deploy/Containerfile.dockerignore")).unwrap();
    let admitted: BTreeSet<&str> = ignore
        .lines()
        .filter_map(|line| line.strip_prefix('!'))
        .collect();
    assert_eq!(admitted, copied);
    assert!(ignore.lines().any(|line| line == "*"), "{ignore}");
    // Without git, the commit is an argument.
    assert!(containerfile.contains("ASSET_INDEXER_COMMIT=\"$COMMIT\""));
    assert!(
        containerfile
            .lines()
            .any(|line| line.starts_with("USER ") && !line.contains("root"))
    );
}
