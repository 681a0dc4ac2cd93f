//! Sends exported spans. Logs the beginning and the end of an outage.
//!
//! It runs on the exporter's own thread, so it blocks nothing else. It never logs headers, because they may
//! contain a secret.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use tokio::runtime::{self, Runtime};
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::observe::outage::Outage;

/// Time that a request may take, including its response.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum size of a response in bytes. A response only says that some spans were refused.
const MAX_RESPONSE_BYTES: usize = 64 << 10;

/// An HTTP client with a runtime of its own.
#[derive(Debug)]
pub(super) struct Client {
    runtime: Runtime,
    http: hyper_util::client::legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    outage: Outage,
}

impl Client {
    /// A client that trusts the root certificates of the system.
    pub(super) fn new() -> io::Result<Self> {
        let new = HttpsConnectorBuilder::new;
        let connector = match new().with_provider_and_native_roots(default_provider()) {
            Ok(connector) => connector,
            // If the system has no root certificates, a collector can still be reached without TLS.
            Err(_) => new().with_tls_config(without_roots()?),
        };
        let connector = connector.https_or_http().enable_http1().build();
        Ok(Self {
            runtime: runtime::Builder::new_current_thread()
                .enable_all()
                .build()?,
            http: hyper_util::client::legacy::Client::builder(TokioExecutor::new())
                .build(connector),
            outage: Outage::default(),
        })
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let response = self.http.request(request.map(Full::new)).await?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MAX_RESPONSE_BYTES).collect().await?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }

    /// Logs the beginning and the end of an outage.
    fn log_change(&self, failure: Option<&str>) {
        match failure {
            Some(error) if self.outage.on_failure(Instant::now()) => {
                tracing::warn!(error, "exporting spans failed; dropping them")
            }
            None if self.outage.on_success(Instant::now()) => {
                tracing::info!("exporting spans works again")
            }
            _ => {}
        }
    }
}

#[async_trait::async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let send = async { tokio::time::timeout(TIMEOUT, self.send(request)).await };
        let result = self
            .runtime
            .block_on(send)
            .unwrap_or_else(|_| Err(format!("no response within {} s", TIMEOUT.as_secs()).into()));
        match &result {
            Err(error) => self.log_change(Some(&chain(error.as_ref()))),
            Ok(response) if !response.status().is_success() => {
                self.log_change(Some(&format!(
                    "the collector responded with status {}",
                    response.status()
                )));
            }
            Ok(_) => self.log_change(None),
        }
        result
    }
}

/// A TLS configuration that trusts no certificate.
fn without_roots() -> io::Result<ClientConfig> {
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    let config = config.with_root_certificates(RootCertStore::empty());
    Ok(config.with_no_client_auth())
}

/// The error and its causes in one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
