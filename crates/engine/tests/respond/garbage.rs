//! Whatever arrives, the response is one, or there is none.

use crate::reply::Reply;
use crate::scenario::{Scenario, all};
use imrs_engine::{Transport, respond};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use std::cell::OnceCell;

/// Checks all that holds for any packet whatever.
fn check(scenario: &Scenario, transport: Transport, packet: &[u8], limit: usize) {
    let mut out = vec![0xee; limit.max(512) + 64];
    let (room, behind) = out.split_at_mut(limit);
    let outcome = respond(&scenario.service, transport.into(), packet, room);
    assert!(behind.iter().all(|octet| *octet == 0xee));
    assert!(outcome.len <= limit);
    if packet.len() < 12 || packet[2] & 0x80 != 0 {
        assert_eq!(outcome.len, 0);
    } else if limit >= 512 {
        // Never silently dropped (RFC 8906 section 3.1).
        assert!(outcome.len >= 12);
    }
    if outcome.len > 0 {
        let reply = Reply::read(packet, &room[..outcome.len]);
        assert_eq!(reply.rcode, outcome.rcode.0);
        assert_eq!(reply.flags.contains(&"tc"), outcome.truncated);
        assert!(
            !reply
                .flags
                .iter()
                .any(|flag| ["ra", "z", "ad"].contains(flag))
        );
    }
}

/// A change to a packet.
#[derive(Clone, Debug)]
enum Damage {
    Set(Index, u8),
    Flip(Index, u8),
    Cut(Index),
    Insert(Index, Vec<u8>),
    Remove(Index),
}

impl Damage {
    fn apply(&self, packet: &mut Vec<u8>) {
        if packet.is_empty() {
            return;
        }
        let len = packet.len();
        match self {
            Damage::Set(at, octet) => packet[at.index(len)] = *octet,
            Damage::Flip(at, bit) => packet[at.index(len)] ^= 1 << bit,
            Damage::Cut(at) => packet.truncate(at.index(len)),
            Damage::Insert(at, octets) => {
                let at = at.index(len);
                packet.splice(at..at, octets.iter().copied());
            }
            Damage::Remove(at) => drop(packet.remove(at.index(len))),
        }
    }
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<Index>;
    let octet = prop_oneof![any::<u8>(), Just(0), Just(0xc0), Just(0x3f), Just(0xff)];
    prop_oneof![
        (at(), octet).prop_map(|(at, octet)| Damage::Set(at, octet)),
        (at(), 0..8u8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        at().prop_map(Damage::Cut),
        (at(), vec(any::<u8>(), 1..12)).prop_map(|(at, octets)| Damage::Insert(at, octets)),
        at().prop_map(Damage::Remove),
    ]
}

fn transport() -> impl Strategy<Value = Transport> {
    prop_oneof![
        Just(Transport::Udp),
        Just(Transport::Tcp { keepalive: 300 })
    ]
}

thread_local! {
    static SCENARIOS: OnceCell<Vec<Scenario>> = const { OnceCell::new() };
}

/// One of the scenarios, and one of its queries.
fn with_query(pick: (Index, Index), run: impl FnOnce(&Scenario, &[u8])) {
    SCENARIOS.with(|scenarios| {
        let scenario = pick.0.get(scenarios.get_or_init(all));
        run(scenario, &pick.1.get(&scenario.cases).packet);
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn any_octets_get_a_response_or_none(
        pick in any::<(Index, Index)>(),
        packet in vec(any::<u8>(), 0..600),
        transport in transport(),
        limit in 0..1500usize,
    ) {
        with_query(pick, |scenario, _| check(scenario, transport, &packet, limit));
    }

    #[test]
    fn a_query_behind_any_header_gets_a_response_or_none(
        pick in any::<(Index, Index)>(),
        header in any::<[u8; 12]>(),
        transport in transport(),
    ) {
        with_query(pick, |scenario, query| {
            let rest = query.get(12..).unwrap_or_default();
            check(scenario, transport, &[&header, rest].concat(), 1232);
        });
    }

    #[test]
    fn a_damaged_query_gets_a_response_or_none(
        pick in any::<(Index, Index)>(),
        damages in vec(damage(), 0..4),
        transport in transport(),
        limit in prop_oneof![0..1500usize, Just(65_535)],
    ) {
        with_query(pick, |scenario, query| {
            let mut packet = query.to_vec();
            for damage in &damages {
                damage.apply(&mut packet);
            }
            check(scenario, transport, &packet, limit);
        });
    }
}
