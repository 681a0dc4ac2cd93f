//! Runs Prometheus and promtool, which `tests/run.sh` installs. A test starts its own server on the loopback
//! interface, which scrapes the daemon every second.
//!
//! The tests decide which results they expect.

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

/// Time for the server to become ready, and for any other condition.
const DEADLINE: Duration = Duration::from_secs(90);

/// Time between two checks of a condition.
const POLL: Duration = Duration::from_millis(50);

/// The alert rules of the package.
pub fn rules_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus-rules.yml")
}

/// The path of a Prometheus program.
fn program(name: &str) -> PathBuf {
    let folder = std::env::var_os("ASSET_INDEXER_TEST_PROMETHEUS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/prometheus"),
        PathBuf::from,
    );
    let program = folder.join("usr/bin").join(name);
    assert!(
        program.is_file(),
        "{} is missing: run tests/run.sh, which installs it",
        program.display()
    );
    program
}

/// Runs promtool with this standard input. It must succeed. Returns its output.
#[track_caller]
pub fn promtool(arguments: &[&str], input: &str) -> String {
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("input");
    std::fs::write(&path, input).expect("the folder is ours");
    let output = Command::new(program("promtool"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(File::open(&path).expect("the file was just written"))
        .output()
        .expect("promtool is installed");
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "promtool {arguments:?}: {text}");
    text
}

/// A running server. Dropping it kills the server.
pub struct Prometheus {
    child: Child,
    address: String,
    folder: TempDir,
}

impl Prometheus {
    /// Starts a server that scrapes this address, with the alert rules of the package. Their waiting times
    /// are shortened to a second or two.
    pub fn watching(address: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let rules = std::fs::read_to_string(rules_file()).expect("the rules exist");
        let shortened = rules.replace("[2m]", "[2s]");
        let shortened = shortened.lines().map(|line| {
            if line.trim_start().starts_with("for:") {
                "        for: 1s"
            } else {
                line
            }
        });
        let rules: Vec<&str> = shortened.collect();
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
            .expect("Prometheus is installed");
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

    /// The body of a response, if its status is 200.
    fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        // With HTTP 1.0 the body is not chunked.
        let request = format!("GET {path} HTTP/1.0\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut response = String::new();
        stream.read_to_string(&mut response).ok()?;
        let (head, body) = response.split_once("\r\n\r\n")?;
        head.contains(" 200 ").then(|| body.to_owned())
    }

    /// Waits until a query has a result. If it may be empty, only checks that the query is valid.
    #[track_caller]
    pub fn wait_for_result(&self, expression: &str, may_be_empty: bool) {
        let deadline = Instant::now() + DEADLINE;
        while self.query(expression).is_empty() && !may_be_empty {
            assert!(Instant::now() < deadline, "no result: {expression}");
            thread::park_timeout(POLL);
        }
    }

    /// The current result of a query.
    #[track_caller]
    fn query(&self, expression: &str) -> Vec<Value> {
        let path = format!("/api/v1/query?query={}", form_encoded(expression));
        let response = self.get(&path);
        let response = response.unwrap_or_else(|| panic!("invalid query: {expression}"));
        let result = &json(&response)["data"]["result"];
        result.as_array().cloned().unwrap_or_default()
    }

    /// The names of the firing alerts.
    pub fn firing(&self) -> BTreeSet<String> {
        let response = json(&self.get("/api/v1/alerts").expect("the server runs"));
        let alerts = response["data"]["alerts"].as_array().cloned();
        let firing = alerts.into_iter().flatten();
        let firing = firing.filter(|alert| alert["state"] == "firing");
        let name = |alert: Value| alert["labels"]["alertname"].as_str().map(str::to_owned);
        firing.filter_map(name).collect()
    }

    /// Waits until the names of the firing alerts satisfy `holds`.
    #[track_caller]
    pub fn wait_for(&self, what: &str, holds: impl Fn(&BTreeSet<String>) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let firing = self.firing();
            if holds(&firing) {
                return;
            }
            assert!(Instant::now() < deadline, "{what}: firing: {firing:?}");
            thread::park_timeout(POLL);
        }
    }

    /// Waits until all of these fire.
    #[track_caller]
    pub fn wait_for_all(&self, names: &[&str]) {
        let all_fire = |firing: &BTreeSet<String>| names.iter().all(|name| firing.contains(*name));
        self.wait_for(&format!("{names:?} should fire"), all_fire);
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // Both fail if the process has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}
