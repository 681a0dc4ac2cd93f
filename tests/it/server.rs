//! Starts the S3-compatible server (ministack) of the tests. All tests of a process share one server of each
//! kind. It listens on a loopback port and keeps everything in memory.
//!
//! Each test creates its own buckets (see `s3`).

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

/// Maximum time until the server answers its first request.
const START_DEADLINE: Duration = Duration::from_secs(60);

/// Time between two requests to a server that is starting.
const START_POLL: Duration = Duration::from_millis(10);

/// Maximum number of ports to try.
const MAX_START_ATTEMPTS: u32 = 20;

/// The first port to try. Linux assigns ephemeral ports above this range, so no outgoing connection can take
/// a port between our check and the server's bind.
const FIRST_PORT: u16 = 20_000;

/// Number of ports in the range that starts at [`FIRST_PORT`].
const PORTS: u16 = 12_000;

/// Runs the server until standard input ends, and then removes the server's files.
///
/// Standard input ends when this process does, even if it is killed. Nothing else is reliable: statics are
/// never dropped, and `PR_SET_PDEATHSIG` depends on a thread.
const KEEPER: &str = r#"
exec 3<&0
"$1" </dev/null 3<&- & server=$!
{ cat <&3 >/dev/null; kill -KILL "$server"; } & keeper=$!
{ wait "$server"; } 2>/dev/null
rm -rf -- "$2"
kill "$keeper" 2>/dev/null
"#;

/// A running server. It stops when this is dropped or the process ends.
pub struct S3Server {
    address: SocketAddr,
    keeper: Child,
}

/// The access key of a user, for a server that checks permissions.
#[derive(Clone, Debug)]
pub struct AccessKey {
    pub id: String,
    pub secret: String,
}

/// The server that accepts any credentials, shared by all tests.
pub fn shared() -> &'static S3Server {
    static SERVER: OnceLock<S3Server> = OnceLock::new();
    SERVER.get_or_init(S3Server::start)
}

/// The server that checks signatures and permissions, shared by all tests.
pub fn shared_with_rights() -> &'static S3Server {
    static SERVER: OnceLock<S3Server> = OnceLock::new();
    SERVER.get_or_init(S3Server::start_with_rights)
}

impl S3Server {
    /// Starts a server that accepts any credentials.
    pub fn start() -> Self {
        Self::start_as("false")
    }

    /// Starts a server that checks signatures and policies.
    ///
    /// The access key `test` is root, with any secret. See [`S3Server::create_user`] for other users.
    pub fn start_with_rights() -> Self {
        Self::start_as("true")
    }

    fn start_as(auth: &str) -> Self {
        for _ in 0..MAX_START_ATTEMPTS {
            if let Some(server) = Self::try_start(free_port(), auth) {
                return server;
            }
        }
        panic!("no free port for the S3 server in {MAX_START_ATTEMPTS} attempts");
    }

    /// Starts a server on `port`. Returns `None` if another process took the port meanwhile.
    fn try_start(port: u16, auth: &str) -> Option<Self> {
        let program = python_program("ministack");
        let name = format!("s3-{}-{port}", std::process::id());
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(&name);
        std::fs::create_dir_all(&folder).expect("the target folder is writable");
        let keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(program)
            .arg(&folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &folder)
            .env("BIND_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", port.to_string())
            .env("LOG_LEVEL", "WARNING")
            .env("AUTH", auth)
            .env("TMPDIR", &folder)
            .env("S3_DATA_DIR", folder.join("s3"))
            // The health page shows it. So we know that this is the server that we started.
            .env("MINISTACK_VERSION", &name)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("sh exists");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut server = Self { address, keeper };
        let deadline = Instant::now() + START_DEADLINE;
        while Instant::now() < deadline {
            match exchange(address, "GET /_ministack/health HTTP/1.0\r\n\r\n") {
                Some(response) if response.contains(&name) => return Some(server),
                Some(_) => return None,
                None if server.keeper.try_wait().expect("our own child").is_some() => return None,
                None => thread::park_timeout(START_POLL),
            }
        }
        panic!("the S3 server did not answer within {START_DEADLINE:?}");
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL, for `endpoint_url`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Creates a user that may do `actions` on all resources, and returns its access key.
    ///
    /// It only has an effect on a server that checks permissions.
    pub fn create_user(&self, name: &str, actions: &[&str]) -> AccessKey {
        if actions.is_empty() {
            return self.create_user_without_rights(name);
        }
        let statement = json!({ "Effect": "Allow", "Action": actions, "Resource": "*" });
        let policy = json!({ "Version": "2012-10-17", "Statement": statement });
        self.create_user_with(name, &policy.to_string())
    }

    /// Creates a user with only this policy, and returns its access key.
    pub fn create_user_with(&self, name: &str, policy: &str) -> AccessKey {
        let key = self.create_user_without_rights(name);
        let policy = form_encoded(policy);
        self.iam(&format!(
            "Action=PutUserPolicy&UserName={name}&PolicyName=p&PolicyDocument={policy}"
        ));
        key
    }

    fn create_user_without_rights(&self, name: &str) -> AccessKey {
        self.iam(&format!("Action=CreateUser&UserName={name}"));
        let response = self.iam(&format!("Action=CreateAccessKey&UserName={name}"));
        AccessKey {
            id: element(&response, "AccessKeyId"),
            secret: element(&response, "SecretAccessKey"),
        }
    }

    /// Creates a queue and returns its URL.
    pub fn create_queue(&self, name: &str) -> String {
        self.create_queue_with(name, &[])
    }

    /// Creates a queue with these attributes and returns its URL.
    pub fn create_queue_with(&self, name: &str, attributes: &[(&str, &str)]) -> String {
        let form = format!("CreateQueue&QueueName={name}{}", attribute_form(attributes));
        element(&self.sqs(&form), "QueueUrl")
    }

    /// Sets attributes of a queue.
    pub fn set_queue_attributes(&self, url: &str, attributes: &[(&str, &str)]) {
        let (url, attributes) = (form_encoded(url), attribute_form(attributes));
        self.sqs(&format!("SetQueueAttributes&QueueUrl={url}{attributes}"));
    }

    /// Sends a message to a queue.
    pub fn send_message(&self, url: &str, body: &str) {
        let (url, body) = (form_encoded(url), form_encoded(body));
        self.sqs(&format!("SendMessage&QueueUrl={url}&MessageBody={body}"));
    }

    /// Sends an action to the SQS API as root.
    fn sqs(&self, action: &str) -> String {
        self.post_form("sqs", &format!("Action={action}&Version=2012-11-05"))
    }

    /// Sends a form to the IAM API as root.
    fn iam(&self, form: &str) -> String {
        self.post_form("iam", &format!("{form}&Version=2010-05-08"))
    }

    /// Sends a form to a service of the server as root. Panics unless the status is 200.
    fn post_form(&self, service: &str, form: &str) -> String {
        let request = format!(
            "POST / HTTP/1.0\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Authorization: AWS4-HMAC-SHA256 \
             Credential=test/20260101/us-east-1/{service}/aws4_request, \
             SignedHeaders=host, Signature=0\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        );
        let response = exchange(self.address, &request).expect("the server is running");
        assert!(
            response.contains(" 200 "),
            "{service} rejected {form}: {response}"
        );
        response
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        self.keeper.wait().expect("our own child");
    }
}

/// The text of the first element with this name.
fn element(xml: &str, name: &str) -> String {
    let (_, rest) = xml
        .split_once(&format!("<{name}>"))
        .unwrap_or_else(|| panic!("no {name} in {xml}"));
    rest.split('<').next().unwrap_or_default().to_owned()
}

/// Encodes queue attributes as a part of a form.
fn attribute_form(attributes: &[(&str, &str)]) -> String {
    let numbered = attributes.iter().zip(1..);
    let pairs = numbered.map(|((name, value), n)| {
        let value = form_encoded(value);
        format!("&Attribute.{n}.Name={name}&Attribute.{n}.Value={value}")
    });
    pairs.collect()
}

/// Percent-encodes a value of a form.
fn form_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

/// Sends one request on a new connection and returns the response, or `None` if the connection fails.
fn exchange(address: SocketAddr, request: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.write_all(request.as_bytes()).ok()?;
    let mut response = Vec::new();
    stream.read_to_end(&mut response).ok()?;
    Some(String::from_utf8_lossy(&response).into_owned())
}

/// Returns a port that is free now. It returns each port only once per process.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let seed = (std::process::id() % u32::from(PORTS)) as u16;
    (0..PORTS)
        .map(|_| (seed + NEXT.fetch_add(1, Ordering::Relaxed) % PORTS) % PORTS + FIRST_PORT)
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .expect("one of thousands of ports is free")
}

/// The path of a program in the Python environment of the S3 server, which `tests/run.sh` sets up.
pub fn python_program(name: &str) -> PathBuf {
    program_of("ASSET_INDEXER_TEST_VENV", "target/venv", name)
}

/// The path of a program in the separate environment of the tools.
pub fn tool(name: &str) -> PathBuf {
    program_of("ASSET_INDEXER_TEST_TOOLS", "target/tools", name)
}

fn program_of(variable: &str, folder: &str, name: &str) -> PathBuf {
    let venv = std::env::var_os(variable).map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder),
        PathBuf::from,
    );
    let program = venv.join("bin").join(name);
    assert!(
        program.is_file(),
        "{} does not exist; run tests/run.sh, which installs it",
        program.display()
    );
    program
}
