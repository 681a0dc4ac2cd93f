//! The HTTP client of the AWS clients: it goes through the proxies of the environment, and trusts the certificate
//! authorities of `AWS_CA_BUNDLE`, if set.
//!
//! This module sends no request.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::OnceLock;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector,
    http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

/// The environment variable with the path of the certificate authorities to trust, in PEM. As for other AWS tools,
/// they replace those of the machine.
const CA_BUNDLE: &str = "AWS_CA_BUNDLE";

/// The environment variables with URLs of services that give credentials to this machine or container.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html>
const METADATA_URLS: [&str; 2] = [
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
];

/// Why the certificate authorities of `AWS_CA_BUNDLE` cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CaBundleError {
    /// The file cannot be read.
    #[error("failed to read {path}, which {CA_BUNDLE} names: {source}", path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file has no certificate, or one that cannot be decoded.
    #[error("failed to read the certificates in {path}, which {CA_BUNDLE} names: {why}", path = .path.display())]
    NoCertificates {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// The HTTP client of the process. All Sources share its connection pool and root certificates. After an error, the
/// next call tries again.
pub(super) fn shared() -> Result<SharedHttpClient, CaBundleError> {
    static CLIENT: OnceLock<SharedHttpClient> = OnceLock::new();
    if let Some(client) = CLIENT.get() {
        return Ok(client.clone());
    }
    let path = std::env::var_os(CA_BUNDLE).filter(|path| !path.is_empty());
    let trusted = match path {
        None => TrustStore::default(),
        Some(path) => TrustStore::empty().with_pem_certificate(read_bundle(path.into())?),
    };
    let client = new_client(trusted);
    Ok(CLIENT.get_or_init(|| client).clone())
}

/// A client that sends requests to metadata services directly, and all others through the proxies of the environment.
fn new_client(trusted: TrustStore) -> SharedHttpClient {
    let through_proxies = client_with(&trusted, ProxyConfig::from_env());
    let direct = client_with(&trusted, ProxyConfig::disabled());
    let variables = METADATA_URLS.map(std::env::var);
    let metadata_hosts: Vec<String> = variables
        .into_iter()
        .flatten()
        .filter_map(|url| host_of(&url))
        .collect();
    http_client_fn(move |settings, components| {
        SharedHttpConnector::new(MetadataBypass {
            direct: direct.http_connector(settings, components),
            through_proxies: through_proxies.http_connector(settings, components),
            metadata_hosts: metadata_hosts.clone(),
        })
    })
}

/// A client with these proxies. It keeps its connectors, so connections are reused.
fn client_with(trusted: &TrustStore, proxies: ProxyConfig) -> SharedHttpClient {
    let tls = TlsContext::builder().with_trust_store(trusted.clone());
    let tls = tls
        .build()
        .expect("building a context without server names never fails");
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut builder = Connector::builder();
        builder.set_connector_settings(settings.cloned());
        builder.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        builder
            .proxy_config(proxies.clone())
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(tls.clone())
            .build()
    })
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

/// The host of a URL in lower case, without the brackets of an IPv6 address.
fn host_of(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    let host = match host.strip_prefix('[') {
        Some(address) => address.split(']').next()?,
        None => host.split(':').next()?,
    };
    Some(host.to_ascii_lowercase())
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

/// Reads the file and checks each certificate, because the HTTP client panics if one cannot be decoded.
fn read_bundle(path: PathBuf) -> Result<Vec<u8>, CaBundleError> {
    let pem = match std::fs::read(&path) {
        Ok(pem) => pem,
        Err(source) => return Err(CaBundleError::Unreadable { path, source }),
    };
    match check_certificates(&pem) {
        Ok(()) => Ok(pem),
        Err(why) => Err(CaBundleError::NoCertificates { path, why }),
    }
}

fn check_certificates(pem: &[u8]) -> Result<(), String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() {
        return Err("it contains no certificate in PEM".to_owned());
    }
    Ok(())
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

    #[test]
    fn refuses_a_bundle_without_valid_certificates() {
        let valid = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        assert_eq!(check_certificates(valid.cert.pem().as_bytes()), Ok(()));
        let armored =
            |base64| format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n");
        for pem in ["", "text", &armored("AAAA"), &armored("no base64!")] {
            assert!(check_certificates(pem.as_bytes()).is_err(), "{pem}");
        }
    }
}
