//! Clients with addresses of their own, and what cookies they show.
//!
//! No limit concerns loopback, and one address costs a server fewer cache lines than many do. So each
//! query of a corpus gets an address, and all of these are local in a network namespace that this
//! process enters: the machine around it is left as it is.

use super::kernel;
use super::queries::{OPT_DO_1232, ipv4_seeded};
use crate::peers::{Tool, tool_command};
use anyhow::{Result, ensure};
use siphasher::sip::SipHasher24;
use std::hash::Hasher;
use std::net::Ipv4Addr;

/// Where servers listen: a network for benchmarks (RFC 2544).
pub(crate) const SERVER: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);

/// The network of servers, and that of clients, wide enough for each to have a /24 nearly alone.
const LOCAL: [&str; 2] = ["198.18.0.0/15", "10.0.0.0/8"];

/// The first octet of the clients' network.
const CLIENTS: u8 = 10;

/// The secret of the server's cookies.
pub(crate) const SECRET: [u8; 16] = *b"for measurements";

/// What sets the namespace up.
pub(crate) const TOOL: Tool = Tool {
    command: "ip",
    package: "iproute2",
};

/// The cookies that queries with EDNS show (RFC 7873).
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Cookies {
    /// None.
    None,
    /// That of the client alone: the server has to make one.
    Client,
    /// A good one of the server too: it has to be verified, and the gate lets it pass.
    Valid,
}

impl Cookies {
    /// The name in tables and on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Cookies::None => "no",
            Cookies::Client => "client",
            Cookies::Valid => "valid",
        }
    }
}

/// Enters a network namespace in which all addresses of servers and clients are local.
pub(crate) fn enter() -> Result<()> {
    kernel::enter_network()?;
    ip(&["link", "set", "lo", "up"])?;
    for network in LOCAL {
        ip(&["route", "add", "local", network, "dev", "lo"])?;
    }
    Ok(())
}

fn ip(arguments: &[&str]) -> Result<()> {
    let status = tool_command(TOOL.command)?.args(arguments).status()?;
    ensure!(
        status.success(),
        "ip {} failed: {status}",
        arguments.join(" ")
    );
    Ok(())
}

/// So many addresses of clients, spread evenly: harder on the caches of a server than real ones.
pub(crate) fn addresses(seed: u64, count: usize) -> Vec<Ipv4Addr> {
    let address = |address: Ipv4Addr| {
        let [_, b, c, d] = address.octets();
        Ipv4Addr::new(CLIENTS, b, c, d)
    };
    ipv4_seeded(seed).map(address).take(count).collect()
}

/// Gives each query with EDNS the cookies of its client, made at `now` in seconds of Unix.
pub(crate) fn show(cookies: Cookies, queries: &mut [Vec<u8>], addresses: &[Ipv4Addr], now: u32) {
    let with_edns = queries
        .iter_mut()
        .zip(addresses)
        .filter(|(query, _)| query.ends_with(&OPT_DO_1232));
    for (query, address) in with_edns {
        let cookies = match cookies {
            Cookies::None => continue,
            Cookies::Client => client_cookie(*address).to_vec(),
            Cookies::Valid => both(*address, now),
        };
        // The length of the options, then one: its code, its length, and the cookies.
        query.truncate(query.len() - 2);
        query.extend_from_slice(&(cookies.len() as u16 + 4).to_be_bytes());
        query.extend_from_slice(&COOKIE.to_be_bytes());
        query.extend_from_slice(&(cookies.len() as u16).to_be_bytes());
        query.extend_from_slice(&cookies);
    }
}

fn client_cookie(address: Ipv4Addr) -> [u8; 8] {
    let [a, b, c, d] = address.octets();
    [a, b, c, d, !a, !b, !c, !d]
}

/// Both cookies, as RFC 9018 section 4 makes them.
fn both(address: Ipv4Addr, now: u32) -> Vec<u8> {
    let mut cookies = client_cookie(address).to_vec();
    // Version 1, three reserved octets, and the time.
    cookies.extend_from_slice(&[1, 0, 0, 0]);
    cookies.extend_from_slice(&now.to_be_bytes());
    let mut hasher = SipHasher24::new_with_key(&SECRET);
    hasher.write(&cookies);
    hasher.write(&address.octets());
    cookies.extend_from_slice(&hasher.finish().to_le_bytes());
    cookies
}

/// The option's code (RFC 7873 section 4).
const COOKIE: u16 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_with_edns_gets_an_option_and_another_stays() {
        let address = Ipv4Addr::new(10, 1, 2, 3);
        let check = |cookies, added: usize| {
            let plain = vec![0; 30];
            let with_edns = [&plain[..], &OPT_DO_1232].concat();
            let mut queries = [with_edns.clone(), plain.clone()];
            show(cookies, &mut queries, &[address; 2], 1_790_000_000);
            assert_eq!(queries[1], plain);
            assert_eq!(queries[0].len(), with_edns.len() + added);
            let options = u16::from_be_bytes([queries[0][39], queries[0][40]]);
            assert_eq!(usize::from(options), added);
        };
        check(Cookies::None, 0);
        check(Cookies::Client, 12);
        check(Cookies::Valid, 28);
    }

    #[test]
    fn clients_are_many_and_the_same_again() {
        let mut clients = addresses(1, 1000);
        assert_eq!(clients, addresses(1, 1000));
        clients.sort_unstable();
        clients.dedup();
        assert!(clients.len() > 990);
    }
}
