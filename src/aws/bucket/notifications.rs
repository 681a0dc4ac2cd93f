//! What a bucket sends events of, and where to: the answer to GetBucketNotificationConfiguration.
//!
//! Whether that is enough for a Source is not decided here.

use crate::aws::bucket::text;
use crate::aws::bucket::xml::{Tag, XmlError, XmlReader};

/// The most rules that are read; AWS allows 100.
const MAX_RULES: usize = 1000;

/// Where the events of a bucket go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotificationConfiguration {
    /// In the order of the answer.
    pub rules: Vec<NotificationRule>,
    /// Whether all events go to EventBridge besides.
    pub event_bridge: bool,
}

/// Events that go to one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotificationRule {
    /// Where they go.
    pub target: NotificationTarget,
    /// Such as `s3:ObjectCreated:*`.
    pub events: Vec<String>,
    /// What the keys begin with; mostly empty.
    pub prefix: String,
    /// What the keys end in; mostly empty.
    pub suffix: String,
}

/// What events are sent to, by its ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotificationTarget {
    /// A queue.
    Queue(String),
    /// A topic of SNS.
    Topic(String),
    /// A function of Lambda.
    Function(String),
}

impl NotificationTarget {
    /// Its ARN.
    pub fn arn(&self) -> &str {
        match self {
            Self::Queue(arn) | Self::Topic(arn) | Self::Function(arn) => arn,
        }
    }
}

impl NotificationConfiguration {
    /// Reads the answer.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketNotificationConfiguration.html>
    pub(super) fn of_body(body: &[u8]) -> Result<Self, XmlError> {
        let mut xml = XmlReader::new(body);
        let mut found = Self::default();
        match xml.root()? {
            Tag::Empty(b"NotificationConfiguration") => return xml.end().map(|()| found),
            Tag::Open(b"NotificationConfiguration") => {}
            _ => return Err(xml.error("something other than NotificationConfiguration")),
        }
        loop {
            match xml.tag()? {
                Tag::Open(
                    name @ (b"QueueConfiguration"
                    | b"TopicConfiguration"
                    | b"CloudFunctionConfiguration"),
                ) => {
                    if found.rules.len() == MAX_RULES {
                        return Err(xml.error("more notifications than a bucket can have"));
                    }
                    found.rules.push(rule(&mut xml, name)?);
                }
                Tag::Open(name @ b"EventBridgeConfiguration") => {
                    found.event_bridge = true;
                    xml.skip(name)?;
                }
                Tag::Empty(b"EventBridgeConfiguration") => found.event_bridge = true,
                Tag::Open(name) => xml.skip(name)?,
                Tag::Empty(_) => {}
                Tag::Close(b"NotificationConfiguration") => return xml.end().map(|()| found),
                Tag::Close(_) => return Err(xml.error("a closing tag without its opening tag")),
            }
        }
    }
}

/// What is in the element just opened, whose closing tag is taken too.
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
            // The rules of a filter stand two elements deeper, and nothing else has their name.
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
    let target = target.ok_or_else(|| xml.error("a notification that goes nowhere"))?;
    Ok(NotificationRule {
        target,
        events,
        prefix,
        suffix,
    })
}

/// Name and value of the filter rule just opened.
fn filter(xml: &mut XmlReader<'_>) -> Result<(String, String), XmlError> {
    let (mut name, mut value) = (String::new(), String::new());
    loop {
        match xml.tag()? {
            Tag::Open(element @ b"Name") => name = decoded(xml, element)?,
            // What white space a key begins or ends with belongs to it.
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
        NotificationConfiguration::of_body(body.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn each_target_is_read_with_its_events_and_its_filter() {
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
    fn a_bucket_without_notifications_has_none() {
        for body in [
            "<NotificationConfiguration/>",
            "<NotificationConfiguration xmlns=\"http://x/\"></NotificationConfiguration>",
            "<NotificationConfiguration><Else>1</Else></NotificationConfiguration>",
        ] {
            let read = NotificationConfiguration::of_body(body.as_bytes());
            assert_eq!(read, Ok(NotificationConfiguration::default()), "{body}");
        }
        let bridge = "<EventBridgeConfiguration></EventBridgeConfiguration>";
        assert!(read(bridge).unwrap().event_bridge);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let filter = "<FilterRule><Name>colour</Name><Value>red</Value></FilterRule>";
        for (inside, error) in [
            ("<QueueConfiguration></QueueConfiguration>", "goes nowhere"),
            (&*format!("<QueueConfiguration>{filter}"), "\"colour\""),
            ("<QueueConfiguration><Queue>arn</Queue>", "closing tag"),
            ("<QueueConfiguration>", "closing tag"),
        ] {
            let refused = read(inside).unwrap_err();
            assert!(refused.contains(error), "{inside}: {refused}");
        }
        assert!(NotificationConfiguration::of_body(b"<html/>").is_err());
        assert!(NotificationConfiguration::of_body(b"<NotificationConfiguration>").is_err());
    }
}
