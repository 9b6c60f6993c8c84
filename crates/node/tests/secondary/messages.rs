//! Lies about the form of a transfer (RFC 5936, RFC 8945).

use crate::liar::{Piece, RECORDS_PER_MESSAGE, Tale, axfr, framed, told};
use crate::trial::{HELD, NEXT, Trial};
use crate::zones;
use bytes::Bytes;
use domain::base::iana::{Class, Rtype};
use domain::base::{Record as DomainRecord, Ttl};
use domain::rdata::{A, Txt, ZoneRecordData};
use imrs_zone::{Name, Record};
use std::net::Ipv4Addr;
use std::sync::Arc;

/// The zone whose transfer is spoilt.
fn next() -> Vec<Record> {
    zones::version(NEXT)
}

/// The secondary is told of the next version, hears this of it, and refuses it for this reason.
#[track_caller]
fn check(trial: &Trial, tale: Arc<Tale>, reason: &str) {
    let zone = next();
    let told = trial.fetch(zones::soa(&zone), tale);
    trial.check_refused(&told, reason);
}

fn address(owner: &str) -> Record {
    let data = ZoneRecordData::A(A::new(Ipv4Addr::new(192, 0, 2, 1)));
    let owner: Name = owner.parse().unwrap();
    DomainRecord::new(owner, Class::IN, Ttl::from_secs(60), data)
}

#[test]
fn a_transfer_is_cut_at_every_message_boundary() {
    let trial = Trial::start();
    let records = axfr(&next());
    let messages = records.len().div_ceil(RECORDS_PER_MESSAGE);
    assert!(messages > 3, "{messages} messages have few boundaries");
    for kept in 0..messages {
        let records = records.clone();
        let cut = told(move |asked| {
            let mut messages = asked.messages(&records, RECORDS_PER_MESSAGE);
            messages.truncate(kept);
            messages
        });
        check(
            &trial,
            cut,
            &format!("ended early, after {kept} messages and {} records", {
                kept * RECORDS_PER_MESSAGE
            }),
        );
    }
    // And the same secondary takes the whole of it.
    let zone = next();
    let told = trial.fetch(zones::soa(&zone), crate::liar::honest(&zone));
    assert_eq!(
        (told.result.as_str(), trial.serial()),
        ("swapped", Some(NEXT))
    );
}

#[test]
fn a_transfer_is_cut_within_a_message() {
    let trial = Trial::start();
    let records = axfr(&next());
    let tale = Arc::new(move |asked: &mut crate::liar::Asked| {
        let messages = asked.messages(&records, RECORDS_PER_MESSAGE);
        let second = framed(&messages[1]);
        let half = second[..second.len() / 2].to_vec();
        vec![Piece::Octets(framed(&messages[0])), Piece::Octets(half)]
    });
    check(&trial, tale, "ended early, after 1 messages");
}

#[test]
fn one_octet_a_second_ends_at_the_limit_of_idleness() {
    let trial = Trial::start_with("[transfer]\nidle-seconds = 2\n", "");
    let records = axfr(&next());
    let tale = Arc::new(move |asked: &mut crate::liar::Asked| {
        let messages = asked.messages(&records, RECORDS_PER_MESSAGE);
        vec![Piece::Slowly(framed(&messages[0]))]
    });
    check(&trial, tale, "no whole message within 2000 ms");
}

#[test]
fn one_message_a_second_ends_at_the_limit_of_time() {
    let trial = Trial::start_with("[transfer]\nwall-seconds = 3\nidle-seconds = 3\n", "");
    let records = axfr(&next());
    let tale = Arc::new(move |asked: &mut crate::liar::Asked| {
        let messages = asked.messages(&records, 10);
        let messages = messages.iter().map(|message| framed(message));
        messages
            .flat_map(|message| [Piece::Octets(message), Piece::Pause])
            .collect()
    });
    check(&trial, tale, "3000 ms");
}

#[test]
fn silence_ends_at_the_limit_of_idleness() {
    let trial = Trial::start_with("[transfer]\nidle-seconds = 1\n", "");
    let records = axfr(&next());
    let tale = Arc::new(move |asked: &mut crate::liar::Asked| {
        let messages = asked.messages(&records, RECORDS_PER_MESSAGE);
        vec![Piece::Octets(framed(&messages[0])), Piece::Silence]
    });
    check(&trial, tale, "no whole message within 1000 ms");
}

#[test]
fn a_transfer_without_end_stops_at_the_limit_of_records() {
    let trial = Trial::start_with("", "");
    let soa = zones::soa(&next()).clone();
    let tale = told(move |asked| {
        let mut records = vec![soa.clone()];
        records.extend((0..RECORDS).map(|number| address(&format!("h{number}.net"))));
        asked.messages(&records, 400)
    });
    check(&trial, tale, "more than");
}

/// More than a secondary takes.
const RECORDS: usize = 1_100_000;

#[test]
fn a_response_to_another_question_is_refused() {
    let trial = Trial::start();
    let records = axfr(&next());
    let other = told(move |asked| {
        let mut question = asked.question();
        let end = question.len();
        question[end - 3] = 253;
        vec![asked.message(Some(question), &records[..2])]
    });
    check(&trial, other, "another question than ours");
    let records = axfr(&next());
    let none = told(move |asked| vec![asked.message(None, &records[..2])]);
    check(&trial, none, "does not repeat the question");
}

#[test]
fn a_response_to_another_request_is_refused() {
    let trial = Trial::start();
    let records = axfr(&next());
    let tale = told(move |asked| {
        let mut messages = asked.messages(&records, RECORDS_PER_MESSAGE);
        messages[1][0] ^= 1;
        messages
    });
    check(&trial, tale, "a message has ID");
}

#[test]
fn a_refusal_of_the_primary_is_told() {
    let trial = Trial::start();
    let tale = told(move |asked| {
        let question = asked.question();
        let mut message = asked.message(Some(question), &[]);
        message[3] |= 5;
        vec![message]
    });
    check(&trial, tale, "RCODE 5");
}

#[test]
fn a_wrong_signature_in_a_later_message_is_refused() {
    let trial = Trial::start_signed();
    let records = axfr(&next());
    let spoilt = told(move |asked| {
        let mut messages = asked.messages(&records, RECORDS_PER_MESSAGE);
        // Of the third message, an octet that its signature covers: the first TTL.
        messages[2][17] ^= 1;
        messages
    });
    check(
        &trial,
        spoilt,
        "the MAC of the response is not that of key xfr-key",
    );
    let records = axfr(&next());
    let unsigned = told(move |asked| {
        let question = asked.question();
        vec![asked.unsigned(Some(question), &records)]
    });
    check(&trial, unsigned, "not signed");
    let zone = next();
    let told = trial.fetch(zones::soa(&zone), crate::liar::honest(&zone));
    assert_eq!(
        (told.result.as_str(), trial.serial()),
        ("swapped", Some(NEXT))
    );
}

#[test]
fn the_last_message_without_a_signature_is_refused() {
    let trial = Trial::start_signed();
    let records = axfr(&next());
    let tale = told(move |asked| {
        let question = asked.question();
        let (first, last) = records.split_at(RECORDS_PER_MESSAGE);
        let first = asked.message(Some(question), first);
        vec![first, asked.unsigned(None, last)]
    });
    check(&trial, tale, "last message");
}

#[test]
fn records_after_the_closing_soa_are_refused() {
    let trial = Trial::start();
    let mut records = axfr(&next());
    records.push(address("extra.net"));
    let tale = told(move |asked| asked.messages(&records, 1000));
    check(
        &trial,
        tale,
        "extra.net A follows the SOA record that ended",
    );
}

#[test]
fn a_soa_record_in_the_middle_is_refused() {
    let trial = Trial::start();
    let mut records = axfr(&next());
    let other = zones::renumbered(&records[0], NEXT + 7);
    records.insert(records.len() / 2, other);
    let tale = told(move |asked| asked.messages(&records, RECORDS_PER_MESSAGE));
    check(&trial, tale, "has another one of");
}

#[test]
fn the_closing_soa_record_in_the_middle_ends_the_zone_there() {
    let trial = Trial::start();
    let mut records = axfr(&next());
    let soa = records[0].clone();
    records.insert(RECORDS_PER_MESSAGE - 1, soa);
    let tale = told(move |asked| asked.messages(&records, RECORDS_PER_MESSAGE));
    // What was sent until then is a zone with the half of it missing.
    check(&trial, tale, "is not proven");
}

#[test]
fn a_serial_that_goes_back_is_refused() {
    let trial = Trial::start();
    let records = axfr(&zones::version(HELD - 1));
    let tale = told(move |asked| asked.messages(&records, RECORDS_PER_MESSAGE));
    check(
        &trial,
        tale,
        &format!("serial {} is older than {HELD}", HELD - 1),
    );
}

#[test]
fn records_of_elsewhere_are_refused() {
    let trial = Trial::start();
    let mut records = axfr(&next());
    let text = Txt::<Bytes>::build_from_slice(b"of another class").unwrap();
    let record = Record::new(
        "net".parse().unwrap(),
        Class::CH,
        Ttl::from_secs(60),
        ZoneRecordData::Txt(text),
    );
    records.insert(5, record);
    let tale = told(move |asked| asked.messages(&records, RECORDS_PER_MESSAGE));
    check(&trial, tale, "is of class CH, not IN");
}

#[test]
fn a_record_that_cannot_be_read_is_refused() {
    let trial = Trial::start();
    let records = axfr(&next());
    let tale = told(move |asked| {
        let mut messages = asked.messages(&records, RECORDS_PER_MESSAGE);
        let end = messages[1].len();
        messages[1].truncate(end - 3);
        messages
    });
    check(&trial, tale, "cannot be read");
}

#[test]
fn what_is_not_a_zone_transfer_is_refused() {
    let trial = Trial::start();
    let tale: Arc<Tale> =
        Arc::new(|_: &mut crate::liar::Asked| vec![Piece::Octets(b"HTTP/1.1 400\r\n".to_vec())]);
    check(&trial, tale, "ended early");
    let one = Arc::new(|_: &mut crate::liar::Asked| vec![Piece::Octets(vec![0, 1, 7])]);
    check(&trial, one, "too few for a message");
    let records = axfr(&next());
    let question = told(move |asked| {
        let mut message = asked.message(Some(asked.question()), &records[..2]);
        message[2] = 0;
        vec![message]
    });
    check(&trial, question, "not a response");
    let other = told(|asked| {
        let question = asked.question();
        vec![asked.message(Some(question), &[address("a.net")])]
    });
    let zone = next();
    let told = trial.fetch(zones::soa(&zone), other);
    trial.check_refused(&told, &format!("a.net {}, not the SOA record", Rtype::A));
}
