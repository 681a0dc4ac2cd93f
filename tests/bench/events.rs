//! How fast the daemon follows events, what that takes, and whether it acknowledges any before its effect
//! is committed: a backlog into an empty index, one into a live index, and a steady stream.
//!
//! `cargo bench --bench events` takes 100,000 events, `cargo bench --bench events -- 5000` so many. The
//! real binary receives from a queue that this process computes, so the wall time has both in it.
//! It fails if a message is acknowledged too early, comes twice, or the index is wrong at the end.

#![allow(unreachable_pub, reason = "a benchmark exports nothing")]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use asset_indexer::observe::status::StatusReport;
use asset_indexer::observe::status::report::{DeploymentState, LagReport};

use bucket::ComputedBucket;
use queue::{ComputedQueue, Emptied, Feed};
use watch::Peak;
use witness::{CommitCounter, Witness};
use workload::Workload;

mod bucket;
mod cpu;
mod http_server;
mod queue;
mod watch;
mod witness;
mod workload;

/// How many events wait, if no argument says.
const EVENTS: u64 = 100_000;

/// The steady stream: the time between two events, and how many there are at the most.
const EVERY: Duration = Duration::from_millis(2);
const STEADY_EVENTS: u64 = 10_000;

/// How long the first scan may take, and how often is looked whether it is complete.
const SCAN_DEADLINE: Duration = Duration::from_secs(600);
const POLL: Duration = Duration::from_millis(100);

/// Where `stat` has the processor time of a process: `utime`, then `stime`.
const CPU_OF_PROCESS: usize = 14;

/// What one scenario took.
struct Run {
    emptied: Emptied,
    cpu: Duration,
    peak: Peak,
    commits: u64,
    checked: u64,
    /// By the daemon's own account, of the newest events.
    lag: LagReport,
}

fn main() {
    // Cargo adds `--bench`.
    let mut given = std::env::args().skip(1).filter(|word| word != "--bench");
    let events = given.next().map_or(EVENTS, |word| {
        word.parse().expect("the argument is a number of events")
    });
    println!(
        "{:<8} {:>7} {:>8} {:>8} {:>8} {:>9} {:>13} {:>8} {:>9} {:>8} {:>20} {:>20}",
        "events",
        "keys",
        "events",
        "wall s",
        "CPU s",
        "events/s",
        "anonymous MB",
        "commits",
        "extended",
        "checked",
        "lag p50/p99/max s",
        "by the daemon"
    );
    for (name, live, events, every) in [
        ("backlog", 0, events, Duration::ZERO),
        ("changes", events, events, Duration::ZERO),
        ("steady", events, events.min(STEADY_EVENTS), EVERY),
    ] {
        let workload = Workload {
            name,
            live,
            events,
            every,
        };
        print_row(&workload, &run(workload));
    }
}

/// Runs a scenario with a daemon of its own, which must end well.
fn run(workload: Workload) -> Run {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data_dir = folder.path().join("data");
    let witness = Arc::new(Witness::new(&data_dir, workload));
    let checking = Arc::clone(&witness);
    let queue = ComputedQueue::start(Feed {
        count: workload.events,
        every: workload.every,
        body: Box::new(move |number, sent| workload.body(number, sent)),
        before_delete: Box::new(move |numbers| checking.check(numbers)),
    });
    let bucket = ComputedBucket::start(workload.live);
    let config = folder.path().join("asset-indexer.toml");
    let text = format!(
        "{}events = {{ queue_url = \"{}\" }}\n\n[serve]\nlisten = \"off\"\n",
        bucket.config(&data_dir),
        queue.url()
    );
    std::fs::write(&config, text).expect("the folder is ours");

    let daemon = Daemon::start(&config);
    daemon.wait_until_deployed();
    let commits = CommitCounter::start(&data_dir);
    let cpu_before = daemon.cpu();
    let watched = watch::watch(daemon.child.id());
    queue.begin();
    let emptied = queue.wait_until_empty();
    let cpu = daemon.cpu() - cpu_before;
    let lag = daemon.report().and_then(|mut it| it.sources.remove(0).lag);
    let commits = commits.stop();
    daemon.terminate();

    let (checked, early) = witness.verdict();
    assert_eq!(early, 0, "of {checked} messages were acknowledged early");
    let counts = emptied.counts;
    let once = (counts.received, counts.deleted, counts.deleted_again);
    assert_eq!(once, (workload.events, workload.events, 0), "{counts:?}");
    let differences = witness.differences();
    assert!(differences.is_empty(), "{differences:#?}");
    Run {
        emptied,
        cpu,
        peak: watched.join().expect("it does not panic"),
        commits,
        checked,
        lag: lag.expect("events were followed"),
    }
}

/// A daemon; killed when this is dropped.
struct Daemon<'a> {
    config: &'a Path,
    child: Child,
}

impl<'a> Daemon<'a> {
    fn start(config: &'a Path) -> Self {
        let mut serving = command(config);
        serving.arg("serve").env("ASSET_INDEXER_LOG", "warn");
        let child = serving.spawn().expect("cargo built the binary");
        Self { config, child }
    }

    /// What it says of itself; `None` while it cannot be asked.
    fn report(&self) -> Option<StatusReport> {
        let mut asking = command(self.config);
        asking.args(["status", "--json"]).stderr(Stdio::null());
        let output = asking.output().expect("cargo built the binary");
        let report = output.status.success().then_some(output.stdout)?;
        Some(serde_json::from_slice(&report).expect("it is of this version"))
    }

    fn wait_until_deployed(&self) {
        let deadline = Instant::now() + SCAN_DEADLINE;
        let is_deployed = |report: StatusReport| {
            let mut sources = report.sources.iter();
            sources.any(|source| source.state == DeploymentState::Deployed && source.scan.is_none())
        };
        while !self.report().is_some_and(is_deployed) {
            assert!(Instant::now() < deadline, "the scan does not end");
            std::thread::park_timeout(POLL);
        }
    }

    fn cpu(&self) -> Duration {
        cpu::time(&format!("/proc/{}/stat", self.child.id()), CPU_OF_PROCESS)
    }

    /// Ends it in good order.
    fn terminate(mut self) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status();
        assert!(sent.is_ok_and(|status| status.success()));
        let status = self.child.wait().expect("our own child");
        assert!(status.success(), "{status}");
    }
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The binary with a configuration, and what it says as ours.
fn command(config: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_asset-indexer"));
    command
        .arg("--config")
        .arg(config)
        .env_clear()
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .stdin(Stdio::null());
    command
}

fn print_row(workload: &Workload, run: &Run) {
    let Emptied { took, lags, counts } = &run.emptied;
    let (wall, cpu) = (took.as_secs_f64(), run.cpu.as_secs_f64());
    let last = lags.len() - 1;
    let lag = |percent: usize| lags[last * percent / 100].as_secs_f64();
    let triple = |p50, p99, max| format!("{p50:.2}/{p99:.2}/{max:.2}");
    println!(
        "{:<8} {:>7} {:>8} {wall:>8.2} {cpu:>8.2} {:>8.0} {:>13.1} {:>8} {:>9} {:>8} {:>20} {:>20}",
        workload.name,
        workload.live,
        workload.events,
        workload.events as f64 / wall,
        run.peak.anonymous as f64 / 1e6,
        run.commits,
        counts.extended,
        run.checked,
        triple(lag(50), lag(99), lag(100)),
        triple(
            run.lag.p50_seconds,
            run.lag.p99_seconds,
            run.lag.max_seconds
        ),
    );
}
