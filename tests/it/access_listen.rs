//! Where the service lets others connect: addresses, Unix sockets, TLS.

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
use crate::http_client::{ask, ask_over};

/// The configuration without the tokens.
fn open(listen: &str) -> Config {
    let mut config = with_tokens(listen);
    config.serve.clear();
    config
}

#[test]
fn other_machines_are_not_served_without_tokens() {
    let cli = Cli::new(&open("0.0.0.0:0"));
    for command in [&["serve"][..], &["serve", "--read-only"], &["check"]] {
        let said = ["0.0.0.0:0", "must have a token", "asset-indexer token new"];
        let output = cli.fail(command, &said);
        assert_eq!(output.status.code(), Some(2), "{command:?}: {output:#?}");
    }
    // A file that is named, and not there, is no token either.
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
    assert_eq!(ask(&address, "GET", "/v1/sources", &[]).status, 401);
    assert_eq!(ask(&address, "GET", "/v1/sources", &[&bearer]).status, 200);
    server.terminate();
    // Nobody is let in by accident when the last token is taken away.
    cli.succeed(&["token", "remove", "a"]);
    cli.fail(&["serve", "--read-only"], &["no token in"]);
    // A file that others can change is none.
    new_token(&cli, "b", &["--all-sources"]);
    let file = cli.folder().join("tokens");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o666)).expect("our file");
    cli.fail(&["serve", "--read-only"], &["mode 666", "chmod 600"]);
}

#[test]
fn a_page_of_a_stranger_is_not_answered() {
    let cli = Cli::new(&open("127.0.0.1:0"));
    let (server, address) = serve_read_only(&cli);
    for (host, status) in [
        ("localhost", 200),
        (&*address, 200),
        ("rebound.example.com", 403),
    ] {
        let stream = TcpStream::connect(&address).expect("it listens");
        let answer = ask_over(stream, host, "GET", "/v1/sources", &[]);
        assert_eq!(answer.status, status, "{host}: {}", answer.text());
    }
    server.terminate();
}

#[test]
fn a_unix_socket_is_for_its_user_and_group() {
    let cli = Cli::new(&open("unix:http.sock"));
    let path = cli.folder().join("http.sock");
    let get = |path: &Path| {
        let stream = UnixStream::connect(path).expect("it listens");
        ask_over(stream, "localhost", "GET", "/v1/sources", &[])
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
    // What a process leaves that is killed is replaced; in good order nothing is left.
    server.kill();
    assert!(path.exists());
    let (server, _) = serve_read_only(&cli);
    assert_eq!(get(&path).status, 200);
    server.terminate();
    assert!(!path.exists());
    std::fs::write(&path, "precious").expect("the folder is ours");
    cli.fail(&["serve", "--read-only"], &["is not a socket"]);
    assert_eq!(std::fs::read(&path).expect("it is left"), b"precious");
}

/// Puts a new certificate and its key beside the configuration.
fn renew(cli: &Cli) -> CertificateDer<'static> {
    let names = vec!["localhost".to_owned()];
    let pair = rcgen::generate_simple_self_signed(names).expect("a name");
    let key = cli.folder().join("key.pem");
    std::fs::write(cli.folder().join("cert.pem"), pair.cert.pem()).expect("ours");
    std::fs::write(&key, pair.signing_key.serialize_pem()).expect("ours");
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).expect("ours");
    pair.cert.der().clone()
}

/// Asks by TLS whoever has that certificate; `None` where it has another.
fn ask_by_tls(address: &str, trusted: &CertificateDer<'static>) -> Option<u16> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).expect("a certificate");
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has them")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "localhost".try_into().expect("a name");
    let mut client = ClientConnection::new(Arc::new(config), name).expect("it can be begun");
    let mut stream = TcpStream::connect(address).expect("it listens");
    while client.is_handshaking() {
        client.complete_io(&mut stream).ok()?;
    }
    let stream = StreamOwned::new(client, stream);
    Some(ask_over(stream, "localhost", "GET", "/v1/sources", &[]).status)
}

#[test]
fn tls_is_spoken_by_a_certificate_that_can_be_renewed() {
    let mut config = open("127.0.0.1:0");
    let files = ["tls_certificate = \"cert.pem\"", "tls_key = \"key.pem\""];
    config.serve = files.map(str::to_owned).to_vec();
    let cli = Cli::new(&config);
    cli.fail(
        &["serve", "--read-only"],
        &["cert.pem", "failed to read it"],
    );
    let first = renew(&cli);
    let (server, address) = serve_read_only(&cli);
    assert_eq!(ask_by_tls(&address, &first), Some(200));
    let second = renew(&cli);
    assert_eq!(ask_by_tls(&address, &second), None);
    server.hangup();
    server.wait_for(&["a new configuration took over"]);
    assert_eq!(ask_by_tls(&address, &second), Some(200));
    assert_eq!(ask_by_tls(&address, &first), None);
    // Half a renewal is refused, and what was stays.
    std::fs::write(cli.folder().join("key.pem"), "half").expect("ours");
    server.hangup();
    server.wait_for(&[
        "the new configuration is refused",
        "no valid private key in",
    ]);
    assert_eq!(ask_by_tls(&address, &second), Some(200));
    server.terminate();
    config.serve.truncate(1);
    cli.configure(&config);
    let output = cli.fail(&["serve"], &["serve.tls_key: it is missing"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn the_daemon_itself_takes_the_same_care() {
    let cli = Cli::new(&with_tokens("unix:http.sock"));
    let token = new_token(&cli, "a", &["--all-sources"]);
    let daemon = cli.watch(Command::new(BINARY), &["serve"]);
    let address = daemon.field(&["serving status and metrics"], "address");
    let path = address.strip_prefix("unix:").expect("a socket").to_owned();
    let status = |headers: &[&str]| {
        let stream = UnixStream::connect(&path).expect("it listens");
        ask_over(stream, "localhost", "GET", "/status", headers).status
    };
    let bearer = format!("Authorization: Bearer {token}");
    assert_eq!((status(&[]), status(&[&bearer])), (401, 200));
    daemon.terminate();
    assert!(!Path::new(&path).exists());
}
