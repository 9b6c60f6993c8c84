//! What a server reads in requests, and what it says to them.

use crate::bed::*;
use imrs_transfer::message::{
    Asks, Request, axfr_query, ixfr_query, notify, notify_response, refusal, soa_query,
};
use imrs_wire::{Ede, Rcode, Serial};

/// Root owner, type OPT, 1232 octets, version, DO.
const OPT: &[u8] = b"\0\0\x29\x04\xd0\0\0\x80\0\0\0";

/// The message with more octets behind it, which count as one additional record.
fn with_additional(mut message: Vec<u8>, record: &[u8]) -> Vec<u8> {
    message[11] += 1;
    message.extend(record);
    message
}

fn changed(mut message: Vec<u8>, at: usize, octet: u8) -> Vec<u8> {
    message[at] = octet;
    message
}

fn zone() -> imrs_zone::Name {
    name("example.")
}

#[track_caller]
fn check(message: &[u8], expected: impl Into<Option<Asks>>) {
    let found = Request::parse(message).map(|request| request.asks);
    assert_eq!(found, expected.into());
}

#[test]
fn requests_are_read() {
    let axfr = axfr_query(&zone(), ID);
    let ixfr = ixfr_query(&soa(5), ID);
    check(&axfr, Some(Asks::Axfr { zone: zone() }));
    check(
        &ixfr,
        Some(Asks::Ixfr {
            zone: zone(),
            held: Serial(5),
        }),
    );
    check(
        &notify(&zone(), Some(&soa(7)), ID),
        Some(Asks::Notify {
            zone: zone(),
            serial: Some(Serial(7)),
        }),
    );
    check(
        &notify(&zone(), None, ID),
        Some(Asks::Notify {
            zone: zone(),
            serial: None,
        }),
    );
    check(&soa_query(&zone(), ID), Some(Asks::Other));
    // With OPT, and with a record that nobody knows.
    check(
        &with_additional(axfr.clone(), OPT),
        Some(Asks::Axfr { zone: zone() }),
    );
    check(
        &with_additional(axfr.clone(), b"\0\xff\x05\0\x01\0\0\0\0\0\x01x"),
        Some(Asks::Axfr { zone: zone() }),
    );
    // UPDATE is for the engine, which does not know it.
    check(&changed(axfr, 2, 0x28), Some(Asks::Other));
}

#[test]
fn a_notify_without_a_good_hint_is_one_without_hint() {
    let none = Some(Asks::Notify {
        zone: zone(),
        serial: None,
    });
    // The SOA record of another zone, of another class, and no SOA record.
    let other = imrs_zone::Record::new(
        name("other."),
        soa(7).class(),
        soa(7).ttl(),
        soa(7).into_data(),
    );
    check(&notify(&zone(), Some(&other), ID), none.clone());
    let message = notify(&zone(), Some(&soa(7)), ID);
    check(&changed(message.clone(), 25 + 9 + 3, 3), none.clone());
    check(
        &notify(&zone(), Some(&records("@ A 192.0.2.1")[0]), ID),
        none.clone(),
    );
    // A SOA record whose data is none.
    check(&changed(message, 25 + 9 + 1, 1), none);
}

#[test]
fn what_asks_for_a_transfer_in_another_way_is_unfit() {
    let unfit = |rcode| Some(Asks::Unfit(rcode));
    let formerr = unfit(Rcode::FORMERR);
    let axfr = axfr_query(&zone(), ID);
    let ixfr = ixfr_query(&soa(5), ID);
    // No question, two, one that points into the header, octets behind the end.
    check(&changed(axfr.clone(), 5, 0), formerr.clone());
    check(&changed(axfr.clone(), 5, 2), formerr.clone());
    check(
        b"\0\x01\0\0\0\x01\0\0\0\0\0\0\xc0\x04\0\xfc\0\x01",
        formerr.clone(),
    );
    check(&[&axfr[..], b"x"].concat(), formerr.clone());
    // Fewer records than are counted.
    for section in [7, 9, 11] {
        check(&changed(axfr.clone(), section, 1), formerr.clone());
    }
    // IXFR without SOA record, with that of another zone, with another record; AXFR with one.
    let mut bare = ixfr[..25].to_vec();
    bare[9] = 0;
    check(&bare, formerr.clone());
    check(&changed(ixfr.clone(), 25 + 1, b'E'), {
        let held = Serial(5);
        Some(Asks::Ixfr { zone: zone(), held })
    });
    check(&changed(ixfr.clone(), 25 + 1, b'a'), formerr.clone());
    check(&changed(ixfr.clone(), 25 + 9 + 1, 2), formerr.clone());
    check(&changed(ixfr.clone(), 25 + 9 + 3, 3), formerr.clone());
    check(&changed(ixfr, 25 - 3, 252), formerr.clone());
    // OPT twice, not of the root, in another section, with half an option.
    let twice = with_additional(with_additional(axfr.clone(), OPT), OPT);
    check(&twice, formerr.clone());
    let owned = [b"\x01a", OPT].concat();
    check(&with_additional(axfr.clone(), &owned), formerr.clone());
    let mut elsewhere = with_additional(axfr.clone(), OPT);
    elsewhere[11] = 0;
    elsewhere[9] = 1;
    check(&elsewhere, formerr.clone());
    check(
        &with_additional(axfr.clone(), b"\0\0\x29\x04\xd0\0\0\0\0\0\x04\0\x03\0\x01"),
        formerr.clone(),
    );
    // Another version of EDNS, whose options nobody knows; another class; NOTIFY of another type.
    check(
        &with_additional(axfr.clone(), b"\0\0\x29\x04\xd0\0\x01\0\0\0\x01x"),
        unfit(Rcode::BADVERS),
    );
    check(&changed(axfr, 25 - 1, 3), unfit(Rcode::NOTAUTH));
    check(&changed(notify(&zone(), None, ID), 25 - 3, 2), formerr);
}

#[test]
fn what_may_have_no_response_is_no_request() {
    let axfr = axfr_query(&zone(), ID);
    check(&axfr[..11], None);
    check(&changed(axfr, 2, 0x80), None);
}

#[test]
fn responses_have_what_the_request_had() {
    let check = |request: &[u8], respond: fn(&Request<'_>) -> Vec<u8>, expected: &[&[u8]]| {
        let request = Request::parse(request).unwrap();
        assert_eq!(respond(&request), expected.concat());
    };
    let question: &[u8] = b"\x07eXample\0\0\x06\0\x01";
    // NOTIFY: ID, opcode and question are copied, QR set, and AA where it is acknowledged.
    let mut told = notify(&zone(), Some(&soa(7)), ID);
    told[14] = b'X';
    check(
        &told,
        |request| notify_response(request, Rcode::NOERROR),
        &[b"\x1d\x1d\xa4\0\0\x01\0\0\0\0\0\0", question],
    );
    check(
        &with_additional(told.clone(), OPT),
        |request| notify_response(request, Rcode::NOTAUTH),
        &[
            b"\x1d\x1d\xa0\x09\0\x01\0\0\0\0\0\x01",
            question,
            b"\0\0\x29\x04\xd0\0\0\x80\0\0\0",
        ],
    );
    // A refusal, with the reason for those who read it; RD is copied.
    let mut axfr = axfr_query(&name("eXample."), ID);
    axfr[2] = 1;
    let question: &[u8] = b"\x07eXample\0\0\xfc\0\x01";
    let refuse = |request: &Request<'_>| refusal(request, Rcode::REFUSED, Some(Ede::Prohibited));
    check(
        &axfr,
        refuse,
        &[b"\x1d\x1d\x81\x05\0\x01\0\0\0\0\0\0", question],
    );
    check(
        &with_additional(axfr.clone(), OPT),
        refuse,
        &[
            b"\x1d\x1d\x81\x05\0\x01\0\0\0\0\0\x01",
            question,
            b"\0\0\x29\x04\xd0\0\0\x80\0\0\x06\0\x0f\0\x02\0\x12",
        ],
    );
    // An extended RCODE has its upper bits in OPT.
    check(
        &with_additional(axfr.clone(), b"\0\0\x29\x04\xd0\0\x01\0\0\0\0"),
        |request| refusal(request, Rcode::BADVERS, None),
        &[
            b"\x1d\x1d\x81\0\0\x01\0\0\0\0\0\x01",
            question,
            b"\0\0\x29\x04\xd0\x01\0\0\0\0\0",
        ],
    );
    // Without a question there is none to copy; one is copied though the rest cannot be read.
    check(
        &changed(axfr.clone(), 5, 2),
        |request| refusal(request, Rcode::FORMERR, None),
        &[b"\x1d\x1d\x81\x01\0\0\0\0\0\0\0\0"],
    );
    check(
        &[&axfr[..], b"x"].concat(),
        |request| refusal(request, Rcode::FORMERR, None),
        &[b"\x1d\x1d\x81\x01\0\x01\0\0\0\0\0\0", question],
    );
}
