//! Which addresses deliveries may go to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// The addresses that a client may connect to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AddressRule {
    /// Addresses of the public internet.
    Public,
    /// Loopback and private addresses.
    Private,
    /// Every address.
    Any,
}

impl AddressRule {
    /// Whether the rule allows this address.
    pub(super) fn allows(self, address: IpAddr) -> bool {
        match self {
            Self::Public => is_public(address),
            Self::Private => !is_public(address) && !is_unusable(address),
            Self::Any => !is_unusable(address),
        }
    }
}

/// Returns the rule for a URL; `None` if its scheme is not allowed. Without encryption, events only go to loopback and private
/// addresses.
pub(super) fn rule_of(url: &Url, allow_private: bool) -> Option<AddressRule> {
    match (url.scheme(), allow_private) {
        ("https", false) => Some(AddressRule::Public),
        ("https", true) => Some(AddressRule::Any),
        ("http", true) => Some(AddressRule::Private),
        _ => None,
    }
}

/// Whether a URL names an address that the rule refuses. A name is checked when it is resolved.
pub(super) fn has_refused_address(url: &Url, rule: AddressRule) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => !rule.allows(address.into()),
        Some(Host::Ipv6(address)) => !rule.allows(address.into()),
        Some(Host::Domain(_)) => false,
        None => true,
    }
}

/// Resolves names, and fails if one of their addresses is refused: the address that was checked is the one that is used.
pub(super) struct CheckedResolver(pub(super) AddressRule);

#[derive(Debug, thiserror::Error)]
#[error("the host has an address that deliveries may not go to, such as a private one")]
struct RefusedAddress;

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let rule = self.0;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            match found.iter().all(|address| rule.allows(address.ip())) {
                true => Ok(Box::new(found.into_iter()) as Addrs),
                false => Err(RefusedAddress.into()),
            }
        })
    }
}

impl CheckedResolver {
    pub(super) fn shared(rule: AddressRule) -> Arc<Self> {
        Arc::new(Self(rule))
    }
}

/// Whether an address belongs to the public internet.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match embedded_v4(address) {
            Some(embedded) => is_public_v4(embedded),
            None => is_public_v6(address),
        },
    }
}

/// Whether an address is not one of a single machine: unspecified, multicast or broadcast.
fn is_unusable(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            address.octets().first() == Some(&0) || address.is_multicast() || address.is_broadcast()
        }
        IpAddr::V6(address) => match embedded_v4(address) {
            Some(embedded) => is_unusable(embedded.into()),
            None => address.is_unspecified() || address.is_multicast(),
        },
    }
}

/// The IPv4 networks that are not public, each with the length of its prefix (IANA's registry of special purposes).
const SPECIAL_V4: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

fn is_public_v4(address: Ipv4Addr) -> bool {
    SPECIAL_V4.iter().all(|(network, length)| {
        let mask = u32::MAX.checked_shl(32_u32.saturating_sub(*length)).unwrap_or(0);
        u32::from(address) & mask != u32::from(*network)
    })
}

/// Only the global unicast addresses are public, without their special networks.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let is_global_unicast = first & 0xe000 == 0x2000;
    let is_protocol_assignment = first == 0x2001 && second < 0x0200;
    let is_documentation = (first == 0x2001 && second == 0x0db8) || (first == 0x3fff && second < 0x1000);
    is_global_unicast && !is_protocol_assignment && !is_documentation
}

/// Returns the IPv4 address that an IPv6 address stands for: mapped, compatible, translated (NAT64) or 6to4.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let from = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(from(high, low)),
        // `::` and `::1` are addresses of their own.
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => Some(from(high, low)),
        [0x2002, high, low, ..] => Some(from(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_internet_are_public() {
        for (address, public) in [
            ("1.1.1.1", true),
            ("172.15.255.255", true),
            ("172.32.0.0", true),
            ("100.128.0.1", true),
            ("198.20.0.1", true),
            ("0.0.0.0", false),
            ("10.1.2.3", false),
            ("100.64.0.1", false),
            ("127.0.0.1", false),
            ("127.255.255.254", false),
            ("169.254.169.254", false),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("192.0.0.192", false),
            ("192.168.1.1", false),
            ("198.19.0.1", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("2606:4700:4700::1111", true),
            ("::", false),
            ("::1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:1.1.1.1", true),
            ("::127.0.0.1", false),
            ("64:ff9b::10.0.0.1", false),
            ("64:ff9b::1.1.1.1", true),
            ("64:ff9b:1::1", false),
            ("2002:7f00:1::", false),
            ("2002:a00:1::1", false),
            ("2001::1", false),
            ("2001:db8::1", false),
            ("3fff::1", false),
            ("fc00::1", false),
            ("fd00:ec2::254", false),
            ("fe80::1", false),
            ("fec0::1", false),
            ("ff02::1", false),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), public, "{address}");
        }
    }

    #[test]
    fn urls_are_checked_by_scheme_and_address() {
        // (URL, allowed by default, allowed with private addresses)
        for (url, public, private) in [
            ("https://example.com/hook", true, true),
            ("https://1.1.1.1/", true, true),
            ("https://127.0.0.1/", false, true),
            ("https://0x7f.1/", false, true),
            ("https://2130706433/", false, true),
            ("https://[::1]:8443/", false, true),
            ("https://[fe80::1]/", false, true),
            ("https://169.254.169.254/latest", false, true),
            ("https://0.0.0.0/", false, false),
            ("https://[::ffff:0.0.0.0]/", false, false),
            ("https://224.0.0.1/", false, false),
            ("http://127.0.0.1:9/", false, true),
            ("http://192.168.0.1/", false, true),
            ("http://localhost/", false, true),
            ("http://1.1.1.1/", false, false),
            ("ftp://127.0.0.1/", false, false),
        ] {
            let url = Url::parse(url).unwrap();
            let allowed =
                |private| rule_of(&url, private).is_some_and(|rule| !has_refused_address(&url, rule));
            assert_eq!((allowed(false), allowed(true)), (public, private), "{url}");
        }
    }

    #[tokio::test]
    async fn names_of_private_addresses_do_not_resolve() {
        for (rule, allowed) in
            [(AddressRule::Public, false), (AddressRule::Private, true), (AddressRule::Any, true)]
        {
            let found = CheckedResolver(rule).resolve("localhost".parse().unwrap()).await;
            assert_eq!(found.is_ok(), allowed, "{rule:?}");
        }
    }
}
