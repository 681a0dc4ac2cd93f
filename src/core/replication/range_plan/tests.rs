//! Lists simulated buckets by the plan, and counts the rounds of requests.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::alphabet::{End, KeySpace};
use super::*;

/// A bucket: its keys in order.
struct Bucket(Vec<String>);

impl Bucket {
    fn new(keys: impl IntoIterator<Item = String>) -> Self {
        let mut keys: Vec<String> = keys.into_iter().collect();
        keys.sort_unstable();
        keys.dedup();
        Self(keys)
    }

    /// The next page after `after`, as S3 answers it.
    fn page(&self, prefix: &str, after: Option<&str>, most: usize) -> &[String] {
        let begin = self.0.partition_point(|key| {
            key.as_str() < prefix || after.is_some_and(|after| key.as_str() <= after)
        });
        let keys = &self.0[begin..];
        let end = keys
            .iter()
            .take(most)
            .take_while(|key| key.starts_with(prefix))
            .count();
        &keys[..end]
    }
}

/// A listing of a bucket.
#[derive(Debug, Default)]
struct Listing {
    keys: Vec<String>,
    rounds: usize,
    requests: usize,
    empty: usize,
    cut: usize,
    most_in_flight: usize,
}

/// Lists a bucket in rounds: in each, all ranges in flight get one page.
fn list(bucket: &Bucket, ranges: Vec<PlannedRange>, in_flight: usize) -> Listing {
    let mut plan = RangePlan::new(ranges);
    let mut listing = Listing::default();
    let mut running: Vec<(RangeId, KeyRange)> = Vec::new();
    while !plan.is_done() {
        // The first page is listed before any other.
        let allowed = if listing.rounds == 0 { 1 } else { in_flight };
        while running.len() < allowed
            && let Some(next) = plan.next(in_flight)
        {
            running.push(next);
        }
        listing.rounds += 1;
        listing.requests += running.len();
        listing.most_in_flight = listing.most_in_flight.max(running.len());
        running.retain_mut(|(id, range)| {
            let page = bucket.page(
                &range.prefix,
                range.after.as_deref(),
                plan.first_keys(*id).into(),
            );
            let until = plan.until(*id).map(str::to_owned);
            let inside = match &until {
                Some(until) => page.partition_point(|key| key <= until),
                None => page.len(),
            };
            let is_last = bucket
                .page(&range.prefix, page.last().map(String::as_str), 1)
                .is_empty();
            let done =
                page.is_empty() || inside < page.len() || is_last || page.last() == until.as_ref();
            listing.cut += page.len() - inside;
            let page = &page[..inside];
            listing.empty += usize::from(page.is_empty());
            if let Some(last) = page.last() {
                range.after = Some(last.clone());
            }
            plan.on_page(*id, page.iter().map(String::as_str), done);
            listing.keys.extend_from_slice(page);
            !done
        });
        assert!(listing.rounds < 100_000, "no progress");
    }
    listing.keys.sort_unstable();
    listing
}

fn whole() -> Vec<PlannedRange> {
    vec![PlannedRange {
        range: KeyRange::under(""),
        keys: None,
    }]
}

fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

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

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn layout(name: &str, keys: u64) -> Bucket {
    let key = |n: u64| match name {
        "nested" => format!(
            "{}/{:06}-project/{}/{:03}-hero-{:08x}.jpg",
            TOPS[(n * 8 / keys) as usize],
            n / 300,
            ["final", "raw", "web"][(n % 300 / 100) as usize],
            n % 300,
            mixed(n) as u32
        ),
        "flat" => format!("img{n:09}.jpg"),
        "skewed" if n * 10 < keys * 9 => format!("photos/{n:08}.jpg"),
        "skewed" => format!("{:04}/{}.jpg", mixed(n) % 3_000, mixed(n)),
        "deep" => {
            let mut key = String::from("a/b/c/d/e/f/g/h/");
            for level in (0..6).rev() {
                let _ = write!(key, "level{}/", n / 30 / 8u64.pow(level) % 8);
            }
            let _ = write!(key, "{n:08}.jpg");
            key
        }
        "hashed" => format!("{:016x}.jpg", mixed(n)),
        "unicode" => format!(
            "фото/{}/{:05}-müller.jpg",
            ["альфа", "бета", "гамма", "日本", "ωμέγα"][(n % 5) as usize],
            n / 5
        ),
        "uuid" => format!(
            "users/{:08x}-{:04x}-{:04x}/avatar.png",
            mixed(n) as u32,
            n % 7,
            mixed(n + 1) as u16
        ),
        "dates" => format!(
            "logs/{}/{:02}/{:02}/{:02}-{:06}.gz",
            2015 + n * 10 / keys,
            1 + n * 120 / keys % 12,
            1 + n * 3_600 / keys % 30,
            n % 24,
            n
        ),
        "tail" => format!("zz/~~~/zzzz-~/{:07}~", n * 97 % 10_000_019),
        "base64" => (0..20)
            .map(|at| char::from(BASE64[(mixed(n * 32 + at) % 64) as usize]))
            .collect(),
        // The first pages show nothing of what follows.
        "steps" => match n * 20 / keys {
            0 => format!("0-index/{n:08}"),
            1..3 => format!("Archive 2020/{}/{n}", mixed(n) % 97),
            3..18 => format!(
                "data/v2/tenants/{:04x}/objects/{:032x}",
                n % 3,
                u128::from(mixed(n)) << 60
            ),
            _ => format!("~tmp/é/{}", mixed(n)),
        },
        // Long names with a few keys in each.
        "sparse" => format!(
            "{:064x}/{n}/original-file-with-a-very-long-name-{}.tiff",
            u128::from(mixed(n / 4)),
            mixed(n)
        ),
        _ => unreachable!(),
    };
    Bucket::new((0..keys).map(key))
}

const LAYOUTS: [&str; 12] = [
    "nested", "flat", "skewed", "deep", "hashed", "unicode", "uuid", "dates", "tail", "base64",
    "steps", "sparse",
];

/// The number of keys of each layout.
const KEYS: u64 = 100_000;

/// The most rounds of a listing with 64 ranges in flight. At best it takes three.
const MAX_ROUNDS: usize = 17;

#[test]
fn every_layout_is_listed_in_parallel() {
    for name in LAYOUTS {
        let bucket = layout(name, KEYS);
        let listing = list(&bucket, whole(), 64);
        assert_eq!(listing.keys, bucket.0, "{name}");
        println!(
            "{name:<8}: {:>3} rounds, {:>4} requests, {:>4} empty, {:>6} cut",
            listing.rounds, listing.requests, listing.empty, listing.cut
        );
        assert!(
            listing.rounds <= MAX_ROUNDS,
            "{name}: {} rounds",
            listing.rounds
        );
        assert_eq!(listing.most_in_flight, 64, "{name}");
        let wasted = 8 * 64 + listing.requests / 2;
        assert!(
            listing.cut < bucket.0.len(),
            "{name}: {} keys too many",
            listing.cut
        );
        assert!(
            listing.empty <= wasted,
            "{name}: {} empty pages",
            listing.empty
        );
    }
}

#[test]
fn one_range_in_flight_wastes_no_request() {
    for name in LAYOUTS {
        let bucket = layout(name, 20_500);
        let listing = list(&bucket, whole(), 1);
        assert_eq!(listing.keys, bucket.0, "{name}");
        assert_eq!((listing.requests, listing.empty), (21, 0), "{name}");
    }
}

#[test]
fn known_bucket_is_listed_without_probes_until_it_has_more_keys() {
    let bucket = layout("nested", 64_000);
    let points = (1..16).map(|part| bucket.0[part * 4_000 - 1].clone());
    let ranges = || {
        let parts = KeyRange::under("").split(points.clone());
        let known = |range| PlannedRange {
            range,
            keys: Some(4_000),
        };
        parts.into_iter().map(known).collect::<Vec<_>>()
    };
    let listing = list(&bucket, ranges(), 64);
    assert_eq!(listing.keys, bucket.0);
    assert_eq!(listing.empty, 0);
    // All new keys are in one of the ranges.
    let new = (0..100_000).map(|n| format!("brand/deep/a/b/c/{n:06}.jpg"));
    let grown = Bucket::new(bucket.0.iter().cloned().chain(new));
    let listing = list(&grown, ranges(), 64);
    assert_eq!(listing.keys, grown.0);
    assert!(listing.rounds < 30, "{} rounds", listing.rounds);
}

/// A text of a few characters, some of them the last ones of their class or of Unicode.
fn text() -> impl Strategy<Value = String> {
    const CHARS: [char; 14] = [
        '0',
        '1',
        '9',
        'a',
        'z',
        '/',
        '-',
        ' ',
        '~',
        '\u{1}',
        'ü',
        '日',
        '\u{D7FF}',
        '\u{10FFFF}',
    ];
    proptest::collection::vec(proptest::sample::select(&CHARS[..]), 0..6)
        .prop_map(String::from_iter)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_key_is_listed_exactly_once(
        prefix in text(),
        names in proptest::collection::vec(text(), 1..15),
        in_flight in 1..20_usize,
    ) {
        // Each name has a folder with many keys, so pages are full.
        let full = |name: &String| (0..700).map(|n| format!("{prefix}{name}{n:03}")).collect::<Vec<_>>();
        let keys = names.iter().flat_map(full);
        let bucket = Bucket::new(keys.chain(names.iter().cloned()));
        let range = KeyRange::under(prefix.clone());
        let listing = list(&bucket, vec![PlannedRange { range, keys: None }], in_flight);
        let want: Vec<&String> = bucket.0.iter().filter(|key| key.starts_with(&prefix)).collect();
        prop_assert!(listing.keys.iter().eq(want));
    }

    #[test]
    fn text_lies_between_its_ends(
        prefix in text(), key in text(), end in proptest::option::of(text()), distance in -80.0..80.0_f64,
    ) {
        let mut alphabet = Alphabet::new();
        alphabet.learn(&key);
        let (key, end) = (format!("{prefix}{key}"), end.map(|end| format!("{prefix}{end}")));
        let space = KeySpace::around(&alphabet, prefix.chars().count(), &key);
        let bound = end.as_deref().map_or(End::OfPrefix, End::At);
        if let Some(text) = space.text_at(&key, distance, bound) {
            prop_assert!(text > key && text.starts_with(&prefix), "{text:?}");
            prop_assert!(end.is_none_or(|end| text < end), "{text:?}");
        }
    }
}
