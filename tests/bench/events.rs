//! Measures how fast the daemon applies events, and its use of CPU and memory. There are three scenarios: a
//! backlog with an empty index, a backlog with an existing index, and a steady stream.
//!
//! `cargo bench --bench events` sends 100,000 events. `cargo bench --bench events -- 5000` sends another
//! number. `cargo bench --bench events -- 5000 --minio 50` sends events of MinIO, and the bucket takes 50 ms to
//! answer each look-up. The binary receives from a queue that this process computes, so the wall time includes
//! both processes. The benchmark fails if a message is acknowledged before its effect is committed, if a message
//! is delivered twice (events of MinIO may be: a look-up can take longer than the visibility timeout), or if the
//! index is wrong at the end.

#![allow(unreachable_pub, reason = "a benchmark exports nothing")]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use asset_indexer::observe::status::StatusReport;
use asset_indexer::observe::status::report::{DeploymentState, LagReport};

use bucket::ComputedBucket;
use commit_checker::{CommitChecker, CommitCounter};
use queue::{ComputedQueue, Emptied, Feed};
use watch::Peak;
use workload::{Sender, Workload};

mod bucket;
mod commit_checker;
mod cpu;
mod http_server;
mod mixed;
mod queue;
mod watch;
mod workload;

/// Default number of events.
const EVENTS: u64 = 100_000;

/// Time between two events of the steady stream.
const EVENT_INTERVAL: Duration = Duration::from_millis(2);

/// Maximum number of events of the steady stream.
const MAX_STEADY_EVENTS: u64 = 10_000;

/// Maximum time of the first scan.
const SCAN_DEADLINE: Duration = Duration::from_secs(600);

/// Time between two checks of the status.
const POLL: Duration = Duration::from_millis(100);

/// The field of `/proc/PID/stat` with the CPU time of a process: `utime`. `stime` is the next field.
const CPU_OF_PROCESS: usize = 14;

/// The measurements of a scenario.
struct Run {
    emptied: Emptied,
    cpu: Duration,
    peak: Peak,
    commits: u64,
    checked: u64,
    /// LIST requests for single keys.
    look_ups: u64,
    /// The lag of the last events, as the daemon reports it.
    lag: LagReport,
}

fn main() {
    // Cargo adds `--bench`.
    let arguments: Vec<String> = std::env::args().filter(|word| word != "--bench").collect();
    let number = |word: &String| word.parse().expect("the argument is a number");
    let is_minio = |word: &String| word == "--minio";
    let (events, sender) = match arguments.get(1..).unwrap_or_default() {
        [] => (EVENTS, Sender::S3),
        [events] => (number(events), Sender::S3),
        [events, option, millis] if is_minio(option) => {
            let look_up = Duration::from_millis(number(millis));
            (number(events), Sender::MinIo { look_up })
        }
        _ => panic!("usage: cargo bench --bench events [-- EVENTS [--minio MILLISECONDS]]"),
    };
    println!(
        "{:<8} {:>7} {:>8} {:>8} {:>8} {:>9} {:>13} {:>8} {:>9} {:>8} {:>8} {:>20} {:>20}",
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
        "look-ups",
        "lag p50/p99/max s",
        "as reported"
    );
    for (name, existing, events, interval) in [
        ("backlog", 0, events, Duration::ZERO),
        ("changes", events, events, Duration::ZERO),
        (
            "steady",
            events,
            events.min(MAX_STEADY_EVENTS),
            EVENT_INTERVAL,
        ),
    ] {
        let workload = Workload {
            sender,
            name,
            existing,
            events,
            interval,
        };
        print_row(&workload, &run(workload));
    }
}

/// Runs a scenario with a new daemon, which must exit successfully.
fn run(workload: Workload) -> Run {
    let folder = tempfile::tempdir().expect("a temporary folder can be created");
    let data_dir = folder.path().join("data");
    let checker = Arc::new(CommitChecker::new(&data_dir, workload));
    let shared_checker = Arc::clone(&checker);
    let queue = ComputedQueue::start(Feed {
        count: workload.events,
        interval: workload.interval,
        body: Box::new(move |number, sent| workload.body(number, sent)),
        before_delete: Box::new(move |numbers| shared_checker.check(numbers)),
    });
    let looked_up = workload.looked_up();
    let bucket = ComputedBucket::start(workload.existing, move |key: &str| {
        let object = looked_up.get(key)?;
        if let Sender::MinIo { look_up } = workload.sender {
            std::thread::sleep(look_up);
        }
        Some(object.clone())
    });
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
    let report = daemon.report().and_then(|mut report| report.sources.pop());
    let report = report.expect("the daemon has one Source");
    let commits = commits.stop();
    daemon.terminate();

    let (checked, early) = checker.counts();
    assert_eq!(
        early, 0,
        "of {checked} messages, some were acknowledged before their effect was committed"
    );
    let counts = emptied.counts;
    assert_eq!(counts.deleted, workload.events, "{counts:?}");
    if workload.sender == Sender::S3 {
        let deliveries = (counts.received, counts.deleted_again);
        assert_eq!(deliveries, (workload.events, 0), "{counts:?}");
    }
    let differences = checker.differences();
    assert!(differences.is_empty(), "{differences:#?}");
    Run {
        emptied,
        cpu,
        peak: watched.join().expect("the thread does not panic"),
        commits,
        checked,
        lag: report.lag.expect("the daemon received events"),
        look_ups: report.counts.look_ups,
    }
}

/// A daemon, which is killed when this is dropped.
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

    /// The status report; `None` if the daemon does not answer.
    fn report(&self) -> Option<StatusReport> {
        let mut status = command(self.config);
        status.args(["status", "--json"]).stderr(Stdio::null());
        let output = status.output().expect("cargo built the binary");
        let report = output.status.success().then_some(output.stdout)?;
        Some(serde_json::from_slice(&report).expect("the report has the format of this version"))
    }

    fn wait_until_deployed(&self) {
        let deadline = Instant::now() + SCAN_DEADLINE;
        let is_deployed = |report: StatusReport| {
            let mut sources = report.sources.iter();
            sources.any(|source| source.state == DeploymentState::Deployed && source.scan.is_none())
        };
        while !self.report().is_some_and(is_deployed) {
            assert!(
                Instant::now() < deadline,
                "the scan did not complete in time"
            );
            std::thread::park_timeout(POLL);
        }
    }

    fn cpu(&self) -> Duration {
        cpu::time(&format!("/proc/{}/stat", self.child.id()), CPU_OF_PROCESS)
    }

    /// Stops the daemon with SIGTERM; it must exit successfully.
    fn terminate(mut self) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status();
        assert!(sent.is_ok_and(|status| status.success()));
        let status = self.child.wait().expect("the daemon is our child");
        assert!(status.success(), "{status}");
    }
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        // The daemon may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command of the binary with a configuration. It inherits standard output and error.
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
        "{:<8} {:>7} {:>8} {wall:>8.2} {cpu:>8.2} {:>8.0} {:>13.1} {:>8} {:>9} {:>8} {:>8} {:>20} {:>20}",
        workload.name,
        workload.existing,
        workload.events,
        workload.events as f64 / wall,
        run.peak.anonymous as f64 / 1e6,
        run.commits,
        counts.extended,
        run.checked,
        run.look_ups,
        triple(lag(50), lag(99), lag(100)),
        triple(
            run.lag.p50_seconds,
            run.lag.p99_seconds,
            run.lag.max_seconds
        ),
    );
}
