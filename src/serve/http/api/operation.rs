//! One operation of the API: a path, the method that it accepts, and its entry in the OpenAPI document.
//!
//! Each handler module declares its operations. `openapi` collects them.

use super::error::JSON_API;
use super::params::ParameterSpec;

/// The path that serves the OpenAPI document.
pub(super) const OPENAPI_PATH: &str = "/v1/openapi.json";

/// A path with the method that it accepts. Several operations can have the same path.
#[derive(Clone, Copy, Debug)]
pub(super) struct ApiOperation {
    pub method: ApiMethod,
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
    /// The headers that the operation reads besides `Authorization`.
    pub headers: &'static [HeaderSpec],
    /// The body that the operation reads.
    pub request: RequestBody,
    /// The status of the response if the request succeeded.
    pub success: u16,
    /// The name of the response's schema.
    pub response_schema: &'static str,
    /// Whether the response can be a 404.
    pub may_be_not_found: bool,
    /// Whether the response can be a 202, for a change that is stored and not in use yet.
    pub may_be_pending: bool,
}

impl ApiOperation {
    /// An operation that only reads: the values of most fields for most operations.
    pub(super) const READ: Self = Self {
        method: ApiMethod::Get,
        path: "",
        id: "",
        summary: "",
        tag: ApiTag::Search,
        parameters: &[],
        headers: &[],
        request: RequestBody::None,
        success: 200,
        response_schema: "",
        may_be_not_found: false,
        may_be_pending: false,
    };
}

/// The method of an operation. An operation with [`ApiMethod::Get`] also accepts HEAD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ApiMethod {
    Get,
    Post,
    Patch,
    Delete,
}

impl ApiMethod {
    /// The key of the operation in its path, in the OpenAPI document.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }
}

/// The body of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestBody {
    None,
    /// JSON of the schema with this name.
    Json(&'static str),
    /// The same, as a merge patch (RFC 7396).
    MergePatch(&'static str),
    /// No body, or an empty object.
    Empty,
}

/// A header that an operation reads.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeaderSpec {
    pub name: &'static str,
    /// The description for the OpenAPI document: full sentences.
    pub description: &'static str,
    /// A regular expression that the value matches.
    pub pattern: &'static str,
}

/// The API that a path belongs to. It becomes an OpenAPI tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ApiTag {
    /// Our own API, `/v1`.
    Search,
    /// The part of `/v1` that sets up Sources.
    Sources,
    /// The API in imgix's shapes, `/api/v1`.
    Imgix,
}

impl ApiTag {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Sources => "sources",
            Self::Imgix => "imgix",
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Search | Self::Sources => "application/json",
            Self::Imgix => JSON_API,
        }
    }
}
