//! A server with a computed bucket, for any program that lists: `cargo bench --bench list_server -- LAYOUT KEYS`.
//!
//! Options: `--latency MILLISECONDS` delays each page, and `--slow-down N` answers one of N pages with 503. The
//! server prints its address, and ends when its standard input ends. `GET /_stats` returns what it counted since
//! the last such request. `tests/bench/run.sh` compares listers with it.

#![allow(unreachable_pub, reason = "a benchmark exports nothing")]

use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http_server::Answer;
use listing::{ListRequest, Listing, MAX_PAGE};
use plain_layout::PlainLayout;

mod cpu;
mod http_server;
mod listing;
mod mixed;
mod plain_layout;

/// The field of `/proc/self/stat` with the CPU time of this process: `utime`. `stime` is the next field.
const CPU_OF_PROCESS: usize = 14;

/// What S3 answers if it gets too many requests.
const SLOW_DOWN: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
    <Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>";

struct Server {
    listing: Listing,
    latency: Duration,
    /// One of this number of pages is refused. 0: none.
    slow_down: u64,
    pages: AtomicU64,
    keys: AtomicU64,
    refused: AtomicU64,
    in_flight: AtomicU64,
    max_in_flight: AtomicU64,
}

fn main() {
    // Cargo adds `--bench`.
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    let option = |name: &str| {
        let at = words.iter().position(|word| word == name)?;
        words.get(at + 1)?.parse().ok()
    };
    let [layout, keys, ..] = words.as_slice() else {
        eprintln!("usage: list_server LAYOUT KEYS [--latency MILLISECONDS] [--slow-down N]");
        std::process::exit(2);
    };
    let layout = PlainLayout::from_name(layout)
        .expect("LAYOUT is nested, flat, skewed, deep, hashed or library");
    let keys = keys.parse().expect("KEYS is a number");
    let server = Server {
        listing: Listing::new(layout, keys),
        latency: Duration::from_millis(option("--latency").unwrap_or(0)),
        slow_down: option("--slow-down").unwrap_or(0),
        pages: AtomicU64::new(0),
        keys: AtomicU64::new(0),
        refused: AtomicU64::new(0),
        in_flight: AtomicU64::new(0),
        max_in_flight: AtomicU64::new(0),
    };
    let address = http_server::start(move |head, _| server.answer(head));
    println!("http://{address}");
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

impl Server {
    fn answer(&self, head: &str) -> Answer {
        let mut words = head.split(' ');
        let (method, target) = (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        );
        match (method, target.split_once('?')) {
            ("GET", None) if target == "/_stats" => respond("200 OK", self.stats().into_bytes()),
            ("GET", Some((_, query))) if query.contains("list-type=2") => self.list(query),
            ("HEAD", _) => respond("200 OK", Vec::new()),
            _ => respond("501 Not Implemented", Vec::new()),
        }
    }

    fn list(&self, query: &str) -> Answer {
        let in_flight = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.max_in_flight.fetch_max(in_flight, Ordering::Relaxed);
        if !self.latency.is_zero() {
            std::thread::sleep(self.latency);
        }
        let page = self.pages.fetch_add(1, Ordering::Relaxed) + 1;
        let answer = if self.slow_down > 0 && page.is_multiple_of(self.slow_down) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            respond("503 Slow Down", SLOW_DOWN.as_bytes().to_vec())
        } else {
            let (body, keys) = self.listing.page(&list_request(query));
            self.keys.fetch_add(keys, Ordering::Relaxed);
            respond("200 OK", body)
        };
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        answer
    }

    /// The counts since the last call, as JSON.
    fn stats(&self) -> String {
        let take = |counter: &AtomicU64| counter.swap(0, Ordering::Relaxed);
        format!(
            "{{\"pages\":{},\"keys\":{},\"refused\":{},\"max_in_flight\":{},\"cpu_ms\":{}}}",
            take(&self.pages),
            take(&self.keys),
            take(&self.refused),
            take(&self.max_in_flight),
            cpu::time("/proc/self/stat", CPU_OF_PROCESS).as_millis()
        )
    }
}

fn respond(status: &'static str, body: Vec<u8>) -> Answer {
    Answer {
        status,
        headers: "Content-Type: application/xml\r\nx-amz-bucket-region: us-east-1\r\n",
        body,
    }
}

fn list_request(query: &str) -> ListRequest {
    let get = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let found = pairs.find(|(found, _)| *found == name);
        found.map(|(_, value)| http_server::decoded(value))
    };
    let number = |text: String| text.parse().expect("the value is a number");
    ListRequest {
        prefix: get("prefix").unwrap_or_default(),
        delimiter: get("delimiter").unwrap_or_default(),
        start_after: get("start-after"),
        token: get("continuation-token").map(number),
        max_keys: get("max-keys").map_or(MAX_PAGE, number),
        is_encoded: get("encoding-type").is_some(),
    }
}
