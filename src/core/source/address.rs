//! Asset URLs: the base address of a Source, and keys written so that a URL can hold them.

/// What makes the base address where none is written.
pub const DEFAULT_BASE_URL: &str = "https://{subdomain}.imgix.net";

/// The base address with the subdomain put in for `{subdomain}`, and no `/` at the end.
pub fn base_url(template: &str, subdomain: &str) -> String {
    let url = template.replace("{subdomain}", subdomain);
    url.trim_end_matches('/').to_owned()
}

/// Appends the text with each byte encoded that is neither `/` nor unreserved.
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
