//! Builds the ARNs of buckets and queues from a configuration, and escapes text for policies.

use super::partition::{self, Partitions};
use crate::core::source::{EndpointOrder, Events, Source, queue_url};

/// The wildcard for an unknown part of an ARN.
const ANY: &str = "*";

/// The region of a bucket, if the configuration shows it.
pub(crate) fn bucket_region(source: &Source) -> Option<String> {
    match source.endpoint_order {
        EndpointOrder::ExternalFirst => Some("us-east-1".to_owned()),
        EndpointOrder::Standard => source.region.clone(),
    }
}

/// Whether the text is the ARN of a KMS key. The ARN of an alias has no effect in a policy.
pub(crate) fn is_kms_key(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let ["arn", partition, "kms", region, account, resource] = parts[..] else {
        return false;
    };
    let is_named = |part: &str| !part.is_empty() && !part.contains(char::is_whitespace);
    let id = resource.strip_prefix("key/").unwrap_or_default();
    partition.starts_with("aws") && [region, account, id].into_iter().all(is_named)
}

/// The ARN of the bucket of a Source.
pub(crate) fn bucket(source: &Source, partitions: &Partitions) -> String {
    format!("arn:{}:s3:::{}", partitions.of(source), source.bucket)
}

/// The ARN of the queue of a Source.
pub(crate) fn queue(events: &Events, source: &Source, partitions: &Partitions) -> String {
    let region = super::queue_region(events, source);
    let partition = region.as_deref().map(partition::of_region);
    format!(
        "arn:{}:sqs:{}:{}:{}",
        partition.unwrap_or_else(|| partitions.of(source)),
        region.as_deref().unwrap_or(ANY),
        queue_url::account(&events.queue_url).unwrap_or(ANY),
        literal(queue_url::name(&events.queue_url))
    )
}

/// Escapes text for a resource or a condition with wildcards, so that it matches itself.
///
/// A policy can contain only the printable characters of Latin-1. A `*` replaces each run of other characters, so
/// the pattern matches the text, and possibly more.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>
pub(crate) fn literal(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '*' | '?' | '$' => pattern.extend(['$', '{', c, '}']),
            c if can_appear_in_policy(c) => pattern.push(c),
            _ if pattern.ends_with('*') => {}
            _ => pattern.push('*'),
        }
    }
    pattern
}

/// Whether a policy can contain the character.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutUserPolicy.html>
pub(crate) fn can_appear_in_policy(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{A1}'..='\u{FF}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Whether `StringLike` of IAM matches the text.
    fn matches_pattern(pattern: &str, text: &str) -> bool {
        let literal = ["${*}", "${?}", "${$}"].map(|it| (it, &it[2..3]));
        let literal = literal.into_iter().find(|(it, _)| pattern.starts_with(it));
        let (own, rest) = match (literal, pattern.chars().next()) {
            (Some((variable, character)), _) => (character, &pattern[variable.len()..]),
            (None, None) => return text.is_empty(),
            (None, Some('*')) => {
                let mut ends = text.char_indices().map(|(end, _)| end);
                return ends.any(|end| matches_pattern(&pattern[1..], &text[end..]))
                    || matches_pattern(&pattern[1..], "");
            }
            (None, Some(c)) => pattern.split_at(c.len_utf8()),
        };
        text.strip_prefix(own)
            .is_some_and(|text| matches_pattern(rest, text))
    }

    proptest! {
        #[test]
        fn literal_matches_only_its_text(
            text in "[*?${}a/ é写]{0,8}",
            other in "[*?${}a/ é写]{0,8}",
        ) {
            let pattern = literal(&text);
            prop_assert!(matches_pattern(&pattern, &text), "{}", pattern);
            if text.chars().all(can_appear_in_policy) {
                prop_assert_eq!(matches_pattern(&pattern, &other), text == other, "{}", pattern);
            }
        }
    }

    #[test]
    fn recognizes_arns_of_kms_keys() {
        for (text, want) in [
            ("arn:aws:kms:eu-west-1:123456789012:key/0f7e1b0a", true),
            ("arn:aws-cn:kms:cn-north-1:123456789012:key/mrk-0f7e", true),
            ("arn:aws:kms:eu-west-1:123456789012:alias/queues", false),
            ("arn:aws:kms:eu-west-1:123456789012:key/", false),
            ("arn:aws:kms::123456789012:key/0f7e1b0a", false),
            ("arn:aws:sqs:eu-west-1:123456789012:key/0f7e1b0a", false),
            ("alias/aws/sqs", false),
            ("0f7e1b0a-1111-2222-3333-444455556666", false),
            ("", false),
        ] {
            assert_eq!(is_kms_key(text), want, "{text}");
        }
    }

    #[test]
    fn escapes_wildcards_and_variables() {
        for (text, want) in [
            ("a b/c+d", "a b/c+d"),
            ("50%*/?", "50%${*}/${?}"),
            ("${aws:username}/", "${$}{aws:username}/"),
            ("a\"b\\c", "a\"b\\c"),
            ("é/", "é/"),
            ("写真/a", "*/a"),
            ("a\tb\u{1F600}写", "a*b*"),
            ("*写", "${*}*"),
        ] {
            assert_eq!(literal(text), want, "{text}");
        }
    }

    #[test]
    fn unknown_parts_of_a_queue_arn_are_wildcards() {
        let aws = "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/events";
        for (url, region, bucket_region, want) in [
            (
                aws,
                None,
                None,
                "arn:aws-cn:sqs:cn-north-1:123456789012:events",
            ),
            (
                aws,
                Some("eu-west-1"),
                None,
                "arn:aws:sqs:eu-west-1:123456789012:events",
            ),
            (
                "http://127.0.0.1:1/000000000000/q",
                None,
                Some("r"),
                "arn:aws:sqs:r:000000000000:q",
            ),
            ("http://127.0.0.1:1/q", None, None, "arn:aws:sqs:*:*:q"),
        ] {
            let events = Events {
                queue_url: url.to_owned(),
                region: region.map(str::to_owned),
                credentials: Default::default(),
            };
            let mut source = Source::new("s", "b", "s");
            source.region = bucket_region.map(str::to_owned);
            assert_eq!(
                queue(&events, &source, &Partitions::default()),
                want,
                "{url}"
            );
        }
    }
}
