//! Spans to an OpenTelemetry collector, if the environment names one: OTLP over HTTP, as protobuf.
//!
//! The standard variables say where and how: `OTEL_EXPORTER_OTLP_ENDPOINT` (or `…_TRACES_ENDPOINT`),
//! `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_TRACES_SAMPLER`, `OTEL_BSP_…`, `OTEL_SERVICE_NAME`,
//! `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_SDK_DISABLED`. Nobody waits for a collector: what it does not take
//! is dropped.

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

/// How long the last spans may take to be delivered when the process ends.
const CLOSING: Duration = Duration::from_secs(3);

/// The one protocol that is spoken.
const PROTOCOL: &str = "http/protobuf";

/// The part of the program whose spans are exported: all of ours, none of what it is made of.
const OURS: &str = "asset_indexer";

/// Why spans cannot be exported as the environment asks.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExportError {
    /// In another protocol.
    #[error(
        "{variable} = {protocol:?}: spans are exported by {PROTOCOL} alone, which collectors take at \
         port 4318; write that, or nothing"
    )]
    Protocol {
        /// Which says so.
        variable: &'static str,
        /// What it says.
        protocol: String,
    },
    /// To an address that is none, or otherwise.
    #[error("failed to prepare the export of spans; see the OTEL_ variables: {0}")]
    Exporter(#[from] ExporterBuildError),
    /// There is no way to send anything.
    #[error("failed to prepare the export of spans: {0}")]
    Client(#[from] std::io::Error),
}

/// Exports spans until it is dropped, and then those that are left.
#[derive(Debug)]
pub(super) struct Exporter(SdkTracerProvider);

impl Exporter {
    /// The exporter and where spans are collected for it, if the environment asks for one.
    #[expect(clippy::type_complexity, reason = "it is taken apart at once")]
    pub(super) fn from_environment()
    -> Result<Option<(Self, Box<dyn Layer<Registry> + Send + Sync>)>, ExportError> {
        if !is_asked_for() {
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
            .with_tracer(provider.tracer(OURS))
            .with_threads(false)
            .with_filter(FilterFn::new(is_exported).with_max_level_hint(LevelFilter::DEBUG));
        Ok(Some((Self(provider), spans.boxed())))
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        // What is not delivered by then is lost, as it would be later.
        let _ = self.0.shutdown_with_timeout(CLOSING);
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn is_asked_for() -> bool {
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
    let mut said = variables
        .into_iter()
        .filter_map(|name| Some((name, variable(name)?)));
    match said.next() {
        Some((variable, protocol)) if protocol != PROTOCOL => {
            Err(ExportError::Protocol { variable, protocol })
        }
        _ => Ok(()),
    }
}

/// What the spans are of.
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

/// All spans of ours, and what went wrong within them.
fn is_exported(of: &Metadata<'_>) -> bool {
    of.target().starts_with(OURS) && (of.is_span() || *of.level() <= Level::WARN)
}
