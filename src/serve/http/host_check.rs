//! The names by which a client may call a service that needs no token.
//!
//! A page of a stranger can have its own name point to this machine and so ask, by the browser of whoever looks
//! at it, what nobody outside can reach; its requests then carry that name. So only names that cannot be
//! a stranger's are answered to.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::header;

/// The names, in lower case, besides those of this machine itself.
#[derive(Clone, Debug, Default)]
pub(super) struct AllowedHosts(Vec<String>);

impl AllowedHosts {
    /// This machine's, and those.
    pub(super) fn new(names: &[String]) -> Self {
        Self(names.to_vec())
    }

    /// Whether all names that the request calls the service by are of it.
    ///
    /// One with no name is none of a browser.
    pub(super) fn allow(&self, request: &Request) -> bool {
        let mut named = request.headers().get_all(header::HOST).iter();
        let in_address = request
            .uri()
            .authority()
            .map(|authority| authority.as_str());
        named.all(|name| name.to_str().is_ok_and(|name| self.contains(name)))
            && in_address.is_none_or(|name| self.contains(name))
    }

    /// Whether it is one, with or without a port.
    fn contains(&self, named: &str) -> bool {
        let name = without_port(named).to_ascii_lowercase();
        let name = name.strip_suffix('.').unwrap_or(&name);
        let address = name.parse::<IpAddr>();
        let is_here = address.is_ok_and(|address| address.to_canonical().is_loopback());
        is_here || name == "localhost" || self.0.iter().any(|ours| ours == name)
    }
}

fn without_port(named: &str) -> &str {
    match named.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => named.split(':').next().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn only_names_of_this_machine_and_configured_ones_are_answered_to() {
        let ours = AllowedHosts::new(&["search.example.com".to_owned(), "2001:db8::1".to_owned()]);
        for (host, is_ours) in [
            ("localhost", true),
            ("LocalHost:8470", true),
            ("localhost.:8470", true),
            ("127.0.0.1:8470", true),
            ("127.8.8.8", true),
            ("[::1]:8470", true),
            ("[::1]", true),
            ("search.example.com", true),
            ("Search.Example.Com:443", true),
            ("[2001:db8::1]:443", true),
            ("evil.example.com", false),
            ("localhost.evil.example.com", false),
            ("127.0.0.1.evil.example.com", false),
            ("search.example.com.evil.example.com", false),
            ("10.0.0.1:8470", false),
            ("0.0.0.0", false),
            ("[::2]", false),
            ("user@localhost", false),
            ("", false),
        ] {
            let request = Request::builder().uri("/").header("host", host);
            let request = request.body(Body::empty()).unwrap();
            assert_eq!(ours.allow(&request), is_ours, "{host}");
        }
    }

    #[test]
    fn every_name_of_a_request_counts() {
        let ours = AllowedHosts::default();
        for (uri, hosts, is_ours) in [
            ("/", &[][..], true),
            ("/", &["localhost", "evil.example.com"], false),
            ("http://evil.example.com/", &["localhost"], false),
            ("http://localhost:1/", &["localhost"], true),
        ] {
            let mut request = Request::builder().uri(uri);
            for host in hosts {
                request = request.header("host", *host);
            }
            let request = request.body(Body::empty()).unwrap();
            assert_eq!(ours.allow(&request), is_ours, "{uri} {hosts:?}");
        }
    }
}
