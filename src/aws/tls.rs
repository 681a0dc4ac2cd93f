//! Recognizes failures of TLS in errors of the AWS SDK.
//!
//! They have causes of their own, such as a missing certificate authority, and a retry doesn't help.

use std::error::Error;

use tokio_rustls::rustls::{CertificateError, Error as RustlsError, InvalidMessage};

use crate::aws::error::chain;

/// The text of the error if a server uses the certificate of a certificate authority as its own.
const AUTHORITY_AS_SERVER: &str = "CaUsedAsEndEntity";

/// Why there is no TLS connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TlsFailure {
    /// Nothing that this machine trusts vouches for the certificate.
    #[error(
        "the certificate of the server is from a certificate authority that this machine does not trust"
    )]
    UnknownAuthority,
    /// The server's own certificate is that of a certificate authority. Tools make one if no extension says otherwise.
    #[error("the server uses the certificate of a certificate authority as its own")]
    AuthorityAsServer,
    /// The certificate has expired, is not valid yet, was revoked, or belongs to another host.
    #[error("the certificate of the server is not valid")]
    InvalidCertificate,
    /// The server does not answer with TLS.
    #[error("the URL begins with https, but the server does not use TLS on this port")]
    NotTls,
    /// The file that `AWS_CA_BUNDLE` names cannot be used.
    #[error("no usable certificate authorities")]
    UnusableBundle,
}

impl TlsFailure {
    /// The failure that caused this error, if TLS caused it.
    pub(crate) fn of(error: &(dyn Error + 'static)) -> Option<Self> {
        chain(error).find_map(|cause| match cause.downcast_ref::<RustlsError>()? {
            RustlsError::InvalidCertificate(why) => Some(of_certificate(why)),
            RustlsError::InvalidMessage(InvalidMessage::InvalidContentType) => Some(Self::NotTls),
            _ => None,
        })
    }

    /// What to do about it: one or two sentences.
    pub(crate) fn remedy(self) -> &'static str {
        match self {
            Self::UnknownAuthority => {
                "If the server or a proxy in between uses a private certificate authority, add its certificate to \
                 the PEM file that AWS_CA_BUNDLE, or else ca_bundle of the AWS profile, names. If neither is set, \
                 install it on this machine, or set AWS_CA_BUNDLE to a PEM file with all authorities to trust."
            }
            Self::AuthorityAsServer => {
                "Give the server a certificate with the extension basicConstraints = CA:FALSE, and set \
                 AWS_CA_BUNDLE to a PEM file with the authority that has signed it, or with the certificate \
                 itself if it is self-signed."
            }
            Self::InvalidCertificate => {
                "Check that the URL names the host of the certificate, that the certificate has not \
                 expired, and that the clock of this machine is right."
            }
            Self::NotTls => "Check the port of the URL, or write http instead of https.",
            Self::UnusableBundle => {
                "Set AWS_CA_BUNDLE to a readable file with certificates in PEM, or unset it."
            }
        }
    }
}

fn of_certificate(why: &CertificateError) -> TlsFailure {
    match why {
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. }
        | CertificateError::NotValidForName
        | CertificateError::NotValidForNameContext { .. }
        | CertificateError::Revoked => TlsFailure::InvalidCertificate,
        // The text is all that shows it: the type of the error is in a crate that is not used here.
        CertificateError::Other(why) if why.to_string() == AUTHORITY_AS_SERVER => {
            TlsFailure::AuthorityAsServer
        }
        _ => TlsFailure::UnknownAuthority,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn finds_the_cause_inside_of_io_errors() {
        let certificate = RustlsError::InvalidCertificate;
        for (cause, want) in [
            (
                certificate(CertificateError::UnknownIssuer),
                Some(TlsFailure::UnknownAuthority),
            ),
            (
                certificate(CertificateError::Expired),
                Some(TlsFailure::InvalidCertificate),
            ),
            (
                certificate(CertificateError::NotValidForName),
                Some(TlsFailure::InvalidCertificate),
            ),
            (
                InvalidMessage::InvalidContentType.into(),
                Some(TlsFailure::NotTls),
            ),
            (RustlsError::DecryptError, None),
        ] {
            let nested = io::Error::other(io::Error::other(cause));
            assert_eq!(TlsFailure::of(&nested), want, "{nested}");
        }
        assert_eq!(TlsFailure::of(&io::Error::other("reset")), None);
    }
}
