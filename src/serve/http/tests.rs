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
        Self::behind(Auth::new(Access::open()), board, limits).await
    }

    async fn behind(auth: Auth, board: Arc<StatusBoard>, limits: Limits) -> Self {
        Self::shared(Arc::new(auth), board, limits).await
    }

    async fn shared(auth: Arc<Auth>, board: Arc<StatusBoard>, limits: Limits) -> Self {
        let app = AppState::without_sources(Arc::clone(&board));
        let router = auth::require_auth(routes::router(app), Arc::clone(&auth));
        let evictions = Arc::clone(&board.http.cut_off);
        let router = request_metrics::record_requests(router, board);
        Self::of(auth, router, evictions, limits).await
    }

    /// Serves only the router.
    async fn routed(router: Router, limits: Limits) -> Self {
        let auth = Arc::new(Auth::new(Access::open()));
        Self::of(auth, router, Arc::default(), limits).await
    }

    async fn of(auth: Arc<Auth>, router: Router, evictions: Arc<Counter>, limits: Limits) -> Self {
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
    async fn ask(&self, method: &str, path: &str) -> Answer {
        self.connect().await.ask(method, path).await
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
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl<S: Transport> Client<S> {
    async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    async fn ask(&mut self, method: &str, path: &str) -> Answer {
        self.send(&format!("{method} {path} HTTP/1.1\r\nHost: test\r\n\r\n"))
            .await;
        in_time(self.answer(method == "HEAD")).await
    }

    async fn answer(&mut self, is_headless: bool) -> Answer {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.expect("an answer has a head"));
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
        Answer { status, head, body }
    }

    /// Waits until the server has closed the connection.
    async fn closed(&mut self) {
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
        ("GET", "/status/", 404, JSON_API, "openapi.json"),
        ("POST", "/nothing", 404, JSON_API, "openapi.json"),
    ] {
        let answer = server.ask(method, path).await;
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        let header = format!("content-type: {kind}\r\n");
        assert!(answer.head.contains(&header), "{method} {path}: {answer:?}");
        assert!(
            answer.body.contains(expected),
            "{method} {path}: {answer:?}"
        );
    }
    server.end().await;
}

#[tokio::test]
async fn rejects_methods_other_than_get_and_head() {
    let server = Server::start(Arc::new(sample::board()), LIMITS).await;
    for path in ["/status", "/healthz", "/readyz", "/metrics"] {
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
            let answer = server.ask(method, path).await;
            assert_eq!(answer.status, 405, "{method} {path}");
            assert!(answer.head.contains("allow: get,head\r\n"), "{answer:?}");
        }
        let answer = server.ask("HEAD", path).await;
        assert_ne!(answer.status, 405, "{path}");
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
        serde_json::from_str(&server.ask("GET", "/status").await.body).unwrap();
    let here = StatusReport::of(&board, Some(77));
    assert!(report.uptime_seconds <= here.uptime_seconds);
    report.uptime_seconds = here.uptime_seconds;
    assert_eq!(report, here);
    let metrics = server.ask("GET", "/metrics").await.body;
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
    let answer = client.ask("GET", "/readyz").await;
    assert_eq!((answer.status, answer.body.as_str()), (503, both));
    board.set_index(IndexHealth::Open);
    queue.set_health(QueueHealth::Failing("gone".into()));
    let answer = client.ask("GET", "/readyz").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "ready\n"));
    board.set_index(IndexHealth::Failed("no space".into()));
    let answer = client.ask("GET", "/readyz").await;
    let failed = "the index failed: no space\n";
    assert_eq!((answer.status, answer.body.as_str()), (503, failed));
    assert_eq!(client.ask("GET", "/healthz").await.status, 200);
    server.end().await;
}

#[tokio::test]
async fn stop_closes_idle_connections() {
    let server = Server::start(Arc::new(sample::board()), LIMITS).await;
    let mut kept_alive = server.connect().await;
    kept_alive.ask("GET", "/healthz").await;
    let mut silent = server.connect().await;
    let mut half = server.connect().await;
    half.send("GET /healthz HTTP/1.1\r\nHost: ").await;
    let address = server.address;
    server.end().await;
    for client in [&mut kept_alive, &mut silent, &mut half] {
        client.closed().await;
    }
    TcpStream::connect(address).await.unwrap_err();
}

/// A router that cancels `asked` when it gets a request, and responds when `go` is cancelled.
fn slow_router(go: CancellationToken, asked: CancellationToken) -> Router {
    Router::new().fallback(move || {
        let (go, asked) = (go.clone(), asked.clone());
        async move {
            asked.cancel();
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
        let [go, asked] = std::array::from_fn(|_| CancellationToken::new());
        let router = slow_router(go.clone(), asked.clone());
        let server = Server::routed(router, limits).await;
        let mut client = server.connect().await;
        client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n").await;
        in_time(asked.cancelled()).await;
        server.stop.cancel();
        if is_answered {
            go.cancel();
            assert_eq!(in_time(client.answer(false)).await.body, "done");
        }
        server.end().await;
        client.closed().await;
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
        silent.closed().await;
        half.closed().await;
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
        write: Duration::from_millis(50),
        ..LIMITS
    };
    // More than the send and receive buffers hold.
    let router = Router::new()
        .route("/", axum::routing::get(async || vec![0; 64 << 20]))
        .route("/small", axum::routing::get(async || "small"));
    let server = Server::routed(router, limits).await;
    let mut idler = server.connect().await;
    idler.send(REQUEST).await;
    assert_eq!(server.ask("GET", "/small").await.body, "small");
    // The write timeout closed it, not an eviction.
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
    server.connect().await.closed().await;
    server.end().await;
}

#[tokio::test]
async fn rejects_a_header_that_is_too_long() {
    let server = Server::start(Arc::new(sample::board()), LIMITS).await;
    let mut client = server.connect().await;
    let long = "x".repeat(LIMITS.header_bytes);
    let request = format!("GET /healthz HTTP/1.1\r\nHost: test\r\nX: {long}\r\n\r\n");
    client.send(&request).await;
    let answer = in_time(client.answer(false)).await;
    assert_eq!(answer.status, 431, "{answer:?}");
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
    assert_eq!(kept_alive.ask("GET", "/healthz").await.status, 200);
    let mut newcomers = Vec::new();
    for mut before in [silent, half, kept_alive] {
        let mut newcomer = server.connect().await;
        assert_eq!(newcomer.ask("GET", "/healthz").await.status, 200);
        before.closed().await;
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
    let [go, asked] = std::array::from_fn(|_| CancellationToken::new());
    let server = Server::routed(slow_router(go.clone(), asked.clone()), limits).await;
    let mut first = server.connect().await;
    first.send(REQUEST).await;
    in_time(asked.cancelled()).await;
    let mut second = server.connect().await;
    second.send(REQUEST).await;
    let early = second.0.try_read(&mut [0; 1]).unwrap_err();
    assert_eq!(early.kind(), io::ErrorKind::WouldBlock);
    go.cancel();
    assert_eq!(in_time(first.answer(false)).await.body, "done");
    assert_eq!(in_time(second.answer(false)).await.body, "done");
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
