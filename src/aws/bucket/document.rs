//! The small documents that S3 answers beside listings: an error, and the location of a bucket.
//!
//! What an error means for the caller is decided in `error`, not here.

use std::fmt;

use crate::aws::bucket::text;
use crate::aws::bucket::xml::{Tag, XmlError, XmlReader};

/// S3's `<Error>`: what it says of a request that it refuses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorDocument {
    /// The code, such as `SlowDown`; empty where the answer has none.
    pub code: String,
    /// The sentence for people; empty where the answer has none.
    pub message: String,
    /// The region where the bucket is, which some refusals tell.
    pub region: Option<String>,
}

impl ErrorDocument {
    /// The error of a body; an empty one where the body is no error document.
    ///
    /// An answer to HEAD has no body, and what stands between may answer in HTML.
    pub(super) fn of_body(body: &[u8]) -> Self {
        let mut xml = XmlReader::new(body);
        match xml.root() {
            Ok(Tag::Open(b"Error")) => Self::read(&mut xml).unwrap_or_default(),
            _ => Self::default(),
        }
    }

    /// Reads what follows the opening tag `<Error>`, up to the document's end.
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
        error.region = error.region.filter(|region| !region.is_empty());
        Ok(error)
    }
}

impl fmt::Display for ErrorDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code.as_str(), self.message.as_str()) {
            ("", "") => f.write_str("no error document"),
            ("", said) | (said, "") => f.write_str(said),
            (code, message) => write!(f, "{code}: {message}"),
        }
    }
}

/// The region that an answer to GetBucketLocation tells.
///
/// Nothing means `us-east-1`, and `EU` means `eu-west-1`.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html>
pub(super) fn bucket_location(body: &[u8]) -> Result<String, XmlError> {
    let mut xml = XmlReader::new(body);
    let location = match xml.root()? {
        Tag::Empty(b"LocationConstraint") => String::new(),
        Tag::Open(name @ b"LocationConstraint") => decoded_text(&mut xml, name)?,
        _ => return Err(xml.error("something other than LocationConstraint")),
    };
    xml.end()?;
    Ok(match location.as_str() {
        "" => "us-east-1".to_owned(),
        "EU" => "eu-west-1".to_owned(),
        _ => location,
    })
}

fn decoded_text(xml: &mut XmlReader<'_>, name: &[u8]) -> Result<String, XmlError> {
    let raw = xml.text(name)?;
    text::decode(raw.bytes.trim_ascii(), false).map_err(|problem| raw.error(problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_document_is_read_and_anything_else_is_none() {
        let error = ErrorDocument::of_body(
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
            let error = ErrorDocument::of_body(body.as_bytes());
            assert_eq!(error, ErrorDocument::default(), "{body}");
        }
    }

    #[test]
    fn a_location_is_a_region() {
        for (inside, want) in [
            ("<LocationConstraint xmlns=\"http://x/\"/>", "us-east-1"),
            ("<LocationConstraint></LocationConstraint>", "us-east-1"),
            ("<LocationConstraint>EU</LocationConstraint>", "eu-west-1"),
            (
                "<LocationConstraint>ap-south-1</LocationConstraint>\n",
                "ap-south-1",
            ),
        ] {
            assert_eq!(
                bucket_location(inside.as_bytes()).unwrap(),
                want,
                "{inside}"
            );
        }
        for body in ["", "<Other/>", "<LocationConstraint>EU"] {
            assert!(bucket_location(body.as_bytes()).is_err(), "{body}");
        }
    }
}
