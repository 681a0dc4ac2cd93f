//! TLS: the certificate and its key from two files, read again when the configuration is.
//!
//! Clients are not asked for certificates; who they are is told by their tokens.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

use crate::config::TlsFiles;
use crate::serve::access::checked_file::{self, CheckedFileError};

/// The longest file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// What is offered inside of TLS.
const PROTOCOL: &[u8] = b"http/1.1";

/// Why TLS cannot be spoken. It holds nothing of the key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// A file is not taken.
    #[error("the file {} for TLS is not taken: {fault}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        fault: CheckedFileError,
    },
    /// There is no certificate in it.
    #[error(
        "there is no certificate in {}, or one that cannot be read; write it as PEM, with those behind it \
         that lead to a root",
        path.display()
    )]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// There is no key in it.
    #[error(
        "there is no private key in {}, or one that cannot be read; write it as PEM (PKCS#8, PKCS#1 or \
         SEC1), without a passphrase",
        path.display()
    )]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// They do not belong together, or cannot be used.
    #[error("{} and {} cannot be used together: {cause}", files.certificate.display(), files.key.display())]
    Pair {
        /// Both.
        files: TlsFiles,
        /// Why not.
        cause: rustls::Error,
    },
}

/// How TLS is spoken.
#[derive(Debug)]
pub(crate) struct Tls {
    files: TlsFiles,
    config: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// By these files.
    pub(crate) fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        Ok(Self {
            files: files.clone(),
            config: RwLock::new(load(files)?),
        })
    }

    /// What the files say now, for [`Tls::replace`].
    pub(crate) fn load(&self) -> Result<Arc<ServerConfig>, TlsError> {
        load(&self.files)
    }

    /// Speaks by another configuration from the next connection on.
    pub(crate) fn replace(&self, config: Arc<ServerConfig>) {
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
    }

    /// For the next connection.
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
    // What is wrong with the text is not told: an error would quote it.
    let certificates = read(&files.certificate, checked_file::OPEN)?;
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
    fn the_file_at_fault_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let files = TlsFiles {
            certificate: folder.path().join("cert.pem"),
            key: folder.path().join("key.pem"),
        };
        let ((certificate, key), (_, other)) = (pair(), pair());
        let cut = &key[..key.len() / 2];
        for (certificate, key, mode, said) in [
            (&*certificate, &*key, 0o600, None),
            (&certificate, &key, 0o640, None),
            (
                &certificate,
                &key,
                0o644,
                Some("key.pem for TLS is not taken: it is open"),
            ),
            (&key, &key, 0o600, Some("no certificate in /")),
            ("", &key, 0o600, Some("cert.pem, or one that cannot")),
            (
                &certificate,
                &certificate,
                0o600,
                Some("no private key in /"),
            ),
            (
                &certificate,
                cut,
                0o600,
                Some("key.pem, or one that cannot"),
            ),
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
            let read = Tls::read(&files).map_err(|error| error.to_string());
            match said {
                None => assert!(read.is_ok(), "{read:?}"),
                Some(words) => {
                    let error = read.unwrap_err();
                    assert!(error.contains(words), "{error}");
                    assert!(!error.contains(&other[40..60]) && !error.contains(&cut[40..60]));
                }
            }
        }
        std::fs::remove_file(&files.certificate).unwrap();
        let error = Tls::read(&files).unwrap_err().to_string();
        assert!(
            error.contains("cert.pem for TLS is not taken: it cannot be read"),
            "{error}"
        );
    }
}
