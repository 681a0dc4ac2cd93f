//! A request as it comes in: what answers it, what it may see, and its address.
//!
//! What its parameters mean is for whoever answers it.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::Uri;
use axum::http::request::Parts;
use axum::response::Response;

use super::error::ApiError;
use super::operation::ApiOperation;
use super::params::Params;
use super::visible_sources::VisibleSources;
use crate::serve::access::Grant;
use crate::serve::http::app_state::{AppState, CatalogEntry};

/// A request; taken out of it by axum, which refuses one that has no grant.
pub(super) struct RequestContext {
    /// What answers it.
    pub app: Arc<AppState>,
    /// What it may see.
    pub sources: VisibleSources,
    uri: Uri,
}

impl FromRequestParts<Arc<AppState>> for RequestContext {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<AppState>) -> Result<Self, Response> {
        let grant = Grant::from_request_parts(parts, app).await?;
        Ok(Self {
            sources: VisibleSources::new(app.catalog(), grant),
            app: Arc::clone(app),
            uri: parts.uri.clone(),
        })
    }
}

impl RequestContext {
    /// Its parameters, which are those of the operation.
    pub(super) fn params(&self, operation: &ApiOperation) -> Result<Params, ApiError> {
        Params::read(self.uri.query(), operation.parameters)
    }

    /// The path of its address, still encoded.
    pub(super) fn path(&self) -> &str {
        self.uri.path()
    }

    /// The Source that the parameter `source` names.
    pub(super) fn source(&self, params: &Params) -> Result<&CatalogEntry, ApiError> {
        let name = params.text("source").unwrap_or_default();
        self.sources.named(name, "source")
    }
}
