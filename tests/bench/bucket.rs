//! A bucket that is computed: it answers listings of any size as S3 does, and holds nothing.
//!
//! It knows HeadBucket and ListObjectsV2 and no other request. Keys, sizes and ETags look like those of
//! a media archive (a key has 57 bytes in the mean) and are the same on every run.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use crate::http_server::{self, Answer};

/// The most keys on a page, as S3 has it.
const MAX_PAGE: u64 = 1_000;

/// Keys in one folder of the second level.
const KEYS_PER_FOLDER: u64 = 300;

/// The folders of the first level, ascending; the keys are spread evenly over them.
const TOPS: [&str; 8] = [
    "archive",
    "brand",
    "campaigns",
    "events",
    "press",
    "products",
    "social",
    "video",
];

/// The folders of the third level, ascending.
const SUBFOLDERS: [&str; 3] = ["final", "raw", "web"];

/// Words of names; some have what a listing must encode.
const WORDS: [&str; 8] = [
    "banner",
    "hero shot",
    "packshot",
    "portrait",
    "lookbook",
    "interview+cut",
    "müller",
    "teaser",
];

/// The endings of names.
const ENDINGS: [&str; 6] = ["jpg", "png", "tiff", "webp", "mp4", "pdf"];

/// A bucket that listens until the process ends.
pub struct ComputedBucket {
    address: SocketAddr,
}

impl ComputedBucket {
    /// A bucket of so many keys.
    pub fn start(keys: u64) -> Self {
        Self {
            address: http_server::start(move |head, _| answer(keys, head)),
        }
    }

    /// The text of a configuration file with this bucket as its only Source, all limits the default.
    pub fn config(&self, data_dir: &Path) -> String {
        format!(
            "data_dir = {data_dir:?}\n\n[[source]]\nname = \"computed\"\nbucket = \"computed\"\n\
             subdomain = \"computed\"\nendpoint_url = \"http://{}\"\npath_style = true\n",
            self.address
        )
    }
}

/// The answer to a request with this head, of a bucket of so many keys.
fn answer(keys: u64, head: &str) -> Answer {
    let mut words = head.split(' ');
    let method = words.next().unwrap_or_default();
    let target = words.next().unwrap_or_default();
    let (status, body) = match (method, target.split_once('?')) {
        ("GET", Some((_, query))) if query.contains("list-type=2") => ("200 OK", page(keys, query)),
        ("HEAD", _) => ("200 OK", String::new()),
        _ => ("501 Not Implemented", String::new()),
    };
    Answer {
        status,
        headers: "Content-Type: application/xml\r\nx-amz-bucket-region: us-east-1\r\n",
        body,
    }
}

/// The answer to a ListObjectsV2 with this query, among so many keys.
fn page(keys: u64, query: &str) -> String {
    let get = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let found = pairs.find(|(found, _)| *found == name);
        found.map(|(_, value)| decoded(value))
    };
    let prefix = get("prefix").unwrap_or_default();
    let begin = match (get("continuation-token"), get("start-after")) {
        (Some(token), _) => token.parse().expect("a token that we gave"),
        (None, Some(after)) => first_key(keys, |key| *key > *after),
        (None, None) => 0,
    };
    let begin = begin.max(first_key(keys, |key| *key >= *prefix));
    let behind_prefix =
        first_key(keys, |key| *key >= *prefix && !key.starts_with(&prefix)).max(begin);
    let asked = get("max-keys").map_or(MAX_PAGE, |text| text.parse().expect("a number"));
    let end = behind_prefix.min(begin + asked.min(MAX_PAGE));
    let truncated = end < behind_prefix;
    // Room for what a page of such keys takes, so that it does not move while it grows.
    let mut body = String::with_capacity(400 * (end - begin) as usize + 1_000);
    body.push_str(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
         <Name>computed</Name><EncodingType>url</EncodingType>",
    );
    for number in begin..end {
        push_entry(&mut body, keys, number);
    }
    if truncated {
        let _ = write!(body, "<NextContinuationToken>{end}</NextContinuationToken>");
    }
    let count = end - begin;
    let _ = write!(
        body,
        "<KeyCount>{count}</KeyCount><IsTruncated>{truncated}</IsTruncated></ListBucketResult>"
    );
    body
}

fn push_entry(body: &mut String, keys: u64, number: u64) {
    let (high, low) = (mixed(2 * number), mixed(2 * number + 1));
    let (minute, second) = (low % 60, high % 60);
    let (day, hour) = (1 + low % 28, high % 24);
    let (size, etag) = content(number);
    body.push_str("<Contents><Key>");
    push_encoded(body, &key(keys, number));
    let class = match low % 5 {
        0 => "STANDARD_IA",
        _ => "STANDARD",
    };
    // Writing to a String cannot fail.
    let _ = write!(
        body,
        "</Key><LastModified>2024-05-{day:02}T{hour:02}:{minute:02}:{second:02}.000Z</LastModified>\
         <ETag>&quot;{etag}&quot;</ETag><Size>{size}</Size><StorageClass>{class}</StorageClass></Contents>"
    );
}

/// Size and ETag of the object of a number.
pub fn content(number: u64) -> (u64, String) {
    let (high, low) = (mixed(2 * number), mixed(2 * number + 1));
    let mut etag = format!("{high:016x}{low:016x}");
    if high.is_multiple_of(10) {
        let _ = write!(etag, "-{}", 2 + high % 100);
    }
    (low % 50_000_000, etag)
}

/// The key of a number below `keys`; greater for greater numbers.
pub fn key(keys: u64, number: u64) -> String {
    let hash = mixed(number);
    let pick = |from: &[&'static str], by: u64| from[(by % from.len() as u64) as usize];
    let (folder, place) = (number / KEYS_PER_FOLDER, number % KEYS_PER_FOLDER);
    let top = TOPS[(number * TOPS.len() as u64 / keys) as usize];
    let project = pick(&WORDS, mixed(folder));
    let subfolder = SUBFOLDERS[(place * SUBFOLDERS.len() as u64 / KEYS_PER_FOLDER) as usize];
    let (word, ending) = (pick(&WORDS, hash), pick(&ENDINGS, hash >> 8));
    let tail = hash as u32;
    format!("{top}/{folder:06}-{project}/{subfolder}/{place:03}-{word}-{tail:08x}.{ending}")
}

/// The first number whose key is so, where all greater keys are; `keys` if none is.
fn first_key(keys: u64, is_so: impl Fn(&str) -> bool) -> u64 {
    let (mut begin, mut end) = (0, keys);
    while begin < end {
        let middle = begin + (end - begin) / 2;
        if is_so(&key(keys, middle)) {
            end = middle
        } else {
            begin = middle + 1
        }
    }
    begin
}

/// Numbers that look random: the finaliser of SplitMix64 (Steele, Lea and Flood, 2014).
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Encodes a key as S3 does in listings and in events: a space is `+`, a slash stays.
pub fn push_encoded(body: &mut String, key: &str) {
    for byte in key.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' | b'/' => {
                body.push(byte.into());
            }
            b' ' => body.push('+'),
            _ => {
                let _ = write!(body, "%{byte:02X}");
            }
        }
    }
}

/// Undoes the percent encoding of a query's value.
fn decoded(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, behind @ ..] = rest {
        rest = behind;
        match first {
            b'%' => {
                let digits = std::str::from_utf8(&behind[..2]).expect("two digits");
                bytes.push(u8::from_str_radix(digits, 16).expect("two digits"));
                rest = &behind[2..];
            }
            _ => bytes.push(*first),
        }
    }
    String::from_utf8(bytes).expect("keys are UTF-8")
}
