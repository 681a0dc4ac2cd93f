//! The context of a request: the shared state, the Sources that the client may see, and the URL.
//!
//! It checks the names and types of parameters. The handlers decide what they mean.

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
use crate::serve::http::auth::ReadByPost;
use crate::serve::http::client::ClientState;

/// The context of a request. Axum extracts it, and rejects a request without a [`Grant`].
pub(super) struct RequestContext {
    pub app: ClientState,
    /// The Sources that the client may see.
    pub sources: VisibleSources,
    uri: Uri,
}

impl FromRequestParts<Arc<AppState>> for RequestContext {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<AppState>) -> Result<Self, Response> {
        let grant = Grant::from_request_parts(parts, app).await?;
        Ok(Self::of(parts, app, grant))
    }
}

impl RequestContext {
    /// Extracts the context of a POST request that changes nothing: its handler must only read.
    pub(super) async fn read_by_post(
        parts: &mut Parts,
        app: &Arc<AppState>,
    ) -> Result<Self, Response> {
        let ReadByPost(grant) = ReadByPost::from_request_parts(parts, app).await?;
        Ok(Self::of(parts, app, grant))
    }

    fn of(parts: &Parts, app: &Arc<AppState>, grant: Grant) -> Self {
        Self {
            app: ClientState::new(app, &grant, &parts.extensions),
            sources: VisibleSources::new(app.catalog(), grant),
            uri: parts.uri.clone(),
        }
    }

    /// Parses the parameters. Only the parameters of the operation are accepted.
    pub(super) fn params(&self, operation: &ApiOperation) -> Result<Params, ApiError> {
        Params::read(self.uri.query(), operation.parameters)
    }

    /// The path of the URL, still percent-encoded.
    pub(super) fn path(&self) -> &str {
        self.uri.path()
    }

    /// The URL, without a host.
    pub(super) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The Source named by the parameter `source`.
    pub(super) fn source(&self, params: &Params) -> Result<&CatalogEntry, ApiError> {
        let name = params.text("source").unwrap_or_default();
        self.sources.named(name, "source")
    }
}
