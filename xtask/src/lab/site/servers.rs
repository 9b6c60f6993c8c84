//! The servers around the service: where the zone comes from, what is below the root, resolvers
//! whom people ask, and servers of a falsified copy.
//!
//! Start reading at the function for each. This file does not know what is played.

use super::network::Network;
use super::plan::{DNS, NETWORKS, Place, SERVICE};
use super::zone::ROOT_SERVER;
use crate::lab::namespace::Namespace;
use crate::peers::{Daemon, Peer, Software, Tool, Zone, tool_command};
use crate::transfer::versions::Version;
use crate::transfer::{Host, Part, Program, Remote, Secret};
use anyhow::{Context, Result};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Starts the primary with a version of the zone. It tells the Singles and the first node of the
/// Cluster of new ones; that node tells the others.
pub(super) fn primary(network: &Network, anchors: &str, version: &Version) -> Result<Host> {
    let told = [Place::SingleA, Place::SingleB, Place::N1];
    let remote = |place: Place| Remote {
        address: place.unicast(),
        key: Some(KEY.name),
        tls: None,
    };
    let part = Part {
        address: Place::Primary.unicast(),
        secrets: vec![KEY],
        network: NETWORKS[0],
        allow: vec![KEY.name],
        tls: None,
        anchors: anchors.to_owned(),
        zone: Some(version.text()),
        from: None,
        notified: told.map(remote).to_vec(),
    };
    let program = Program::Peer(Software::Knot);
    network
        .at(Place::Primary)
        .enter(|| Host::start(&program, part))
        .context("the primary")
}

/// Starts the server of `lab.` and `example.lab.`; the latter has every name.
pub(super) fn domains(network: &Network, folder: &Path) -> Result<Peer> {
    let address = Place::Domains.ipv4();
    let file = |name: &str, text: String| -> Result<PathBuf> {
        let path = folder.join(name);
        fs::write(&path, text)?;
        Ok(path)
    };
    let start = "@ 60 IN SOA ns.lab. nobody.invalid. 1 3600 900 604800 60\n@ 60 IN NS ns.lab.\n";
    let tld = format!("$ORIGIN lab.\n{start}ns 60 IN A {address}\nexample 60 IN NS ns.lab.\n");
    let domain = format!(
        "$ORIGIN example.lab.\n{start}* 60 IN A {}\n",
        Ipv4Addr::LOCALHOST
    );
    let zones = [
        Zone {
            origin: "lab.".to_owned(),
            path: file("lab.zone", tld)?,
        },
        Zone {
            origin: "example.lab.".to_owned(),
            path: file("example.lab.zone", domain)?,
        },
    ];
    network
        .at(Place::Domains)
        .enter(|| Peer::start(Software::Nsd, &zones, Place::Domains.unicast()))
        .context("the servers of domains")
}

/// Starts Unbound in the place of clients: it knows the service addresses as the only root server
/// and validates. It remembers things for a second, so that it goes on asking the root.
pub(super) fn resolver(network: &Network, place: Place, anchors: &str) -> Result<Daemon> {
    let directory = Daemon::directory()?;
    let folder = directory.path().display();
    fs::write(directory.path().join("anchors.ds"), anchors)?;
    let hints = [format!(". 3600 IN NS {ROOT_SERVER}\n")]
        .into_iter()
        .chain(SERVICE.map(|address| {
            let rtype = if address.is_ipv4() { "A" } else { "AAAA" };
            format!("{ROOT_SERVER} 3600 IN {rtype} {address}\n")
        }));
    fs::write(directory.path().join("hints"), hints.collect::<String>())?;
    let text = format!(
        "server:
    directory: \"{folder}\"
    chroot: \"\"
    username: \"\"
    pidfile: \"{folder}/unbound.pid\"
    use-syslog: no
    interface: {RESOLVER}@{DNS}
    access-control: 127.0.0.0/8 allow
    num-threads: 1
    msg-cache-size: 1m
    rrset-cache-size: 1m
    cache-max-ttl: 1
    cache-max-negative-ttl: 1
    root-hints: \"{folder}/hints\"
    trust-anchor-file: \"{folder}/anchors.ds\"
remote-control:
    control-enable: no
"
    );
    let file = directory.path().join("unbound.conf");
    fs::write(&file, text)?;
    let mut command = tool_command("unbound")?;
    command.args(["-d", "-p", "-c"]).arg(&file);
    let address = SocketAddr::new(IpAddr::V4(RESOLVER), DNS);
    network
        .at(place)
        .enter(|| Daemon::start(&mut command, directory, address, []))
        .with_context(|| format!("the resolver of {}", place.name()))
}

/// Servers of a falsified copy on both service addresses, in a namespace behind a node. Removed
/// when dropped.
#[derive(Debug)]
pub(super) struct Falsifiers {
    _servers: Vec<Peer>,
    namespace: Namespace,
    _folder: TempDir,
}

impl Falsifiers {
    /// Starts them behind a node. Nothing leads to them before [`Falsifiers::divert`].
    pub(super) fn start(network: &Network, place: Place, text: &str) -> Result<Falsifiers> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("falsified.zone");
        fs::write(&path, text)?;
        let zone = Zone {
            origin: ".".to_owned(),
            path,
        };
        let namespace = Namespace::make(&format!("false-{}", place.name()))?;
        join(network.at(place), &namespace)?;
        let servers = namespace.enter(|| {
            let start = |address| {
                let at = SocketAddr::new(address, DNS);
                Peer::start(Software::Nsd, std::slice::from_ref(&zone), at)
            };
            SERVICE.into_iter().map(start).collect::<Result<Vec<_>>>()
        })?;
        Ok(Falsifiers {
            _servers: servers,
            namespace,
            _folder: folder,
        })
    }

    /// Has both ends of the link know each other: the first packets would otherwise wait for that.
    pub(super) fn greet(&self, network: &Network, place: Place) -> Result<()> {
        for (namespace, own, other) in
            [(network.at(place), NEAR, FAR), (&self.namespace, FAR, NEAR)]
        {
            for (own, other) in own.into_iter().zip(other) {
                namespace.enter(|| {
                    let socket = UdpSocket::bind((own, 0))?;
                    let _ = socket.send_to(&[], (other, DISCARD))?;
                    Ok(())
                })?;
            }
        }
        Ok(())
    }

    /// Leads all that comes to the service addresses at a node to them, the node's own questions
    /// too.
    pub(super) fn divert(network: &Network, place: Place) -> Result<Diversion<'_>> {
        let node = network.at(place);
        for (family, address) in [("-4", SERVICE[0]), ("-6", SERVICE[1])] {
            node.ip(&rule(family, "add", &address.to_string()))?;
        }
        Ok(Diversion { node })
    }
}

/// Queries of a node go astray. They find back when this is dropped.
#[derive(Debug)]
pub(super) struct Diversion<'a> {
    node: &'a Namespace,
}

impl Drop for Diversion<'_> {
    fn drop(&mut self) {
        for (family, address) in [("-4", SERVICE[0]), ("-6", SERVICE[1])] {
            if let Err(error) = self.node.ip(&rule(family, "del", &address.to_string())) {
                eprintln!("queries still go astray: {error:#}");
            }
        }
    }
}

/// A rule ahead of the one by which a node takes what is its own.
fn rule<'a>(family: &'a str, what: &'a str, address: &'a str) -> [&'a str; 9] {
    [
        family, "rule", what, "pref", "5", "to", address, "lookup", ASTRAY,
    ]
}

/// Joins a node with the namespace of its falsifiers, whose replies go back through the node.
fn join(node: &Namespace, namespace: &Namespace) -> Result<()> {
    let [near, far] = [NEAR, FAR].map(|end| end.map(|address| address.to_string()));
    node.join(
        ("astray", &format!("{}/30", near[0])),
        namespace,
        ("back", &format!("{}/30", far[0])),
    )?;
    for (one, interface, address) in [(node, "astray", &near[1]), (namespace, "back", &far[1])] {
        let address = format!("{address}/64");
        one.ip(&["-6", "address", "add", &address, "dev", interface, "nodad"])?;
    }
    for (index, (family, length)) in [("-4", 32), ("-6", 128)].into_iter().enumerate() {
        let (near, far) = (&near[index], &far[index]);
        let service = format!("{}/{length}", SERVICE[index]);
        namespace.ip(&[family, "address", "add", &service, "dev", "lo"])?;
        namespace.ip(&[family, "route", "add", "default", "via", near])?;
        // A node that asks itself would otherwise do so from the service address.
        node.ip(&[
            family, "route", "add", "default", "via", far, "src", near, "table", ASTRAY,
        ])?;
    }
    Ok(())
}

/// A node's end of the link to its falsifiers.
const NEAR: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(10, 65, 0, 1)),
    IpAddr::V6(Ipv6Addr::new(0xfd65, 0, 0, 0, 0, 0, 0, 1)),
];

/// The other end.
const FAR: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(10, 65, 0, 2)),
    IpAddr::V6(Ipv6Addr::new(0xfd65, 0, 0, 0, 0, 0, 0, 2)),
];

/// Nobody listens there (RFC 863).
const DISCARD: u16 = 9;

/// The routing table of queries that go astray.
const ASTRAY: &str = "53";

/// Where a resolver listens, in the namespace of its users.
pub(super) const RESOLVER: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// The secret that the zone is given with.
pub(super) const KEY: Secret = Secret {
    name: "zone-key",
    algorithm: "hmac-sha256",
    base64: "dGhlIHNlY3JldCBvZiBhIHNjZW5lLCBwdWJsaWMgYXMgaXQgaXM=",
};

/// The resolver.
pub(super) const UNBOUND: Tool = Tool {
    command: "unbound",
    package: "unbound",
};
