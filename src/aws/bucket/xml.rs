//! A scanner for the part of XML that S3 answers are written in: elements, attributes, text, entities.
//!
//! It borrows everything and builds no tree. It does not know DTDs, CDATA or comments: S3 sends none,
//! so meeting one means that the answer is not S3's. A body that ends too early is always a error.

use std::borrow::Cow;

use memchr::{memchr, memmem};

/// The deepest nesting that is skipped; S3 answers nest four levels.
const MAX_DEPTH: usize = 32;

/// An answer that must not be believed: what is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at byte {offset} of the answer")]
pub struct XmlError {
    /// What is wrong.
    pub problem: Cow<'static, str>,
    /// Bytes from the start of the body.
    pub offset: usize,
}

/// One tag; names without their attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag<'a> {
    /// `<name …>`
    Open(&'a [u8]),
    /// `<name … />`
    Empty(&'a [u8]),
    /// `</name>`
    Close(&'a [u8]),
}

/// Text as it stands in the body, not unescaped yet, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawText<'a> {
    pub bytes: &'a [u8],
    pub offset: usize,
}

impl RawText<'_> {
    /// A fault of this text.
    pub(super) fn error(&self, problem: impl Into<Cow<'static, str>>) -> XmlError {
        XmlError {
            problem: problem.into(),
            offset: self.offset,
        }
    }
}

/// Where the scan of one body stands.
#[derive(Clone, Debug)]
pub(super) struct XmlReader<'a> {
    body: &'a [u8],
    at: usize,
}

impl<'a> XmlReader<'a> {
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self { body, at: 0 }
    }

    /// A fault at the place reached.
    pub(super) fn error(&self, problem: impl Into<Cow<'static, str>>) -> XmlError {
        XmlError {
            problem: problem.into(),
            offset: self.at,
        }
    }

    fn truncated(&self) -> XmlError {
        XmlError {
            problem: "the document is cut off".into(),
            offset: self.body.len(),
        }
    }

    /// The tag of the root element, behind an XML declaration if there is one.
    pub(super) fn root(&mut self) -> Result<Tag<'a>, XmlError> {
        self.skip_whitespace();
        if self.body[self.at..].starts_with(b"<?") {
            let rest = &self.body[self.at..];
            self.at += memmem::find(rest, b"?>").ok_or_else(|| self.truncated())? + 2;
        }
        self.tag()
    }

    /// The end of the document: nothing but white space may follow the root.
    pub(super) fn end(&mut self) -> Result<(), XmlError> {
        self.skip_whitespace();
        if self.at == self.body.len() {
            Ok(())
        } else {
            Err(self.error("more text behind the document's end"))
        }
    }

    /// The next tag, where only white space may stand before it.
    pub(super) fn tag(&mut self) -> Result<Tag<'a>, XmlError> {
        self.skip_whitespace();
        match self.body.get(self.at) {
            Some(b'<') => self.tag_here(),
            Some(_) => Err(self.error("text where an element was expected")),
            None => Err(self.truncated()),
        }
    }

    /// The text of the element just opened; its closing tag is taken too.
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
                "element {} holds more than text",
                String::from_utf8_lossy(name)
            ))),
        }
    }

    /// Passes over the element just opened and everything in it.
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

    /// The bytes before the next `<`, which becomes the place reached.
    fn up_to_tag(&mut self) -> Result<&'a [u8], XmlError> {
        let rest = &self.body[self.at..];
        let length = memchr(b'<', rest).ok_or_else(|| self.truncated())?;
        self.at += length;
        Ok(&rest[..length])
    }

    /// Whether exactly `</name>` stands here.
    fn closes_here(&self, name: &[u8]) -> bool {
        self.body[self.at..]
            .strip_prefix(b"</")
            .and_then(|rest| rest.strip_prefix(name))
            .is_some_and(|rest| rest.first() == Some(&b'>'))
    }

    /// Reads the tag at the place reached, which is a `<`.
    fn tag_here(&mut self) -> Result<Tag<'a>, XmlError> {
        let inside = &self.body[self.at + 1..];
        let (closing, inside) = match inside.strip_prefix(b"/") {
            Some(inside) => (true, inside),
            None => (false, inside),
        };
        // Most tags are a name and no more, and short: a loop finds their end faster than memchr.
        let length = inside.iter().take_while(|&&b| is_name_byte(b)).count();
        let (name, behind) = inside.split_at(length);
        let rest = tag_length(behind).ok_or_else(|| self.truncated())?;
        let empty = behind[..rest].ends_with(b"/");
        let ends_name = matches!(
            behind[..rest],
            [] | [b'/'] | [b' ' | b'\t' | b'\r' | b'\n', ..]
        );
        if name.is_empty() || !ends_name || (closing && empty) {
            return Err(self.error("a tag that is not an element's"));
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

/// The length of what stands between a tag's name and its `>`; a `>` in a quoted attribute value does
/// not end it.
fn tag_length(behind: &[u8]) -> Option<usize> {
    let mut quote = None;
    behind.iter().position(|&b| {
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

/// The bytes that a name is made of; of characters beyond ASCII any are taken.
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

    /// All tags of a document, as text.
    fn tags(body: &str) -> Result<Vec<String>, XmlError> {
        let mut scanner = XmlReader::new(body.as_bytes());
        let (mut depth, mut seen) = (0, Vec::new());
        let mut tag = scanner.root()?;
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
                return scanner.end().map(|()| seen);
            }
            tag = scanner.tag()?;
        }
    }

    #[test]
    fn tags_are_read_with_whatever_stands_around_their_names() {
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
    fn what_s3_never_sends_is_refused() {
        for (body, error) in [
            ("", "cut off at byte 0"),
            ("  ", "cut off at byte 2"),
            ("<?xml", "cut off"),
            ("<a", "cut off"),
            ("<a x=\">", "cut off"),
            ("<a>", "cut off"),
            ("text", "text where"),
            (
                "<a>text</a>",
                "text where an element was expected at byte 3",
            ),
            ("<a/>b", "behind the document's end"),
            ("<a/><b/>", "behind the document's end"),
            ("<!DOCTYPE html><a/>", "not an element's"),
            ("<a><![CDATA[x]]></a>", "not an element's"),
            ("<a><!-- x --></a>", "not an element's"),
            ("<>", "not an element's"),
            ("< a/>", "not an element's"),
            ("<a<b/>", "not an element's"),
        ] {
            let refused = tags(body).unwrap_err().to_string();
            assert!(refused.contains(error), "{body}: {refused}");
        }
    }

    #[test]
    fn an_element_is_skipped_with_all_that_is_in_it() {
        for inside in [
            "",
            "x",
            "x>y",
            "<b/>",
            "<b>1</b>\n<b><c/>2</b>",
            "x<a>y</a>z",
        ] {
            let body = format!("<a>{inside}</a><z/>");
            let mut scanner = XmlReader::new(body.as_bytes());
            assert_eq!(scanner.root().unwrap(), Tag::Open(b"a"));
            scanner.skip(b"a").unwrap();
            assert_eq!(scanner.tag().unwrap(), Tag::Empty(b"z"), "{inside}");
        }
        let deep = "<a>".repeat(MAX_DEPTH + 1);
        for (body, error) in [
            ("<a><b></a>", "without its opening tag"),
            ("<a><b></b>", "cut off"),
            (deep.as_str(), "too deeply"),
        ] {
            let mut scanner = XmlReader::new(body.as_bytes());
            scanner.root().unwrap();
            let refused = scanner.skip(b"a").unwrap_err().to_string();
            assert!(refused.contains(error), "{body}: {refused}");
        }
    }

    #[test]
    fn the_text_of_a_leaf_ends_at_its_closing_tag() {
        let leaf = |body: &'static str| {
            let mut scanner = XmlReader::new(body.as_bytes());
            scanner.root().unwrap();
            scanner.text(b"a").map(|text| text.bytes)
        };
        assert_eq!(leaf("<a>x &amp; y</a>").unwrap(), b"x &amp; y");
        assert_eq!(leaf("<a> </a >").unwrap(), b" ");
        for body in ["<a>x", "<a>x<b/></a>", "<a>x</b>", "<a>x</a", "<a>x</"] {
            assert!(leaf(body).is_err(), "{body}");
        }
    }
}
