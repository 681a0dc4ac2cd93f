//! Tests whether the configured region is the region of the bucket.
//!
//! If no region is configured, `bucket` detects it.

use super::finding::{Finding, Subject};
use crate::aws::bucket::ProbeResponse;

/// Whether the store accepts requests that are signed for the configured region.
///
/// The region in a successful response is ignored: stores other than AWS accept requests for any region, and
/// may name a different one.
pub(super) fn configured(signed_for: &str, response: &ProbeResponse) -> Finding {
    match other_region(signed_for, response) {
        None => Finding::ok(Subject::Region, format!("{signed_for}, as configured")),
        Some(actual) => Finding::failure(
            Subject::Region,
            format!("the bucket is in {actual}, but the configuration says {signed_for}"),
        )
        .remedy(format!(
            "Set region = {actual:?}. Or remove region and endpoint_order, so that the region is detected."
        )),
    }
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
    use super::super::finding::Verdict;
    use super::*;

    #[test]
    fn is_wrong_only_if_the_store_refuses_it_and_names_another() {
        for (status, named, verdict) in [
            (200, Some("eu-west-1"), Verdict::Ok),
            (200, Some("us-east-1"), Verdict::Ok),
            (200, None, Verdict::Ok),
            (403, None, Verdict::Ok),
            (403, Some("eu-west-1"), Verdict::Ok),
            (301, Some("us-east-1"), Verdict::Failure),
            (400, Some("us-east-1"), Verdict::Failure),
        ] {
            let response = ProbeResponse {
                status,
                region: named.map(str::to_owned),
                clocks: None,
            };
            let finding = configured("eu-west-1", &response);
            assert_eq!(finding.verdict, verdict, "{status} {named:?}");
            if verdict == Verdict::Failure {
                let remedy = finding.remedy.unwrap().text;
                assert!(remedy.contains("region = \"us-east-1\""), "{remedy}");
            }
        }
    }
}
