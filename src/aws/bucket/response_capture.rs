//! Captures the response to a request before the SDK decodes it.
//!
//! The SDK still signs the request, and chooses endpoint and credentials. But its decoder takes over ten
//! times as much CPU time as ours, so it gets an empty document instead of the body. This module does not
//! decode the body.

use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::error::SdkError;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeDeserializationInterceptorContextMut, BeforeTransmitInterceptorContextRef,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::config_bag::ConfigBag;

use crate::aws::bucket::document::is_region;
use crate::aws::bucket::error::{AttemptError, BucketErrorKind};
use crate::aws::error::{credentials_failure, describe, is_connection_failure, refused_host};
use crate::aws::tls::TlsFailure;
use crate::core::replication::timestamp::Timestamp;

/// How long a response may take to start. A page that skips many delete markers takes over a minute.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(180);

/// The time limits of a body. A body of [`MAX_BODY_BYTES`] fits into the whole time at 140 kB/s, and a usual page
/// of 300 kB at 2.5 kB/s.
const BODY_TIMEOUTS: BodyTimeouts = BodyTimeouts {
    idle: Duration::from_secs(30),
    whole: Duration::from_secs(120),
};

/// The maximum size of a body. 1,000 keys of 1,024 bytes that are all percent-encoded take 4 MB.
const MAX_BODY_BYTES: usize = 16 << 20;

/// How long a body may take.
#[derive(Clone, Copy, Debug)]
struct BodyTimeouts {
    /// How long it may pause.
    idle: Duration,
    /// How long it may take as a whole, however it arrives. Without this limit, one byte a second would last for
    /// days.
    whole: Duration,
}

/// A complete response with any status.
#[derive(Debug)]
pub(super) struct RawResponse {
    pub status: u16,
    /// The header `Date`.
    pub date: Option<Timestamp>,
    /// The header `x-amz-bucket-region`.
    pub bucket_region: Option<String>,
    /// The time from sending the request to receiving the headers.
    pub took: Duration,
    pub body: Vec<u8>,
}

/// An interceptor for one request, between the SDK and the network.
#[derive(Clone, Debug)]
pub(super) struct ResponseCapture {
    /// The number of requests sent, shared with other captures.
    requests: Arc<AtomicU64>,
    captured: Arc<Mutex<Captured>>,
}

/// What was captured so far.
#[derive(Debug, Default)]
struct Captured {
    sent_at: Option<Instant>,
    response: Option<(RawResponse, SdkBody)>,
}

impl ResponseCapture {
    /// A capture for one request, which `requests` counts when it is sent.
    pub(super) fn new(requests: &Arc<AtomicU64>) -> Self {
        Self {
            requests: Arc::clone(requests),
            captured: Arc::default(),
        }
    }

    /// Waits for `send`, which sends a request with this interceptor, and reads the response.
    ///
    /// A response with any status is a success. The SDK's result is ignored, because it saw no body.
    pub(super) async fn response<T, E>(
        &self,
        send: impl Future<Output = Result<T, SdkError<E>>>,
    ) -> Result<RawResponse, AttemptError>
    where
        E: Error + Send + Sync + 'static,
    {
        let sent = tokio::time::timeout(RESPONSE_TIMEOUT, send).await;
        let Some((mut response, body)) = self.with_captured(|captured| captured.response.take())
        else {
            return Err(match sent {
                Err(_) => connection_error(format!("no response within {RESPONSE_TIMEOUT:?}")),
                Ok(Err(failure)) => error_without_response(failure),
                Ok(Ok(_)) => {
                    AttemptError::new(BucketErrorKind::InvalidResponse, "no response was captured")
                }
            });
        };
        response.body = read_whole(body, BODY_TIMEOUTS).await?;
        Ok(response)
    }

    fn with_captured<T>(&self, access: impl FnOnce(&mut Captured) -> T) -> T {
        // Each field is written at once, so a panic cannot leave it half-written.
        access(&mut self.captured.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Intercept for ResponseCapture {
    fn name(&self) -> &'static str {
        "ResponseCapture"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.with_captured(|captured| captured.sent_at = Some(Instant::now()));
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let http = context.response_mut();
        let header = |name| http.headers().get(name);
        let response = RawResponse {
            status: http.status().as_u16(),
            date: header("date").and_then(http_date),
            bucket_region: header("x-amz-bucket-region")
                .filter(|region| is_region(region))
                .map(str::to_owned),
            took: Duration::ZERO,
            body: Vec::new(),
        };
        let empty_document = if http.status().is_success() {
            SdkBody::from("<ListBucketResult/>")
        } else {
            SdkBody::empty()
        };
        let body = std::mem::replace(http.body_mut(), empty_document);
        self.with_captured(|captured| {
            let took = captured.sent_at.map_or(RESPONSE_TIMEOUT, |at| at.elapsed());
            captured.response = Some((RawResponse { took, ..response }, body));
        });
        Ok(())
    }
}

/// Parses a `Date` header.
fn http_date(text: &str) -> Option<Timestamp> {
    let date = httpdate::parse_http_date(text).ok()?;
    let since_epoch = date.duration_since(std::time::UNIX_EPOCH).ok()?;
    let millis = i64::try_from(since_epoch.as_millis()).ok()?;
    Some(Timestamp::from_millis(millis))
}

/// Reads the body, up to the limits of size and time.
async fn read_whole(body: SdkBody, timeouts: BodyTimeouts) -> Result<Vec<u8>, AttemptError> {
    let mut whole = Vec::new();
    let read = read_chunks(body, timeouts.idle, &mut whole);
    match tokio::time::timeout(timeouts.whole, read).await {
        Ok(read) => read.map(|()| whole),
        Err(_) => Err(connection_error(format!(
            "the response was too slow: {} bytes in {:?}",
            whole.len(),
            timeouts.whole
        ))),
    }
}

async fn read_chunks(
    body: SdkBody,
    idle_timeout: Duration,
    whole: &mut Vec<u8>,
) -> Result<(), AttemptError> {
    let mut stream = ByteStream::new(body);
    loop {
        let next = tokio::time::timeout(idle_timeout, stream.try_next()).await;
        let chunk = match next {
            Ok(Ok(None)) => return Ok(()),
            Ok(Ok(Some(chunk))) => chunk,
            Ok(Err(failure)) => {
                let why = describe(&failure);
                return Err(connection_error(format!(
                    "the response broke off after {} bytes: {why}",
                    whole.len()
                )));
            }
            Err(_) => {
                return Err(connection_error(format!(
                    "the response paused for {idle_timeout:?} after {} bytes",
                    whole.len()
                )));
            }
        };
        if whole.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(AttemptError::new(
                BucketErrorKind::InvalidResponse,
                &format!("the body has more than {MAX_BODY_BYTES} bytes"),
            ));
        }
        whole.extend_from_slice(&chunk);
    }
}

fn connection_error(detail: String) -> AttemptError {
    AttemptError::new(BucketErrorKind::Connection, &detail)
}

/// The error if the SDK failed without a response.
fn error_without_response<E>(failure: SdkError<E>) -> AttemptError
where
    E: Error + Send + Sync + 'static,
{
    if let Some(refused) = refused_host(&failure) {
        return AttemptError::new(BucketErrorKind::HostNotAllowed, &refused.to_string());
    }
    if let Some(tls) = TlsFailure::of(&failure) {
        return AttemptError::new(BucketErrorKind::Tls(tls), &describe(&failure));
    }
    if let Some((error, why)) = credentials_failure(&failure) {
        let kind = match error {
            CredentialsError::ProviderTimedOut(_) => BucketErrorKind::Connection,
            _ if is_connection_failure(error) => BucketErrorKind::Connection,
            _ => BucketErrorKind::NoCredentials,
        };
        let why = if why.is_empty() {
            describe(&failure)
        } else {
            why
        };
        return AttemptError::new(kind, &why);
    }
    let kind = match &failure {
        SdkError::ConstructionFailure(_) => BucketErrorKind::Refused,
        SdkError::DispatchFailure(failure) if failure.is_user() => BucketErrorKind::Refused,
        _ => BucketErrorKind::Connection,
    };
    AttemptError::new(kind, &describe(&failure))
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use hyper::body::{Body, Bytes, Frame};
    use tokio::time::Interval;

    use super::*;

    /// A body that never ends: it sends one byte in each interval.
    struct Trickle(Interval);

    impl Body for Trickle {
        type Data = Bytes;
        type Error = std::io::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            let byte = |_| Some(Ok(Frame::data(Bytes::from_static(b"x"))));
            self.0.poll_tick(context).map(byte)
        }
    }

    fn trickle(interval: Duration) -> SdkBody {
        SdkBody::from_body_1_x(Trickle(tokio::time::interval(interval)))
    }

    #[tokio::test]
    async fn slow_body_ends_at_the_deadline_and_can_be_retried() {
        let slow = BodyTimeouts {
            idle: Duration::from_secs(60),
            whole: Duration::from_millis(100),
        };
        let error = read_whole(trickle(Duration::from_millis(1)), slow).await;
        let error = error.unwrap_err();
        assert!(error.kind.is_retryable(), "{error}");
        assert!(error.to_string().contains("too slow"), "{error}");
    }

    #[test]
    fn body_has_two_minutes() {
        // Longer, a slow Source would hold up the others.
        assert!(BODY_TIMEOUTS.whole <= Duration::from_secs(120));
        assert!(BODY_TIMEOUTS.idle < BODY_TIMEOUTS.whole);
    }

    #[tokio::test]
    async fn silent_body_ends_at_the_idle_timeout() {
        let idle = BodyTimeouts {
            idle: Duration::from_millis(20),
            whole: Duration::from_secs(60),
        };
        let error = read_whole(trickle(Duration::from_secs(60)), idle).await;
        let error = error.unwrap_err();
        assert!(error.kind.is_retryable(), "{error}");
        assert!(error.to_string().contains("paused"), "{error}");
    }
}
