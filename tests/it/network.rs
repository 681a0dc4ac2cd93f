//! Tests what may be between the program and a store: proxies, and TLS with private certificate authorities.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::cli::Cli;
use crate::config::{Config, Source};
use crate::fixture::SOURCE;
use crate::s3::Bucket;
use crate::server;

/// Serves connections on a free port until the process ends. Errors are ignored, because clients close connections.
fn listen(serve: impl Fn(TcpStream) -> std::io::Result<()> + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let serve = Arc::clone(&serve);
            thread::spawn(move || drop(serve(client)));
        }
    });
    address
}

/// The lines up to the empty line, with their line breaks.
fn read_head(stream: impl Read) -> std::io::Result<String> {
    let mut reader = BufReader::with_capacity(1, stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head)? > 0 {}
    Ok(head)
}

/// What servers saw, one text for each connection.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, text: String) {
        self.0.lock().unwrap().push(text);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// An HTTPS server for `localhost` in front of the S3 server.
struct HttpsStore {
    address: SocketAddr,
    /// The certificate, in PEM. No machine trusts it.
    certificate: String,
    connections: Log,
}

impl HttpsStore {
    fn start() -> Self {
        let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(pair.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![pair.cert.der().clone()], key)
            .unwrap();
        let config = Arc::new(config);
        let connections = Log::default();
        let log = connections.clone();
        let address = listen(move |client| {
            log.add("connection".to_owned());
            let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut client = StreamOwned::new(tls, client);
            let request = read_head(&mut client)?;
            let mut server = TcpStream::connect(server::shared().address())?;
            // With HTTP/1.0, the end of the connection ends the response.
            server.write_all(request.replacen("HTTP/1.1", "HTTP/1.0", 1).as_bytes())?;
            let mut response = Vec::new();
            server.read_to_end(&mut response)?;
            client.write_all(&response)?;
            client.conn.send_close_notify();
            client.flush()
        });
        Self {
            address,
            certificate: pair.cert.pem(),
            connections,
        }
    }

    fn host(&self) -> String {
        format!("localhost:{}", self.address.port())
    }

    /// A bucket with two objects, and the binary with a Source that reads it over HTTPS.
    fn bucket(&self) -> (Bucket, Cli) {
        let bucket = Bucket::create(server::shared());
        bucket.put_keys(["a", "b"]);
        let endpoint = format!("https://{}", self.host());
        let cli = Cli::new(&Config::of([Source::of(SOURCE, &bucket, endpoint)]));
        std::fs::write(cli.folder().join("authorities.pem"), &self.certificate).unwrap();
        (bucket, cli)
    }
}

/// Lets the binary trust the certificate of the store.
fn trust(cli: &mut Cli) {
    let file = cli.folder().join("authorities.pem");
    cli.set_environment("AWS_CA_BUNDLE", file.to_str().unwrap());
}

/// An HTTP proxy that opens tunnels, and the log of their targets.
fn start_proxy() -> (SocketAddr, Log) {
    let targets = Log::default();
    let log = targets.clone();
    let address = listen(move |mut client| {
        let head = read_head(&client)?;
        let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
        log.add(target.clone());
        let mut server = TcpStream::connect(&target)?;
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
        let (mut from_server, mut to_client) = (server.try_clone()?, client.try_clone()?);
        thread::spawn(move || std::io::copy(&mut from_server, &mut to_client));
        std::io::copy(&mut client, &mut server)?;
        Ok(())
    });
    (address, targets)
}

#[test]
fn uses_the_proxy_and_the_certificate_authorities_of_the_environment() {
    let store = HttpsStore::start();
    let (bucket, mut cli) = store.bucket();
    let (proxy, targets) = start_proxy();
    trust(&mut cli);
    cli.set_environment("HTTPS_PROXY", &format!("http://{proxy}"));
    cli.reindex();
    cli.assert_mirrors(SOURCE, &bucket);
    let used = targets.take();
    assert!(!used.is_empty() && used.iter().all(|target| *target == store.host()));

    cli.set_environment("NO_PROXY", "localhost");
    cli.reindex();
    assert_eq!(targets.take(), [""; 0]);
}

#[test]
fn untrusted_certificate_authority_is_named_and_not_retried() {
    let store = HttpsStore::start();
    let (_bucket, cli) = store.bucket();
    let words = ["certificate authority", "AWS_CA_BUNDLE", &store.host()];
    let output = cli.fail(&["reindex"], &words);
    assert_eq!(store.connections.take().len(), 1, "{output:#?}");
}

#[test]
fn https_request_to_an_http_port_says_so_and_is_not_retried() {
    let connections = Log::default();
    let log = connections.clone();
    let address = listen(move |mut client| {
        log.add("connection".to_owned());
        client.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    });
    let bucket = Bucket::create(server::shared());
    let source = Source::of(SOURCE, &bucket, format!("https://{address}"));
    let cli = Cli::new(&Config::of([source]));
    let words = ["does not use TLS", "http instead of https"];
    let output = cli.fail(&["reindex"], &words);
    assert_eq!(connections.take().len(), 1, "{output:#?}");
}

#[test]
fn unusable_certificate_authorities_are_an_error() {
    let store = HttpsStore::start();
    let (_bucket, mut cli) = store.bucket();
    cli.set_environment("AWS_CA_BUNDLE", "/nonexistent/authorities.pem");
    let words = ["AWS_CA_BUNDLE", "/nonexistent/authorities.pem"];
    cli.fail(&["reindex"], &words);
    assert!(store.connections.take().is_empty());
}

#[test]
fn credentials_of_the_machine_are_not_requested_through_a_proxy() {
    let requests = Log::default();
    let log = requests.clone();
    let metadata = listen(move |mut client| {
        log.add(read_head(&client)?);
        let keys = r#"{"AccessKeyId":"test","SecretAccessKey":"test","Token":"t","Expiration":"2100-01-01T00:00:00Z"}"#;
        let length = keys.len();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        client.write_all((head + keys).as_bytes())
    });
    let (proxy, targets) = start_proxy();
    let store = HttpsStore::start();
    let (bucket, mut cli) = store.bucket();
    trust(&mut cli);
    let url = format!("http://{metadata}/keys");
    cli.set_environment("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url);
    cli.set_environment("AWS_ACCESS_KEY_ID", "");
    cli.set_environment("AWS_SECRET_ACCESS_KEY", "");
    cli.set_environment("HTTP_PROXY", &format!("http://{proxy}"));
    cli.reindex();
    cli.assert_mirrors(SOURCE, &bucket);
    assert!(requests.take()[0].starts_with("GET /keys "));
    assert_eq!(targets.take(), [""; 0]);
}
