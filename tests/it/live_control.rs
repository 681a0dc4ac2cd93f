//! The requests of other commands to a running daemon, and what it reports to systemd and over HTTP.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::cli::Running;
use crate::config::Source;
use crate::daemon::Daemon;
use crate::fixture::{SOURCE, numbered};
use crate::live_fixture::{Live, wait_for_keys};
use crate::messages;
use crate::proxy::{Gate, nth_list};
use crate::s3::Bucket;
use crate::server;
use crate::sqs::Sqs;

/// Maximum time to wait for a message to systemd.
const DEADLINE: Duration = Duration::from_secs(60);

#[test]
fn running_daemon_executes_a_reindex() {
    let live = Live::silent();
    live.bucket.put_keys(["a.jpg", "b.jpg"]);
    let daemon = live.serve();
    // No event reports these changes.
    live.bucket.put("c.jpg", "new");
    live.bucket.delete("a.jpg");
    let output = live.cli.succeed(&["reindex"]);
    let summary = "1 added, 0 changed, 1 removed; 1 LIST requests";
    assert!(output.stdout.contains(summary), "{output:#?}");
    assert_eq!(daemon.count(&["scan started", "a user requested it"]), 1);
    live.wait_for_mirror();
    let refused = live.cli.run(&["reindex", "--source", "unknown"]);
    assert_eq!(refused.status.code(), Some(2), "{refused:#?}");
    let dry = live.cli.succeed(&["reindex", "--dry-run"]);
    assert!(dry.stdout.contains("would be: 0 added"), "{dry:#?}");
    daemon.terminate();
    // Without a daemon, the command scans by itself.
    live.cli.succeed(&["reindex"]);
}

#[test]
fn failed_scan_in_the_daemon_fails_the_command() {
    let live = Live::silent();
    let daemon = live.serve();
    live.bucket.remove();
    let output = live.cli.run(&["reindex"]);
    assert_eq!(output.status.code(), Some(1), "{output:#?}");
    assert!(output.stderr.contains("NoSuchBucket"), "{output:#?}");
    daemon.terminate();
}

/// Starts a daemon and a rebuild that waits for its second page. Also returns the current generation, and the
/// gate that holds the rebuild.
fn half_rebuilt(live: &Live) -> (Daemon, String, Gate, Running) {
    live.bucket.put_keys(numbered(0..1500));
    let daemon = live.serve();
    let before = live.cli.generation();
    // The first scan took two pages.
    let gate = live.proxy.hold(nth_list(live.proxy.lists().len() + 2));
    let rebuild = live.cli.start(&["reindex", "--rebuild"]);
    gate.wait_until_reached();
    (daemon, before, gate, rebuild)
}

#[test]
fn rebuild_misses_no_event() {
    let mut live = Live::new();
    // Messages that an aborted receive of the previous session has taken are redelivered soon.
    live.configure(|config| config.visibility_timeout_seconds = 10);
    let (daemon, before, gate, rebuild) = half_rebuilt(&live);
    let [first, last] = ["photos/00000.jpg", "photos/01499.jpg"];
    live.bucket
        .put(first, "overwritten after the rebuild listed it");
    live.bucket.delete("photos/00001.jpg");
    live.bucket
        .put(last, "overwritten before the rebuild lists it");
    // Meanwhile the current index is updated.
    live.wait_for_mirror();
    assert_eq!(live.cli.generation(), before);
    gate.open();
    let output = rebuild.wait();
    assert!(output.status.success(), "{output:#?}");
    assert_ne!(live.cli.generation(), before);
    live.wait_for_mirror();
    live.bucket.put("after.jpg", "events go into the new index");
    live.wait_for_mirror();
    // No event was lost, so no scan was due.
    assert_eq!(daemon.count(&["scan started"]), 1);
    daemon.terminate();
    let daemon = live.serve_again();
    assert_eq!(daemon.count(&["scan started"]), 0);
    daemon.terminate();
}

#[test]
fn scan_after_a_rebuild_finds_what_the_queue_lost() {
    let live = Live::new();
    let (daemon, before, gate, rebuild) = half_rebuilt(&live);
    // The rebuild has listed the page of the key, and the event is lost. Only a scan can find the change.
    live.queue.remove();
    daemon.wait_for(&["receive failed", "queue"]);
    live.bucket
        .put("photos/00000.jpg", "not reported by an event");
    live.queue.create_planned(server::shared());
    // A scan repairs the current index.
    daemon.wait_for_times(2, &["scan completed"]);
    live.wait_for_mirror();
    gate.open();
    let output = rebuild.wait();
    assert!(output.status.success(), "{output:#?}");
    assert_ne!(live.cli.generation(), before);
    live.wait_for_mirror();
    daemon.terminate();
}

#[test]
fn one_rebuild_runs_at_a_time_and_goes_on_after_a_reload() {
    let live = Live::new();
    let (daemon, before, gate, rebuild) = half_rebuilt(&live);
    assert_eq!(generations(&live).len(), 2);
    live.cli
        .fail(&["reindex", "--rebuild"], &["a rebuild is already running"]);
    let lists = live.proxy.lists().len();
    daemon.hangup();
    daemon.wait_for(&["a new configuration is in force"]);
    live.bucket.delete("photos/00000.jpg");
    gate.open();
    let ended = rebuild.wait();
    assert!(ended.status.success(), "{ended:#?}");
    assert_eq!(live.proxy.lists().len(), lists, "it lists nothing again");
    assert_ne!(live.cli.generation(), before);
    live.wait_for_mirror();
    assert_eq!(daemon.count(&["rebuild started"]), 1);
    daemon.terminate();
    assert_eq!(generations(&live).len(), 1, "the previous index stays");
}

/// The folders of the data directory that contain an index, complete or not.
fn generations(live: &Live) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(live.cli.data_dir()).expect("it is there");
    let folders = entries.map(|entry| entry.expect("readable").path());
    folders
        .filter(|path| path.is_dir() && path.join("meta.json").exists())
        .collect()
}

#[test]
fn socket_does_not_replace_another_file() {
    let live = Live::new();
    let path = live.cli.data_dir().join("control.sock");
    std::fs::create_dir_all(live.cli.data_dir()).expect("ours");
    std::fs::write(&path, "precious").expect("ours");
    live.cli.fail(&["serve"], &["is not a socket"]);
    assert_eq!(std::fs::read(&path).expect("it is there"), b"precious");
}

#[test]
fn retry_removes_a_handled_message_from_the_quarantine() {
    let live = Live::new();
    let daemon = live.serve();
    live.queue.send(&["rubbish"]);
    daemon.wait_for(&["message quarantined"]);
    let listed = live.cli.succeed(&["quarantine", "list"]).stdout;
    let id = listed
        .split('\t')
        .next()
        .expect("split yields one part")
        .to_owned();
    let failed = live.cli.run(&["quarantine", "retry", &id]);
    assert_eq!(failed.status.code(), Some(1), "{failed:#?}");
    assert!(failed.stderr.contains("expected JSON"), "{failed:#?}");
    // Put a readable body into the entry, as if an older program could not read the message.
    let path = live.cli.data_dir().join(format!("quarantine/{id}.json"));
    let entry = std::fs::read_to_string(&path).expect("it is quarantined");
    let change = messages::ObjectChange {
        bucket: &live.bucket.name,
        key: "late.jpg",
        object: None,
        time: 1,
        sequencer: 1,
    };
    let body = messages::s3(&change).to_string();
    let body = serde_json::to_string(&body).expect("text is JSON");
    std::fs::write(&path, entry.replace("\"rubbish\"", &body)).expect("ours");
    let done = live.cli.succeed(&["quarantine", "retry", &id]);
    assert!(done.stdout.contains("done"), "{done:#?}");
    assert_eq!(live.quarantined(), 0);
    daemon.terminate();
    let refused = live.cli.run(&["quarantine", "retry", &id]);
    assert!(refused.stderr.contains("no daemon answers"), "{refused:#?}");
}

#[test]
fn reports_status_by_command_and_over_http() {
    let mut live = Live::new();
    live.configure(|config| config.listen = "127.0.0.1:0".to_owned());
    live.bucket.put_keys(["a.jpg", "b.jpg"]);
    let daemon = live.serve();
    live.bucket.put("c.jpg", "reported by an event");
    live.wait_for_mirror();
    live.queue.wait_until_empty();
    let output = live.cli.succeed(&["status", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&output.stdout).expect("JSON");
    let source = &report["sources"][0];
    assert_eq!(source["name"], SOURCE);
    assert_eq!(source["state"], "deployed", "{report:#}");
    assert_eq!(source["assets"], 3);
    assert!(
        source["lag"]["p50_seconds"].as_f64().is_some(),
        "{report:#}"
    );
    assert_eq!(report["ready"], true);
    let table = live.cli.succeed(&["status"]).stdout;
    assert!(
        table.contains("deployed") && table.contains(SOURCE),
        "{table}"
    );
    let address = daemon.field(&["serving HTTP"], "address");
    for (path, code, words) in [
        ("/healthz", 200, "ok"),
        ("/readyz", 200, ""),
        ("/status", 200, "\"deployed\""),
        ("/metrics", 200, "asset_indexer_assets{source=\"assets\"} 3"),
        ("/", 200, "<!doctype html>"),
    ] {
        let answer = get(&address, path);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {code} ")),
            "{path}: {answer}"
        );
        assert!(answer.contains(words), "{path}: {answer}");
    }
    daemon.terminate();
    let gone = live.cli.run(&["status"]);
    assert_eq!(gone.status.code(), Some(1), "{gone:#?}");
    assert!(gone.stderr.contains("no daemon answers"), "{gone:#?}");
}

/// Sends a GET request to the daemon. Returns the whole response as text.
fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("the response is text");
    answer
}

#[test]
fn unfinished_requests_do_not_block_others() {
    let live = Live::new();
    let daemon = live.serve();
    let socket = live.cli.data_dir().join("control.sock");
    let halves = (0..100).map(|_| {
        let mut half = UnixStream::connect(&socket).expect("it listens");
        // Writing fails if the connection was evicted already.
        let _ = half.write_all(b"\"stat");
        half
    });
    let _halves: Vec<UnixStream> = halves.collect();
    live.cli.succeed(&["status"]);
    live.cli.succeed(&["log"]);
    assert_eq!(daemon.count(&["connection limit reached"]), 1);
    daemon.terminate();
}

#[test]
fn second_daemon_fails_without_effect_on_the_first() {
    let live = Live::new();
    let daemon = live.serve();
    let second = live.cli.run(&["serve"]);
    assert_eq!(second.status.code(), Some(1), "{second:#?}");
    assert!(second.stderr.contains("being written by"), "{second:#?}");
    live.bucket.put("a.jpg", "events are still applied");
    live.wait_for_mirror();
    live.cli.succeed(&["status"]);
    daemon.terminate();
}

#[test]
fn notifies_systemd_of_every_change() {
    let mut live = Live::new();
    let socket = live.cli.folder().join("notify.sock");
    let systemd = UnixDatagram::bind(&socket).expect("the folder is ours");
    systemd.set_read_timeout(Some(DEADLINE)).expect("not zero");
    let path = socket.to_str().expect("UTF-8").to_owned();
    live.cli.set_environment("NOTIFY_SOCKET", &path);
    live.cli.set_environment("WATCHDOG_USEC", "1000000");
    let daemon = live.cli.serve();
    let wait_for = |words: &str| {
        let deadline = Instant::now() + DEADLINE;
        let mut message = [0; 4096];
        while Instant::now() < deadline {
            let length = systemd.recv(&mut message).expect("a message arrives");
            let message = String::from_utf8_lossy(&message[..length]).into_owned();
            if message.contains(words) {
                return message;
            }
        }
        panic!("no message contains {words}");
    };
    wait_for("READY=1");
    wait_for("STATUS=");
    wait_for("WATCHDOG=1");
    wait_for("WATCHDOG=1");
    daemon.hangup();
    let reloading = wait_for("RELOADING=1");
    assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
    wait_for("READY=1");
    daemon.signal("TERM");
    wait_for("STOPPING=1");
}

#[test]
fn receives_from_all_queues_with_fewer_permits_than_queues() {
    let mut live = Live::new();
    let others: Vec<(String, Bucket)> = (0..12)
        .map(|number| (format!("other-{number}"), Bucket::create(server::shared())))
        .collect();
    live.configure(|config| {
        config.receives_in_flight = 3;
        for (name, bucket) in &others {
            let queue = Sqs::create(server::shared());
            bucket.notify(&queue.arn());
            let mut source = Source::of(name, bucket, server::shared().endpoint());
            source.queue_url = Some(queue.url);
            config.sources.push(source);
        }
    });
    let daemon = live.cli.serve();
    daemon.wait_for_times(others.len() + 1, &["scan completed"]);
    for (_, bucket) in &others {
        bucket.put("a.jpg", "reported by an event");
    }
    for (name, _) in &others {
        wait_for_keys(&live.cli, name, &["a.jpg"]);
    }
    assert_eq!(daemon.count(&["scan started"]), others.len() + 1);
    daemon.terminate();
}
