//! Two places: a server with its service addresses on loopback, as an anycast node has them, and
//! beside it everybody else.
//!
//! ```text
//! anybody ── client 198.18.0.2 ──── 198.18.0.1 server ── 192.0.2.53
//!            2001:2::2                  2001:2::1        2001:db8::53
//! ```
//!
//! In the namespace of clients every address is a local one, so that a query can come from the
//! address that a capture shows. This file does not know what is sent.

use crate::lab::namespace::Namespace;
use anyhow::Result;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Both places.
#[derive(Debug)]
pub(super) struct Stage {
    /// Where the server and the capture run.
    pub(super) server: Namespace,
    /// Where all queries come from.
    pub(super) client: Namespace,
}

impl Stage {
    /// Makes them.
    pub(super) fn build() -> Result<Stage> {
        let stage = Stage {
            server: Namespace::make("server")?,
            client: Namespace::make("client")?,
        };
        let Stage { server, client } = &stage;
        for namespace in [server, client] {
            // An address of IPv6 is of use at once, without the wait for others that have it.
            namespace.run(
                "sysctl",
                &["-q", "-w", "net.ipv6.conf.default.accept_dad=0"],
            )?;
        }
        for setting in CLIENT_SETTINGS {
            client.run("sysctl", &["-q", "-w", setting])?;
        }
        server.join((LINK, "198.18.0.1/30"), client, (FAR, "198.18.0.2/30"))?;
        for (namespace, interface) in [(server, LINK), (client, FAR)] {
            // What is captured is to be what goes over a wire, and not several packets in one.
            namespace.ip(&["link", "set", interface, "gso_max_segs", "1"])?;
        }
        for (namespace, interface, address) in [
            (server, LINK, "2001:2::1/64"),
            (client, FAR, "2001:2::2/64"),
            (server, "lo", "192.0.2.53/32"),
            (server, "lo", "2001:db8::53/128"),
        ] {
            namespace.ip(&["address", "add", address, "dev", interface])?;
        }
        server.ip(&["route", "add", "default", "via", "198.18.0.2"])?;
        server.ip(&["-6", "route", "add", "default", "via", "2001:2::2"])?;
        client.ip(&["route", "add", "192.0.2.53/32", "via", "198.18.0.1"])?;
        client.ip(&["-6", "route", "add", "2001:db8::53/128", "via", "2001:2::1"])?;
        // What leads to the server is looked up before what is local, which is all the rest.
        for (family, all, services) in [
            ("-4", "0.0.0.0/0", ["192.0.2.53", "198.18.0.1"]),
            ("-6", "::/0", ["2001:db8::53", "2001:2::1"]),
        ] {
            let add = [family, "rule", "add", "pref"];
            for service in services {
                client.ip(&[&add[..], &["10", "to", service, "lookup", "main"]].concat())?;
            }
            client.ip(&[&add[..], &["100", "lookup", "local"]].concat())?;
            client.ip(&[family, "rule", "delete", "pref", "0"])?;
            client.ip(&[family, "route", "add", "local", all, "dev", "lo"])?;
        }
        Ok(stage)
    }
}

/// Where the server answers a client: by the family of its address (RFC 5737, RFC 3849).
pub(super) fn service(client: IpAddr, port: u16) -> SocketAddr {
    let address: IpAddr = if client.is_ipv4() {
        IPV4.into()
    } else {
        IPV6.into()
    };
    SocketAddr::new(address, port)
}

/// The addresses of the service.
pub(super) const IPV4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 53);
pub(super) const IPV6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x53);

/// Ports of DNS, and of DNS over TLS and QUIC.
pub(super) const PLAIN: u16 = 53;
pub(super) const ENCRYPTED: u16 = 853;

/// The interface of the server, where everything passes that is counted.
pub(super) const LINK: &str = "near";
const FAR: &str = "far";

/// Any address can be bound, and neither host minds where packets come from.
const CLIENT_SETTINGS: [&str; 4] = [
    "net.ipv6.ip_nonlocal_bind=1",
    "net.ipv4.ip_nonlocal_bind=1",
    "net.ipv4.conf.all.rp_filter=0",
    "net.ipv4.ip_local_port_range=1024 65535",
];
