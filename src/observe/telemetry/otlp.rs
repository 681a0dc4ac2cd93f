//! Exports spans to an OpenTelemetry collector, if the environment names one: OTLP over HTTP, as protobuf.
//!
//! The standard variables configure it: `OTEL_EXPORTER_OTLP_ENDPOINT` (or `…_TRACES_ENDPOINT`),
//! `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_TRACES_SAMPLER`, `OTEL_BSP_…`, `OTEL_SERVICE_NAME`,
//! `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_SDK_DISABLED`. Requests go through the proxies of the environment, as those to AWS
//! do. The program never waits for a collector: spans that the
//! collector does not accept are dropped.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::FilterFn;
use tracing_subscriber::{Layer, Registry};

mod client;

use client::Client;

use crate::aws::http_client::CaBundleError;

/// Time to deliver the last spans when the process ends.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);

/// The only supported protocol.
const PROTOCOL: &str = "http/protobuf";

/// The target prefix of spans that are exported: those of this program, not those of its libraries.
const OWN_TARGET: &str = "asset_indexer";

/// Why spans cannot be exported as the environment requests.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExportError {
    /// Another protocol is requested.
    #[error(
        "{variable} = {protocol:?}: only {PROTOCOL} is supported, which collectors accept on port 4318. \
         Set {PROTOCOL}, or remove the variable."
    )]
    Protocol {
        /// The environment variable.
        variable: &'static str,
        /// Its value.
        protocol: String,
    },
    /// The exporter cannot be built, for example because the endpoint is not a URL.
    #[error("failed to prepare the export of spans: {0}. Check the OTEL_ environment variables.")]
    Exporter(#[from] ExporterBuildError),
    /// The HTTP client cannot be built.
    #[error("failed to prepare the export of spans: {0}")]
    Client(#[from] std::io::Error),
    /// The certificate authorities of the environment cannot be used.
    #[error(
        "failed to prepare the export of spans: {0}. Set AWS_CA_BUNDLE to a readable file with certificates in PEM, or unset it."
    )]
    CaBundle(#[from] CaBundleError),
}

/// Exports spans. Dropping it exports the remaining spans.
#[derive(Debug)]
pub(super) struct Exporter(SdkTracerProvider);

impl Exporter {
    /// The exporter and the layer that collects its spans, if the environment requests an export.
    #[expect(
        clippy::type_complexity,
        reason = "the only caller takes the tuple apart"
    )]
    pub(super) fn from_environment()
    -> Result<Option<(Self, Box<dyn Layer<Registry> + Send + Sync>)>, ExportError> {
        if !is_requested() {
            return Ok(None);
        }
        check_protocol()?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client::new()?)
            .build()?;
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource())
            .build();
        let spans = tracing_opentelemetry::layer()
            .with_tracer(provider.tracer(OWN_TARGET))
            .with_threads(false)
            .with_filter(FilterFn::new(is_exported).with_max_level_hint(LevelFilter::DEBUG));
        Ok(Some((Self(provider), spans.boxed())))
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        // Spans that are not delivered by then are lost.
        let _ = self.0.shutdown_with_timeout(SHUTDOWN_TIMEOUT);
    }
}

/// The value of an environment variable, if it is set and not empty.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether the environment requests an export.
fn is_requested() -> bool {
    let endpoints = [
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    ];
    let is_disabled =
        variable("OTEL_SDK_DISABLED").is_some_and(|it| it.eq_ignore_ascii_case("true"));
    let is_other = variable("OTEL_TRACES_EXPORTER").is_some_and(|it| it != "otlp");
    endpoints.into_iter().any(|name| variable(name).is_some()) && !is_disabled && !is_other
}

fn check_protocol() -> Result<(), ExportError> {
    let variables = [
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
        "OTEL_EXPORTER_OTLP_PROTOCOL",
    ];
    let mut protocols = variables
        .into_iter()
        .filter_map(|name| Some((name, variable(name)?)));
    match protocols.next() {
        Some((variable, protocol)) if protocol != PROTOCOL => {
            Err(ExportError::Protocol { variable, protocol })
        }
        _ => Ok(()),
    }
}

/// The service that the spans belong to.
fn resource() -> Resource {
    let resource = Resource::builder()
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    let attributes = variable("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
    if variable("OTEL_SERVICE_NAME").is_some() || attributes.contains("service.name=") {
        resource.build()
    } else {
        resource.with_service_name(env!("CARGO_PKG_NAME")).build()
    }
}

/// Whether a span or event is exported: the spans of this program, and warnings and errors in them.
fn is_exported(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with(OWN_TARGET)
        && (metadata.is_span() || *metadata.level() <= Level::WARN)
}
