//! Tests what may be between the program and a store: proxies, TLS with private certificate authorities, and endpoints
//! that the environment configures.

mod endpoints;
mod metadata;
mod redirects;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
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

/// The start of a request with spans.
const EXPORT: &str = "POST /v1/traces ";

/// An HTTPS server for `localhost` in front of the S3 server. It accepts spans too.
struct HttpsStore {
    address: SocketAddr,
    /// The certificate, in PEM. No machine trusts it.
    certificate: String,
    connections: Log,
    /// The first line of each request.
    requests: Log,
}

impl HttpsStore {
    fn start() -> Self {
        Self::start_with(IsCa::NoCa)
    }

    fn start_with(is_ca: IsCa) -> Self {
        let mut parameters = CertificateParams::new(["localhost".to_owned()]).unwrap();
        parameters.is_ca = is_ca;
        let signing_key = KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&signing_key).unwrap();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let config = Arc::new(config);
        let connections = Log::default();
        let requests = Log::default();
        let (log, request_log) = (connections.clone(), requests.clone());
        let address = listen(move |client| {
            log.add("connection".to_owned());
            let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut client = StreamOwned::new(tls, client);
            let request = read_head(&mut client)?;
            request_log.add(request.lines().next().unwrap_or_default().to_owned());
            if request.starts_with(EXPORT) {
                client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
                client.conn.send_close_notify();
                return client.flush();
            }
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
            certificate: certificate.pem(),
            connections,
            requests,
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
    for (variable, exception) in [
        ("HTTPS_PROXY", "NO_PROXY"),
        ("https_proxy", "no_proxy"),
        ("ALL_PROXY", "NO_PROXY"),
        ("all_proxy", "no_proxy"),
    ] {
        let store = HttpsStore::start();
        let (bucket, mut cli) = store.bucket();
        let (proxy, targets) = start_proxy();
        trust(&mut cli);
        cli.set_environment(variable, &format!("http://{proxy}"));
        cli.reindex();
        cli.assert_mirrors(SOURCE, &bucket);
        let used = targets.take();
        let is_store = |target: &String| *target == store.host();
        assert!(!used.is_empty() && used.iter().all(is_store), "{variable}");

        cli.set_environment(exception, "localhost");
        cli.reindex();
        assert_eq!(targets.take(), [""; 0], "{variable}");
    }
}

#[test]
fn trusts_the_certificate_authorities_of_the_profile() {
    for name in ["default", "assets"] {
        let store = HttpsStore::start();
        let bucket = Bucket::create(server::shared());
        bucket.put_keys(["a", "b"]);
        let mut source = Source::of(SOURCE, &bucket, format!("https://{}", store.host()));
        if name != "default" {
            source = source.with_profile(name);
        }
        let mut cli = Cli::new(&Config::of([source]));
        let (authorities, file) = (
            cli.folder().join("authorities.pem"),
            cli.folder().join("aws-config"),
        );
        std::fs::write(&authorities, &store.certificate).unwrap();
        let keys = "aws_access_key_id = test\naws_secret_access_key = test\n";
        let profile = |bundle: &str| format!("[profile {name}]\n{keys}ca_bundle = {bundle}\n");
        std::fs::write(&file, profile(authorities.to_str().unwrap())).unwrap();
        cli.set_environment("AWS_CONFIG_FILE", file.to_str().unwrap());
        cli.reindex();
        cli.assert_mirrors(SOURCE, &bucket);

        std::fs::write(&file, profile("/nonexistent.pem")).unwrap();
        let setting = format!("ca_bundle of the AWS profile {name:?}");
        cli.fail(&["reindex"], &["/nonexistent.pem", &setting]);
        // The variable wins over the profile.
        cli.set_environment("AWS_CA_BUNDLE", authorities.to_str().unwrap());
        cli.reindex();
    }
}

#[test]
fn spans_use_the_proxy_and_the_certificate_authorities_of_the_environment() {
    let (store, collector) = (HttpsStore::start(), HttpsStore::start());
    let (_bucket, mut cli) = store.bucket();
    let both = format!("{}{}", store.certificate, collector.certificate);
    std::fs::write(cli.folder().join("authorities.pem"), both).unwrap();
    trust(&mut cli);
    let (proxy, targets) = start_proxy();
    cli.set_environment("HTTPS_PROXY", &format!("http://{proxy}"));
    let endpoint = format!("https://{}", collector.host());
    cli.set_environment("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint);
    cli.reindex();
    assert!(targets.take().contains(&collector.host()));
    let requests = collector.requests.take();
    assert!(
        requests.iter().any(|it| it.starts_with(EXPORT)),
        "{requests:?}"
    );
    cli.set_environment("NO_PROXY", "localhost");
    cli.reindex();
    assert_eq!(targets.take(), [""; 0]);
    assert!(!collector.requests.take().is_empty());
}

#[test]
fn untrusted_certificate_authority_of_a_queue_is_named_and_not_retried() {
    let store = HttpsStore::start();
    let bucket = Bucket::create(server::shared());
    let source = Source {
        queue_url: Some(format!("https://{}/000000000000/q", store.host())),
        ..Source::of(SOURCE, &bucket, server::shared().endpoint())
    };
    let cli = Cli::new(&Config::of([source]));
    let output = cli.run(&["check"]);
    for words in ["certificate authority", "AWS_CA_BUNDLE", &store.host()] {
        assert!(output.stdout.contains(words), "{words}: {output:#?}");
    }
    assert_eq!(store.connections.take().len(), 1, "{output:#?}");
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
fn authority_that_a_server_uses_as_its_own_certificate_is_named() {
    // `openssl req -x509` makes such certificates.
    let store = HttpsStore::start_with(IsCa::Ca(BasicConstraints::Unconstrained));
    let (_bucket, mut cli) = store.bucket();
    let words = [
        "certificate of a certificate authority as its own",
        "CA:FALSE",
    ];
    for is_trusted in [false, true] {
        if is_trusted {
            trust(&mut cli);
        }
        let output = cli.fail(&["reindex"], &words);
        assert!(!output.stderr.contains("Other("), "{output:#?}");
    }
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
