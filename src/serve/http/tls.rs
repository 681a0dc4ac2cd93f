//! Loads the TLS certificate and key, at startup and with each reload of the configuration.
//!
//! Clients need no certificate: tokens identify them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

use crate::config::TlsFiles;
use crate::serve::access::checked_file::{self, CheckedFileError};

/// Maximum size of each file, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// The protocol offered by ALPN.
const PROTOCOL: &[u8] = b"http/1.1";

/// Why TLS cannot be set up. Never contains any part of the key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// A file is rejected.
    #[error("cannot use the TLS file {}: {fault}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        fault: CheckedFileError,
    },
    /// The file has no certificate.
    #[error(
        "no valid certificate in {}; write the certificate as PEM, followed by the intermediate \
         certificates",
        path.display()
    )]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The file has no key.
    #[error(
        "no valid private key in {}; write the key as PEM (PKCS#8, PKCS#1 or SEC1) without a \
         passphrase",
        path.display()
    )]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The key does not match the certificate, or rustls rejects them.
    #[error("{} and {} cannot be used together: {cause}", files.certificate.display(), files.key.display())]
    Pair {
        files: TlsFiles,
        cause: rustls::Error,
    },
}

/// The TLS configuration of the server. It can be replaced while the server runs.
#[derive(Debug)]
pub(crate) struct Tls {
    files: TlsFiles,
    config: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// Loads the files.
    pub(crate) fn new(files: &TlsFiles) -> Result<Self, TlsError> {
        Ok(Self {
            files: files.clone(),
            config: RwLock::new(load(files)?),
        })
    }

    /// Loads the files again, for [`Tls::replace`].
    pub(crate) fn load(&self) -> Result<Arc<ServerConfig>, TlsError> {
        load(&self.files)
    }

    /// Uses another configuration for new connections.
    pub(crate) fn replace(&self, config: Arc<ServerConfig>) {
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let config = self.config.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&config).into()
    }
}

fn load(files: &TlsFiles) -> Result<Arc<ServerConfig>, TlsError> {
    let unusable = |cause| TlsError::Pair {
        files: files.clone(),
        cause,
    };
    // The cause of a PEM error is dropped: it could quote the key.
    let certificates = read(&files.certificate, checked_file::PUBLIC)?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(certificates.as_bytes())
        .collect::<Result<_, _>>()
        .unwrap_or_default();
    if certificates.is_empty() {
        let path = files.certificate.clone();
        return Err(TlsError::NoCertificate { path });
    }
    let key = read(&files.key, checked_file::PRIVATE)?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| TlsError::NoKey {
        path: files.key.clone(),
    })?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(unusable)?;
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok(Arc::new(config))
}

fn read(path: &Path, forbidden: u32) -> Result<String, TlsError> {
    let read = checked_file::read(path, forbidden, MAX_BYTES);
    read.map(|(text, _)| text).map_err(|fault| TlsError::File {
        path: path.to_owned(),
        fault,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn pair() -> (String, String) {
        let names = vec!["localhost".to_owned()];
        let pair = rcgen::generate_simple_self_signed(names).unwrap();
        (pair.cert.pem(), pair.signing_key.serialize_pem())
    }

    #[test]
    fn errors_name_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let files = TlsFiles {
            certificate: folder.path().join("cert.pem"),
            key: folder.path().join("key.pem"),
        };
        let ((certificate, key), (_, other)) = (pair(), pair());
        let cut = &key[..key.len() / 2];
        for (certificate, key, mode, expected) in [
            (&*certificate, &*key, 0o600, None),
            (&certificate, &key, 0o640, None),
            (
                &certificate,
                &key,
                0o644,
                Some("key.pem: its permissions are too open"),
            ),
            (&key, &key, 0o600, Some("no valid certificate in /")),
            ("", &key, 0o600, Some("cert.pem; write")),
            (
                &certificate,
                &certificate,
                0o600,
                Some("no valid private key in /"),
            ),
            (&certificate, cut, 0o600, Some("key.pem; write")),
            (
                &certificate,
                &other,
                0o600,
                Some("key.pem cannot be used together"),
            ),
        ] {
            std::fs::write(&files.certificate, certificate).unwrap();
            std::fs::write(&files.key, key).unwrap();
            std::fs::set_permissions(&files.key, PermissionsExt::from_mode(mode)).unwrap();
            let read = Tls::new(&files).map_err(|error| error.to_string());
            match expected {
                None => assert!(read.is_ok(), "{read:?}"),
                Some(words) => {
                    let error = read.unwrap_err();
                    assert!(error.contains(words), "{error}");
                    assert!(!error.contains(&other[40..60]) && !error.contains(&cut[40..60]));
                }
            }
        }
        std::fs::remove_file(&files.certificate).unwrap();
        let error = Tls::new(&files).unwrap_err().to_string();
        assert!(error.contains("cert.pem: failed to read it"), "{error}");
    }
}
