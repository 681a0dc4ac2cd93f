//! The structure of the configuration file and of the files in `sources.d`.
//!
//! These types hold values as written. Validation and defaults are in the modules that resolve them.

use std::fmt;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::core::source::rules::RuleSelection;

/// The configuration file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigFile {
    /// The folder of the index.
    pub data_dir: String,
    /// How buckets are listed.
    #[serde(default)]
    pub scan: ScanFile,
    /// How the index is written.
    #[serde(default)]
    pub index: IndexFile,
    /// How events are received.
    #[serde(default)]
    pub events: EventsSettingsFile,
    /// How the daemon runs.
    #[serde(default)]
    pub serve: ServeFile,
    /// How searches are answered.
    #[serde(default)]
    pub search: SearchFile,
    /// The Sources that are not in separate files.
    #[serde(default)]
    pub source: Vec<SourceFile>,
}

/// `[scan]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScanFile {
    /// Maximum number of key ranges of one Source that are listed at the same time.
    pub ranges_in_flight: Option<i64>,
    /// Maximum number of Sources that are listed at the same time.
    pub sources_in_flight: Option<i64>,
    /// Maximum number of attempts for a request.
    pub attempts: Option<i64>,
    /// Minutes after which the daemon scans a Source again.
    pub reconcile_every_minutes: Option<i64>,
}

/// `[index]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexFile {
    /// Number of documents after which a commit is due.
    pub commit_documents: Option<i64>,
    /// Seconds after which a commit is due.
    pub commit_interval_seconds: Option<i64>,
    /// Milliseconds after which a commit is due if an event waits for it.
    pub event_commit_interval_ms: Option<i64>,
    /// Memory of the index writer, in millions of bytes.
    pub writer_memory_mb: Option<i64>,
}

/// `[events]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "documented in `EventsConfig`")]
pub struct EventsSettingsFile {
    pub receives_per_queue: Option<i64>,
    pub receives_in_flight: Option<i64>,
    pub messages_in_flight: Option<i64>,
    pub look_ups_in_flight: Option<i64>,
    pub visibility_timeout_seconds: Option<i64>,
    pub expected_within_seconds: Option<i64>,
}

/// `[serve]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "documented in `ServeConfig`")]
pub struct ServeFile {
    pub listen: Option<String>,
    pub tokens: Option<String>,
    #[serde(default)]
    pub hosts: Vec<String>,
    pub tls_certificate: Option<String>,
    pub tls_key: Option<String>,
    pub control_socket: Option<String>,
    pub grace_period_seconds: Option<i64>,
}

/// `[search]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "documented in `SearchConfig`")]
pub struct SearchFile {
    pub refresh_ms: Option<i64>,
    pub timeout_ms: Option<i64>,
    pub concurrent_searches: Option<i64>,
}

/// `[[source]]`, or a whole file in `sources.d`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "documented in `Source`")]
pub struct SourceFile {
    pub name: String,
    #[serde(default = "enabled")]
    pub enabled: bool,
    pub bucket: String,
    #[serde(default)]
    pub prefix: String,
    pub region: Option<String>,
    pub endpoint_url: Option<String>,
    #[serde(default)]
    pub path_style: bool,
    #[serde(default)]
    pub endpoint_order: EndpointOrderFile,
    pub subdomain: String,
    pub base_url: Option<String>,
    #[serde(default)]
    pub rules: RulesFile,
    #[serde(default)]
    pub folder_markers: bool,
    pub credentials: Option<CredentialsFile>,
    pub expected_bucket_owner: Option<String>,
    #[serde(default)]
    pub request_payer: bool,
    pub events: Option<EventsFile>,
}

fn enabled() -> bool {
    true
}

/// `endpoint_order`
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "documented in `EndpointOrder`")]
pub enum EndpointOrderFile {
    #[default]
    Standard,
    ExternalFirst,
}

/// `rules`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RulesFile {
    /// Which keys are assets.
    #[serde(default, deserialize_with = "rule_selection")]
    pub include: Option<RuleSelection>,
    /// Which of these keys are not.
    #[serde(default, deserialize_with = "rule_selection")]
    pub exclude: Option<RuleSelection>,
    /// Whether the rules ignore case.
    #[serde(default)]
    pub case_insensitive: bool,
}

/// `events`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "documented in `Events`")]
pub struct EventsFile {
    pub queue_url: String,
    pub region: Option<String>,
    pub credentials: Option<CredentialsFile>,
}

/// `credentials`: one of four kinds. The keys determine which one.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialsFile {
    /// The name of a profile. No other key is allowed with it.
    pub profile: Option<String>,
    /// The ARN of a role.
    pub role_arn: Option<String>,
    /// The external ID of the role.
    pub external_id: Option<String>,
    /// The id of an access key. Needs one of the two keys below.
    pub access_key_id: Option<String>,
    /// The path of the file with the secret.
    pub secret_access_key_file: Option<String>,
    /// The systemd credential with the secret.
    pub secret_access_key_credential: Option<String>,
}

/// Reads `"all"` or a list of rules.
fn rule_selection<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<RuleSelection>, D::Error> {
    struct SelectionVisitor;

    impl<'de> Visitor<'de> for SelectionVisitor {
        type Value = RuleSelection;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("\"all\" or a list of rules such as [\"/images\", \"**/*.jpg\"]")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<RuleSelection, E> {
            match text {
                "all" => Ok(RuleSelection::All),
                _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
            }
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<RuleSelection, A::Error> {
            let mut rules = Vec::new();
            while let Some(rule) = list.next_element()? {
                rules.push(rule);
            }
            Ok(RuleSelection::Paths(rules))
        }
    }

    deserializer.deserialize_any(SelectionVisitor).map(Some)
}
