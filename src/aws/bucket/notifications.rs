//! Decodes the response to GetBucketNotificationConfiguration: which events a bucket sends, and where.
//!
//! This module does not decide whether that is enough for a Source: `doctor` does.

use crate::aws::bucket::text;
use crate::aws::bucket::xml::{Tag, XmlError, XmlReader};

/// The maximum number of rules that are read. AWS allows 100.
const MAX_RULES: usize = 1000;

/// The event notifications that a bucket sends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotificationConfiguration {
    /// The rules, in the order of the response.
    pub rules: Vec<NotificationRule>,
    /// Whether all events also go to EventBridge.
    pub event_bridge: bool,
}

/// One rule: which events go to which target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotificationRule {
    /// Where the events go.
    pub target: NotificationTarget,
    /// The event types, such as `s3:ObjectCreated:*`.
    pub events: Vec<String>,
    /// The prefix of the keys. Usually empty.
    pub prefix: String,
    /// The suffix of the keys. Usually empty.
    pub suffix: String,
}

/// The target of events, by its ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotificationTarget {
    /// An SQS queue.
    Queue(String),
    /// An SNS topic.
    Topic(String),
    /// A Lambda function.
    Function(String),
}

impl NotificationTarget {
    /// The ARN.
    pub fn arn(&self) -> &str {
        match self {
            Self::Queue(arn) | Self::Topic(arn) | Self::Function(arn) => arn,
        }
    }
}

impl NotificationConfiguration {
    /// Decodes the response.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketNotificationConfiguration.html>
    pub(super) fn from_body(body: &[u8]) -> Result<Self, XmlError> {
        let mut xml = XmlReader::new(body);
        let mut configuration = Self::default();
        match xml.root()? {
            Tag::Empty(b"NotificationConfiguration") => return xml.end().map(|()| configuration),
            Tag::Open(b"NotificationConfiguration") => {}
            _ => return Err(xml.error("the root element is not NotificationConfiguration")),
        }
        loop {
            match xml.tag()? {
                Tag::Open(
                    name @ (b"QueueConfiguration"
                    | b"TopicConfiguration"
                    | b"CloudFunctionConfiguration"),
                ) => {
                    if configuration.rules.len() == MAX_RULES {
                        return Err(xml.error("more rules than a bucket can have"));
                    }
                    configuration.rules.push(rule(&mut xml, name)?);
                }
                Tag::Open(name @ b"EventBridgeConfiguration") => {
                    configuration.event_bridge = true;
                    xml.skip(name)?;
                }
                Tag::Empty(b"EventBridgeConfiguration") => configuration.event_bridge = true,
                Tag::Open(name) => xml.skip(name)?,
                Tag::Empty(_) => {}
                Tag::Close(b"NotificationConfiguration") => {
                    return xml.end().map(|()| configuration);
                }
                Tag::Close(_) => return Err(xml.error("a closing tag without its opening tag")),
            }
        }
    }
}

/// Reads one rule, from after its opening tag to its closing tag.
fn rule(xml: &mut XmlReader<'_>, element: &[u8]) -> Result<NotificationRule, XmlError> {
    let mut target = None;
    let (mut events, mut prefix, mut suffix) = (Vec::new(), String::new(), String::new());
    loop {
        match xml.tag()? {
            Tag::Open(name @ b"Queue") => {
                target = Some(NotificationTarget::Queue(decoded(xml, name)?))
            }
            Tag::Open(name @ b"Topic") => {
                target = Some(NotificationTarget::Topic(decoded(xml, name)?))
            }
            Tag::Open(name @ b"CloudFunction") => {
                target = Some(NotificationTarget::Function(decoded(xml, name)?));
            }
            Tag::Open(name @ b"Event") => events.push(decoded(xml, name)?),
            // FilterRule elements are two levels deeper, and no other element has their name.
            Tag::Open(b"Filter" | b"S3Key") | Tag::Close(b"Filter" | b"S3Key") => {}
            Tag::Open(b"FilterRule") => match filter(xml)? {
                (name, value) if name.eq_ignore_ascii_case("prefix") => prefix = value,
                (name, value) if name.eq_ignore_ascii_case("suffix") => suffix = value,
                (name, _) => return Err(xml.error(format!("an unknown filter {name:?}"))),
            },
            Tag::Open(name) => xml.skip(name)?,
            Tag::Empty(_) => {}
            Tag::Close(name) if name == element => break,
            Tag::Close(_) => return Err(xml.error("a closing tag without its opening tag")),
        }
    }
    let target = target.ok_or_else(|| xml.error("a rule without a target"))?;
    Ok(NotificationRule {
        target,
        events,
        prefix,
        suffix,
    })
}

/// Reads the name and the value of a filter rule, from after its opening tag to its closing tag.
fn filter(xml: &mut XmlReader<'_>) -> Result<(String, String), XmlError> {
    let (mut name, mut value) = (String::new(), String::new());
    loop {
        match xml.tag()? {
            Tag::Open(element @ b"Name") => name = decoded(xml, element)?,
            // White space at the start or end belongs to the value.
            Tag::Open(element @ b"Value") => {
                let raw = xml.text(element)?;
                value = text::decode(raw.bytes, false).map_err(|problem| raw.error(problem))?;
            }
            Tag::Open(element) => xml.skip(element)?,
            Tag::Empty(_) => {}
            Tag::Close(b"FilterRule") => return Ok((name, value)),
            Tag::Close(_) => return Err(xml.error("a closing tag without its opening tag")),
        }
    }
}

fn decoded(xml: &mut XmlReader<'_>, name: &[u8]) -> Result<String, XmlError> {
    let raw = xml.text(name)?;
    text::decode(raw.bytes.trim_ascii(), false).map_err(|problem| raw.error(problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(inside: &str) -> Result<NotificationConfiguration, String> {
        let body = format!(
            "<?xml version=\"1.0\"?>\n<NotificationConfiguration xmlns=\"http://x/\">{inside}\
             </NotificationConfiguration>"
        );
        NotificationConfiguration::from_body(body.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn decodes_targets_events_and_filters() {
        let read = read(
            "<QueueConfiguration><Id>a</Id><Queue>arn:q</Queue><Event>s3:ObjectCreated:*</Event>\
             <Event>s3:ObjectRemoved:*</Event><Filter><S3Key><FilterRule><Name>prefix</Name>\
             <Value>a &amp; b/</Value></FilterRule><FilterRule><Name>Suffix</Name><Value>.jpg \
             </Value></FilterRule></S3Key></Filter></QueueConfiguration>\n\
             <TopicConfiguration><Topic>arn:t</Topic><Event>s3:*</Event></TopicConfiguration>\
             <CloudFunctionConfiguration><CloudFunction>arn:f</CloudFunction>\
             </CloudFunctionConfiguration><EventBridgeConfiguration/>",
        )
        .unwrap();
        let rule = |target, events: &[&str], prefix: &str, suffix: &str| NotificationRule {
            target,
            events: events.iter().map(|&event| event.to_owned()).collect(),
            prefix: prefix.to_owned(),
            suffix: suffix.to_owned(),
        };
        let created_and_removed = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"];
        let rules = vec![
            rule(
                NotificationTarget::Queue("arn:q".into()),
                &created_and_removed,
                "a & b/",
                ".jpg ",
            ),
            rule(NotificationTarget::Topic("arn:t".into()), &["s3:*"], "", ""),
            rule(NotificationTarget::Function("arn:f".into()), &[], "", ""),
        ];
        assert!(read.event_bridge);
        assert_eq!(read.rules, rules);
        let arns = read.rules.iter().map(|rule| rule.target.arn());
        assert_eq!(arns.collect::<Vec<_>>(), ["arn:q", "arn:t", "arn:f"]);
    }

    #[test]
    fn decodes_a_configuration_without_rules() {
        for body in [
            "<NotificationConfiguration/>",
            "<NotificationConfiguration xmlns=\"http://x/\"></NotificationConfiguration>",
            "<NotificationConfiguration><Else>1</Else></NotificationConfiguration>",
        ] {
            let read = NotificationConfiguration::from_body(body.as_bytes());
            assert_eq!(read, Ok(NotificationConfiguration::default()), "{body}");
        }
        let bridge = "<EventBridgeConfiguration></EventBridgeConfiguration>";
        assert!(read(bridge).unwrap().event_bridge);
    }

    #[test]
    fn rejects_invalid_rules() {
        let filter = "<FilterRule><Name>color</Name><Value>red</Value></FilterRule>";
        for (inside, expected) in [
            (
                "<QueueConfiguration></QueueConfiguration>",
                "without a target",
            ),
            (&*format!("<QueueConfiguration>{filter}"), "\"color\""),
            ("<QueueConfiguration><Queue>arn</Queue>", "closing tag"),
            ("<QueueConfiguration>", "closing tag"),
        ] {
            let error = read(inside).unwrap_err();
            assert!(error.contains(expected), "{inside}: {error}");
        }
        assert!(NotificationConfiguration::from_body(b"<html/>").is_err());
        assert!(NotificationConfiguration::from_body(b"<NotificationConfiguration>").is_err());
    }
}
