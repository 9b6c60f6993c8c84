//! Any octets: read, or refused with a reason.

use crate::bed::*;
use imrs_transfer::key::Algorithm;
use imrs_transfer::message::{Asks, Request, read_notify_answer, read_soa, refusal};
use imrs_transfer::outgoing::Rendered;
use imrs_transfer::tsig::{Checked, Keys, check};
use imrs_wire::Rcode;
use proptest::prelude::*;

/// Octets by chance, or a message of a transfer with some of its octets changed.
fn octets() -> impl Strategy<Value = Vec<u8>> {
    let chance = proptest::collection::vec(any::<u8>(), 0..200);
    let changes = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    let changed = (0..SOURCES, changes).prop_map(|(source, changes)| {
        let mut message = source_message(source);
        for (at, octet) in changes {
            let at = at.index(message.len());
            message[at] = octet;
        }
        message
    });
    prop_oneof![chance, changed]
}

const SOURCES: usize = 5;

fn source_message(source: usize) -> Vec<u8> {
    let zone = zone(7, "@ NS ns\nns A 192.0.2.1\nb MX 5 ns\nt TXT x");
    let wanted = if source == 0 {
        Wanted::Ixfr(5)
    } else {
        Wanted::Axfr
    };
    let key = key(Algorithm::HmacSha256);
    let key = source.is_multiple_of(2).then_some(&key);
    let (_, request) = wanted.ask(key);
    match source {
        0 | 1 => request,
        2 | 3 => {
            let keys: Keys = key.into_iter().cloned().collect();
            reply(request, &keys, Rendered::axfr(&zone).unwrap()).remove(0)
        }
        _ => message(Some(6), &[soa(7)]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_octets_are_read_or_refused(octets in octets(), incremental: bool, signed: bool) {
        let key = key(Algorithm::HmacSha256);
        let keys: Keys = [key.clone()].into_iter().collect();
        let mut message = octets.clone();
        if let Checked::Refused(refusal) = check(&keys, &mut message, NOW) {
            prop_assert!(!refusal.error.to_string().is_empty());
            prop_assert!(octets[2] & 0x80 != 0 || refusal.response[..2] == octets[..2]);
        }
        if let Some(request) = Request::parse(&message) {
            let refusal = refusal(&request, Rcode::REFUSED, None);
            prop_assert_eq!(&refusal[..2], &message[..2]);
            prop_assert!(message[12..].starts_with(request.question()));
            if matches!(request.asks, Asks::Axfr { .. } | Asks::Ixfr { .. } | Asks::Notify { .. }) {
                prop_assert!(refusal[12..].starts_with(request.question()));
            }
        }
        let zone = name("example.");
        prop_assert!(read_soa(&octets, &zone, ID).is_err() || octets[2] & 0x80 != 0);
        prop_assert!(read_notify_answer(&octets, &zone, ID).is_err() || octets[2] & 0x20 != 0);
        let wanted = if incremental { Wanted::Ixfr(5) } else { Wanted::Axfr };
        let (mut incoming, _) = wanted.ask(signed.then_some(&key));
        if let Err(error) = incoming.handle_message(octets, NOW) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}
