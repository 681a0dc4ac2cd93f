//! The assets that a query names by an address, a path or a key, as far as a search needs to know.
//!
//! An address always names assets. A path or a key can be a query too, so it names an asset only if that exists.

use super::{SearchError, Snapshot};
use crate::core::source::named_assets::{AddressError, NamedAsset, named_assets, possible_assets};
use crate::core::source::reference::is_uri;
use crate::core::source::{SearchSource, Source};

/// An asset that a query names. It may not exist.
#[derive(Clone, Debug)]
pub(crate) struct AssetName {
    /// Its Source.
    pub source: SearchSource,
    /// The asset path.
    pub path: String,
}

impl AssetName {
    /// The assets in these Sources that an address names. `None` if the text is not an address.
    pub(crate) fn of_address<'a>(
        text: &str,
        sources: impl IntoIterator<Item = &'a Source>,
    ) -> Result<Option<Vec<Self>>, AddressError> {
        let text = text.trim();
        if !is_uri(text) {
            return Ok(None);
        }
        let assets = named_assets(text, sources)?;
        Ok(Some(assets.into_iter().map(Self::from).collect()))
    }

    /// The assets in these Sources whose path or key the text can be.
    pub(crate) fn possible<'a>(
        text: &str,
        sources: impl IntoIterator<Item = &'a Source>,
    ) -> Vec<Self> {
        let possible = possible_assets(text.trim(), sources);
        possible.into_iter().map(Self::from).collect()
    }

    /// Those of the assets that exist. If there is none, the query is a search.
    pub(crate) fn existing(
        snapshot: &Snapshot,
        possible: Vec<Self>,
    ) -> Result<Vec<Self>, SearchError> {
        let mut existing = Vec::new();
        for asset in possible {
            if snapshot.asset(&asset.source, &asset.path)?.is_some() {
                existing.push(asset);
            }
        }
        Ok(existing)
    }
}

impl From<NamedAsset<'_>> for AssetName {
    fn from(asset: NamedAsset<'_>) -> Self {
        Self {
            source: SearchSource::from(asset.source),
            path: asset.path,
        }
    }
}
