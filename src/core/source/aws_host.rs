//! Recognizes hosts of AWS: endpoints of Regions, including FIPS, dual-stack and VPC endpoints.
//!
//! It does not interpret the rest of the host name. Callers do.

/// Endings of AWS host names, in all partitions.
/// <https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html>
const ENDINGS: [&str; 14] = [
    ".amazonaws.com",
    ".api.aws",
    ".amazonaws.com.cn",
    ".api.amazonwebservices.com.cn",
    ".amazonaws.eu",
    ".api.amazonwebservices.eu",
    ".c2s.ic.gov",
    ".api.aws.ic.gov",
    ".sc2s.sgov.gov",
    ".api.aws.scloud",
    ".cloud.adc-e.uk",
    ".api.cloud-aws.adc-e.uk",
    ".csp.hci.ic.gov",
    ".api.aws.hci.ic.gov",
];

/// The host of a URL without its AWS ending, in lower case. `None` if it is not a host of AWS.
pub fn name(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let host = rest.split(['/', ':']).next()?.to_ascii_lowercase();
    // A dot at the end means the same host.
    let host = host.strip_suffix('.').unwrap_or(&host);
    let name = ENDINGS
        .iter()
        .find_map(|ending| host.strip_suffix(ending))?;
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognizes_aws_hosts_by_their_ending() {
        for (url, want) in [
            (
                "https://s3.dualstack.eu-west-1.amazonaws.com",
                Some("s3.dualstack.eu-west-1"),
            ),
            (
                "https://S3-FIPS.us-gov-west-1.amazonaws.com:443/",
                Some("s3-fips.us-gov-west-1"),
            ),
            (
                "https://bucket.vpce-0f-1a.s3.eu-west-1.vpce.amazonaws.com",
                Some("bucket.vpce-0f-1a.s3.eu-west-1.vpce"),
            ),
            (
                "https://s3.eusc-de-east-1.amazonaws.eu",
                Some("s3.eusc-de-east-1"),
            ),
            (
                "https://s3.us-iso-east-1.c2s.ic.gov",
                Some("s3.us-iso-east-1"),
            ),
            ("https://s3.eu-west-1.amazonaws.com.example.org", None),
            ("https://minio.example.org/amazonaws.com", None),
            ("http://127.0.0.1:9000", None),
            ("s3.eu-west-1.amazonaws.com", None),
        ] {
            assert_eq!(name(url).as_deref(), want, "{url}");
        }
    }
}
