//! A computed bucket: it answers listings of any size like S3, without storing objects.
//!
//! It supports only HeadBucket and ListObjectsV2. Keys, sizes and ETags look like those of a media archive
//! (keys have 57 bytes on average) and are the same on every run.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use crate::http_server::{self, Answer};

/// Maximum number of keys on a page, as in S3.
const MAX_PAGE: u64 = 1_000;

/// When all objects that look-ups find were changed.
const LOOKED_UP_TIME: &str = "2026-01-01T00:00:00.000Z";

/// The begin of a page.
const PAGE_HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
    <ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
    <Name>computed</Name><EncodingType>url</EncodingType>";

/// Number of keys in a folder of the second level.
const KEYS_PER_FOLDER: u64 = 300;

/// The folders of the first level in ascending order. The keys are distributed evenly.
const TOP_FOLDERS: [&str; 8] = [
    "archive",
    "brand",
    "campaigns",
    "events",
    "press",
    "products",
    "social",
    "video",
];

/// The folders of the third level in ascending order.
const SUBFOLDERS: [&str; 3] = ["final", "raw", "web"];

/// Words of file names. Some contain characters that a listing must encode.
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

/// Extensions of file names.
const EXTENSIONS: [&str; 6] = ["jpg", "png", "tiff", "webp", "mp4", "pdf"];

/// A computed bucket that listens until the process ends.
pub struct ComputedBucket {
    address: SocketAddr,
}

impl ComputedBucket {
    /// Starts a bucket with this number of keys. `look_up` answers the requests for a single key that it knows: with
    /// the object under this key, if there is one.
    pub fn start(keys: u64, look_up: impl LookUp) -> Self {
        Self {
            address: http_server::start(move |head, _| answer(keys, &look_up, head)),
        }
    }

    /// The text of a configuration file with this bucket as its only Source and default limits.
    pub fn config(&self, data_dir: &Path) -> String {
        format!(
            "data_dir = {data_dir:?}\n\n[[source]]\nname = \"computed\"\nbucket = \"computed\"\n\
             subdomain = \"computed\"\nendpoint_url = \"http://{}\"\npath_style = true\n",
            self.address
        )
    }
}

/// Size and ETag of an object.
pub type Content = (u64, String);

/// Finds the object under a key. The outer `None` means that the key is one of the computed ones.
pub trait LookUp: Fn(&str) -> Option<Option<Content>> + Send + Sync + 'static {}

impl<F: Fn(&str) -> Option<Option<Content>> + Send + Sync + 'static> LookUp for F {}

/// Answers a request with this head for a bucket with this number of keys.
fn answer(keys: u64, look_up: &impl LookUp, head: &str) -> Answer {
    let mut words = head.split(' ');
    let method = words.next().unwrap_or_default();
    let target = words.next().unwrap_or_default();
    let (status, body) = match (method, target.split_once('?')) {
        ("GET", Some((_, query))) if query.contains("list-type=2") => {
            ("200 OK", page(keys, look_up, query))
        }
        ("HEAD", _) => ("200 OK", String::new()),
        _ => ("501 Not Implemented", String::new()),
    };
    Answer {
        status,
        headers: "Content-Type: application/xml\r\nx-amz-bucket-region: us-east-1\r\n",
        body: body.into_bytes(),
    }
}

/// Answers a ListObjectsV2 request with this query for a bucket with this number of keys.
fn page(keys: u64, look_up: &impl LookUp, query: &str) -> String {
    let get = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let found = pairs.find(|(found, _)| *found == name);
        found.map(|(_, value)| http_server::decoded(value))
    };
    let prefix = get("prefix").unwrap_or_default();
    let max_keys =
        get("max-keys").map_or(MAX_PAGE, |text| text.parse().expect("max-keys is a number"));
    if max_keys == 1
        && let Some(object) = look_up(&prefix)
    {
        return single_page(&prefix, object.as_ref());
    }
    let begin = match (get("continuation-token"), get("start-after")) {
        (Some(token), _) => token.parse().expect("the token is one of ours"),
        (None, Some(after)) => first_key(keys, |key| *key > *after),
        (None, None) => 0,
    };
    let begin = begin.max(first_key(keys, |key| *key >= *prefix));
    let prefix_end = first_key(keys, |key| *key >= *prefix && !key.starts_with(&prefix)).max(begin);
    let end = prefix_end.min(begin + max_keys.min(MAX_PAGE));
    let truncated = end < prefix_end;
    // Allocate the typical size of a page at once, so that the text does not move while it grows.
    let mut body = String::with_capacity(400 * (end - begin) as usize + 1_000);
    body.push_str(PAGE_HEAD);
    for number in begin..end {
        push_entry(&mut body, keys, number);
    }
    if truncated {
        let _ = write!(body, "<NextContinuationToken>{end}</NextContinuationToken>");
    }
    push_end(&mut body, end - begin, truncated);
    body
}

/// The page with this key only, or without an entry if there is no object.
fn single_page(key: &str, object: Option<&Content>) -> String {
    let mut body = PAGE_HEAD.to_owned();
    if let Some((size, etag)) = object {
        push_contents(&mut body, key, LOOKED_UP_TIME, etag, *size, "STANDARD");
    }
    push_end(&mut body, object.is_some().into(), false);
    body
}

fn push_end(body: &mut String, count: u64, truncated: bool) {
    // Writing to a String cannot fail.
    let _ = write!(
        body,
        "<KeyCount>{count}</KeyCount><IsTruncated>{truncated}</IsTruncated></ListBucketResult>"
    );
}

fn push_entry(body: &mut String, keys: u64, number: u64) {
    let (high, low) = (mixed(2 * number), mixed(2 * number + 1));
    let (minute, second) = (low % 60, high % 60);
    let (day, hour) = (1 + low % 28, high % 24);
    let (size, etag) = content(number);
    let class = match low % 5 {
        0 => "STANDARD_IA",
        _ => "STANDARD",
    };
    let time = format!("2024-05-{day:02}T{hour:02}:{minute:02}:{second:02}.000Z");
    push_contents(body, &key(keys, number), &time, &etag, size, class);
}

fn push_contents(body: &mut String, key: &str, time: &str, etag: &str, size: u64, class: &str) {
    body.push_str("<Contents><Key>");
    push_encoded(body, key);
    // Writing to a String cannot fail.
    let _ = write!(
        body,
        "</Key><LastModified>{time}</LastModified>\
         <ETag>&quot;{etag}&quot;</ETag><Size>{size}</Size><StorageClass>{class}</StorageClass></Contents>"
    );
}

/// Size and ETag of an object, by its number.
pub fn content(number: u64) -> Content {
    let (high, low) = (mixed(2 * number), mixed(2 * number + 1));
    let mut etag = format!("{high:016x}{low:016x}");
    if high.is_multiple_of(10) {
        let _ = write!(etag, "-{}", 2 + high % 100);
    }
    (low % 50_000_000, etag)
}

/// The key of an object, by its number below `keys`. Keys are in the order of the numbers.
pub fn key(keys: u64, number: u64) -> String {
    let hash = mixed(number);
    let pick = |from: &[&'static str], by: u64| from[(by % from.len() as u64) as usize];
    let (folder, index) = (number / KEYS_PER_FOLDER, number % KEYS_PER_FOLDER);
    let top = TOP_FOLDERS[(number * TOP_FOLDERS.len() as u64 / keys) as usize];
    let project = pick(&WORDS, mixed(folder));
    let subfolder = SUBFOLDERS[(index * SUBFOLDERS.len() as u64 / KEYS_PER_FOLDER) as usize];
    let (word, ext) = (pick(&WORDS, hash), pick(&EXTENSIONS, hash >> 8));
    let suffix = hash as u32;
    format!("{top}/{folder:06}-{project}/{subfolder}/{index:03}-{word}-{suffix:08x}.{ext}")
}

/// The first number whose key matches, by binary search: all greater keys must match too. Returns `keys` if
/// no key matches.
fn first_key(keys: u64, matches: impl Fn(&str) -> bool) -> u64 {
    let (mut begin, mut end) = (0, keys);
    while begin < end {
        let middle = begin + (end - begin) / 2;
        if matches(&key(keys, middle)) {
            end = middle
        } else {
            begin = middle + 1
        }
    }
    begin
}

/// A pseudorandom number: the finalizer of SplitMix64 (Steele, Lea and Flood, 2014).
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Encodes a key as S3 does in listings and events: a space becomes `+`, and a slash stays.
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
