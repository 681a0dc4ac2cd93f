//! Sources: a folder of a bucket, how to reach it, which of its keys are assets, and the asset path
//! and URL of each key.
//!
//! This module only describes Sources. It does not wait, read files or the environment, or call AWS.
//! It says where credentials are found but never contains a secret.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64;

use crate::core::replication::interval::KeyRange;

pub mod address;
pub mod aws_host;
pub mod case;
pub mod decision;
pub mod glob;
pub mod limits;
pub mod look_alike;
pub mod named_assets;
mod near_miss;
pub mod network;
pub mod pattern;
pub mod pattern_set;
pub mod public_address;
pub mod queue_url;
pub mod reference;
pub mod rule_preview;
pub mod rules;
mod search_source;

pub use decision::RuleDecision;
pub use limits::SourceLimits;
pub use near_miss::NearMiss;
pub use reference::ReferenceError;
pub use rules::Rules;
pub use search_source::SearchSource;

/// One Source of the configuration, checked and with all defaults filled in.
#[derive(Clone, Debug)]
pub struct Source {
    /// Unique among the Sources of a configuration; safe on a command line and in a URL.
    pub name: String,
    /// Whether the Source is scanned, follows events and is searched. Records of a disabled Source stay
    /// in the index but are not found.
    pub enabled: bool,
    /// Whether people set it up through the page, the API or the command line. Otherwise the configuration has it.
    pub is_managed: bool,
    /// What it may use of this machine. `None` means everything. Managed Sources have limits.
    pub limits: Option<Arc<SourceLimits>>,
    /// The name of the bucket.
    pub bucket: String,
    /// The prefix of all keys of the Source. It is empty for the whole bucket, otherwise it ends in `/`.
    pub prefix: String,
    /// The bucket's Region; `None` if the program has to look it up.
    pub region: Option<String>,
    /// The base address of an S3-compatible store, without a `/` at the end; `None` for AWS.
    pub endpoint_url: Option<String>,
    /// Whether requests name the bucket in the path instead of the host name.
    pub path_style: bool,
    /// The address of us-east-1 to try first.
    pub endpoint_order: EndpointOrder,
    /// A DNS label, unique among the Sources of a configuration.
    pub subdomain: String,
    /// The part of an asset's URL before the asset path. It has no `/` at the end.
    pub base_url: String,
    /// The URL of a small picture of each asset. It contains [`address::PATH_PLACEHOLDER`] or
    /// [`address::KEY_PLACEHOLDER`].
    pub thumbnail_url: Option<String>,
    /// A note for people, in plain text.
    pub annotation: Option<String>,
    /// The rules that decide which keys are assets.
    pub rules: Rules,
    /// Whether an empty object whose key ends in `/` can be an asset.
    pub folder_markers: bool,
    /// Where to find the credentials for S3.
    pub credentials: Credentials,
    /// An account id of twelve digits. S3 refuses requests if the bucket belongs to another account.
    pub expected_bucket_owner: Option<String>,
    /// Whether to pay for requests to a requester-pays bucket.
    pub request_payer: bool,
    /// The queue with the event notifications of the bucket, if any.
    pub events: Option<Events>,
    /// The maximum time between two scans. `None` if it is the one of the whole configuration.
    pub reconcile_every: Option<Duration>,
}

/// The address of us-east-1 to try first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EndpointOrder {
    /// Only the Region's own address.
    #[default]
    Standard,
    /// `s3-external-1.amazonaws.com`, or `s3.amazonaws.com` while the first cannot be reached.
    ExternalFirst,
}

/// The SQS queue that receives the events of the bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Events {
    /// The URL of the queue.
    pub queue_url: String,
    /// The queue's Region; `None` if it is the Region of the bucket.
    pub region: Option<String>,
    /// Where to find the credentials for SQS.
    pub credentials: Credentials,
}

/// Where to find credentials. No variant contains a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Credentials {
    /// The default credential chain of AWS.
    #[default]
    DefaultChain,
    /// A named profile in the shared AWS configuration files.
    Profile(String),
    /// A role that the credentials of the default chain assume.
    AssumeRole {
        /// The ARN of the role.
        role_arn: String,
        /// The external id that the role's trust policy asks for.
        external_id: Option<String>,
    },
    /// An access key with its secret in a file.
    AccessKey {
        /// The id of the access key, which is not secret.
        access_key_id: String,
        /// The secret access key.
        secret: SecretPlace,
    },
}

impl Credentials {
    /// Whether they belong to this machine: its own ones, one of its profiles, or a role that they assume.
    pub fn are_of_the_machine(&self) -> bool {
        match self {
            Self::DefaultChain | Self::Profile(_) | Self::AssumeRole { .. } => true,
            Self::AccessKey { secret, .. } => !matches!(secret, SecretPlace::Sealed(_)),
        }
    }
}

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretPlace {
    /// A file at this path.
    File(PathBuf),
    /// A systemd credential: the file with this name in `$CREDENTIALS_DIRECTORY`.
    SystemdCredential(String),
    /// The file of a managed Source, which has it sealed.
    Sealed(SealedSecret),
}

/// A secret that is encrypted with a key that is stored elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedSecret {
    /// The name of the Source that it was sealed for.
    pub source: String,
    /// The field that it was sealed for, such as `credentials.secret_access_key`.
    pub field: String,
    /// The encrypted secret.
    pub text: String,
    /// Where the keys are.
    pub keys: KeyPlaces,
}

/// Where the keys are that seal secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPlaces {
    /// The file that the configuration names.
    pub file: Option<PathBuf>,
    /// The folder of the index, which has a key file if there is no other.
    pub data_dir: PathBuf,
}

/// The suffix of the aliases of access points.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-naming.html>
const ACCESS_POINT_ALIAS: &str = "-s3alias";

impl Source {
    /// A Source that covers a whole bucket on AWS, with every option at its default.
    pub fn new(
        name: impl Into<String>,
        bucket: impl Into<String>,
        subdomain: impl Into<String>,
    ) -> Self {
        let subdomain = subdomain.into();
        Self {
            name: name.into(),
            enabled: true,
            is_managed: false,
            limits: None,
            bucket: bucket.into(),
            prefix: String::new(),
            region: None,
            endpoint_url: None,
            path_style: false,
            endpoint_order: EndpointOrder::default(),
            base_url: address::base_url(address::DEFAULT_BASE_URL, &subdomain),
            subdomain,
            thumbnail_url: None,
            annotation: None,
            rules: Rules::default(),
            folder_markers: false,
            credentials: Credentials::default(),
            expected_bucket_owner: None,
            request_payer: false,
            events: None,
            reconcile_every: None,
        }
    }

    /// `/` and the key without the prefix, or `None` if the key is not under the prefix.
    pub fn asset_path(&self, key: &str) -> Option<String> {
        address::asset_path(&self.prefix, key)
    }

    /// The key with this asset path, or `None` if the path names no key.
    pub fn key_of(&self, asset_path: &str) -> Option<String> {
        address::key_of(&self.prefix, asset_path)
    }

    /// The key that a text names: an asset path, a key, an S3 URI, an ARN or a URL. See
    /// [`mod@reference`].
    pub fn key_of_reference(&self, text: &str) -> Result<String, ReferenceError> {
        reference::key_of(self, text)
    }

    /// The URL of the asset. A key that is not under the prefix gets the URL it would have there.
    ///
    /// Path segments `..` and `.` are not encoded, because clients resolve them in any encoding.
    pub fn asset_url(&self, key: &str) -> String {
        address::asset_url(&self.base_url, &self.prefix, key)
    }

    /// The URL of a small picture of the asset, if the Source has a template for it.
    pub fn thumbnail_url(&self, key: &str) -> Option<String> {
        let template = self.thumbnail_url.as_deref()?;
        Some(address::thumbnail_url(template, &self.prefix, key))
    }

    /// Whether the assets are served from another address than `https://{subdomain}.imgix.net`.
    pub fn has_custom_base_url(&self) -> bool {
        self.base_url != address::base_url(address::DEFAULT_BASE_URL, &self.subdomain)
    }

    /// Whether browsers can load the assets from the base address: it is not the default, or the thumbnails come from
    /// there.
    pub fn is_served_at_base_url(&self) -> bool {
        let template = self.thumbnail_url.as_deref().unwrap_or_default();
        let after_base = template.strip_prefix(&self.base_url);
        self.has_custom_base_url() || after_base.is_some_and(|it| it.starts_with(['/', '{', '?']))
    }

    /// Whether an object of `size` bytes is an asset. This is faster than [`Source::decide`], which also
    /// gives the reason.
    pub fn admits(&self, key: &str, size: u64) -> bool {
        let Some(relative) = key.strip_prefix(self.prefix.as_str()) else {
            return false;
        };
        !self.is_excluded_folder_marker(key, size) && self.rules.admits(relative)
    }

    /// Whether an object of `size` bytes is an asset, and the reason.
    pub fn decide(&self, key: &str, size: u64) -> RuleDecision<'_> {
        match key.strip_prefix(self.prefix.as_str()) {
            None => RuleDecision::NotUnderPrefix(&self.prefix),
            Some(_) if self.is_excluded_folder_marker(key, size) => RuleDecision::FolderMarker,
            Some(relative) => self.rules.decide(relative),
        }
    }

    /// A rule that does not match the key although it seems to name it.
    pub fn near_miss(&self, key: &str) -> Option<NearMiss> {
        self.rules.near_miss(key.strip_prefix(&self.prefix)?)
    }

    /// The rules that match only at the top level although they are written like rules for all levels.
    pub fn top_level_rules(&self) -> Vec<NearMiss> {
        self.rules.top_level_rules()
    }

    fn is_excluded_folder_marker(&self, key: &str, size: u64) -> bool {
        size == 0 && !self.folder_markers && key.ends_with('/')
    }

    /// The key ranges to list. Every admitted key is in one of them. They ascend and do not overlap.
    pub fn listed_ranges(&self) -> Vec<KeyRange> {
        self.under_prefix(self.rules.ranges())
    }

    /// The key ranges to list after a change of the configuration.
    ///
    /// Every key that is admitted now and was not admitted by the `previous` configuration of the same
    /// bucket and prefix is in one of them. They ascend and do not overlap.
    pub fn newly_admitted_ranges(&self, previous: &Source) -> Vec<KeyRange> {
        if self.folder_markers && !previous.folder_markers {
            return self.listed_ranges();
        }
        self.under_prefix(self.rules.newly_admitted_ranges(&previous.rules))
    }

    fn under_prefix(&self, relative: Vec<KeyRange>) -> Vec<KeyRange> {
        let ranges = relative.into_iter().map(|range| {
            let key = format!("{}{}", self.prefix, range.prefix);
            if range.is_single_key() {
                KeyRange::only(key)
            } else {
                KeyRange::under(key)
            }
        });
        ranges.collect()
    }

    /// Whether the configured bucket is the alias of an access point. Policies and events do not use the alias.
    pub fn is_access_point(&self) -> bool {
        self.non_aws_store().is_none() && self.bucket.ends_with(ACCESS_POINT_ALIAS)
    }

    /// The address of the store, or `None` if the store is AWS.
    pub fn non_aws_store(&self) -> Option<&str> {
        let url = self.endpoint_url.as_deref();
        url.filter(|url| aws_host::name(url).is_none())
    }

    /// The store and the bucket, as in `aws/my-bucket`. It identifies the bucket worldwide.
    pub fn origin(&self) -> String {
        let store = self.endpoint_url.as_deref().unwrap_or("aws");
        format!("{store}/{}", self.bucket)
    }

    /// A fingerprint of everything that decides which keys are admitted, as 16 hex digits.
    ///
    /// The index stores it: a different value means that other rules chose the records. It must
    /// therefore stay the same from release to release.
    pub fn admission_fingerprint(&self) -> String {
        let text = format!(
            "{}:{}\nfolder_markers={}\n{}",
            self.prefix.len(),
            self.prefix,
            self.folder_markers,
            self.rules.canonical_text()
        );
        format!("{:016x}", xxh3_64(text.as_bytes()))
    }
}

#[cfg(test)]
mod tests;
