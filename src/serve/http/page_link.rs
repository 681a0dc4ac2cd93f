//! Makes one-time links: addresses that open the page with a token that may set up Sources.
//!
//! The code is in the fragment of the address, which browsers do not send to servers, so no log has it. This module
//! does not print links.

use std::sync::Arc;

use jiff::Timestamp;

use super::auth::Auth;
use crate::config::{Listen, ServeConfig};
use crate::serve::access::link::CODE_LIFETIME;

/// Why there is no link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LinkError {
    /// HTTP is off, or at a socket that no browser can open.
    #[error(
        "a link needs an address and a port in serve.listen, so that a browser can open the page"
    )]
    NoPage,
    /// No code can be made.
    #[error("the operating system returned no random bytes")]
    NoRandomBytes,
}

/// Makes links to the page of this process.
#[derive(Clone)]
pub(crate) struct PageLinks {
    page: String,
    auth: Arc<Auth>,
}

impl PageLinks {
    /// Links to the page at this address. `None` if no browser can open it.
    pub(crate) fn new(config: &ServeConfig, listen: &Listen, auth: Arc<Auth>) -> Option<Self> {
        let page = page_address(config, listen)?;
        Some(Self { page, auth })
    }

    /// Makes a link.
    pub(crate) fn make(&self) -> Result<String, LinkError> {
        let code = self.auth.access().links().new_code(Timestamp::now());
        let code = code.ok_or(LinkError::NoRandomBytes)?;
        Ok(format!("{}/#code={code}", self.page))
    }
}

/// What to tell the person who gets a link.
pub(crate) fn advice() -> String {
    let minutes = CODE_LIFETIME.as_secs() / 60;
    format!("To set up Sources, open this link within {minutes} minutes. It works once:")
}

/// Where a browser on this machine finds the page.
fn page_address(config: &ServeConfig, listen: &Listen) -> Option<String> {
    let Listen::Tcp(address) = listen else {
        return None;
    };
    let scheme = if config.tls.is_some() {
        "https"
    } else {
        "http"
    };
    Some(if address.ip().is_unspecified() || config.tls.is_some() {
        // The certificate is for a name.
        let name = config.hosts.first().map_or("localhost", String::as_str);
        format!("{scheme}://{name}:{}", address.port())
    } else {
        format!("{scheme}://{address}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TlsFiles;

    #[test]
    fn link_has_an_address_that_a_browser_can_open() {
        let tls = || {
            Some(TlsFiles {
                certificate: "c".into(),
                key: "k".into(),
            })
        };
        for (listen, hosts, tls, want) in [
            ("127.0.0.1:8470", &[][..], None, "http://127.0.0.1:8470"),
            ("[::1]:8470", &[], None, "http://[::1]:8470"),
            ("0.0.0.0:8470", &[], None, "http://localhost:8470"),
            ("127.0.0.1:8470", &[], tls(), "https://localhost:8470"),
            (
                "[::]:8470",
                &["a.example.com"],
                tls(),
                "https://a.example.com:8470",
            ),
        ] {
            let config = ServeConfig {
                listen: None,
                tokens: None,
                hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
                cors_origins: Vec::new(),
                tls,
                control_socket: "s".into(),
                grace_period: std::time::Duration::ZERO,
            };
            let address: std::net::SocketAddr = listen.parse().unwrap();
            let page = page_address(&config, &address.into());
            assert_eq!(page.as_deref(), Some(want), "{listen}");
        }
    }
}
