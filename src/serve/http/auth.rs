//! Who is let in: each request gets the [`Grant`] of its token, or is refused.
//!
//! What a grant lets a client see is up to what answers. Without tokens everybody is let in who can connect,
//! but for browsers that a stranger's page has sent (see `hosts`).

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

/// Paths that are open to all: they tell nothing of a Source.
const PUBLIC_PATHS: [&str; 3] = ["/", "/healthz", "/readyz"];
/// The files of the page are below it.
const PAGE_FILES: &str = "/page/";

/// What every answer says to browsers: it is what it says it is, and of no use to pages of others.
const RESPONSE_HEADERS: [(HeaderName, &str); 2] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// Tokens, names and certificate of the service; share it in an [`Arc`].
#[derive(Debug)]
pub(crate) struct Auth {
    access: Access,
    /// Where names are looked at.
    hosts: Option<AllowedHosts>,
    tls: Option<Tls>,
}

/// Why nobody can be let in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthError {
    /// Because of the tokens.
    #[error(transparent)]
    Tokens(#[from] TokenFileError),
    /// Because of the certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl Auth {
    /// As it is configured.
    pub(crate) fn from_config(config: &ServeConfig) -> Result<Self, AuthError> {
        let access = match &config.tokens {
            Some(path) => Access::from_file(path)?,
            None => Access::open(),
        };
        // No browser can connect to a Unix socket, and no stranger's page has a token.
        let is_to_look = access.is_open() && matches!(config.listen, Some(Listen::Tcp(_)));
        Ok(Self {
            access,
            hosts: is_to_look.then(|| AllowedHosts::new(&config.hosts)),
            tls: config.tls.as_ref().map(Tls::read).transpose()?,
        })
    }

    /// Who is let in by it, and to what.
    #[cfg(test)]
    pub(crate) fn new(access: Access) -> Self {
        Self {
            access,
            hosts: None,
            tls: None,
        }
    }

    /// The same, with TLS.
    #[cfg(test)]
    pub(crate) fn with_tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Who has which token.
    pub(crate) fn access(&self) -> &Access {
        &self.access
    }

    /// By which the next connection speaks TLS; `None`: it does not.
    pub(super) fn acceptor(&self) -> Option<TlsAcceptor> {
        self.tls.as_ref().map(Tls::acceptor)
    }

    /// What is doubtful about how others are let in, in words.
    pub(crate) fn warnings(&self, config: &Config) -> Vec<String> {
        let mut warnings = Vec::new();
        let goes_out = config
            .serve
            .listen
            .as_ref()
            .is_some_and(|listen| !listen.is_local());
        if goes_out && self.tls.is_none() {
            warnings.push(
                "tokens and answers travel in the clear: write serve.tls_certificate and serve.tls_key, \
                 or let only a proxy that speaks TLS reach the address"
                    .to_owned(),
            );
        }
        let unknown_sources = self.access.unknown_sources(&config.names());
        warnings.extend(unknown_sources.into_iter().map(|(token, source)| {
            format!("the token {token:?} is for a Source {source:?}, which is not configured")
        }));
        warnings
    }

    /// Reads all files again; an error changes nothing, but that a tokens file that is gone takes its tokens
    /// with it.
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

/// Lets nobody through to these paths without asking.
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
    /// The request with its grant, where it has one; or what it is answered.
    #[expect(
        clippy::result_large_err,
        reason = "one is there at a time, on its way out"
    )]
    fn check(&self, mut request: Request) -> Result<Request, Response> {
        if self
            .hosts
            .as_ref()
            .is_some_and(|hosts| !hosts.allow(&request))
        {
            let text = "the service is not called so; if this is its name, write it in serve.hosts";
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

/// The token that the request has, if any.
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

/// RFC 6750, section 3: a client that sent nothing is told how, one that sent something that it is of no
/// use.
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

/// What the client may see; a request that came past the auth is refused.
impl<S: Sync> FromRequestParts<S> for Grant {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let grant = parts.extensions.get::<Self>().cloned();
        grant.ok_or_else(|| unauthorized(TokenError::Missing))
    }
}

#[cfg(test)]
mod tests;
