//! Three places and the servers on them: a primary, a secondary with the service address on its
//! loopback, as an anycast node has it, and a client.
//!
//! ```text
//! primary 10.53.1.1 ──── 10.53.1.2 secondary 10.53.2.2 ──── 10.53.2.1 client
//!                                 192.0.2.53
//! ```
//!
//! Start reading at [`Stage::build`]. This file does not know what is played.

use super::load::Load;
use super::namespace::Namespace;
use crate::transfer::certificates::{self, Certificate};
use crate::transfer::versions::{Version, difference};
use crate::transfer::{Host, Part, Program, Remote, Secret, fetch, notify};
use anyhow::{Result, bail, ensure};
use domain::base::iana::Rcode;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;
use tempfile::TempDir;

/// The three places, joined.
#[derive(Debug)]
pub(super) struct Stage {
    primary: Namespace,
    secondary: Namespace,
    client: Namespace,
    anchors: String,
    /// Of the primary, where it speaks TLS.
    certificate: Certificate,
    _folder: TempDir,
}

/// How transfers go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Over TCP.
    Plain,
    /// Over TLS (RFC 9103).
    Tls,
}

impl Stage {
    /// Makes the places. The zone to be served has these trust anchors.
    pub(super) fn build(anchors: String) -> Result<Stage> {
        let folder = tempfile::tempdir()?;
        let stage = Stage {
            primary: Namespace::make("primary")?,
            secondary: Namespace::make("secondary")?,
            client: Namespace::make("client")?,
            anchors,
            certificate: certificates::make(folder.path(), SERVER_NAME)?,
            _folder: folder,
        };
        let service = format!("{}/32", SERVICE.ip());
        let Stage {
            primary,
            secondary,
            client,
            ..
        } = &stage;
        primary.join(("up0", "10.53.1.1/24"), secondary, ("up1", "10.53.1.2/24"))?;
        client.join(("in0", "10.53.2.1/24"), secondary, ("in1", "10.53.2.2/24"))?;
        secondary.ip(&["address", "add", &service, "dev", "lo"])?;
        primary.ip(&["route", "add", &service, "via", "10.53.1.2"])?;
        client.ip(&["route", "add", &service, "via", "10.53.2.2"])?;
        Ok(stage)
    }

    /// Starts a primary with a version of the zone; it notifies the secondary.
    pub(super) fn start_primary(
        &self,
        program: &Program,
        way: Way,
        version: &Version,
    ) -> Result<Host> {
        let tls = (way == Way::Tls).then(|| (PRIMARY_TLS, self.certificate.clone()));
        let part = Part {
            address: PRIMARY,
            tls,
            zone: Some(version.text()),
            notified: vec![remote(SERVICE)],
            ..self.part()
        };
        self.primary.enter(|| Host::start(program, part))
    }

    /// Starts the secondary, where a run before has left its files or in a new directory.
    pub(super) fn start_secondary(
        &self,
        program: &Program,
        way: Way,
        directory: Option<Arc<TempDir>>,
    ) -> Result<Host> {
        let from = match way {
            Way::Plain => remote(PRIMARY),
            Way::Tls => Remote {
                tls: Some((self.certificate.ca.clone(), SERVER_NAME)),
                ..remote(PRIMARY_TLS)
            },
        };
        let part = Part {
            address: SERVICE,
            from: Some(from),
            ..self.part()
        };
        self.secondary.enter(|| match directory {
            None => Host::start(program, part),
            Some(directory) => Host::start_in(program, part, directory),
        })
    }

    fn part(&self) -> Part {
        Part {
            address: SERVICE,
            secrets: vec![KEY],
            network: NETWORK,
            allow: vec![KEY.name],
            tls: None,
            anchors: self.anchors.clone(),
            zone: None,
            from: None,
            notified: Vec::new(),
        }
    }

    /// Waits until the secondary has a version, and compares its zone with it as a client.
    pub(super) fn expect_version(&self, secondary: &Host, version: &Version) -> Result<()> {
        let _ = self
            .secondary
            .enter(|| secondary.wait_for(version.serial))?;
        let records = self.client.enter(|| fetch::zone(SERVICE, Some(&KEY)))?;
        match difference(&version.records, &records) {
            None => Ok(()),
            Some(difference) => bail!("the zone of the secondary: {difference}"),
        }
    }

    /// The serial that the secondary serves now.
    pub(super) fn serial(&self, secondary: &Host) -> Result<Option<u32>> {
        self.secondary.enter(|| secondary.daemon.serial("."))
    }

    /// Begins to ask the secondary so often a second.
    pub(super) fn start_load(&self, rate: u32, start: Instant) -> Result<Load> {
        self.client.enter(|| Load::start(SERVICE, rate, start))
    }

    /// Tells the secondary of a serial in the name of the primary, signed by the key or not.
    pub(super) fn notify(&self, serial: u32, is_signed: bool) -> Result<Option<Rcode>> {
        let secret = is_signed.then_some(&KEY);
        self.primary.enter(|| notify::send(SERVICE, serial, secret))
    }

    /// Tells the secondary of a serial as somebody who has no business with it.
    pub(super) fn notify_as_stranger(&self, serial: u32) -> Result<Option<Rcode>> {
        self.client.enter(|| notify::send(SERVICE, serial, None))
    }
}

/// How often Knot was asked: for the SOA record and the like, and for a transfer.
pub(super) fn asked(primary: &Host) -> Result<(u64, u64)> {
    let text = primary.control(&["stats", "mod-stats"])?;
    let count = |operation: &str| {
        let field = format!("mod-stats.server-operation[{operation}] = ");
        let value = text.lines().find_map(|line| line.strip_prefix(&field));
        value
            .and_then(|value| value.parse::<u64>().ok())
            .unwrap_or(0)
    };
    ensure!(
        text.contains("mod-stats.server-operation"),
        "knotc counts nothing: {text}"
    );
    Ok((count("query"), count("axfr") + count("ixfr")))
}

fn remote(address: SocketAddr) -> Remote {
    Remote {
        address,
        key: Some(KEY.name),
        tls: None,
    }
}

/// Where the primary is.
const PRIMARY: SocketAddr = at([10, 53, 1, 1], 53);

/// Where it speaks TLS.
const PRIMARY_TLS: SocketAddr = at([10, 53, 1, 1], 853);

/// Where the secondary answers (RFC 5737).
const SERVICE: SocketAddr = at([192, 0, 2, 53], 53);

const fn at([a, b, c, d]: [u8; 4], port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(a, b, c, d)), port)
}

/// The name in the certificate of the primary.
const SERVER_NAME: &str = "primary.example";

/// All three places.
const NETWORK: &str = "10.53.0.0/16";

/// The secret that all of them share.
const KEY: Secret = Secret {
    name: "lab",
    algorithm: "hmac-sha256",
    base64: "dGhlIHNlY3JldCBvZiBhIHNjZW5lLCBwdWJsaWMgYXMgaXQgaXM=",
};
