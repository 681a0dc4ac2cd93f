//! Whether the Region is the bucket's.
//!
//! How it is found where none is configured is `bucket`'s affair.

use super::finding::{Finding, Subject};
use crate::aws::bucket::ProbeResponse;

/// Whether requests that are signed for that Region are taken.
///
/// What the store tells beside a success is not looked at: stores of other makers take requests of any
/// Region and tell another.
pub(super) fn configured(signed_for: &str, greeting: &ProbeResponse) -> Finding {
    match other_region(signed_for, greeting) {
        None => Finding::ok(Subject::Region, format!("{signed_for}, as configured")),
        Some(actual) => Finding::failure(
            Subject::Region,
            format!("the bucket is in {actual}, and not in {signed_for} as configured"),
        )
        .remedy(format!(
            "set region = {actual:?}, or leave region out to have it found (then endpoint_order, too)"
        )),
    }
}

/// The Region that the store refuses the one of the request for.
pub(super) fn other_region<'a>(signed_for: &str, greeting: &'a ProbeResponse) -> Option<&'a str> {
    let is_refused = !(200..300).contains(&greeting.status);
    let told = greeting.region.as_deref().filter(|_| is_refused);
    told.filter(|&told| told != signed_for)
}

/// That it was found.
pub(super) fn found(region: &str) -> Finding {
    Finding::ok(
        Subject::Region,
        format!("{region}, as far as the store tells"),
    )
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    #[test]
    fn a_region_is_wrong_where_the_store_refuses_it_and_tells_another() {
        for (status, told, verdict) in [
            (200, Some("eu-west-1"), Verdict::Ok),
            (200, Some("us-east-1"), Verdict::Ok),
            (200, None, Verdict::Ok),
            (403, None, Verdict::Ok),
            (403, Some("eu-west-1"), Verdict::Ok),
            (301, Some("us-east-1"), Verdict::Failure),
            (400, Some("us-east-1"), Verdict::Failure),
        ] {
            let greeting = ProbeResponse {
                status,
                region: told.map(str::to_owned),
                clocks: None,
            };
            let finding = configured("eu-west-1", &greeting);
            assert_eq!(finding.verdict, verdict, "{status} {told:?}");
            if verdict == Verdict::Failure {
                let remedy = finding.remedy.unwrap().text;
                assert!(remedy.contains("region = \"us-east-1\""), "{remedy}");
            }
        }
    }
}
