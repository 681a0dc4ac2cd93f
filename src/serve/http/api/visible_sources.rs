//! Which Sources a request may see. A Source that it may not see is to it one that does not exist.

use std::sync::Arc;

use super::error::{ApiError, ErrorCode};
use crate::core::source::SearchSource;
use crate::serve::access::Grant;
use crate::serve::http::app_state::{CatalogEntry, SourceCatalog};

/// The Sources that a request may see, of one configuration.
pub(crate) struct VisibleSources {
    catalog: Arc<SourceCatalog>,
    grant: Grant,
}

impl VisibleSources {
    /// Of a client with that grant.
    pub(crate) fn new(catalog: Arc<SourceCatalog>, grant: Grant) -> Self {
        Self { catalog, grant }
    }

    /// All that may be seen, in the order of the configuration.
    pub(crate) fn all(&self) -> impl Iterator<Item = &CatalogEntry> {
        let all = self.catalog.sources.iter();
        all.filter(|entry| self.grant.may_see(&entry.source.name))
    }

    /// The configuration.
    pub(crate) fn catalog(&self) -> &SourceCatalog {
        &self.catalog
    }

    /// The Source of that name; `parameter` is where it was named.
    pub(crate) fn named(&self, name: &str, parameter: &str) -> Result<&CatalogEntry, ApiError> {
        let found = self.all().find(|entry| entry.source.name == name);
        found.ok_or_else(|| {
            let text = format!("there is no Source {name:?}; /v1/sources lists them");
            ApiError::new(ErrorCode::NotFound, text).for_parameter(parameter)
        })
    }

    /// The Source of that id.
    pub(crate) fn with_id(&self, id: &str) -> Result<&CatalogEntry, ApiError> {
        let found = self.all().find(|entry| entry.id == id);
        found.ok_or_else(|| {
            let text = format!("there is no Source with the id {id:?}; /api/v1/sources lists them");
            ApiError::new(ErrorCode::NotFound, text)
        })
    }

    /// Those of the names, each once, all where there is none, without those that are disabled.
    pub(crate) fn searched<'n>(
        &self,
        names: impl Iterator<Item = &'n str>,
    ) -> Result<Vec<SearchSource>, ApiError> {
        let named = names.map(|name| self.named(name, "source"));
        let named = named.collect::<Result<Vec<_>, _>>()?;
        let is_named =
            |entry: &&CatalogEntry| named.is_empty() || named.iter().any(|one| one.id == entry.id);
        let all = self.all().filter(is_named);
        let enabled = all.map(|listed| &listed.source).filter(|it| it.enabled);
        Ok(enabled
            .map(|source| SearchSource::from(&**source))
            .collect())
    }
}
