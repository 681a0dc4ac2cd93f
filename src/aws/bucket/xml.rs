//! A pull parser for the subset of XML that S3 sends: elements, attributes and text.
//!
//! It borrows from the body and builds no tree. It rejects DTDs, CDATA and comments: S3 sends none, so a body
//! with one is not from S3. It also rejects every truncated body. `text` decodes the entities.

use std::borrow::Cow;

use memchr::{memchr, memmem};

/// The maximum depth of a skipped element. Responses of S3 have four levels.
const MAX_DEPTH: usize = 32;

/// A body that is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at byte {offset} of the response")]
pub struct XmlError {
    /// What is wrong there.
    pub problem: Cow<'static, str>,
    /// The position in the body, in bytes.
    pub offset: usize,
}

/// A tag, without its attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag<'a> {
    /// `<name …>`
    Open(&'a [u8]),
    /// `<name … />`
    Empty(&'a [u8]),
    /// `</name>`
    Close(&'a [u8]),
}

/// Text in the body, not decoded, and its position.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawText<'a> {
    pub bytes: &'a [u8],
    pub offset: usize,
}

impl RawText<'_> {
    /// An error at the position of this text.
    pub(super) fn error(&self, problem: impl Into<Cow<'static, str>>) -> XmlError {
        XmlError {
            problem: problem.into(),
            offset: self.offset,
        }
    }
}

/// A position in a body.
#[derive(Clone, Debug)]
pub(super) struct XmlReader<'a> {
    body: &'a [u8],
    at: usize,
}

impl<'a> XmlReader<'a> {
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self { body, at: 0 }
    }

    /// An error at the current position.
    pub(super) fn error(&self, problem: impl Into<Cow<'static, str>>) -> XmlError {
        XmlError {
            problem: problem.into(),
            offset: self.at,
        }
    }

    fn truncated(&self) -> XmlError {
        XmlError {
            problem: "the document is truncated".into(),
            offset: self.body.len(),
        }
    }

    /// Reads the XML declaration, if there is one, and the tag of the root element.
    pub(super) fn root(&mut self) -> Result<Tag<'a>, XmlError> {
        self.skip_whitespace();
        if self.body[self.at..].starts_with(b"<?") {
            let rest = &self.body[self.at..];
            self.at += memmem::find(rest, b"?>").ok_or_else(|| self.truncated())? + 2;
        }
        self.tag()
    }

    /// Checks that only white space follows the root element.
    pub(super) fn end(&mut self) -> Result<(), XmlError> {
        self.skip_whitespace();
        if self.at == self.body.len() {
            Ok(())
        } else {
            Err(self.error("more text after the root element"))
        }
    }

    /// Reads the next tag. Only white space may precede it.
    pub(super) fn tag(&mut self) -> Result<Tag<'a>, XmlError> {
        self.skip_whitespace();
        match self.body.get(self.at) {
            Some(b'<') => self.tag_here(),
            Some(_) => Err(self.error("text where an element was expected")),
            None => Err(self.truncated()),
        }
    }

    /// Reads the text of the element just opened, and its closing tag.
    pub(super) fn text(&mut self, name: &[u8]) -> Result<RawText<'a>, XmlError> {
        let offset = self.at;
        let bytes = self.up_to_tag()?;
        if self.closes_here(name) {
            self.at += name.len() + 3;
            return Ok(RawText { bytes, offset });
        }
        match self.tag_here()? {
            Tag::Close(closed) if closed == name => Ok(RawText { bytes, offset }),
            _ => Err(self.error(format!(
                "element {} contains more than text",
                String::from_utf8_lossy(name)
            ))),
        }
    }

    /// Skips the element just opened, with everything in it.
    pub(super) fn skip(&mut self, name: &'a [u8]) -> Result<(), XmlError> {
        self.up_to_tag()?;
        if self.closes_here(name) {
            self.at += name.len() + 3;
            return Ok(());
        }
        let mut open = vec![name];
        while let Some(&innermost) = open.last() {
            self.up_to_tag()?;
            match self.tag_here()? {
                Tag::Empty(_) => {}
                Tag::Open(_) if open.len() == MAX_DEPTH => {
                    return Err(self.error("elements are nested too deeply"));
                }
                Tag::Open(child) => open.push(child),
                Tag::Close(closed) if closed == innermost => {
                    open.pop();
                }
                Tag::Close(_) => return Err(self.error("a closing tag without its opening tag")),
            }
        }
        Ok(())
    }

    /// Moves to the next `<`. Returns the bytes before it.
    fn up_to_tag(&mut self) -> Result<&'a [u8], XmlError> {
        let rest = &self.body[self.at..];
        let length = memchr(b'<', rest).ok_or_else(|| self.truncated())?;
        self.at += length;
        Ok(&rest[..length])
    }

    /// Whether exactly `</name>` is next.
    fn closes_here(&self, name: &[u8]) -> bool {
        self.body[self.at..]
            .strip_prefix(b"</")
            .and_then(|rest| rest.strip_prefix(name))
            .is_some_and(|rest| rest.first() == Some(&b'>'))
    }

    /// Reads the tag at the current position, which must be a `<`.
    fn tag_here(&mut self) -> Result<Tag<'a>, XmlError> {
        let inside = &self.body[self.at + 1..];
        let (closing, inside) = match inside.strip_prefix(b"/") {
            Some(inside) => (true, inside),
            None => (false, inside),
        };
        // Most tags are only a short name. A loop finds its end faster than memchr.
        let length = inside.iter().take_while(|&&b| is_name_byte(b)).count();
        let (name, tail) = inside.split_at(length);
        let rest = tag_length(tail).ok_or_else(|| self.truncated())?;
        let empty = tail[..rest].ends_with(b"/");
        let ends_name = matches!(
            tail[..rest],
            [] | [b'/'] | [b' ' | b'\t' | b'\r' | b'\n', ..]
        );
        if name.is_empty() || !ends_name || (closing && empty) {
            return Err(self.error("a tag that does not belong to an element"));
        }
        self.at += 1 + usize::from(closing) + length + rest + 1;
        Ok(match (closing, empty) {
            (true, _) => Tag::Close(name),
            (false, true) => Tag::Empty(name),
            (false, false) => Tag::Open(name),
        })
    }

    fn skip_whitespace(&mut self) {
        let rest = &self.body[self.at..];
        self.at += rest.iter().take_while(|b| is_blank(b)).count();
    }
}

/// The number of bytes between the name of a tag and its `>`. A `>` in a quoted attribute value does not
/// count.
fn tag_length(tail: &[u8]) -> Option<usize> {
    let mut quote = None;
    tail.iter().position(|&b| {
        match (quote, b) {
            (None, b'>') => return true,
            (None, b'"' | b'\'') => quote = Some(b),
            (Some(open), b) if open == b => quote = None,
            _ => {}
        }
        false
    })
}

fn is_blank(b: &u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\r' | b'\n')
}

fn is_name_byte(b: u8) -> bool {
    NAME_BYTES[usize::from(b)]
}

/// The bytes of a name. All non-ASCII bytes are allowed.
const NAME_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        table[byte] = b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':' | 0x80..);
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    /// All tags of a document as text.
    fn tags(body: &str) -> Result<Vec<String>, XmlError> {
        let mut reader = XmlReader::new(body.as_bytes());
        let (mut depth, mut seen) = (0, Vec::new());
        let mut tag = reader.root()?;
        loop {
            let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
            match tag {
                Tag::Open(name) => (depth, _) = (depth + 1, seen.push(text(name))),
                Tag::Empty(name) => seen.push(text(name) + "/"),
                Tag::Close(name) => {
                    (depth, _) = (depth - 1, seen.push("/".to_owned() + &text(name)))
                }
            }
            if depth == 0 {
                return reader.end().map(|()| seen);
            }
            tag = reader.tag()?;
        }
    }

    #[test]
    fn reads_tags_with_attributes_and_white_space() {
        for (body, want) in [
            ("<a></a>", "a /a"),
            ("<a/>", "a/"),
            ("<a />", "a/"),
            ("<?xml version=\"1.0\"?>\r\n<a>\n <b/>\t</a>\n", "a b/ /a"),
            ("<a xmlns=\"http://x/\"></a >", "a /a"),
            ("<a x=\"1>2\" y='\"/>'><b c='>'/></a\n>", "a b/ /a"),
            ("<n:a></n:a>", "n:a /n:a"),
        ] {
            assert_eq!(tags(body).unwrap().join(" "), want, "{body}");
        }
    }

    #[test]
    fn rejects_what_s3_never_sends() {
        for (body, expected) in [
            ("", "truncated at byte 0"),
            ("  ", "truncated at byte 2"),
            ("<?xml", "truncated"),
            ("<a", "truncated"),
            ("<a x=\">", "truncated"),
            ("<a>", "truncated"),
            ("text", "text where"),
            (
                "<a>text</a>",
                "text where an element was expected at byte 3",
            ),
            ("<a/>b", "after the root element"),
            ("<a/><b/>", "after the root element"),
            ("<!DOCTYPE html><a/>", "does not belong to an element"),
            ("<a><![CDATA[x]]></a>", "does not belong to an element"),
            ("<a><!-- x --></a>", "does not belong to an element"),
            ("<>", "does not belong to an element"),
            ("< a/>", "does not belong to an element"),
            ("<a<b/>", "does not belong to an element"),
        ] {
            let error = tags(body).unwrap_err().to_string();
            assert!(error.contains(expected), "{body}: {error}");
        }
    }

    #[test]
    fn skips_an_element_with_its_contents() {
        for inside in [
            "",
            "x",
            "x>y",
            "<b/>",
            "<b>1</b>\n<b><c/>2</b>",
            "x<a>y</a>z",
        ] {
            let body = format!("<a>{inside}</a><z/>");
            let mut reader = XmlReader::new(body.as_bytes());
            assert_eq!(reader.root().unwrap(), Tag::Open(b"a"));
            reader.skip(b"a").unwrap();
            assert_eq!(reader.tag().unwrap(), Tag::Empty(b"z"), "{inside}");
        }
        let deep = "<a>".repeat(MAX_DEPTH + 1);
        for (body, expected) in [
            ("<a><b></a>", "without its opening tag"),
            ("<a><b></b>", "truncated"),
            (deep.as_str(), "too deeply"),
        ] {
            let mut reader = XmlReader::new(body.as_bytes());
            reader.root().unwrap();
            let error = reader.skip(b"a").unwrap_err().to_string();
            assert!(error.contains(expected), "{body}: {error}");
        }
    }

    #[test]
    fn reads_the_text_of_a_leaf() {
        let leaf = |body: &'static str| {
            let mut reader = XmlReader::new(body.as_bytes());
            reader.root().unwrap();
            reader.text(b"a").map(|text| text.bytes)
        };
        assert_eq!(leaf("<a>x &amp; y</a>").unwrap(), b"x &amp; y");
        assert_eq!(leaf("<a> </a >").unwrap(), b" ");
        for body in ["<a>x", "<a>x<b/></a>", "<a>x</b>", "<a>x</a", "<a>x</"] {
            assert!(leaf(body).is_err(), "{body}");
        }
    }
}
