//! The partition of AWS that a Source is in: `aws`, or that of China, GovCloud and other separate parts of AWS.
//!
//! ARNs name the partition. Nothing else about a bucket does, so this module looks for a region.

use std::collections::BTreeMap;

use super::queue_region;
use crate::core::source::{Credentials, EndpointOrder, Source, aws_host};

/// The partition if nothing shows another one.
const DEFAULT: &str = "aws";

/// The prefixes of the regions of each partition. All other regions are in the partition `aws`.
/// <https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html>
const PARTITIONS: [(&str, &str); 7] = [
    ("cn-", "aws-cn"),
    ("us-gov-", "aws-us-gov"),
    ("us-iso-", "aws-iso"),
    ("us-isob-", "aws-iso-b"),
    ("eu-isoe-", "aws-iso-e"),
    ("us-isof-", "aws-iso-f"),
    ("eusc-", "aws-eusc"),
];

/// The partition of a region. An unknown region is in `aws`.
pub(crate) fn of_region(region: &str) -> &'static str {
    let found = PARTITIONS
        .iter()
        .find(|(begin, _)| region.starts_with(begin));
    found.map_or(DEFAULT, |(_, partition)| partition)
}

/// The partitions of Sources.
#[derive(Clone, Debug, Default)]
pub(crate) struct Partitions {
    /// The region of the environment, by the name of the Source.
    environment: BTreeMap<String, String>,
}

impl Partitions {
    /// Uses this region of the environment if the configuration of the Source does not show its partition.
    pub(crate) fn set_environment_region(&mut self, source: &Source, region: String) {
        self.environment.insert(source.name.clone(), region);
    }

    /// The partition of the Source.
    pub(crate) fn of(&self, source: &Source) -> &'static str {
        self.known(source).unwrap_or(DEFAULT)
    }

    /// Whether the partition of the Source is only assumed. For stores other than AWS it does not matter.
    pub(crate) fn is_assumed(&self, source: &Source) -> bool {
        source.non_aws_store().is_none() && self.known(source).is_none()
    }

    fn known(&self, source: &Source) -> Option<&'static str> {
        let environment = self.environment.get(&source.name);
        configured(source).or_else(|| environment.map(|region| of_region(region)))
    }
}

/// The partition that the configuration of the Source shows. The queue and roles show it too, because events and
/// credentials do not cross partitions.
pub(crate) fn configured(source: &Source) -> Option<&'static str> {
    let events = source.events.as_ref();
    let region = match source.endpoint_order {
        EndpointOrder::ExternalFirst => Some("us-east-1".to_owned()),
        EndpointOrder::Standard => source.region.clone(),
    };
    let region = region.or_else(|| queue_region(events?, source));
    region
        .map(|region| of_region(&region))
        .or_else(|| of_endpoint(source.endpoint_url.as_deref()?))
        .or_else(|| of_role(&source.credentials))
        .or_else(|| of_role(&events?.credentials))
}

/// The partition of an endpoint of AWS. One of the labels of its host is the region.
fn of_endpoint(url: &str) -> Option<&'static str> {
    let name = aws_host::name(url)?;
    let region = name.split('.').find(|label| is_region(label))?;
    Some(of_region(region))
}

/// Whether the text has the form of a region, such as `eu-west-1`.
fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let is_word = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    match &parts[..] {
        [words @ .., number] if words.len() >= 2 => {
            words.iter().all(is_word) && number.parse::<u8>().is_ok()
        }
        _ => false,
    }
}

/// The partition in the ARN of a role.
fn of_role(credentials: &Credentials) -> Option<&'static str> {
    let Credentials::AssumeRole { role_arn, .. } = credentials else {
        return None;
    };
    let written = role_arn.split(':').nth(1)?;
    let all = PARTITIONS.iter().map(|(_, partition)| *partition);
    all.chain([DEFAULT]).find(|&partition| partition == written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::source::Events;

    #[test]
    fn maps_regions_to_partitions() {
        for (region, want) in [
            ("eu-west-1", "aws"),
            ("us-east-1", "aws"),
            ("cn-north-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eusc-de-east-1", "aws-eusc"),
        ] {
            assert_eq!(of_region(region), want, "{region}");
        }
    }

    #[test]
    fn region_queue_endpoint_and_role_show_the_partition() {
        let queue = "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/events";
        let local = "http://127.0.0.1:1/1/q";
        let vpc = "https://bucket.vpce-0f-1a.s3.us-gov-west-1.vpce.amazonaws.com";
        let role = "arn:aws-us-gov:iam::123456789012:role/r";
        for (region, queue_url, endpoint, role, want) in [
            (Some("us-gov-west-1"), None, None, None, Some("aws-us-gov")),
            (Some("cn-north-1"), Some(queue), None, None, Some("aws-cn")),
            (None, Some(queue), None, Some(role), Some("aws-cn")),
            (None, None, Some(vpc), None, Some("aws-us-gov")),
            (None, Some(local), None, Some(role), Some("aws-us-gov")),
            (None, Some(local), None, None, None),
            (None, None, None, None, None),
        ] {
            let mut source = Source::new("s", "b", "s");
            source.region = region.map(str::to_owned);
            source.endpoint_url = endpoint.map(str::to_owned);
            let credentials = match role {
                Some(role) => Credentials::AssumeRole {
                    role_arn: role.to_owned(),
                    external_id: None,
                },
                None => Credentials::DefaultChain,
            };
            source.events = queue_url.map(|url| Events {
                queue_url: url.to_owned(),
                region: None,
                credentials,
            });
            assert_eq!(configured(&source), want, "{source:?}");
        }
    }

    #[test]
    fn environment_counts_only_if_the_configuration_shows_nothing() {
        let unknown = Source::new("a", "b", "s");
        let mut partitions = Partitions::default();
        assert_eq!(partitions.of(&unknown), "aws");
        assert!(partitions.is_assumed(&unknown));
        partitions.set_environment_region(&unknown, "cn-northwest-1".to_owned());
        assert_eq!(partitions.of(&unknown), "aws-cn");
        assert!(!partitions.is_assumed(&unknown));
        let known = Source {
            region: Some("eu-west-1".to_owned()),
            ..unknown.clone()
        };
        assert_eq!(partitions.of(&known), "aws");
        let elsewhere = Source {
            endpoint_url: Some("http://127.0.0.1:1".to_owned()),
            ..Source::new("other", "b", "s")
        };
        assert!(!partitions.is_assumed(&elsewhere));
    }
}
