//! Tests who can connect to the server: addresses, host names, Unix sockets and TLS.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::access::{new_token, serve_read_only, with_tokens};
use crate::cli::{BINARY, Cli};
use crate::config::Config;
use crate::http_client::{send, send_over};

/// A configuration without tokens.
fn without_tokens(listen: &str) -> Config {
    let mut config = with_tokens(listen);
    config.serve.clear();
    config
}

#[test]
fn requires_tokens_on_a_remote_address() {
    let cli = Cli::new(&without_tokens("0.0.0.0:0"));
    for command in [&["serve"][..], &["serve", "--read-only"], &["check"]] {
        let expected = [
            "0.0.0.0:0",
            "clients need tokens",
            "asset-indexer token new",
        ];
        let output = cli.fail(command, &expected);
        assert_eq!(output.status.code(), Some(2), "{command:?}: {output:#?}");
    }
    // A configured tokens file that does not exist counts as no token.
    cli.configure(&with_tokens("0.0.0.0:0"));
    for command in [&["serve"][..], &["serve", "--read-only"]] {
        cli.fail(
            command,
            &["no tokens file", "asset-indexer token new --name"],
        );
    }
    let check = cli.run(&["check"]);
    let failed = "on 0.0.0.0:0: no tokens file";
    assert!(check.stdout.contains(failed), "{check:#?}");
    let token = new_token(&cli, "a", &["--all-sources"]);
    let (server, address) = serve_read_only(&cli);
    server.wait_for(&["are sent unencrypted"]);
    let address = address.replace("0.0.0.0", "127.0.0.1");
    let bearer = format!("Authorization: Bearer {token}");
    assert_eq!(send(&address, "GET", "/v1/sources", &[]).status, 401);
    assert_eq!(send(&address, "GET", "/v1/sources", &[&bearer]).status, 200);
    server.terminate();
    // Removing the last token does not open the server to everyone.
    cli.succeed(&["token", "remove", "a"]);
    cli.fail(&["serve", "--read-only"], &["no token in"]);
    // A file that other users can change is rejected.
    new_token(&cli, "b", &["--all-sources"]);
    let file = cli.folder().join("tokens");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o666)).expect("the file exists");
    cli.fail(&["serve", "--read-only"], &["mode 666", "chmod 600"]);
}

#[test]
fn rejects_unknown_host_names() {
    let cli = Cli::new(&without_tokens("127.0.0.1:0"));
    let (server, address) = serve_read_only(&cli);
    for (host, status) in [
        ("localhost", 200),
        (&*address, 200),
        ("rebound.example.com", 403),
    ] {
        let stream = TcpStream::connect(&address).expect("the server listens");
        let response = send_over(stream, host, "GET", "/v1/sources", &[]);
        assert_eq!(response.status, status, "{host}: {}", response.text());
    }
    let mut stream = TcpStream::connect(&address).expect("the server listens");
    let without_host = b"GET /v1/sources HTTP/1.1\r\nConnection: close\r\n\r\n";
    stream.write_all(without_host).expect("sent");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("answered");
    assert!(response.starts_with("HTTP/1.1 400 "), "{response}");
    server.terminate();
}

#[test]
fn unix_socket_has_mode_660_and_is_replaced_after_a_kill() {
    let cli = Cli::new(&without_tokens("unix:http.sock"));
    let path = cli.folder().join("http.sock");
    let get = |path: &Path| {
        let stream = UnixStream::connect(path).expect("the server listens");
        send_over(stream, "localhost", "GET", "/v1/sources", &[])
    };
    let (server, address) = serve_read_only(&cli);
    assert_eq!(address, format!("unix:{}", path.display()));
    let mode = std::fs::metadata(&path)
        .expect("a socket")
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o660);
    assert_eq!(get(&path).status, 200);
    cli.fail(
        &["serve", "--read-only"],
        &["another process listens on unix:"],
    );
    assert_eq!(get(&path).status, 200);
    // A socket file that a killed process left behind is replaced. A clean stop removes the file.
    server.kill();
    assert!(path.exists());
    let (server, _) = serve_read_only(&cli);
    assert_eq!(get(&path).status, 200);
    server.terminate();
    assert!(!path.exists());
    std::fs::write(&path, "precious").expect("a writable folder");
    cli.fail(&["serve", "--read-only"], &["is not a socket"]);
    assert_eq!(std::fs::read(&path).expect("the file is kept"), b"precious");
}

/// Writes a new certificate and its key next to the configuration.
fn renew(cli: &Cli) -> CertificateDer<'static> {
    let names = vec!["localhost".to_owned()];
    let pair = rcgen::generate_simple_self_signed(names).expect("a name");
    let key = cli.folder().join("key.pem");
    std::fs::write(cli.folder().join("cert.pem"), pair.cert.pem()).expect("a writable folder");
    std::fs::write(&key, pair.signing_key.serialize_pem()).expect("a writable folder");
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).expect("a writable folder");
    pair.cert.der().clone()
}

/// Sends a request over TLS and returns the status, or `None` if the server has another certificate.
fn status_over_tls(address: &str, trusted: &CertificateDer<'static>) -> Option<u16> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).expect("a certificate");
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("supported protocol versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "localhost".try_into().expect("a name");
    let mut client = ClientConnection::new(Arc::new(config), name).expect("a TLS client");
    let mut stream = TcpStream::connect(address).expect("the server listens");
    while client.is_handshaking() {
        client.complete_io(&mut stream).ok()?;
    }
    let stream = StreamOwned::new(client, stream);
    Some(send_over(stream, "localhost", "GET", "/v1/sources", &[]).status)
}

#[test]
fn reload_applies_a_renewed_certificate() {
    let mut config = without_tokens("127.0.0.1:0");
    let files = ["tls_certificate = \"cert.pem\"", "tls_key = \"key.pem\""];
    config.serve = files.map(str::to_owned).to_vec();
    let cli = Cli::new(&config);
    cli.fail(
        &["serve", "--read-only"],
        &["cert.pem", "failed to read it"],
    );
    let first = renew(&cli);
    let (server, address) = serve_read_only(&cli);
    assert_eq!(status_over_tls(&address, &first), Some(200));
    let second = renew(&cli);
    assert_eq!(status_over_tls(&address, &second), None);
    server.hangup();
    server.wait_for(&["a new configuration is in force"]);
    assert_eq!(status_over_tls(&address, &second), Some(200));
    assert_eq!(status_over_tls(&address, &first), None);
    // An incomplete renewal is rejected, and the previous certificate stays in use.
    std::fs::write(cli.folder().join("key.pem"), "half").expect("a writable folder");
    server.hangup();
    server.wait_for(&[
        "the new configuration is refused",
        "no valid private key in",
    ]);
    assert_eq!(status_over_tls(&address, &second), Some(200));
    server.terminate();
    config.serve.truncate(1);
    cli.configure(&config);
    let output = cli.fail(&["serve"], &["serve.tls_key: missing"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn daemon_requires_tokens_on_its_unix_socket() {
    let cli = Cli::new(&with_tokens("unix:http.sock"));
    let token = new_token(&cli, "a", &["--all-sources"]);
    let daemon = cli.watch(Command::new(BINARY), &["serve"]);
    let address = daemon.field(&["serving HTTP"], "address");
    let path = address.strip_prefix("unix:").expect("a socket").to_owned();
    let status = |headers: &[&str]| {
        let stream = UnixStream::connect(&path).expect("the server listens");
        send_over(stream, "localhost", "GET", "/status", headers).status
    };
    let bearer = format!("Authorization: Bearer {token}");
    assert_eq!((status(&[]), status(&[&bearer])), (401, 200));
    daemon.terminate();
    assert!(!Path::new(&path).exists());
}
