//! A computed bucket: it answers listings of any size like S3, without storing objects.
//!
//! It supports only HeadBucket and ListObjectsV2. Keys, sizes and ETags are the same on every run. By default they look
//! like those of a media archive (keys have 57 bytes on average); `layout` has others.

#![allow(dead_code, reason = "no program that shares it uses all of it")]

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::http_server::{self, Answer};
use crate::mixed::mixed;

#[path = "layout.rs"]
mod layout;

pub use layout::Layout;

/// Maximum number of keys on a page, as in S3.
const MAX_PAGE: u64 = 1_000;

/// When all objects that look-ups find were changed.
const LOOKED_UP_TIME: &str = "2026-01-01T00:00:00.000Z";

/// The body of an answer that asks for fewer requests.
const SLOW_DOWN: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
    <Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>";

/// The begin of a page.
const PAGE_HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
    <ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
    <Name>computed</Name><EncodingType>url</EncodingType>";

/// A computed bucket that listens until the process ends.
pub struct ComputedBucket {
    address: SocketAddr,
    log: Arc<Mutex<Log>>,
}

/// What a computed bucket holds, and how it answers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Behavior {
    /// The number of keys.
    pub keys: u64,
    pub layout: Layout,
    /// How long a page takes.
    pub latency: Duration,
    /// The number of pages in flight above which it answers SlowDown.
    pub most_in_flight: Option<usize>,
    /// The most keys on a page, if they are fewer than S3's.
    pub page_size: Option<u64>,
}

/// What a computed bucket was asked for. Look-ups of single keys do not count.
#[derive(Clone, Debug, Default)]
pub struct Log {
    in_flight: usize,
    /// The most pages that were in flight at the same time.
    pub most_in_flight: usize,
    /// Requests that were told to slow down.
    pub refused: usize,
    /// The numbers of the keys on each page.
    pub pages: Vec<Range<u64>>,
}

impl ComputedBucket {
    /// Starts a bucket with this number of keys. `look_up` answers the requests for a single key that it knows: with
    /// the object under this key, if there is one.
    pub fn start(keys: u64, look_up: impl LookUp) -> Self {
        let behavior = Behavior {
            keys,
            ..Behavior::default()
        };
        Self::start_with(behavior, look_up)
    }

    /// Starts a bucket that behaves like this.
    pub fn start_with(behavior: Behavior, look_up: impl LookUp) -> Self {
        let log = Arc::new(Mutex::new(Log::default()));
        let shared = Arc::clone(&log);
        Self {
            address: http_server::start(move |head, _| answer(&behavior, &shared, &look_up, head)),
            log,
        }
    }

    /// What it was asked for since the last call.
    pub fn take_log(&self) -> Log {
        let mut log = lock(&self.log);
        let in_flight = log.in_flight;
        let fresh = Log {
            in_flight,
            most_in_flight: in_flight,
            ..Log::default()
        };
        std::mem::replace(&mut log, fresh)
    }

    /// The number of pages since the last call of [`ComputedBucket::take_log`].
    pub fn pages(&self) -> usize {
        lock(&self.log).pages.len()
    }

    /// The text of a configuration file with this bucket as its only Source and default limits.
    pub fn config(&self, data_dir: &Path) -> String {
        self.config_with(data_dir, "")
    }

    /// The same, with more keys of the whole configuration.
    pub fn config_with(&self, data_dir: &Path, keys: &str) -> String {
        format!("data_dir = {data_dir:?}\n{keys}{}", self.source("computed"))
    }

    /// The text of a configuration file with Sources of these names and default limits. All of them have this bucket.
    pub fn config_of(&self, names: &[impl AsRef<str>], data_dir: &Path) -> String {
        let sources = names.iter().map(|name| self.source(name.as_ref()));
        format!("data_dir = {data_dir:?}\n{}", sources.collect::<String>())
    }

    /// The part of a configuration file for a Source of this name.
    fn source(&self, name: &str) -> String {
        format!(
            "\n[[source]]\nname = {name:?}\nbucket = \"computed\"\nsubdomain = {name:?}\n\
             endpoint_url = \"http://{}\"\npath_style = true\n",
            self.address
        )
    }
}

fn lock(log: &Mutex<Log>) -> MutexGuard<'_, Log> {
    log.lock().expect("no thread panics with the lock")
}

/// Size and ETag of an object.
pub type Content = (u64, String);

/// Finds the object under a key. The outer `None` means that the key is one of the computed ones.
pub trait LookUp: Fn(&str) -> Option<Option<Content>> + Send + Sync + 'static {}

impl<F: Fn(&str) -> Option<Option<Content>> + Send + Sync + 'static> LookUp for F {}

/// Answers a request with this head.
fn answer(behavior: &Behavior, log: &Mutex<Log>, look_up: &impl LookUp, head: &str) -> Answer {
    let mut words = head.split(' ');
    let method = words.next().unwrap_or_default();
    let target = words.next().unwrap_or_default();
    let (status, body) = match (method, target.split_once('?')) {
        ("GET", Some((_, query))) if query.contains("list-type=2") => {
            let request = ListRequest::of(query);
            match request.max_keys {
                1 => ("200 OK", request.look_up(behavior, look_up)),
                _ => slow_page(behavior, log, &request),
            }
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

/// Answers with a page after the latency, or at once with SlowDown.
fn slow_page(
    behavior: &Behavior,
    log: &Mutex<Log>,
    request: &ListRequest,
) -> (&'static str, String) {
    let mut state = lock(log);
    if behavior
        .most_in_flight
        .is_some_and(|most| state.in_flight >= most)
    {
        state.refused += 1;
        return ("503 Slow Down", SLOW_DOWN.to_owned());
    }
    state.in_flight += 1;
    state.most_in_flight = state.most_in_flight.max(state.in_flight);
    drop(state);
    let deadline = Instant::now() + behavior.latency;
    while let Some(left) = deadline.checked_duration_since(Instant::now()) {
        std::thread::park_timeout(left);
    }
    let (numbers, body) = request.page(behavior);
    let mut state = lock(log);
    state.in_flight -= 1;
    state.pages.push(numbers);
    ("200 OK", body)
}

/// A ListObjectsV2 request.
struct ListRequest {
    prefix: String,
    token: Option<u64>,
    start_after: Option<String>,
    max_keys: u64,
}

impl ListRequest {
    fn of(query: &str) -> Self {
        let get = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            let found = pairs.find(|(found, _)| *found == name);
            found.map(|(_, value)| http_server::decoded(value))
        };
        let number = |name: &str| {
            get(name).map(|text| text.parse().expect("the client sends numbers of ours"))
        };
        Self {
            prefix: get("prefix").unwrap_or_default(),
            token: number("continuation-token"),
            start_after: get("start-after"),
            max_keys: number("max-keys").unwrap_or(MAX_PAGE).min(MAX_PAGE),
        }
    }

    fn look_up(&self, behavior: &Behavior, look_up: &impl LookUp) -> String {
        match look_up(&self.prefix) {
            Some(object) => single_page(&self.prefix, object.as_ref()),
            None => self.page(behavior).1,
        }
    }

    /// The numbers of the keys on the page, and its text.
    fn page(&self, behavior: &Behavior) -> (Range<u64>, String) {
        let Behavior { keys, layout, .. } = *behavior;
        let first_key = |matches: &dyn Fn(&str) -> bool| first_key(behavior, matches);
        let prefix = self.prefix.as_str();
        let begin = match (self.token, &self.start_after) {
            (Some(token), _) => token,
            (None, Some(after)) => first_key(&|key| *key > **after),
            (None, None) => 0,
        };
        let begin = begin.max(first_key(&|key| key >= prefix));
        let prefix_end = first_key(&|key| key >= prefix && !key.starts_with(prefix)).max(begin);
        let page_size = self.max_keys.min(behavior.page_size.unwrap_or(MAX_PAGE));
        let end = prefix_end.min(begin + page_size);
        let truncated = end < prefix_end;
        // Allocate the typical size of a page at once, so that the text does not move while it grows.
        let mut body = String::with_capacity(400 * (end - begin) as usize + 1_000);
        body.push_str(PAGE_HEAD);
        for number in begin..end {
            push_entry(&mut body, &layout.key(keys, number), number);
        }
        if truncated {
            let _ = write!(body, "<NextContinuationToken>{end}</NextContinuationToken>");
        }
        push_end(&mut body, end - begin, truncated);
        (begin..end, body)
    }
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

fn push_entry(body: &mut String, key: &str, number: u64) {
    let (high, low) = (mixed(2 * number), mixed(2 * number + 1));
    let (minute, second) = (low % 60, high % 60);
    let (day, hour) = (1 + low % 28, high % 24);
    let (size, etag) = content(number);
    let class = match low % 5 {
        0 => "STANDARD_IA",
        _ => "STANDARD",
    };
    let time = format!("2024-05-{day:02}T{hour:02}:{minute:02}:{second:02}.000Z");
    push_contents(body, key, &time, &etag, size, class);
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

/// One of these, chosen by a number.
fn pick(from: &[&'static str], by: u64) -> &'static str {
    from[(by % from.len() as u64) as usize]
}

/// The first number whose key matches, by binary search: all greater keys must match too. Returns the number of keys if
/// no key matches.
fn first_key(behavior: &Behavior, matches: &dyn Fn(&str) -> bool) -> u64 {
    let (mut begin, mut end) = (0, behavior.keys);
    while begin < end {
        let middle = begin + (end - begin) / 2;
        if matches(&behavior.layout.key(behavior.keys, middle)) {
            end = middle;
        } else {
            begin = middle + 1;
        }
    }
    begin
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
