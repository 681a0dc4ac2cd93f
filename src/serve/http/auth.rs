//! Authenticates requests: attaches the [`Grant`] of the token, or responds with an error.
//!
//! Handlers apply the grant; this module does not filter responses. Without a tokens file, every client that
//! can connect may read everything; only requests for an unknown host name are rejected (see `host_check`).

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};

use tokio_rustls::TlsAcceptor;

use super::api::error::{ApiError, ErrorCode};
use super::host_check::AllowedHosts;
use super::tls::{Tls, TlsError};
use crate::config::{Config, Listen, ServeConfig};
use crate::serve::access::{Access, Grant, TokenError, TokenFileError};

/// Paths that need no token. They reveal nothing about Sources.
const PUBLIC_PATHS: [&str; 3] = ["/", "/healthz", "/readyz"];
/// The files of the page start with this path. They need no token either.
const PAGE_FILES: &str = "/page/";

/// Sent with every response: browsers must not guess the content type, and other origins must not embed it.
const RESPONSE_HEADERS: [(HeaderName, &str); 2] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// The tokens, allowed host names and TLS certificate of the server. Share it in an [`Arc`].
#[derive(Debug)]
pub(crate) struct Auth {
    access: Access,
    /// `None` if every host name is allowed.
    hosts: Option<AllowedHosts>,
    tls: Option<Tls>,
}

/// Why the tokens or the certificate cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthError {
    /// The tokens file has a problem.
    #[error(transparent)]
    Tokens(#[from] TokenFileError),
    /// The certificate or its key has a problem.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl Auth {
    /// Loads the configured tokens and certificate.
    pub(crate) fn from_config(config: &ServeConfig) -> Result<Self, AuthError> {
        let access = match &config.tokens {
            Some(path) => Access::from_file(path)?,
            None => Access::open(),
        };
        // DNS rebinding needs a browser that connects without a token: not possible with tokens or a Unix socket.
        let needs_host_check = access.is_open() && matches!(config.listen, Some(Listen::Tcp(_)));
        Ok(Self {
            access,
            hosts: needs_host_check.then(|| AllowedHosts::new(&config.hosts)),
            tls: config.tls.as_ref().map(Tls::new).transpose()?,
        })
    }

    #[cfg(test)]
    pub(crate) fn new(access: Access) -> Self {
        Self {
            access,
            hosts: None,
            tls: None,
        }
    }

    #[cfg(test)]
    pub(crate) fn with_tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    pub(crate) fn access(&self) -> &Access {
        &self.access
    }

    /// The TLS acceptor for the next connection, or `None` without TLS.
    pub(super) fn acceptor(&self) -> Option<TlsAcceptor> {
        self.tls.as_ref().map(Tls::acceptor)
    }

    /// Describes settings that are valid but risky or probably wrong.
    pub(crate) fn warnings(&self, config: &Config) -> Vec<String> {
        let mut warnings = Vec::new();
        let is_remote = config
            .serve
            .listen
            .as_ref()
            .is_some_and(|listen| !listen.is_local());
        if is_remote && self.tls.is_none() {
            warnings.push(
                "tokens and responses are sent unencrypted: set serve.tls_certificate and serve.tls_key, or \
                 make sure that only a TLS proxy can reach the address"
                    .to_owned(),
            );
        }
        let unknown_sources = self.access.unknown_sources(&config.names());
        warnings.extend(unknown_sources.into_iter().map(|(token, source)| {
            format!("token {token:?} grants access to Source {source:?}, which is not configured")
        }));
        warnings
    }

    /// Reads the tokens, the certificate and its key again. An error leaves everything as it is, except that
    /// a missing tokens file revokes all tokens.
    pub(crate) fn reload(&self) -> Result<(), AuthError> {
        let tls = self.tls.as_ref();
        let loaded = tls.map(|tls| Ok::<_, TlsError>((tls, tls.load()?)));
        let loaded = loaded.transpose()?;
        self.access.reload()?;
        if let Some((tls, config)) = loaded {
            tls.replace(config);
        }
        Ok(())
    }
}

/// Authenticates every request to the router.
pub(super) fn require_auth(router: Router, auth: Arc<Auth>) -> Router {
    router.layer(from_fn_with_state(auth, authenticate))
}

async fn authenticate(State(auth): State<Arc<Auth>>, request: Request, next: Next) -> Response {
    let mut response = match auth.check(request) {
        Ok(request) => next.run(request).await,
        Err(refusal) => refusal,
    };
    for (name, value) in RESPONSE_HEADERS {
        let value = HeaderValue::from_static(value);
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}

impl Auth {
    /// Returns the request with its grant, if it has one, or the error response.
    #[expect(clippy::result_large_err, reason = "the response is sent right away")]
    fn check(&self, mut request: Request) -> Result<Request, Response> {
        if self
            .hosts
            .as_ref()
            .is_some_and(|hosts| !hosts.allow(&request))
        {
            let text = "this server does not answer to that host name; if the name is right, add it to serve.hosts";
            return Err(ApiError::new(ErrorCode::HostUnknown, text).into_response());
        }
        let token = bearer_token(request.headers());
        match token.and_then(|token| self.access.grant(token)) {
            Ok(grant) => {
                request.extensions_mut().insert(grant);
            }
            Err(_) if is_public(request.uri().path()) => {}
            Err(error) => return Err(unauthorized(error)),
        }
        Ok(request)
    }
}

fn is_public(path: &str) -> bool {
    PUBLIC_PATHS.contains(&path) || path.starts_with(PAGE_FILES)
}

/// Returns the bearer token of the request, if it has an `Authorization` header.
fn bearer_token(headers: &HeaderMap) -> Result<Option<&str>, TokenError> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let Some(given) = given.next().filter(|_| given.next().is_none()) else {
        return if headers.contains_key(header::AUTHORIZATION) {
            Err(TokenError::Malformed)
        } else {
            Ok(None)
        };
    };
    let given = given.to_str().map_err(|_| TokenError::Malformed)?;
    let (scheme, token) = given.trim().split_once(' ').ok_or(TokenError::Malformed)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(Some(token.trim_start()))
    } else {
        Err(TokenError::Malformed)
    }
}

/// A 401 response. As RFC 6750, section 3 says, a request without a token gets no error code.
fn unauthorized(error: TokenError) -> Response {
    let challenge = match error {
        TokenError::Missing => "Bearer realm=\"asset-indexer\"",
        _ => "Bearer realm=\"asset-indexer\", error=\"invalid_token\"",
    };
    let mut response = ApiError::new(ErrorCode::Unauthenticated, error.to_string()).into_response();
    let challenge = HeaderValue::from_static(challenge);
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, challenge);
    response
}

/// Extracts what the client may see. Fails with 401 if the request did not pass [`require_auth`].
impl<S: Sync> FromRequestParts<S> for Grant {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let grant = parts.extensions.get::<Self>().cloned();
        grant.ok_or_else(|| unauthorized(TokenError::Missing))
    }
}

#[cfg(test)]
mod tests;
