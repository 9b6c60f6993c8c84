//! Version 1 of what goes over the control socket, which is also what `--output json` prints.
//!
//! A line is one JSON object. Fields are added without a new version; a reader passes over those
//! that it does not know. Times are RFC 3339 in UTC. What is told of transfers is in `zones`,
//! what a node may no longer do in `sandbox`, what
//! is told of who asks most in `top`.

mod accounts;
mod captures;
mod cookies;
mod delays;
mod route;
mod sandbox;
mod site;
mod sockets;
mod top;
mod zones;

pub use accounts::{Accounts, Figure};
pub use captures::Capture;
pub use cookies::*;
pub use delays::{Delays, Within};
pub use route::*;
pub use sandbox::*;
pub use site::*;
pub use sockets::*;
pub use top::*;
pub use zones::*;

use crate::limits::{CONTROL_PATIENCE, RELOAD_PATIENCE, ROUND_PATIENCE};
use clap::Subcommand;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// The schema that every message names.
pub const SCHEMA: &str = "imrs.control/1";

/// What a node can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Subcommand)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum Command {
    /// Shows what is served, what it rests on, and what needs attention.
    Status,
    /// Loads the zone files anew and waits for the outcome.
    Reload,
    /// Shows what was counted since the start.
    Stats,
    /// Shows the busiest clients and top-level domains of the last minute, estimated.
    Top,
    /// Shows how zones are kept current: checks, deadlines, primaries, refusals, history.
    Zones {
        /// The zone [default: all]
        #[arg(value_name = "ZONE", value_parser = zone_name)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        zone: Option<String>,
    },
    /// Asks the primaries now whether they have a newer zone, and waits for the outcome.
    Refresh {
        /// The zone [default: all]
        #[arg(value_name = "ZONE", value_parser = zone_name)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        zone: Option<String>,
    },
    /// Fetches the zone whole, even if its serial is the one held, and forgets what was refused.
    Retransfer {
        /// The zone [default: all]
        #[arg(value_name = "ZONE", value_parser = zone_name)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        zone: Option<String>,
    },
    /// Lets one serial pass that was refused as implausible; it has to be proven all the same.
    Accept {
        /// The zone.
        #[arg(value_name = "ZONE", value_parser = zone_name)]
        zone: String,
        /// The serial that may pass.
        #[arg(value_name = "SERIAL")]
        serial: u32,
    },
    /// Shows the secrets of DNS cookies by their fingerprints, or rolls them.
    Cookies {
        /// What to do with them.
        #[command(subcommand)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        order: Option<CookieOrder>,
    },
    /// Shows whether this node is announced, to whom, and why.
    Route,
    /// Takes this node out of service: routers are asked to take other ways, then it withdraws.
    Drain {
        /// IPv4 alone.
        #[arg(long)]
        #[serde(default)]
        ipv4: bool,
        /// IPv6 alone.
        #[arg(long)]
        #[serde(default)]
        ipv6: bool,
        /// Though no other node stands in.
        #[arg(long)]
        #[serde(default)]
        force: bool,
    },
    /// Ends a drain.
    Undrain {
        /// IPv4 alone.
        #[arg(long)]
        #[serde(default)]
        ipv4: bool,
        /// IPv6 alone.
        #[arg(long)]
        #[serde(default)]
        ipv6: bool,
    },
    /// Announces otherwise to one neighbor, until that is changed.
    Neighbor(NeighborOrder),
    /// Shows all nodes that know each other, and how they stand.
    Site,
    /// Hands all sockets over to another process, which is to serve in our place: what `imrs serve
    /// --take-over` asks, and nobody else.
    #[command(skip)]
    TakeOver {
        /// The number of the process that asks.
        pid: u32,
    },
}

impl Command {
    /// How long a reply may take.
    pub fn patience(&self) -> Duration {
        match self {
            Command::Status
            | Command::Stats
            | Command::Top
            | Command::Zones { .. }
            | Command::Cookies { .. }
            | Command::Route
            | Command::Drain { .. }
            | Command::Undrain { .. }
            | Command::Neighbor(_)
            | Command::Site
            | Command::TakeOver { .. } => CONTROL_PATIENCE,
            Command::Reload => RELOAD_PATIENCE,
            Command::Refresh { .. } | Command::Retransfer { .. } | Command::Accept { .. } => {
                ROUND_PATIENCE
            }
        }
    }
}

/// A zone as a node calls it: with its last dot.
fn zone_name(text: &str) -> Result<String, String> {
    let name: imrs_zone::Name = text
        .parse()
        .map_err(|error| format!("not a domain name: {error}"))?;
    Ok(name.fmt_with_dot().to_string())
}

/// A request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Request {
    /// [`SCHEMA`].
    pub schema: String,
    /// What is asked.
    #[serde(flatten)]
    pub command: Command,
}

impl Request {
    /// What a line from the control socket asks, or why it is not understood (fuzz target
    /// `control`).
    pub fn read(line: &[u8]) -> Result<Command, String> {
        let request: Request = serde_json::from_slice(line)
            .map_err(|error| format!("the request is not of {SCHEMA}: {error}"))?;
        if request.schema != SCHEMA {
            let other = request.schema;
            return Err(format!("schema {other} is not known here; use {SCHEMA}"));
        }
        Ok(request.command)
    }
}

/// A reply.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Message {
    /// [`SCHEMA`].
    pub schema: String,
    /// What is told.
    #[serde(flatten)]
    pub reply: Reply,
}

/// What a node tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Reply {
    /// To [`Command::Status`].
    Status(Status),
    /// To [`Command::Reload`].
    Reload(Reload),
    /// To [`Command::Stats`].
    Stats(Stats),
    /// To [`Command::Top`].
    Top(Top),
    /// To [`Command::Zones`].
    Zones(Zones),
    /// To [`Command::Refresh`], [`Command::Retransfer`] and [`Command::Accept`].
    Refresh(Refreshed),
    /// To [`Command::Cookies`].
    Cookies(Cookies),
    /// To [`Command::Route`], [`Command::Drain`], [`Command::Undrain`] and [`Command::Neighbor`].
    Route(Box<Route>),
    /// To [`Command::Site`].
    Site(Box<Site>),
    /// To [`Command::TakeOver`], ahead of the sockets; once more, without any, when all of them are
    /// left to who asked.
    Sockets(Sockets),
    /// The request was not carried out.
    Error {
        /// Why, and what would be right.
        message: String,
    },
}

/// How a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// Every zone is served, and nothing needs attention.
    Well,
    /// Something needs attention; at least one zone is served.
    Degraded,
    /// No zone is served.
    Failed,
}

/// What a node is doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Of the program.
    pub version: String,
    /// How it is.
    pub health: Health,
    /// Process identifier.
    pub pid: u32,
    /// When it started.
    pub started_at: String,
    /// How long it has run.
    pub uptime_seconds: u64,
    /// The time of verification.
    pub time: Time,
    /// What needs attention beside the zones, a sentence each; older nodes do not tell it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attention: Vec<String>,
    /// Addresses that it answers on, by UDP and TCP.
    pub listen: Vec<String>,
    /// Where metrics can be fetched, if anywhere: addresses, and the path of a socket.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<String>,
    /// Worker threads.
    pub workers: usize,
    /// What the process may no longer do; older nodes do not tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<Box<Sandbox>>,
    /// Why the kernel drops nothing of a flood for us, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfiltered: Option<String>,
    /// The zones, in the order of the configuration.
    pub zones: Vec<Zone>,
}

/// The time at which signatures are judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Time {
    /// Whether it is the present; otherwise it is fixed.
    pub is_present: bool,
    /// The time.
    pub now: String,
}

/// One zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Zone {
    /// Its name.
    pub name: String,
    /// Where it comes from.
    pub source: String,
    /// Whether it is served.
    pub served: bool,
    /// Whether it needs attention.
    pub degraded: bool,
    /// More of how it is, as [`Command::Zones`] has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<ZoneState>,
    /// Its serial; 0 while it waits for its first transfer.
    pub serial: u32,
    /// Its records.
    pub records: usize,
    /// Octets of the compiled image.
    pub image_octets: usize,
    /// When it was loaded.
    pub loaded_at: String,
    /// What was proven.
    pub proof: Proof,
    /// When the first signature runs out; none if the signatures were not asked for.
    pub expires: Option<String>,
    /// Seconds until then, at the time of verification; negative afterwards.
    pub expires_in_seconds: Option<i64>,
    /// The last attempt to load it.
    pub last_attempt: Attempt,
}

/// What was proven of a zone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    /// The hash of the good ZONEMD digest, if there is one.
    pub digest: Option<String>,
    /// Good signatures.
    pub signatures: usize,
    /// Numbers of the algorithms that sign it.
    pub algorithms: Vec<u8>,
    /// What failed where only a warning was asked for.
    pub warnings: Vec<String>,
}

/// An attempt to load a zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// When.
    pub at: String,
    /// What came of it.
    pub result: AttemptResult,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What came of an attempt to load a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttemptResult {
    /// It is served now.
    Loaded,
    /// It was served already.
    Unchanged,
    /// It was refused; what was served is served still.
    Refused,
}

/// What came of a reload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reload {
    /// How the node is now.
    pub health: Health,
    /// The file of blocked prefixes, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocklist: Option<Blocklist>,
    /// The zones, in the order of the configuration.
    pub zones: Vec<ReloadedZone>,
}

/// The prefixes that are not answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocklist {
    /// How many there are, those that lie in others counted once.
    pub prefixes: usize,
    /// Why the file was not taken; who was blocked before is so still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
}

/// What a reload did to one zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReloadedZone {
    /// Its name.
    pub name: String,
    /// The serial in service.
    pub serial: u32,
    /// What came of it.
    #[serde(flatten)]
    pub attempt: Attempt,
}

/// What was counted since the start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    /// How long the node has run.
    pub uptime_seconds: u64,
    /// Messages by `udp-ipv4`, `udp-ipv6`, `tcp-ipv4` and `tcp-ipv6`; where DNS is encrypted also by
    /// `tls-ipv4`, `tls-ipv6`, `quic-ipv4` and `quic-ipv6`.
    pub messages: BTreeMap<String, Messages>,
    /// Responses over UDP that could not be sent, by reason.
    pub unsent: BTreeMap<String, u64>,
    /// What became of TCP connections; `open` are those of now.
    pub connections: BTreeMap<String, u64>,
    /// What became of connections over TLS (`tls-…`) and QUIC (`quic-…`), where DNS is encrypted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub encrypted: BTreeMap<String, u64>,
    /// What was asked beside queries: NOTIFY, signed messages, transfers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub transfers: BTreeMap<String, u64>,
    /// Messages over UDP that were not answered, or not in full, against attacks, by reason; and
    /// what cookies they showed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub defence: BTreeMap<String, u64>,
    /// Queries that the kernel dropped because a UDP socket's queue was full.
    pub kernel_dropped: u64,
    /// Queries over UDP that the socket filter dropped: their source goes on sending far more than
    /// it may.
    #[serde(default)]
    pub filtered_condemned: u64,
    /// Queries over UDP that the socket filter dropped: a worker is behind, and their source is
    /// unknown.
    #[serde(default)]
    pub filtered_shed: u64,
    /// The longest time in microseconds that a worker was busy before it looked at its sockets.
    pub longest_turn_us: u64,
    /// What became of the messages of each capture.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub captures: Vec<Capture>,
    /// How long responses took, by transport, where there were any.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub delays: BTreeMap<String, Delays>,
    /// The account of the day; older nodes do not tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accounts: Option<Box<Accounts>>,
}

/// Messages over one transport and one family.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Messages {
    /// Messages received.
    pub received: u64,
    /// Octets of the messages received, without framing.
    pub received_octets: u64,
    /// Responses composed.
    pub responses: u64,
    /// Octets of the responses, without framing.
    pub response_octets: u64,
    /// Responses with TC set.
    pub truncated: u64,
    /// Messages by what became of them.
    pub kinds: BTreeMap<String, u64>,
    /// Responses by the number of their RCODE, those that occurred; `other` has no assignment.
    pub rcodes: BTreeMap<String, u64>,
}
