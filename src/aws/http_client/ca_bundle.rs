//! Reads the certificate authorities that replace those of the machine, from a file in PEM.

use std::fmt;
use std::io;
use std::path::PathBuf;

use aws_config::profile::ProfileSet;
use aws_smithy_http_client::tls::TrustStore;
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

/// The environment variable with the path of the file. It wins over the profile, as for other AWS tools.
const VARIABLE: &str = "AWS_CA_BUNDLE";

/// The setting of a profile with the path of the file.
const SETTING: &str = "ca_bundle";

/// A file with certificate authorities.
#[derive(Clone, Debug)]
pub(super) struct CaBundle {
    pub path: PathBuf,
    named_by: NamedBy,
}

/// The setting that names a file; for errors.
#[derive(Clone, Debug)]
pub(crate) enum NamedBy {
    Environment,
    Profile(String),
}

impl fmt::Display for NamedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => f.write_str(VARIABLE),
            Self::Profile(name) => write!(f, "{SETTING} of the AWS profile {name:?}"),
        }
    }
}

/// Why the certificate authorities cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CaBundleError {
    /// The file cannot be read.
    #[error("failed to read {path}, which {named_by} names: {source}", path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The setting that names it.
        named_by: NamedBy,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file has no certificate, or one that cannot be decoded.
    #[error("failed to read the certificates in {path}, which {named_by} names: {why}", path = .path.display())]
    NoCertificates {
        /// The file.
        path: PathBuf,
        /// The setting that names it.
        named_by: NamedBy,
        /// The problem with it.
        why: String,
    },
}

/// The file to use: the one of the environment, else of the selected profile.
pub(super) fn configured(profiles: Option<&ProfileSet>) -> Option<CaBundle> {
    of_environment().or_else(|| of_profile(profiles?))
}

/// The file that the environment names.
pub(super) fn of_environment() -> Option<CaBundle> {
    let path = std::env::var_os(VARIABLE).filter(|path| !path.is_empty())?;
    Some(CaBundle {
        path: path.into(),
        named_by: NamedBy::Environment,
    })
}

/// The file that the selected profile names.
fn of_profile(profiles: &ProfileSet) -> Option<CaBundle> {
    let path = profiles.get(SETTING).filter(|path| !path.is_empty())?;
    Some(CaBundle {
        path: path.into(),
        named_by: NamedBy::Profile(profiles.selected_profile().to_owned()),
    })
}

/// The certificate authorities of the file, or those of the machine if there is no file.
pub(super) fn trust_store(bundle: Option<CaBundle>) -> Result<TrustStore, CaBundleError> {
    match bundle {
        None => Ok(TrustStore::default()),
        Some(bundle) => Ok(TrustStore::empty().with_pem_certificate(read(bundle)?)),
    }
}

/// Reads the file and checks each certificate, because the HTTP client panics if one cannot be decoded.
fn read(bundle: CaBundle) -> Result<Vec<u8>, CaBundleError> {
    let CaBundle { path, named_by } = bundle;
    let pem = match std::fs::read(&path) {
        Ok(pem) => pem,
        Err(source) => {
            return Err(CaBundleError::Unreadable {
                path,
                named_by,
                source,
            });
        }
    };
    match check_certificates(&pem) {
        Ok(()) => Ok(pem),
        Err(why) => Err(CaBundleError::NoCertificates {
            path,
            named_by,
            why,
        }),
    }
}

fn check_certificates(pem: &[u8]) -> Result<(), String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() {
        return Err("it contains no certificate in PEM".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_a_bundle_without_valid_certificates() {
        let valid = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        assert_eq!(check_certificates(valid.cert.pem().as_bytes()), Ok(()));
        let armored =
            |base64| format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n");
        for pem in ["", "text", &armored("AAAA"), &armored("no base64!")] {
            assert!(check_certificates(pem.as_bytes()).is_err(), "{pem}");
        }
    }
}
