//! Requests that only find something out: whether a store answers, what time it is there, what the
//! credentials may.
//!
//! They change nothing. What follows from an answer is not decided here.

use std::sync::Arc;

use super::S3Bucket;
use super::document::ErrorDocument;
use super::endpoint::Endpoint;
use super::error::{AttemptError, BucketError, BucketErrorKind};
use super::notifications::NotificationConfiguration;
use super::response_capture::{RawResponse, ResponseCapture};
use super::s3::local_time;
use crate::core::replication::timestamp::Timestamp;

/// What a store says to HeadBucket, whatever the credentials may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeResponse {
    /// The status of the answer.
    pub status: u16,
    /// The Region that the bucket is in, if the store tells it.
    pub region: Option<String>,
    /// The time, if the store tells it.
    pub clocks: Option<ClockReadings>,
}

/// The same moment by two clocks. The store's has whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockReadings {
    /// By the store's, from the header `Date`.
    pub store: Timestamp,
    /// By this machine's, half-way between the request and its answer.
    pub local: Timestamp,
}

impl S3Bucket {
    /// Asks whether the bucket is there; an answer of any status is one, but those that may pass.
    pub async fn probe(&self) -> Result<ProbeResponse, BucketError> {
        let attempted = format!("reach bucket {}", self.label());
        let ask = || async {
            let answer = self.head_bucket().await?;
            let error = error_of(&answer);
            if error.kind.is_retryable() {
                Err(error)
            } else {
                Ok(ProbeResponse {
                    status: answer.status,
                    region: answer.bucket_region,
                    clocks: answer.date.map(|store| ClockReadings {
                        store,
                        local: local_time().minus(answer.took / 2),
                    }),
                })
            }
        };
        self.retrier().run(&attempted, ask).await
    }

    /// Whether there is an object under the key.
    ///
    /// It needs `s3:GetObject`. Where there is none, S3 says so to those alone who may list the whole
    /// bucket, and denies access to all others.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html>
    pub async fn has_object(&self, key: &str) -> Result<bool, BucketError> {
        let attempted = format!("look at the object {key:?} of bucket {}", self.label());
        let ask = || async {
            let capture = ResponseCapture::new(&Arc::default());
            let request = self.client(Endpoint::Preferred).head_object();
            let request = request
                .bucket(self.name())
                .key(key)
                .set_expected_bucket_owner(self.expected_owner())
                .set_request_payer(self.request_payer());
            let answer = capture
                .answer(request.customize().interceptor(capture.clone()).send())
                .await?;
            match answer.status {
                200..300 => Ok(true),
                404 => Ok(false),
                _ => Err(error_of(&answer)),
            }
        };
        self.retrier().run(&attempted, ask).await
    }

    /// Where the bucket's events go. It needs `s3:GetBucketNotification`.
    pub async fn notifications(&self) -> Result<NotificationConfiguration, BucketError> {
        let attempted = format!("read the notifications of bucket {}", self.label());
        let ask = || async {
            let capture = ResponseCapture::new(&Arc::default());
            let request = self.client(Endpoint::Preferred);
            let request = request.get_bucket_notification_configuration();
            let request = request
                .bucket(self.name())
                .set_expected_bucket_owner(self.expected_owner());
            let answer = capture
                .answer(request.customize().interceptor(capture.clone()).send())
                .await?;
            match answer.status {
                200..300 => NotificationConfiguration::of_body(&answer.body).map_err(|malformed| {
                    AttemptError::new(BucketErrorKind::InvalidResponse, malformed.to_string())
                }),
                _ => Err(error_of(&answer)),
            }
        };
        self.retrier().run(&attempted, ask).await
    }
}

/// What the answer means where it is a refusal.
fn error_of(answer: &RawResponse) -> AttemptError {
    let document = ErrorDocument::of_body(&answer.body);
    AttemptError::of_answer(answer.status, &document, answer.bucket_region.as_deref())
}
