//! Who sends a request, for the limits that are shared fairly between clients.
//!
//! It decides nothing about access: that is the [`Grant`].

use std::net::{IpAddr, Ipv6Addr};
use std::ops::Deref;
use std::sync::Arc;

use axum::http::Extensions;

use super::app_state::AppState;
use super::fair_queue::Asker;
use crate::serve::access::Grant;

/// Where a request comes from. An extension of each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Peer {
    /// `None` over a Unix socket.
    pub address: Option<IpAddr>,
    /// The number of the connection.
    pub connection: u64,
}

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

/// The client and the connection of a request with these extensions.
fn asker(grant: &Grant, extensions: &Extensions) -> Asker<ClientId> {
    let peer = extensions.get::<Peer>();
    let address = peer.and_then(|peer| peer.address);
    Asker {
        client: match (grant.token_name(), address) {
            (Some(name), _) => ClientId::Token(name.into()),
            (None, Some(address)) => ClientId::Address(subnet(address)),
            (None, None) => ClientId::Local,
        },
        connection: peer.map_or(0, |peer| peer.connection),
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
    pub asker: Asker<ClientId>,
}

impl ClientState {
    /// For a request with these extensions.
    pub(super) fn new(app: &Arc<AppState>, grant: &Grant, extensions: &Extensions) -> Self {
        Self {
            app: Arc::clone(app),
            asker: asker(grant, extensions),
        }
    }
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
            let address = address.map(|address| address.parse().unwrap());
            extensions.insert(Peer {
                address,
                connection: 7,
            });
            let asker = asker(grant, &extensions);
            assert_eq!((asker.client, asker.connection), (want, 7), "{address:?}");
        }
    }

    fn address_of(text: &str) -> ClientId {
        ClientId::Address(text.parse().unwrap())
    }
}
