//! A request as it comes in: what answers it, what it may see, and its address.
//!
//! What its parameters mean is for whoever answers it.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::Uri;
use axum::http::request::Parts;
use axum::response::Response;

use super::error::ApiError;
use super::openapi::Operation;
use super::params::Params;
use super::scope::Scope;
use crate::serve::access::Grant;
use crate::serve::http::site::{Listed, Site};

/// A request; taken out of it by axum, which refuses one that has no grant.
pub(super) struct Inquiry {
    /// What answers it.
    pub site: Arc<Site>,
    /// What it may see.
    pub scope: Scope,
    uri: Uri,
}

impl FromRequestParts<Arc<Site>> for Inquiry {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<Self, Response> {
        let grant = Grant::from_request_parts(parts, site).await?;
        Ok(Self {
            scope: Scope::new(site.catalog(), grant),
            site: Arc::clone(site),
            uri: parts.uri.clone(),
        })
    }
}

impl Inquiry {
    /// Its parameters, which are those of the operation.
    pub(super) fn params(&self, operation: &Operation) -> Result<Params, ApiError> {
        Params::read(self.uri.query(), operation.parameters)
    }

    /// The path of its address, still encoded.
    pub(super) fn path(&self) -> &str {
        self.uri.path()
    }

    /// The Source that the parameter `source` names.
    pub(super) fn source(&self, params: &Params) -> Result<&Listed, ApiError> {
        let name = params.text("source").unwrap_or_default();
        self.scope.named(name, "source")
    }
}
