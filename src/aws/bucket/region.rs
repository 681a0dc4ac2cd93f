//! Finds the region of a bucket with HeadBucket and GetBucketLocation.

use std::sync::Arc;

use tracing::info;

use crate::aws::bucket::document::{self, ErrorDocument};
use crate::aws::bucket::endpoint::Endpoint;
use crate::aws::bucket::error::{AttemptError, BucketErrorKind};
use crate::aws::bucket::response_capture::{RawResponse, ResponseCapture};
use crate::aws::bucket::{BucketError, S3Bucket};

impl S3Bucket {
    /// Finds the region with HeadBucket, or else with GetBucketLocation.
    pub(super) async fn find_region(&self, is_other_store: bool) -> Result<String, BucketError> {
        let operation = format!("find the region of bucket {}", self.label());
        let region = self
            .retrier()
            .run(&operation, "s3:ListBucket", || async {
                of_head_bucket(&self.head_bucket().await?)
            })
            .await?;
        match region {
            Some(region) => Ok(region),
            None => {
                let attempt = || async { of_bucket_location(&self.get_location().await?) };
                let region = self
                    .retrier()
                    .run(&operation, "s3:GetBucketLocation", attempt)
                    .await;
                // Stores other than AWS may have no regions. If the guess is wrong, the scan fails.
                region.or_else(|error| {
                    if !is_other_store {
                        return Err(error);
                    }
                    let (bucket, region) = (self.name(), self.region());
                    info!(bucket, region, %error, "the store names no region; using this one");
                    Ok(region)
                })
            }
        }
    }

    /// Sends HeadBucket once.
    pub(super) async fn head_bucket(&self) -> Result<RawResponse, AttemptError> {
        let capture = ResponseCapture::new(&Arc::default());
        let clients = self.clients().current();
        let request = clients
            .client(Endpoint::Preferred)
            .head_bucket()
            .bucket(self.name())
            .set_expected_bucket_owner(self.expected_owner());
        capture
            .response(request.customize().interceptor(capture.clone()).send())
            .await
    }

    /// Sends GetBucketLocation once.
    async fn get_location(&self) -> Result<RawResponse, AttemptError> {
        let capture = ResponseCapture::new(&Arc::default());
        let clients = self.clients().current();
        let request = clients
            .client(Endpoint::Preferred)
            .get_bucket_location()
            .bucket(self.name())
            .set_expected_bucket_owner(self.expected_owner());
        capture
            .response(request.customize().interceptor(capture.clone()).send())
            .await
    }
}

/// The region in a response to HeadBucket.
///
/// AWS names the region in a header of every response, even with status 301, 400 or 403. `Ok(None)` if the
/// header is missing. An error if the bucket does not exist or the request should be retried.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html>
fn of_head_bucket(response: &RawResponse) -> Result<Option<String>, AttemptError> {
    if let Some(region) = &response.bucket_region {
        return Ok(Some(region.clone()));
    }
    if (200..300).contains(&response.status) {
        return Ok(None);
    }
    let error = AttemptError::from_response(
        response.status,
        &ErrorDocument::from_body(&response.body),
        None,
    );
    // The response has no body, so the cause is unknown. The first listing will report it.
    if error.kind == BucketErrorKind::NoSuchBucket || error.kind.is_retryable() {
        Err(error)
    } else {
        Ok(None)
    }
}

/// The region in a response to GetBucketLocation, or in the error of a store that expects requests for another region.
fn of_bucket_location(response: &RawResponse) -> Result<String, AttemptError> {
    if !(200..300).contains(&response.status) {
        let document = ErrorDocument::from_body(&response.body);
        let named = response.bucket_region.as_deref();
        let error = AttemptError::from_response(response.status, &document, named);
        return match error.kind {
            BucketErrorKind::WrongRegion {
                actual: Some(region),
            } => Ok(region),
            _ => Err(error),
        };
    }
    document::bucket_location(&response.body)
        .map_err(|error| AttemptError::new(BucketErrorKind::InvalidResponse, &error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn response(status: u16, region: Option<&str>, body: &str) -> RawResponse {
        RawResponse {
            status,
            date: None,
            bucket_region: region.map(Into::into),
            took: Duration::ZERO,
            body: body.into(),
        }
    }

    #[test]
    fn finds_the_region_in_responses_to_head_bucket() {
        let eu = Some("eu-west-1");
        for (status, header, want) in [
            (200, eu, Ok(eu)),
            (301, eu, Ok(eu)),
            (400, eu, Ok(eu)),
            (403, eu, Ok(eu)),
            (200, None, Ok(None)),
            (400, None, Ok(None)),
            (403, None, Ok(None)),
            (404, None, Err(BucketErrorKind::NoSuchBucket)),
            (500, None, Err(BucketErrorKind::Unavailable)),
            (503, None, Err(BucketErrorKind::Unavailable)),
        ] {
            let region = of_head_bucket(&response(status, header, "")).map_err(|error| error.kind);
            assert_eq!(
                region,
                want.map(|r| r.map(str::to_owned)),
                "{status} {header:?}"
            );
        }
    }

    #[test]
    fn finds_the_region_in_responses_to_get_bucket_location() {
        let location = "<LocationConstraint>EU</LocationConstraint>";
        let malformed =
            "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-north-1</Region></Error>";
        let moved = "<Error><Code>PermanentRedirect</Code><Region>eu-north-1</Region></Error>";
        let denied = "<Error><Code>AccessDenied</Code></Error>";
        for (status, body, want) in [
            (200, location, Ok("eu-west-1")),
            (200, "<html/>", Err(BucketErrorKind::InvalidResponse)),
            (403, denied, Err(BucketErrorKind::AccessDenied)),
            (400, malformed, Ok("eu-north-1")),
            (301, moved, Ok("eu-north-1")),
        ] {
            let region =
                of_bucket_location(&response(status, None, body)).map_err(|error| error.kind);
            assert_eq!(region, want.map(str::to_owned), "{status} {body}");
        }
    }
}
