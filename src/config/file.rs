//! The structure of the configuration file and of the files in `sources.d`.
//!
//! These types hold values as written. Validation and defaults are in the modules that resolve them. They also
//! report missing keys: a key that is missing here would end the parser, and with it the report.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::core::source::rules::RuleSelection;

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

/// `[[source]]`, or a whole file in `sources.d`.
#[derive(Debug, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a table with name, bucket and subdomain"
)]
#[allow(missing_docs, reason = "documented in `Source`")]
pub struct SourceFile {
    pub name: Option<String>,
    #[serde(default = "enabled")]
    pub enabled: bool,
    pub bucket: Option<String>,
    #[serde(default)]
    pub prefix: String,
    pub region: Option<String>,
    pub endpoint_url: Option<String>,
    #[serde(default)]
    pub path_style: bool,
    #[serde(default)]
    pub endpoint_order: EndpointOrderFile,
    pub subdomain: Option<String>,
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
#[derive(Debug, Default, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a table such as { include = [\"/images\"] }"
)]
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
#[serde(
    deny_unknown_fields,
    expecting = "a table such as { queue_url = \"https://…\" }"
)]
#[allow(missing_docs, reason = "documented in `Events`")]
pub struct EventsFile {
    pub queue_url: Option<String>,
    pub region: Option<String>,
    pub credentials: Option<CredentialsFile>,
}

/// `credentials`: one of four kinds. The keys determine which one.
#[derive(Debug, Default, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a table such as { profile = \"name\" }"
)]
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

/// A whole number as written, of any size.
#[derive(Clone, Copy, Debug)]
pub struct WholeNumber(pub i128);

impl<'de> Deserialize<'de> for WholeNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberVisitor;

        impl Visitor<'_> for NumberVisitor {
            type Value = WholeNumber;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }

            fn visit_i64<E>(self, number: i64) -> Result<WholeNumber, E> {
                Ok(WholeNumber(number.into()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<WholeNumber, E> {
                Ok(WholeNumber(number.into()))
            }

            fn visit_i128<E>(self, number: i128) -> Result<WholeNumber, E> {
                Ok(WholeNumber(number))
            }

            fn visit_u128<E>(self, number: u128) -> Result<WholeNumber, E> {
                Ok(WholeNumber(i128::try_from(number).unwrap_or(i128::MAX)))
            }
        }

        deserializer.deserialize_any(NumberVisitor)
    }
}

/// Reads a list. Errors call it that.
fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    struct ListVisitor<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
            let mut values = Vec::new();
            while let Some(value) = list.next_element()? {
                values.push(value);
            }
            Ok(values)
        }
    }

    deserializer.deserialize_any(ListVisitor(PhantomData))
}
