//! The HTTP client of the AWS clients and of the exporter of spans: it goes through the proxies of the environment,
//! and trusts the certificate authorities of `AWS_CA_BUNDLE` or of the profile, if one of them is set.
//!
//! `ca_bundle` reads the certificate authorities. `guard` keeps managed Sources away from hosts that they must not
//! reach. This module sends no request; `plain` does.

mod ca_bundle;
mod guard;
#[cfg(feature = "otlp")]
mod plain;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector,
    http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

use crate::aws::profiles;
use crate::core::source::Credentials;
use crate::core::source::limits::AllowedHosts;
use crate::core::source::public_address::host_of;
use guard::Guard;

pub(crate) use ca_bundle::CaBundleError;
#[cfg(feature = "otlp")]
pub(crate) use plain::{PlainClient, PlainRequest};

/// The environment variables with URLs of services that give credentials to this machine or container.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html>
const METADATA_URLS: [&str; 2] = [
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
];

/// The setting of a profile with the URL of the metadata service.
const METADATA_SETTING: &str = "ec2_metadata_service_endpoint";

/// The HTTP client for these credentials. All with the same settings share a client, and with it the connections. After
/// an error, the next call tries again. With `allowed`, it reaches only public addresses and these hosts.
pub(super) async fn shared(
    credentials: &Credentials,
    allowed: Option<&AllowedHosts>,
) -> Result<SharedHttpClient, CaBundleError> {
    /// The clients by their settings. The environment and each profile have one combination at most, with and without
    /// the allowed hosts of each configuration that was loaded.
    static CLIENTS: Mutex<BTreeMap<Settings, SharedHttpClient>> = Mutex::new(BTreeMap::new());
    // If the profiles cannot be read, loading the credentials reports it.
    let profiles = profiles::load(credentials).await.ok();
    let bundle = ca_bundle::configured(profiles.as_ref());
    let settings = Settings {
        ca_bundle: bundle.as_ref().map(|bundle| bundle.path.clone()),
        metadata_host: profiles.and_then(|profiles| host_of(profiles.get(METADATA_SETTING)?)),
        allowed: allowed.cloned(),
    };
    // A client is added at once, so a panic cannot leave it half-written.
    let mut clients = CLIENTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(client) = clients.get(&settings) {
        return Ok(client.clone());
    }
    let trusted = ca_bundle::trust_store(bundle)?;
    let client = match &settings.allowed {
        Some(allowed) => new_guarded_client(&trusted, allowed),
        None => new_client(&trusted, &settings),
    };
    Ok(clients.entry(settings).or_insert(client).clone())
}

/// The settings that distinguish the HTTP clients of this process.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Settings {
    /// The file with the certificate authorities to trust.
    ca_bundle: Option<PathBuf>,
    /// The metadata service that the profile names.
    metadata_host: Option<String>,
    /// The hosts that are reached besides public addresses. `None` if all are.
    allowed: Option<AllowedHosts>,
}

/// A client that sends requests to metadata services directly, and all others through the proxies of the environment.
fn new_client(trusted: &TrustStore, settings: &Settings) -> SharedHttpClient {
    let through_proxies = client_with(trusted, ProxyConfig::from_env(), None);
    let direct = client_with(trusted, ProxyConfig::disabled(), None);
    let variables = METADATA_URLS.map(std::env::var);
    let metadata_hosts: Vec<String> = variables
        .into_iter()
        .flatten()
        .filter_map(|url| host_of(&url))
        .chain(settings.metadata_host.clone())
        .collect();
    http_client_fn(move |settings, components| {
        SharedHttpConnector::new(MetadataBypass {
            direct: direct.http_connector(settings, components),
            through_proxies: through_proxies.http_connector(settings, components),
            metadata_hosts: metadata_hosts.clone(),
        })
    })
}

/// A client that reaches only public addresses and the allowed hosts, and no metadata service.
fn new_guarded_client(trusted: &TrustStore, allowed: &AllowedHosts) -> SharedHttpClient {
    let guard = Guard::new(allowed.clone());
    let client = client_with(trusted, ProxyConfig::from_env(), Some(guard.clone()));
    http_client_fn(move |settings, components| {
        guard.connector(client.http_connector(settings, components))
    })
}

/// A client with these proxies, and a guard that resolves names. It keeps its connectors, so connections are reused.
fn client_with(
    trusted: &TrustStore,
    proxies: ProxyConfig,
    guard: Option<Guard>,
) -> SharedHttpClient {
    let tls = tls_context(trusted);
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut builder = Connector::builder();
        builder.set_connector_settings(settings.cloned());
        builder.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        let builder = builder
            .proxy_config(proxies.clone())
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(tls.clone());
        match &guard {
            Some(guard) => builder.build_with_resolver(guard.clone()),
            None => builder.build(),
        }
    })
}

fn tls_context(trusted: &TrustStore) -> TlsContext {
    TlsContext::builder()
        .with_trust_store(trusted.clone())
        .build()
        .expect("building a context without server names never fails")
}

/// Sends requests to metadata services directly. Only this machine or container can reach them, and a proxy must not
/// see the credentials in their answers.
#[derive(Debug)]
struct MetadataBypass {
    direct: SharedHttpConnector,
    through_proxies: SharedHttpConnector,
    metadata_hosts: Vec<String>,
}

impl HttpConnector for MetadataBypass {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let host = host_of(request.uri());
        if host.is_some_and(|host| is_metadata(&host, &self.metadata_hosts)) {
            self.direct.call(request)
        } else {
            self.through_proxies.call(request)
        }
    }
}

/// Whether the host is a metadata service: one of the configured hosts, or one of the addresses that EC2, ECS and EKS
/// use, which are link-local for IPv4 and in fd00:ec2::/32 for IPv6.
fn is_metadata(host: &str, configured: &[String]) -> bool {
    let is_reserved = match host.parse() {
        Ok(IpAddr::V4(address)) => address.is_link_local(),
        Ok(IpAddr::V6(address)) => address.segments()[..2] == [0xfd00, 0x0ec2],
        Err(_) => false,
    };
    is_reserved || configured.iter().any(|known| known == host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognizes_metadata_services() {
        let configured = ["imds.local".to_owned(), "127.0.0.1".to_owned()];
        for (url, want) in [
            ("http://169.254.169.254/latest/meta-data/", true),
            ("http://169.254.170.2/v2/credentials/1", true),
            ("http://169.254.170.2", true),
            ("http://169.254.170.2?x=//y", true),
            ("http://[fd00:ec2::254]/latest", true),
            ("http://[fd00:ec2::23]/v1/credentials", true),
            ("http://IMDS.local:1338/x", true),
            ("http://127.0.0.1:1338/x", true),
            ("https://s3.eu-west-1.amazonaws.com/", false),
            ("http://127.0.0.2:9000/", false),
            ("http://127.0.0.2:9000/169.254.169.254", false),
            ("http://[fd00::1]/", false),
        ] {
            let host = host_of(url).unwrap();
            assert_eq!(is_metadata(&host, &configured), want, "{url}");
        }
    }
}
