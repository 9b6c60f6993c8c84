//! Any text as a file of blocked prefixes: taken whole, or refused with the line; and what it blocks
//! is what its lines say, however many cover or touch each other.
#![no_main]

use imrs_node::guard::blocklist::{BlocklistError, parse};
use libfuzzer_sys::fuzz_target;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

fuzz_target!(|text: &[u8]| {
    let lines = text.split(|octet| *octet == b'\n').count();
    let blocked = match parse(Path::new("blocked"), text) {
        Ok(blocked) => blocked.0,
        Err(
            BlocklistError::NoText { line, .. }
            | BlocklistError::NoPrefix { line, .. }
            | BlocklistError::Everybody { line, .. },
        ) => return assert!((1..=lines).contains(&line)),
        Err(error) => panic!("{error} of a text"),
    };
    let text = std::str::from_utf8(text).expect("what is no text is refused");
    let prefixes: Vec<(IpAddr, u8)> = text.lines().filter_map(prefix).collect();
    assert!(blocked.len() <= prefixes.len());
    assert_eq!(blocked.is_empty(), prefixes.is_empty());
    for (address, len) in &prefixes {
        let (first, last) = ends(*address, *len);
        for probe in [first, last, beside(first, -1), beside(last, 1)] {
            let expected = prefixes.iter().any(|prefix| covers(*prefix, probe));
            assert_eq!(blocked.contains(probe), expected, "{probe}");
        }
    }
});

/// The prefix of a line that was taken.
fn prefix(line: &str) -> Option<(IpAddr, u8)> {
    let text = line.split('#').next()?.trim();
    if text.is_empty() {
        return None;
    }
    let (address, len) = text.split_once('/').map_or((text, None), |(address, len)| {
        (address, Some(len.parse().expect("it was taken")))
    });
    let address: IpAddr = address.parse().expect("it was taken");
    Some((address, len.unwrap_or(bits(address))))
}

fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The address as a number, and a mask of the bits behind a length.
fn number(address: IpAddr, len: u8) -> (u128, u128) {
    let number = match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    };
    let behind = bits(address) - len;
    (
        number,
        u128::MAX
            .checked_shl(behind.into())
            .map_or(u128::MAX, |mask| !mask),
    )
}

fn ends(address: IpAddr, len: u8) -> (IpAddr, IpAddr) {
    let (number, behind) = number(address, len);
    let [first, last] = [number & !behind, number | behind];
    (of(first, address), of(last, address))
}

fn beside(address: IpAddr, step: i128) -> IpAddr {
    of(number(address, 0).0.wrapping_add_signed(step), address)
}

/// The address of a number, of the same family.
fn of(number: u128, like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => Ipv4Addr::from_bits(number as u32).into(),
        // As a client with an IPv4 address in the form of IPv6 counts.
        IpAddr::V6(_) => IpAddr::from(Ipv6Addr::from_bits(number)).to_canonical(),
    }
}

fn covers((address, len): (IpAddr, u8), probe: IpAddr) -> bool {
    let (number, behind) = number(address, len);
    let same_family = address.is_ipv4() == probe.is_ipv4();
    same_family && number | behind == self::number(probe, 0).0 | behind
}
