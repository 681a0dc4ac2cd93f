//! Which Sources a request may see. A Source that it may not see is to it one that does not exist.

use std::sync::Arc;

use super::error::{ApiError, Code};
use crate::core::source::Source;
use crate::serve::access::Grant;
use crate::serve::http::site::{Catalog, Listed};

/// The Sources that a request may see, of one configuration.
pub(crate) struct Scope {
    catalog: Arc<Catalog>,
    grant: Grant,
}

impl Scope {
    /// Of a client with that grant.
    pub(crate) fn new(catalog: Arc<Catalog>, grant: Grant) -> Self {
        Self { catalog, grant }
    }

    /// All that may be seen, in the order of the configuration.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Listed> {
        let all = self.catalog.sources.iter();
        all.filter(|listed| self.grant.may_see(&listed.source.name))
    }

    /// The configuration.
    pub(crate) fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The Source of that name; `parameter` is where it was named.
    pub(crate) fn named(&self, name: &str, parameter: &str) -> Result<&Listed, ApiError> {
        let found = self.all().find(|listed| listed.source.name == name);
        found.ok_or_else(|| {
            let text = format!("there is no Source {name:?}; /v1/sources lists them");
            ApiError::new(Code::NotFound, text).of(parameter)
        })
    }

    /// The Source of that id.
    pub(crate) fn with_id(&self, id: &str) -> Result<&Listed, ApiError> {
        let found = self.all().find(|listed| listed.id == id);
        found.ok_or_else(|| {
            let text = format!("there is no Source with the id {id:?}; /api/v1/sources lists them");
            ApiError::new(Code::NotFound, text)
        })
    }

    /// Those of the names, each once, all where there is none, without those that are disabled.
    pub(crate) fn searched<'n>(
        &self,
        names: impl Iterator<Item = &'n str>,
    ) -> Result<Vec<Arc<Source>>, ApiError> {
        let named = names.map(|name| self.named(name, "source"));
        let named = named.collect::<Result<Vec<_>, _>>()?;
        let is_named =
            |listed: &&Listed| named.is_empty() || named.iter().any(|one| one.id == listed.id);
        let all = self.all().filter(is_named);
        let enabled = all.map(|listed| &listed.source).filter(|it| it.enabled);
        Ok(enabled.cloned().collect())
    }
}
