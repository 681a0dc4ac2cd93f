//! One request and its answer, with the body taken from the SDK before the SDK reads it.
//!
//! Signing, endpoint and credentials stay the SDK's; its deserialiser gets an empty document, because
//! it costs more than ten times as much CPU as our own decoder. What the answer means is not decided
//! here.

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

use crate::aws::bucket::error::{AttemptError, BucketErrorKind};
use crate::aws::credentials::{causes, chain};
use crate::core::replication::timestamp::Timestamp;

/// How long an answer may take to begin. Pages over many delete markers take more than a minute.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(180);

/// How long nothing may arrive in the middle of a body.
const BODY_IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest body that is read. 1,000 keys of 1,024 bytes, all percent-encoded, are 4 MB.
const MAX_BODY_BYTES: usize = 16 << 20;

/// One answer, whatever its status, read to its end.
#[derive(Debug)]
pub(super) struct RawResponse {
    pub status: u16,
    /// The header `Date`.
    pub date: Option<Timestamp>,
    /// The header `x-amz-bucket-region`.
    pub bucket_region: Option<String>,
    /// From before the request was sent to having the headers.
    pub took: Duration,
    pub body: Vec<u8>,
}

/// Sits between the SDK and the wire for one request.
#[derive(Clone, Debug)]
pub(super) struct ResponseCapture {
    /// Requests sent with any capture of the same bucket.
    requests: Arc<AtomicU64>,
    seen: Arc<Mutex<Captured>>,
}

/// What has passed a capture.
#[derive(Debug, Default)]
struct Captured {
    sent_at: Option<Instant>,
    answer: Option<(RawResponse, SdkBody)>,
}

impl ResponseCapture {
    /// A capture for one request, which is counted in `requests` when it is sent.
    pub(super) fn new(requests: &Arc<AtomicU64>) -> Self {
        Self {
            requests: Arc::clone(requests),
            seen: Arc::default(),
        }
    }

    /// Waits for the answer to the request that `send` sends through this capture, and reads it.
    ///
    /// An answer of any status is an answer; what the SDK makes of the emptied one is of no interest.
    pub(super) async fn answer<T, E>(
        &self,
        send: impl Future<Output = Result<T, SdkError<E>>>,
    ) -> Result<RawResponse, AttemptError>
    where
        E: Error + Send + Sync + 'static,
    {
        let sent = tokio::time::timeout(ANSWER_TIMEOUT, send).await;
        let Some((mut answer, body)) = self.with_seen(|seen| seen.answer.take()) else {
            return Err(match sent {
                Err(_) => connection_error(format!("no answer in {ANSWER_TIMEOUT:?}")),
                Ok(Err(failure)) => error_without_response(failure),
                Ok(Ok(_)) => {
                    AttemptError::new(BucketErrorKind::InvalidResponse, "no answer was seen")
                }
            });
        };
        answer.body = read_whole(body).await?;
        Ok(answer)
    }

    fn with_seen<T>(&self, look: impl FnOnce(&mut Captured) -> T) -> T {
        // What a panic leaves behind is as good as before: each field is written at once.
        look(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Intercept for ResponseCapture {
    fn name(&self) -> &'static str {
        "AnswerTap"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.with_seen(|seen| seen.sent_at = Some(Instant::now()));
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response_mut();
        let header = |name| response.headers().get(name);
        let answer = RawResponse {
            status: response.status().as_u16(),
            date: header("date").and_then(http_date),
            bucket_region: header("x-amz-bucket-region").map(str::to_owned),
            took: Duration::ZERO,
            body: Vec::new(),
        };
        let stand_in = if response.status().is_success() {
            SdkBody::from("<ListBucketResult/>")
        } else {
            SdkBody::empty()
        };
        let body = std::mem::replace(response.body_mut(), stand_in);
        self.with_seen(|seen| {
            let took = seen.sent_at.map_or(ANSWER_TIMEOUT, |at| at.elapsed());
            seen.answer = Some((RawResponse { took, ..answer }, body));
        });
        Ok(())
    }
}

/// The moment that a `Date` header names.
fn http_date(text: &str) -> Option<Timestamp> {
    let date = httpdate::parse_http_date(text).ok()?;
    let since_epoch = date.duration_since(std::time::UNIX_EPOCH).ok()?;
    let millis = i64::try_from(since_epoch.as_millis()).ok()?;
    Some(Timestamp::from_millis(millis))
}

async fn read_whole(body: SdkBody) -> Result<Vec<u8>, AttemptError> {
    let mut stream = ByteStream::new(body);
    let mut whole = Vec::new();
    loop {
        let next = tokio::time::timeout(BODY_IDLE_TIMEOUT, stream.try_next()).await;
        let chunk = match next {
            Ok(Ok(None)) => return Ok(whole),
            Ok(Ok(Some(chunk))) => chunk,
            Ok(Err(failure)) => {
                let why = chain(&failure);
                return Err(connection_error(format!(
                    "the answer broke off after {} bytes: {why}",
                    whole.len()
                )));
            }
            Err(_) => {
                return Err(connection_error(format!(
                    "the answer stopped after {} bytes for {BODY_IDLE_TIMEOUT:?}",
                    whole.len()
                )));
            }
        };
        if whole.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(AttemptError::new(
                BucketErrorKind::InvalidResponse,
                format!("more than {MAX_BODY_BYTES} bytes"),
            ));
        }
        whole.extend_from_slice(&chunk);
    }
}

fn connection_error(detail: String) -> AttemptError {
    AttemptError::new(BucketErrorKind::Connection, detail)
}

/// What it means that the SDK ended without an answer.
fn error_without_response<E>(failure: SdkError<E>) -> AttemptError
where
    E: Error + Send + Sync + 'static,
{
    let of_credentials =
        causes(&failure).find_map(|cause| cause.downcast_ref::<CredentialsError>());
    let kind = match (of_credentials, &failure) {
        (Some(CredentialsError::ProviderTimedOut(_)), _) => BucketErrorKind::Connection,
        (Some(_), _) => BucketErrorKind::NoCredentials,
        (None, SdkError::ConstructionFailure(_)) => BucketErrorKind::Refused,
        (None, SdkError::DispatchFailure(failure)) if failure.is_user() => BucketErrorKind::Refused,
        (None, _) => BucketErrorKind::Connection,
    };
    AttemptError::new(kind, chain(&failure))
}
