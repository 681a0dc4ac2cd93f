//! What a Source is: a bucket's folder, how it is reached, which of its keys are assets, and the
//! asset path and address of each.
//!
//! Nothing in here waits, reads a file or an environment, or names AWS: credentials are only said
//! where to be found, and the secret among them is the path of a file.

use std::path::PathBuf;

use xxhash_rust::xxh3::xxh3_64;

use crate::core::replication::interval::KeyRange;

pub mod address;
pub mod aws_host;
pub mod case;
pub mod decision;
pub mod glob;
pub mod pattern;
pub mod pattern_set;
pub mod queue_url;
pub mod rules;

pub use decision::Decision;
pub use rules::Rules;

/// One Source, valid and resolved.
#[derive(Clone, Debug)]
pub struct Source {
    /// Unique among the Sources of a configuration; safe on a command line and in a URL.
    pub name: String,
    /// Whether it is listed, followed and searched; if not, its records wait.
    pub enabled: bool,
    /// The bucket.
    pub bucket: String,
    /// Empty for the whole bucket, else it ends in `/`.
    pub prefix: String,
    /// The bucket's Region; `None`: it is to be found out.
    pub region: Option<String>,
    /// Base address of an S3-compatible store without a `/` at the end; `None` for AWS.
    pub endpoint_url: Option<String>,
    /// Whether the bucket stands in the path of a request instead of its host name.
    pub path_style: bool,
    /// Which of the addresses of us-east-1 is tried first.
    pub endpoint_order: EndpointOrder,
    /// A DNS label, unique among the Sources of a configuration.
    pub subdomain: String,
    /// What an asset path is put behind to make the asset's URL; no `/` at the end.
    pub base_url: String,
    /// Which keys are assets.
    pub rules: Rules,
    /// Whether empty objects whose key ends in `/` can be assets.
    pub folder_markers: bool,
    /// How to sign requests to S3.
    pub credentials: Credentials,
    /// Twelve digits; S3 is asked to refuse when the bucket belongs to another account.
    pub expected_bucket_owner: Option<String>,
    /// Whether to agree to pay for the requests.
    pub request_payer: bool,
    /// The queue of event notifications.
    pub events: Option<Events>,
}

/// Which of the addresses of us-east-1 is tried first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EndpointOrder {
    /// The Region's own address and no other.
    #[default]
    Standard,
    /// `s3-external-1.amazonaws.com`, and `s3.amazonaws.com` while that one cannot be reached.
    ExternalFirst,
}

/// The SQS queue that S3 sends the events of the bucket to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Events {
    /// The queue's address.
    pub queue_url: String,
    /// The queue's Region; `None`: that of the bucket.
    pub region: Option<String>,
    /// How to sign requests to SQS.
    pub credentials: Credentials,
}

/// Where to find credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Credentials {
    /// What the AWS default chain finds.
    #[default]
    DefaultChain,
    /// A profile of the shared AWS configuration files.
    Profile(String),
    /// A role that the credentials of the default chain may take on.
    AssumeRole {
        /// Its ARN.
        role_arn: String,
        /// What the role's owner asks for to recognise the caller.
        external_id: Option<String>,
    },
    /// An access key whose secret lies in a file.
    AccessKey {
        /// The part of the key that is no secret.
        access_key_id: String,
        /// Where the secret is.
        secret: SecretFile,
    },
}

/// Where a secret is to be read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretFile {
    /// A file of its own.
    Path(PathBuf),
    /// The name of a systemd credential: a file in `$CREDENTIALS_DIRECTORY`.
    SystemdCredential(String),
}

impl Source {
    /// A Source of a whole bucket on AWS, with all choices at their defaults.
    pub fn new(
        name: impl Into<String>,
        bucket: impl Into<String>,
        subdomain: impl Into<String>,
    ) -> Self {
        let subdomain = subdomain.into();
        Self {
            name: name.into(),
            enabled: true,
            bucket: bucket.into(),
            prefix: String::new(),
            region: None,
            endpoint_url: None,
            path_style: false,
            endpoint_order: EndpointOrder::default(),
            base_url: address::base_url(address::DEFAULT_BASE_URL, &subdomain),
            subdomain,
            rules: Rules::default(),
            folder_markers: false,
            credentials: Credentials::default(),
            expected_bucket_owner: None,
            request_payer: false,
            events: None,
        }
    }

    /// `/` and the key without the prefix; `None` for a key that is not under the prefix.
    pub fn asset_path(&self, key: &str) -> Option<String> {
        Some(format!("/{}", key.strip_prefix(&self.prefix)?))
    }

    /// The key that has this asset path; `None` where the path names no key.
    pub fn key_of(&self, asset_path: &str) -> Option<String> {
        let key = format!("{}{}", self.prefix, asset_path.strip_prefix('/')?);
        (!key.is_empty()).then_some(key)
    }

    /// The URL of the asset, or of the key as if it lay under the prefix.
    ///
    /// A segment `..` or `.` stays as it is: no encoding keeps clients from resolving it.
    pub fn asset_url(&self, key: &str) -> String {
        let relative = key.strip_prefix(&self.prefix).unwrap_or(key);
        let mut url = format!("{}/", self.base_url);
        address::percent_encode(relative, &mut url);
        url
    }

    /// Whether its assets have an address of their own: another than where imgix would serve them.
    pub fn has_own_address(&self) -> bool {
        self.base_url != address::base_url(address::DEFAULT_BASE_URL, &self.subdomain)
    }

    /// Whether the object is an asset: [`Source::decide`] without the reason, and faster.
    pub fn admits(&self, key: &str, size: u64) -> bool {
        let Some(relative) = key.strip_prefix(self.prefix.as_str()) else {
            return false;
        };
        !self.is_unwanted_marker(key, size) && self.rules.admits(relative)
    }

    /// Whether the object, of `size` bytes, is an asset, and why.
    pub fn decide(&self, key: &str, size: u64) -> Decision<'_> {
        match key.strip_prefix(self.prefix.as_str()) {
            None => Decision::NotUnderPrefix(&self.prefix),
            Some(_) if self.is_unwanted_marker(key, size) => Decision::FolderMarker,
            Some(relative) => self.rules.decide(relative),
        }
    }

    fn is_unwanted_marker(&self, key: &str, size: u64) -> bool {
        size == 0 && !self.folder_markers && key.ends_with('/')
    }

    /// The ranges to list so that every admitted key lies in one: ascending, none in another.
    pub fn listed_ranges(&self) -> Vec<KeyRange> {
        self.under_prefix(self.rules.ranges())
    }

    /// The ranges to list so that every key lies in one that is admitted and was not by the `former`
    /// configuration of the same bucket and prefix: ascending, none in another.
    pub fn newly_admitted_ranges(&self, former: &Source) -> Vec<KeyRange> {
        if self.folder_markers && !former.folder_markers {
            return self.listed_ranges();
        }
        self.under_prefix(self.rules.newly_admitted_ranges(&former.rules))
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

    /// The address of the store, where it is not AWS's own.
    pub fn foreign_store(&self) -> Option<&str> {
        let url = self.endpoint_url.as_deref();
        url.filter(|url| aws_host::name(url).is_none())
    }

    /// Which bucket it is, in the whole world.
    pub fn origin(&self) -> String {
        let store = self.endpoint_url.as_deref().unwrap_or("aws");
        format!("{store}/{}", self.bucket)
    }

    /// A fingerprint, 16 hex digits, of everything that decides which keys are admitted.
    ///
    /// It is kept in the index: another one voids the checkpoint. So it must stay the same from
    /// release to release.
    pub fn scope(&self) -> String {
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
