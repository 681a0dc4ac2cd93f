//! The configuration file that a test gives to the binary.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::s3::Bucket;
use crate::server::AccessKey;

/// A configuration: the Sources and the few settings that tests change.
#[derive(Clone, Debug)]
pub struct Config {
    pub sources: Vec<Source>,
    /// Key ranges of one Source that are listed at the same time.
    pub ranges_in_flight: u32,
    /// How often a request is sent before it is given up.
    pub attempts: u32,
    /// How many changed documents make a commit.
    pub commit_documents: u32,
    /// Milliseconds after which what an event did is committed.
    pub event_commit_interval_ms: u32,
    /// Seconds for which a received message is kept from others.
    pub visibility_timeout_seconds: u32,
    /// Seconds that an event may be late before it counts as lost.
    pub expected_within_seconds: u32,
    /// Minutes after which a Source is scanned again.
    pub reconcile_every_minutes: u32,
    /// ReceiveMessage requests at the same time, of all queues.
    pub receives_in_flight: u32,
    /// Where the daemon serves status and metrics. Two daemons at the same time would want the same
    /// port, so by default nowhere.
    pub listen: String,
    /// More keys of `serve`, such as `tokens = "tokens"`.
    pub serve: Vec<String>,
}

/// One Source.
#[derive(Clone, Debug, Default)]
pub struct Source {
    pub name: String,
    pub bucket: String,
    pub endpoint: String,
    pub subdomain: String,
    pub disabled: bool,
    pub prefix: Option<String>,
    pub region: Option<String>,
    pub include: Vec<String>,
    pub exclude: Vec<String>,
    pub case_insensitive: bool,
    pub folder_markers: bool,
    /// The id of an access key, and the file with its secret.
    pub access_key: Option<(String, PathBuf)>,
    /// The name of a profile.
    pub profile: Option<String>,
    /// The address of the queue that its events come from.
    pub queue_url: Option<String>,
}

impl Source {
    /// The whole bucket at that endpoint.
    pub fn of(name: &str, bucket: &Bucket, endpoint: String) -> Self {
        Self {
            name: name.to_owned(),
            bucket: bucket.name.clone(),
            endpoint,
            subdomain: format!("{name}-{}", bucket.name),
            region: Some("us-east-1".to_owned()),
            ..Self::default()
        }
    }

    /// The same with these rules.
    pub fn with_rules(mut self, include: &[&str], exclude: &[&str]) -> Self {
        self.include = include.iter().map(|&rule| rule.to_owned()).collect();
        self.exclude = exclude.iter().map(|&rule| rule.to_owned()).collect();
        self
    }

    /// The same with that access key, its secret in a file with these permission bits.
    pub fn with_access_key(mut self, key: &AccessKey, file: &Path, mode: u32) -> Self {
        use std::os::unix::fs::PermissionsExt;
        std::fs::write(file, &key.secret).expect("the folder is ours");
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).expect("our file");
        self.access_key = Some((key.id.clone(), file.to_owned()));
        self
    }

    /// The same with the credentials of that profile.
    pub fn with_profile(mut self, name: &str) -> Self {
        self.profile = Some(name.to_owned());
        self
    }

    fn to_toml(&self) -> String {
        let mut toml = String::from("\n[[source]]\n");
        let mut line = |name: &str, value: &str| writeln!(toml, "{name} = {value}").unwrap();
        line("name", &quoted(&self.name));
        line("bucket", &quoted(&self.bucket));
        line("endpoint_url", &quoted(&self.endpoint));
        line("path_style", "true");
        line("subdomain", &quoted(&self.subdomain));
        line("folder_markers", &self.folder_markers.to_string());
        if self.disabled {
            line("enabled", "false");
        }
        if let Some(prefix) = &self.prefix {
            line("prefix", &quoted(prefix));
        }
        if let Some(region) = &self.region {
            line("region", &quoted(region));
        }
        let mut rules = vec![format!("case_insensitive = {}", self.case_insensitive)];
        for (key, paths) in [("include", &self.include), ("exclude", &self.exclude)] {
            if !paths.is_empty() {
                rules.push(format!("{key} = {}", quoted(paths)));
            }
        }
        let rules = format!("{{ {} }}", rules.join(", "));
        line("rules", &rules);
        if let Some((id, file)) = &self.access_key {
            let (id, file) = (quoted(id), quoted(file));
            let key = format!("{{ access_key_id = {id}, secret_access_key_file = {file} }}");
            line("credentials", &key);
        }
        if let Some(name) = &self.profile {
            line("credentials", &format!("{{ profile = {} }}", quoted(name)));
        }
        if let Some(url) = &self.queue_url {
            line("events", &format!("{{ queue_url = {} }}", quoted(url)));
        }
        toml
    }
}

impl Config {
    /// These Sources; every other setting so that a test is quick and its requests are countable.
    pub fn of(sources: impl Into<Vec<Source>>) -> Self {
        Self {
            sources: sources.into(),
            ranges_in_flight: 1,
            attempts: 3,
            commit_documents: 10_000,
            event_commit_interval_ms: 50,
            visibility_timeout_seconds: 60,
            expected_within_seconds: 60,
            reconcile_every_minutes: 1_440,
            receives_in_flight: 1_024,
            listen: "off".to_owned(),
            serve: Vec::new(),
        }
    }

    /// The text of the file.
    pub fn to_toml(&self, data_dir: &Path) -> String {
        let mut toml = format!("data_dir = {}\n", quoted(data_dir));
        for (table, name, value) in [
            ("scan", "ranges_in_flight", self.ranges_in_flight),
            ("scan", "attempts", self.attempts),
            (
                "scan",
                "reconcile_every_minutes",
                self.reconcile_every_minutes,
            ),
            ("index", "commit_documents", self.commit_documents),
            (
                "index",
                "event_commit_interval_ms",
                self.event_commit_interval_ms,
            ),
            ("index", "writer_memory_mb", 15),
            ("events", "receives_in_flight", self.receives_in_flight),
            (
                "events",
                "visibility_timeout_seconds",
                self.visibility_timeout_seconds,
            ),
            (
                "events",
                "expected_within_seconds",
                self.expected_within_seconds,
            ),
        ] {
            writeln!(toml, "{table}.{name} = {value}").unwrap();
        }
        writeln!(toml, "serve.listen = {}", quoted(&self.listen)).unwrap();
        for line in &self.serve {
            writeln!(toml, "serve.{line}").unwrap();
        }
        toml.extend(self.sources.iter().map(Source::to_toml));
        toml
    }
}

/// Strings and arrays of strings, as JSON writes them, are TOML too.
fn quoted(value: impl serde::Serialize) -> String {
    serde_json::to_string(&value).expect("text is JSON")
}
