//! Which addresses a server that is told URLs by others may call: the heart of the defence against
//! request forgery (OWASP SSRF; RFC 6890 and the IANA special-purpose registries).
//!
//! IPv6 is allow-listed by the one block that is global unicast, IPv4 is deny-listed, and every
//! IPv6 form that carries an IPv4 address is judged by that.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How far an address reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Anywhere on the Internet.
    Public,
    /// This machine.
    Loopback,
    /// This network: private, unique local, or shared (carrier-grade NAT).
    Private,
    /// Never called, not even by allow-list: link-local and with it the metadata services of
    /// clouds, multicast, broadcast, unspecified, reserved, and tunnels.
    Never(&'static str),
}

impl Reach {
    /// The words for it, as in "it has ...".
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Public => "a public address",
            Self::Loopback => "a loopback address",
            Self::Private => "a private address",
            Self::Never(what) => what,
        }
    }
}

const METADATA: &str = "the address of a metadata service";
const RESERVED: &str = "a reserved address";
const TUNNEL: &str = "the address of a tunnel";

/// How far this address reaches.
#[must_use]
pub fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(address) => reach_v4(address),
        IpAddr::V6(address) => reach_v6(address),
    }
}

fn reach_v4(address: Ipv4Addr) -> Reach {
    let [a, b, c, d] = address.octets();
    match (a, b, c, d) {
        // Alibaba's, Azure's and Oracle's, which lie outside of 169.254/16.
        (100, 100, 100, 200) | (168, 63, 129, 16) | (192, 0, 0, 192) => Reach::Never(METADATA),
        (127, ..) => Reach::Loopback,
        (10, ..) | (172, 16..=31, ..) | (192, 168, ..) | (100, 64..=127, ..) => Reach::Private,
        (169, 254, ..) => Reach::Never("a link-local address"),
        (0, ..) => Reach::Never("an unspecified address"),
        (224..=239, ..) => Reach::Never("a multicast address"),
        (240..=255, ..) => Reach::Never(RESERVED),
        (192, 0, 0 | 2, _) | (198, 18..=19, ..) | (198, 51, 100, _) | (203, 0, 113, _) => {
            Reach::Never(RESERVED)
        }
        (192, 88, 99, _) => Reach::Never(TUNNEL),
        _ => Reach::Public,
    }
}

fn reach_v6(address: Ipv6Addr) -> Reach {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let embedded = || {
        let ([g0, g1], [h0, h1]) = (g.to_be_bytes(), h.to_be_bytes());
        reach_v4(Ipv4Addr::new(g0, g1, h0, h1))
    };
    match (a, b, c, d, e, f) {
        (0, 0, 0, 0, 0, 0) if g == 0 && h == 1 => Reach::Loopback,
        (0, 0, 0, 0, 0, 0) if g == 0 && h == 0 => Reach::Never("an unspecified address"),
        // IPv4-mapped (RFC 4291) and NAT64 (RFC 6052): the socket goes to that IPv4 address.
        (0, 0, 0, 0, 0, 0xffff) | (0x64, 0xff9b, 0, 0, 0, 0) => embedded(),
        // AWS' metadata service in its unique local form.
        (0xfd00, 0x0ec2, ..) => Reach::Never(METADATA),
        (0xfc00..=0xfdff, ..) => Reach::Private,
        (0xfe80..=0xfebf, ..) => Reach::Never("a link-local address"),
        (0xff00..=0xffff, ..) => Reach::Never("a multicast address"),
        // 6to4 and what lies in 2001::/23, Teredo first.
        (0x2002, ..) | (0x2001, 0..=0x01ff, ..) => Reach::Never(TUNNEL),
        (0x2001, 0x0db8, ..) | (0x3fff, 0..=0x0fff, ..) => Reach::Never(RESERVED),
        (0x2000..=0x3fff, ..) => Reach::Public,
        _ => Reach::Never(RESERVED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(text: &str) -> Reach {
        reach(text.parse().unwrap())
    }

    #[test]
    fn addresses_are_judged_by_what_they_reach() {
        for public in ["1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111"] {
            assert_eq!(of(public), Reach::Public, "{public}");
        }
        for loopback in
            ["127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"]
        {
            assert_eq!(of(loopback), Reach::Loopback, "{loopback}");
        }
        for private in ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1"] {
            assert_eq!(of(private), Reach::Private, "{private}");
        }
        for private in ["fc00::1", "fdff::1", "::ffff:10.1.2.3", "64:ff9b::a00:1"] {
            assert_eq!(of(private), Reach::Private, "{private}");
        }
        for never in [
            "169.254.169.254",
            "168.63.129.16",
            "100.100.100.200",
            "192.0.0.192",
            "fd00:ec2::254",
            "fe80::1",
            "febf::1",
            "ff02::1",
            "224.0.0.1",
            "255.255.255.255",
            "0.0.0.0",
            "0.1.2.3",
            "::",
            "::7f00:1",
            "::ffff:169.254.169.254",
            "::ffff:0:127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "3fff::1",
            "4000::1",
            "5f00::1",
            "fec0::1",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "192.88.99.1",
        ] {
            assert!(matches!(of(never), Reach::Never(_)), "{never}: {:?}", of(never));
        }
    }

    proptest! {
        // The standard library is an independent list of what is not public.
        #[test]
        fn nothing_that_the_standard_library_calls_special_is_public(bits: u32, low: u16) {
            for v4 in [Ipv4Addr::from(bits), Ipv4Addr::from(bits & 0xffff_0000 | u32::from(low))] {
                let special = v4.is_private() || v4.is_loopback() || v4.is_link_local()
                    || v4.is_multicast() || v4.is_broadcast() || v4.is_unspecified()
                    || v4.is_documentation();
                prop_assert!(!special || reach_v4(v4) != Reach::Public, "{v4}");
            }
        }

        #[test]
        fn an_ipv4_address_in_ipv6_clothes_reaches_no_further(bits: u32) {
            let v4 = Ipv4Addr::from(bits);
            prop_assert_eq!(reach_v6(v4.to_ipv6_mapped()), reach_v4(v4));
            let nat64 = Ipv6Addr::from(0x0064_ff9b_u128 << 96 | u128::from(bits));
            prop_assert_eq!(reach_v6(nat64), reach_v4(v4));
            let six_to_four = Ipv6Addr::from(0x2002_u128 << 112 | u128::from(bits) << 80);
            prop_assert!(reach_v6(six_to_four) != Reach::Public);
            prop_assert!(reach_v6(v4.to_ipv6_compatible()) != Reach::Public);
        }

        #[test]
        fn only_global_unicast_is_public(bits: u128) {
            let v6 = Ipv6Addr::from(bits);
            if reach_v6(v6) == Reach::Public {
                prop_assert_eq!(bits >> 125, 1);
                prop_assert!(!v6.is_unique_local() && !v6.is_unicast_link_local());
            }
        }
    }
}
