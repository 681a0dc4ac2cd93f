//! Whether a single value can be meant: names, buckets, subdomains, addresses.
//!
//! Each check takes the key as it is to be named in an error, and gives the value back.

use std::ops::RangeInclusive;

use crate::config::error::InvalidValue;

/// The longest name of a Source, in characters.
const MAX_NAME: usize = 64;

/// A number in a range; the default where none is written.
pub(super) fn number(
    key: &str,
    value: Option<i64>,
    default: u32,
    range: RangeInclusive<u32>,
) -> Result<u32, InvalidValue> {
    let Some(value) = value else {
        return Ok(default);
    };
    let number = u32::try_from(value).ok();
    number
        .filter(|n| range.contains(n))
        .ok_or_else(|| InvalidValue {
            key: key.to_owned(),
            value: Some(value.to_string()),
            problem: format!("write a number from {} to {}", range.start(), range.end()),
        })
}

/// The name of a Source.
pub(super) fn name(name: &str) -> Result<(), InvalidValue> {
    let begins_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if begins_well && name.chars().all(is_safe) && name.len() <= MAX_NAME {
        return Ok(());
    }
    Err(InvalidValue::text(
        "name",
        name,
        format!(
            "a name stands on command lines and in addresses; write 1 to {MAX_NAME} of the \
             letters a-z and A-Z, digits, \"-\", \"_\" and \".\", beginning with a letter or digit"
        ),
    ))
}

/// The name of a bucket.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>
pub(super) fn bucket(bucket: &str) -> Result<(), InvalidValue> {
    let is_edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_allowed = |c: char| is_edge(c) || c == '-' || c == '.';
    let problem = if bucket.starts_with("s3://") || bucket.contains('/') {
        "write the bucket's name alone; a folder in it is written as `prefix`"
    } else if bucket.starts_with("arn:") {
        "write the bucket's name, or the alias of an access point, not an ARN"
    } else if bucket.ends_with("--x-s3") {
        "directory buckets list their keys in no order and cannot be mirrored; write the name of a \
         general-purpose bucket"
    } else if !(3..=63).contains(&bucket.len())
        || !bucket.chars().all(is_allowed)
        || !bucket.starts_with(is_edge)
        || !bucket.ends_with(is_edge)
        || bucket.contains("..")
    {
        "this is no bucket's name; write 3 to 63 lower-case letters, digits, \"-\" and single \
         \".\", beginning and ending with a letter or digit"
    } else {
        return Ok(());
    };
    Err(InvalidValue::text("bucket", bucket, problem))
}

/// The folder of a Source, with the `/` at its end.
pub(super) fn prefix(prefix: &str) -> Result<String, InvalidValue> {
    if let Some(rest) = prefix.strip_prefix('/') {
        let problem = format!(
            "keys do not begin with \"/\", so nothing would be found; write {rest:?}, or leave \
             `prefix` out for the whole bucket"
        );
        return Err(InvalidValue::text("prefix", prefix, problem));
    }
    if prefix.is_empty() || prefix.ends_with('/') {
        Ok(prefix.to_owned())
    } else {
        Ok(format!("{prefix}/"))
    }
}

/// A Region, of AWS or of another store.
pub(super) fn region(key: &str, region: &str) -> Result<(), InvalidValue> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !region.is_empty() && region.chars().all(is_allowed) {
        return Ok(());
    }
    let problem = "write a Region such as \"eu-central-1\", or leave it out to have it found out";
    Err(InvalidValue::text(key, region, problem))
}

/// A DNS label.
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
        "write one DNS label (\"photos\" of photos.imgix.net): 1 to 63 lower-case letters, digits \
         and \"-\", beginning and ending with a letter or digit; another host is written as \
         `base_url`",
    ))
}

/// The id of an AWS account.
pub(super) fn account(key: &str, account: &str) -> Result<(), InvalidValue> {
    if account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(());
    }
    let problem = "write the twelve digits of the account's id, in quotes, without hyphens";
    Err(InvalidValue::text(key, account, problem))
}

/// An address that begins with `http://` or `https://`, without the `/` at its end.
pub(super) fn http_url(key: &str, url: &str, example: &str) -> Result<String, InvalidValue> {
    let Some(rest) = ["https://", "http://"]
        .iter()
        .find_map(|s| url.strip_prefix(s))
    else {
        return Err(InvalidValue::text(
            key,
            url,
            format!("write an address such as {example:?}"),
        ));
    };
    let host = rest.split('/').next().unwrap_or_default();
    if rest.contains('@') {
        let problem = format!(
            "an address must not hold a user or a password; write an address such as {example:?} \
             and the access key under `credentials`"
        );
        return Err(InvalidValue::hidden(key, problem));
    }
    let is_forbidden = |c: char| c.is_whitespace() || c.is_control() || "?#\\".contains(c);
    let problem = if url.contains(is_forbidden) {
        "an address here has no spaces and no \"?\", \"#\" or \"\\\""
    } else if !is_host_and_port(host) {
        "the address has no host, or a port that is none"
    } else {
        return Ok(url.trim_end_matches('/').to_owned());
    };
    let problem = format!("{problem}; write one such as {example:?}");
    Err(InvalidValue::text(key, url, problem))
}

fn is_host_and_port(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        // The colons in the brackets of an IPv6 address come before no port.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    !host.is_empty() && port.is_none_or(is_port)
}
