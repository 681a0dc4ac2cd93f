//! The Region that a queue's address names, if it is an address of AWS.
//!
//! What is taken where the address names none is decided in `sqs`.

/// Endings of AWS's own host names.
const ENDINGS: [&str; 4] = [
    ".amazonaws.com",
    ".amazonaws.com.cn",
    ".api.aws",
    ".api.amazonwebservices.com.cn",
];

/// The Region in the host of a queue's address; `None` where the host is not AWS's.
/// <https://docs.aws.amazon.com/general/latest/gr/sqs-service.html>
pub(super) fn of_url(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let host = rest.split(['/', ':']).next()?.to_ascii_lowercase();
    let name = ENDINGS
        .iter()
        .find_map(|ending| host.strip_suffix(ending))?;
    let labels: Vec<&str> = name.split('.').collect();
    let region = match labels[..] {
        ["sqs" | "sqs-fips", region] => region,
        [.., "sqs", region, "vpce"] => region,
        [region, "queue"] => region,
        // The oldest of them, from when there was one Region.
        ["queue"] => "us-east-1",
        _ => return None,
    };
    Some(region.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_is_read_from_addresses_of_aws_alone() {
        for (url, want) in [
            ("https://sqs.eu-west-1.amazonaws.com/1/q", Some("eu-west-1")),
            ("https://SQS.EU-West-1.amazonaws.com/1/q", Some("eu-west-1")),
            (
                "https://sqs.eu-west-1.amazonaws.com:443/1/q",
                Some("eu-west-1"),
            ),
            (
                "https://sqs.cn-north-1.amazonaws.com.cn/1/q",
                Some("cn-north-1"),
            ),
            (
                "https://sqs-fips.us-gov-west-1.amazonaws.com/1/q",
                Some("us-gov-west-1"),
            ),
            ("https://sqs.eu-central-1.api.aws/1/q", Some("eu-central-1")),
            (
                "https://eu-west-1.queue.amazonaws.com/1/q",
                Some("eu-west-1"),
            ),
            ("https://queue.amazonaws.com/1/q", Some("us-east-1")),
            (
                "https://vpce-0f-1a.sqs.eu-west-3.vpce.amazonaws.com/1/q",
                Some("eu-west-3"),
            ),
            ("http://127.0.0.1:4566/000000000000/q", None),
            (
                "http://sqs.eu-west-1.localhost.localstack.cloud:4566/1/q",
                None,
            ),
            ("https://sqs.eu-west-1.amazonaws.com.example.org/1/q", None),
            ("https://notsqs.eu-west-1.amazonaws.com/1/q", None),
            ("https://example.org/sqs.eu-west-1.amazonaws.com", None),
            ("https://amazonaws.com/1/q", None),
            ("sqs", None),
        ] {
            assert_eq!(of_url(url).as_deref(), want, "{url}");
        }
    }
}
