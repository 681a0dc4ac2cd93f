//! The structure of the configuration file and of the files in `sources.d`.
//!
//! These types hold values as written. Validation and defaults are in the modules that resolve them. They also
//! report missing keys: a key that is missing here would end the parser, and with it the report.

mod values;

use serde::{Deserialize, Serialize};

use crate::core::source::rules::RuleSelection;

pub use values::WholeNumber;
use values::{list, rule_selection, write_rule_selection};

/// The configuration file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct ConfigFile {
    /// The folder of the index.
    pub data_dir: Option<String>,
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
    /// The limits of managed Sources.
    #[serde(default)]
    pub managed: ManagedFile,
    /// How the secrets of managed Sources are sealed.
    #[serde(default)]
    pub secrets: SecretsFile,
    /// The Sources that are not in separate files.
    #[serde(default, deserialize_with = "list")]
    pub source: Vec<SourceFile>,
}

/// `[scan]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table such as { attempts = 8 }")]
pub struct ScanFile {
    /// Maximum number of key ranges of one Source that are listed at the same time.
    pub ranges_in_flight: Option<WholeNumber>,
    /// Maximum number of Sources that are listed at the same time.
    pub sources_in_flight: Option<WholeNumber>,
    /// Maximum number of attempts for a request.
    pub attempts: Option<WholeNumber>,
    /// Minutes after which the daemon scans a Source again.
    pub reconcile_every_minutes: Option<WholeNumber>,
}

/// `[index]`
#[derive(Debug, Default, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a table such as { writer_memory_mb = 64 }"
)]
pub struct IndexFile {
    /// Number of documents after which a commit is due.
    pub commit_documents: Option<WholeNumber>,
    /// Seconds after which a commit is due.
    pub commit_interval_seconds: Option<WholeNumber>,
    /// Milliseconds after which a commit is due if an event waits for it.
    pub event_commit_interval_ms: Option<WholeNumber>,
    /// Memory of the index writer, in millions of bytes.
    pub writer_memory_mb: Option<WholeNumber>,
}

/// `[events]`
#[derive(Debug, Default, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a table such as { visibility_timeout_seconds = 30 }"
)]
#[allow(missing_docs, reason = "documented in `EventsConfig`")]
pub struct EventsSettingsFile {
    pub receives_per_queue: Option<WholeNumber>,
    pub receives_in_flight: Option<WholeNumber>,
    pub messages_in_flight: Option<WholeNumber>,
    pub look_ups_in_flight: Option<WholeNumber>,
    pub visibility_timeout_seconds: Option<WholeNumber>,
    pub expected_within_seconds: Option<WholeNumber>,
}

/// `[serve]`
#[derive(Debug, Default, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a table such as { listen = \"off\" }"
)]
#[allow(missing_docs, reason = "documented in `ServeConfig`")]
pub struct ServeFile {
    pub listen: Option<String>,
    pub tokens: Option<String>,
    #[serde(default, deserialize_with = "list")]
    pub hosts: Vec<String>,
    #[serde(default, deserialize_with = "list")]
    pub cors_origins: Vec<String>,
    pub tls_certificate: Option<String>,
    pub tls_key: Option<String>,
    pub control_socket: Option<String>,
    pub grace_period_seconds: Option<WholeNumber>,
}

/// `[search]`
#[derive(Debug, Default, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a table such as { timeout_ms = 2000 }"
)]
#[allow(missing_docs, reason = "documented in `SearchConfig`")]
pub struct SearchFile {
    pub refresh_ms: Option<WholeNumber>,
    pub timeout_ms: Option<WholeNumber>,
    pub concurrent_searches: Option<WholeNumber>,
}

/// `[managed]`
#[derive(Debug, Default, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a table such as { max_sources = 100 }"
)]
#[allow(missing_docs, reason = "documented in `ManagedConfig`")]
pub struct ManagedFile {
    #[serde(default)]
    pub allow_machine_credentials: bool,
    #[serde(default, deserialize_with = "list")]
    pub allowed_hosts: Vec<String>,
    pub max_sources: Option<WholeNumber>,
}

/// `[secrets]`
#[derive(Debug, Default, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a table such as { key_file = \"/path/to/keys\" }"
)]
pub struct SecretsFile {
    /// The file with the keys that seal.
    pub key_file: Option<String>,
}

/// `[[source]]`, or a whole file in `sources.d`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a table with name, bucket and subdomain"
)]
#[allow(missing_docs, reason = "documented in `Source`")]
pub struct SourceFile {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default = "enabled", skip_serializing_if = "is_true")]
    pub enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint_url: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub path_style: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    pub endpoint_order: EndpointOrderFile,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subdomain: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thumbnail_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotation: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub rules: RulesFile,
    #[serde(default, skip_serializing_if = "is_default")]
    pub folder_markers: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials: Option<CredentialsFile>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_bucket_owner: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub request_payer: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reconcile_every_minutes: Option<WholeNumber>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<EventsFile>,
}

fn is_true(value: &bool) -> bool {
    *value
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn enabled() -> bool {
    true
}

/// `endpoint_order`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(
    rename_all = "kebab-case",
    expecting = "\"standard\" or \"external-first\""
)]
#[allow(missing_docs, reason = "documented in `EndpointOrder`")]
pub enum EndpointOrderFile {
    #[default]
    Standard,
    ExternalFirst,
}

/// `rules`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a table such as { include = [\"/images\"] }"
)]
pub struct RulesFile {
    /// Which keys are assets.
    #[serde(
        default,
        deserialize_with = "rule_selection",
        serialize_with = "write_rule_selection",
        skip_serializing_if = "Option::is_none"
    )]
    pub include: Option<RuleSelection>,
    /// Which of these keys are not.
    #[serde(
        default,
        deserialize_with = "rule_selection",
        serialize_with = "write_rule_selection",
        skip_serializing_if = "Option::is_none"
    )]
    pub exclude: Option<RuleSelection>,
    /// Whether the rules ignore case.
    #[serde(default, skip_serializing_if = "is_default")]
    pub case_insensitive: bool,
}

/// `events`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a table such as { queue_url = \"https://…\" }"
)]
#[allow(missing_docs, reason = "documented in `Events`")]
pub struct EventsFile {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials: Option<CredentialsFile>,
}

/// `credentials`: one of four kinds. The keys determine which one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a table such as { profile = \"name\" }"
)]
pub struct CredentialsFile {
    /// The name of a profile. No other key is allowed with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The ARN of a role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// The external ID of the role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// The id of an access key. Needs one of the keys below.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<String>,
    /// The path of the file with the secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_access_key_file: Option<String>,
    /// The systemd credential with the secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_access_key_credential: Option<String>,
    /// The sealed secret. Only the file of a managed Source has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_access_key_sealed: Option<String>,
}
