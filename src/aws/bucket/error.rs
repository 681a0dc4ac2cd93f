//! Errors of requests to a bucket: the kinds of failure, which of them are retryable, and what to do about each.
//!
//! This module only classifies. Retrying is in `retry`.

use std::fmt;

use crate::aws::bucket::document::ErrorDocument;
use crate::aws::environment::InvalidEndpoint;
use crate::aws::error::ErrorDetail;
use crate::aws::tls::TlsFailure;
use crate::core::source::SourceLimits;
use crate::core::source::limits::HostNotAllowed;

/// A request to a bucket that failed permanently, or on every attempt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to {operation}: {cause}{}. {}", Attempts(*attempts), self.remedy())]
pub struct BucketError {
    /// The operation and the bucket, for `failed to …`: `list bucket "photos" (prefix "a/")`.
    pub operation: String,
    /// The IAM action that the operation needs, such as `s3:ListBucket`.
    pub action: &'static str,
    /// Why the last attempt failed.
    pub cause: AttemptError,
    /// The number of attempts, at least 1.
    pub attempts: u32,
}

impl BucketError {
    /// The kind of failure.
    pub fn kind(&self) -> &BucketErrorKind {
        &self.cause.kind
    }

    /// Whether the same request may succeed later without a fix.
    pub fn is_retryable(&self) -> bool {
        self.cause.kind.is_retryable()
    }

    /// What to do about it: one sentence.
    pub fn remedy(&self) -> String {
        self.cause.kind.remedy(self.action)
    }
}

/// Prints the number of attempts if there were several.
struct Attempts(u32);

impl fmt::Display for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 | 1 => Ok(()),
            attempts => write!(f, ", after {attempts} attempts"),
        }
    }
}

/// Why one attempt failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}{detail}")]
pub struct AttemptError {
    /// The kind of failure.
    pub kind: BucketErrorKind,
    /// How S3 or the network described the failure.
    pub detail: ErrorDetail,
}

/// The kinds of failure. Each has its own remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BucketErrorKind {
    /// S3 asks for fewer requests: 503 SlowDown, 429.
    #[error("S3 throttles requests")]
    Throttled,
    /// Any other 5xx, except for 501.
    #[error("S3 is unavailable")]
    Unavailable,
    /// No connection, a timeout, or a connection that broke before the response was complete.
    #[error("no complete response from S3")]
    Connection,
    /// There is no TLS connection, for a reason that stays.
    #[error("{0}")]
    Tls(TlsFailure),
    /// The bucket does not exist.
    #[error("no such bucket")]
    NoSuchBucket,
    /// The credentials are valid but lack a permission.
    #[error("access denied")]
    AccessDenied,
    /// S3 does not know the access key id.
    #[error("unknown access key id")]
    UnknownAccessKey,
    /// The secret does not belong to the access key id.
    #[error("wrong secret access key")]
    WrongSecret,
    /// The session token has expired.
    #[error("expired credentials")]
    ExpiredToken,
    /// The clocks of this machine and of S3 differ by more than S3 allows.
    #[error("the clocks of this machine and of S3 differ too much")]
    ClockSkew,
    /// The bucket is in another region than the one that requests are signed for.
    #[error("the bucket is in another region")]
    WrongRegion {
        /// The region of the bucket, if the response names it.
        actual: Option<String>,
    },
    /// No credentials were found, or they could not be loaded.
    #[error("no usable credentials")]
    NoCredentials,
    /// A managed Source has credentials of this machine, and may not use them. No request was sent.
    #[error("these credentials are not allowed")]
    CredentialsNotAllowed,
    /// A managed Source names a host that it may not reach. No request was sent.
    #[error("this host is not allowed")]
    HostNotAllowed,
    /// The environment sets an endpoint that cannot be used. No request was sent.
    #[error("no usable endpoint")]
    InvalidEndpoint,
    /// The response cannot be read, or contradicts itself.
    #[error("invalid response")]
    InvalidResponse,
    /// The proxy requires a user and a password, or refuses them: 407.
    #[error("the proxy does not accept the request")]
    ProxyAuthorization,
    /// The store does not know the operation: 501.
    #[error("the store does not support this request")]
    NotImplemented,
    /// Any other refusal.
    #[error("the request was refused")]
    Refused,
}

impl BucketErrorKind {
    /// Whether the same request may succeed later without a fix.
    ///
    /// An invalid response is retryable: bytes can be damaged on the way, and a retry does no harm.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Throttled | Self::Unavailable | Self::Connection | Self::InvalidResponse
        )
    }

    /// Whether another endpoint of the same store may be able to answer.
    pub(super) fn is_endpoint_failure(&self) -> bool {
        matches!(
            self,
            Self::Throttled | Self::Unavailable | Self::Connection | Self::Tls(_)
        )
    }

    /// What to do about it: one sentence. `action` is the IAM action that the request needs.
    pub fn remedy(&self, action: &str) -> String {
        match self {
            Self::Throttled => "List fewer key ranges at a time, or try again later.",
            Self::Unavailable => "Try again later. If it persists, check the status page of the store.",
            Self::Connection => {
                "Check endpoint_url and its port, region, the network, DNS, and any firewall or proxy (HTTPS_PROXY, \
                 HTTP_PROXY, ALL_PROXY) in between."
            }
            Self::Tls(failure) => failure.remedy(),
            Self::NoSuchBucket => {
                "Check the name of the bucket, and endpoint_url if it is set: it must not contain the bucket. If the bucket is in China, GovCloud \
                 or another partition of AWS, set region."
            }
            Self::AccessDenied => {
                return format!(
                    "Grant these credentials {action} on the bucket, in their IAM policy and in the \
                     bucket policy. If expected_bucket_owner is set, check that this account owns \
                     the bucket."
                );
            }
            Self::UnknownAccessKey => {
                "Check the access key id: it may be mistyped, deleted, inactive, or from another store."
            }
            Self::WrongSecret => "Check that the secret belongs to the access key id.",
            Self::ExpiredToken => "Renew the session that the credentials come from.",
            Self::ClockSkew => "Set the clock of this machine, and keep it right with NTP.",
            Self::WrongRegion { actual: Some(region) } => {
                return format!(
                    "The store does not accept requests for {region:?} either. Set endpoint_url to an endpoint \
                     of that region, or remove endpoint_url and endpoint_order."
                );
            }
            Self::WrongRegion { actual: None } => {
                "Remove region so that it is detected, or set it to the region of the bucket."
            }
            Self::NoCredentials => "Configure credentials that work on this machine.",
            Self::CredentialsNotAllowed => SourceLimits::CREDENTIALS_REMEDY,
            Self::HostNotAllowed => HostNotAllowed::REMEDY,
            Self::InvalidEndpoint => InvalidEndpoint::REMEDY,
            Self::InvalidResponse => {
                "Check that endpoint_url is an S3 endpoint, and that no proxy answers in its place."
            }
            Self::ProxyAuthorization => {
                "Set the proxy with its user and password, such as HTTP_PROXY=\"http://user:password@host:3128\", or \
                 name the host of the store in NO_PROXY."
            }
            Self::NotImplemented => {
                "Check that endpoint_url is an S3 endpoint. If it is, the store is too old for this \
                 program or lacks this operation of S3: update it, or use another store."
            }
            Self::Refused => {
                "Read the response of the store, and check bucket, prefix and endpoint_url: it must lead to the S3 API, \
                 not to a web page or the console of the store."
            }
        }
        .to_owned()
    }
}

impl AttemptError {
    /// An attempt that failed in this way.
    pub fn new(kind: BucketErrorKind, detail: &str) -> Self {
        Self {
            kind,
            detail: ErrorDetail::new(detail),
        }
    }

    /// Classifies a response that is not a success.
    ///
    /// `bucket_region` is the header `x-amz-bucket-region`.
    pub(super) fn from_response(
        status: u16,
        document: &ErrorDocument,
        bucket_region: Option<&str>,
    ) -> Self {
        let region = bucket_region.or(document.region.as_deref());
        let kind = kind_of_code(&document.code, region).unwrap_or_else(|| match status {
            407 => BucketErrorKind::ProxyAuthorization,
            429 => BucketErrorKind::Throttled,
            // The store will not learn it by the next attempt.
            501 => BucketErrorKind::NotImplemented,
            500.. => BucketErrorKind::Unavailable,
            301 | 302 | 307 | 308 => BucketErrorKind::WrongRegion {
                actual: region.map(str::to_owned),
            },
            // A response to HEAD has no body, so the status is all there is.
            403 if document.code.is_empty() => BucketErrorKind::AccessDenied,
            404 if document.code.is_empty() => BucketErrorKind::NoSuchBucket,
            _ => BucketErrorKind::Refused,
        });
        Self::new(kind, &format!("status {status}, {document}"))
    }
}

/// The kind for an error code of S3. `None` if the code does not determine it.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
fn kind_of_code(code: &str, region: Option<&str>) -> Option<BucketErrorKind> {
    let wrong_region = || BucketErrorKind::WrongRegion {
        actual: region.map(str::to_owned),
    };
    Some(match code {
        "SlowDown"
        | "Throttling"
        | "ThrottlingException"
        | "TooManyRequests"
        | "RequestLimitExceeded" => BucketErrorKind::Throttled,
        // RequestTimeout has status 400, although the connection caused it.
        "InternalError" | "ServiceUnavailable" | "RequestTimeout" => BucketErrorKind::Unavailable,
        "NotImplemented" => BucketErrorKind::NotImplemented,
        "NoSuchBucket" => BucketErrorKind::NoSuchBucket,
        "AccessDenied" | "AllAccessDisabled" | "AccountProblem" => BucketErrorKind::AccessDenied,
        "InvalidAccessKeyId" | "InvalidClientTokenId" => BucketErrorKind::UnknownAccessKey,
        "SignatureDoesNotMatch" => BucketErrorKind::WrongSecret,
        "ExpiredToken" | "ExpiredTokenException" => BucketErrorKind::ExpiredToken,
        "RequestTimeTooSkewed" | "RequestExpired" => BucketErrorKind::ClockSkew,
        "PermanentRedirect"
        | "TemporaryRedirect"
        | "Redirect"
        | "IncorrectEndpoint"
        | "IllegalLocationConstraintException" => wrong_region(),
        // S3 uses this code for other invalid Authorization headers too; those do not name a region.
        "AuthorizationHeaderMalformed" if region.is_some() => wrong_region(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use BucketErrorKind as Kind;

    fn document(code: &str, region: Option<&str>) -> ErrorDocument {
        ErrorDocument {
            code: code.into(),
            message: "said so".into(),
            region: region.map(Into::into),
        }
    }

    #[test]
    fn classifies_responses() {
        let in_eu = || Kind::WrongRegion {
            actual: Some("eu-west-1".into()),
        };
        for (status, code, header, want) in [
            (503, "SlowDown", None, Kind::Throttled),
            (200, "SlowDown", None, Kind::Throttled),
            (429, "", None, Kind::Throttled),
            (407, "", None, Kind::ProxyAuthorization),
            (503, "ServiceUnavailable", None, Kind::Unavailable),
            (500, "InternalError", None, Kind::Unavailable),
            (200, "InternalError", None, Kind::Unavailable),
            (400, "RequestTimeout", None, Kind::Unavailable),
            (502, "", None, Kind::Unavailable),
            (501, "NotImplemented", None, Kind::NotImplemented),
            (501, "", None, Kind::NotImplemented),
            (200, "NotImplemented", None, Kind::NotImplemented),
            (404, "NoSuchBucket", None, Kind::NoSuchBucket),
            (404, "", None, Kind::NoSuchBucket),
            (404, "NoSuchKey", None, Kind::Refused),
            (403, "AccessDenied", None, Kind::AccessDenied),
            (403, "AccessDenied", Some("eu-west-1"), Kind::AccessDenied),
            (403, "", None, Kind::AccessDenied),
            (403, "InvalidAccessKeyId", None, Kind::UnknownAccessKey),
            (403, "SignatureDoesNotMatch", None, Kind::WrongSecret),
            (400, "ExpiredToken", None, Kind::ExpiredToken),
            (403, "RequestTimeTooSkewed", None, Kind::ClockSkew),
            (301, "PermanentRedirect", Some("eu-west-1"), in_eu()),
            (307, "TemporaryRedirect", Some("eu-west-1"), in_eu()),
            (301, "", None, Kind::WrongRegion { actual: None }),
            (
                400,
                "AuthorizationHeaderMalformed",
                Some("eu-west-1"),
                in_eu(),
            ),
            (400, "AuthorizationHeaderMalformed", None, Kind::Refused),
            (400, "InvalidArgument", None, Kind::Refused),
            (400, "", Some("eu-west-1"), Kind::Refused),
        ] {
            let error = AttemptError::from_response(status, &document(code, None), header);
            assert_eq!(error.kind, want, "{status} {code}");
        }
        let moved = document("AuthorizationHeaderMalformed", Some("eu-west-1"));
        assert_eq!(AttemptError::from_response(400, &moved, None).kind, in_eu());
    }

    #[test]
    fn message_says_what_failed_why_and_what_to_do() {
        let error = BucketError {
            operation: "list bucket \"photos\" (prefix \"a/\")".into(),
            action: "s3:ListBucket",
            cause: AttemptError::from_response(
                301,
                &document("PermanentRedirect", Some("eu-west-1")),
                None,
            ),
            attempts: 1,
        };
        assert_eq!(
            error.to_string(),
            "failed to list bucket \"photos\" (prefix \"a/\"): the bucket is in another region \
             (status 301, PermanentRedirect: said so). The store does not accept requests for \
             \"eu-west-1\" either. Set endpoint_url to an endpoint of that region, or remove endpoint_url \
             and endpoint_order."
        );
        let error = BucketError {
            operation: "list bucket \"photos\"".into(),
            action: "s3:ListBucket",
            cause: AttemptError::new(Kind::Connection, ""),
            attempts: 5,
        };
        assert_eq!(
            error.to_string(),
            "failed to list bucket \"photos\": no complete response from S3, after 5 attempts. Check \
             endpoint_url and its port, region, the network, DNS, and any firewall or proxy (HTTPS_PROXY, HTTP_PROXY, \
             ALL_PROXY) in between."
        );
    }

    #[test]
    fn denial_names_the_missing_permission() {
        let error = BucketError {
            operation: "read object \"a\" of bucket \"photos\"".into(),
            action: "s3:GetObject",
            cause: AttemptError::new(Kind::AccessDenied, "AccessDenied"),
            attempts: 1,
        };
        assert!(
            error
                .to_string()
                .contains("Grant these credentials s3:GetObject on")
        );
    }
}
