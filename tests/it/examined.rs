//! Runs `check --json` and reads its findings. Provides a Source with a queue for which all findings are ok.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cli::Cli;
use crate::config::{Config, Source};
use crate::s3::Bucket;
use crate::server::{AccessKey, S3Server};
use crate::sqs::Sqs;

/// The events that a Source needs.
pub const EVENTS: [&str; 3] = [
    "s3:ObjectCreated:*",
    "s3:ObjectRemoved:*",
    "s3:LifecycleExpiration:*",
];

/// A Source with a queue. All findings of `check` are ok.
pub struct Wired {
    pub bucket: Bucket,
    pub queue: Sqs,
    pub dead: Sqs,
    pub config: Config,
    pub cli: Cli,
}

impl Wired {
    /// On this server, with the default credentials.
    pub fn on(server: &S3Server) -> Self {
        Self::with(server, |_| ())
    }

    /// On this server, with a changed Source.
    pub fn with(server: &S3Server, change: impl FnOnce(&mut Source)) -> Self {
        let bucket = Bucket::create(server);
        bucket.put("photos/a.jpg", "x");
        let (queue, dead) = (Sqs::create(server), Sqs::create(server));
        server.set_queue_attributes(&dead.url, &[("MessageRetentionPeriod", "1209600")]);
        let wired = Self {
            config: Config::of([]),
            cli: Cli::new(&Config::of([])),
            bucket,
            queue,
            dead,
        };
        wired.set(server, "RedrivePolicy", &wired.redrive("10"));
        wired.set(server, "Policy", &wired.policy(&wired.bucket.name));
        wired.bucket.notify_events(&wired.queue.arn(), &EVENTS, &[]);
        let mut source = Source {
            queue_url: Some(wired.queue.url.clone()),
            prefix: Some("photos".to_owned()),
            ..Source::of("wired", &wired.bucket, server.endpoint())
        };
        change(&mut source);
        let mut wired = wired;
        wired.configure(|config| config.sources.push(source));
        wired
    }

    /// Changes the configuration.
    pub fn configure(&mut self, change: impl FnOnce(&mut Config)) {
        change(&mut self.config);
        self.cli.configure(&self.config);
    }

    /// Uses this key for bucket and queue.
    pub fn sign_by(&mut self, key: &AccessKey) {
        let file = self.cli.folder().join("secret");
        self.configure(|config| {
            let source = config.sources[0].clone();
            config.sources[0] = source.with_access_key(key, &file, 0o600);
        });
        let toml = self.config.to_toml(&self.cli.data_dir());
        let credentials = format!(
            "credentials = {{ access_key_id = {:?}, secret_access_key_file = {:?} }}",
            key.id,
            file.to_str().expect("UTF-8")
        );
        let url = format!("queue_url = {:?}", self.queue.url);
        let toml = toml.replace(&url, &format!("{url}, {credentials}"));
        self.cli.configure_with(&toml);
    }

    /// Sets one attribute of the queue.
    pub fn set(&self, server: &S3Server, name: &str, value: &str) {
        server.set_queue_attributes(&self.queue.url, &[(name, value)]);
    }

    /// A redrive policy of the queue.
    pub fn redrive(&self, max_receive_count: &str) -> String {
        let policy = json!({
            "deadLetterTargetArn": self.dead.arn(),
            "maxReceiveCount": max_receive_count,
        });
        policy.to_string()
    }

    /// A queue policy that allows only this bucket to send.
    pub fn policy(&self, bucket: &str) -> String {
        let policy = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": { "Service": "s3.amazonaws.com" },
            "Action": "sqs:SendMessage",
            "Resource": self.queue.arn(),
            "Condition": {
                "ArnLike": { "aws:SourceArn": format!("arn:aws:s3:*:*:{bucket}") },
            },
        }]});
        policy.to_string()
    }

    /// Runs `check`.
    #[track_caller]
    pub fn examine(&self) -> Examined {
        Examined::of(&self.cli, &[])
    }
}

/// The result of a run of `check`.
#[derive(Debug)]
pub struct Examined {
    pub report: Value,
    pub exit_code: Option<i32>,
    pub took: Duration,
}

impl Examined {
    /// Runs `check --json` with additional arguments.
    #[track_caller]
    pub fn of(cli: &Cli, more: &[&str]) -> Self {
        let began = Instant::now();
        let output = cli.run(&[&["check", "--json"], more].concat());
        let report = serde_json::from_str(&output.stdout);
        Self {
            report: report.unwrap_or_else(|error| panic!("{error}: {output:#?}")),
            exit_code: output.status.code(),
            took: began.elapsed(),
        }
    }

    /// All findings about the machine and the Sources.
    fn findings(&self) -> impl Iterator<Item = &Value> {
        let sources = self.report["sources"].as_array().expect("a list");
        let of_sources = sources
            .iter()
            .flat_map(|source| source["findings"].as_array().expect("a list"));
        let machine = self.report["machine"].as_array().expect("a list");
        machine.iter().chain(of_sources)
    }

    /// Subject and verdict of all findings that are not ok.
    pub fn bad(&self) -> Vec<(&str, &str)> {
        self.findings()
            .filter(|finding| finding["verdict"] != "ok")
            .map(|finding| {
                let word = |name: &str| finding[name].as_str().expect("a word");
                (word("subject"), word("verdict"))
            })
            .collect()
    }

    /// Checks that this is the only finding that is not ok, and that it contains these words.
    #[track_caller]
    pub fn assert_bad(&self, subject: &str, verdict: &str, words: &[&str]) {
        assert_eq!(self.bad(), [(subject, verdict)], "{self:#?}");
        let found = self.finding(subject);
        let text = found.to_string();
        for word in words {
            let escaped = serde_json::to_string(word).expect("text is JSON");
            assert!(
                text.contains(escaped.trim_matches('"')),
                "{word}: {found:#}"
            );
        }
        assert!(!found["remedy"]["text"].is_null(), "no remedy: {found:#}");
        let code = if verdict == "failure" { 1 } else { 0 };
        assert_eq!(self.exit_code, Some(code), "{self:#?}");
    }

    /// Checks that all findings are ok.
    #[track_caller]
    pub fn assert_well(&self) {
        assert_eq!(self.bad(), [], "{self:#?}");
        assert_eq!(self.exit_code, Some(0));
    }

    /// The first finding with this subject.
    #[track_caller]
    pub fn finding(&self, subject: &str) -> &Value {
        let found = self
            .findings()
            .find(|finding| finding["subject"] == subject);
        found.unwrap_or_else(|| panic!("no finding about {subject}: {self:#?}"))
    }

    /// The subjects of all findings.
    pub fn subjects(&self) -> Vec<&str> {
        let subjects = self.findings().map(|finding| finding["subject"].as_str());
        subjects.map(|subject| subject.expect("a word")).collect()
    }
}
