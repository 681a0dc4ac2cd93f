//! Random changes of Sources in a daemon that is killed at any moment, also in the middle of a change or a rebuild. The
//! index ends in the state of the last acknowledged change.
//!
//! The buckets do not change.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::access::{get_with, new_token};
use crate::cli::{Cli, Running};
use crate::config::Config;
use crate::daemon::Daemon;
use crate::live_kill::Numbers;
use crate::s3::Bucket;
use crate::server;

/// The names of the Sources. Each has its own bucket.
const NAMES: [&str; 2] = ["first", "second"];

/// The keys of each bucket. Each prefix has assets under each rule, so a move always finds some.
const KEYS: [&str; 6] = [
    "a/1.jpg",
    "a/2.png",
    "a/b/3.jpg",
    "b/1.jpg",
    "b/2.png",
    "c.png",
];
const PREFIXES: [&str; 3] = ["", "a/", "b/"];
const INCLUDES: [&str; 3] = ["**/*", "**/*.png", "**/{1,2}.*"];

/// The number of changes of one sequence.
const CHANGES: usize = 40;

/// No daemon is killed later than this after the start of a change. Most changes take less.
const LATEST_KILL_MICROS: usize = 150_000;

/// Maximum time until the index is as it should be.
const DEADLINE: Duration = Duration::from_secs(30);
/// Time between two looks.
const POLL: Duration = Duration::from_millis(1);

/// What is stored about a Source.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stored {
    enabled: bool,
    prefix: &'static str,
    include: &'static str,
}

/// The stored Sources, by name.
type Sources = BTreeMap<&'static str, Stored>;

#[derive(Clone, Copy, Debug)]
enum Edit {
    Create(&'static str, &'static str),
    Prefix(&'static str),
    Include(&'static str),
    Enable(bool),
    Remove,
}

impl Stored {
    /// Whether searches find the key.
    fn has(&self, key: &str) -> bool {
        let Some(path) = key.strip_prefix(self.prefix) else {
            return false;
        };
        self.enabled
            && match self.include {
                "**/*.png" => path.ends_with(".png"),
                "**/{1,2}.*" => path.contains("1.") || path.contains("2."),
                _ => true,
            }
    }

    /// What the API shows.
    fn of(values: &Value) -> Self {
        let one_of = |all: [&'static str; 3], value: &Value| {
            let value = value.as_str().unwrap_or_default();
            let found = all.into_iter().find(|it| *it == value);
            found.unwrap_or_else(|| panic!("{value:?} was never set"))
        };
        Self {
            enabled: values["enabled"] != false,
            prefix: one_of(PREFIXES, &values["prefix"]),
            include: one_of(INCLUDES, &values["rules"]["include"][0]),
        }
    }
}

impl Edit {
    fn random(numbers: &mut Numbers, exists: bool) -> Self {
        let prefix = PREFIXES[numbers.below(PREFIXES.len())];
        let include = INCLUDES[numbers.below(INCLUDES.len())];
        match numbers.below(10) {
            _ if !exists => Self::Create(prefix, include),
            0 => Self::Remove,
            1..4 => Self::Prefix(prefix),
            4..7 => Self::Include(include),
            other => Self::Enable(other % 2 == 0),
        }
    }

    /// The Sources after the change.
    fn apply(self, name: &'static str, sources: &Sources) -> Sources {
        let mut after = sources.clone();
        match (self, after.get_mut(name)) {
            (Self::Create(prefix, include), _) => {
                let enabled = true;
                let stored = Stored {
                    enabled,
                    prefix,
                    include,
                };
                after.insert(name, stored);
            }
            (Self::Remove, _) => drop(after.remove(name)),
            (Self::Prefix(prefix), Some(stored)) => stored.prefix = prefix,
            (Self::Include(include), Some(stored)) => stored.include = include,
            (Self::Enable(enabled), Some(stored)) => stored.enabled = enabled,
            (_, None) => unreachable!("only Sources that exist are changed"),
        }
        after
    }

    /// The request that makes the change: method, path and body.
    fn request(self, name: &str, bucket: &Bucket) -> (&'static str, String, Value) {
        let path = format!("/v1/sources/{name}");
        match self {
            Self::Create(prefix, include) => {
                let body = json!({
                    "name": name,
                    "bucket": bucket.name,
                    "endpoint_url": server::shared().endpoint(),
                    "path_style": true,
                    "region": "us-east-1",
                    "subdomain": format!("{}-{name}", bucket.name),
                    "prefix": prefix,
                    "rules": {"include": [include]},
                });
                ("POST", "/v1/sources".to_owned(), body)
            }
            Self::Prefix(prefix) => ("PATCH", path, json!({"prefix": prefix})),
            Self::Include(include) => ("PATCH", path, json!({"rules": {"include": [include]}})),
            Self::Enable(enabled) => ("PATCH", path, json!({"enabled": enabled})),
            Self::Remove => ("DELETE", path, json!({})),
        }
    }
}

/// A daemon, its buckets, and the state that its index must reach.
struct World {
    cli: Cli,
    token: String,
    buckets: BTreeMap<&'static str, Bucket>,
    daemon: Daemon,
    address: String,
    sources: Sources,
    /// A rebuild that runs.
    rebuild: Option<Running>,
    /// What was done, for the message of a failure.
    history: Vec<String>,
}

impl World {
    fn start() -> Self {
        let cli = Cli::new(&Config {
            listen: "127.0.0.1:0".to_owned(),
            serve: vec!["tokens = \"tokens\"".to_owned()],
            managed: vec![
                "allow_machine_credentials = true".to_owned(),
                r#"allowed_hosts = ["127.0.0.1"]"#.to_owned(),
            ],
            ..Config::of([])
        });
        let token = new_token(&cli, "editor", &["--all-sources", "--manage"]);
        let bucket = |name| {
            let bucket = Bucket::create(server::shared());
            bucket.put_keys(KEYS);
            (name, bucket)
        };
        let daemon = cli.serve();
        let address = daemon.field(&["serving HTTP"], "address");
        Self {
            buckets: NAMES.map(bucket).into(),
            cli,
            token,
            daemon,
            address,
            sources: Sources::new(),
            rebuild: None,
            history: Vec::new(),
        }
    }

    /// The stored Sources, as the daemon shows them.
    fn stored(&self) -> Sources {
        let stored = |name: &'static str| {
            let path = format!("/v1/sources/{name}");
            let response = get_with(&self.address, &path, &self.token);
            (response.status != 404).then(|| (name, Stored::of(&response.json()["data"]["values"])))
        };
        NAMES.into_iter().filter_map(stored).collect()
    }

    /// Makes a change that must be acknowledged.
    fn change(&mut self, name: &'static str, edit: Edit) {
        let (method, path, body) = edit.request(name, &self.buckets[name]);
        let status = try_send(&self.address, &self.token, method, &path, &body);
        let is_acknowledged = matches!(status, Some(200 | 201));
        assert!(is_acknowledged, "{status:?} after {:#?}", self.history);
        self.sources = edit.apply(name, &self.sources);
    }

    /// Starts a change, kills the daemon at that time after it, and starts another one. The change is done, or nothing
    /// of it.
    fn change_and_kill(&mut self, name: &'static str, edit: Edit, moment: Duration) {
        let (method, path, body) = edit.request(name, &self.buckets[name]);
        let (address, token) = (self.address.clone(), self.token.clone());
        let request = move || try_send(&address, &token, method, &path, &body);
        let (began, request) = (Instant::now(), thread::spawn(request));
        while began.elapsed() < moment && !request.is_finished() {
            thread::park_timeout(POLL);
        }
        self.restart();
        let status = request.join().expect("it does not panic");
        let after = edit.apply(name, &self.sources);
        let stored = self.stored();
        let is_expected = match status {
            Some(200 | 201) => stored == after,
            None => stored == after || stored == self.sources,
            Some(_) => false,
        };
        assert!(
            is_expected,
            "{status:?}, before {:?}, now {stored:?} after {:#?}",
            self.sources, self.history
        );
        self.sources = stored;
    }

    /// Kills the daemon and starts another one.
    fn restart(&mut self) {
        let again = self.daemon.count(&["the rebuild starts again"]);
        assert_eq!(again, 0, "{:#?}", self.history);
        self.daemon.signal("KILL");
        self.daemon.wait_for_end();
        if let Some(rebuild) = self.rebuild.take() {
            rebuild.wait();
        }
        self.daemon = self.cli.serve();
        self.address = self.daemon.field(&["serving HTTP"], "address");
    }

    /// Waits until the rebuild has ended, if one runs. It must complete, unless all Sources were removed before it.
    fn wait_for_rebuild(&mut self) {
        if let Some(rebuild) = self.rebuild.take() {
            let ended = rebuild.wait();
            let is_expected =
                ended.status.success() || ended.stderr.contains("no Source is configured");
            assert!(is_expected, "{ended:#?} after {:#?}", self.history);
        }
    }

    /// Starts a rebuild, after the last one has ended.
    fn rebuild(&mut self) {
        self.wait_for_rebuild();
        self.rebuild = Some(self.cli.start(&["reindex", "--rebuild"]));
    }

    /// Waits until searches find what the stored Sources say, and the index has no other records.
    fn wait_until_followed(&self) {
        let has_keys = |(name, stored): (&&str, &Stored)| {
            let expected = KEYS.into_iter().filter(|key| stored.has(key));
            let expected: BTreeSet<String> = expected.map(str::to_owned).collect();
            let found = self.cli.keys(name);
            (found != expected).then(|| format!("{name}: {found:?}, not {expected:?}"))
        };
        let deadline = Instant::now() + DEADLINE;
        loop {
            let exported = self.cli.run(&["index", "export"]).stdout;
            let removed = NAMES.iter().find(|name| {
                let of_source = format!("\"source\":\"{name}\"");
                !self.sources.contains_key(*name) && exported.contains(&of_source)
            });
            let removed = removed.map(|name| format!("{name} is removed, and has records"));
            let Some(difference) = removed.or_else(|| self.sources.iter().find_map(has_keys))
            else {
                return;
            };
            let is_over = Instant::now() >= deadline;
            assert!(!is_over, "{difference} after {:#?}", self.history);
            thread::park_timeout(POLL);
        }
    }
}

/// Sends a request. Returns the status, or `None` if the daemon died before it answered.
fn try_send(address: &str, token: &str, method: &str, path: &str, body: &Value) -> Option<u16> {
    let mut stream = TcpStream::connect(address).ok()?;
    let body = body.to_string();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Authorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split(' ').nth(1)?.parse().ok()
}

/// Makes random changes and kills. At the end, and sometimes between them, the index must be as the Sources say.
fn follows_changes(seed: u64) {
    let mut numbers = Numbers(seed);
    let mut world = World::start();
    for _ in 0..CHANGES {
        let name = NAMES[numbers.below(NAMES.len())];
        let edit = Edit::random(&mut numbers, world.sources.contains_key(name));
        if numbers.below(6) == 0 {
            world.history.push("rebuild".to_owned());
            world.rebuild();
        }
        let kills = numbers.below(3) == 0;
        let moment = Duration::from_micros(numbers.below(LATEST_KILL_MICROS) as u64);
        if kills {
            let line = format!("{name}: {edit:?}, killed after {moment:?}");
            world.history.push(line);
            world.change_and_kill(name, edit, moment);
        } else {
            world.history.push(format!("{name}: {edit:?}"));
            world.change(name, edit);
        }
        if numbers.below(8) == 0 {
            world.wait_until_followed();
        }
    }
    world.wait_until_followed();
    world.wait_for_rebuild();
    world.wait_until_followed();
    world.restart();
    assert_eq!(world.stored(), world.sources, "{:#?}", world.history);
    world.wait_until_followed();
}

#[test]
fn index_follows_the_last_acknowledged_change_after_any_kills() {
    follows_changes(0x5eed);
}

#[test]
fn index_follows_the_last_acknowledged_change_after_other_kills() {
    follows_changes(0xbeef);
}
