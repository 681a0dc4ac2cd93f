//! The Sources that a request may see. It treats all others as if they did not exist.

use std::sync::Arc;

use super::error::{ApiError, ErrorCode};
use crate::core::source::SearchSource;
use crate::serve::access::Grant;
use crate::serve::http::app_state::{CatalogEntry, SourceCatalog};

/// The Sources of one configuration that a request may see.
pub(crate) struct VisibleSources {
    catalog: Arc<SourceCatalog>,
    grant: Grant,
}

impl VisibleSources {
    pub(crate) fn new(catalog: Arc<SourceCatalog>, grant: Grant) -> Self {
        Self { catalog, grant }
    }

    /// All visible Sources, in the order of the configuration.
    pub(crate) fn all(&self) -> impl Iterator<Item = &CatalogEntry> {
        let all = self.catalog.sources.iter();
        all.filter(|entry| self.grant.may_see(&entry.source.name))
    }

    /// All Sources of the configuration, visible or not.
    pub(crate) fn catalog(&self) -> &SourceCatalog {
        &self.catalog
    }

    /// The Source with this name. The error refers to `parameter`.
    pub(crate) fn named(&self, name: &str, parameter: &str) -> Result<&CatalogEntry, ApiError> {
        let found = self.all().find(|entry| entry.source.name == name);
        found.ok_or_else(|| {
            let text = format!("there is no Source {name:?}; see /v1/sources for the names");
            ApiError::new(ErrorCode::NotFound, text).for_parameter(parameter)
        })
    }

    /// The Source with this id.
    pub(crate) fn with_id(&self, id: &str) -> Result<&CatalogEntry, ApiError> {
        let found = self.all().find(|entry| entry.id == id);
        found.ok_or_else(|| {
            let text =
                format!("there is no Source with the id {id:?}; see /api/v1/sources for the ids");
            ApiError::new(ErrorCode::NotFound, text)
        })
    }

    /// The enabled Sources with these names, each once. Without names: all enabled Sources.
    ///
    /// An unknown name is an error.
    pub(crate) fn select_enabled<'n>(
        &self,
        names: impl Iterator<Item = &'n str>,
    ) -> Result<Vec<SearchSource>, ApiError> {
        let named = names.map(|name| self.named(name, "source"));
        let named = named.collect::<Result<Vec<_>, _>>()?;
        let is_selected = |entry: &&CatalogEntry| {
            named.is_empty() || named.iter().any(|named| named.id == entry.id)
        };
        let selected = self.all().filter(is_selected).map(|entry| &entry.source);
        let enabled = selected.filter(|source| source.enabled);
        Ok(enabled
            .map(|source| SearchSource::from(&**source))
            .collect())
    }
}
