//! Checks that a response repeats its request: bucket, prefix, start and token.
//!
//! A response to another request looks like a complete page. If it counted, every key that it does not list would be
//! removed. A store need not repeat anything; whatever it repeats must be right. `MaxKeys` is not compared, because a
//! store may lower it.

use super::text;
use super::xml::{RawText, XmlError};
use crate::core::replication::listing::PageRequest;

/// The parts of its request that a response repeats. `None` if it leaves a part out.
#[derive(Debug, Default)]
pub struct Echo<'a> {
    pub(super) bucket: Option<RawText<'a>>,
    pub(super) prefix: Option<RawText<'a>>,
    pub(super) start_after: Option<RawText<'a>>,
    pub(super) token: Option<RawText<'a>>,
    pub(super) delimiter: Option<RawText<'a>>,
}

/// A difference between a response and its request. The text contains no key and no token, because it is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the response names another {0} than the request, so it does not answer this request")]
pub(super) struct WrongEcho(&'static str);

impl Echo<'_> {
    /// Compares the response with the request that was sent to the bucket.
    pub(super) fn check(&self, bucket: &str, request: &PageRequest) -> Result<(), WrongEcho> {
        let start_after = request.start_after.as_deref().unwrap_or_default();
        let token = request.token.as_ref().map_or("", |token| token.0.as_str());
        for (name, echo, sent) in [
            ("bucket", &self.bucket, bucket),
            ("prefix", &self.prefix, request.prefix.as_str()),
            ("start", &self.start_after, start_after),
            ("continuation token", &self.token, token),
            ("delimiter", &self.delimiter, ""),
        ] {
            let may_differ = match name {
                // The store may know the bucket by another name than the alias.
                "bucket" => is_alias(bucket),
                // It is not sent next to a token.
                "start" => request.token.is_some(),
                _ => false,
            };
            if !may_differ && !echo.as_ref().is_none_or(|echo| is_equal(echo, sent)) {
                return Err(WrongEcho(name));
            }
        }
        Ok(())
    }
}

/// Whether the name is that of an access point.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-naming.html>
fn is_alias(bucket: &str) -> bool {
    bucket.starts_with("arn:") || bucket.ends_with("-s3alias")
}

/// Whether the text is what was sent, with or without percent-encoding: stores disagree about which elements
/// `EncodingType` covers.
fn is_equal(echo: &RawText<'_>, sent: &str) -> bool {
    [false, true]
        .iter()
        .any(|is_encoded| text::decode(echo.bytes, *is_encoded).as_deref() == Ok(sent))
}

/// Checks that a page has as many entries as it promises.
pub(super) fn check_count(promised: &RawText<'_>, entries: usize) -> Result<(), XmlError> {
    let digits = std::str::from_utf8(promised.bytes).unwrap_or_default();
    match digits.trim().parse::<usize>() {
        Ok(count) if count == entries => Ok(()),
        Ok(count) => Err(promised.error(format!(
            "KeyCount is {count}, but there are {entries} entries"
        ))),
        Err(_) => Err(promised.error("a KeyCount that is not a number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::replication::listing::ContinuationToken;

    fn raw(text: &str) -> Option<RawText<'_>> {
        let (bytes, offset) = (text.as_bytes(), 0);
        Some(RawText { bytes, offset })
    }

    fn request(start_after: Option<&str>, token: Option<&str>) -> PageRequest {
        PageRequest {
            prefix: "a b/é&".to_owned(),
            start_after: start_after.map(str::to_owned),
            token: token.map(|token| ContinuationToken(token.to_owned())),
            max_keys: 1000,
        }
    }

    #[test]
    fn accepts_every_spelling_of_what_was_sent() {
        let nothing = Echo::default();
        nothing.check("b", &request(None, None)).unwrap();
        for prefix in ["a b/é&amp;", "a+b/%C3%A9%26", "a%20b%2F%C3%A9&amp;"] {
            let echo = Echo {
                bucket: raw("b"),
                prefix: raw(prefix),
                start_after: raw("a b/c"),
                delimiter: raw(""),
                token: raw(""),
            };
            echo.check("b", &request(Some("a b/c"), None)).unwrap();
        }
        let echo = Echo {
            token: raw("1+2/3=="),
            ..Echo::default()
        };
        echo.check("b", &request(Some("x"), Some("1+2/3==")))
            .unwrap();
    }

    #[test]
    fn refuses_every_contradiction() {
        let sent = request(Some("a b/c"), None);
        for (echo, name) in [
            (
                Echo {
                    bucket: raw("c"),
                    ..Echo::default()
                },
                "bucket",
            ),
            (
                Echo {
                    prefix: raw(""),
                    ..Echo::default()
                },
                "prefix",
            ),
            (
                Echo {
                    prefix: raw("a b/"),
                    ..Echo::default()
                },
                "prefix",
            ),
            (
                Echo {
                    start_after: raw("a b/d"),
                    ..Echo::default()
                },
                "start",
            ),
            (
                Echo {
                    token: raw("t"),
                    ..Echo::default()
                },
                "continuation token",
            ),
            (
                Echo {
                    delimiter: raw("/"),
                    ..Echo::default()
                },
                "delimiter",
            ),
        ] {
            let refused = echo.check("b", &sent).unwrap_err();
            assert!(refused.to_string().contains(name), "{refused}");
        }
    }

    #[test]
    fn accepts_the_name_behind_an_alias() {
        let echo = Echo {
            bucket: raw("bucket"),
            ..Echo::default()
        };
        for alias in ["ap-x1y2-s3alias", "arn:aws:s3:eu-west-1:1:accesspoint/ap"] {
            echo.check(alias, &request(None, None)).unwrap();
        }
        assert!(echo.check("other", &request(None, None)).is_err());
    }

    #[test]
    fn refuses_a_wrong_count() {
        check_count(&raw(" 2 ").unwrap(), 2).unwrap();
        for count in ["1", "3", "x", ""] {
            check_count(&raw(count).unwrap(), 2).unwrap_err();
        }
    }
}
