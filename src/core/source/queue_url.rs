//! What the address of a queue tells: its name, its account, and its Region if it is an address of AWS.
//!
//! What is taken where the address does not tell is decided by those who ask.

use super::aws_host;

/// The Region in the host of a queue's address; `None` where the host is not AWS's.
/// <https://docs.aws.amazon.com/general/latest/gr/sqs-service.html>
pub fn region(url: &str) -> Option<String> {
    let name = aws_host::name(url)?;
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

/// The queue's name: the last part of the address.
pub fn name(url: &str) -> &str {
    url.rsplit_once('/').map_or(url, |(_, name)| name)
}

/// The account that the address names before the queue's name.
pub fn account(url: &str) -> Option<&str> {
    let (before, _) = url.rsplit_once('/')?;
    Some(name(before)).filter(|id| id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit()))
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
                "https://sqs.eusc-de-east-1.amazonaws.eu/1/q",
                Some("eusc-de-east-1"),
            ),
            (
                "https://sqs.us-iso-east-1.c2s.ic.gov/1/q",
                Some("us-iso-east-1"),
            ),
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
            assert_eq!(region(url).as_deref(), want, "{url}");
        }
    }

    #[test]
    fn name_and_account_are_the_ends_of_the_path() {
        for (url, want) in [
            (
                "https://sqs.eu-west-1.amazonaws.com/123456789012/q",
                (Some("123456789012"), "q"),
            ),
            (
                "http://127.0.0.1:4566/000000000000/q",
                (Some("000000000000"), "q"),
            ),
            ("http://127.0.0.1:4566/queue/q", (None, "q")),
            ("http://127.0.0.1:4566/q", (None, "q")),
            ("q", (None, "q")),
        ] {
            assert_eq!((account(url), name(url)), want, "{url}");
        }
    }
}
