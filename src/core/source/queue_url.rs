//! Parses queue URLs: the name, the account, and the Region if the host belongs to AWS.
//!
//! It has no defaults for missing parts. The callers choose them.

use super::{aws_host, public_address};

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

/// The URL on AWS of the queue with this ARN. `None` if it is not the ARN of a queue.
pub fn of_arn(arn: &str) -> Option<String> {
    let parts: Vec<&str> = arn.split(':').collect();
    let ["arn", partition, "sqs", region, account, name] = parts[..] else {
        return None;
    };
    let suffix = if partition == "aws-cn" { ".cn" } else { "" };
    Some(format!(
        "https://sqs.{region}.amazonaws.com{suffix}/{account}/{name}"
    ))
}

/// Whether the host is the public endpoint of SQS in a Region. Then nobody but AWS decides what its name stands for.
pub fn is_public_endpoint(url: &str) -> bool {
    let Some(name) = aws_host::name(url) else {
        return false;
    };
    let labels: Vec<&str> = name.split('.').collect();
    matches!(
        labels[..],
        ["sqs" | "sqs-fips", _] | [_, "queue"] | ["queue"]
    )
}

/// Why the path of the URL could name a queue in a way that [`identity`] does not recognize. `None` if it cannot.
///
/// A server may decode `%71` and resolve `..`, so such a path could be another spelling of the path of any queue.
pub fn path_problem(url: &str) -> Option<&'static str> {
    let (_, path) = authority_and_path(url);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let is_name = |segment: &str| segment.chars().all(is_plain) && ![".", ".."].contains(&segment);
    let segments = segments(path);
    if !segments.iter().all(|segment| is_name(segment)) {
        Some(
            "the path of the URL must have only letters, digits, \"-\", \"_\" and \".\", and no folder \".\" or \
             \"..\"; copy the URL from the queue",
        )
    } else if region(url).is_some() && segments.len() != 2 {
        Some("the path of a queue on AWS is the account and the name; copy the URL from the queue")
    } else {
        None
    }
}

/// A text that is the same for all URLs of one queue: with another scheme, case of the host, way to write an address,
/// default port, slash at the end, or another name of the endpoint of AWS. The path must have no [`path_problem`].
///
/// It does not know which names of a server lead to the same address.
pub fn identity(url: &str) -> String {
    let (authority, path) = authority_and_path(url);
    let server = match region(url) {
        Some(region) => format!("aws {}", region.to_ascii_lowercase()),
        None => plain_authority(authority),
    };
    format!("{server}/{}", segments(path).join("/"))
}

fn authority_and_path(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split_once('/').unwrap_or((rest, ""))
}

/// The parts of a path, without empty ones.
fn segments(path: &str) -> Vec<&str> {
    path.split('/').filter(|it| !it.is_empty()).collect()
}

/// The host in lower case without a dot at its end, or its address, and the port if it is not a default one.
fn plain_authority(authority: &str) -> String {
    let lower = authority.to_ascii_lowercase();
    let (host, port) = match lower.rsplit_once(':') {
        // A colon can be a part of an IPv6 address.
        Some((host, port)) if !port.ends_with(']') => (host, port.parse::<u16>().ok()),
        _ => (lower.as_str(), None),
    };
    let host = match public_address::literal(host) {
        Some(address) => format!("[{}]", address.to_canonical()),
        None => host.strip_suffix('.').unwrap_or(host).to_owned(),
    };
    match port {
        None | Some(80 | 443) => host,
        Some(port) => format!("{host}:{port}"),
    }
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
    fn arn_of_a_queue_becomes_its_url() {
        for (arn, want) in [
            (
                "arn:aws:sqs:eu-west-1:123456789012:q",
                Some("https://sqs.eu-west-1.amazonaws.com/123456789012/q"),
            ),
            (
                "arn:aws-cn:sqs:cn-north-1:123456789012:q",
                Some("https://sqs.cn-north-1.amazonaws.com.cn/123456789012/q"),
            ),
            ("arn:aws:s3:::bucket", None),
            ("https://sqs.eu-west-1.amazonaws.com/1/q", None),
        ] {
            assert_eq!(of_arn(arn).as_deref(), want);
        }
    }

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
    fn urls_of_one_queue_have_the_same_identity() {
        let same = [
            "https://sqs.eu-west-1.amazonaws.com/1/q",
            "http://SQS.EU-West-1.amazonaws.com:443/1/q/",
            "https://eu-west-1.queue.amazonaws.com/1/q",
            "https://vpce-0f-1a.sqs.eu-west-1.vpce.amazonaws.com/1/q",
        ];
        for url in same {
            assert_eq!(identity(url), identity(same[0]), "{url}");
        }
        for (url, other) in [
            ("http://q.example/1/q", "https://Q.example:443/1/q//"),
            ("http://q.example:80/1/q", "http://q.example/1/q"),
        ] {
            assert_eq!(identity(url), identity(other), "{url}");
        }
        for other in [
            "https://sqs.eu-west-1.amazonaws.com/1/Q",
            "https://sqs.eu-west-2.amazonaws.com/1/q",
            "https://sqs.eu-west-1.example.com/1/q",
        ] {
            assert_ne!(identity(other), identity(same[0]), "{other}");
        }
    }

    #[test]
    fn only_endpoints_of_regions_are_public_endpoints() {
        for (url, want) in [
            ("https://sqs.eu-west-1.amazonaws.com/1/q", true),
            ("https://sqs-fips.us-east-1.amazonaws.com/1/q", true),
            ("https://eu-west-1.queue.amazonaws.com/1/q", true),
            ("https://queue.amazonaws.com/1/q", true),
            (
                "https://vpce-0f.sqs.eu-west-3.vpce.amazonaws.com/1/q",
                false,
            ),
            ("https://ec2-1-2-3-4.compute-1.amazonaws.com/1/q", false),
            ("https://sqs.internal/1/q", false),
        ] {
            assert_eq!(is_public_endpoint(url), want, "{url}");
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

    #[test]
    fn spellings_of_one_queue_are_the_same() {
        for (one, other) in [
            (
                "https://sqs.eu-west-1.amazonaws.com/1/q",
                "http://SQS.eu-west-1.amazonaws.com.:443/1/q/",
            ),
            (
                "https://sqs.eu-west-1.amazonaws.com/1/q",
                "https://sqs.eu-west-1.api.aws/1/q",
            ),
            ("http://queue.local/1/q", "http://queue.local.:080//1/q"),
            ("http://[::1]:9324/1/q", "https://[::1]:09324/1//q"),
            ("http://[::1]:9324/1/q", "http://[0:0:0::1]:9324/1/q"),
            ("http://127.0.0.1:9324/q", "http://127.1:9324/q"),
            ("http://127.0.0.1:9324/q", "http://2130706433:9324/q"),
            ("http://127.0.0.1:9324/q", "http://0x7F.0.0.1.:9324/q"),
            (
                "http://127.0.0.1:9324/q",
                "http://[::ffff:127.0.0.1]:9324/q",
            ),
        ] {
            assert_eq!(identity(one), identity(other), "{other}");
        }
        for other in ["http://queue.local:9324/1/q", "http://queue.local/1/Q"] {
            assert_ne!(identity("http://queue.local/1/q"), identity(other));
        }
        assert_ne!(
            identity("http://[::1:9324]/q"),
            identity("http://[::1]:9324/q")
        );
    }

    #[test]
    fn path_that_servers_could_read_as_another_one_has_a_problem() {
        for url in [
            "http://queue.local/1/%71",
            "http://queue.local/%31/q",
            "http://queue.local/1%2Fq",
            "http://queue.local/1/./q",
            "http://queue.local/x/../1/q",
            "http://queue.local/1/q/..",
            "http://queue.local/1/q;a",
            "http://queue.local/1/+q",
            "http://queue.local/1/q\u{301}",
            "https://sqs.eu-west-1.amazonaws.com/1/%71",
            "https://sqs.eu-west-1.amazonaws.com/q",
            "https://sqs.eu-west-1.amazonaws.com/x/1/q",
        ] {
            assert!(path_problem(url).is_some(), "{url}");
        }
        for url in [
            "http://queue.local",
            "http://queue.local:9324/q",
            "http://queue.local/account-1/a/b_C..fifo",
            "https://sqs.eu-west-1.amazonaws.com//123456789012/photos.fifo/",
        ] {
            assert_eq!(path_problem(url), None, "{url}");
        }
    }

    #[test]
    fn other_hosts_of_aws_are_no_endpoint() {
        for url in [
            "https://ec2-1-2-3-4.compute-1.amazonaws.com/1/q",
            "https://x.execute-api.eu-west-1.amazonaws.com/1/q",
        ] {
            assert!(!is_public_endpoint(url) && region(url).is_none(), "{url}");
        }
    }
}
