//! The file CURRENT is lost or damaged while processes use the index: searches go on, and the daemon writes the file
//! again.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use asset_indexer::search::{Deadline, Request, SearchIndex};

use crate::cli::{BINARY, Cli};
use crate::daemon::Daemon;
use crate::fixture::{Fixture, SOURCE, numbered};
use crate::http_client::get;

/// Number of assets in the bucket.
const ASSETS: usize = 3;

/// What the daemon logs when it writes the file.
const RESTORED: &str = "it is written again";

fn current(cli: &Cli) -> PathBuf {
    cli.data_dir().join("CURRENT")
}

/// The number of assets that a server finds.
fn found_by(address: &str) -> u64 {
    let found = get(address, "/v1/search?q=photos");
    found["meta"]["total"]["value"].as_u64().expect("a number")
}

/// The number of assets that the search library finds.
fn found_by_library(index: &SearchIndex) -> u64 {
    let snapshot = index.snapshot().expect("there is an index");
    let page = snapshot.search(snapshot.sources(), &Request::default(), &Deadline::never());
    page.expect("readable").total.value
}

fn library(cli: &Cli) -> SearchIndex {
    let index = SearchIndex::open(cli.data_dir()).expect("there is an index");
    // Every search reads the disk.
    index.max_age(Duration::ZERO)
}

fn serving() -> Fixture {
    let mut fixture = Fixture::with_keys(numbered(0..ASSETS));
    fixture.configure(|config| config.listen = "127.0.0.1:0".to_owned());
    fixture
}

fn read_only(cli: &Cli) -> (Daemon, String) {
    let reader = cli.watch(Command::new(BINARY), &["serve", "--read-only"]);
    let address = reader.field(&["serving searches"], "address");
    (reader, address)
}

#[test]
fn searches_go_on_and_the_daemon_writes_the_file_again() {
    let fixture = serving();
    let cli = &fixture.cli;
    let daemon = cli.serve();
    daemon.wait_for(&["scan completed"]);
    let address = daemon.field(&["serving HTTP"], "address");
    let (reader, read_only_address) = read_only(cli);
    let library = library(cli);
    let before = cli.generation();
    let found = || {
        let served = [&address, &read_only_address].map(|address| found_by(address));
        (served, found_by_library(&library))
    };
    let all = ASSETS as u64;
    assert_eq!(found(), ([all, all], all));
    for (times, contents) in [(1, None), (2, Some("rubbish")), (3, Some(""))] {
        match contents {
            None => fs::remove_file(current(cli)).expect("there is an index"),
            Some(text) => fs::write(current(cli), text).expect("there is an index"),
        }
        assert_eq!(found(), ([all, all], all), "{contents:?}");
        daemon.wait_for_times(times, &[RESTORED]);
        assert_eq!(cli.generation(), before);
    }
    // A rebuild still replaces the index.
    cli.succeed(&["reindex", "--rebuild"]);
    assert_ne!(cli.generation(), before);
    assert_eq!(found(), ([all, all], all));
    assert_eq!(daemon.count(&[RESTORED]), 3);
    daemon.terminate();
    reader.terminate();
}

#[test]
fn readers_find_the_complete_index_without_the_file() {
    let fixture = serving();
    let cli = &fixture.cli;
    cli.reindex();
    let (reader, address) = read_only(cli);
    let library_before = library(cli);
    let all = ASSETS as u64;
    assert_eq!(
        (found_by(&address), found_by_library(&library_before)),
        (all, all)
    );
    fs::remove_file(current(cli)).expect("there is an index");
    assert_eq!(
        (found_by(&address), found_by_library(&library_before)),
        (all, all)
    );
    // Processes that start without the file.
    assert_eq!(found_by_library(&library(cli)), all);
    assert_eq!(cli.keys(SOURCE).len(), ASSETS);
    let (second, address) = read_only(cli);
    assert_eq!(found_by(&address), all);
    assert!(!current(cli).exists(), "readers write nothing");
    cli.reindex();
    assert!(current(cli).exists(), "a writer does");
    fixture.assert_mirror();
    reader.terminate();
    second.terminate();
}
