//! The public service of zone transfers: where a zone comes from of which nothing else is said.
//!
//! Published addresses, not tried over the network by the tests. Two hosts of ICANN exist for
//! transfers and give all three zones; they are known as `xfr.lax.dns.icann.org` and
//! `xfr.cjr.dns.icann.org`, of late also as `lax.xfr.dns.icann.org` and `iad.xfr.dns.icann.org`.
//! The root servers that RFC 8806 appendix B names as givers of the root come after them. That
//! they give other zones is not written there, so they are asked for the root alone.

use imrs_zone::Name;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A host that gives zones to everyone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Giver {
    /// What it is called.
    pub name: &'static str,
    /// Where it is: IPv4, IPv6.
    pub addresses: [IpAddr; 2],
    /// Whether it is there for transfers alone; such hosts are asked first.
    pub is_for_transfers: bool,
}

/// The zones of the service, as the configuration names them.
pub const ZONES: [&str; 3] = [".", "arpa", "root-servers.net"];

/// The hosts of the service, those that are there for transfers first.
pub const GIVERS: [Giver; 8] = [
    Giver {
        is_for_transfers: true,
        ..giver(
            "xfr.lax.dns.icann.org",
            [192, 0, 32, 132],
            [0x2620, 0, 0x2d0, 0x202, 0, 0, 0, 0x132],
        )
    },
    Giver {
        is_for_transfers: true,
        ..giver(
            "xfr.cjr.dns.icann.org",
            [192, 0, 47, 132],
            [0x2620, 0, 0x2830, 0x202, 0, 0, 0, 0x132],
        )
    },
    giver(
        "b.root-servers.net",
        [170, 247, 170, 2],
        [0x2801, 0x1b8, 0x10, 0, 0, 0, 0, 0xb],
    ),
    giver(
        "c.root-servers.net",
        [192, 33, 4, 12],
        [0x2001, 0x500, 0x2, 0, 0, 0, 0, 0xc],
    ),
    giver(
        "d.root-servers.net",
        [199, 7, 91, 13],
        [0x2001, 0x500, 0x2d, 0, 0, 0, 0, 0xd],
    ),
    giver(
        "f.root-servers.net",
        [192, 5, 5, 241],
        [0x2001, 0x500, 0x2f, 0, 0, 0, 0, 0xf],
    ),
    giver(
        "g.root-servers.net",
        [192, 112, 36, 4],
        [0x2001, 0x500, 0x12, 0, 0, 0, 0, 0xd0d],
    ),
    giver(
        "k.root-servers.net",
        [193, 0, 14, 129],
        [0x2001, 0x7fd, 0, 0, 0, 0, 0, 0x1],
    ),
];

/// Who gives a zone to everyone; nobody does for a zone that is not of the service.
pub fn givers_of(zone: &Name) -> impl Iterator<Item = &'static Giver> + use<> {
    let named = |text: &str| text.parse::<Name>().is_ok_and(|name| name == *zone);
    let is_known = ZONES.into_iter().any(named);
    let is_root = zone.is_root();
    let gives = move |giver: &&Giver| is_known && (is_root || giver.is_for_transfers);
    GIVERS.iter().filter(gives)
}

const fn giver(name: &'static str, v4: [u8; 4], v6: [u16; 8]) -> Giver {
    let [a, b, c, d] = v4;
    let [e, f, g, h, i, j, k, l] = v6;
    Giver {
        name,
        addresses: [
            IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
            IpAddr::V6(Ipv6Addr::new(e, f, g, h, i, j, k, l)),
        ],
        is_for_transfers: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(zone: &str, expected: usize) {
        let givers = givers_of(&zone.parse().unwrap());
        assert_eq!(givers.count(), expected, "{zone}");
    }

    #[test]
    fn the_root_has_more_givers_than_its_companions() {
        check(".", 8);
        check("arpa", 2);
        check("ARPA.", 2);
        check("root-servers.net", 2);
        check("net", 0);
        check("in-addr.arpa", 0);
    }

    #[test]
    fn addresses_are_as_published() {
        let texts: Vec<String> = GIVERS
            .iter()
            .flat_map(|giver| giver.addresses.map(|address| address.to_string()))
            .collect();
        let published = [
            "192.0.32.132",
            "2620:0:2d0:202::132",
            "192.0.47.132",
            "2620:0:2830:202::132",
            "170.247.170.2",
            "2801:1b8:10::b",
            "192.33.4.12",
            "2001:500:2::c",
            "199.7.91.13",
            "2001:500:2d::d",
            "192.5.5.241",
            "2001:500:2f::f",
            "192.112.36.4",
            "2001:500:12::d0d",
            "193.0.14.129",
            "2001:7fd::1",
        ];
        assert_eq!(texts, published);
    }
}
