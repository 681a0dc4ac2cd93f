//! One operation of the API: a path that accepts GET, and its entry in the OpenAPI document.
//!
//! Each handler module declares its operations. `openapi` collects them.

use super::error::JSON_API;
use super::params::ParameterSpec;

/// The path that serves the OpenAPI document.
pub(super) const OPENAPI_PATH: &str = "/v1/openapi.json";

/// A path that accepts GET.
#[derive(Clone, Copy, Debug)]
pub(super) struct ApiOperation {
    /// The route, with `{name}` for each variable part.
    pub path: &'static str,
    /// The OpenAPI `operationId`: unique, used by client generators.
    pub id: &'static str,
    /// One sentence for developers of clients.
    pub summary: &'static str,
    /// The API that the path belongs to.
    pub tag: ApiTag,
    /// The query parameters, in tables that several operations share.
    pub parameters: &'static [&'static [ParameterSpec]],
    /// The name of the response's schema.
    pub response_schema: &'static str,
    /// Whether the response can be a 404.
    pub may_be_not_found: bool,
}

/// The API that a path belongs to. It becomes an OpenAPI tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ApiTag {
    /// Our own API, `/v1`.
    Search,
    /// The API in imgix's shapes, `/api/v1`.
    Imgix,
}

impl ApiTag {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Imgix => "imgix",
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Search => "application/json",
            Self::Imgix => JSON_API,
        }
    }
}
