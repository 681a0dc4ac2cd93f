//! Authenticates requests: attaches the [`Grant`] of the token, or responds with an error.
//!
//! Handlers apply the grant; this module does not filter responses. Without a tokens file, every client that
//! can connect may read everything; only requests for an unknown host name are rejected (see `host_check`).
//!
//! A change always needs a token: a handler that changes something extracts the [`Grant`], which fails without the
//! right. Before that, web pages of other origins are refused (see `cross_origin`).

use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};

use tokio_rustls::TlsAcceptor;

use super::api::error::{ApiError, ErrorCode};
use super::cross_origin::{RequestOrigin, is_write};
use super::host_check::AllowedHosts;
use super::tls::{Tls, TlsError};
use crate::config::{Config, Listen, ServeConfig};
use crate::serve::access::{Access, Grant, TokenError, TokenFileError};

/// Paths that need no token. They reveal nothing about Sources.
const PUBLIC_PATHS: [&str; 3] = ["/", "/healthz", "/readyz"];
/// The files of the page start with this path. They need no token either.
const PAGE_FILES: &str = "/page/";
/// The path that says what a token may do, and exchanges the code of a link for a token. It needs no token, but the
/// page has to learn whether its token still works.
pub(crate) const SESSION_PATH: &str = "/v1/session";

/// Which pages may embed a response.
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The tokens, allowed host names, origins and TLS certificate of the server. Share it in an [`Arc`].
#[derive(Debug)]
pub(crate) struct Auth {
    access: Access,
    /// The origins of web pages elsewhere that may use the API.
    cors_origins: RwLock<Arc<[String]>>,
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
            cors_origins: RwLock::new(config.cors_origins.as_slice().into()),
            hosts: needs_host_check.then(|| AllowedHosts::new(&config.hosts)),
            tls: config.tls.as_ref().map(Tls::new).transpose()?,
        })
    }

    #[cfg(test)]
    pub(crate) fn new(access: Access) -> Self {
        Self {
            access,
            cors_origins: RwLock::default(),
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

    fn cors_origins(&self) -> Arc<[String]> {
        let origins = self.cors_origins.read();
        Arc::clone(&origins.unwrap_or_else(PoisonError::into_inner))
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

    /// Reads the tokens, the certificate and its key again, and uses these origins. An error leaves
    /// everything as it is, except that a missing tokens file revokes all tokens.
    pub(crate) fn reload(&self, cors_origins: &[String]) -> Result<(), AuthError> {
        let tls = self.tls.as_ref();
        let loaded = tls.map(|tls| Ok::<_, TlsError>((tls, tls.load()?)));
        let loaded = loaded.transpose()?;
        self.access.reload()?;
        if let Some((tls, config)) = loaded {
            tls.replace(config);
        }
        let mut origins = self
            .cors_origins
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *origins = cors_origins.into();
        Ok(())
    }
}

/// Authenticates every request to the router.
pub(super) fn require_auth(router: Router, auth: Arc<Auth>) -> Router {
    router.layer(from_fn_with_state(auth, authenticate))
}

async fn authenticate(State(auth): State<Arc<Auth>>, request: Request, next: Next) -> Response {
    let origins = auth.cors_origins();
    let origin = RequestOrigin::of(request.headers(), auth.tls.is_some(), &origins);
    let mut response = match auth.check(request, &origin) {
        Ok(mut request) => {
            request.extensions_mut().insert(Arc::clone(&auth));
            next.run(request).await
        }
        Err(refusal) => refusal,
    };
    let headers = response.headers_mut();
    // Browsers must not guess the content type, and other origins must not embed the response.
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (RESOURCE_POLICY, origin.resource_policy()),
    ] {
        let value = HeaderValue::from_static(value);
        headers.entry(name).or_insert(value);
    }
    if !origins.is_empty() {
        // A cache must not give the response for one page to another.
        headers.append(header::VARY, HeaderValue::from_static("origin"));
    }
    origin.allow(headers);
    response
}

impl Auth {
    /// Returns the request with its grant, if it has one, or the response: an error, or the answer to a preflight.
    #[expect(clippy::result_large_err, reason = "the response is sent right away")]
    fn check(&self, mut request: Request, origin: &RequestOrigin) -> Result<Request, Response> {
        if self
            .hosts
            .as_ref()
            .is_some_and(|hosts| !hosts.allow(&request))
        {
            let text = "this server does not answer to that host name; if the name is right, add it to serve.hosts";
            return Err(ApiError::new(ErrorCode::HostUnknown, text).into_response());
        }
        if let Some(response) = origin.preflight(&request) {
            return Err(response);
        }
        if is_write(request.method()) && !origin.may_write() {
            let text = "web pages of this origin may not change anything; if it is right, add it to \
                        serve.cors_origins";
            return Err(ApiError::new(ErrorCode::OriginNotAllowed, text).into_response());
        }
        let token = bearer_token(request.headers());
        match token.and_then(|token| self.access.grant(token)) {
            Ok(grant) => {
                request.extensions_mut().insert(grant);
            }
            Err(error) if is_public(&request, error) => {}
            Err(error) => return Err(unauthorized(error)),
        }
        Ok(request)
    }
}

/// Whether the request is answered although its token has this error.
fn is_public(request: &Request, error: TokenError) -> bool {
    let path = request.uri().path();
    if path == SESSION_PATH {
        // The code of a link is enough, also if the browser still has an old token.
        return is_write(request.method()) || error == TokenError::Missing;
    }
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
        TokenError::Missing | TokenError::NeededForChange => "Bearer realm=\"asset-indexer\"",
        _ => "Bearer realm=\"asset-indexer\", error=\"invalid_token\"",
    };
    let mut response = ApiError::new(ErrorCode::Unauthenticated, error.to_string()).into_response();
    let challenge = HeaderValue::from_static(challenge);
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, challenge);
    response
}

/// Extracts what the client may see and change. Fails with 401 if the request did not pass [`require_auth`].
///
/// If the request is one that changes something, fails unless the token may. So no handler can forget that.
impl<S: Sync> FromRequestParts<S> for Grant {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let ReadByPost(grant) = ReadByPost::from_request_parts(parts, &()).await?;
        if !is_write(&parts.method) || grant.is_manager() {
            return Ok(grant);
        }
        if grant.token_name().is_none() {
            return Err(unauthorized(TokenError::NeededForChange));
        }
        let text = "this token may not change anything; create one with `asset-indexer token new --manage`";
        Err(ApiError::new(ErrorCode::Forbidden, text).into_response())
    }
}

/// What the client may see. Only for a handler that reads although its method is POST.
pub(crate) struct ReadByPost(pub Grant);

impl<S: Sync> FromRequestParts<S> for ReadByPost {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let grant = parts.extensions.get::<Grant>().cloned();
        grant
            .map(Self)
            .ok_or_else(|| unauthorized(TokenError::Missing))
    }
}

#[cfg(test)]
mod tests;
