//! Requests that examine a bucket: whether the store answers, its clock, and the permissions of the credentials.
//!
//! They change nothing. They do not judge what they find.

use std::sync::Arc;

use super::S3Bucket;
use super::clients::EndpointClients;
use super::document::ErrorDocument;
use super::endpoint::Endpoint;
use super::error::{AttemptError, BucketError, BucketErrorKind};
use super::notifications::NotificationConfiguration;
use super::response_capture::{RawResponse, ResponseCapture};
use super::s3::local_time;
use crate::core::replication::timestamp::Timestamp;

/// The useful parts of a response to HeadBucket. A store sends them even if it denies access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeResponse {
    /// The HTTP status.
    pub status: u16,
    /// The region of the bucket, if the store names it.
    pub region: Option<String>,
    /// The time, if the response has a date.
    pub clocks: Option<ClockReadings>,
}

/// The same moment by two clocks. The store's clock has a resolution of one second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockReadings {
    /// The clock of the store, from the header `Date`.
    pub store: Timestamp,
    /// The clock of this machine, half-way between request and response.
    pub local: Timestamp,
}

impl S3Bucket {
    /// Sends HeadBucket. Every status is a success, except for retryable errors.
    pub async fn probe(&self) -> Result<ProbeResponse, BucketError> {
        let operation = format!("reach bucket {}", self.label());
        let attempt = || async {
            let response = self.head_bucket().await?;
            let error = error_of(&response);
            if error.kind.is_retryable() {
                return Err(error);
            }
            Ok(ProbeResponse {
                status: response.status,
                region: response.bucket_region,
                clocks: response.date.map(|store| ClockReadings {
                    store,
                    local: local_time().minus(response.took / 2),
                }),
            })
        };
        self.retrier()
            .run(&operation, "s3:ListBucket", attempt)
            .await
    }

    /// Sends HeadBucket. If the store refuses it and names another region, requests go there from now on.
    pub(super) async fn confirm_region(&self) {
        let Ok(response) = self.head_bucket().await else {
            return;
        };
        let is_refused = !(200..300).contains(&response.status);
        if is_refused && names_another_region(&response, &self.region()) {
            self.clients()
                .move_to(response.bucket_region.as_deref().unwrap_or_default());
        }
    }

    /// Whether the object exists. Needs `s3:GetObject`.
    ///
    /// If the object does not exist, S3 says so only if the credentials may list the whole bucket.
    /// Otherwise it denies access.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html>
    pub async fn has_object(&self, key: &str) -> Result<bool, BucketError> {
        let operation = format!("read object {key:?} of bucket {}", self.label());
        let send = |clients: Arc<EndpointClients>| async move {
            let capture = ResponseCapture::new(&Arc::default());
            let request = clients.client(Endpoint::Preferred).head_object();
            let request = request
                .bucket(self.name())
                .key(key)
                .set_expected_bucket_owner(self.expected_owner())
                .set_request_payer(self.request_payer());
            let response = capture
                .response(request.customize().interceptor(capture.clone()).send())
                .await?;
            match response.status {
                200..300 => Ok(true),
                404 => Ok(false),
                // The response has no body that explains the status.
                400 if names_another_region(&response, clients.region()) => Err(AttemptError::new(
                    BucketErrorKind::WrongRegion {
                        actual: response.bucket_region,
                    },
                    "status 400",
                )),
                _ => Err(error_of(&response)),
            }
        };
        let attempt = || self.clients().attempt(send);
        self.retrier()
            .run(&operation, "s3:GetObject", attempt)
            .await
    }

    /// The event notifications of the bucket. Needs `s3:GetBucketNotification`.
    pub async fn notifications(&self) -> Result<NotificationConfiguration, BucketError> {
        let operation = format!("read the event notifications of bucket {}", self.label());
        let send = |clients: Arc<EndpointClients>| async move {
            let capture = ResponseCapture::new(&Arc::default());
            let request = clients.client(Endpoint::Preferred);
            let request = request.get_bucket_notification_configuration();
            let request = request
                .bucket(self.name())
                .set_expected_bucket_owner(self.expected_owner());
            let response = capture
                .response(request.customize().interceptor(capture.clone()).send())
                .await?;
            match response.status {
                200..300 => NotificationConfiguration::from_body(&response.body).map_err(|error| {
                    AttemptError::new(BucketErrorKind::InvalidResponse, &error.to_string())
                }),
                _ => Err(error_of(&response)),
            }
        };
        let attempt = || self.clients().attempt(send);
        self.retrier()
            .run(&operation, "s3:GetBucketNotification", attempt)
            .await
    }
}

/// Whether the response names another region for the bucket than its request was signed for.
fn names_another_region(response: &RawResponse, signed_for: &str) -> bool {
    let named = response.bucket_region.as_deref();
    named.is_some_and(|named| named != signed_for)
}

/// Classifies a response as an error, even if its status is a success.
fn error_of(response: &RawResponse) -> AttemptError {
    let document = ErrorDocument::from_body(&response.body);
    AttemptError::from_response(
        response.status,
        &document,
        response.bucket_region.as_deref(),
    )
}
