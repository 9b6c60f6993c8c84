//! Octets that are no well-formed query. A server answers FORMERR or nothing, and lives.

use super::Maker;
use crate::differential::constants::rtype::{A, NS};
use crate::differential::constants::{DO, option as code};
use crate::differential::facts::Facts;
use crate::differential::name::{child, plain};
use crate::differential::query::{Builder, Kind, option};
use rand::RngExt;

/// Queries with flipped bits.
const FLIPPED: usize = 2_000;

/// Adds the queries.
pub(super) fn add(maker: &mut Maker<'_>, zones: &[Facts]) {
    let Some(zone) = zones.first() else { return };
    let top = zone
        .delegations
        .first()
        .cloned()
        .unwrap_or_else(|| zone.apex.clone());
    let options = [option(code::NSID, b""), option(code::COOKIE, &[7; 8])].concat();
    let whole = Builder::ask(&child(b"www", &top), A)
        .opt(1232, 0, DO, &options)
        .octets();
    for len in 0..whole.len() {
        maker.push_octets(Kind::Malformed, whole[..len].to_vec());
    }
    let bare = Builder::ask(&top, NS).octets();
    for len in 0..bare.len() {
        maker.push_octets(Kind::Malformed, bare[..len].to_vec());
    }
    questions(maker);
    records(maker);
    for _ in 0..FLIPPED {
        let mut octets = whole.clone();
        for _ in 0..maker.rng.random_range(1..=4) {
            // Not the ID, which only tells queries apart.
            let place = maker.rng.random_range(16..octets.len() * 8);
            octets[place / 8] ^= 1 << (place % 8);
        }
        maker.push_octets(Kind::Malformed, octets);
    }
    for len in (1..=512).step_by(7) {
        let octets = (0..len).map(|_| maker.rng.random()).collect();
        maker.push_octets(Kind::Malformed, octets);
    }
}

/// Names that are none.
fn questions(maker: &mut Maker<'_>) {
    let mut names: Vec<Vec<u8>> = vec![
        // Pointers: to themselves, into the header, forward, past the end, in a circle.
        vec![0xc0, 12],
        vec![0xc0, 0],
        vec![0xc0, 4],
        vec![0xc0, 11],
        vec![0xc0, 20],
        vec![0xc0, 16, 0, 0],
        vec![0xff, 0xff],
        vec![0xc0],
        vec![1, b'a', 0xc0, 12],
        vec![3, b'c', b'o', b'm', 0xc0, 0],
        vec![3, b'c', b'o', b'm', 0xc0, 12, 0],
        // Label types that are reserved (RFC 1035 section 4.1.4) or withdrawn (RFC 6891 section 5).
        vec![0x40],
        vec![0x41, 1, 0],
        vec![0x80],
        vec![0xbf, 0],
        vec![3, b'c', b'o', b'm', 0x80, 0],
        // Longer than the message, and no end.
        vec![63, b'a'],
        vec![3, b'c', b'o', b'm'],
    ];
    let label = [b'a'; 63];
    let long = child(&label, &child(&label, &child(&label, &plain("com"))));
    names.push(child(&[b'a'; 58], &long));
    names.push(child(&[b'a'; 59], &long));
    names.push(child(&label, &long));
    names.push(child(&label, &child(&label, &long)));
    names.push([[1, b'a'].repeat(127), vec![0]].concat());
    names.push([[1, b'a'].repeat(128), vec![0]].concat());
    for name in &names {
        maker.push(Kind::Malformed, &Builder::ask(name, A));
        maker.push(Kind::Malformed, &Builder::ask(name, A).edns(1232, DO));
        maker.push(Kind::Malformed, &Builder::new().miscount(0, 1).tail(name));
    }
}

/// Records of an additional section that are none.
fn records(maker: &mut Maker<'_>) {
    let ask = || Builder::ask(&plain("com"), NS).miscount(3, 1);
    let tails: [&[u8]; 9] = [
        &[],
        &[0],
        &[0, 0, 41],
        &[0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0],
        &[0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 4],
        &[0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0xff, 0xff, 0],
        &[0xc0, 0x0c, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 0],
        &[0xc0, 0xff, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 0],
        &[0x40, 0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 0],
    ];
    for tail in tails {
        maker.push(Kind::Malformed, &ask().tail(tail));
    }
}
