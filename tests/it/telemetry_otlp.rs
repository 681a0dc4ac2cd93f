//! Tests the export of spans to an OTLP collector over HTTP, also if the collector is missing.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use crate::http_client::send;
use crate::live_fixture::{Live, SCANNED};

/// Time to wait for spans.
const DEADLINE: Duration = Duration::from_secs(60);

/// A collector on a free port.
struct Collector {
    endpoint: String,
    requests: Receiver<(String, ExportTraceServiceRequest)>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (sender, requests) = channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let sender = sender.clone();
                thread::spawn(move || {
                    let mut stream = BufReader::new(stream.unwrap());
                    while let Some(request) = receive(&mut stream) {
                        // Sending fails if the test has already ended.
                        let _ = sender.send(request);
                    }
                });
            }
        });
        Self { endpoint, requests }
    }

    /// Waits until spans with all of these names have arrived. Returns all spans.
    #[track_caller]
    fn wait_for(&self, names: &[&str]) -> Vec<(String, ExportTraceServiceRequest, Span)> {
        let deadline = Instant::now() + DEADLINE;
        let mut spans: Vec<(String, ExportTraceServiceRequest, Span)> = Vec::new();
        while !names
            .iter()
            .all(|name| spans.iter().any(|(_, _, span)| span.name == *name))
        {
            let left = deadline.saturating_duration_since(Instant::now());
            let request = self.requests.recv_timeout(left);
            let found: Vec<_> = spans.iter().map(|(_, _, span)| &span.name).collect();
            let (head, request) = request.unwrap_or_else(|_| panic!("only {found:?} arrived"));
            for scope in request.resource_spans.iter().flat_map(|it| &it.scope_spans) {
                let of = |span: &Span| (head.clone(), request.clone(), span.clone());
                spans.extend(scope.spans.iter().map(of));
            }
        }
        spans
    }
}

/// Receives one request and responds with success. Returns its head and its spans.
fn receive(stream: &mut BufReader<TcpStream>) -> Option<(String, ExportTraceServiceRequest)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let lower = head.to_lowercase();
    let length = lower.split("content-length: ").nth(1)?.lines().next()?;
    let mut body = vec![0; length.parse().ok()?];
    stream.read_exact(&mut body).ok()?;
    let response =
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n";
    stream.get_mut().write_all(response.as_bytes()).ok()?;
    Some((
        lower,
        ExportTraceServiceRequest::decode(&*body).expect("protobuf"),
    ))
}

fn attribute(span: &Span, name: &str) -> String {
    let found = span.attributes.iter().find(|it| it.key == name);
    format!(
        "{:?}",
        found.unwrap_or_else(|| panic!("{name} of {span:?}")).value
    )
}

#[test]
fn exports_spans_of_scans_pages_batches_commits_and_searches() {
    let collector = Collector::start();
    let mut live = Live::new();
    live.configure(|config| config.listen = "127.0.0.1:0".to_owned());
    live.cli
        .set_environment("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint);
    live.cli
        .set_environment("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=ours");
    live.cli.set_environment("OTEL_BSP_SCHEDULE_DELAY", "100");
    live.bucket.put_keys(["geheimnis.jpg", "b.jpg"]);
    let daemon = live.serve();
    let address = daemon.field(&["serving HTTP"], "address");
    live.bucket.put("geheimnis-2.jpg", "new");
    live.wait_for_mirror();
    assert_eq!(
        send(&address, "GET", "/v1/search?q=geheimnis", &[]).status,
        200
    );
    let spans = collector.wait_for(&["scan", "page", "batch", "commit", "request", "search"]);
    let one = |name: &str| {
        let found = spans.iter().find(|(_, _, span)| span.name == name);
        found.unwrap_or_else(|| panic!("no {name}"))
    };
    let (head, request, scan) = one("scan");
    assert!(
        head.starts_with("post /v1/traces ") && head.contains("\r\nx-tenant: ours\r\n"),
        "{head}"
    );
    let resource = format!("{:?}", request.resource_spans[0].resource);
    assert!(
        resource.contains("asset-indexer") && resource.contains("service.version"),
        "{resource}"
    );
    assert!(attribute(scan, "source").contains("\"assets\""));
    assert!(attribute(scan, "reason").contains("StringValue"));
    let page = &one("page").2;
    assert_eq!(
        (&page.parent_span_id, &page.trace_id),
        (&scan.span_id, &scan.trace_id)
    );
    let keys = attribute(page, "keys");
    assert!(keys.contains("IntValue(2)"), "{keys}");
    assert!(attribute(&one("batch").2, "messages").contains("IntValue("));
    assert!(attribute(&one("commit").2, "documents").contains("IntValue("));
    assert!(attribute(&one("search").2, "sources").contains("IntValue(1)"));
    // Spans contain neither keys nor search texts, at any level.
    for (_, _, span) in &spans {
        assert!(!format!("{span:?}").contains("geheimnis"), "{span:?}");
    }
    daemon.terminate();
}

#[test]
fn delivers_remaining_spans_at_the_end() {
    let collector = Collector::start();
    let mut live = Live::silent();
    live.cli
        .set_environment("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint);
    live.cli
        .set_environment("OTEL_BSP_SCHEDULE_DELAY", "600000");
    live.bucket.put_keys(["a.jpg"]);
    live.cli.reindex();
    collector.wait_for(&["scan", "commit"]);
}

#[test]
fn missing_collector_neither_blocks_nor_floods_the_log() {
    // One collector refuses connections. The other accepts them and never responds.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let refusing = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    for (address, min_warnings) in [(refusing, 1), (silent.local_addr().unwrap(), 0)] {
        let mut live = Live::new();
        let endpoint = format!("http://{address}");
        live.cli
            .set_environment("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint);
        live.cli.set_environment("OTEL_BSP_SCHEDULE_DELAY", "50");
        live.bucket.put_keys(["a.jpg"]);
        let daemon = live.cli.serve();
        daemon.wait_for(&SCANNED);
        for number in 0..5 {
            live.bucket.put(&format!("{number}.jpg"), "new");
            live.wait_for_mirror();
        }
        if min_warnings > 0 {
            daemon.wait_for(&["WARN", "exporting spans failed"]);
        }
        let began = Instant::now();
        let lines = daemon.terminate();
        assert!(
            began.elapsed() < DEADLINE / 3,
            "the daemon waited for its collector"
        );
        let warnings = lines.iter().filter(|line| line.contains("spans")).count();
        assert!((min_warnings..=1).contains(&warnings), "{lines:#?}");
    }
}

#[test]
fn refuses_to_start_with_an_unsupported_protocol() {
    let mut live = Live::silent();
    live.cli
        .set_environment("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317");
    live.cli
        .set_environment("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    let output = live.cli.run(&["reindex"]);
    assert_eq!(output.status.code(), Some(2), "{output:#?}");
    output.assert_failed_with(&[
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        "grpc",
        "http/protobuf",
        "4318",
    ]);
    live.cli.set_environment("OTEL_SDK_DISABLED", "true");
    live.cli.succeed(&["reindex"]);
}
