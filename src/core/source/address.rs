//! Asset paths and asset URLs: conversions between a key, its path and its URL.

/// The base address of a Source that has no `base_url` in the configuration.
pub const DEFAULT_BASE_URL: &str = "https://{subdomain}.imgix.net";

/// Stands for the path of an asset in the URL of a thumbnail: percent-encoded, with the `/` at its start.
pub const PATH_PLACEHOLDER: &str = "{path}";

/// Stands for the key of an asset in the URL of a thumbnail: percent-encoded.
pub const KEY_PLACEHOLDER: &str = "{key}";

/// Replaces `{subdomain}` in a base address and removes any `/` at the end.
pub fn base_url(template: &str, subdomain: &str) -> String {
    let url = template.replace("{subdomain}", subdomain);
    url.trim_end_matches('/').to_owned()
}

/// `/` and the key without the prefix, or `None` if the key is not under the prefix.
pub(super) fn asset_path(prefix: &str, key: &str) -> Option<String> {
    Some(format!("/{}", key.strip_prefix(prefix)?))
}

/// The key with this asset path, or `None` if the path names no key.
pub(super) fn key_of(prefix: &str, asset_path: &str) -> Option<String> {
    let key = format!("{prefix}{}", asset_path.strip_prefix('/')?);
    (!key.is_empty()).then_some(key)
}

/// The URL of an asset. A key that is not under the prefix gets the URL it would have there.
pub(super) fn asset_url(base_url: &str, prefix: &str, key: &str) -> String {
    let relative = key.strip_prefix(prefix).unwrap_or(key);
    let mut url = format!("{base_url}/");
    percent_encode(relative, &mut url);
    url
}

/// The URL of a thumbnail. A key that is not under the prefix gets the URL it would have there.
pub(super) fn thumbnail_url(template: &str, prefix: &str, key: &str) -> String {
    // Encoded text has no braces, so the second replacement changes nothing that the first has inserted.
    let path = asset_url("", prefix, key);
    let mut encoded_key = String::new();
    percent_encode(key, &mut encoded_key);
    template
        .replace(PATH_PLACEHOLDER, &path)
        .replace(KEY_PLACEHOLDER, &encoded_key)
}

/// Appends the text to the URL, encoding every byte except `/` and the unreserved characters.
/// <https://www.rfc-editor.org/rfc/rfc3986#section-2.3>
pub fn percent_encode(text: &str, url: &mut String) {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
    ];
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            url.push(char::from(byte));
        } else {
            url.push('%');
            url.push(DIGITS[usize::from(byte >> 4)]);
            url.push(DIGITS[usize::from(byte & 15)]);
        }
    }
}
