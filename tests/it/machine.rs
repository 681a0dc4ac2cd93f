//! A machine with the installed package: a container, a bucket with a queue, and a Source.
//!
//! Bucket and queue are on the server that checks signatures. So every successful request was signed with the
//! secret that systemd decrypted. The tests decide what they expect of the package.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::container::{Container, SHARED, wait_until};
use crate::deb::{PACKAGES, packages};
use crate::iam_policy::ALLOW_ANY_SENDER;
use crate::s3::Bucket;
use crate::server::{self, AccessKey};
use crate::sqs::Sqs;

pub const RUNBOOK: &str = include_str!("../../deploy/README.md");

pub const SERVICE: &str = "asset-indexer.service";
pub const INSTANCE: &str = "asset-indexer@second.service";
pub const REINDEX: &str = "asset-indexer-reindex.service";
pub const TIMER: &str = "asset-indexer-reindex.timer";

/// The configuration files of the service and of the second instance.
pub const SETTINGS: &str = "/etc/asset-indexer/asset-indexer.toml";
pub const SECOND: &str = "/etc/asset-indexer/second/asset-indexer.toml";

/// A machine with the package, and a bucket with a queue.
pub struct Machine {
    pub container: Container,
    pub bucket: Bucket,
    pub queue: Sqs,
    key: AccessKey,
}

impl Machine {
    /// A machine with the package freshly installed. `None` if no container can run here; that is printed.
    pub fn new(name: &str) -> Option<Self> {
        let container = Container::boot(packages)?;
        let server = server::shared_with_rights();
        let (bucket, queue) = (Bucket::create(server), Sqs::create(server));
        server.set_queue_attributes(&queue.url, &[("Policy", ALLOW_ANY_SENDER)]);
        bucket.notify(&queue.arn());
        let key = server.create_user(&format!("systemd-{name}"), &["s3:*", "sqs:*"]);
        let machine = Self {
            container,
            bucket,
            queue,
            key,
        };
        machine.install(PACKAGES[0]);
        Some(machine)
    }

    /// A machine with a configured Source, whose secret is a systemd credential.
    pub fn configured(name: &str) -> Option<Self> {
        let machine = Self::new(name)?;
        machine.configure(50);
        machine.write_source("photos", true);
        machine.encrypt(&machine.key.secret);
        Some(machine)
    }

    /// Installs a package, or upgrades to it.
    pub fn install(&self, package: &str) {
        let package = format!("{SHARED}/{package}");
        self.container
            .succeed(&["apt-get", "install", "--yes", "--quiet", &package]);
    }

    /// Writes the configuration with this commit interval for events.
    pub fn configure(&self, event_commit_interval_ms: u32) {
        let settings = format!(
            "data_dir = \"/var/lib/asset-indexer\"\n\
             index.event_commit_interval_ms = {event_commit_interval_ms}\n\
             events.visibility_timeout_seconds = 10\n\
             managed.allowed_hosts = [\"127.0.0.1\"]\n\
             serve.listen = \"unix:/run/asset-indexer/http.sock\"\n"
        );
        self.container.write(SETTINGS, &settings);
    }

    /// The TOML of a Source of the bucket. Only one Source may follow the events.
    fn source(&self, name: &str, follows: bool) -> String {
        let (bucket, endpoint, id) = (
            &self.bucket.name,
            server::shared_with_rights().endpoint(),
            &self.key.id,
        );
        let credentials =
            format!("{{ access_key_id = \"{id}\", secret_access_key_credential = \"s3_photos\" }}");
        let mut source = format!(
            "name = \"{name}\"\nbucket = \"{bucket}\"\nsubdomain = \"{name}-{bucket}\"\nregion = \"us-east-1\"\n\
             endpoint_url = \"{endpoint}\"\npath_style = true\ncredentials = {credentials}\n"
        );
        if follows {
            let url = &self.queue.url;
            source +=
                &format!("events = {{ queue_url = \"{url}\", credentials = {credentials} }}\n");
        }
        source
    }

    /// Writes a Source into `sources.d`.
    pub fn write_source(&self, name: &str, follows: bool) {
        let path = format!("/etc/asset-indexer/sources.d/{name}.toml");
        self.container.write(&path, &self.source(name, follows));
    }

    /// The values of a managed Source of the bucket, as JSON.
    pub fn values_of_source(&self, name: &str) -> String {
        let values = json!({
            "bucket": self.bucket.name,
            "subdomain": format!("{name}-{}", self.bucket.name),
            "region": "us-east-1",
            "endpoint_url": server::shared_with_rights().endpoint(),
            "path_style": true,
            "credentials": {"access_key_id": self.key.id, "secret_access_key": self.key.secret},
        });
        values.to_string()
    }

    /// The secret of the access key.
    pub fn secret(&self) -> &str {
        &self.key.secret
    }

    /// Encrypts a secret with the command of the run-book, without its interactive prompt.
    pub fn encrypt(&self, secret: &str) {
        let line = RUNBOOK
            .lines()
            .find_map(|line| line.trim().strip_prefix("systemd-ask-password -n | "));
        self.container
            .shell(line.expect("the run-book has it"), secret);
    }

    /// Runs systemctl. It must succeed.
    pub fn systemctl(&self, arguments: &[&str]) -> String {
        self.container
            .succeed(&[&["systemctl"], arguments].concat())
    }

    /// Adds lines to a unit, like `systemctl edit`.
    pub fn edit(&self, unit: &str, lines: &str) {
        let path = format!("/etc/systemd/system/{unit}.d/override.conf");
        self.container.write(&path, lines);
        self.systemctl(&["daemon-reload"]);
    }

    /// The value of a property of a unit.
    pub fn property(&self, unit: &str, name: &str) -> String {
        let value = self.systemctl(&["show", "--value", "--property", name, unit]);
        value.trim_end().to_owned()
    }

    #[track_caller]
    pub fn assert_property(&self, unit: &str, name: &str, value: &str) {
        assert_eq!(self.property(unit, name), value, "{name} of {unit}");
    }

    #[track_caller]
    pub fn wait_for_property(&self, unit: &str, name: &str, value: &str) {
        let show = ["systemctl", "show", "--value", "--property", name, unit];
        self.container.wait_for(&show, &format!("{value}\n"));
    }

    /// The id of the main process inside the container.
    pub fn main_process(&self, unit: &str) -> u32 {
        let id = self.property(unit, "MainPID").parse().expect("a number");
        assert_ne!(id, 0, "{unit} is not running");
        id
    }

    /// The log of a unit.
    pub fn log(&self, unit: &str) -> String {
        self.container
            .succeed(&["journalctl", "--no-pager", "--output=cat", "--unit", unit])
    }

    /// The keys that a search finds, with this configuration file or else the default one.
    pub fn keys(&self, source: &str, config: Option<&str>) -> BTreeSet<String> {
        let mut command = vec![
            "asset-indexer",
            "search",
            "",
            "--limit",
            "all",
            "--json",
            "--source",
            source,
        ];
        command.extend(config.into_iter().flat_map(|path| ["--config", path]));
        // The search fails until there is an index.
        let hits = self.container.run(&command).stdout;
        let key = |line: &str| {
            let hit: Value = serde_json::from_str(line).expect("JSON");
            hit["key"].as_str().expect("a key").to_owned()
        };
        hits.lines().map(key).collect()
    }

    #[track_caller]
    pub fn wait_for_mirror(&self, source: &str, config: Option<&str>) {
        let expected: BTreeSet<String> = self.bucket.list().into_keys().collect();
        wait_until("mirror of the bucket", || {
            (self.keys(source, config) == expected).then_some(())
        });
    }

    /// Starts a second instance next to the service, with its own index and the same secret.
    pub fn start_instance(&self) {
        let source = self.source("photos", false);
        let text = format!(
            "data_dir = \"/var/lib/asset-indexer-second\"\nserve.listen = \"off\"\n[[source]]\n{source}"
        );
        self.container.write(SECOND, &text);
        self.container.shell(
            "mkdir -m 700 /etc/asset-indexer/second/credentials && systemd-creds encrypt --name=s3_photos - \
             /etc/asset-indexer/second/credentials/photos",
            &self.key.secret,
        );
        self.systemctl(&["start", INSTANCE]);
        self.wait_for_mirror("photos", Some(SECOND));
    }
}
