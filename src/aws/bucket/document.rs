//! Decodes the small XML documents of S3: errors, and the location of a bucket.
//!
//! `error` classifies the error documents.

use std::fmt;

use crate::aws::bucket::text;
use crate::aws::bucket::xml::{Tag, XmlError, XmlReader};

/// Maximum length of a region, in bytes.
const MAX_REGION: usize = 64;

/// The `<Error>` document with which S3 refuses a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorDocument {
    /// The error code, such as `SlowDown`. Empty if there is none.
    pub code: String,
    /// The explanation for people. Empty if there is none.
    pub message: String,
    /// The region of the bucket. Some errors name it.
    pub region: Option<String>,
}

impl ErrorDocument {
    /// Decodes a body. If it is not an error document, the result is empty: a response to HEAD has no
    /// body, and a proxy may answer in HTML.
    pub(super) fn from_body(body: &[u8]) -> Self {
        let mut xml = XmlReader::new(body);
        match xml.root() {
            Ok(Tag::Open(b"Error")) => Self::read(&mut xml).unwrap_or_default(),
            _ => Self::default(),
        }
    }

    /// Reads the rest of the document after the opening tag `<Error>`.
    pub(super) fn read(xml: &mut XmlReader<'_>) -> Result<Self, XmlError> {
        let mut error = Self::default();
        loop {
            match xml.tag()? {
                Tag::Open(name @ b"Code") => error.code = decoded_text(xml, name)?,
                Tag::Open(name @ b"Message") => error.message = decoded_text(xml, name)?,
                Tag::Open(name @ b"Region") => error.region = Some(decoded_text(xml, name)?),
                Tag::Open(name) => xml.skip(name)?,
                Tag::Empty(_) => {}
                Tag::Close(b"Error") => break,
                Tag::Close(_) => return Err(xml.error("a closing tag without its opening tag")),
            }
        }
        xml.end()?;
        error.region = error.region.filter(|region| is_region(region));
        Ok(error)
    }
}

impl fmt::Display for ErrorDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code.as_str(), self.message.as_str()) {
            ("", "") => f.write_str("no error document"),
            ("", text) | (text, "") => f.write_str(text),
            (code, message) => write!(f, "{code}: {message}"),
        }
    }
}

/// Decodes the response to GetBucketLocation.
///
/// An empty location means `us-east-1`, and `EU` means `eu-west-1`.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html>
pub(super) fn bucket_location(body: &[u8]) -> Result<String, XmlError> {
    let mut xml = XmlReader::new(body);
    let location = match xml.root()? {
        Tag::Empty(b"LocationConstraint") => String::new(),
        Tag::Open(name @ b"LocationConstraint") => decoded_text(&mut xml, name)?,
        _ => return Err(xml.error("the root element is not LocationConstraint")),
    };
    xml.end()?;
    Ok(match location.as_str() {
        "" => "us-east-1".to_owned(),
        "EU" => "eu-west-1".to_owned(),
        _ if is_region(&location) => location,
        _ => return Err(xml.error("a location that is not a region")),
    })
}

/// Whether the text can be a region. A store could send anything, and the region becomes part of a host and of
/// messages.
pub(super) fn is_region(text: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (1..=MAX_REGION).contains(&text.len()) && text.chars().all(is_allowed)
}

fn decoded_text(xml: &mut XmlReader<'_>, name: &[u8]) -> Result<String, XmlError> {
    let raw = xml.text(name)?;
    text::decode(raw.bytes.trim_ascii(), false).map_err(|problem| raw.error(problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_error_documents_and_nothing_else() {
        let error = ErrorDocument::from_body(
            b"<?xml version=\"1.0\"?>\n<Error><Code>AuthorizationHeaderMalformed</Code>\
              <Message>expecting &apos;eu-west-1&apos;</Message><Region>eu-west-1</Region>\
              <RequestId>1</RequestId><HostId/></Error>",
        );
        assert_eq!(
            error.to_string(),
            "AuthorizationHeaderMalformed: expecting 'eu-west-1'"
        );
        assert_eq!(error.region.as_deref(), Some("eu-west-1"));
        for body in [
            "",
            "<html><body>Bad Gateway</body></html>",
            "<Error><Code>SlowDown</Code>",
            "<Error/>",
        ] {
            let error = ErrorDocument::from_body(body.as_bytes());
            assert_eq!(error, ErrorDocument::default(), "{body}");
        }
    }

    #[test]
    fn decodes_locations() {
        for (body, want) in [
            ("<LocationConstraint xmlns=\"http://x/\"/>", "us-east-1"),
            ("<LocationConstraint></LocationConstraint>", "us-east-1"),
            ("<LocationConstraint>EU</LocationConstraint>", "eu-west-1"),
            (
                "<LocationConstraint>ap-south-1</LocationConstraint>\n",
                "ap-south-1",
            ),
        ] {
            assert_eq!(bucket_location(body.as_bytes()).unwrap(), want, "{body}");
        }
        let long = format!(
            "<LocationConstraint>{}</LocationConstraint>",
            "x".repeat(65)
        );
        let host = "<LocationConstraint>evil.example/</LocationConstraint>";
        for body in ["", "<Other/>", "<LocationConstraint>EU", host, &long] {
            assert!(bucket_location(body.as_bytes()).is_err(), "{body}");
        }
    }
}
