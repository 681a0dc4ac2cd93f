//! Sends requests to servers that are not part of AWS, without the AWS clients.

use std::error::Error;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;

use super::{CaBundleError, ca_bundle};

/// A request with its whole body.
#[derive(Debug)]
pub(crate) struct PlainRequest<'a> {
    pub method: &'a str,
    pub url: String,
    /// Names and values. Values that are not text are left out by the caller.
    pub headers: Vec<(&'a str, &'a str)>,
    pub body: Vec<u8>,
}

/// A response with any status, and its whole body.
#[derive(Debug)]
pub(crate) struct PlainResponse {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// A client for single requests to servers that are not part of AWS, with the same proxies and with the certificate
/// authorities of `AWS_CA_BUNDLE`.
#[derive(Debug)]
pub(crate) struct PlainClient(Connector);

impl PlainClient {
    /// A client with a connection pool of its own.
    pub(crate) fn new() -> Result<Self, CaBundleError> {
        let trusted = ca_bundle::trust_store(ca_bundle::of_environment())?;
        let connector = Connector::builder()
            .proxy_config(ProxyConfig::from_env())
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(super::tls_context(&trusted))
            .build();
        Ok(Self(connector))
    }

    /// Sends the request and reads the response. A body with more than `max_bytes` is an error.
    pub(crate) async fn send(
        &self,
        request: PlainRequest<'_>,
        max_bytes: usize,
    ) -> Result<PlainResponse, Box<dyn Error + Send + Sync>> {
        let mut sent = HttpRequest::new(SdkBody::from(request.body));
        sent.set_method(request.method)?;
        sent.set_uri(request.url)?;
        for (name, value) in request.headers {
            let headers = sent.headers_mut();
            headers.try_append(name.to_owned(), value.to_owned())?;
        }
        let response = self.0.call(sent).await?;
        let status = response.status().as_u16();
        let headers = response.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Ok(PlainResponse {
            status,
            headers: headers.collect(),
            body: read(response.into_body(), max_bytes).await?,
        })
    }
}

async fn read(body: SdkBody, max_bytes: usize) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
    let mut whole = Vec::new();
    let mut stream = ByteStream::new(body);
    while let Some(chunk) = stream.try_next().await? {
        if whole.len() + chunk.len() > max_bytes {
            return Err(format!("the response has more than {max_bytes} bytes").into());
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole)
}
