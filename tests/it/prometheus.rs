//! Prometheus and promtool, where `tests/run.sh` puts them: a server of its own for a test, on the
//! loopback, which reads the daemon's metrics every second.
//!
//! What should be found is said by the tests.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::s3::form_encoded;
use crate::server::free_port;

/// How long the server may take until it is ready, and whatever is waited for until it holds.
const DEADLINE: Duration = Duration::from_secs(90);

/// How long to wait between two looks.
const POLL: Duration = Duration::from_millis(50);

/// The alert rules that are delivered.
pub fn rules_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus-rules.yml")
}

/// A program of the package.
fn program(name: &str) -> PathBuf {
    let folder = std::env::var_os("ASSET_INDEXER_TEST_PROMETHEUS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/prometheus"),
        PathBuf::from,
    );
    let program = folder.join("usr/bin").join(name);
    assert!(
        program.is_file(),
        "{} is not there: run tests/run.sh, which sets it up",
        program.display()
    );
    program
}

/// Runs promtool with something on standard input; it must succeed. Gives what it says.
#[track_caller]
pub fn promtool(arguments: &[&str], input: &str) -> String {
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("input");
    std::fs::write(&path, input).expect("the folder is ours");
    let output = Command::new(program("promtool"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(File::open(&path).expect("it was just written"))
        .output()
        .expect("it is there");
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "promtool {arguments:?}: {said}");
    said
}

/// A running server; killed when this is dropped.
pub struct Prometheus {
    child: Child,
    address: String,
    folder: TempDir,
}

impl Prometheus {
    /// Starts a server that reads that address, with the rules that are delivered; what they wait for
    /// lasts a second or two with it.
    pub fn watching(address: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let rules = std::fs::read_to_string(rules_file()).expect("it is delivered");
        let quick = rules.replace("[2m]", "[2s]");
        let quick = quick.lines().map(|line| {
            if line.trim_start().starts_with("for:") {
                "        for: 1s"
            } else {
                line
            }
        });
        let rules: Vec<&str> = quick.collect();
        let config = format!(
            "global: {{ scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }}\n\
             rule_files: [rules.yml]\n\
             scrape_configs:\n\
             - {{ job_name: asset-indexer, static_configs: [{{ targets: [\"{address}\"] }}] }}\n"
        );
        std::fs::write(folder.path().join("rules.yml"), rules.join("\n")).expect("ours");
        std::fs::write(folder.path().join("prometheus.yml"), config).expect("ours");
        let own = format!("127.0.0.1:{}", free_port());
        let log = File::create(folder.path().join("log")).expect("ours");
        let child = Command::new(program("prometheus"))
            .arg(format!("--web.listen-address={own}"))
            .arg(format!(
                "--config.file={}",
                folder.path().join("prometheus.yml").display()
            ))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.path().join("data").display()
            ))
            .arg("--log.level=warn")
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("it is there");
        let mut server = Self {
            child,
            address: own,
            folder,
        };
        server.wait_until_ready();
        server
    }

    fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let ended = self.child.try_wait().expect("our own child");
            let log = || std::fs::read_to_string(self.folder.path().join("log"));
            assert!(ended.is_none(), "Prometheus ended: {:?}", log());
            if self.get("/-/ready").is_some() {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "Prometheus is not ready: {:?}",
                log()
            );
            thread::park_timeout(POLL);
        }
    }

    /// The body of an answer of status 200.
    fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        // Of version 1.0, so that the body is sent as it is.
        let request = format!("GET {path} HTTP/1.0\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        head.contains(" 200 ").then(|| body.to_owned())
    }

    /// Waits until a query finds something; once is enough where it need not.
    #[track_caller]
    pub fn wait_for_result(&self, expression: &str, may_be_empty: bool) {
        let deadline = Instant::now() + DEADLINE;
        while self.query(expression).is_empty() && !may_be_empty {
            assert!(
                Instant::now() < deadline,
                "nothing is found by {expression}"
            );
            thread::park_timeout(POLL);
        }
    }

    /// The result of a query, now.
    #[track_caller]
    fn query(&self, expression: &str) -> Vec<Value> {
        let path = format!("/api/v1/query?query={}", form_encoded(expression));
        let answer = self.get(&path);
        let answer = answer.unwrap_or_else(|| panic!("no query: {expression}"));
        let result = &json(&answer)["data"]["result"];
        result.as_array().cloned().unwrap_or_default()
    }

    /// The names of the alerts that fire now.
    pub fn firing(&self) -> BTreeSet<String> {
        let answer = json(&self.get("/api/v1/alerts").expect("it is up"));
        let alerts = answer["data"]["alerts"].as_array().cloned();
        let firing = alerts.into_iter().flatten();
        let firing = firing.filter(|alert| alert["state"] == "firing");
        let name = |alert: Value| alert["labels"]["alertname"].as_str().map(str::to_owned);
        firing.filter_map(name).collect()
    }

    /// Waits until that holds of the names of the alerts that fire.
    #[track_caller]
    pub fn wait_for(&self, what: &str, holds: impl Fn(&BTreeSet<String>) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let firing = self.firing();
            if holds(&firing) {
                return;
            }
            assert!(Instant::now() < deadline, "{what}: there fire {firing:?}");
            thread::park_timeout(POLL);
        }
    }

    /// Waits until all of these fire.
    #[track_caller]
    pub fn wait_for_all(&self, names: &[&str]) {
        let are_there = |firing: &BTreeSet<String>| names.iter().all(|name| firing.contains(*name));
        self.wait_for(&format!("{names:?} should fire"), are_there);
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // Both fail where it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}
