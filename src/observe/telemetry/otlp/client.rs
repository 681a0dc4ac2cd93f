//! Sends exported spans. Logs the beginning and the end of an outage.
//!
//! It runs on the exporter's own thread, so it blocks nothing else. It never logs headers, because they may
//! contain a secret.

use std::time::{Duration, Instant};

use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use tokio::runtime::{self, Runtime};

use super::ExportError;
use crate::aws::error::describe;
use crate::aws::http_client::{PlainClient, PlainRequest};
use crate::observe::outage::Outage;

/// Time that a request may take, including its response.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum size of a response in bytes. A response only says that some spans were refused.
const MAX_RESPONSE_BYTES: usize = 64 << 10;

/// An HTTP client with a runtime of its own.
#[derive(Debug)]
pub(super) struct Client {
    runtime: Runtime,
    http: PlainClient,
    outage: Outage,
}

impl Client {
    /// A client with the proxies and the certificate authorities of the environment.
    pub(super) fn new() -> Result<Self, ExportError> {
        Ok(Self {
            runtime: runtime::Builder::new_current_thread()
                .enable_all()
                .build()?,
            http: PlainClient::new()?,
            outage: Outage::default(),
        })
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let headers = head.headers.iter();
        let headers =
            headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let request = PlainRequest {
            method: head.method.as_str(),
            url: head.uri.to_string(),
            headers: headers.collect(),
            body: body.to_vec(),
        };
        let received = self.http.send(request, MAX_RESPONSE_BYTES).await?;
        let mut response = Response::builder().status(received.status);
        for (name, value) in received.headers {
            response = response.header(name, value);
        }
        Ok(response.body(received.body.into())?)
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
            Err(error) => self.log_change(Some(&describe(error.as_ref()))),
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
