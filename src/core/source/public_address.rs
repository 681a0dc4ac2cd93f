//! Tells public addresses of the internet from all others, and reads every way to write an address as a host.
//!
//! It also finds the host in a URL. It resolves no names.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::network::Network;

/// Blocks of IPv4 addresses that are not public.
/// <https://www.iana.org/assignments/iana-ipv4-special-registry>
const SPECIAL_V4: [([u8; 4], u8); 16] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    // Carrier-grade NAT.
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    // Link-local, with the metadata services of most clouds.
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    // The metadata service of Azure.
    ([168, 63, 129, 16], 32),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    // Multicast, and everything above it.
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];

/// Blocks in 2000::/3 that are not public. All public IPv6 addresses are in 2000::/3.
/// <https://www.iana.org/assignments/iana-ipv6-special-registry>
const SPECIAL_V6: [([u16; 2], u8); 4] = [
    ([0x2001, 0], 23),
    ([0x2001, 0xdb8], 32),
    // 6to4, which has an IPv4 address in it.
    ([0x2002, 0], 16),
    ([0x3fff, 0], 20),
];

/// Whether the address is one of the internet, and not of this machine or a network around it.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match translated(address) {
            Some(address) => is_public_v4(address),
            None => is_public_v6(address),
        },
    }
}

/// Whether clouds use the address for the service that gives credentials to a machine: 169.254.0.0/16,
/// 168.63.129.16 or fd00:ec2::/32.
pub fn is_metadata(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_metadata_v4(address),
        IpAddr::V6(address) => {
            address.segments()[..2] == [0xfd00, 0x0ec2]
                || translated(address).is_some_and(is_metadata_v4)
        }
    }
}

/// The address that a host of a URL is, in all forms that resolvers accept: `[::1]`, `127.0.0.1`, `127.1`,
/// `2130706433`, `0x7f000001`, `0177.0.0.1`. `None` if it is a name.
pub fn literal(host: &str) -> Option<IpAddr> {
    let host = host.strip_prefix('[').unwrap_or(host);
    let host = host.strip_suffix(']').unwrap_or(host);
    let host = host.strip_suffix('.').unwrap_or(host);
    let address = host.parse().ok();
    address.or_else(|| parts(host).map(IpAddr::V4))
}

/// The host of a URL in lower case, without the brackets of an IPv6 address.
pub fn host_of(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    let host = match host.strip_prefix('[') {
        Some(address) => address.split(']').next()?,
        None => host.split(':').next()?,
    };
    Some(host.to_ascii_lowercase())
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let is_special = |(block, bits): &([u8; 4], u8)| {
        Network::new(IpAddr::from(*block), *bits).contains(address.into())
    };
    !SPECIAL_V4.iter().any(is_special)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let is_global = address.segments()[0] & 0xe000 == 0x2000;
    let is_special = |([first, second], bits): &([u16; 2], u8)| {
        let block = Ipv6Addr::new(*first, *second, 0, 0, 0, 0, 0, 0);
        Network::new(block.into(), *bits).contains(address.into())
    };
    is_global && !SPECIAL_V6.iter().any(is_special)
}

fn is_metadata_v4(address: Ipv4Addr) -> bool {
    address.is_link_local() || address == Ipv4Addr::new(168, 63, 129, 16)
}

/// The IPv4 address that a gateway reaches under this address: 64:ff9b::/96, NAT64.
fn translated(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            Some(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
        }
        _ => None,
    }
}

/// An IPv4 address as the C library reads it: one to four numbers, decimal, octal or hexadecimal. The last one fills
/// the remaining bytes.
fn parts(host: &str) -> Option<Ipv4Addr> {
    let numbers: Option<Vec<u32>> = host.split('.').map(number).collect();
    let numbers = numbers?;
    let (last, first) = numbers.split_last()?;
    if first.len() > 3 || first.iter().any(|&part| part > 0xff) {
        return None;
    }
    let bits_of_last = 32 - 8 * first.len();
    if u64::from(*last) >= 1 << bits_of_last {
        return None;
    }
    let high = first.iter().zip([24, 16, 8]);
    let high = high.fold(0, |address, (part, shift)| address | part << shift);
    Some(Ipv4Addr::from(high | last))
}

fn number(text: &str) -> Option<u32> {
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&text[2..], 16),
        [b'0', _, ..] => (&text[1..], 8),
        _ => (text, 10),
    };
    // `from_str_radix` accepts a sign.
    u32::from_str_radix(digits, radix)
        .ok()
        .filter(|_| is_digits(digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_internet_are_public() {
        for (address, want) in [
            ("8.8.8.8", true),
            ("52.218.0.1", true),
            ("172.15.255.255", true),
            ("172.32.0.1", true),
            ("100.63.255.255", true),
            ("100.128.0.1", true),
            ("2a05:d050::1", true),
            ("2600:1f00::1", true),
            ("::ffff:8.8.8.8", true),
            ("64:ff9b::808:808", true),
            ("0.0.0.0", false),
            ("0.1.2.3", false),
            ("10.255.0.1", false),
            ("100.64.0.1", false),
            ("100.100.100.200", false),
            ("127.0.0.1", false),
            ("127.255.255.254", false),
            ("169.254.169.254", false),
            ("168.63.129.16", false),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("192.0.0.192", false),
            ("192.168.1.1", false),
            ("198.19.0.1", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("::", false),
            ("::1", false),
            ("::127.0.0.1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:169.254.169.254", false),
            ("64:ff9b::7f00:1", false),
            ("64:ff9b:1::1", false),
            ("2001::1", false),
            ("2001:db8::1", false),
            ("2002:7f00:1::1", false),
            ("3fff::1", false),
            ("fc00::1", false),
            ("fd00:ec2::254", false),
            ("fe80::1", false),
            ("fec0::1", false),
            ("ff02::1", false),
        ] {
            let parsed: IpAddr = address.parse().unwrap();
            assert_eq!(is_public(parsed), want, "{address}");
            assert!(!is_metadata(parsed) || !want, "{address}");
        }
    }

    #[test]
    fn knows_the_metadata_services_in_all_forms() {
        for (address, want) in [
            ("169.254.169.254", true),
            ("169.254.170.2", true),
            ("::ffff:169.254.169.254", true),
            ("64:ff9b::a9fe:a9fe", true),
            ("168.63.129.16", true),
            ("fd00:ec2::254", true),
            ("fd00:ec3::254", false),
            ("127.0.0.1", false),
            ("8.8.8.8", false),
        ] {
            assert_eq!(is_metadata(address.parse().unwrap()), want, "{address}");
        }
    }

    #[test]
    fn reads_every_form_of_an_address() {
        for (host, want) in [
            ("127.0.0.1", Some("127.0.0.1")),
            ("127.0.0.1.", Some("127.0.0.1")),
            ("127.1", Some("127.0.0.1")),
            ("127.0.1", Some("127.0.0.1")),
            ("2130706433", Some("127.0.0.1")),
            ("0x7f000001", Some("127.0.0.1")),
            ("0X7F.1", Some("127.0.0.1")),
            ("0177.0.0.1", Some("127.0.0.1")),
            ("017700000001", Some("127.0.0.1")),
            ("169.16689406", Some("169.254.168.254")),
            ("0", Some("0.0.0.0")),
            ("[::1]", Some("::1")),
            ("::ffff:127.0.0.1", Some("::ffff:127.0.0.1")),
            ("256.0.0.1", None),
            ("1.2.3.4.5", None),
            ("127.0.0.0x100", None),
            ("4294967296", None),
            ("0x", None),
            ("+1", None),
            ("", None),
            ("1..1", None),
            ("s3.example.com", None),
            ("0xcafe.example.com", None),
        ] {
            let want: Option<IpAddr> = want.map(|text| text.parse().unwrap());
            assert_eq!(literal(host), want, "{host}");
        }
    }
}
