//! A reverse proxy that notes what passes and breaks what it is told to break.
//!
//! It speaks just enough HTTP/1.1 for the indexer's requests to S3 and SQS. What a fault means for the
//! indexer is said by the tests, not here.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use crate::s3::percent_decoded;

/// How long a test waits for a request to reach a gate, and a request for the gate to open.
const GATE_DEADLINE: Duration = Duration::from_secs(60);

/// A proxy on a loopback port of its own.
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
    /// Seconds that the `Date` headers are moved by; `None` takes them away.
    clock: Option<i64>,
}

/// One request as it came in.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    /// Decoded.
    pub query: Vec<(String, String)>,
    /// For a ListObjectsV2: which one it is since the log was last cleared, from 1.
    pub list: Option<usize>,
    /// The Region that it is signed for.
    pub region: Option<String>,
    /// For SQS: what is asked for, such as `ReceiveMessage`.
    pub operation: Option<String>,
}

impl Request {
    /// The decoded value of a query parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// What is done to a request instead of passing it on, or to its answer.
#[derive(Clone)]
pub enum Action {
    /// An answer with this status and S3 error code.
    Error(u16, &'static str),
    /// The same with one more header.
    ErrorWith(u16, &'static str, &'static str, &'static str),
    /// Status 200, and an error document for a body.
    ErrorInside200(&'static str),
    /// The connection is closed without an answer.
    HangUp,
    /// The connection is closed after half of the body.
    CutBody,
    /// The request waits at the gate and then passes.
    Hold(Gate),
    /// The body is changed.
    Rewrite(fn(&str) -> String),
}

struct Fault {
    applies: Box<dyn Fn(&Request) -> bool + Send>,
    left: usize,
    action: Action,
}

/// The `n`-th ListObjectsV2 since the log was cleared, from 1.
pub fn nth_list(n: usize) -> impl Fn(&Request) -> bool + Send {
    move |request| request.list == Some(n)
}

/// The requests to SQS that ask for this.
pub fn operation(name: &'static str) -> impl Fn(&Request) -> bool + Send {
    move |request| request.operation.as_deref() == Some(name)
}

/// The `n`-th ListObjectsV2 since the log was cleared, and all after it.
pub fn lists_from(n: usize) -> impl Fn(&Request) -> bool + Send {
    move |request| request.list.is_some_and(|list| list >= n)
}

impl Proxy {
    /// Starts a proxy in front of `upstream`; it listens until the process ends.
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
                // An error here is a client that went away, which tests do on purpose.
                thread::spawn(move || drop(serving.serve(client)));
            }
        });
        Self { address, shared }
    }

    /// Its address as `endpoint_url`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on, `action` is done to the next `times` requests that `applies` to.
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

    /// Holds the next request that `applies` to at a gate.
    pub fn hold(&self, applies: impl Fn(&Request) -> bool + Send + 'static) -> Gate {
        let gate = Gate::default();
        self.fault(1, applies, Action::Hold(gate.clone()));
        gate
    }

    /// Forgets faults and log; lists are counted from 1 again.
    pub fn clear(&self) {
        let mut state = self.state();
        state.faults.clear();
        state.log.clear();
        state.lists = 0;
    }

    /// Moves the server's clock, as its `Date` headers show it; `None` takes the header away.
    pub fn set_clock(&self, seconds: Option<i64>) {
        self.state().clock = seconds;
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
            let request = self.note(&head);
            let mut body = vec![0; header(&head, "content-length").map_or(0, parsed)];
            reader.read_exact(&mut body)?;
            let action = self.action_for(&request);
            let answer = match action {
                Some(Action::HangUp) => return Ok(()),
                Some(Action::Error(status, code)) => error(status, code, ""),
                Some(Action::ErrorWith(status, code, name, value)) => {
                    error(status, code, &format!("{name}: {value}\r\n"))
                }
                Some(Action::ErrorInside200(code)) => error(200, code, ""),
                Some(Action::CutBody) => {
                    let answer = self.forward(&head, &body)?;
                    let half = answer.head.len() + answer.body.len() / 2;
                    return client.write_all(&answer.bytes(&request)[..half]);
                }
                Some(Action::Rewrite(change)) => {
                    let mut answer = self.forward(&head, &body)?;
                    answer.body = change(&String::from_utf8_lossy(&answer.body)).into_bytes();
                    answer
                }
                Some(Action::Hold(gate)) => {
                    gate.pass();
                    self.forward(&head, &body)?
                }
                None => self.forward(&head, &body)?,
            };
            client.write_all(&answer.bytes(&request))?;
        }
        Ok(())
    }

    /// Reads the request out of its head and writes it to the log.
    fn note(&self, head: &str) -> Request {
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

    /// What is planned for the request; taking it uses it up.
    fn action_for(&self, request: &Request) -> Option<Action> {
        let mut state = self.lock();
        let planned = |fault: &&mut Fault| fault.left > 0 && (fault.applies)(request);
        let fault = state.faults.iter_mut().find(planned)?;
        fault.left -= 1;
        Some(fault.action.clone())
    }

    /// Sends the request on, over a connection of its own, and reads the whole answer.
    ///
    /// As HTTP/1.0, so that the end of the connection is the end of the body.
    fn forward(&self, head: &str, body: &[u8]) -> std::io::Result<Answer> {
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
        Ok(Answer { head, body })
    }
}

/// An answer without `Content-Length`, which is made when it is sent.
struct Answer {
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn bytes(&self, request: &Request) -> Vec<u8> {
        let length = self.body.len();
        let mut bytes = format!("{}Content-Length: {length}\r\n\r\n", self.head).into_bytes();
        if request.method != "HEAD" {
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }
}

/// The value of a header, by its name in small letters.
fn header<'a>(head: &'a str, wanted: &str) -> Option<&'a str> {
    let mut headers = head.lines().filter_map(|line| line.split_once(": "));
    let found = headers.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
    found.map(|(_, value)| value.trim_end())
}

fn parsed(number: &str) -> usize {
    number.parse().expect("the indexer writes numbers")
}

/// A line of an answer's head as it is passed on, if it is.
fn head_line(line: &str, clock: Option<i64>) -> Option<String> {
    let (name, value) = line.split_once(": ").unwrap_or((line, ""));
    let line = match name.to_ascii_lowercase().as_str() {
        "content-length" | "transfer-encoding" | "connection" => return None,
        "date" => format!("date: {}", moved(value, clock?)),
        _ => line.replacen("HTTP/1.0", "HTTP/1.1", 1),
    };
    Some(line + "\r\n")
}

/// A `Date` header, some seconds later.
fn moved(date: &str, seconds: i64) -> String {
    let date = httpdate::parse_http_date(date).expect("the server writes HTTP dates");
    let by = Duration::from_secs(seconds.unsigned_abs());
    httpdate::fmt_http_date(if seconds < 0 { date - by } else { date + by })
}

/// What S3 answers when it refuses.
fn error(status: u16, code: &str, header: &str) -> Answer {
    let date = httpdate::fmt_http_date(std::time::SystemTime::now());
    Answer {
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

/// The head of a request or answer, to the empty line; `None` at the end of the connection.
fn read_head(reader: &mut impl BufRead) -> std::io::Result<Option<String>> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(head))
}

/// Where a request waits until the test lets it pass.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<Passage>, Condvar)>);

#[derive(Default)]
struct Passage {
    reached: bool,
    open: bool,
}

impl Gate {
    /// Returns when a request stands at the gate.
    pub fn wait_until_reached(&self) {
        assert!(self.wait_for(|passage| passage.reached), "nobody came");
    }

    /// Lets the request pass.
    pub fn open(&self) {
        self.change(|passage| passage.open = true);
    }

    fn pass(&self) {
        self.change(|passage| passage.reached = true);
        self.wait_for(|passage| passage.open);
    }

    fn change(&self, change: impl FnOnce(&mut Passage)) {
        let (passage, changed) = &*self.0;
        change(&mut passage.lock().expect("no thread panics with the lock"));
        changed.notify_all();
    }

    /// Whether the condition came true in time.
    fn wait_for(&self, condition: impl Fn(&Passage) -> bool) -> bool {
        let (passage, changed) = &*self.0;
        let passage = passage.lock().expect("no thread panics with the lock");
        let (passage, _) = changed
            .wait_timeout_while(passage, GATE_DEADLINE, |passage| !condition(passage))
            .expect("no thread panics with the lock");
        condition(&passage)
    }
}
