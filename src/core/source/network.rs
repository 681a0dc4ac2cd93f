//! A network: a block of IP addresses, as in `10.0.0.0/8`.

use core::net::IpAddr;
use std::fmt;

/// A block of addresses of one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Network {
    /// An address in the block.
    address: IpAddr,
    /// The number of leading bits that all addresses of the block share.
    bits: u8,
}

impl Network {
    /// The network with this address and number of shared bits. Too many bits count as all.
    pub fn new(address: IpAddr, bits: u8) -> Self {
        Self {
            address,
            bits: bits.min(width(address)),
        }
    }

    /// Parses `10.0.0.0/8`, or a single address. `None` if the text is neither.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let bits = match bits {
            Some(bits) => bits.parse().ok()?,
            None => width(address),
        };
        (bits <= width(address)).then(|| Self::new(address, bits))
    }

    /// Whether the address is in the block.
    pub fn contains(&self, address: IpAddr) -> bool {
        let host_bits = u32::from(width(self.address) - self.bits);
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let difference = own.to_bits() ^ other.to_bits();
                difference.checked_shr(host_bits).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let difference = own.to_bits() ^ other.to_bits();
                difference.checked_shr(host_bits).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contains_the_addresses_that_share_its_bits() {
        for (network, address, want) in [
            ("10.0.0.0/8", "10.255.255.255", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("10.1.2.3/8", "10.9.9.9", true),
            ("192.168.1.0/25", "192.168.1.127", true),
            ("192.168.1.0/25", "192.168.1.128", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("0.0.0.0/0", "255.1.1.1", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "fd00::1", true),
            ("fd00::/8", "fdff::1", true),
            ("fd00::/8", "fe00::1", false),
            ("::1", "::1", true),
        ] {
            let parsed = Network::parse(network).unwrap();
            let address_parsed = address.parse().unwrap();
            assert_eq!(parsed.contains(address_parsed), want, "{network} {address}");
        }
        for text in ["10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/", "a", "/8"] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }
}
