//! The URLs at which browsers load assets: the base address, and the template of the thumbnails.
//!
//! This module checks and resolves them. It sends no request.

use super::error::InvalidValue;
use super::validate;
use crate::core::source::address::{self, KEY_PLACEHOLDER, PATH_PLACEHOLDER};

/// Maximum length of a template, in bytes.
const MAX_TEMPLATE: usize = 1_000;

/// The template of a Source at imgix.net that has none, after its base address. The page shows thumbnails in boxes
/// that are about as large as this.
const AT_IMGIX: &str = "{path}?w=320&h=240&fit=max&auto=format";

/// The domain at which a service draws thumbnails by the query of [`AT_IMGIX`].
const IMGIX: &str = ".imgix.net";

/// An example of a template.
const EXAMPLE: &str = "https://{subdomain}.imgix.net{path}?w=320&h=240&fit=max&auto=format";

/// The names that a template can have in braces.
const PLACEHOLDERS: [&str; 3] = ["{subdomain}", PATH_PLACEHOLDER, KEY_PLACEHOLDER];

/// The values that the URLs of a Source depend on.
#[derive(Clone, Copy)]
pub(super) struct AssetUrls<'a> {
    pub subdomain: &'a str,
    /// Whether people set it up through the page, the API or the command line.
    pub is_managed: bool,
}

impl AssetUrls<'_> {
    /// Resolves `base_url`.
    pub(super) fn base(self, written: Option<&str>) -> Result<String, InvalidValue> {
        let template = written.unwrap_or(address::DEFAULT_BASE_URL);
        let url = address::base_url(template, self.subdomain);
        let refused = |problem: &str| InvalidValue::text("base_url", template, problem);
        if url.contains(['{', '}']) {
            return Err(refused(
                "{subdomain} is the only placeholder; set a URL such as \"https://{subdomain}.example.com\"",
            ));
        }
        if self.is_managed && !is_private(&url) {
            return Err(refused(
                "must start with https://, because other people could change what plain HTTP delivers",
            ));
        }
        let url = validate::http_url("base_url", &url, address::DEFAULT_BASE_URL);
        url.map_err(|error| InvalidValue {
            value: error.value.map(|_| format!("{template:?}")),
            ..error
        })
    }

    /// Resolves `thumbnail_url`. The result still has the placeholders of the path and the key.
    ///
    /// `written_base` is the resolved base address, if the configuration has one. If it is at imgix.net and there is
    /// no template, the Source gets the one of imgix. The default base address does not count: nobody has said that
    /// imgix serves these assets, and somebody else may own the name.
    pub(super) fn thumbnail(
        self,
        written: Option<&str>,
        written_base: Option<&str>,
    ) -> Result<Option<String>, InvalidValue> {
        let Some(template) = written else {
            let at_imgix = written_base.filter(|base| host(base).ends_with(IMGIX));
            return Ok(at_imgix.map(|base| format!("{base}{AT_IMGIX}")));
        };
        if template.is_empty() {
            return Ok(None);
        }
        // A path starts with a slash. People write one before it too.
        let url = template
            .replace("{subdomain}", self.subdomain)
            .replace("/{path}", PATH_PLACEHOLDER);
        let checked = self.check_template(template, &url);
        checked.map(|()| Some(url))
    }

    fn check_template(self, template: &str, url: &str) -> Result<(), InvalidValue> {
        let end_of_host = end_of_host(url);
        let is_forbidden = |c: char| !c.is_ascii_graphic() || "#\\\"<>`".contains(c);
        let problem = if url.len() > MAX_TEMPLATE {
            format!("is longer than {MAX_TEMPLATE} bytes")
        } else if let Some(unknown) = unknown_placeholder(template) {
            format!("{unknown:?} is no placeholder; there are {{path}}, {{key}} and {{subdomain}}")
        } else if !has_asset(&url[end_of_host..]) || has_asset(&url[..end_of_host]) {
            "must contain {path} or {key} after the host".to_owned()
        } else if self.is_managed && !is_private(&url[..end_of_host]) {
            "must start with https://, because other people could change what plain HTTP delivers"
                .to_owned()
        } else if url.contains(is_forbidden) {
            "must not contain spaces, \"#\", quotes or other characters that a URL encodes"
                .to_owned()
        } else {
            // The host must be valid too.
            validate::http_url("thumbnail_url", &url[..end_of_host], EXAMPLE)?;
            return Ok(());
        };
        let problem = format!("{problem}; set a URL such as {EXAMPLE:?}");
        Err(InvalidValue::text("thumbnail_url", template, problem))
    }
}

/// Whether the part of a template names the asset.
fn has_asset(part: &str) -> bool {
    [PATH_PLACEHOLDER, KEY_PLACEHOLDER]
        .iter()
        .any(|placeholder| part.contains(placeholder))
}

/// The first text in braces that is no placeholder, or a brace without its other half.
fn unknown_placeholder(template: &str) -> Option<&str> {
    let mut rest = template;
    while let Some(start) = rest.find(['{', '}']) {
        rest = &rest[start..];
        let length = rest.find('}').map_or(rest.len(), |end| end + 1);
        let (found, after) = rest.split_at(length);
        if !PLACEHOLDERS.contains(&found) {
            return Some(found);
        }
        rest = after;
    }
    None
}

/// Where the host of the URL ends: at its path, which may be a placeholder, or its query.
fn end_of_host(url: &str) -> usize {
    let start = url.find("://").map_or(0, |at| at + "://".len());
    let rest = &url[start..];
    let ends = [rest.find(['/', '?']), rest.find(PATH_PLACEHOLDER)];
    ends.into_iter()
        .flatten()
        .min()
        .map_or(url.len(), |end| start + end)
}

/// The host of a base address, without its port.
fn host(url: &str) -> &str {
    let host = url[..end_of_host(url)].rsplit('/').next().unwrap_or(url);
    host.split(':').next().unwrap_or(host)
}

/// Whether nobody on the network can change what the URL delivers: HTTPS, or HTTP on this machine.
fn is_private(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else {
        return url.starts_with("https://");
    };
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    let host = match host.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => host,
        _ => host,
    };
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let address = address.parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANAGED: AssetUrls<'_> = AssetUrls {
        subdomain: "acme",
        is_managed: true,
    };

    const IN_FILE: AssetUrls<'_> = AssetUrls {
        is_managed: false,
        ..MANAGED
    };

    #[test]
    fn accepts_templates_of_thumbnails() {
        for (template, want) in [
            (
                EXAMPLE,
                "https://acme.imgix.net{path}?w=320&h=240&fit=max&auto=format",
            ),
            // A slash before the path is not doubled.
            (
                "https://{subdomain}.imgix.net/{path}?w=400",
                "https://acme.imgix.net{path}?w=400",
            ),
            (
                "https://t.example.com/fit?u={path}&w=1",
                "https://t.example.com/fit?u={path}&w=1",
            ),
            (
                "https://t.example.com/{key}?from={path}",
                "https://t.example.com/{key}?from={path}",
            ),
            ("http://127.0.0.1:8080{path}", "http://127.0.0.1:8080{path}"),
            (
                "https://t.example.com/w_3,h_3/{path};x",
                "https://t.example.com/w_3,h_3{path};x",
            ),
            ("http://[::1]:80/{path}", "http://[::1]:80{path}"),
            ("http://localhost/a/{path}", "http://localhost/a{path}"),
            ("http://localhost{path}", "http://localhost{path}"),
        ] {
            let resolved = MANAGED.thumbnail(Some(template), None).unwrap();
            assert_eq!(resolved.as_deref(), Some(want), "{template}");
        }
        assert_eq!(MANAGED.thumbnail(Some(""), None).unwrap(), None);
    }

    #[test]
    fn assets_at_imgix_have_thumbnails_by_default() {
        for (written, base, want) in [
            (
                None,
                Some("https://acme.imgix.net"),
                Some("https://acme.imgix.net{path}?w=320&h=240&fit=max&auto=format"),
            ),
            (
                None,
                Some("https://other.imgix.net/a"),
                Some("https://other.imgix.net/a{path}?w=320&h=240&fit=max&auto=format"),
            ),
            (Some(""), Some("https://acme.imgix.net"), None),
            (None, None, None),
            (None, Some("https://cdn.example.com"), None),
            (None, Some("https://cdn.example.com/x.imgix.net"), None),
            (None, Some("https://evil-imgix.net"), None),
        ] {
            let resolved = MANAGED.thumbnail(written, base).unwrap();
            assert_eq!(resolved.as_deref(), want, "{written:?} {base:?}");
        }
    }

    #[test]
    fn refuses_templates_that_could_do_harm() {
        let long = format!("https://a.example/{}/{{path}}", "x".repeat(MAX_TEMPLATE));
        for (template, want) in [
            ("https://t.example.com/", "must contain {path} or {key}"),
            ("https://{key}.example.com/", "must contain {path} or {key}"),
            ("https://{key}.example.com{path}", "after the host"),
            ("https://{path}.example.com/", "https://"),
            ("https://{path}/x", "https://"),
            ("https://t.example.com/{path}/{size}", "\"{size}\" is no"),
            ("https://t.example.com/{path}/{Path}", "\"{Path}\" is no"),
            ("https://t.example.com/{path", "\"{path\" is no"),
            ("https://t.example.com/path}", "\"}\" is no"),
            ("https://t.example.com/{a{path}", "\"{a{path}\" is no"),
            ("http://t.example.com/{path}", "https://"),
            ("http://127.0.0.1.example.com/{path}", "https://"),
            ("http://localhost@example.com/{path}", "https://"),
            ("javascript:alert(1)//{path}", "must"),
            ("//t.example.com/{path}", "must"),
            ("data:text/html,{path}", "must"),
            ("https://t.example.com/{path}#x", "#"),
            ("https://t.example.com/ {path}", "spaces"),
            ("https://t.example.com/\"{path}", "quotes"),
            ("https://a:b@t.example.com/{path}", "user or a password"),
            ("https:///{path}", "host"),
            (&long, "longer than 1000 bytes"),
        ] {
            let error = MANAGED.thumbnail(Some(template), None);
            let error = error.unwrap_err().to_string();
            assert!(error.contains(want), "{template}: {error}");
        }
    }

    #[test]
    fn plain_http_is_for_the_configuration_file() {
        for (template, is_allowed) in [
            ("http://t.example.com{path}", true),
            ("ftp://t.example.com{path}", false),
            ("javascript:alert(1)//{path}", false),
        ] {
            let resolved = IN_FILE.thumbnail(Some(template), None);
            assert_eq!(resolved.is_ok(), is_allowed, "{template}");
        }
    }

    #[test]
    fn base_address_of_a_managed_source_cannot_be_plain_http() {
        let plain = Some("http://cdn.example.com");
        assert!(IN_FILE.base(plain).is_ok());
        let error = MANAGED.base(plain).unwrap_err().to_string();
        assert!(error.contains("https://"), "{error}");
        assert!(MANAGED.base(Some("http://127.0.0.1:8080/a")).is_ok());
    }
}
