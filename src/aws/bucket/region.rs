//! What an answer tells of the region that a bucket is in.
//!
//! Who asks, and what is asked instead where an answer does not tell, is `s3`.

use crate::aws::bucket::document::{self, ErrorDocument};
use crate::aws::bucket::error::{AttemptError, BucketErrorKind};
use crate::aws::bucket::response_capture::RawResponse;

/// What the answer to HeadBucket tells.
///
/// AWS puts the region into a header of whatever it answers, also of 301, 400 and 403. `Ok(None)`
/// where it is silent; a fault where trying again, or going on, cannot be right.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html>
pub(super) fn of_head_bucket(answer: &RawResponse) -> Result<Option<String>, AttemptError> {
    if let Some(region) = &answer.bucket_region {
        return Ok(Some(region.clone()));
    }
    if (200..300).contains(&answer.status) {
        return Ok(None);
    }
    let error = AttemptError::of_answer(answer.status, &ErrorDocument::of_body(&answer.body), None);
    // Any other refusal without a body does not say what is wrong: the first listing will.
    if error.kind == BucketErrorKind::NoSuchBucket || error.kind.is_retryable() {
        Err(error)
    } else {
        Ok(None)
    }
}

/// The region that the answer to GetBucketLocation tells.
pub(super) fn of_bucket_location(answer: &RawResponse) -> Result<String, AttemptError> {
    if !(200..300).contains(&answer.status) {
        let document = ErrorDocument::of_body(&answer.body);
        return Err(AttemptError::of_answer(
            answer.status,
            &document,
            answer.bucket_region.as_deref(),
        ));
    }
    document::bucket_location(&answer.body).map_err(|malformed| {
        AttemptError::new(BucketErrorKind::InvalidResponse, malformed.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn answer(status: u16, region: Option<&str>, body: &str) -> RawResponse {
        RawResponse {
            status,
            date: None,
            bucket_region: region.map(Into::into),
            took: Duration::ZERO,
            body: body.into(),
        }
    }

    #[test]
    fn head_bucket_tells_the_region_under_many_a_status() {
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
            let told = of_head_bucket(&answer(status, header, "")).map_err(|error| error.kind);
            assert_eq!(
                told,
                want.map(|r| r.map(str::to_owned)),
                "{status} {header:?}"
            );
        }
    }

    #[test]
    fn the_location_is_the_body_or_the_fault_that_came_instead() {
        let location = "<LocationConstraint>EU</LocationConstraint>";
        let denied = "<Error><Code>AccessDenied</Code></Error>";
        for (status, body, want) in [
            (200, location, Ok("eu-west-1")),
            (200, "<html/>", Err(BucketErrorKind::InvalidResponse)),
            (403, denied, Err(BucketErrorKind::AccessDenied)),
        ] {
            let told = of_bucket_location(&answer(status, None, body)).map_err(|error| error.kind);
            assert_eq!(told, want.map(str::to_owned), "{status} {body}");
        }
    }
}
