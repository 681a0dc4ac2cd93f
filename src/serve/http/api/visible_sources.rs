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

impl From<&CatalogEntry> for SearchSource {
    fn from(entry: &CatalogEntry) -> Self {
        Self::from(&*entry.source)
    }
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

    pub(super) fn grant(&self) -> &Grant {
        &self.grant
    }

    /// Whether the client may change the Source with this name.
    pub(crate) fn may_manage(&self, name: &str) -> bool {
        self.grant.may_manage(name)
    }

    /// The Source with this name. The error refers to `parameter`.
    pub(crate) fn named(&self, name: &str, parameter: &str) -> Result<&CatalogEntry, ApiError> {
        let found = self.all().find(|entry| entry.source.name == name);
        found.ok_or_else(|| no_source(name).for_parameter(parameter))
    }

    /// The Source with this name, from a path.
    pub(crate) fn with_name(&self, name: &str) -> Result<&CatalogEntry, ApiError> {
        let found = self.all().find(|entry| entry.source.name == name);
        found.ok_or_else(|| no_source(name))
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
    ) -> Result<Vec<&CatalogEntry>, ApiError> {
        let named = names.map(|name| self.named(name, "source"));
        let named = named.collect::<Result<Vec<_>, _>>()?;
        let is_selected = |entry: &&CatalogEntry| {
            named.is_empty() || named.iter().any(|named| named.id == entry.id)
        };
        let selected = self.all().filter(is_selected);
        Ok(selected.filter(|entry| entry.source.enabled).collect())
    }
}

/// The error about a Source that does not exist, or that the client may not see.
pub(super) fn no_source(name: &str) -> ApiError {
    let text = format!("there is no Source {name:?}; see /v1/sources for the names");
    ApiError::new(ErrorCode::NotFound, text)
}
