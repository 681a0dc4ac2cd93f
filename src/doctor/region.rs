//! Tests whether the configured region is the region of the bucket.
//!
//! If no region is configured, `bucket` detects it.

use super::finding::{Finding, Subject};
use crate::aws::bucket::ProbeResponse;

/// The finding for a configured region that the store accepts.
///
/// The region in a successful response is ignored: stores other than AWS accept requests for any region, and
/// may name a different one.
pub(super) fn configured(region: &str) -> Finding {
    Finding::ok(Subject::Region, format!("{region}, as configured"))
}

/// The finding for a configured region that is not the one of the bucket. It is a warning, because requests are sent
/// again in the right region.
pub(super) fn moved(configured: &str, actual: &str) -> Finding {
    Finding::warning(
        Subject::Region,
        format!(
            "configured region {configured}, but the bucket is in {actual}, so requests go there"
        ),
    )
    .remedy(format!(
        "Set region = {actual:?}, or remove region so that it is detected."
    ))
}

/// The finding for a bucket that is not in the region of the configured `endpoint_order`.
pub(super) fn fixed(configured: &str, actual: &str) -> Finding {
    Finding::failure(
        Subject::Region,
        format!("the bucket is in {actual}, but endpoint_order = \"external-first\" works only in {configured}"),
    )
    .remedy(format!("Remove endpoint_order, and set region = {actual:?} or remove region."))
}

/// The region that the store names when it refuses a request for `signed_for`.
pub(super) fn other_region<'a>(signed_for: &str, response: &'a ProbeResponse) -> Option<&'a str> {
    let is_refused = !(200..300).contains(&response.status);
    let actual = response.region.as_deref().filter(|_| is_refused);
    actual.filter(|&actual| actual != signed_for)
}

/// The finding for a region that was detected.
pub(super) fn detected(region: &str) -> Finding {
    Finding::ok(
        Subject::Region,
        format!("{region}, as the store reports it"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_region_is_one_that_the_store_names_in_a_refusal() {
        let other = Some("us-east-1");
        for (status, named, want) in [
            (200, Some("eu-west-1"), None),
            (200, Some("us-east-1"), None),
            (200, None, None),
            (403, None, None),
            (403, Some("eu-west-1"), None),
            (301, Some("us-east-1"), other),
            (400, Some("us-east-1"), other),
        ] {
            let response = ProbeResponse {
                status,
                region: named.map(str::to_owned),
                clocks: None,
            };
            let found = other_region("eu-west-1", &response);
            assert_eq!(found, want, "{status} {named:?}");
        }
    }
}
