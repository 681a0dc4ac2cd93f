//! The part of a Source that a search needs: which keys it covers, and the URLs of its assets.
//!
//! It has no credentials, no queue and no rules, so programs that only search can use it.

use crate::core::source::Source;
use crate::core::source::address;

/// A Source to search: its name, where its objects are stored, and where its assets are served.
///
/// If the index still holds the assets of a former bucket or prefix, searches find those.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SearchSource {
    /// The name in the configuration and in the index.
    pub name: String,
    /// The store and the bucket, as in `aws/my-bucket`; see [`Source::origin`].
    pub origin: String,
    /// The prefix of all keys of the Source. It is empty for the whole bucket, otherwise it ends in `/`.
    pub prefix: String,
    /// The part of an asset's URL before the asset path. It has no `/` at the end.
    pub base_url: String,
}

impl SearchSource {
    /// A Source at an origin, served from `https://{subdomain}.imgix.net`.
    pub(crate) fn new(name: &str, origin: &str, prefix: &str, subdomain: &str) -> Self {
        Self {
            name: name.to_owned(),
            origin: origin.to_owned(),
            prefix: prefix.to_owned(),
            base_url: address::base_url(address::DEFAULT_BASE_URL, subdomain),
        }
    }

    /// The same Source, with its assets served from another base address.
    #[must_use]
    pub fn with_base_url(self, base_url: &str) -> Self {
        let base_url = base_url.trim_end_matches('/').to_owned();
        Self { base_url, ..self }
    }

    /// The same Source at another location. Its base address stays.
    pub(crate) fn at(&self, origin: &str, prefix: &str) -> Self {
        Self {
            origin: origin.to_owned(),
            prefix: prefix.to_owned(),
            ..self.clone()
        }
    }

    /// The asset path of a key, or `None` if the key is not under the prefix.
    pub fn asset_path(&self, key: &str) -> Option<String> {
        address::asset_path(&self.prefix, key)
    }

    /// The key of an asset path, or `None` if no key can have this path.
    pub fn key_of(&self, asset_path: &str) -> Option<String> {
        address::key_of(&self.prefix, asset_path)
    }

    /// The URL of the asset with this key.
    pub fn asset_url(&self, key: &str) -> String {
        address::asset_url(&self.base_url, &self.prefix, key)
    }
}

impl From<&Source> for SearchSource {
    fn from(source: &Source) -> Self {
        Self {
            name: source.name.clone(),
            origin: source.origin(),
            prefix: source.prefix.clone(),
            base_url: source.base_url.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_the_paths_keys_and_urls_of_its_source() {
        let mut source = Source::new("photos", "bucket", "acme");
        source.prefix = "p/".to_owned();
        let searched = SearchSource::from(&source);
        assert_eq!(searched.origin, "aws/bucket");
        assert_eq!(searched.asset_path("p/a b"), source.asset_path("p/a b"));
        assert_eq!(searched.key_of("/a b"), source.key_of("/a b"));
        assert_eq!(searched.asset_url("p/a b"), source.asset_url("p/a b"));
        let elsewhere = searched.with_base_url("https://cdn.example.com/");
        assert_eq!(
            elsewhere.asset_url("p/a b"),
            "https://cdn.example.com/a%20b"
        );
        let former = elsewhere.at("aws/former", "old/");
        assert_eq!(former.asset_path("old/a"), Some("/a".to_owned()));
        assert_eq!(former.asset_url("old/a"), "https://cdn.example.com/a");
    }
}
