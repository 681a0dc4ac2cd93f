//! Who sends a request, for the limits that are shared fairly between clients.
//!
//! It decides nothing about access: that is the [`Grant`].

use std::net::{IpAddr, Ipv6Addr};
use std::ops::Deref;
use std::sync::Arc;

use axum::http::Extensions;

use super::app_state::AppState;
use crate::serve::access::Grant;

/// The address that a connection comes from. An extension of each request over TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Peer(pub IpAddr);

/// A client: a token, or an address if the request has no token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum ClientId {
    /// The name of a token.
    Token(Arc<str>),
    /// The address without a token. All addresses of an IPv6 subnet are one client, because one machine can have all
    /// of them.
    Address(IpAddr),
    /// Whoever connects over a Unix socket without a token.
    Local,
}

impl ClientId {
    /// The client that sends a request with these extensions.
    pub(super) fn of(grant: &Grant, extensions: &Extensions) -> Self {
        match (grant.token_name(), extensions.get::<Peer>()) {
            (Some(name), _) => Self::Token(name.into()),
            (None, Some(Peer(address))) => Self::Address(subnet(*address)),
            (None, None) => Self::Local,
        }
    }
}

/// The address, or the first one of its /64 subnet.
fn subnet(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

/// The shared state, as one client uses it: its searches wait in the client's own queue.
#[derive(Clone)]
pub(super) struct ClientState {
    pub app: Arc<AppState>,
    pub client: ClientId,
}

impl Deref for ClientState {
    type Target = Arc<AppState>;

    fn deref(&self) -> &Self::Target {
        &self.app
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::access::{AccessLevel, SourceScope};

    #[test]
    fn client_is_the_token_or_the_address() {
        let with_token = Grant::of_token("t", AccessLevel::Read, SourceScope::All);
        for (grant, address, want) in [
            (&with_token, Some("10.0.0.1"), ClientId::Token("t".into())),
            (&with_token, None, ClientId::Token("t".into())),
            (&Grant::ALL, None, ClientId::Local),
            (&Grant::ALL, Some("10.0.0.1"), address_of("10.0.0.1")),
            (&Grant::ALL, Some("::ffff:10.0.0.1"), address_of("10.0.0.1")),
            (
                &Grant::ALL,
                Some("2001:db8:1:2:3::4"),
                address_of("2001:db8:1:2::"),
            ),
        ] {
            let mut extensions = Extensions::new();
            if let Some(address) = address {
                extensions.insert(Peer(address.parse().unwrap()));
            }
            assert_eq!(ClientId::of(grant, &extensions), want, "{address:?}");
        }
    }

    fn address_of(text: &str) -> ClientId {
        ClientId::Address(text.parse().unwrap())
    }
}
