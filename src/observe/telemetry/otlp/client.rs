//! Sends what is exported, and tells once when it cannot and once when it can again.
//!
//! It is called on the exporter's own thread, which nobody waits for. No header is ever logged: one of
//! them may be a secret.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use tokio::runtime::{self, Runtime};
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// How long one request may take, its answer included.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The most bytes of an answer: it says nothing but that some spans were refused.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// An HTTP client with a runtime of its own.
#[derive(Debug)]
pub(super) struct Client {
    runtime: Runtime,
    http: hyper_util::client::legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    is_failing: AtomicBool,
}

impl Client {
    /// A client that trusts whom the system trusts.
    pub(super) fn new() -> io::Result<Self> {
        let new = HttpsConnectorBuilder::new;
        let connector = match new().with_provider_and_native_roots(default_provider()) {
            Ok(connector) => connector,
            // Where the system trusts nobody, a collector can still be reached without TLS.
            Err(_) => new().with_tls_config(trusting_nobody()?),
        };
        let connector = connector.https_or_http().enable_http1().build();
        Ok(Self {
            runtime: runtime::Builder::new_current_thread()
                .enable_all()
                .build()?,
            http: hyper_util::client::legacy::Client::builder(TokioExecutor::new())
                .build(connector),
            is_failing: AtomicBool::new(false),
        })
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let answer = self.http.request(request.map(Full::new)).await?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }

    /// Tells of the first failure, and of the end of failures.
    fn note(&self, failure: Option<&str>) {
        let was_failing = self.is_failing.swap(failure.is_some(), Ordering::Relaxed);
        match failure {
            Some(error) if !was_failing => tracing::warn!(
                error,
                "spans cannot be delivered to the collector and are dropped; it is tried with the next"
            ),
            None if was_failing => tracing::info!("spans are delivered to the collector again"),
            _ => {}
        }
    }
}

#[async_trait::async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let send = async { tokio::time::timeout(TIMEOUT, self.send(request)).await };
        let answered = self.runtime.block_on(send).unwrap_or_else(|_| {
            Err(format!("no answer within {} seconds", TIMEOUT.as_secs()).into())
        });
        match &answered {
            Err(error) => self.note(Some(&chain(error.as_ref()))),
            Ok(answer) if !answer.status().is_success() => {
                self.note(Some(&format!("it answers {}", answer.status())));
            }
            Ok(_) => self.note(None),
        }
        answered
    }
}

fn trusting_nobody() -> io::Result<ClientConfig> {
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    let nobody = config.with_root_certificates(RootCertStore::empty());
    Ok(nobody.with_no_client_auth())
}

/// An error with its causes.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
