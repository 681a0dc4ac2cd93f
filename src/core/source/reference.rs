//! References: the ways in which people name an asset of a Source, and the key that each one means.
//!
//! | form | example, for the prefix `photos/` of `my-bucket` |
//! |---|---|
//! | asset path | `/2024/a b.jpg` |
//! | key | `photos/2024/a b.jpg` |
//! | asset path without its `/` | `2024/a b.jpg` |
//! | S3 URI | `s3://my-bucket/photos/2024/a b.jpg` |
//! | ARN | `arn:aws:s3:::my-bucket/photos/2024/a b.jpg` |
//! | URL in the bucket | `https://my-bucket.s3.eu-west-1.amazonaws.com/photos/2024/a%20b.jpg` |
//! | URL of the asset | `https://my-photos.imgix.net/2024/a%20b.jpg?w=200` |
//!
//! The URLs can lack their scheme, as in `my-photos.imgix.net/2024/a%20b.jpg`. A text that starts with `/` is always an
//! asset path, so that every key can be named.

use crate::core::source::{Source, address, aws_host};

/// Why a text names no asset of the Source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// It is empty, or names the bucket or folder itself.
    #[error("{0:?} names no asset; write an asset path such as \"/2024/a.jpg\", a key or a URL")]
    NoKey(String),
    /// It names another bucket.
    #[error(
        "{text:?} names the bucket {bucket:?}, but the Source is in {own:?}; choose another Source"
    )]
    OtherBucket {
        /// The reference.
        text: String,
        /// The bucket in the reference.
        bucket: String,
        /// The bucket of the Source.
        own: String,
    },
    /// It is a URL of another server.
    #[error(
        "{text:?} is neither a URL of the Source's bucket {bucket:?} nor starts with its base URL {base_url:?}; \
         to name a key that looks like a URL, write \"/\" before it"
    )]
    OtherUrl {
        /// The reference.
        text: String,
        /// The bucket of the Source.
        bucket: String,
        /// The base URL of the Source.
        base_url: String,
    },
    /// It is a URL with a `%` that encodes nothing.
    #[error("{0:?} is not a valid URL: write %25 for a \"%\", and only encode UTF-8")]
    Encoding(String),
}

/// Whether the text starts as a URI: `s3://`, `http://`, `https://` or an ARN. Keys and paths do not.
pub fn is_uri(text: &str) -> bool {
    starts_with_ignoring_case(text, "s3://") || is_http(text) || object_of_arn(text).is_some()
}

/// The key that the text names. It can be outside the Source's prefix if the text names a bucket.
pub(super) fn key_of(source: &Source, text: &str) -> Result<String, ReferenceError> {
    let key = if text.starts_with('/') {
        source.key_of(text).unwrap_or_default()
    } else if starts_with_ignoring_case(text, "s3://") {
        in_bucket(source, text, &text["s3://".len()..])?
    } else if let Some(object) = object_of_arn(text) {
        in_bucket(source, text, object)?
    } else if is_http(text) {
        key_of_url(source, text)?
    } else if let Some(key) = key_of_url_without_scheme(source, text) {
        key?
    } else if text.is_empty() || text.starts_with(&source.prefix) {
        text.to_owned()
    } else {
        format!("{}{text}", source.prefix)
    };
    if key.is_empty() {
        return Err(ReferenceError::NoKey(text.to_owned()));
    }
    Ok(key)
}

/// The URL with spaces instead of `+`: the S3 console writes them like this in the URLs of objects, where other
/// programs mean a `+`. `None` if there is nothing to replace.
pub(super) fn with_spaces(text: &str) -> Option<String> {
    let path = text.split(['?', '#']).next().unwrap_or_default();
    (is_http(text) && path.contains('+')).then(|| path.replace('+', "%20"))
}

fn is_http(text: &str) -> bool {
    ["http://", "https://"]
        .iter()
        .any(|scheme| starts_with_ignoring_case(text, scheme))
}

fn starts_with_ignoring_case(text: &str, start: &str) -> bool {
    text.get(..start.len())
        .is_some_and(|own| own.eq_ignore_ascii_case(start))
}

/// `bucket/key` of an object's ARN in any partition.
fn object_of_arn(text: &str) -> Option<&str> {
    let (_, rest) = text.strip_prefix("arn:")?.split_once(':')?;
    rest.strip_prefix("s3:::")
}

/// The key in `bucket/key`.
fn in_bucket(source: &Source, text: &str, object: &str) -> Result<String, ReferenceError> {
    let (bucket, key) = object.split_once('/').unwrap_or((object, ""));
    if bucket.is_empty() {
        return Err(ReferenceError::NoKey(text.to_owned()));
    }
    if bucket != source.bucket {
        return Err(ReferenceError::OtherBucket {
            text: text.to_owned(),
            bucket: bucket.to_owned(),
            own: source.bucket.clone(),
        });
    }
    Ok(key.to_owned())
}

fn key_of_url(source: &Source, text: &str) -> Result<String, ReferenceError> {
    let decode = |encoded: &str| {
        percent_decode(encoded).ok_or_else(|| ReferenceError::Encoding(text.to_owned()))
    };
    let url = text.split(['?', '#']).next().unwrap_or_default();
    let default_base_url = address::base_url(address::DEFAULT_BASE_URL, &source.subdomain);
    for base_url in [&source.base_url, &default_base_url] {
        if let Some(path) = path_under(url, base_url) {
            return Ok(source.key_of(&decode(path)?).unwrap_or_default());
        }
    }
    let (host, path) = split_host(url);
    if let Some(bucket) = bucket_in_host(source, url, host) {
        return in_bucket(source, text, &decode(&format!("{bucket}{path}"))?);
    }
    if is_store(source, url, host) {
        return in_bucket(source, text, &decode(path.trim_start_matches('/'))?);
    }
    Err(ReferenceError::OtherUrl {
        text: text.to_owned(),
        bucket: source.bucket.clone(),
        base_url: source.base_url.clone(),
    })
}

/// The key of a URL that lacks its scheme, if it is one of the Source. `None` for any other text.
fn key_of_url_without_scheme(
    source: &Source,
    text: &str,
) -> Option<Result<String, ReferenceError>> {
    let (host, _) = text.split_once('/')?;
    if !host.contains(['.', ':']) {
        return None;
    }
    match key_of_url(source, &format!("https://{text}")) {
        Err(ReferenceError::OtherUrl { .. }) => None,
        key => Some(key),
    }
}

/// The rest of the URL after the base URL: empty, or from its `/` on. The letter case of scheme and host does not matter.
fn path_under<'a>(url: &'a str, base_url: &str) -> Option<&'a str> {
    let ((host, path), (base_host, base_path)) = (split_host(url), split_host(base_url));
    let is_same_host = host.eq_ignore_ascii_case(base_host);
    let rest = path.strip_prefix(base_path).filter(|_| is_same_host)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

/// The host with its port, and the path with its `/`.
fn split_host(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split_at(rest.find('/').unwrap_or(rest.len()))
}

/// The bucket in a virtual-host URL of AWS or of the Source's own store.
fn bucket_in_host<'a>(source: &Source, url: &str, host: &'a str) -> Option<&'a str> {
    if let Some(endpoint) = source.non_aws_store() {
        let (store, _) = split_host(endpoint);
        let length = host.len().checked_sub(store.len() + 1)?;
        let (bucket, rest) = host.split_at_checked(length)?;
        let is_store = rest.starts_with('.') && rest[1..].eq_ignore_ascii_case(store);
        return is_store.then_some(bucket);
    }
    // Names of buckets may have dots, so the service is the last label that names S3.
    let name = aws_host::name(url)?;
    let service = name
        .match_indices('.')
        .rfind(|(i, _)| is_s3_label(name[i + 1..].split('.').next().unwrap_or_default()))?;
    host.get(..service.0)
}

/// Whether the host is the store's own, so that the path starts with the bucket.
fn is_store(source: &Source, url: &str, host: &str) -> bool {
    if let Some(endpoint) = source.non_aws_store() {
        return host.eq_ignore_ascii_case(split_host(endpoint).0);
    }
    let name = aws_host::name(url).unwrap_or_default();
    is_s3_label(name.split('.').next().unwrap_or_default())
}

/// Whether a label of an AWS host names S3: `s3`, `s3-fips`, or `s3-eu-west-1` in old URLs.
fn is_s3_label(label: &str) -> bool {
    label == "s3" || label.starts_with("s3-")
}

/// Decodes `%` and two hex digits. `None` if the digits are missing or the result is not UTF-8.
fn percent_decode(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.as_bytes().split_first_chunk::<2>()?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let digits = str::from_utf8(digits).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests;
