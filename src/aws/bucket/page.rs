//! Decodes the body of a ListObjectsV2 response into a [`ListingPage`].
//!
//! The decoder is pure. It rejects every body that it cannot read completely, because a page that lost
//! entries would look like removals. Elements may come in any order, and unknown elements are skipped. A key that the
//! index cannot have is kept apart.
//! `replication::listing` checks the order of the keys.

use crate::aws::bucket::document::ErrorDocument;
use crate::aws::bucket::echo::{self, Echo};
use crate::aws::bucket::text::WrittenKey;
use crate::aws::bucket::xml::{RawText, Tag, XmlError, XmlReader};
use crate::aws::bucket::{date, text};
use crate::core::replication::listing::{ContinuationToken, ListingPage, PageEntry};
use crate::core::replication::object::{ETag, Object, StorageClass};
use crate::core::replication::timestamp::Timestamp;
use crate::core::replication::unusable_key::{UnusableKey, escaped};

/// The maximum length of a key in bytes. Keys of S3 have at most 1,024. The index cannot store keys of
/// 65,535 bytes or more completely, and could then never remove them.
const MAX_KEY_BYTES: usize = 8192;

/// Why a body is not a page.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// The body is not valid.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// The body is an error document. S3 can send one with status 200.
    #[error("{0}")]
    Service(ErrorDocument),
}

/// A decoded body.
#[derive(Debug)]
pub struct DecodedPage<'a> {
    /// The page.
    pub page: ListingPage,
    /// The parts of the request that the body repeats.
    pub echo: Echo<'a>,
}

/// Decodes a body. `listed_at` becomes the timestamp of the page. The caller compares [`DecodedPage::echo`] with the request.
pub fn decode(body: &[u8], listed_at: Timestamp) -> Result<DecodedPage<'_>, PageError> {
    let mut xml = XmlReader::new(body);
    match xml.root()? {
        Tag::Open(b"ListBucketResult") => {}
        Tag::Open(b"Error") => return Err(PageError::Service(ErrorDocument::read(&mut xml)?)),
        Tag::Open(name) | Tag::Empty(name) | Tag::Close(name) => {
            let name = String::from_utf8_lossy(name);
            return Err(xml
                .error(format!("the root element is {name}, not ListBucketResult"))
                .into());
        }
    }
    let mut listing = PageBuilder::default();
    listing.read(&mut xml)?;
    xml.end()?;
    listing.into_page(listed_at, &xml).map_err(Into::into)
}

/// The parts of a page that have been read.
#[derive(Default)]
struct PageBuilder<'a> {
    /// The entries, with empty keys: the element that names the encoding of the keys may come last.
    entries: Vec<PageEntry>,
    /// The encoded key of each entry.
    keys: Vec<RawText<'a>>,
    url_encoded: bool,
    truncated: Option<bool>,
    token: Option<String>,
    count: Option<RawText<'a>>,
    echo: Echo<'a>,
}

impl<'a> PageBuilder<'a> {
    /// Reads the children of the root element and its closing tag.
    fn read(&mut self, xml: &mut XmlReader<'a>) -> Result<(), XmlError> {
        loop {
            match xml.tag()? {
                Tag::Open(b"Contents") => self.read_entry(xml)?,
                Tag::Open(b"IsTruncated") => {
                    let truncated = boolean(xml.text(b"IsTruncated")?)?;
                    if self.truncated.replace(truncated).is_some() {
                        return Err(xml.error("a listing with two IsTruncated elements"));
                    }
                }
                Tag::Open(name @ b"KeyCount") => self.count = Some(xml.text(name)?),
                Tag::Open(name @ b"Name") => self.echo.bucket = Some(xml.text(name)?),
                Tag::Open(name @ b"Prefix") => self.echo.prefix = Some(xml.text(name)?),
                Tag::Open(name @ b"StartAfter") => self.echo.start_after = Some(xml.text(name)?),
                Tag::Open(name @ b"ContinuationToken") => self.echo.token = Some(xml.text(name)?),
                Tag::Open(name @ b"Delimiter") => self.echo.delimiter = Some(xml.text(name)?),
                Tag::Empty(b"Prefix") => {
                    let (bytes, offset) = (&b""[..], 0);
                    self.echo.prefix = Some(RawText { bytes, offset });
                }
                Tag::Open(name @ b"NextContinuationToken") => {
                    let raw = xml.text(name)?;
                    let token =
                        text::decode(raw.bytes, false).map_err(|problem| raw.error(problem))?;
                    self.token = Some(token).filter(|token| !token.is_empty());
                }
                Tag::Open(name @ b"EncodingType") => {
                    self.url_encoded = is_url_encoding(xml.text(name)?)?;
                }
                Tag::Open(b"CommonPrefixes") => {
                    return Err(xml.error("a common prefix, which the request did not ask for"));
                }
                Tag::Empty(b"Contents") => return Err(xml.error("an entry without Key")),
                Tag::Open(name) => xml.skip(name)?,
                Tag::Empty(_) => {}
                Tag::Close(b"ListBucketResult") => return Ok(()),
                Tag::Close(_) => return Err(xml.error("a closing tag without its opening tag")),
            }
        }
    }

    /// Reads one `Contents` element, from after its opening tag to its closing tag.
    fn read_entry(&mut self, xml: &mut XmlReader<'a>) -> Result<(), XmlError> {
        let mut key = None;
        let mut size = None;
        let mut last_modified = None;
        let mut etag = None;
        let mut storage_class = StorageClass::Standard;
        loop {
            match xml.tag()? {
                Tag::Open(b"Key") if key.is_some() => {
                    return Err(xml.error("an entry with two Key elements"));
                }
                Tag::Open(b"Key") => key = Some(xml.text(b"Key")?),
                Tag::Open(b"LastModified") => {
                    last_modified = Some(timestamp(xml.text(b"LastModified")?)?)
                }
                Tag::Open(b"ETag") => etag = entity_tag(xml.text(b"ETag")?)?,
                Tag::Open(b"Size") => size = Some(byte_count(xml.text(b"Size")?)?),
                Tag::Open(b"StorageClass") => {
                    storage_class = self::storage_class(xml.text(b"StorageClass")?)?
                }
                Tag::Open(name) => xml.skip(name)?,
                Tag::Empty(_) => {}
                Tag::Close(b"Contents") => break,
                Tag::Close(_) => return Err(xml.error("a closing tag without its opening tag")),
            }
        }
        let without = |name| xml.error(format!("an entry without {name}"));
        self.keys.push(key.ok_or_else(|| without("Key"))?);
        self.entries.push(PageEntry {
            key: String::new(),
            object: Object {
                size: size.ok_or_else(|| without("Size"))?,
                etag,
                last_modified: last_modified.ok_or_else(|| without("LastModified"))?,
                storage_class,
            },
        });
        Ok(())
    }

    fn into_page(
        mut self,
        listed_at: Timestamp,
        xml: &XmlReader<'_>,
    ) -> Result<DecodedPage<'a>, XmlError> {
        if let Some(count) = &self.count {
            echo::check_count(count, self.entries.len())?;
        }
        let unusable = self.decode_keys()?;
        let next = match (self.truncated, self.token) {
            (Some(false), _) => None,
            (Some(true), Some(token)) => Some(ContinuationToken(token)),
            (Some(true), None) => {
                return Err(xml.error("a truncated listing without NextContinuationToken"));
            }
            (None, _) => return Err(xml.error("a listing without IsTruncated")),
        };
        let page = ListingPage {
            entries: self.entries,
            unusable,
            next,
            listed_at,
        };
        let echo = self.echo;
        Ok(DecodedPage { page, echo })
    }
}

impl PageBuilder<'_> {
    /// Decodes the key of each entry. Removes the entries whose key the index cannot have, and returns these keys.
    fn decode_keys(&mut self) -> Result<Vec<UnusableKey>, XmlError> {
        let mut unusable = Vec::new();
        let mut kept = Vec::with_capacity(self.entries.len());
        for (mut entry, raw) in self.entries.drain(..).zip(&self.keys) {
            let written = text::key(raw.bytes, self.url_encoded);
            let (bytes, shown) = match written.map_err(|problem| raw.error(problem))? {
                WrittenKey::Usable(key) if key.is_empty() => return Err(raw.error("an empty key")),
                WrittenKey::Usable(key) if key.len() <= MAX_KEY_BYTES => {
                    entry.key = key;
                    kept.push(entry);
                    continue;
                }
                WrittenKey::Usable(key) => (Some(key.into_bytes()), None),
                WrittenKey::NotUtf8(bytes) => (Some(bytes), None),
                WrittenKey::Broken(written) => (None, Some(written)),
            };
            let shown = shown
                .as_ref()
                .or(bytes.as_ref())
                .map(|shown| escaped(shown));
            unusable.push(UnusableKey {
                position: kept.len(),
                bytes,
                text: shown.unwrap_or_default(),
            });
        }
        self.entries = kept;
        Ok(unusable)
    }
}

fn boolean(raw: RawText<'_>) -> Result<bool, XmlError> {
    match raw.bytes.trim_ascii() {
        b"true" => Ok(true),
        b"false" => Ok(false),
        _ => Err(raw.error("neither true nor false")),
    }
}

fn is_url_encoding(raw: RawText<'_>) -> Result<bool, XmlError> {
    match raw.bytes.trim_ascii() {
        b"url" => Ok(true),
        b"" => Ok(false),
        _ => Err(raw.error("an unknown EncodingType")),
    }
}

fn byte_count(raw: RawText<'_>) -> Result<u64, XmlError> {
    let digits = raw.bytes.trim_ascii();
    let number = digits.iter().try_fold(0u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    });
    number
        .filter(|_| !digits.is_empty())
        .ok_or_else(|| raw.error("a Size that is not a number of bytes"))
}

fn timestamp(raw: RawText<'_>) -> Result<Timestamp, XmlError> {
    date::parse(raw.bytes).ok_or_else(|| raw.error("a date that is not ISO 8601"))
}

fn entity_tag(raw: RawText<'_>) -> Result<Option<ETag>, XmlError> {
    // S3 writes each quote as an entity. Stripping the entities first saves an allocation per key.
    let bare = raw
        .bytes
        .strip_prefix(b"&quot;")
        .and_then(|bare| bare.strip_suffix(b"&quot;"))
        .unwrap_or(raw.bytes);
    let bare = text::unescape(bare).map_err(|problem| raw.error(problem))?;
    let bare = std::str::from_utf8(&bare).map_err(|_| raw.error("an ETag that is not UTF-8"))?;
    Ok(ETag::parse(bare))
}

fn storage_class(raw: RawText<'_>) -> Result<StorageClass, XmlError> {
    match std::str::from_utf8(raw.bytes) {
        Ok(name) => Ok(StorageClass::from_name(name)),
        Err(_) => Err(raw.error("a storage class that is not UTF-8")),
    }
}

#[cfg(test)]
mod tests;
