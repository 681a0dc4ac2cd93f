//! The URLs at which browsers load assets: the base address, and the template of the thumbnails.
//!
//! This module checks and resolves them. It sends no request.

use super::error::InvalidValue;
use super::validate;
use crate::core::source::address::{self, PATH_PLACEHOLDER};

/// Maximum length of a template, in bytes.
const MAX_TEMPLATE: usize = 1_000;

/// An example of a template.
const EXAMPLE: &str = "https://{subdomain}.imgix.net/{path}?w=400";

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

    /// Resolves `thumbnail_url`. The result still has the placeholder of the path.
    pub(super) fn thumbnail(self, written: Option<&str>) -> Result<Option<String>, InvalidValue> {
        let Some(template) = written.filter(|template| !template.is_empty()) else {
            return Ok(None);
        };
        let url = template.replace("{subdomain}", self.subdomain);
        let place_of_path = url.find(PATH_PLACEHOLDER);
        let end_of_host = end_of_host(&url);
        let has_other_placeholder = url.replace(PATH_PLACEHOLDER, "").contains(['{', '}']);
        let is_forbidden = |c: char| !c.is_ascii_graphic() || "#\\\"<>`".contains(c);
        let problem = if has_other_placeholder {
            "{path} and {subdomain} are the only placeholders"
        } else if place_of_path.is_none_or(|place| Some(place) < end_of_host) {
            "must contain {path} after the host"
        } else if !is_private(&url) {
            "must start with https://, because other people could change what plain HTTP delivers"
        } else if url.len() > MAX_TEMPLATE {
            "is too long"
        } else if url.contains(is_forbidden) {
            "must not contain spaces, \"#\", quotes or other characters that a URL encodes"
        } else {
            // The host must be valid too.
            let host = &url[..end_of_host.unwrap_or(url.len())];
            validate::http_url("thumbnail_url", host, EXAMPLE)?;
            return Ok(Some(url));
        };
        let problem = format!("{problem}; set a URL such as {EXAMPLE:?}");
        Err(InvalidValue::text("thumbnail_url", template, problem))
    }
}

/// Where the path or the query of the URL starts. `None` if it has neither.
fn end_of_host(url: &str) -> Option<usize> {
    let start = url.find("://")? + "://".len();
    Some(start + url[start..].find(['/', '?'])?)
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

    #[test]
    fn accepts_templates_of_thumbnails() {
        for (template, want) in [
            (EXAMPLE, "https://acme.imgix.net/{path}?w=400"),
            (
                "https://t.example.com/fit?u={path}&w=1",
                "https://t.example.com/fit?u={path}&w=1",
            ),
            (
                "http://127.0.0.1:8080/{path}",
                "http://127.0.0.1:8080/{path}",
            ),
            (
                "https://t.example.com/w_3,h_3/{path};x",
                "https://t.example.com/w_3,h_3/{path};x",
            ),
            ("http://[::1]:80/{path}", "http://[::1]:80/{path}"),
            ("http://localhost/a/{path}", "http://localhost/a/{path}"),
        ] {
            assert_eq!(
                MANAGED.thumbnail(Some(template)).unwrap().as_deref(),
                Some(want)
            );
        }
        assert_eq!(MANAGED.thumbnail(Some("")).unwrap(), None);
    }

    #[test]
    fn refuses_templates_that_could_do_harm() {
        let long = format!("https://a.example/{}/{{path}}", "x".repeat(MAX_TEMPLATE));
        for (template, want) in [
            ("https://t.example.com/", "must contain {path}"),
            ("https://{path}.example.com/", "must contain {path}"),
            ("https://{path}/x", "must contain {path}"),
            ("https://t.example.com/{path}/{size}", "only placeholders"),
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
            (&long, "too long"),
        ] {
            let error = MANAGED.thumbnail(Some(template)).unwrap_err().to_string();
            assert!(error.contains(want), "{template}: {error}");
        }
    }

    #[test]
    fn base_address_of_a_managed_source_cannot_be_plain_http() {
        let in_file = AssetUrls {
            is_managed: false,
            ..MANAGED
        };
        let plain = Some("http://cdn.example.com");
        assert!(in_file.base(plain).is_ok());
        let error = MANAGED.base(plain).unwrap_err().to_string();
        assert!(error.contains("https://"), "{error}");
        assert!(MANAGED.base(Some("http://127.0.0.1:8080/a")).is_ok());
    }
}
