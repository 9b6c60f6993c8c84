//! What was asked, by whom and when: read from captures of a root server, or made.
//!
//! Start reading at [`Packet`]. The captures of the data folder are read by tshark; where they are
//! not at hand, queries of a root server are made, from as many addresses. This file sends nothing.

use crate::bench::queries::{self, Delegations, Mix};
use crate::peers::tool_command;
use crate::root;
use anyhow::{Context, Result, ensure};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// One datagram, or one segment of a connection, from a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Packet {
    /// When, from the begin of the corpus.
    pub(super) at: Duration,
    /// Who sends it.
    pub(super) client: SocketAddr,
    /// The connection that it belongs to, by a number, where it is not a datagram.
    pub(super) connection: Option<u32>,
    /// Its payload.
    pub(super) octets: Vec<u8>,
}

/// Packets of a time, in order.
#[derive(Debug)]
pub(super) struct Corpus {
    /// Where they are from.
    pub(super) name: String,
    /// The packets.
    pub(super) packets: Vec<Packet>,
}

impl Corpus {
    /// The two halves of what is to be replayed, at `speed` times the speed of the captures.
    pub(super) fn halves(folder: &Path, made: &Delegations, seed: u64) -> Result<[Corpus; 2]> {
        let [first, second] = CAPTURES.map(|name| root::data_folder().join(name));
        if first.is_file() && second.is_file() {
            return Ok([captured(folder, &first)?, captured(folder, &second)?]);
        }
        println!("{} is absent: queries are made", first.display());
        Ok([seed, seed + 1].map(|seed| synthetic(made, seed)))
    }
}

/// Reads a capture that is packed by xz.
fn captured(folder: &Path, capture: &Path) -> Result<Corpus> {
    let plain = folder.join("capture.pcapng");
    let status = tool_command("xz")?
        .args(["--decompress", "--stdout", "--keep"])
        .arg(capture)
        .stdout(File::create(&plain)?)
        .status()?;
    ensure!(status.success(), "xz of {}: {status}", capture.display());
    let mut command = tool_command("tshark")?;
    command.args(["-n", "-r"]).arg(&plain);
    command.args(["-Y", QUERIES, "-T", "fields"]);
    command.args(FIELDS.iter().flat_map(|field| ["-e", field]));
    let output = command.output()?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "tshark: {error}");
    fs::remove_file(&plain)?;
    let text = String::from_utf8(output.stdout)?;
    let packets = text
        .lines()
        .map(|line| packet(line).with_context(|| format!("not what tshark was asked for: {line}")));
    let name: PathBuf = capture.file_name().context("no name")?.into();
    Ok(Corpus {
        name: name.display().to_string(),
        packets: packets.collect::<Result<_>>()?,
    })
}

/// Reads one line of tshark's, with [`FIELDS`] between tabs.
fn packet(line: &str) -> Option<Packet> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [at, ipv4, ipv6, udp, tcp, connection, datagram, segment] = fields[..] else {
        return None;
    };
    let one_of = |one: &'_ str, other: &'_ str| {
        let both = [one, other].map(str::to_owned);
        both.into_iter().find(|text| !text.is_empty())
    };
    let address: IpAddr = one_of(ipv4, ipv6)?.parse().ok()?;
    let port: u16 = one_of(udp, tcp)?.parse().ok()?;
    Some(Packet {
        at: Duration::from_secs_f64(at.parse().ok()?),
        client: SocketAddr::new(address, port),
        connection: connection.parse().ok(),
        octets: octets(&one_of(datagram, segment)?)?,
    })
}

/// Octets from pairs of digits.
fn octets(text: &str) -> Option<Vec<u8>> {
    let pairs = (0..text.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
        .collect()
}

/// As many queries as a capture has, from as many clients, one of ten over TCP and one of ten over
/// IPv6.
fn synthetic(delegations: &Delegations, seed: u64) -> Corpus {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let clients: Vec<IpAddr> = (0..MADE_CLIENTS)
        .map(|_| match rng.random_range(0..10) {
            // Global unicast, two addresses in each /64.
            0 => Ipv6Addr::from_bits(
                (0x2a00 << 112)
                    | (u128::from(rng.random_range(0..200_u32)) << 64)
                    | rng.random_range(1..3),
            )
            .into(),
            _ => Ipv4Addr::from_bits(rng.random_range(0x0b00_0000..0x7f00_0000)).into(),
        })
        .collect();
    let queries = queries::corpus(delegations, Mix::Root, seed, MADE_QUERIES);
    let packets = (0..).zip(queries).map(|(number, query)| {
        let client = clients[rng.random_range(0..clients.len())];
        let is_datagram = rng.random_range(0..100) > 0;
        let octets = if is_datagram {
            query
        } else {
            super::query::framed(&query)
        };
        Packet {
            at: MADE_LENGTH * number / MADE_QUERIES as u32,
            client: SocketAddr::new(client, rng.random_range(1024..=u16::MAX)),
            connection: (!is_datagram).then_some(number),
            octets,
        }
    });
    Corpus {
        name: format!("made from seed {seed}"),
        packets: packets.collect(),
    }
}

/// The captures, below the data folder.
const CAPTURES: [&str; 2] = [
    "querymix/root-20161006-nsd-live-anon.pcapng.xz",
    "querymix/root-20161006-knot-live-anon.pcapng.xz",
];

/// What clients sent to the server: neither what is quoted in an error, nor what was sent again
/// since it was lost on the way.
const QUERIES: &str = "!icmp && !icmpv6 && (udp.dstport == 53 || \
                       (tcp.dstport == 53 && tcp.len > 0 && !tcp.analysis.retransmission))";

const FIELDS: [&str; 8] = [
    "frame.time_relative",
    "ip.src",
    "ipv6.src",
    "udp.srcport",
    "tcp.srcport",
    "tcp.stream",
    "udp.payload",
    "tcp.payload",
];

/// Of what is made: about what a capture has.
const MADE_QUERIES: usize = 8000;
const MADE_CLIENTS: usize = 2000;
const MADE_LENGTH: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_tshark_is_a_packet() {
        let check = |line: &str, client: &str, connection, octets: &[u8]| {
            let expected = Packet {
                at: Duration::from_millis(1500),
                client: client.parse().unwrap(),
                connection,
                octets: octets.to_vec(),
            };
            assert_eq!(packet(line), Some(expected), "{line}");
        };
        let datagram = "1.500000000\t192.0.2.1\t\t4000\t\t\t00ff10\t";
        check(datagram, "192.0.2.1:4000", None, &[0, 255, 16]);
        let segment = "1.500000000\t\t2001:db8::1\t\t4000\t7\t\t0001";
        check(segment, "[2001:db8::1]:4000", Some(7), &[0, 1]);
        assert_eq!(packet("1.5\t192.0.2.1"), None);
    }
}
