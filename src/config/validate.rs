//! Validates single values: numbers, names, buckets, subdomains and URLs.
//!
//! `key` is the name of the value in errors.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::config::error::InvalidValue;
use crate::config::file::WholeNumber;
use crate::core::source::queue_url;

/// Maximum length of the name of a Source, in characters.
const MAX_NAME: usize = 64;

/// Maximum length of the note about a Source, in characters.
const MAX_ANNOTATION: usize = 1_000;

/// The time between two scans, if none is set: a day.
const SCAN_INTERVAL_MINUTES: u32 = 1_440;

/// Returns the number if it is in the range, or the default if there is none.
pub(super) fn number(
    key: &str,
    value: Option<WholeNumber>,
    default: u32,
    range: RangeInclusive<u32>,
) -> Result<u32, InvalidValue> {
    let Some(WholeNumber(value)) = value else {
        return Ok(default);
    };
    let number = u32::try_from(value).ok();
    number
        .filter(|n| range.contains(n))
        .ok_or_else(|| InvalidValue {
            key: key.to_owned(),
            value: Some(value.to_string()),
            problem: format!("must be a number from {} to {}", range.start(), range.end()),
        })
}

/// Returns the maximum time between two scans, which is written in minutes.
pub(super) fn scan_interval(
    key: &str,
    minutes: Option<WholeNumber>,
) -> Result<Duration, InvalidValue> {
    let minutes = number(key, minutes, SCAN_INTERVAL_MINUTES, 1..=43_200)?;
    Ok(Duration::from_secs(60 * u64::from(minutes)))
}

/// Checks the note about a Source. An empty one is none.
pub(super) fn annotation(text: Option<String>) -> Result<Option<String>, InvalidValue> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let is_forbidden = |c: char| c.is_control() && !"\n\t".contains(c);
    let problem = if text.chars().count() > MAX_ANNOTATION {
        format!("must not have more than {MAX_ANNOTATION} characters")
    } else if text.contains(is_forbidden) {
        "must be plain text, without control characters".to_owned()
    } else {
        return Ok(Some(text));
    };
    Err(InvalidValue::hidden("annotation", problem))
}

/// Checks the name of a Source.
pub(super) fn name(name: &str) -> Result<(), InvalidValue> {
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if starts_well && name.chars().all(is_safe) && name.len() <= MAX_NAME {
        return Ok(());
    }
    Err(InvalidValue::text(
        "name",
        name,
        format!(
            "must have 1 to {MAX_NAME} characters (letters a-z and A-Z, digits, \"-\", \"_\" and \".\") and \
             start with a letter or digit, because names are used on command lines and in URLs"
        ),
    ))
}

/// Checks the name of a bucket.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>
pub(super) fn bucket(bucket: &str) -> Result<(), InvalidValue> {
    let is_edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_allowed = |c: char| is_edge(c) || c == '-' || c == '.';
    let problem = if bucket.starts_with("arn:") && bucket.contains(":accesspoint") {
        "set the name of the bucket, not the ARN of an access point; if you may use only the access point, set its \
         alias, which ends in \"-s3alias\", and leave out `events`"
    } else if bucket.starts_with("arn:") {
        "set the name of the bucket, which is the last part of the ARN, and set `prefix` to the folder in it"
    } else if bucket.starts_with("http://") || bucket.starts_with("https://") {
        "set only the name of the bucket, and set `prefix` to the folder in it; for a store other than AWS, set \
         `endpoint_url` to its URL"
    } else if bucket.starts_with("s3://") || bucket.contains('/') {
        "set only the name of the bucket, and set `prefix` to the folder in it"
    } else if bucket.ends_with("--x-s3") || bucket.ends_with("--xa-s3") {
        "directory buckets list their keys in no order, so they cannot be mirrored; use a \
         general-purpose bucket"
    } else if !(3..=63).contains(&bucket.len())
        || !bucket.chars().all(is_allowed)
        || !bucket.starts_with(is_edge)
        || !bucket.ends_with(is_edge)
        || bucket.contains("..")
    {
        "not the name of a bucket: it must have 3 to 63 lower-case letters, digits, \"-\" and single \
         \".\", and start and end with a letter or digit"
    } else {
        return Ok(());
    };
    Err(InvalidValue::text("bucket", bucket, problem))
}

/// Returns the prefix with a `/` at its end, or an empty one.
pub(super) fn prefix(prefix: &str) -> Result<String, InvalidValue> {
    if let Some(rest) = prefix.strip_prefix('/') {
        let problem = format!(
            "keys do not start with \"/\", so nothing would be found; set {rest:?}, or remove \
             `prefix` for the whole bucket"
        );
        return Err(InvalidValue::text("prefix", prefix, problem));
    }
    if prefix.is_empty() || prefix.ends_with('/') {
        Ok(prefix.to_owned())
    } else {
        Ok(format!("{prefix}/"))
    }
}

/// Checks a region of AWS or of another store.
pub(super) fn region(key: &str, region: &str) -> Result<(), InvalidValue> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !region.is_empty() && region.chars().all(is_allowed) {
        return Ok(());
    }
    let problem =
        "set a region such as \"eu-central-1\", or remove it so that the region is detected";
    Err(InvalidValue::text(key, region, problem))
}

/// Checks a DNS label.
pub(super) fn subdomain(label: &str) -> Result<(), InvalidValue> {
    let is_edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_label = (1..=63).contains(&label.len())
        && label.chars().all(|c| is_edge(c) || c == '-')
        && label.starts_with(is_edge)
        && label.ends_with(is_edge);
    if is_label {
        return Ok(());
    }
    Err(InvalidValue::text(
        "subdomain",
        label,
        "set one DNS label, such as \"photos\" for photos.imgix.net: 1 to 63 lower-case letters, digits \
         and \"-\", starting and ending with a letter or digit; for another host, set `base_url`",
    ))
}

/// Checks the id of an AWS account.
pub(super) fn account(key: &str, account: &str) -> Result<(), InvalidValue> {
    if account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(());
    }
    let problem = "set the 12 digits of the account id, in quotes and without hyphens";
    Err(InvalidValue::text(key, account, problem))
}

/// Returns a URL that starts with `http://` or `https://`, without a `/` at its end.
pub(super) fn http_url(key: &str, url: &str, example: &str) -> Result<String, InvalidValue> {
    let Some(rest) = ["https://", "http://"]
        .iter()
        .find_map(|s| url.strip_prefix(s))
    else {
        return Err(InvalidValue::text(
            key,
            url,
            format!("set a URL such as {example:?}"),
        ));
    };
    let host = rest.split('/').next().unwrap_or_default();
    if rest.contains('@') {
        let problem = format!(
            "a URL must not contain a user or a password; set a URL such as {example:?}, and the access key \
             under `credentials`"
        );
        return Err(InvalidValue::hidden(key, problem));
    }
    let is_forbidden = |c: char| c.is_whitespace() || c.is_control() || "?#\\\"<>`".contains(c);
    let problem = if url.contains(is_forbidden) {
        "the URL must not contain spaces, quotes, \"?\", \"#\", \"\\\", \"<\" or \">\""
    } else if !is_host_and_port(host) {
        "the URL has no host, or an invalid port"
    } else {
        return Ok(url.trim_end_matches('/').to_owned());
    };
    let problem = format!("{problem}; set a URL such as {example:?}");
    Err(InvalidValue::text(key, url, problem))
}

/// The same for the URL of a queue. Two Sources must not use one queue by two URLs that look different.
pub(super) fn queue_url(url: &str, example: &str) -> Result<String, InvalidValue> {
    let key = "events.queue_url";
    let checked = http_url(key, url, example)?;
    match queue_url::path_problem(&checked) {
        Some(problem) => Err(InvalidValue::text(key, url, problem)),
        None => Ok(checked),
    }
}

fn is_host_and_port(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        // The colons of an IPv6 address in brackets do not precede a port.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    // The page puts the host into a header, in which some characters have a meaning. An encoded host could be any.
    !host.is_empty() && !host.contains(['*', ',', ';', '\'', '%']) && port.is_none_or(is_port)
}
