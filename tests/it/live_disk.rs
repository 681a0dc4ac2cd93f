//! The daemon on a disk that refuses writes: it acknowledges nothing, and continues when the disk works
//! again.
//!
//! The tests limit the size of files (RLIMIT_FSIZE). This limit can be set on a running process, and applies
//! to every user, including root.

use std::process::Command;

use crate::cli::BINARY;
use crate::daemon::Daemon;
use crate::fixture::{SOURCE, numbered};
use crate::live_fixture::{Live, SCANNED, wait_for_keys};
use crate::proxy::{Request, nth_list};

/// Runs a command with SIGXFSZ ignored, so that a write beyond the limit is an error and does not kill it.
const WITHOUT_SIGXFSZ: &str = "trap '' XFSZ; exec \"$@\"";

/// Limits the size of the files that the daemon writes, in bytes.
pub fn limit(daemon: &Daemon, bytes: &str) {
    set_limit(daemon, &format!("--fsize={bytes}:unlimited"));
}

/// Sets a limit of the running daemon by an option of prlimit.
pub fn set_limit(daemon: &Daemon, limit: &str) {
    let limited = Command::new("prlimit")
        .args(["--pid", &daemon.id().to_string(), limit])
        .status();
    let limited = limited.expect("prlimit (util-linux) is installed");
    assert!(limited.success(), "the limit cannot be set");
}

/// A command that runs the binary so that a write beyond the limit is an error.
pub fn limitable() -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", WITHOUT_SIGXFSZ, "sh", BINARY]);
    command
}

#[test]
fn acknowledges_nothing_while_writes_fail() {
    let mut live = Live::silent();
    live.configure(|config| config.visibility_timeout_seconds = 10);
    live.bucket.put_keys(["a.jpg", "b.jpg"]);
    let daemon = live.cli.serve_by(limitable());
    daemon.wait_for(&SCANNED);
    live.bucket.notify(&live.queue.arn());
    live.queue.wait_until_empty();
    // First files are truncated. Then nothing can be written at all.
    limit(&daemon, "100");
    live.bucket.put("c.jpg", "new");
    live.bucket.delete("a.jpg");
    live.queue.send(&["rubbish"]);
    daemon.wait_for(&["ERROR", "the index failed", "no message is acknowledged"]);
    limit(&daemon, "0");
    wait_for_keys(&live.cli, SOURCE, &["a.jpg", "b.jpg"]);
    let counts = live.queue.counts();
    assert_eq!(counts.visible + counts.in_flight, 3, "{counts:?}");
    limit(&daemon, "unlimited");
    live.wait_for_mirror();
    live.queue
        .wait_for("acknowledgement of all but the rubbish", |counts| {
            counts.visible + counts.in_flight == 1
        });
    assert_eq!(daemon.count(&["scan started"]), 1);
    daemon.terminate();
    live.wait_for_mirror();
}

#[test]
fn resumes_a_scan_when_the_disk_works_again() {
    let mut live = Live::silent();
    live.configure(|config| config.commit_documents = 1000);
    live.bucket.put_keys(numbered(0..2500));
    let gate = live.proxy.hold(nth_list(3));
    let daemon = live.cli.serve_by(limitable());
    gate.wait_until_reached();
    live.wait_for_count(1000);
    limit(&daemon, "1000");
    gate.open();
    daemon.wait_for(&["ERROR", "the index failed"]);
    assert_eq!(daemon.count(&SCANNED), 0);
    limit(&daemon, "unlimited");
    daemon.wait_for(&SCANNED);
    live.wait_for_mirror();
    let resumed = |request: &Request| request.get("start-after").is_some();
    assert!(
        live.proxy.lists().iter().any(resumed),
        "the scan started again"
    );
    daemon.terminate();
}
