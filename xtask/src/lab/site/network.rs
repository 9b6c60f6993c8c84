//! The networks: namespaces, links, addresses, routers; and how links fail.
//!
//! Start reading at [`Network::build`]. This file does not know who answers queries.

use super::bird::{self, Bird};
use super::plan::{End, LINKS, Link, PREFIXES, Place, SERVICE};
use super::waiting::pause;
use crate::lab::namespace::Namespace;
use crate::peers::Tool;
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs;
use std::time::{Duration, Instant};

/// All places, joined, and the routers. Removed when dropped.
#[derive(Debug)]
pub(super) struct Network {
    // Ends ahead of the namespaces that they are in.
    routers: BTreeMap<Place, Bird>,
    places: BTreeMap<Place, Namespace>,
    /// What links are like.
    pub(super) links: &'static str,
}

impl Network {
    /// Makes all of it, and waits until the routers know each other.
    pub(super) fn build() -> Result<Network> {
        let mut places = BTreeMap::new();
        for place in LINKS.iter().flat_map(|link| [link.router, link.other]) {
            if let Entry::Vacant(entry) = places.entry(place) {
                let namespace = entry.insert(Namespace::make(place.name())?);
                namespace.enter(prepare).context(place.name())?;
            }
        }
        let mut network = Network {
            routers: BTreeMap::new(),
            places,
            links: "",
        };
        for link in LINKS {
            network.join(link)?;
        }
        for place in Place::ANNOUNCING {
            network.equip(place)?;
        }
        network.links = network.slow_down()?;
        for (place, asn) in Place::ROUTERS {
            let text = bird::router(place, asn);
            let bird = network.at(place).enter(|| Bird::start(&text))?;
            network.routers.insert(place, bird);
        }
        let between = [
            (Place::Upstream, Place::HostA),
            (Place::Upstream, Place::HostB),
            (Place::Upstream, Place::Router),
        ];
        for (router, neighbor) in between {
            network.wait_for_sessions(router, &bird::sessions_with(neighbor))?;
        }
        Ok(network)
    }

    /// The namespace of a place.
    pub(super) fn at(&self, place: Place) -> &Namespace {
        self.places.get(&place).expect("all places were made")
    }

    /// The BIRD of a router.
    pub(super) fn router(&self, place: Place) -> &Bird {
        self.routers.get(&place).expect("all routers were started")
    }

    /// Waits until a router has these sessions.
    pub(super) fn wait_for_sessions(&self, router: Place, sessions: &[String]) -> Result<()> {
        let start = Instant::now();
        loop {
            let missing = self.router(router).missing(sessions)?;
            if missing.is_empty() {
                return Ok(());
            }
            if start.elapsed() > SESSIONS {
                let missing = missing.join(", ");
                bail!(
                    "{}: not established after {SESSIONS:?}: {missing}",
                    router.name()
                );
            }
            pause(PAUSE)?;
        }
    }

    fn join(&self, link: Link) -> Result<()> {
        let (router, other) = (self.at(link.router), self.at(link.other));
        let ends = [(router, End::Router), (other, End::Other)];
        let [near, far] = [End::Router, End::Other]
            .map(|end| (link.interface(end), format!("{}/30", link.ipv4(end))));
        router.join((&near.0, &near.1), other, (&far.0, &far.1))?;
        for (namespace, end) in ends {
            let address = format!("{}/64", link.ipv6(end));
            let interface = link.interface(end);
            namespace.ip(&["-6", "address", "add", &address, "dev", &interface, "nodad"])?;
        }
        // Routers other than the upstream also go there with what they know nothing of: a packet
        // that meets the moment in which a route is replaced comes back a moment later.
        for (family, via) in [
            ("-4", link.ipv4(End::Router).to_string()),
            ("-6", link.ipv6(End::Router).to_string()),
        ] {
            other.ip(&[
                family, "route", "add", "default", "via", &via, "metric", "4096",
            ])?;
        }
        Ok(())
    }

    /// Gives a node the service addresses, and a way to lead what comes to them elsewhere.
    fn equip(&self, place: Place) -> Result<()> {
        let node = self.at(place);
        for (family, address, length) in [("-4", SERVICE[0], 32), ("-6", SERVICE[1], 128)] {
            let address = format!("{address}/{length}");
            node.ip(&[family, "address", "add", &address, "dev", "lo"])?;
            let local = ["rule", "add", "pref", "10", "lookup", "local"];
            node.ip(&[&[family], &local[..]].concat())?;
            node.ip(&[family, "rule", "del", "pref", "0"])?;
        }
        Ok(())
    }

    /// Delays and limits the long links, where the kernel can.
    fn slow_down(&self) -> Result<&'static str> {
        let long = LINKS.iter().filter(|link| link.router == Place::Upstream);
        let mut what = "";
        for link in long {
            for (place, end) in [(link.router, End::Router), (link.other, End::Other)] {
                let interface = link.interface(end);
                let with = |discipline: &[&str]| {
                    let start = ["qdisc", "replace", "dev", &interface, "root"];
                    self.at(place).run("tc", &[&start[..], discipline].concat())
                };
                what = if with(&["netem", "delay", "2ms", "rate", "200mbit"]).is_ok() {
                    "2 ms and 200 Mbit/s each way (netem)"
                } else if with(&["tbf", "rate", RATE, "burst", "64kb", "latency", "50ms"]).is_ok() {
                    "200 Mbit/s each way (tbf); no latency: this kernel has no netem"
                } else {
                    return Ok("without limit or latency: this kernel has neither netem nor tbf");
                };
            }
        }
        Ok(what)
    }

    /// Ends a link for all to see: both ends lose their carrier.
    pub(super) fn cut(&self, link: Link) -> Result<()> {
        let interface = link.interface(End::Router);
        self.at(link.router)
            .ip(&["link", "set", &interface, "down"])
    }

    /// Mends it. What the kernel forgets with an interface is put back.
    pub(super) fn mend(&self, link: Link) -> Result<()> {
        let interface = link.interface(End::Router);
        let router = self.at(link.router);
        router.ip(&["link", "set", &interface, "up"])?;
        let address = format!("{}/64", link.ipv6(End::Router));
        // It is there already where the kernel keeps it.
        let _ = router.ip(&["-6", "address", "add", &address, "dev", &interface, "nodad"]);
        Ok(())
    }

    /// Drops all that comes over a link, both ways, while the link itself looks well.
    pub(super) fn silence(&self, link: Link) -> Result<Silence<'_>> {
        let mut silence = Silence { ends: Vec::new() };
        for (place, end) in [(link.router, End::Router), (link.other, End::Other)] {
            let interface = link.interface(end);
            let rules = format!(
                "add table netdev silence; add chain netdev silence in {{ type filter hook ingress \
                 device \"{interface}\" priority -500; policy drop; }}"
            );
            self.at(place).run("nft", &[&rules])?;
            silence.ends.push(self.at(place));
        }
        Ok(silence)
    }
}

/// A link that is silent. It speaks again when this is dropped.
#[derive(Debug)]
pub(super) struct Silence<'a> {
    ends: Vec<&'a Namespace>,
}

impl Drop for Silence<'_> {
    fn drop(&mut self) {
        for end in &self.ends {
            if let Err(error) = end.run("nft", &["delete table netdev silence"]) {
                eprintln!("a link stays silent: {error:#}");
            }
        }
    }
}

/// Sets a fresh namespace up, from within: it forwards, spreads flows by their ports, and uses IPv6
/// addresses at once.
fn prepare() -> Result<()> {
    for (key, value) in SETTINGS {
        let path = format!("/proc/sys/net/{key}");
        fs::write(&path, value).with_context(|| path)?;
    }
    Ok(())
}

/// What is told to the kernel of each namespace.
const SETTINGS: [(&str, &str); 12] = [
    ("ipv4/ip_forward", "1"),
    ("ipv6/conf/all/forwarding", "1"),
    ("ipv4/fib_multipath_hash_policy", "1"),
    ("ipv6/fib_multipath_hash_policy", "1"),
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/default/rp_filter", "0"),
    // A falsified server answers beside the real one, from the same address.
    ("ipv4/conf/all/accept_local", "1"),
    ("ipv6/conf/default/accept_dad", "0"),
    ("ipv6/conf/all/keep_addr_on_down", "1"),
    ("ipv6/conf/default/keep_addr_on_down", "1"),
    ("ipv4/conf/all/send_redirects", "0"),
    ("ipv4/conf/default/send_redirects", "0"),
];

/// What sets link disciplines.
pub(super) const TC: Tool = Tool {
    command: "tc",
    package: "iproute2",
};

/// What drops packets.
pub(super) const NFT: Tool = Tool {
    command: "nft",
    package: "nftables",
};

/// Of the long links.
const RATE: &str = "200mbit";

/// Sessions come up within seven seconds with these timers; more only on a crowded machine.
const SESSIONS: Duration = Duration::from_secs(40);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// How the prefixes appear in what the kernel tells.
pub(super) fn family_of(prefix: &str) -> Option<usize> {
    PREFIXES.iter().position(|known| *known == prefix)
}
