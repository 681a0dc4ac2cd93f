//! Compresses bodies: picks a coding by `Accept-Encoding`, and encodes with it.
//!
//! It does not decide which responses are compressed, and sets no headers.

use std::io::{self, Write};

use axum::http::{HeaderMap, header};
use flate2::write::GzEncoder;

/// The level of zstd. 5 takes three times as long for 3 % less.
const ZSTD_LEVEL: i32 = 3;
/// The quality of brotli. 5 takes twice as long for 6 % less.
const BROTLI_QUALITY: u32 = 4;
/// The base-2 logarithm of brotli's window: 4 MiB, more than almost all bodies have.
const BROTLI_WINDOW_BITS: u32 = 22;
/// The size of brotli's buffer, in bytes.
const BROTLI_BUFFER_BYTES: usize = 4_096;

/// A content coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Zstd,
    Brotli,
    Gzip,
}

/// What a client accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Accepted {
    /// The best coding for the client. `None` if it prefers the plain body, or accepts only that.
    pub coding: Option<Coding>,
    /// Whether the client also accepts the plain body.
    pub plain: bool,
}

impl Coding {
    /// In the order of our preference, for clients without one: the fastest first.
    const ALL: [Self; 3] = [Self::Zstd, Self::Brotli, Self::Gzip];

    /// The name in `Accept-Encoding` and `Content-Encoding`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// Compresses a body.
    pub(super) fn encode(self, plain: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Zstd => zstd::bulk::compress(plain, ZSTD_LEVEL),
            Self::Brotli => {
                let mut encoder = brotli::CompressorWriter::new(
                    Vec::new(),
                    BROTLI_BUFFER_BYTES,
                    BROTLI_QUALITY,
                    BROTLI_WINDOW_BITS,
                );
                encoder.write_all(plain)?;
                Ok(encoder.into_inner())
            }
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(plain)?;
                encoder.finish()
            }
        }
    }
}

impl Accepted {
    /// Reads `Accept-Encoding` (RFC 9110, section 12.5.3). Without it, only the plain body is accepted.
    ///
    /// The coding with the highest weight wins. A coding that is not named has the weight of `*`.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let values = headers.get_all(header::ACCEPT_ENCODING).iter();
        let listed: Vec<(&str, u16)> = values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(weighted)
            .collect();
        let named = |name: &str| {
            let mut listed = listed.iter();
            let found = listed.find(|(listed, _)| listed.eq_ignore_ascii_case(name));
            found.map(|(_, weight)| *weight)
        };
        let any = named("*");
        let plain = named("identity");
        let weight = |coding: Coding| named(coding.name()).or(any).unwrap_or(0);
        let mut best = None;
        for coding in Coding::ALL {
            let least = best.map_or(0, weight);
            if weight(coding) > least {
                best = Some(coding);
            }
        }
        Self {
            // A client that names `identity` can prefer it.
            coding: best.filter(|best| weight(*best) >= plain.unwrap_or(0)),
            plain: plain.or(any) != Some(0),
        }
    }
}

/// The name and the weight of an element of `Accept-Encoding`, in thousandths. An invalid weight is 0.
fn weighted(element: &str) -> (&str, u16) {
    let mut parts = element.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| {
        let (key, value) = part.split_once('=')?;
        key.trim().eq_ignore_ascii_case("q").then(|| value.trim())
    });
    let parsed = weight.map_or(Ok(1.0), str::parse::<f32>);
    let weight = parsed.ok().filter(|weight| (0.0..=1.0).contains(weight));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is from 0 to 1,000"
    )]
    let thousandths = (weight.unwrap_or(0.0) * 1_000.0).round() as u16;
    (name, thousandths)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::io::Read;
    use std::time::Instant;

    use axum::http::HeaderValue;

    use super::*;

    pub(crate) fn decode(coding: Coding, body: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        match coding {
            Coding::Zstd => plain = zstd::stream::decode_all(body).unwrap(),
            Coding::Brotli => {
                let mut decoder = brotli::Decompressor::new(body, BROTLI_BUFFER_BYTES);
                decoder.read_to_end(&mut plain).unwrap();
            }
            Coding::Gzip => {
                let mut decoder = flate2::read::GzDecoder::new(body);
                decoder.read_to_end(&mut plain).unwrap();
            }
        }
        plain
    }

    #[test]
    fn picks_the_coding_with_the_highest_weight() {
        use Coding::{Brotli, Gzip, Zstd};
        for (values, coding, plain) in [
            (&[][..], None, true),
            (&[""], None, true),
            (&["gzip"], Some(Gzip), true),
            (&["x, GZIP ; Q=0.5"], Some(Gzip), true),
            // What browsers send.
            (&["gzip, deflate, br, zstd"], Some(Zstd), true),
            (&["gzip, deflate, br"], Some(Brotli), true),
            (&["gzip", "br"], Some(Brotli), true),
            (&["gzip;q=1.0, br;q=0.9, zstd;q=0.1"], Some(Gzip), true),
            (&["zstd;q=0.001, br;q=0.002"], Some(Brotli), true),
            (&["*"], Some(Zstd), true),
            (&["zstd;q=0, *"], Some(Brotli), true),
            (&["gzip, *;q=0"], Some(Gzip), false),
            (&["gzip, identity, *;q=0"], Some(Gzip), true),
            (&["identity;q=1, gzip;q=0.5"], None, true),
            (&["identity;q=0.5, gzip;q=1"], Some(Gzip), true),
            (&["identity;q=0, gzip;q=0.1"], Some(Gzip), false),
            (&["identity;q=0"], None, false),
            (&["identity"], None, true),
            (&["gzip;q=0, x"], None, true),
            (&["gzip;q=0.000"], None, true),
            (&["gzip;q=high", "gzip;q=2", "br;q=-1"], None, true),
            (&["gzip;q=NaN"], None, true),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                let value = HeaderValue::from_static(value);
                headers.append(header::ACCEPT_ENCODING, value);
            }
            assert_eq!(
                Accepted::of(&headers),
                Accepted { coding, plain },
                "{values:?}"
            );
        }
    }

    /// A body like a page of a thousand hits. The output of this test shows the cost of each coding, see
    /// tests/README.md.
    #[test]
    fn each_coding_returns_the_body_and_makes_it_small() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut body = String::from("{\"data\":[");
        for number in 0..1_000 {
            let (etag, size) = (random.u128(..), random.u32(..9_000_000));
            write!(
                body,
                "{{\"source\":\"photos\",\"path\":\"/2024/summer/IMG_{number:04}.jpg\",\"key\":\"images/2024/\
                 summer/IMG_{number:04}.jpg\",\"size\":{size},\"etag\":\"{etag:032x}\",\"storage_class\":\
                 \"STANDARD\",\"url\":\"https://photos.example.com/2024/summer/IMG_{number:04}.jpg\"}},"
            )
            .unwrap();
        }
        for coding in Coding::ALL {
            let started = Instant::now();
            let encoded = coding.encode(body.as_bytes()).unwrap();
            println!(
                "{:<5} {:>7} of {} bytes in {:.1} ms",
                coding.name(),
                encoded.len(),
                body.len(),
                started.elapsed().as_secs_f64() * 1e3
            );
            assert!(encoded.len() * 4 < body.len(), "{coding:?}");
            assert_eq!(decode(coding, &encoded), body.as_bytes(), "{coding:?}");
            let empty = coding.encode(b"").unwrap();
            assert_eq!(decode(coding, &empty), b"", "{coding:?}");
        }
    }
}
