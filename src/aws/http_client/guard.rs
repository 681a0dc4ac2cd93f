//! Keeps requests for managed Sources away from hosts that these must not reach.
//!
//! Two checks are needed. The request is checked before it is sent, because a connector does not resolve a host that
//! is an address. Names are checked when they are resolved, for each connection: what a name stands for can change.
//! The addresses that were checked are the ones that are connected to.
//!
//! If a proxy of the environment sends the request, the proxy resolves the name. Then only the first check applies.

use std::net::IpAddr;
use std::sync::Arc;

use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns, ResolveDnsError};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;

use crate::core::source::limits::{AllowedHosts, HostNotAllowed};
use crate::core::source::public_address::{host_of, literal};

/// The environment variables that name proxies.
const PROXY_VARIABLES: [&str; 6] = [
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
];

/// The hosts that may be reached.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    allowed: Arc<AllowedHosts>,
    /// The hosts of the proxies, in lower case. The operator trusts them.
    proxies: Arc<[String]>,
}

impl Guard {
    /// A guard that knows the proxies of the environment.
    pub(super) fn new(allowed: AllowedHosts) -> Self {
        let variables = PROXY_VARIABLES.map(std::env::var).into_iter().flatten();
        Self {
            allowed: Arc::new(allowed),
            proxies: variables.filter_map(|url| proxy_host(&url)).collect(),
        }
    }

    /// A connector that refuses requests to hosts that are not allowed, as far as their URL shows it.
    pub(super) fn connector(&self, inner: SharedHttpConnector) -> SharedHttpConnector {
        SharedHttpConnector::new(GuardedConnector {
            guard: self.clone(),
            inner,
        })
    }

    /// Checks the host of a request before it is resolved.
    fn check(&self, url: &str) -> Result<(), HostNotAllowed> {
        let Some(host) = host_of(url) else {
            return Ok(());
        };
        // The resolver lets the proxies pass, so a request to one is refused here.
        let is_name = literal(&host).is_none() && !self.allowed.has_name(&host);
        if is_name && self.proxies.contains(&host) {
            return Err(HostNotAllowed { host });
        }
        self.allowed.check_host(&host)
    }
}

/// The host of a proxy. Its URL may lack the scheme.
fn proxy_host(url: &str) -> Option<String> {
    let url = url.trim();
    if url.contains("://") {
        host_of(url)
    } else {
        host_of(&format!("http://{url}"))
    }
    .filter(|host| !host.is_empty())
}

#[derive(Debug)]
struct GuardedConnector {
    guard: Guard,
    inner: SharedHttpConnector,
}

impl HttpConnector for GuardedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        match self.guard.check(request.uri()) {
            Ok(()) => self.inner.call(request),
            Err(refused) => HttpConnectorFuture::ready(Err(ConnectorError::user(refused.into()))),
        }
    }
}

impl ResolveDns for Guard {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        DnsFuture::new(async move {
            // The port is replaced by the one of the URL.
            let found = tokio::net::lookup_host((name, 0)).await;
            let found = found.map_err(ResolveDnsError::new)?;
            let addresses = found.map(|address| address.ip());
            if self.proxies.contains(&name.to_ascii_lowercase()) {
                return Ok(addresses.collect::<Vec<IpAddr>>());
            }
            let admitted = self.allowed.admitted(name, addresses);
            admitted.map_err(ResolveDnsError::new)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(allowed: &[&str], proxies: &[&str]) -> Guard {
        let mut hosts = AllowedHosts::default();
        for text in allowed {
            hosts.add(text).unwrap();
        }
        Guard {
            allowed: Arc::new(hosts),
            proxies: proxies.iter().filter_map(|url| proxy_host(url)).collect(),
        }
    }

    #[tokio::test]
    async fn names_are_checked_after_they_are_resolved() {
        let refused = guard(&[], &[]).resolve_dns("localhost").await.unwrap_err();
        let text = crate::aws::error::describe(&refused);
        assert!(text.contains("has no public address"), "{text}");
        assert!(!text.contains("127.0.0.1"), "{text}");
        for allowed in ["localhost", "127.0.0.0/8", "::1"] {
            let guard = guard(&[allowed], &[]);
            // `::1` is enough only if the machine has IPv6.
            let resolved = guard.resolve_dns("localhost").await;
            assert!(resolved.is_ok() || allowed == "::1", "{allowed}");
        }
    }

    #[tokio::test]
    async fn proxies_are_reached_but_are_no_target() {
        let guard = guard(&[], &["http://user:password@LocalHost:3128"]);
        assert!(guard.resolve_dns("localhost").await.is_ok());
        assert!(guard.check("http://localhost:9000/x").is_err());
        assert!(guard.check("http://127.1:9000/x").is_err());
        assert!(guard.check("https://s3.example.com/x").is_ok());
        assert_eq!(proxy_host("proxy:3128").as_deref(), Some("proxy"));
        assert_eq!(proxy_host(""), None);
    }
}
