//! What judgements rest on.

use crate::control::v1 as control;
use crate::route::v1 as route;
use imrs_wire::Both;
use imrs_zone::record::UnixTime;
use std::net::{IpAddr, SocketAddr};

/// All that was gathered. What could not be had says why.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// What is meant to be.
    pub meant: Meant,
    /// Interfaces of the machine.
    pub interfaces: Result<Vec<Interface>, String>,
    /// Where a packet to each neighbor goes.
    pub ways: Vec<(String, Result<String, String>)>,
    /// Interfaces of the default routes.
    pub default_routes: Both<Option<String>>,
    /// What the server answers at each of its addresses.
    pub answers: Vec<Answer>,
    /// Whether the clock follows others.
    pub is_clock_synchronised: Option<bool>,
    /// Whether the kernel keeps track of each flow to port 53.
    pub tracks_flows: bool,
    /// How the server is.
    pub status: Result<control::Status, String>,
    /// Whether it wishes to be announced, and why not.
    pub route: Result<control::Route, String>,
    /// Different addresses that asked it today, but for its own probes.
    pub callers: Option<Both<u64>>,
    /// The other nodes, where there is a `[site]`.
    pub site: Option<Result<control::Site, String>>,
    /// When all this was gathered.
    pub now: UnixTime,
    /// What the keeper says.
    pub keeper: Result<route::Report, String>,
}

/// What the configuration says.
#[derive(Clone, Debug, Default)]
pub struct Meant {
    /// Where it answers.
    pub listen: Vec<SocketAddr>,
    /// What it tells of itself, if anything.
    pub identity: Option<String>,
    /// Whether anything is to be announced.
    pub is_announced: bool,
    /// Our AS number.
    pub asn: u32,
    /// Service addresses.
    pub addresses: Vec<IpAddr>,
    /// What is announced.
    pub prefixes: Both<Vec<String>>,
    /// Names of the neighbors with a password.
    pub passwords: Vec<String>,
}

/// An interface of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Octets of its largest packet.
    pub mtu: u32,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

/// What was answered at an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Where it was asked.
    pub address: SocketAddr,
    /// UDP or TCP.
    pub transport: &'static str,
    /// The serial of the zone, or why there is none.
    pub serial: Result<u32, String>,
    /// What `id.server` is there.
    pub identity: Option<String>,
}
