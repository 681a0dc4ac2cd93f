//! A listing of a computed bucket whose entries are rendered in advance, so that a page costs little more than
//! sending it. It does not listen.

use std::fmt::Write as _;
use std::io::Write as _;

use crate::mixed::mixed;
use crate::plain_layout::PlainLayout;

/// Maximum number of keys on a page, as in S3.
pub const MAX_PAGE: u64 = 1_000;

/// The entries of all keys.
pub struct Listing {
    layout: PlainLayout,
    keys: u64,
    /// The `Contents` elements of all keys.
    text: Vec<u8>,
    /// Where each element begins, and the end of the last one.
    begins: Vec<u64>,
}

/// What a ListObjectsV2 request asks for.
#[derive(Debug, Default)]
pub struct ListRequest {
    pub prefix: String,
    pub delimiter: String,
    pub start_after: Option<String>,
    /// The number of the first key, as in the token of the page before.
    pub token: Option<u64>,
    pub max_keys: u64,
    /// Whether the client asked for encoded keys. No key needs it, but the response must repeat it.
    pub is_encoded: bool,
}

impl Listing {
    /// Renders the entries of a bucket.
    pub fn new(layout: PlainLayout, keys: u64) -> Self {
        let mut listing = Self {
            layout,
            keys,
            text: Vec::new(),
            begins: Vec::with_capacity(keys as usize + 1),
        };
        for number in 0..keys {
            listing.begins.push(listing.text.len() as u64);
            push_entry(&mut listing.text, &layout.key(keys, number), number);
        }
        listing.begins.push(listing.text.len() as u64);
        listing
    }

    /// The body of a page, and its number of keys and common prefixes.
    pub fn page(&self, request: &ListRequest) -> (Vec<u8>, u64) {
        let prefix = request.prefix.as_str();
        let begin = match (request.token, &request.start_after) {
            (Some(token), _) => token,
            (None, Some(after)) => self.layout.first_key(self.keys, |key| *key > **after),
            (None, None) => 0,
        };
        let begin = begin.max(self.layout.first_key(self.keys, |key| *key >= *prefix));
        let end = self.end_of(prefix).max(begin);
        let limit = request.max_keys.min(MAX_PAGE);
        let mut entries = Entries::default();
        if request.delimiter.is_empty() {
            entries.next = end.min(begin + limit);
            entries.count = entries.next - begin;
            entries.runs.push((begin, entries.next));
        } else {
            self.fold(begin, end, limit, request, &mut entries);
        }
        (self.body(request, &entries, end), entries.count)
    }

    /// Lists with a delimiter: all keys with a common prefix become one entry.
    fn fold(&self, begin: u64, end: u64, limit: u64, request: &ListRequest, entries: &mut Entries) {
        entries.next = begin;
        while entries.next < end && entries.count < limit {
            let key = self.layout.key(self.keys, entries.next);
            let rest = &key[request.prefix.len()..];
            entries.count += 1;
            match rest.find(request.delimiter.as_str()) {
                Some(at) => {
                    let length = request.prefix.len() + at + request.delimiter.len();
                    let common = key[..length].to_owned();
                    entries.next = self.end_of(&common);
                    entries.common_prefixes.push(common);
                }
                None => {
                    entries.runs.push((entries.next, entries.next + 1));
                    entries.next += 1;
                }
            }
        }
    }

    /// The number of the first key after all keys with this prefix.
    fn end_of(&self, prefix: &str) -> u64 {
        let is_after = |key: &str| *key >= *prefix && !key.starts_with(prefix);
        self.layout.first_key(self.keys, is_after)
    }

    fn body(&self, request: &ListRequest, entries: &Entries, end: u64) -> Vec<u8> {
        let at = |number: u64| self.begins[number as usize] as usize;
        let runs = entries.runs.iter().map(|(from, to)| at(*from)..at(*to));
        let length: usize = runs.clone().map(|run| run.len()).sum();
        let mut body = Vec::with_capacity(length + 100 * entries.common_prefixes.len() + 1_000);
        body.extend_from_slice(
            b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
            <ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>computed</Name>",
        );
        if request.is_encoded {
            body.extend_from_slice(b"<EncodingType>url</EncodingType>");
        }
        let truncated = entries.next < end;
        // Writing to a Vec cannot fail.
        let _ = write!(
            body,
            "<Prefix>{}</Prefix><MaxKeys>{}</MaxKeys><KeyCount>{}</KeyCount><IsTruncated>{truncated}</IsTruncated>",
            request.prefix, request.max_keys, entries.count
        );
        if truncated {
            let next = entries.next;
            let _ = write!(
                body,
                "<NextContinuationToken>{next}</NextContinuationToken>"
            );
        }
        for run in runs {
            body.extend_from_slice(&self.text[run]);
        }
        for prefix in &entries.common_prefixes {
            let _ = write!(
                body,
                "<CommonPrefixes><Prefix>{prefix}</Prefix></CommonPrefixes>"
            );
        }
        body.extend_from_slice(b"</ListBucketResult>");
        body
    }
}

/// What a page contains.
#[derive(Default)]
struct Entries {
    /// Keys as ranges of numbers.
    runs: Vec<(u64, u64)>,
    common_prefixes: Vec<String>,
    count: u64,
    /// The number of the first key that the page does not cover.
    next: u64,
}

/// Renders an entry with a time, an ETag and a size that follow from the number.
fn push_entry(text: &mut Vec<u8>, key: &str, number: u64) {
    let (high, low) = (mixed(2 * number), mixed(2 * number + 1));
    let (day, hour, minute, second) = (1 + low % 28, high % 24, low % 60, high % 60);
    let mut entry = String::with_capacity(key.len() + 300);
    // Writing to a String cannot fail.
    let _ = write!(
        entry,
        "<Contents><Key>{key}</Key><LastModified>2024-05-{day:02}T{hour:02}:{minute:02}:{second:02}.000Z\
         </LastModified><ETag>&quot;{high:016x}{low:016x}&quot;</ETag><Size>{}</Size>\
         <StorageClass>STANDARD</StorageClass></Contents>",
        low % 50_000_000
    );
    text.extend_from_slice(entry.as_bytes());
}
