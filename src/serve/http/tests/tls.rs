//! Tests TLS with clients that trust only the certificate of the test.

use std::os::unix::fs::PermissionsExt;

use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::*;
use crate::config::TlsFiles;
use crate::serve::http::tls::Tls;

/// A folder with a certificate and its key.
struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    fn paths(&self) -> TlsFiles {
        TlsFiles {
            certificate: self.folder.path().join("cert.pem"),
            key: self.folder.path().join("key.pem"),
        }
    }

    /// Writes a new certificate and its key.
    fn renew(&self) -> CertificateDer<'static> {
        let names = vec!["localhost".to_owned()];
        let pair = rcgen::generate_simple_self_signed(names).unwrap();
        let paths = self.paths();
        std::fs::write(&paths.certificate, pair.cert.pem()).unwrap();
        std::fs::write(&paths.key, pair.signing_key.serialize_pem()).unwrap();
        std::fs::set_permissions(&paths.key, PermissionsExt::from_mode(0o600)).unwrap();
        pair.cert.der().clone()
    }

    fn auth(&self) -> Auth {
        Auth::new(Access::open()).with_tls(Tls::new(&self.paths()).unwrap())
    }
}

/// Connects with TLS. Fails if the server has another certificate than `trusted`.
async fn connect(
    server: &Server,
    trusted: &CertificateDer<'static>,
) -> io::Result<Client<TlsStream<TcpStream>>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "localhost".try_into().unwrap();
    let stream = TcpStream::connect(server.address).await.unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    in_time(connector.connect(name, stream)).await.map(Client)
}

#[tokio::test]
async fn serves_requests_over_tls() {
    let files = Files::new();
    let certificate = files.renew();
    let board = Arc::new(sample::board());
    let server = Server::with_auth(files.auth(), board, LIMITS).await;
    let mut client = connect(&server, &certificate).await.unwrap();
    for _ in 0..2 {
        let response = client.request("GET", "/healthz").await;
        assert_eq!((response.status, &*response.body), (200, "ok\n"));
    }
    let other = Files::new().renew();
    assert!(connect(&server, &other).await.is_err());
    server.end().await;
    client.wait_until_closed().await;
}

#[tokio::test]
async fn reload_applies_a_new_certificate_to_new_connections() {
    let files = Files::new();
    let first = files.renew();
    let auth = Arc::new(files.auth());
    let board = Arc::new(sample::board());
    let server = Server::with_shared_auth(Arc::clone(&auth), board, LIMITS).await;
    let mut before = connect(&server, &first).await.unwrap();
    std::fs::write(files.paths().key, "half").unwrap();
    let error = auth.reload(&[]).unwrap_err().to_string();
    assert!(error.contains("no valid private key in /"), "{error}");
    connect(&server, &first).await.unwrap();
    let second = files.renew();
    auth.reload(&[]).unwrap();
    assert!(connect(&server, &first).await.is_err());
    let mut after = connect(&server, &second).await.unwrap();
    assert_eq!(before.request("GET", "/healthz").await.status, 200);
    assert_eq!(after.request("GET", "/healthz").await.status, 200);
    server.end().await;
}

#[tokio::test]
async fn client_without_tls_is_disconnected() {
    let files = Files::new();
    files.renew();
    let limits = Limits {
        tls_handshake: Duration::from_millis(50),
        max_connections: 1,
        ..LIMITS
    };
    let board = Arc::new(sample::board());
    let server = Server::with_auth(files.auth(), board, limits).await;
    // All clients use the same slot, one after the other.
    let mut plain = server.connect().await;
    plain
        .send("GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n")
        .await;
    let mut received = Vec::new();
    let _ = in_time(plain.0.read_to_end(&mut received)).await;
    assert!(!received.starts_with(b"HTTP"), "{received:?}");
    server.connect().await.wait_until_closed().await;
    let mut half = server.connect().await;
    half.0.write_all(&[22, 3, 1, 2, 0, 1]).await.unwrap();
    half.wait_until_closed().await;
    server.end().await;
}

#[tokio::test]
async fn stop_does_not_wait_for_a_handshake() {
    let files = Files::new();
    files.renew();
    let limits = Limits {
        tls_handshake: TOO_LONG,
        ..LIMITS
    };
    let board = Arc::new(sample::board());
    let server = Server::with_auth(files.auth(), board, limits).await;
    let mut silent = server.connect().await;
    server.end().await;
    silent.wait_until_closed().await;
}
