//! Where the drill takes place: a server, its clients and its attackers, each in a namespace.
//!
//! ```text
//!            ┌─ spoof ── 10.60.0.1   all addresses but those below; nobody there listens
//! attackers ─┼─ victim0 … victim3    198.18.0.0/24 … 198.18.3.0/24: in whose name is asked
//!            └─ bots ─── 10.60.1.1   100.64.0.0/10: sources of real connections
//!                                                            server 192.0.2.53
//! clients ───── legit ── 10.60.2.1   172.16.0.0/12: resolvers
//! ```
//!
//! Start reading at [`Field::build`]. What goes to a spoofed source leaves by an interface whose
//! neighbour is another than the one at its end: the kernel there drops it at once, and the
//! counters of the interface tell how much it was. Neighbours are fixed, so that none is asked for.

use crate::lab::namespace::Namespace;
use anyhow::{Context, Result, anyhow};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The three places, joined.
#[derive(Debug)]
pub(super) struct Field {
    /// Where the server runs.
    pub(super) server: Namespace,
    /// Where the attack comes from.
    pub(super) attackers: Namespace,
    /// Where the resolvers are.
    pub(super) clients: Namespace,
}

/// What the kernel counted in the server's namespace.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Kernel {
    /// Datagrams that went to spoofed sources.
    pub(super) sent_to_spoofed: u64,
    /// What went to each victim.
    pub(super) victims: [Left; VICTIMS],
    /// Datagrams that a program read.
    pub(super) read: u64,
    /// Datagrams that a program sent.
    pub(super) sent: u64,
    /// Datagrams dropped since the queue of the socket, or the memory of all, was full.
    pub(super) queue_full: u64,
    /// Datagrams that a filter on the socket dropped.
    pub(super) filtered: u64,
    /// Datagrams that were put together of fragments.
    pub(super) assembled: u64,
    /// Packets that were dropped before anybody looked at the datagram in them.
    pub(super) discarded: u64,
    /// Datagrams for a port that nobody listened on.
    pub(super) portless: u64,
    /// Frames dropped since the queue of the core ahead of it was full, of the whole machine.
    pub(super) backlog_full: u64,
}

/// What left by an interface.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Left {
    /// Datagrams.
    pub(super) packets: u64,
    /// Octets of DNS in them.
    pub(super) octets: u64,
}

/// Datagrams that resolvers sent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asking {
    /// The link took them.
    pub(super) taken: u64,
    /// They met a full queue at its far end.
    pub(super) lost: u64,
}

impl Field {
    /// Makes it. Packets are received on the server's side by the core `core`, so that the server
    /// pays for what the kernel does for it.
    pub(super) fn build(core: usize) -> Result<Field> {
        let field = Field {
            server: Namespace::make("server")?,
            attackers: Namespace::make("attackers")?,
            clients: Namespace::make("clients")?,
        };
        let Field {
            server,
            attackers,
            clients,
        } = &field;
        for namespace in [server, attackers, clients] {
            namespace.enter(accept_any_source)?;
        }
        server.ip(&[
            "address",
            "add",
            &format!("{}/32", SERVER.ip()),
            "dev",
            "lo",
        ])?;
        let ways = (0..VICTIMS).map(|number| (victim_interface(number), victim_prefix(number)));
        link(server, attackers, SPOOF, 0, "0.0.0.0/0", Listens::Nobody)?;
        for (number, (interface, prefix)) in ways.enumerate() {
            let third = 10 + number as u8;
            link(
                server,
                attackers,
                &interface,
                third,
                &prefix,
                Listens::Nobody,
            )?;
        }
        link(server, attackers, BOTS, 1, BOT_RANGE, Listens::All)?;
        link(server, clients, LEGIT, 2, CLIENT_RANGE, Listens::All)?;
        receive_on(server, core)?;
        Ok(field)
    }

    /// What its kernel counted so far.
    pub(super) fn kernel(&self) -> Result<Kernel> {
        self.server.enter(|| {
            let interfaces = fs::read_to_string("/proc/thread-self/net/dev")?;
            let udp = fs::read_to_string("/proc/thread-self/net/snmp")?;
            let cores = fs::read_to_string("/proc/thread-self/net/softnet_stat")?;
            kernel(&interfaces, &udp, &cores)
        })
    }

    /// What resolvers sent so far.
    pub(super) fn asking(&self) -> Result<Asking> {
        self.clients.enter(|| {
            let counts = fs::read_to_string("/proc/thread-self/net/snmp")?;
            let udp = protocol(&counts, "Udp")?;
            Ok(Asking {
                taken: udp.count("OutDatagrams")?,
                lost: udp.count("SndbufErrors")?,
            })
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listens {
    All,
    Nobody,
}

/// Joins `other` to the server by interfaces of this name; `range` lies behind it.
fn link(
    server: &Namespace,
    other: &Namespace,
    name: &str,
    third: u8,
    range: &str,
    listens: Listens,
) -> Result<()> {
    let (far, near) = (format!("10.60.{third}.1"), format!("10.60.{third}.2"));
    let (far_net, near_net) = (format!("{far}/24"), format!("{near}/24"));
    other.join((name, &far_net), server, (name, &near_net))?;
    // Down and up again: the address of an interface that is up does not change everywhere.
    for (namespace, end) in [(other, 1), (server, 2)] {
        let address = hardware_text(third, end);
        namespace.ip(&["link", "set", name, "address", &address])?;
    }
    let end = if listens == Listens::All { 1 } else { NOBODY };
    let hardware = hardware_text(third, end);
    let fixed = ["nud", "permanent", "dev", name];
    server.ip(&[&["neigh", "replace", &far, "lladdr", &hardware], &fixed[..]].concat())?;
    server.ip(&["route", "add", range, "via", &far, "dev", name])?;
    let hardware = hardware_text(third, 2);
    other.ip(&[
        &["neigh", "replace", &near, "lladdr", &hardware],
        &fixed[..],
    ]
    .concat())?;
    if listens == Listens::All {
        // All of the range is at home there, so that sockets can be bound to any of it.
        other.ip(&["route", "add", "local", range, "dev", "lo"])?;
        let service = format!("{}/32", SERVER.ip());
        other.ip(&["route", "add", &service, "via", &near, "dev", name])?;
    }
    Ok(())
}

/// The address of an interface; `end` is 1 on the far side and 2 on the server's.
pub(super) fn hardware(third: u8, end: u8) -> [u8; 6] {
    [0x02, 0, 0, 60, third, end]
}

fn hardware_text(third: u8, end: u8) -> String {
    let octets = hardware(third, end).map(|octet| format!("{octet:02x}"));
    octets.join(":")
}

/// Sources are spoofed: nothing is dropped for where it comes from. Of this namespace alone.
fn accept_any_source() -> Result<()> {
    for which in ["all", "default"] {
        set(&format!("/proc/sys/net/ipv4/conf/{which}/rp_filter"), "0")?;
    }
    // Only what the drill sends shall pass.
    for which in ["all", "default"] {
        set(
            &format!("/proc/sys/net/ipv6/conf/{which}/disable_ipv6"),
            "1",
        )?;
    }
    // Many connections from few addresses; those that are over are not to hold their ports.
    set("/proc/sys/net/ipv4/ip_local_port_range", "1024 65535")?;
    set("/proc/sys/net/ipv4/tcp_tw_reuse", "1")
}

/// Has one core do the kernel's part of reception for all interfaces of a namespace.
fn receive_on(namespace: &Namespace, core: usize) -> Result<()> {
    let mask = format!("{:x}", 1_u64 << core);
    let script = format!(
        "for queue in /sys/class/net/*/queues/rx-0; do echo {mask} > $queue/rps_cpus; done"
    );
    namespace.run("sh", &["-c", &script])
}

fn set(file: &str, value: &str) -> Result<()> {
    fs::write(file, value).with_context(|| file.to_owned())
}

fn kernel(interfaces: &str, counts: &str, cores: &str) -> Result<Kernel> {
    let left = |name: &str| -> Result<Left> {
        let line = interfaces
            .lines()
            .find_map(|line| line.trim_start().strip_prefix(name)?.strip_prefix(':'));
        let line = line.with_context(|| format!("no interface {name}"))?;
        let numbers: Vec<u64> = line
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>()?;
        let (octets, packets) = (numbers.get(8), numbers.get(9));
        let (octets, packets) = octets.zip(packets).context("/proc/net/dev is short")?;
        Ok(Left {
            packets: *packets,
            octets: octets.saturating_sub(packets * FRAMING),
        })
    };
    let mut victims = [Left::default(); VICTIMS];
    for (number, victim) in victims.iter_mut().enumerate() {
        *victim = left(&victim_interface(number))?;
    }
    // The second field counts what did not fit into the queue of a core.
    let cores = cores
        .lines()
        .filter_map(|line| u64::from_str_radix(line.split_whitespace().nth(1)?, 16).ok());
    let (ip, udp) = (protocol(counts, "Ip")?, protocol(counts, "Udp")?);
    let discarded = [
        ip.count("InHdrErrors")?,
        ip.count("InAddrErrors")?,
        ip.count("InDiscards")?,
        udp.count("InCsumErrors")?,
    ];
    let queue_full = udp.count("RcvbufErrors")? + udp.count("MemErrors")?;
    let known = queue_full + udp.count("InCsumErrors")?;
    Ok(Kernel {
        sent_to_spoofed: left(SPOOF)?.packets,
        victims,
        read: udp.count("InDatagrams")?,
        sent: udp.count("OutDatagrams")?,
        queue_full,
        filtered: udp.count("InErrors")?.saturating_sub(known),
        assembled: ip.count("ReasmOKs")?,
        discarded: discarded.iter().sum(),
        portless: udp.count("NoPorts")?,
        backlog_full: cores.sum(),
    })
}

/// The counts of a protocol: a line of names, and one of numbers.
struct Counts<'a> {
    names: &'a str,
    numbers: &'a str,
}

fn protocol<'a>(text: &'a str, name: &str) -> Result<Counts<'a>> {
    let lines = text
        .lines()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let mut lines = lines.fuse();
    let (names, numbers) = lines
        .next()
        .zip(lines.next())
        .with_context(|| format!("no {name} in /proc/net/snmp"))?;
    Ok(Counts { names, numbers })
}

impl Counts<'_> {
    fn count(&self, wanted: &str) -> Result<u64> {
        let numbers = self.numbers.split_whitespace();
        let mut pairs = self.names.split_whitespace().zip(numbers);
        let found = pairs.find(|(name, _)| *name == wanted);
        let (_, number) = found.ok_or_else(|| anyhow!("no {wanted} in /proc/net/snmp"))?;
        Ok(number.parse()?)
    }
}

/// The interface on the way to a victim.
fn victim_interface(number: usize) -> String {
    format!("victim{number}")
}

fn victim_prefix(number: usize) -> String {
    format!("198.18.{number}.0/24")
}

/// An address of a victim.
pub(super) fn victim(number: usize, host: usize) -> Ipv4Addr {
    Ipv4Addr::new(
        198,
        18,
        (number % VICTIMS) as u8,
        (host % VICTIM_HOSTS) as u8 + 1,
    )
}

/// An address of an attacker that really connects: neighbours in one /24, or each in its own.
pub(super) fn bot(number: usize, is_one_prefix: bool) -> Ipv4Addr {
    if is_one_prefix {
        Ipv4Addr::new(100, 100, 100, (number % 200) as u8 + 1)
    } else {
        Ipv4Addr::new(100, 64 + (number / 250 % 32) as u8, (number % 250) as u8, 7)
    }
}

/// The address of a resolver that is known: each in a /20 of its own.
pub(super) fn resolver(number: usize) -> Ipv4Addr {
    Ipv4Addr::new(
        172,
        16 + (number % 16) as u8,
        (number / 16 % 16 * 16) as u8,
        53,
    )
}

/// The address of one that comes in the midst of an attack: each in a /24 of its own, where none
/// of the others is. They come again after 3,840.
pub(super) fn stranger(number: usize) -> Ipv4Addr {
    let below = number / 256 % 15 + 1;
    Ipv4Addr::new(
        172,
        16 + (number % 16) as u8,
        (number / 16 % 16 * 16 + below) as u8,
        53,
    )
}

/// Where the server answers (RFC 5737).
pub(super) const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 53)), 53);

/// The interface that spoofed packets come by.
pub(super) const SPOOF: &str = "spoof";

const BOTS: &str = "bots";
const LEGIT: &str = "legit";

/// Real connections come from here (RFC 6598).
const BOT_RANGE: &str = "100.64.0.0/10";

/// Resolvers are here (RFC 1918).
const CLIENT_RANGE: &str = "172.16.0.0/12";

/// Prefixes in whose name an attacker asks.
pub(super) const VICTIMS: usize = 4;

/// Addresses of each of them.
pub(super) const VICTIM_HOSTS: usize = 64;

/// Octets of an Ethernet header, an IP header and a UDP header.
const FRAMING: u64 = 14 + 20 + 8;

/// The end of a link where nobody is.
const NOBODY: u8 = 0xee;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_counts_of_the_kernel_are_told_apart() {
        let mut interfaces = String::new();
        for name in ["spoof", "victim0", "victim1", "victim2", "victim3"] {
            interfaces += &format!("{name}: 1 1 0 0 0 0 0 0 1042 10 0 0 0 0 0 0\n");
        }
        let counts = "Ip: InHdrErrors InAddrErrors InDiscards ReasmOKs\nIp: 1 0 1 7\n\
                      Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors InCsumErrors MemErrors\n\
                      Udp: 9 0 10 8 4 2 1\n\
                      UdpLite: InDatagrams\nUdpLite: 0\n";
        let kernel = kernel(&interfaces, counts, "00000000 0000000a 00000000\n").unwrap();
        assert_eq!(
            (kernel.sent_to_spoofed, kernel.victims[3].octets),
            (10, 622)
        );
        assert_eq!((kernel.queue_full, kernel.backlog_full), (5, 10));
        assert_eq!((kernel.filtered, kernel.discarded), (3, 4));
        assert_eq!((kernel.read, kernel.sent, kernel.assembled), (9, 8, 7));
    }

    #[test]
    fn resolvers_have_a_network_each() {
        let known = (0..50).map(|number| u32::from(resolver(number)) >> 12);
        assert_eq!(known.collect::<HashSet<_>>().len(), 50);
        let known = (0..50).map(|number| u32::from(resolver(number)) >> 8);
        let strangers = (0..3_840).map(|number| u32::from(stranger(number)) >> 8);
        assert_eq!(known.chain(strangers).collect::<HashSet<_>>().len(), 3_890);
    }
}
