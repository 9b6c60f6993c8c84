//! Invented addresses, all from the prefixes for documentation (RFC 5737, RFC 3849).

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::net::{Ipv4Addr, Ipv6Addr};

/// How many of each prefix belong to the root servers and to the servers of `arpa`.
const RESERVED: u8 = 32;

/// The prefixes of RFC 5737.
const PREFIXES: [[u8; 3]; 3] = [[192, 0, 2], [198, 51, 100], [203, 0, 113]];

/// Gives addresses to name servers.
///
/// IPv4 has only 666 of them for some 6000 servers, so they repeat; neighbours in the order of
/// asking, which serve the same delegation, differ.
pub(super) struct Addresses {
    given: usize,
}

impl Addresses {
    pub(super) fn new(rng: &mut ChaCha8Rng) -> Self {
        let given = rng.random_range(0..1000);
        Addresses { given }
    }

    /// The next IPv4 address.
    pub(super) fn next_v4(&mut self) -> Ipv4Addr {
        let hosts = usize::from(u8::MAX - RESERVED) - 1;
        self.given += 1;
        let [a, b, c] = PREFIXES[self.given % PREFIXES.len()];
        let host = (self.given / PREFIXES.len()) % hosts;
        Ipv4Addr::new(a, b, c, RESERVED + 1 + host as u8)
    }

    /// An IPv6 address in a network of its own.
    pub(super) fn next_v6(&mut self, rng: &mut ChaCha8Rng) -> Ipv6Addr {
        let network: [u16; 2] = [rng.random_range(1..=u16::MAX), rng.random()];
        Ipv6Addr::new(0x2001, 0xdb8, network[0], network[1], 0, 0, 0, 0x53)
    }
}

/// One address of each family.
pub(super) type Pair = (Ipv4Addr, Ipv6Addr);

/// The addresses of the root server with a letter.
pub(super) fn of_root_server(letter: char) -> Pair {
    reserved(letter, 0)
}

/// The addresses of the `arpa` server with a letter.
pub(super) fn of_arpa_server(letter: char) -> Pair {
    reserved(letter, 1)
}

/// The low addresses of one prefix: `a` is 1, `b` is 2 …
fn reserved(letter: char, service: u8) -> Pair {
    let host = (letter as u8).saturating_sub(b'a') + 1;
    let [a, b, c] = PREFIXES[usize::from(service)];
    let v4 = Ipv4Addr::new(a, b, c, host);
    let v6 = Ipv6Addr::new(
        0x2001,
        0xdb8,
        0,
        u16::from(service),
        0,
        0,
        0,
        u16::from(host),
    );
    (v4, v6)
}
