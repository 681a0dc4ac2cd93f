//! Tests the server over real loopback connections, with a minimal HTTP client.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::api::error::JSON_API;
use super::*;
use crate::observe::status::report::StatusReport;
use crate::observe::status::sample::{self, NEW_QUEUE};
use crate::observe::status::{IndexHealth, QueueHealth, StatusBoard};
use crate::serve::access::Access;

mod tls;

/// A test fails if it waits this long.
const TOO_LONG: Duration = Duration::from_secs(20);

const SHORT: Duration = Duration::from_millis(50);

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";

/// A listener on a free port, with its address.
async fn listening() -> (Listener, SocketAddr) {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = bind(&any.into()).await.unwrap();
    let Listen::Tcp(address) = *listener.address() else {
        panic!("{listener:?}");
    };
    (listener, address)
}

/// A running server.
struct Server {
    address: SocketAddr,
    evictions: Arc<Counter>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<Result<(), HttpError>>,
}

impl Server {
    async fn start(board: Arc<StatusBoard>, limits: Limits) -> Self {
        Self::with_auth(Auth::new(Access::open()), board, limits).await
    }

    async fn with_auth(auth: Auth, board: Arc<StatusBoard>, limits: Limits) -> Self {
        Self::with_shared_auth(Arc::new(auth), board, limits).await
    }

    async fn with_shared_auth(auth: Arc<Auth>, board: Arc<StatusBoard>, limits: Limits) -> Self {
        let app = AppState::without_sources(Arc::clone(&board));
        let evictions = Arc::clone(&board.http.cut_off);
        let router = router(app, Arc::clone(&auth));
        Self::start_with(auth, router, evictions, limits).await
    }

    /// Serves only the router.
    async fn with_router(router: Router, limits: Limits) -> Self {
        let auth = Arc::new(Auth::new(Access::open()));
        Self::start_with(auth, router, Arc::default(), limits).await
    }

    async fn start_with(
        auth: Arc<Auth>,
        router: Router,
        evictions: Arc<Counter>,
        limits: Limits,
    ) -> Self {
        let (listener, address) = listening().await;
        let stop = CancellationToken::new();
        let (stopped, counter) = (stop.clone(), Arc::clone(&evictions));
        let task = tokio::spawn(async move {
            serve_with_limits(limits, listener, &auth, router, counter, stopped).await
        });
        Self {
            address,
            evictions,
            stop,
            task,
        }
    }

    async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }

    /// Sends one request on a new connection.
    async fn request(&self, method: &str, path: &str) -> TestResponse {
        self.connect().await.request(method, path).await
    }

    async fn end(self) {
        self.stop.cancel();
        in_time(self.task).await.unwrap().unwrap();
    }
}

async fn in_time<T>(future: impl Future<Output = T>) -> T {
    let ended = tokio::time::timeout(TOO_LONG, future).await;
    ended.expect("it ends within the time limit")
}

struct Client<S = TcpStream>(S);

#[derive(Debug)]
struct TestResponse {
    status: u16,
    head: String,
    body: String,
}

impl<S: Transport> Client<S> {
    async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    async fn request(&mut self, method: &str, path: &str) -> TestResponse {
        self.send(&format!("{method} {path} HTTP/1.1\r\nHost: test\r\n\r\n"))
            .await;
        in_time(self.read_response(method == "HEAD")).await
    }

    async fn read_response(&mut self, is_headless: bool) -> TestResponse {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.expect("the response has a head"));
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let length = head
            .lines()
            .find_map(|l| l.strip_prefix("content-length: "));
        let length: usize = length.map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; if is_headless { 0 } else { length }];
        self.0.read_exact(&mut body).await.unwrap();
        let body = String::from_utf8(body).unwrap();
        TestResponse { status, head, body }
    }

    /// Waits until the server has closed the connection.
    async fn wait_until_closed(&mut self) {
        let mut rest = Vec::new();
        // A connection reset is fine too.
        let _ = in_time(self.0.read_to_end(&mut rest)).await;
        assert_eq!(rest, b"", "{}", String::from_utf8_lossy(&rest));
    }
}

#[tokio::test]
async fn each_path_returns_its_status_and_content_type() {
    let server = Server::start(Arc::new(sample::board()), LIMITS).await;
    let json = "application/json";
    let plain = "text/plain; charset=utf-8";
    for (method, path, status, kind, expected) in [
        ("GET", "/status", 200, json, "\"sources\":["),
        ("GET", "/status?pretty", 200, json, "\"sources\":["),
        ("GET", "/healthz", 200, plain, "ok\n"),
        ("GET", "/readyz", 503, plain, NEW_QUEUE),
        ("GET", "/metrics", 200, metrics::CONTENT_TYPE, "# EOF\n"),
        ("GET", "/nothing", 404, JSON_API, "openapi.json"),
        ("GET", "/status/", 200, json, "\"sources\":["),
        ("GET", "/status//", 404, JSON_API, "openapi.json"),
        ("POST", "/nothing", 404, JSON_API, "openapi.json"),
    ] {
        let response = server.request(method, path).await;
        assert_eq!(response.status, status, "{method} {path}: {response:?}");
        let header = format!("content-type: {kind}\r\n");
        assert!(
            response.head.contains(&header),
            "{method} {path}: {response:?}"
        );
        assert!(
            response.body.contains(expected),
            "{method} {path}: {response:?}"
        );
    }
    server.end().await;
}

#[tokio::test]
async fn rejects_requests_without_exactly_one_host() {
    let server = Server::start(Arc::new(sample::board()), LIMITS).await;
    for (head, status) in [
        ("GET /healthz HTTP/1.1\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 200),
        ("GET /healthz HTTP/1.0\r\n\r\n", 200),
    ] {
        let mut client = server.connect().await;
        client.send(head).await;
        let response = in_time(client.read_response(false)).await;
        assert_eq!(response.status, status, "{head}: {response:?}");
        assert_eq!(status == 400, response.body.contains("host_invalid"));
    }
    server.end().await;
}

#[tokio::test]
async fn rejects_methods_other_than_get_and_head() {
    let server = Server::start(Arc::new(sample::board()), LIMITS).await;
    for path in ["/status", "/healthz", "/readyz", "/metrics"] {
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
            let response = server.request(method, path).await;
            assert_eq!(response.status, 405, "{method} {path}");
            assert!(
                response.head.contains("allow: get,head\r\n"),
                "{response:?}"
            );
        }
        let response = server.request("HEAD", path).await;
        assert_ne!(response.status, 405, "{path}");
    }
    server.end().await;
}

#[tokio::test]
async fn status_includes_the_index_size() {
    let folder = tempfile::tempdir().unwrap();
    let current = format!(
        "assets-v{}-000001",
        crate::index::tantivy::schema::SCHEMA_VERSION
    );
    std::fs::write(folder.path().join("CURRENT"), &current).unwrap();
    std::fs::create_dir(folder.path().join(&current)).unwrap();
    std::fs::write(folder.path().join(&current).join("segment"), [0; 77]).unwrap();
    let board = StatusBoard::new(folder.path().into());
    board.source("a source");
    let board = Arc::new(board);
    let server = Server::start(Arc::clone(&board), LIMITS).await;
    let mut report: StatusReport =
        serde_json::from_str(&server.request("GET", "/status").await.body).unwrap();
    let here = StatusReport::of(&board, Some(77));
    assert!(report.uptime_seconds <= here.uptime_seconds);
    report.uptime_seconds = here.uptime_seconds;
    assert_eq!(report, here);
    let metrics = server.request("GET", "/metrics").await.body;
    assert!(
        metrics.contains("\nasset_indexer_index_bytes 77\n"),
        "{metrics}"
    );
    server.end().await;
}

#[tokio::test]
async fn ready_once_the_index_is_open_and_each_queue_answered_or_failed() {
    let board = Arc::new(StatusBoard::new("/none".into()));
    let queue = board.queue("q");
    let server = Server::start(Arc::clone(&board), LIMITS).await;
    // On one connection, like a monitoring client.
    let mut client = server.connect().await;
    let both = "the index is being opened\nthe queue q has not answered yet\n";
    let response = client.request("GET", "/readyz").await;
    assert_eq!((response.status, response.body.as_str()), (503, both));
    board.set_index(IndexHealth::Open);
    queue.set_health(QueueHealth::Failing("gone".into()));
    let response = client.request("GET", "/readyz").await;
    assert_eq!((response.status, response.body.as_str()), (200, "ready\n"));
    board.set_index(IndexHealth::Failed("no space".into()));
    let response = client.request("GET", "/readyz").await;
    let failed = "the index failed: no space\n";
    assert_eq!((response.status, response.body.as_str()), (503, failed));
    assert_eq!(client.request("GET", "/healthz").await.status, 200);
    server.end().await;
}

#[tokio::test]
async fn stop_closes_idle_connections() {
    let server = Server::start(Arc::new(sample::board()), LIMITS).await;
    let mut kept_alive = server.connect().await;
    kept_alive.request("GET", "/healthz").await;
    let mut silent = server.connect().await;
    let mut half = server.connect().await;
    half.send("GET /healthz HTTP/1.1\r\nHost: ").await;
    let address = server.address;
    server.end().await;
    for client in [&mut kept_alive, &mut silent, &mut half] {
        client.wait_until_closed().await;
    }
    TcpStream::connect(address).await.unwrap_err();
}

/// A router that cancels `received` when it gets a request, and responds when `go` is cancelled.
fn slow_router(go: CancellationToken, received: CancellationToken) -> Router {
    Router::new().fallback(move || {
        let (go, received) = (go.clone(), received.clone());
        async move {
            received.cancel();
            go.cancelled().await;
            "done"
        }
    })
}

#[tokio::test]
async fn stop_waits_for_responses_in_flight_until_the_drain_timeout() {
    for (closing, is_answered) in [(TOO_LONG, true), (Duration::from_millis(50), false)] {
        let limits = Limits {
            drain: closing,
            ..LIMITS
        };
        let [go, received] = std::array::from_fn(|_| CancellationToken::new());
        let router = slow_router(go.clone(), received.clone());
        let server = Server::with_router(router, limits).await;
        let mut client = server.connect().await;
        client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n").await;
        in_time(received.cancelled()).await;
        server.stop.cancel();
        if is_answered {
            go.cancel();
            assert_eq!(in_time(client.read_response(false)).await.body, "done");
        }
        server.end().await;
        client.wait_until_closed().await;
    }
}

#[tokio::test]
async fn closes_connections_without_a_complete_header() {
    for (first_header, header) in [(SHORT, TOO_LONG), (TOO_LONG, SHORT)] {
        let limits = Limits {
            first_header,
            header_read: header,
            ..LIMITS
        };
        let server = Server::start(Arc::new(sample::board()), limits).await;
        let mut half = server.connect().await;
        half.send("GET /healthz HTTP/1.1\r\nHost: ").await;
        let mut silent = server.connect().await;
        silent.wait_until_closed().await;
        half.wait_until_closed().await;
        server.end().await;
    }
}

#[tokio::test]
async fn first_header_timeout_ends_with_the_first_request() {
    let limiter = ConnectionLimiter::new("tests", 1, Duration::ZERO, Arc::default());
    let slot = limiter.acquire().await;
    in_time(no_request_within(Duration::ZERO, &slot)).await;
    drop(slot.begin_request());
    let ended = tokio::time::timeout(SHORT, no_request_within(Duration::ZERO, &slot)).await;
    assert!(ended.is_err(), "it has had a request");
}

#[tokio::test]
async fn client_that_does_not_read_its_response_loses_its_slot() {
    let limits = Limits {
        max_connections: 1,
        idle_grace: Duration::ZERO,
        write: Duration::from_millis(50),
        ..LIMITS
    };
    // More than the send and receive buffers hold.
    let router = Router::new()
        .route("/", axum::routing::get(async || vec![0; 64 << 20]))
        .route("/small", axum::routing::get(async || "small"));
    let server = Server::with_router(router, limits).await;
    let mut client = server.connect().await;
    client.send(REQUEST).await;
    in_time(client.0.readable()).await.unwrap();
    assert_eq!(server.request("GET", "/small").await.body, "small");
    // The write timeout closed it. It was not evicted while its response was being sent.
    assert_eq!(server.evictions.get(), 0);
    server.end().await;
}

#[tokio::test]
async fn connection_ends_after_its_lifetime() {
    let limits = Limits {
        lifetime: Duration::from_millis(50),
        ..LIMITS
    };
    let server = Server::start(Arc::new(sample::board()), limits).await;
    server.connect().await.wait_until_closed().await;
    server.end().await;
}

#[tokio::test]
async fn rejects_a_header_that_is_too_long() {
    let server = Server::start(Arc::new(sample::board()), LIMITS).await;
    let mut client = server.connect().await;
    let long = "x".repeat(LIMITS.header_bytes);
    let request = format!("GET /healthz HTTP/1.1\r\nHost: test\r\nX: {long}\r\n\r\n");
    client.send(&request).await;
    let response = in_time(client.read_response(false)).await;
    assert_eq!(response.status, 431, "{response:?}");
    server.end().await;
}

#[tokio::test]
async fn new_connections_evict_idle_ones() {
    let limits = Limits {
        max_connections: 3,
        idle_grace: Duration::ZERO,
        first_header: TOO_LONG,
        ..LIMITS
    };
    let server = Server::start(Arc::new(sample::board()), limits).await;
    let already = server.evictions.get();
    let silent = server.connect().await;
    let mut half = server.connect().await;
    half.send("GET /healthz HTTP/1.1\r\nHost: ").await;
    let mut kept_alive = server.connect().await;
    assert_eq!(kept_alive.request("GET", "/healthz").await.status, 200);
    let mut newcomers = Vec::new();
    for mut before in [silent, half, kept_alive] {
        let mut newcomer = server.connect().await;
        assert_eq!(newcomer.request("GET", "/healthz").await.status, 200);
        before.wait_until_closed().await;
        newcomers.push(newcomer);
    }
    assert_eq!(server.evictions.get() - already, 3);
    server.end().await;
}

#[tokio::test]
async fn connections_above_the_limit_wait_for_busy_ones() {
    let limits = Limits {
        max_connections: 1,
        idle_grace: Duration::ZERO,
        ..LIMITS
    };
    let [go, received] = std::array::from_fn(|_| CancellationToken::new());
    let server = Server::with_router(slow_router(go.clone(), received.clone()), limits).await;
    let mut first = server.connect().await;
    first.send(REQUEST).await;
    in_time(received.cancelled()).await;
    let mut second = server.connect().await;
    second.send(REQUEST).await;
    let early = second.0.try_read(&mut [0; 1]).unwrap_err();
    assert_eq!(early.kind(), io::ErrorKind::WouldBlock);
    go.cancel();
    assert_eq!(in_time(first.read_response(false)).await.body, "done");
    assert_eq!(in_time(second.read_response(false)).await.body, "done");
    assert_eq!(server.evictions.get(), 1);
    server.end().await;
}

#[tokio::test]
async fn explains_why_an_address_cannot_be_used() {
    let (_taken, address) = listening().await;
    for (listen, expected) in [
        (address, "another process listens there"),
        // From a range that is reserved for documentation.
        (SocketAddr::from(([192, 0, 2, 1], 0)), "no such address"),
    ] {
        let text = bind(&listen.into()).await.unwrap_err().to_string();
        let begin = format!("failed to listen on {listen}: ");
        assert!(
            text.starts_with(&begin) && text.contains(expected),
            "{text}"
        );
    }
    let refused = io::Error::from(io::ErrorKind::PermissionDenied);
    assert!(listener::bind_advice(&refused).contains("above 1023"));
    assert_eq!(listener::bind_advice(&io::Error::other("new")), "new");
}
