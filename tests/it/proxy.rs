//! A reverse proxy that records requests and injects faults.
//!
//! It supports just enough HTTP/1.1 for the indexer's requests to S3 and SQS. The tests decide what a fault
//! means for the indexer.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use socket2::SockRef;

use crate::s3::percent_decoded;

/// Maximum time that a test waits for a request at a gate, and that a request waits for the gate to open.
const GATE_DEADLINE: Duration = Duration::from_secs(60);

/// A proxy on its own loopback port.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: SocketAddr,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    log: Vec<Request>,
    lists: usize,
    faults: Vec<Fault>,
    /// Number of seconds to move the `Date` headers by. `None` removes them.
    clock: Option<i64>,
}

/// One request as the proxy received it.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    /// Decoded.
    pub query: Vec<(String, String)>,
    /// For a ListObjectsV2 request: its number since the log was last cleared, from 1.
    pub list: Option<usize>,
    /// The Region in its signature.
    pub region: Option<String>,
    /// For SQS: the operation, such as `ReceiveMessage`.
    pub operation: Option<String>,
}

impl Request {
    /// The decoded value of a query parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// A fault: what happens to a request or to its response.
#[derive(Clone)]
pub enum Action {
    /// Respond with this status and S3 error code.
    Error(u16, &'static str),
    /// Respond with this status, S3 error code, and one more header.
    ErrorWith(u16, &'static str, &'static str, &'static str),
    /// Respond with status 200 and an S3 error document with this code.
    ErrorInside200(&'static str),
    /// Close the connection without a response.
    HangUp,
    /// Reset the connection without a response.
    Reset,
    /// Close the connection after half of the body.
    CutBody,
    /// Hold the request at the gate, then forward it.
    Hold(Gate),
    /// Send half of the body, hold the rest at the gate, then send it.
    HoldBody(Gate),
    /// Change the body of the response.
    Rewrite(fn(&str) -> String),
}

struct Fault {
    applies: Box<dyn Fn(&Request) -> bool + Send>,
    left: usize,
    action: Action,
}

/// Matches the `n`-th ListObjectsV2 request since the log was cleared, from 1.
pub fn nth_list(n: usize) -> impl Fn(&Request) -> bool + Send {
    move |request| request.list == Some(n)
}

/// Matches SQS requests with this operation.
pub fn operation(name: &'static str) -> impl Fn(&Request) -> bool + Send {
    move |request| request.operation.as_deref() == Some(name)
}

/// Matches the `n`-th ListObjectsV2 request since the log was cleared, and all after it.
pub fn lists_from(n: usize) -> impl Fn(&Request) -> bool + Send {
    move |request| request.list.is_some_and(|list| list >= n)
}

impl Proxy {
    /// Starts a proxy in front of `upstream`. It runs until the process ends.
    pub fn start(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("bound");
        let state = Mutex::new(State {
            clock: Some(0),
            ..State::default()
        });
        let shared = Arc::new(Shared { upstream, state });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let serving = Arc::clone(&accepting);
                // Errors are ignored: tests kill clients on purpose.
                thread::spawn(move || drop(serving.serve(client)));
            }
        });
        Self { address, shared }
    }

    /// Its URL, for `endpoint_url`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Applies `action` to the next `times` requests that `applies` matches.
    pub fn fault(
        &self,
        times: usize,
        applies: impl Fn(&Request) -> bool + Send + 'static,
        action: Action,
    ) {
        self.state().faults.push(Fault {
            applies: Box::new(applies),
            left: times,
            action,
        });
    }

    /// Holds the next request that `applies` matches at a gate.
    pub fn hold(&self, applies: impl Fn(&Request) -> bool + Send + 'static) -> Gate {
        let gate = Gate::default();
        self.fault(1, applies, Action::Hold(gate.clone()));
        gate
    }

    /// Clears the faults and the log. ListObjectsV2 requests are counted from 1 again.
    pub fn clear(&self) {
        let mut state = self.state();
        state.faults.clear();
        state.log.clear();
        state.lists = 0;
    }

    /// Moves the `Date` headers of the server by this time. `None` removes them.
    pub fn set_clock(&self, seconds: Option<i64>) {
        self.state().clock = seconds;
    }

    /// All requests since the log was cleared.
    pub fn requests(&self) -> Vec<Request> {
        self.state().log.clone()
    }

    /// The ListObjectsV2 requests since the log was cleared.
    pub fn lists(&self) -> Vec<Request> {
        let log = &self.state().log;
        let lists = log.iter().filter(|request| request.list.is_some());
        lists.cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.lock()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics with the lock")
    }

    /// Serves the requests of one connection, one after the other.
    fn serve(&self, client: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(client.try_clone()?);
        let mut client = client;
        while let Some(head) = read_head(&mut reader)? {
            let request = self.record(&head);
            let mut body = vec![0; header(&head, "content-length").map_or(0, parse_number)];
            reader.read_exact(&mut body)?;
            let action = self.action_for(&request);
            let response = match action {
                Some(Action::HangUp) => return Ok(()),
                // Without time to linger, the close is a reset.
                Some(Action::Reset) => {
                    return SockRef::from(&client).set_linger(Some(Duration::ZERO));
                }
                Some(Action::Error(status, code)) => error(status, code, ""),
                Some(Action::ErrorWith(status, code, name, value)) => {
                    error(status, code, &format!("{name}: {value}\r\n"))
                }
                Some(Action::ErrorInside200(code)) => error(200, code, ""),
                Some(Action::CutBody) => {
                    let response = self.forward(&head, &body)?;
                    let half = response.head.len() + response.body.len() / 2;
                    return client.write_all(&response.bytes(&request)[..half]);
                }
                Some(Action::Rewrite(change)) => {
                    let mut response = self.forward(&head, &body)?;
                    response.body = change(&String::from_utf8_lossy(&response.body)).into_bytes();
                    response
                }
                Some(Action::HoldBody(gate)) => {
                    let response = self.forward(&head, &body)?;
                    let half = response.head.len() + response.body.len() / 2;
                    let bytes = response.bytes(&request);
                    client.write_all(&bytes[..half])?;
                    gate.pass();
                    client.write_all(&bytes[half..])?;
                    continue;
                }
                Some(Action::Hold(gate)) => {
                    gate.pass();
                    self.forward(&head, &body)?
                }
                None => self.forward(&head, &body)?,
            };
            client.write_all(&response.bytes(&request))?;
        }
        Ok(())
    }

    /// Parses the head of a request and adds the request to the log.
    fn record(&self, head: &str) -> Request {
        let mut words = head.split(' ');
        let mut word = || words.next().unwrap_or_default().to_owned();
        let (method, target) = (word(), word());
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (percent_decoded(name), percent_decoded(value))
        };
        let query: Vec<_> = query.split('&').map(pair).collect();
        let mut state = self.lock();
        let is_list = query.iter().any(|(name, _)| name == "list-type");
        state.lists += usize::from(is_list);
        let request = Request {
            method,
            path: percent_decoded(path),
            query,
            list: is_list.then_some(state.lists),
            region: head.split("Credential=").nth(1).and_then(|scope| {
                let region = scope.split('/').nth(2);
                region.map(str::to_owned)
            }),
            operation: header(head, "x-amz-target").and_then(|target| {
                let (_, operation) = target.split_once('.')?;
                Some(operation.to_owned())
            }),
        };
        state.log.push(request.clone());
        request
    }

    /// The planned fault for the request, if any. It counts as used.
    fn action_for(&self, request: &Request) -> Option<Action> {
        let mut state = self.lock();
        let is_planned = |fault: &&mut Fault| fault.left > 0 && (fault.applies)(request);
        let fault = state.faults.iter_mut().find(is_planned)?;
        fault.left -= 1;
        Some(fault.action.clone())
    }

    /// Forwards the request on a new connection and reads the whole response.
    ///
    /// It uses HTTP/1.0, so that the end of the connection ends the body.
    fn forward(&self, head: &str, body: &[u8]) -> std::io::Result<Response> {
        let mut server = TcpStream::connect(self.upstream)?;
        server.write_all(head.replacen("HTTP/1.1", "HTTP/1.0", 1).as_bytes())?;
        server.write_all(body)?;
        let mut reader = BufReader::new(server);
        let head = read_head(&mut reader)?.unwrap_or_default();
        let mut body = Vec::new();
        reader.read_to_end(&mut body)?;
        let clock = self.lock().clock;
        let head = head.lines().filter(|line| !line.is_empty());
        let head = head.filter_map(|line| head_line(line, clock)).collect();
        Ok(Response { head, body })
    }
}

/// A response. Its head has no `Content-Length` until it is sent.
struct Response {
    head: String,
    body: Vec<u8>,
}

impl Response {
    fn bytes(&self, request: &Request) -> Vec<u8> {
        let length = self.body.len();
        let mut bytes = format!("{}Content-Length: {length}\r\n\r\n", self.head).into_bytes();
        if request.method != "HEAD" {
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }
}

/// The value of the header with this name, in upper or lower case.
fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut headers = head.lines().filter_map(|line| line.split_once(": "));
    let found = headers.find(|(other, _)| other.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.trim_end())
}

fn parse_number(number: &str) -> usize {
    number.parse().expect("the indexer sends numbers")
}

/// A header line of a response as the proxy forwards it, or `None` if it removes the line.
fn head_line(line: &str, clock: Option<i64>) -> Option<String> {
    let (name, value) = line.split_once(": ").unwrap_or((line, ""));
    let line = match name.to_ascii_lowercase().as_str() {
        "content-length" | "transfer-encoding" | "connection" => return None,
        "date" => format!("date: {}", move_date(value, clock?)),
        _ => line.replacen("HTTP/1.0", "HTTP/1.1", 1),
    };
    Some(line + "\r\n")
}

/// Moves the value of a `Date` header by this number of seconds.
fn move_date(date: &str, seconds: i64) -> String {
    let date = httpdate::parse_http_date(date).expect("the server sends HTTP dates");
    let by = Duration::from_secs(seconds.unsigned_abs());
    httpdate::fmt_http_date(if seconds < 0 { date - by } else { date + by })
}

/// An error response like those of S3.
fn error(status: u16, code: &str, header: &str) -> Response {
    let date = httpdate::fmt_http_date(std::time::SystemTime::now());
    Response {
        head: format!(
            "HTTP/1.1 {status} Planned\r\ncontent-type: application/xml\r\ndate: {date}\r\n{header}"
        ),
        body: format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code>\
             <Message>planned by a test</Message><RequestId>1</RequestId></Error>"
        )
        .into_bytes(),
    }
}

/// Reads the head of a request or response, including the empty line. Returns `None` at the end of the
/// connection.
fn read_head(reader: &mut impl BufRead) -> std::io::Result<Option<String>> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(head))
}

/// Holds a request until the test opens the gate.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<GateState>, Condvar)>);

#[derive(Default)]
struct GateState {
    reached: bool,
    open: bool,
}

impl Gate {
    /// Waits until a request is held at the gate.
    pub fn wait_until_reached(&self) {
        let reached = self.wait_for(|state| state.reached);
        assert!(reached, "no request reached the gate");
    }

    /// Lets the request continue.
    pub fn open(&self) {
        self.change(|state| state.open = true);
    }

    fn pass(&self) {
        self.change(|state| state.reached = true);
        self.wait_for(|state| state.open);
    }

    fn change(&self, change: impl FnOnce(&mut GateState)) {
        let (state, changed) = &*self.0;
        change(&mut state.lock().expect("no thread panics with the lock"));
        changed.notify_all();
    }

    /// Waits for the condition. Returns whether it became true in time.
    fn wait_for(&self, condition: impl Fn(&GateState) -> bool) -> bool {
        let (state, changed) = &*self.0;
        let state = state.lock().expect("no thread panics with the lock");
        let (state, _) = changed
            .wait_timeout_while(state, GATE_DEADLINE, |state| !condition(state))
            .expect("no thread panics with the lock");
        condition(&state)
    }
}
