//! Who is where: the places of the lab, the links between them, and all numbers.
//!
//! ```text
//!                         primary    domains   clients
//!                               \       |       /
//!                                `-- upstream -'   AS 64500
//!                              /         |         \
//!              AS 64510  host A      router         host B  AS 64520
//!                        /    \     AS 64530         /   \
//!                 Single A  clients  /||\     Single B  clients
//!                                n1 n2 n3 n4
//! ```
//!
//! Singles and nodes are of AS 64499. This file knows numbers and nothing that runs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A place: a network namespace of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// The network that all others meet in.
    Upstream,
    /// The network around Single A.
    HostA,
    /// The network around Single B.
    HostB,
    /// The router of the Cluster.
    Router,
    /// A Single.
    SingleA,
    /// Another one.
    SingleB,
    /// First node of the Cluster, which gives the others the zone.
    N1,
    /// Second node.
    N2,
    /// Third node.
    N3,
    /// Fourth node.
    N4,
    /// Where the zone comes from.
    Primary,
    /// Servers of what is below the root.
    Domains,
    /// Clients whom the Cluster is nearest to.
    Clients,
    /// Clients in the network around Single A.
    ClientsA,
    /// Clients in the network around Single B.
    ClientsB,
}

use Place::{
    Clients, ClientsA, ClientsB, Domains, HostA, HostB, N1, N2, N3, N4, Primary, Router, SingleA,
    SingleB, Upstream,
};

impl Place {
    /// The nodes of the Cluster.
    pub(super) const CLUSTER: [Place; 4] = [N1, N2, N3, N4];

    /// All that announce.
    pub(super) const ANNOUNCING: [Place; 6] = [SingleA, SingleB, N1, N2, N3, N4];

    /// Those that forward, with their AS numbers.
    pub(super) const ROUTERS: [(Place, u32); 4] = [
        (Upstream, 64500),
        (HostA, 64510),
        (HostB, 64520),
        (Router, 64530),
    ];

    /// Where queries come from.
    pub(super) const CATCHMENTS: [Place; 3] = [Clients, ClientsA, ClientsB];

    /// A short name: of its namespace, of interfaces that lead to it, and in the transcript.
    pub(super) fn name(self) -> &'static str {
        match self {
            Upstream => "up",
            HostA => "ha",
            HostB => "hb",
            Router => "router",
            SingleA => "a",
            SingleB => "b",
            N1 => "n1",
            N2 => "n2",
            N3 => "n3",
            N4 => "n4",
            Primary => "primary",
            Domains => "domains",
            Clients => "c",
            ClientsA => "ca",
            ClientsB => "cb",
        }
    }

    /// The identity of a node, as its NSID tells it; none for whoever answers nothing.
    pub(super) fn identity(self) -> Option<&'static str> {
        match self {
            SingleA => Some("aa01-ke-nbo"),
            SingleB => Some("aa01-br-gru"),
            N1 => Some("aa01-de-fra-n1"),
            N2 => Some("aa01-de-fra-n2"),
            N3 => Some("aa01-de-fra-n3"),
            N4 => Some("aa01-de-fra-n4"),
            _ => None,
        }
    }

    /// The identity of its site, and its number there if there are several.
    pub(super) fn site(self) -> Option<(&'static str, Option<u8>)> {
        match self {
            N1 => Some(("aa01-de-fra", Some(1))),
            N2 => Some(("aa01-de-fra", Some(2))),
            N3 => Some(("aa01-de-fra", Some(3))),
            N4 => Some(("aa01-de-fra", Some(4))),
            other => other.identity().map(|identity| (identity, None)),
        }
    }

    /// The link by which who does not forward is reached.
    pub(super) fn home(self) -> Link {
        let home = LINKS.iter().find(|link| link.other == self);
        *home.expect("each place but the upstream is at the far end of one link")
    }

    /// Its own IPv4 address there.
    pub(super) fn ipv4(self) -> Ipv4Addr {
        self.home().ipv4(End::Other)
    }

    /// Its own IPv6 address there.
    pub(super) fn ipv6(self) -> Ipv6Addr {
        self.home().ipv6(End::Other)
    }

    /// Where it answers under its own address.
    pub(super) fn unicast(self) -> SocketAddr {
        SocketAddr::new(self.ipv4().into(), DNS)
    }
}

/// Two places that are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// It is in the addresses of both ends.
    pub(super) number: u8,
    /// A router.
    pub(super) router: Place,
    /// Who is behind it, seen from the upstream.
    pub(super) other: Place,
}

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The router's.
    Router,
    /// The one further from the upstream.
    Other,
}

impl Link {
    /// The address at an end, of a /30.
    pub(super) fn ipv4(self, end: End) -> Ipv4Addr {
        Ipv4Addr::new(10, 64, self.number, end as u8 + 1)
    }

    /// The address at an end, of a /64.
    pub(super) fn ipv6(self, end: End) -> Ipv6Addr {
        let number = u16::from(self.number);
        Ipv6Addr::new(0xfd64, 0, 0, number, 0, 0, 0, end as u16 + 1)
    }

    /// The interface at an end: it is named after where it leads.
    pub(super) fn interface(self, end: End) -> String {
        match end {
            End::Router => format!("to-{}", self.other.name()),
            End::Other => format!("to-{}", self.router.name()),
        }
    }
}

const fn link(number: u8, router: Place, other: Place) -> Link {
    Link {
        number,
        router,
        other,
    }
}

/// All links.
pub(super) const LINKS: [Link; 14] = [
    link(1, Upstream, HostA),
    link(2, Upstream, HostB),
    link(3, Upstream, Router),
    link(5, Upstream, Primary),
    link(6, Upstream, Domains),
    link(7, Upstream, Clients),
    link(11, HostA, SingleA),
    link(12, HostA, ClientsA),
    link(21, HostB, SingleB),
    link(22, HostB, ClientsB),
    link(31, Router, N1),
    link(32, Router, N2),
    link(33, Router, N3),
    link(34, Router, N4),
];

/// The AS of all who announce.
pub(super) const OPERATOR: u32 = 64499;

/// What is announced.
pub(super) const PREFIXES: [&str; 2] = ["192.0.2.0/24", "2001:db8:53::/48"];

/// Where it is answered (RFC 5737, RFC 3849).
pub(super) const SERVICE: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 53)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0x53, 0, 0, 0, 0, 0x53)),
];

/// All own addresses, of both families.
pub(super) const NETWORKS: [&str; 2] = ["10.64.0.0/16", "fd64::/32"];

/// The port of DNS.
pub(super) const DNS: u16 = 53;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_links_share_a_number() {
        let numbers: BTreeSet<u8> = LINKS.iter().map(|link| link.number).collect();
        assert_eq!(numbers.len(), LINKS.len());
    }

    #[test]
    fn names_of_interfaces_fit_the_kernel() {
        for link in LINKS {
            for end in [End::Router, End::Other] {
                assert!(link.interface(end).len() <= 15, "{link:?}");
            }
        }
    }

    #[test]
    fn who_announces_is_behind_a_router_and_has_an_identity() {
        for place in Place::ANNOUNCING {
            let router = place.home().router;
            assert!(Place::ROUTERS.iter().any(|(one, _)| *one == router));
            assert!(place.identity().is_some());
        }
    }
}
