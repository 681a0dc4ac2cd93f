//! Parses queue URLs: the name, the account, and the Region if the host belongs to AWS.
//!
//! It has no defaults for missing parts. The callers choose them.

use super::aws_host;

/// The Region in the host of a queue URL. `None` if the host does not belong to AWS.
/// <https://docs.aws.amazon.com/general/latest/gr/sqs-service.html>
pub fn region(url: &str) -> Option<String> {
    let name = aws_host::name(url)?;
    let labels: Vec<&str> = name.split('.').collect();
    let region = match labels[..] {
        ["sqs" | "sqs-fips", region] => region,
        [.., "sqs", region, "vpce"] => region,
        [region, "queue"] => region,
        // The oldest URLs, from the time when there was only one Region.
        ["queue"] => "us-east-1",
        _ => return None,
    };
    Some(region.to_owned())
}

/// The name of the queue: the last path segment.
pub fn name(url: &str) -> &str {
    url.rsplit_once('/').map_or(url, |(_, name)| name)
}

/// The account id: the path segment before the name. `None` if it does not have twelve digits.
pub fn account(url: &str) -> Option<&str> {
    let (before, _) = url.rsplit_once('/')?;
    Some(name(before)).filter(|id| id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn region_comes_only_from_aws_hosts() {
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
    fn name_and_account_are_the_last_path_segments() {
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
