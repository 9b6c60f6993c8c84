//! Counting, against a plain list of what was recorded.

use super::{Asked, AskedEdns, Buffer, Cells, Counts, Exchange, Flow, Profile, Qtype, Sent};
use crate::Day;
use imrs_wire::{Rcode, Rtype};
use proptest::prelude::*;

fn day(number: u32) -> Day {
    Day::new(number).unwrap()
}

fn exchanges() -> impl Strategy<Value = (Flow, Exchange)> {
    let edns = (any::<u16>(), any::<[bool; 3]>()).prop_map(|(udp_len_max, bits)| AskedEdns {
        udp_len_max,
        dnssec: bits[0],
        nsid: bits[1],
        cookie: bits[2],
    });
    let asked = (
        prop::option::of(prop_oneof![0..300u16, any::<u16>()]),
        any::<[bool; 2]>(),
        prop::option::of(edns),
    );
    let sent = (
        0..5000usize,
        prop_oneof![0..40u16, 0..4096u16],
        any::<bool>(),
    );
    let sent = sent.prop_map(|(octets, rcode, truncated)| Sent {
        octets,
        rcode: Rcode(rcode),
        truncated,
    });
    let flow = prop::sample::select(Flow::ALL.to_vec());
    (flow, 0..700usize, asked, prop::option::of(sent)).prop_map(
        |(flow, request_octets, (qtype, bits, edns), sent)| {
            let asked = Asked {
                qtype: qtype.map(Rtype),
                recursion_desired: bits[0],
                checking_disabled: bits[1],
                edns,
            };
            let exchange = Exchange {
                request_octets,
                asked,
                sent,
            };
            (flow, exchange)
        },
    )
}

fn count(list: &[(Flow, Exchange)]) -> Counts {
    let mut counts = Counts::new();
    for (flow, exchange) in list {
        counts.record(*flow, exchange);
    }
    counts
}

/// Compares with what the list says by counting again, one figure at a time.
fn check(counts: &Counts, list: &[(Flow, Exchange)]) {
    for flow in Flow::ALL {
        let of_flow: Vec<Exchange> = list
            .iter()
            .filter(|(other, _)| *other == flow)
            .map(|(_, exchange)| *exchange)
            .collect();
        let number = |holds: &dyn Fn(&Exchange) -> bool| {
            of_flow.iter().filter(|exchange| holds(exchange)).count() as u64
        };
        let counted = counts.flow(flow);
        assert_eq!(counted.queries(), of_flow.len() as u64);
        assert_eq!(counted.responses(), number(&|e| e.sent.is_some()));
        let truncated = number(&|e| e.sent.is_some_and(|sent| sent.truncated));
        assert_eq!(counted.truncated(), truncated);
        for (bin, count) in counted.request_sizes().iter().enumerate() {
            assert_eq!(*count, number(&|e| (e.request_octets / 16).min(18) == bin));
        }
        for (bin, count) in counted.response_sizes().iter().enumerate() {
            let is_in = |e: &Exchange| e.sent.is_some_and(|s| (s.octets / 16).min(256) == bin);
            assert_eq!(*count, number(&is_in));
        }
        for rcode in 0..32 {
            let has = |e: &Exchange| e.sent.is_some_and(|sent| sent.rcode.0 == rcode);
            assert_eq!(counted.rcode(Rcode(rcode)), number(&has), "RCODE {rcode}");
        }
        let other = number(&|e| e.sent.is_some_and(|sent| sent.rcode.0 >= 32));
        assert_eq!(counted.other_rcodes(), other);
        for qtype in 0..272 {
            let has = |e: &Exchange| e.asked.qtype == Some(Rtype(qtype));
            let counted = counted.questions(Qtype::Type(Rtype(qtype)));
            assert_eq!(counted.total(), number(&has));
        }
        assert_eq!(
            counted.questions(Qtype::Absent).total(),
            number(&|e| e.asked.qtype.is_none())
        );
        assert_eq!(
            counted.queries_where(|profile| profile.dnssec && profile.recursion_desired),
            number(&|e| e.asked.recursion_desired && e.asked.edns.is_some_and(|edns| edns.dnssec))
        );
        assert_eq!(
            counted.queries_where(|profile| profile.buffer == Buffer::NoEdns),
            number(&|e| e.asked.edns.is_none())
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_figure_is_what_a_plain_list_says(list in prop::collection::vec(exchanges(), 0..200)) {
        check(&count(&list), &list);
    }

    #[test]
    fn counts_add_up_and_differ_by_what_came_between(
        first in prop::collection::vec(exchanges(), 0..50),
        second in prop::collection::vec(exchanges(), 0..50),
    ) {
        let (before, between) = (count(&first), count(&second));
        let mut both = before.clone();
        both.add(&between);
        let list: Vec<_> = first.iter().chain(&second).copied().collect();
        prop_assert_eq!(&both, &count(&list));
        prop_assert_eq!(both.since(&before), Some(between.clone()));
        prop_assert_eq!(before.since(&both).is_none(), !second.is_empty());
    }

    #[test]
    fn the_sums_that_are_to_be_equal_are(list in prop::collection::vec(exchanges(), 0..100)) {
        let counts = count(&list);
        for flow in Flow::ALL {
            let counted = counts.flow(flow);
            let rcodes: u64 = counted.rcodes().map(|(_, count)| count).sum();
            prop_assert_eq!(rcodes + counted.other_rcodes(), counted.responses());
            let qtypes: u64 = counted.qtypes().map(|(_, questions)| questions.total()).sum();
            prop_assert_eq!(qtypes, counted.queries());
            prop_assert_eq!(counted.queries_where(|_| true), counted.queries());
        }
    }
}

#[test]
fn a_profile_is_known_by_its_cell() {
    for index in 0..256 {
        assert_eq!(Profile::from_index(index).index(), index);
    }
}

#[test]
fn a_bank_rests_when_its_day_is_over() {
    let exchange = Exchange {
        request_octets: 40,
        asked: Asked::default(),
        sent: None,
    };
    let cells = Cells::new();
    let flow = Flow::ALL[3];
    cells.record(day(10), flow, &exchange);
    cells.record(day(11), flow, &exchange);
    cells.record(day(11), flow, &exchange);
    let read = |number| {
        let mut counts = Counts::new();
        cells.add_to(day(number), &mut counts);
        counts.flow(flow).queries()
    };
    assert_eq!((read(10), read(11)), (1, 2));
    cells.record(day(12), flow, &exchange);
    assert_eq!((read(12), read(11)), (2, 2));
    assert_eq!(cells.total().flow(flow).queries(), 4);
}

#[test]
fn a_packet_says_what_is_counted_of_it() {
    // ID, RD and CD, one question, one additional record; `. IN NS`; OPT with 1232, DO, NSID and a
    // cookie of the client.
    let mut packet = vec![0, 1, 0x01, 0x10, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 2, 0, 1];
    packet.extend([
        0, 0, 41, 0x04, 0xd0, 0, 0, 0x80, 0, 0, 16, 0, 3, 0, 0, 0, 10, 0, 8,
    ]);
    packet.extend([7; 8]);
    let edns = AskedEdns {
        udp_len_max: 1232,
        dnssec: true,
        nsid: true,
        cookie: true,
    };
    let asked = Asked {
        qtype: Some(Rtype::NS),
        recursion_desired: true,
        checking_disabled: true,
        edns: Some(edns),
    };
    assert_eq!(Asked::read(&packet), Some(asked));
    assert_eq!(Asked::read(&[]), None);
    // Without its question the flags are all that is left.
    let flags = Asked {
        qtype: None,
        edns: None,
        ..asked
    };
    assert_eq!(Asked::read(&packet[..14]), Some(flags));
}

#[test]
fn counts_of_another_layout_or_out_of_order_are_refused() {
    let form = |layout: u32, cells: &[(u32, u64)]| {
        let octets = postcard::to_allocvec(&(layout, cells)).unwrap();
        postcard::from_bytes::<Counts>(&octets).ok()
    };
    let layout = super::layout::CELLS as u32;
    let counts = form(layout, &[(0, 5), (layout - 1, 7)]).unwrap();
    assert_eq!(counts.flow(Flow::ALL[0]).request_sizes()[0], 5);
    assert_eq!(counts.flow(Flow::ALL[7]).continued(), 7);
    assert_eq!(form(layout + 1, &[(0, 5)]), None);
    assert_eq!(form(layout, &[(layout, 5)]), None);
    assert_eq!(form(layout, &[(3, 5), (3, 5)]), None);
    assert_eq!(form(layout, &[(3, 0)]), None);
    let octets = postcard::to_allocvec(&counts).unwrap();
    assert_eq!(postcard::from_bytes(&octets), Ok(counts));
}

#[test]
fn an_ordinary_query_adds_to_four_cells() {
    let check = |rcode, truncated, expected| {
        let exchange = Exchange {
            request_octets: 45,
            asked: Asked::default(),
            sent: Some(Sent {
                octets: 700,
                rcode,
                truncated,
            }),
        };
        let mut cells = Vec::new();
        exchange.each_cell(|cell| cells.push(cell));
        assert_eq!(cells.len(), expected);
    };
    check(Rcode::NOERROR, false, 4);
    check(Rcode::NXDOMAIN, false, 4);
    check(Rcode::REFUSED, false, 5);
    check(Rcode::BADVERS, true, 6);
}
