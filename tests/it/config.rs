//! Writes configuration files for the binary under test.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::s3::Bucket;
use crate::server::AccessKey;

/// A configuration: the Sources, and the few settings that tests change.
#[derive(Clone, Debug)]
pub struct Config {
    pub sources: Vec<Source>,
    /// Maximum number of key ranges of one Source that are listed at the same time.
    pub ranges_in_flight: u32,
    /// Maximum number of attempts for a request.
    pub attempts: u32,
    /// Number of changed documents that trigger a commit.
    pub commit_documents: u32,
    /// Milliseconds after which the effect of an event is committed.
    pub event_commit_interval_ms: u32,
    /// Visibility timeout of received messages in seconds.
    pub visibility_timeout_seconds: u32,
    /// Seconds after a scan for an event to arrive before its change counts as drift.
    pub expected_within_seconds: u32,
    /// Maximum time between two scans of a Source in minutes.
    pub reconcile_every_minutes: u32,
    /// Maximum number of ReceiveMessage requests in flight for all queues.
    pub receives_in_flight: u32,
    /// The address at which the daemon serves HTTP. Off by default, because two daemons cannot share a port.
    pub listen: String,
    /// More keys of `serve`, such as `tokens = "tokens"`.
    pub serve: Vec<String>,
    /// Keys of `managed`. By default managed Sources may use the servers of the tests.
    pub managed: Vec<String>,
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
    /// The URL of the queue that delivers its events.
    pub queue_url: Option<String>,
    /// The template of its thumbnails.
    pub thumbnail_url: Option<String>,
}

impl Source {
    /// A Source of the whole bucket at this endpoint.
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

    /// Sets the rules.
    pub fn with_rules(mut self, include: &[&str], exclude: &[&str]) -> Self {
        self.include = include.iter().map(|&rule| rule.to_owned()).collect();
        self.exclude = exclude.iter().map(|&rule| rule.to_owned()).collect();
        self
    }

    /// Sets the access key, and writes its secret to a file with this mode.
    pub fn with_access_key(mut self, key: &AccessKey, file: &Path, mode: u32) -> Self {
        use std::os::unix::fs::PermissionsExt;
        std::fs::write(file, &key.secret).expect("the folder is ours");
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).expect("our file");
        self.access_key = Some((key.id.clone(), file.to_owned()));
        self
    }

    /// Sets the name of the profile.
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
        if let Some(template) = &self.thumbnail_url {
            line("thumbnail_url", &quoted(template));
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
    /// A configuration with these Sources. The other settings make tests fast and their requests countable.
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
            managed: vec![r#"allowed_hosts = ["127.0.0.1"]"#.to_owned()],
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
        for line in &self.managed {
            writeln!(toml, "managed.{line}").unwrap();
        }
        toml.extend(self.sources.iter().map(Source::to_toml));
        toml
    }
}

/// Formats a string or an array of strings as JSON, which is also TOML.
fn quoted(value: impl serde::Serialize) -> String {
    serde_json::to_string(&value).expect("text is JSON")
}
