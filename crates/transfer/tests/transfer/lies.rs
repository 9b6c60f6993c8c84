//! A primary that lies: each lie has its own error.

use crate::bed::*;
use imrs_transfer::incoming::{Limits, Progress, Received, TransferError};
use imrs_transfer::tsig::Unauthentic;
use imrs_wire::{Rcode, Serial};
use imrs_zone::Record;

/// What a secondary that wants `wanted` makes of `messages`, behind which the connection ends.
#[track_caller]
fn check(wanted: Wanted, messages: Vec<Vec<u8>>, expected: &TransferError) {
    check_within(wanted, Limits::default(), messages, expected);
}

#[track_caller]
fn check_within(wanted: Wanted, limits: Limits, messages: Vec<Vec<u8>>, expected: &TransferError) {
    let (incoming, _) = wanted.ask_within(None, limits);
    assert_eq!(receive(incoming, messages).as_ref(), Err(expected));
}

/// The SOA record of serial 7, `text`, and the SOA record again.
fn zone_of(text: &str) -> Vec<Record> {
    let mut sent = vec![soa(7)];
    sent.extend(records(text));
    sent.push(soa(7));
    sent
}

/// SOA records of these serials, and between them a record each.
fn chain(serials: &[u32]) -> Vec<Record> {
    let mut sent = Vec::new();
    for (at, &serial) in serials.iter().enumerate() {
        sent.push(soa(serial));
        if at > 0 && at + 1 < serials.len() {
            sent.extend(records(&format!("n{} A 192.0.2.1", at / 2)));
        }
    }
    sent
}

/// A message of the AXFR of a small zone, changed.
fn changed(change: impl FnOnce(&mut Vec<u8>)) -> Vec<Vec<u8>> {
    let mut message = message(AXFR, &zone_of("ns A 192.0.2.1"));
    change(&mut message);
    vec![message]
}

/// A message with the SOA record and one more answer of these octets.
fn with_answer(octets: &[u8]) -> Vec<Vec<u8>> {
    let mut message = message(AXFR, &[soa(7)]);
    message[7] += 1;
    message.extend_from_slice(octets);
    vec![message]
}

fn serial(record: &Record) -> Serial {
    match record.data() {
        domain::rdata::ZoneRecordData::Soa(soa) => Serial(soa.serial().into_int()),
        other => panic!("{other}"),
    }
}

const SEVEN: Serial = Serial(7);

#[test]
fn a_message_that_is_no_answer_is_told() {
    check(
        Wanted::Axfr,
        vec![vec![0; 11]],
        &TransferError::Short { octets: 11 },
    );
    check(
        Wanted::Axfr,
        changed(|message| message[2] &= 0x7f),
        &TransferError::NoResponse,
    );
    check(
        Wanted::Axfr,
        changed(|message| message[1] ^= 1),
        &TransferError::OtherId {
            expected: ID,
            found: ID ^ 1,
        },
    );
    check(
        Wanted::Axfr,
        changed(|message| message[2] |= 0x20),
        &TransferError::OtherOpcode { found: 4 },
    );
    check(
        Wanted::Axfr,
        changed(|message| message[2] |= 0x02),
        &TransferError::Truncated,
    );
    for rcode in [1, 2, 4, 5, 9] {
        check(
            Wanted::Axfr,
            changed(|message| message[3] |= rcode),
            &TransferError::Rcode(Rcode(rcode.into())),
        );
    }
}

#[test]
fn an_answer_to_another_question_is_told() {
    let other = &TransferError::OtherQuestion;
    // Type, class, name, number of questions.
    check(Wanted::Axfr, changed(|message| message[22] ^= 1), other);
    check(Wanted::Axfr, changed(|message| message[24] ^= 2), other);
    check(Wanted::Axfr, changed(|message| message[13] = b'a'), other);
    check(Wanted::Axfr, changed(|message| message[5] = 2), other);
    check(
        Wanted::Axfr,
        vec![message(None, &zone_of("ns A 192.0.2.1"))],
        &TransferError::NoQuestion,
    );
    // In a later message it may be absent, but not be another one.
    let sent = zone_of("ns A 192.0.2.1");
    check(
        Wanted::Axfr,
        vec![message(AXFR, &sent[..1]), message(IXFR, &sent[1..])],
        other,
    );
    // Letter case is nothing.
    let (incoming, _) = Wanted::Axfr.ask(None);
    let messages = changed(|message| message[13] = b'E');
    assert!(receive(incoming, messages).is_ok());
}

#[test]
fn records_that_cannot_be_read_are_told() {
    check(
        Wanted::Axfr,
        vec![message(AXFR, &[])],
        &TransferError::Empty,
    );
    let unreadable = |record| TransferError::Unreadable { record };
    // Fewer records than are counted, and half a record.
    check(Wanted::Axfr, with_answer(b""), &unreadable(2));
    check(
        Wanted::Axfr,
        with_answer(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02"),
        &unreadable(2),
    );
    // An address of three octets, and one of five.
    check(
        Wanted::Axfr,
        with_answer(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x03\xc0\0\x02"),
        &unreadable(2),
    );
    check(
        Wanted::Axfr,
        with_answer(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x05\xc0\0\x02\x01\x01"),
        &unreadable(2),
    );
    // A pointer that points at itself, and one ahead.
    let here = message(AXFR, &[soa(7)]).len() as u8;
    for ahead in [0, 2] {
        check(
            Wanted::Axfr,
            with_answer(&[0xc0, here + ahead, 0, 1, 0, 1, 0, 0, 0, 60, 0, 0]),
            &unreadable(2),
        );
    }
    let mut long = b"\0\xff\x01\0\x01\0\0\0\x3c\xfe\x02".to_vec();
    long.resize(long.len() + 0xfe02, 0);
    check(
        Wanted::Axfr,
        with_answer(&long),
        &TransferError::LongData {
            record: 2,
            octets: 65_026,
            limit: 65_025,
        },
    );
}

#[test]
fn records_that_are_not_of_the_zone_are_told() {
    let at = |text: &str| records(text).remove(0);
    let record = at("ns CH TXT x");
    check(
        Wanted::Axfr,
        vec![message(AXFR, &zone_of("ns CH TXT x"))],
        &TransferError::OtherClass {
            owner: record.owner().clone(),
            rtype: record.rtype(),
            class: record.class(),
        },
    );
    for text in [
        "ns.test. A 192.0.2.1",
        "test. NS ns",
        "xexample. NS ns",
        ". NS ns",
    ] {
        check(
            Wanted::Axfr,
            vec![message(AXFR, &zone_of(text))],
            &TransferError::OutOfZone {
                owner: at(text).owner().clone(),
                rtype: at(text).rtype(),
            },
        );
    }
    for wanted in [Wanted::Axfr, Wanted::Ixfr(6)] {
        let qtype = if matches!(wanted, Wanted::Axfr) {
            AXFR
        } else {
            IXFR
        };
        let text = "sub SOA ns host 7 2 3 4 5";
        check(
            wanted,
            vec![message(qtype, &zone_of(text))],
            &TransferError::SoaBelowApex {
                owner: name("sub.example."),
            },
        );
        check(
            wanted,
            vec![
                message(qtype, &zone_of("")[1..]),
                message(None, &records("ns A 192.0.2.1")),
            ],
            &TransferError::EndedEarly {
                messages: 2,
                records: 2,
            },
        );
        let record = at("@ NS ns");
        check(
            wanted,
            vec![message(qtype, &records("@ NS ns"))],
            &TransferError::NoSoa {
                owner: record.owner().clone(),
                rtype: record.rtype(),
            },
        );
    }
}

#[test]
fn a_zone_that_does_not_end_as_it_began_is_told() {
    let ends_with = |last: &str| {
        let mut sent = zone_of("ns A 192.0.2.1");
        sent.pop();
        sent.extend(records(last));
        vec![message(AXFR, &sent)]
    };
    let differs = |found| TransferError::SoaDiffers {
        opening: SEVEN,
        found: Serial(found),
    };
    check(
        Wanted::Axfr,
        ends_with("@ SOA ns host 8 2 3 4 5"),
        &differs(8),
    );
    check(
        Wanted::Axfr,
        ends_with("@ SOA ns host 6 2 3 4 5"),
        &differs(6),
    );
    check(
        Wanted::Axfr,
        ends_with("@ SOA ns host 7 9 3 4 5"),
        &differs(7),
    );
    check(
        Wanted::Axfr,
        ends_with("@ SOA ns other 7 2 3 4 5"),
        &differs(7),
    );
    check(
        Wanted::Axfr,
        ends_with("@ 61 SOA ns host 7 2 3 4 5"),
        &differs(7),
    );
    // Letter case is nothing.
    let (incoming, _) = Wanted::Axfr.ask(None);
    assert!(receive(incoming, ends_with("@ SOA NS HOST 7 2 3 4 5")).is_ok());

    let last = records("ns A 192.0.2.1").remove(0);
    let after = TransferError::AfterClosing {
        owner: last.owner().clone(),
        rtype: last.rtype(),
    };
    let mut sent = zone_of("@ NS ns");
    sent.push(last);
    check(Wanted::Axfr, vec![message(AXFR, &sent)], &after);
    // The SOA record in the middle.
    sent.push(soa(7));
    check(Wanted::Axfr, vec![message(AXFR, &sent)], &after);
    check(Wanted::Ixfr(6), vec![message(IXFR, &sent)], &after);
}

/// A secondary that holds serial 5 receives SOA records of these serials.
#[track_caller]
fn ixfr(serials: &[u32], expected: &TransferError) {
    let messages = vec![message(IXFR, &chain(serials))];
    check(Wanted::Ixfr(5), messages, expected);
}

/// A secondary receives SOA records of these serials: this many differences.
#[track_caller]
fn ixfr_well(held: u32, serials: &[u32], expected: usize) {
    let (incoming, _) = Wanted::Ixfr(held).ask(None);
    match receive(incoming, vec![message(IXFR, &chain(serials))]) {
        Ok(Received::Differences(found)) => assert_eq!(found.len(), expected),
        other => panic!("{other:?}"),
    }
}

#[test]
fn differences_that_lead_from_here_to_there_are_taken() {
    // 7 is announced, 5 to 6 and 6 to 7 follow, 7 ends it.
    ixfr_well(5, &[7, 5, 6, 6, 7, 7], 2);
    ixfr_well(5, &[7, 5, 7, 7], 1);
    ixfr_well(u32::MAX, &[1, u32::MAX, 1, 1], 1);
}

#[test]
fn differences_that_do_not_lead_from_here_to_there_are_told() {
    let (five, six, eight) = (Serial(5), Serial(6), Serial(8));
    ixfr(
        &[7, 6, 7, 7],
        &TransferError::ChainStart {
            held: five,
            found: six,
        },
    );
    ixfr(
        &[9, 5, 6, 7, 9, 9],
        &TransferError::ChainBroken {
            ended: six,
            found: SEVEN,
        },
    );
    // The closing SOA record ahead of its version.
    ixfr(
        &[7, 5, 6, 7],
        &TransferError::ChainBroken {
            ended: six,
            found: SEVEN,
        },
    );
    ixfr(
        &[7, 5, 5, 5],
        &TransferError::Backwards {
            from: five,
            to: five,
        },
    );
    ixfr(
        &[7, 5, 6, 6, 5, 7],
        &TransferError::Backwards {
            from: six,
            to: five,
        },
    );
    ixfr(
        &[7, 5, 8, 8, 7],
        &TransferError::Beyond {
            opening: SEVEN,
            to: eight,
        },
    );
    for offered in [4, 5, 5_u32.wrapping_add(1 << 31)] {
        ixfr(
            &[offered, 5, offered, offered],
            &TransferError::NotNewer {
                held: five,
                offered: Serial(offered),
            },
        );
    }
    // What the last difference leads to is not what was announced, though its serial is.
    let mut sent = chain(&[7, 5, 7, 7]);
    sent[3] = records("@ SOA ns host 7 9 9 9 9").remove(0);
    assert_eq!(serial(&sent[3]), SEVEN);
    check(
        Wanted::Ixfr(5),
        vec![message(IXFR, &sent)],
        &TransferError::SoaDiffers {
            opening: SEVEN,
            found: SEVEN,
        },
    );
}

#[test]
fn a_version_that_is_not_newer_is_told_by_its_soa_record_alone() {
    for offered in [4, 5] {
        let (incoming, _) = Wanted::Ixfr(5).ask(None);
        let received = receive(incoming, vec![message(IXFR, &[soa(offered)])]);
        assert_eq!(received, Ok(Received::Current(Serial(offered))));
    }
    // A newer one is not the end, and if nothing follows, the whole zone is to be asked for.
    let expected = TransferError::SoaAlone { serial: SEVEN };
    check(Wanted::Ixfr(5), vec![message(IXFR, &[soa(7)])], &expected);
    assert!(expected.wants_axfr());
    check(
        Wanted::Axfr,
        vec![message(AXFR, &[soa(7)])],
        &TransferError::EndedEarly {
            messages: 1,
            records: 1,
        },
    );
}

#[test]
fn a_zone_of_a_soa_record_alone_is_one() {
    for (wanted, qtype) in [(Wanted::Axfr, AXFR), (Wanted::Ixfr(5), IXFR)] {
        let (incoming, _) = wanted.ask(None);
        let received = receive(incoming, vec![message(qtype, &[soa(7), soa(7)])]);
        assert_eq!(received, Ok(Received::Zone(vec![soa(7)])));
    }
}

#[test]
fn a_connection_that_ends_at_any_message_boundary_is_told() {
    let axfr = zone_of("@ NS ns\nns A 192.0.2.1\nns AAAA ::1");
    let ixfr = chain(&[7, 5, 6, 6, 7, 7]);
    for (wanted, qtype, sent) in [
        (Wanted::Axfr, AXFR, &axfr),
        (Wanted::Ixfr(5), IXFR, &axfr),
        (Wanted::Ixfr(5), IXFR, &ixfr),
    ] {
        for end in 0..sent.len() {
            let messages = sent[..end].chunks(1).enumerate();
            let messages = messages.map(|(at, part)| message(qtype.filter(|_| at == 0), part));
            let expected = match (wanted, end) {
                (Wanted::Ixfr(_), 1) => TransferError::SoaAlone { serial: SEVEN },
                _ => TransferError::EndedEarly {
                    messages: end,
                    records: end,
                },
            };
            check(wanted, messages.collect(), &expected);
        }
    }
}

#[test]
fn a_transfer_beyond_its_limits_is_told_before_it_is_kept() {
    let sent = zone_of("ns A 192.0.2.1");
    let messages: Vec<Vec<u8>> = sent.chunks(1).map(|part| message(AXFR, part)).collect();
    let wire: usize = messages.iter().map(Vec::len).sum();
    let limits = Limits {
        messages: 3,
        records: 3,
        octets: wire,
    };
    let (incoming, _) = Wanted::Axfr.ask_within(None, limits);
    assert!(receive(incoming, messages.clone()).is_ok());
    let refused = |limits, expected: TransferError| {
        check_within(Wanted::Axfr, limits, messages.clone(), &expected);
    };
    refused(
        Limits {
            messages: 2,
            ..limits
        },
        TransferError::TooManyMessages { limit: 2 },
    );
    refused(
        Limits {
            records: 2,
            ..limits
        },
        TransferError::TooManyRecords { limit: 2 },
    );
    refused(
        Limits {
            octets: wire - 1,
            ..limits
        },
        TransferError::TooManyOctets { limit: wire - 1 },
    );
}

#[test]
fn octets_count_as_what_they_grow_to() {
    // A name of 255 octets, then pointers to it: 14 octets each that become 520.
    let long = format!("{0}.{0}.{0}.{1}", "a".repeat(63), "a".repeat(53));
    let owner = records(&format!("{long} A 192.0.2.1")).remove(0);
    assert_eq!(owner.owner().len(), 255);
    let mut sent = zone_of("ns A 192.0.2.1");
    sent.pop();
    for _ in 0..1000 {
        sent.extend(records(&format!("{long} NS {long}")));
    }
    let message = message(AXFR, &sent);
    assert!(message.len() < 20_000, "{} octets", message.len());
    let limits = Limits {
        octets: 100_000,
        ..Limits::default()
    };
    check_within(
        Wanted::Axfr,
        limits,
        vec![message],
        &TransferError::TooManyOctets { limit: 100_000 },
    );
}

#[test]
fn after_the_end_or_an_error_nothing_is_taken() {
    let good = message(AXFR, &zone_of("ns A 192.0.2.1"));
    let (mut incoming, _) = Wanted::Axfr.ask(None);
    let done = incoming.handle_message(good.clone(), NOW);
    assert!(matches!(done, Ok(Progress::Done(Received::Zone(_)))));
    let counts = incoming.received();
    assert_eq!((counts.messages, counts.records), (1, 3));
    assert_eq!(
        incoming.handle_message(good.clone(), NOW),
        Err(TransferError::Over)
    );
    assert_eq!(incoming.handle_end(), TransferError::Over);

    let (mut incoming, _) = Wanted::Axfr.ask(None);
    assert!(incoming.handle_message(vec![0; 11], NOW).is_err());
    assert_eq!(incoming.handle_message(good, NOW), Err(TransferError::Over));
}

#[test]
fn a_primary_without_ixfr_is_asked_for_the_whole_zone() {
    let check = |error: TransferError, expected| {
        assert_eq!(error.wants_axfr(), expected, "{error}");
    };
    check(TransferError::Rcode(Rcode::NOTIMP), true);
    check(TransferError::Rcode(Rcode::FORMERR), true);
    check(TransferError::Rcode(Rcode::REFUSED), true);
    check(TransferError::Rcode(Rcode::SERVFAIL), false);
    check(TransferError::Rcode(Rcode::NOTAUTH), false);
    check(TransferError::Empty, true);
    let unsigned = |rcode| TransferError::Unauthentic(Unauthentic::Unsigned { rcode });
    check(unsigned(Rcode::NOTIMP), true);
    check(unsigned(Rcode::NOERROR), false);
    check(TransferError::Unauthentic(Unauthentic::EndsUnsigned), false);
    check(
        TransferError::EndedEarly {
            messages: 1,
            records: 5,
        },
        false,
    );
}
