//! What our primary sends our secondary receives, whatever the zone and wherever messages part it.

use crate::bed::*;
use imrs_transfer::incoming::Received;
use imrs_transfer::key::Algorithm;
use imrs_transfer::outgoing::Rendered;
use imrs_transfer::tsig::Keys;
use imrs_zone::packed::{Packed, pack};
use imrs_zone::record::sort_canonically;
use imrs_zone::{Name, Record};
use proptest::prelude::*;
use std::sync::Arc;

/// SOA first, then the others in the order of the zone.
fn in_order(zone: &Packed) -> Vec<Record> {
    let records = zone.records();
    let is_soa = |record: &&Record| record.rtype() == domain::base::iana::Rtype::SOA;
    let (mut soa, others): (Vec<&Record>, Vec<&Record>) = records.iter().partition(is_soa);
    soa.extend(others);
    soa.into_iter().cloned().collect()
}

/// The zone that arrives, as octets, so that the case of letters and TTLs count.
fn arrived(received: Received) -> Vec<u8> {
    match received {
        Received::Zone(records) => pack(&records),
        other => panic!("{other:?}"),
    }
}

fn label() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::string::string_regex("[a-cA-C]{1,2}").unwrap(),
        proptest::string::string_regex("[a-zA-Z0-9]{60,63}").unwrap(),
    ]
}

fn owner() -> impl Strategy<Value = String> {
    proptest::collection::vec(label(), 0..3).prop_map(|labels| match labels.is_empty() {
        true => "@".to_owned(),
        false => labels.join("."),
    })
}

fn data() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<u8>().prop_map(|last| format!("A 192.0.2.{last}")),
        any::<u16>().prop_map(|last| format!("AAAA 2001:db8::{last:x}")),
        owner().prop_map(|name| format!("NS {name}")),
        owner().prop_map(|name| format!("MX 10 {name}")),
        owner().prop_map(|name| format!("NSEC {name} A NS RRSIG NSEC")),
        owner().prop_map(|name| format!(
            "RRSIG A 8 1 60 20300101000000 20200101000000 7 {name} YWJjZGVmZ2g="
        )),
        proptest::string::string_regex("[a-z ]{0,255}")
            .unwrap()
            .prop_map(|text| format!("TXT \"{text}\"")),
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(|octets| {
            let hex: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
            format!("TYPE65280 \\# {} {hex}", octets.len())
        }),
    ]
}

/// Lines of a zone file without SOA.
fn lines(most: usize) -> impl Strategy<Value = String> {
    let line = (owner(), 0..3u32, data());
    proptest::collection::vec(line, 0..most).prop_map(|lines| {
        let lines: Vec<String> = lines
            .into_iter()
            .map(|(owner, ttl, data)| format!("{owner} {ttl} {data}"))
            .collect();
        lines.join("\n")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_zone_arrives_octet_for_octet(lines in lines(400), signed: bool, incremental: bool) {
        let zone = zone(7, &lines);
        let key = signed.then(|| key(Algorithm::HmacSha256));
        let keys: Keys = key.iter().cloned().collect();
        let wanted = if incremental { Wanted::Ixfr(6) } else { Wanted::Axfr };
        let (incoming, request) = wanted.ask(key.as_ref());
        let messages = reply(request, &keys, Rendered::axfr(&zone).unwrap());
        let received = receive(incoming, messages).unwrap();
        prop_assert_eq!(arrived(received), pack(&in_order(&zone)));
    }

    #[test]
    fn a_zone_arrives_wherever_messages_part_it(lines in lines(12), cuts: Vec<bool>, repeat: bool) {
        let zone = zone(7, &lines);
        let mut sent = in_order(&zone);
        sent.push(sent[0].clone());
        let (incoming, _) = Wanted::Axfr.ask(None);
        let received = receive(incoming, parted(AXFR, &sent, &cuts, repeat)).unwrap();
        prop_assert_eq!(arrived(received), pack(&in_order(&zone)));
    }

    #[test]
    fn differences_arrive_wherever_messages_part_them(
        steps in proptest::collection::vec((lines(4), lines(4)), 1..4),
        cuts: Vec<bool>,
        repeat: bool,
    ) {
        let chain: Vec<_> = (10..)
            .zip(&steps)
            .map(|(serial, (removed, added))| difference(serial, serial + 1, removed, added))
            .collect();
        let last = soa(10 + chain.len() as u32);
        let shared: Vec<_> = chain.iter().cloned().map(Arc::new).collect();
        let rendered = Rendered::ixfr(&shared, &last).unwrap();
        let (incoming, request) = Wanted::Ixfr(10).ask(None);
        let replied = receive(incoming, reply(request, &Keys::default(), rendered)).unwrap();
        prop_assert_eq!(&replied, &Received::Differences(chain.clone()));

        let mut sent = vec![last.clone()];
        for half in chain.iter().flat_map(|step| [&step.removed, &step.added]) {
            let (soa, others): (Vec<Record>, Vec<Record>) = half
                .iter()
                .cloned()
                .partition(|record| record.rtype() == domain::base::iana::Rtype::SOA);
            sent.extend(soa.into_iter().chain(others.into_iter().rev()));
        }
        sent.push(last);
        let (incoming, _) = Wanted::Ixfr(10).ask(None);
        let received = receive(incoming, parted(IXFR, &sent, &cuts, repeat)).unwrap();
        prop_assert_eq!(received, Received::Differences(chain));
    }
}

/// Messages that end where `cuts` says; behind those, one message holds the rest. `repeat` tells
/// whether all of them or only the first have a question.
fn parted(qtype: Option<u16>, records: &[Record], cuts: &[bool], repeat: bool) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    let mut from = 0;
    for to in 1..=records.len() {
        if to == records.len() || cuts.get(to - 1) == Some(&true) {
            let question = qtype.filter(|_| from == 0 || repeat);
            messages.push(message(question, &records[from..to]));
            from = to;
        }
    }
    messages
}

#[test]
fn a_zone_arrives_at_every_single_cut_and_record_by_record() {
    let zone = zone(
        7,
        "@ NS ns\nns A 192.0.2.1\nchild NS ns.child\nns.child AAAA ::1",
    );
    let mut sent = in_order(&zone);
    sent.push(sent[0].clone());
    let check = |cuts: &[bool]| {
        for wanted in [Wanted::Axfr, Wanted::Ixfr(6)] {
            let qtype = if matches!(wanted, Wanted::Axfr) {
                AXFR
            } else {
                IXFR
            };
            let (incoming, _) = wanted.ask(None);
            let received = receive(incoming, parted(qtype, &sent, cuts, false)).unwrap();
            assert_eq!(
                arrived(received),
                pack(&in_order(&zone)),
                "{wanted:?} {cuts:?}"
            );
        }
    };
    for cut in 0..sent.len() {
        let mut cuts = vec![false; cut];
        cuts.push(true);
        check(&cuts);
    }
    check(&vec![true; sent.len()]);
}

#[test]
fn the_root_zone_arrives() {
    let mut records: Vec<Record> = (0..3000u32)
        .map(|number| {
            let owner: Name = format!("t{number}.").parse().unwrap();
            let data = domain::rdata::Ns::new(format!("ns.T{number}.").parse::<Name>().unwrap());
            let hour = domain::base::Ttl::from_secs(3600);
            Record::new(owner, domain::base::iana::Class::IN, hour, data.into())
        })
        .collect();
    let data = soa(7).into_data();
    let hour = domain::base::Ttl::from_secs(3600);
    let root = name(".");
    records.push(Record::new(
        root.clone(),
        domain::base::iana::Class::IN,
        hour,
        data,
    ));
    sort_canonically(&mut records);
    let zone = Packed::new(&records).unwrap();
    let (incoming, request) =
        imrs_transfer::incoming::Incoming::axfr(&root, None, Default::default(), ID, NOW);
    let messages = reply(request, &Keys::default(), Rendered::axfr(&zone).unwrap());
    assert!(messages.len() > 3, "{} messages", messages.len());
    assert!(messages.iter().all(|message| message.len() <= 16_382));
    let received = receive(incoming, messages).unwrap();
    assert_eq!(arrived(received), pack(&in_order(&zone)));
}
