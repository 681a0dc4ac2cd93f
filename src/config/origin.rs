//! Resolves the origins of web pages that may use the API: a scheme, a host and a port.
//!
//! This module compares no request with them.

use std::net::Ipv6Addr;

use super::error::InvalidValue;
use super::listen;

/// Maximum number of origins. Each request of a web page is compared with all of them.
const MAX_ORIGINS: usize = 100;

const KEY: &str = "serve.cors_origins";

/// Resolves `serve.cors_origins`: each origin as browsers send it.
pub(super) fn cors_origins(values: &[String]) -> Vec<Result<String, InvalidValue>> {
    if values.len() > MAX_ORIGINS {
        let problem = format!("has {} origins; set at most {MAX_ORIGINS}", values.len());
        return vec![Err(InvalidValue::hidden(KEY, problem))];
    }
    let checked = values.iter().map(|value| {
        origin(value).ok_or_else(|| {
            let problem = "set the origin of a web page, such as \"https://assets.example.com\": scheme, host and port \
                           without a path. There is no `*`, because the pages of every site could then use the API";
            InvalidValue::text(KEY, value, problem)
        })
    });
    checked.collect()
}

/// Returns the origin as browsers send it: in lower case and without a default port.
fn origin(value: &str) -> Option<String> {
    let (scheme, authority) = value.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let default_port = match scheme.as_str() {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse::<u16>().ok()?)),
        _ => (authority, None),
    };
    let host = match host.strip_prefix('[') {
        Some(address) => format!("[{}]", address.strip_suffix(']')?.parse::<Ipv6Addr>().ok()?),
        None if host.contains(':') => return None,
        None => listen::host(host).ok()?,
    };
    Some(match port {
        Some(port) if port != default_port => format!("{scheme}://{host}:{port}"),
        _ => format!("{scheme}://{host}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_written_as_browsers_send_them() {
        for (value, want) in [
            (
                "https://assets.example.com",
                Some("https://assets.example.com"),
            ),
            (
                "HTTPS://Assets.Example.com:443",
                Some("https://assets.example.com"),
            ),
            ("http://localhost:3000", Some("http://localhost:3000")),
            ("http://127.0.0.1:80", Some("http://127.0.0.1")),
            ("https://[0:0::1]:8443", Some("https://[::1]:8443")),
            ("https://[::1]", Some("https://[::1]")),
            ("*", None),
            ("https://*", None),
            ("https://*.example.com", None),
            ("null", None),
            ("", None),
            ("assets.example.com", None),
            ("ftp://assets.example.com", None),
            ("https://assets.example.com/", None),
            ("https://assets.example.com/path", None),
            ("https://user@assets.example.com", None),
            ("https://assets.example.com:x", None),
            ("https://assets.example.com:70000", None),
            ("https://", None),
            ("https://::1", None),
        ] {
            assert_eq!(origin(value).as_deref(), want, "{value}");
        }
    }

    #[test]
    fn number_of_origins_is_limited() {
        let many = vec!["https://a".to_owned(); MAX_ORIGINS + 1];
        let [Err(error)] = &cors_origins(&many)[..] else {
            panic!("one error is expected");
        };
        assert!(error.to_string().contains("set at most 100"), "{error}");
        assert!(cors_origins(&many[1..]).iter().all(Result::is_ok));
    }
}
