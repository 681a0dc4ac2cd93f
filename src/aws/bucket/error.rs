//! What can go wrong with a bucket, whether trying again can help, and what a person can do about it.
//!
//! It classifies only: who waits and tries again is `retry`.

use std::fmt;

use crate::aws::bucket::document::ErrorDocument;

/// A request to a bucket that failed for good: permanently, or more often than it may be tried.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation}: {cause}{}; {}", Attempts(*attempts), cause.kind.remedy())]
pub struct BucketError {
    /// What was attempted and on what, such as `list bucket photos, prefix "a/", after "a/b"`.
    pub operation: String,
    /// What was answered last.
    pub cause: AttemptError,
    /// How often it was tried, 1 or more.
    pub attempts: u32,
}

impl BucketError {
    /// What kind of failure it is.
    pub fn kind(&self) -> &BucketErrorKind {
        &self.cause.kind
    }

    /// Whether the same request may succeed later without anybody doing anything.
    pub fn is_retryable(&self) -> bool {
        self.cause.kind.is_retryable()
    }
}

/// Prints how often something was tried, where that was more than once.
struct Attempts(u32);

impl fmt::Display for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 | 1 => Ok(()),
            attempts => write!(f, ", after {attempts} attempts"),
        }
    }
}

/// One failed attempt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}{}", Detail(detail))]
pub struct AttemptError {
    /// What kind of failure it is.
    pub kind: BucketErrorKind,
    /// What S3 or the network said, in its own words; may be empty. Never a secret.
    pub detail: String,
}

/// Prints what was said, where something was.
struct Detail<'a>(&'a str);

impl fmt::Display for Detail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            "" => Ok(()),
            detail => write!(f, " ({detail})"),
        }
    }
}

/// The kinds of failure that call for different remedies.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BucketErrorKind {
    /// S3 asks for fewer requests: 503 SlowDown, 429.
    #[error("the store throttles requests")]
    Throttled,
    /// Any other 5xx.
    #[error("the store is unavailable")]
    Unavailable,
    /// No connection, a timeout, or a connection lost before the whole answer was there.
    #[error("no complete answer from the store")]
    Connection,
    /// The bucket does not exist.
    #[error("no such bucket")]
    NoSuchBucket,
    /// The credentials are good but lack the right.
    #[error("access denied")]
    AccessDenied,
    /// The store does not know the access key id.
    #[error("unknown access key id")]
    UnknownAccessKey,
    /// The secret does not belong to the access key id.
    #[error("wrong secret access key")]
    WrongSecret,
    /// The session token is too old.
    #[error("expired credentials")]
    ExpiredToken,
    /// This machine's clock and the store's are too far apart.
    #[error("the clocks of this machine and of the store differ too much")]
    ClockSkew,
    /// The bucket is in another region than the requests are signed for.
    #[error("the bucket is in another region")]
    WrongRegion {
        /// Where it is, if the answer says so.
        actual: Option<String>,
    },
    /// No credentials were found, or they could not be read or obtained.
    #[error("no usable credentials")]
    NoCredentials,
    /// The answer cannot be read, or not believed.
    #[error("an answer that is not S3's")]
    InvalidResponse,
    /// Any other refusal.
    #[error("the request was refused")]
    Refused,
}

impl BucketErrorKind {
    /// Whether the same request may succeed later without anybody doing anything.
    ///
    /// A malformed answer is among them: bytes get damaged on the way, and asking again is harmless.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Throttled | Self::Unavailable | Self::Connection | Self::InvalidResponse
        )
    }

    /// Whether another endpoint of the same store may be able to answer.
    pub(super) fn is_of_the_endpoint(&self) -> bool {
        matches!(self, Self::Throttled | Self::Unavailable | Self::Connection)
    }

    /// What to do about it.
    pub fn remedy(&self) -> String {
        match self {
            Self::Throttled => "ask for fewer pages at a time, or try again later",
            Self::Unavailable => "try again later; if it lasts, look at the store's own status",
            Self::Connection => {
                "check endpoint_url and region, and the network, DNS, proxy and firewall between"
            }
            Self::NoSuchBucket => "check the name of the bucket, and endpoint_url if there is one",
            Self::AccessDenied => {
                "allow these credentials s3:ListBucket on the bucket, in their policy and in the \
                 bucket's; with expected_bucket_owner, check that the account owns the bucket"
            }
            Self::UnknownAccessKey => {
                "check the access key id: it may be mistyped, deleted, inactive, or of another store"
            }
            Self::WrongSecret => "check that the secret belongs to the access key id",
            Self::ExpiredToken => "renew the session that the credentials come from",
            Self::ClockSkew => "set this machine's clock, and keep it set by NTP",
            Self::WrongRegion { actual: Some(region) } => {
                return format!(
                    "set region = {region:?}, or leave region out to have it found"
                );
            }
            Self::WrongRegion { actual: None } => {
                "leave region out to have it found, or set the one that the bucket was made in"
            }
            Self::NoCredentials => "give credentials that work on this machine",
            Self::InvalidResponse => {
                "check that endpoint_url is an S3 endpoint, with no proxy that answers in its place"
            }
            Self::Refused => "see what the store says, and check bucket, prefix and endpoint_url",
        }
        .to_owned()
    }
}

impl AttemptError {
    /// A fault of that kind, in its own words; control characters are spelled out, so that what a
    /// server says cannot command a terminal.
    pub(super) fn new(kind: BucketErrorKind, detail: impl Into<String>) -> Self {
        let mut detail: String = detail.into();
        if detail.contains(char::is_control) {
            let spelled = |c: char| {
                if c.is_control() {
                    c.escape_default().to_string()
                } else {
                    c.to_string()
                }
            };
            detail = detail.chars().map(spelled).collect();
        }
        Self { kind, detail }
    }

    /// What an answer with that status and error document means.
    ///
    /// `bucket_region` is the header `x-amz-bucket-region`.
    pub(super) fn of_answer(
        status: u16,
        document: &ErrorDocument,
        bucket_region: Option<&str>,
    ) -> Self {
        let region = bucket_region.or(document.region.as_deref());
        let kind = kind_of_code(&document.code, region).unwrap_or_else(|| match status {
            429 => BucketErrorKind::Throttled,
            500.. => BucketErrorKind::Unavailable,
            301 | 302 | 307 | 308 => BucketErrorKind::WrongRegion {
                actual: region.map(str::to_owned),
            },
            // An answer to HEAD has a status and nothing else.
            403 if document.code.is_empty() => BucketErrorKind::AccessDenied,
            404 if document.code.is_empty() => BucketErrorKind::NoSuchBucket,
            _ => BucketErrorKind::Refused,
        });
        Self::new(kind, format!("status {status}, {document}"))
    }
}

/// The kind that an error code of S3 alone decides.
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
        // RequestTimeout is a 400, though it is about the connection.
        "InternalError" | "ServiceUnavailable" | "RequestTimeout" => BucketErrorKind::Unavailable,
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
        // It is also the code for an Authorization header that is wrong in other ways.
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
    fn each_answer_is_of_one_kind() {
        let in_eu = || Kind::WrongRegion {
            actual: Some("eu-west-1".into()),
        };
        for (status, code, header, want) in [
            (503, "SlowDown", None, Kind::Throttled),
            (200, "SlowDown", None, Kind::Throttled),
            (429, "", None, Kind::Throttled),
            (503, "ServiceUnavailable", None, Kind::Unavailable),
            (500, "InternalError", None, Kind::Unavailable),
            (200, "InternalError", None, Kind::Unavailable),
            (400, "RequestTimeout", None, Kind::Unavailable),
            (502, "", None, Kind::Unavailable),
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
            let error = AttemptError::of_answer(status, &document(code, None), header);
            assert_eq!(error.kind, want, "{status} {code}");
        }
        let told = document("AuthorizationHeaderMalformed", Some("eu-west-1"));
        assert_eq!(AttemptError::of_answer(400, &told, None).kind, in_eu());
    }

    #[test]
    fn what_a_server_says_cannot_command_a_terminal() {
        let error = AttemptError::new(Kind::Refused, "\u{1b}[2Jgone\r\n\u{9b}1m é");
        assert_eq!(error.detail, "\\u{1b}[2Jgone\\r\\n\\u{9b}1m é");
    }

    #[test]
    fn an_error_says_what_was_tried_what_came_and_what_to_do() {
        let error = BucketError {
            operation: "list bucket photos, prefix \"a/\"".into(),
            cause: AttemptError::of_answer(
                301,
                &document("PermanentRedirect", Some("eu-west-1")),
                None,
            ),
            attempts: 1,
        };
        assert_eq!(
            error.to_string(),
            "list bucket photos, prefix \"a/\": the bucket is in another region (status 301, \
             PermanentRedirect: said so); set region = \"eu-west-1\", or leave region out to have \
             it found"
        );
        let error = BucketError {
            operation: "list bucket photos".into(),
            cause: AttemptError::new(Kind::Connection, ""),
            attempts: 5,
        };
        assert_eq!(
            error.to_string(),
            "list bucket photos: no complete answer from the store, after 5 attempts; check \
             endpoint_url and region, and the network, DNS, proxy and firewall between"
        );
    }
}
