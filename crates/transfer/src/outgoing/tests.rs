//! What the messages of a reply are like.

use super::rendered::render_within;
use super::{Rendered, Reply};
use crate::key::{Algorithm, Key};
use crate::limits::MESSAGE_OCTETS_MAX;
use crate::message::{Request, axfr_query};
use crate::tsig::{Checked, Keys, check, sign_request};
use domain::base::iana::Rtype;
use domain::base::name::FlattenInto;
use domain::base::{Message, ParsedRecord};
use imrs_zone::packed::{Packed, pack};
use imrs_zone::record::{Data, UnixTime};
use imrs_zone::{Name, Record, read};
use std::sync::Arc;

const NOW: UnixTime = UnixTime(1_790_000_000);

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn records(text: &str) -> Vec<Record> {
    let text = format!("$ORIGIN Example.\n$TTL 60\n{text}\n");
    read::read(text.as_bytes(), None).unwrap_or_else(|error| panic!("{error}"))
}

/// The messages that answer an AXFR request in this case, with OPT.
fn replied(rendered: Rendered, zone: &str) -> Vec<Vec<u8>> {
    let mut request = axfr_query(&name(zone), 7);
    request[11] = 1;
    request.extend(b"\0\0\x29\x04\xd0\0\0\0\0\0\0");
    let request = Request::parse(&request).unwrap();
    let mut reply = Reply::new(Arc::new(rendered), &request, None);
    let mut messages = Vec::new();
    let mut message = Vec::new();
    while reply.next(NOW, &mut message) {
        messages.push(message.clone());
    }
    messages
}

fn answers(message: &[u8]) -> Vec<Record> {
    let message = Message::from_octets(bytes::Bytes::copy_from_slice(message)).unwrap();
    let record = |record: Result<ParsedRecord<'_, bytes::Bytes>, _>| {
        let record = record
            .unwrap()
            .into_record::<domain::rdata::ZoneRecordData<_, _>>();
        record.unwrap().unwrap().flatten_into()
    };
    message.answer().unwrap().map(record).collect()
}

#[test]
fn messages_hold_what_fits_and_one_record_at_least() {
    let sent = records(
        "@ SOA ns host 7 2 3 4 5\n@ NS ns\n@ TXT \"a text of some length, which is long\"\n\
         ns A 192.0.2.1\nNS AAAA 2001:db8::1\nchild NS ns.child\nns.child A 192.0.2.2\n\
         @ SOA ns host 7 2 3 4 5",
    );
    let apex = name("example.");
    let mut last = usize::MAX;
    for room in 0..400 {
        let messages = replied(render_within(room, &apex, sent.iter()).unwrap(), "example.");
        let mut arrived = Vec::new();
        for (at, message) in messages.iter().enumerate() {
            let records = answers(message);
            let opt = if at == 0 { 11 } else { 0 };
            assert!(
                message.len() - opt <= room || records.len() == 1,
                "{room}: message {at} has {} octets",
                message.len()
            );
            arrived.extend(records);
        }
        assert_eq!(pack(&arrived), pack(&sent), "{room}");
        assert!(messages.len() <= last, "{room}");
        last = messages.len();
    }
    assert_eq!(last, 1);
}

#[test]
fn names_keep_their_case_whatever_the_case_of_the_question() {
    let sent = records("@ SOA ns.Example. host 7 2 3 4 5\nA.B A 192.0.2.1\na.b NS A.b\nb NS a.B");
    for zone in ["example.", "EXAMPLE."] {
        let rendered = render_within(10_000, &name("Example."), sent.iter()).unwrap();
        let messages = replied(rendered, zone);
        assert_eq!(pack(&answers(&messages[0])), pack(&sent));
        assert_eq!(messages[0][12..21], *name(zone).as_slice());
    }
}

#[test]
fn names_are_compressed_where_they_are_the_same() {
    let check = |text: &str, octets: usize| {
        let rendered = render_within(10_000, &name("Example."), records(text).iter()).unwrap();
        assert_eq!(rendered.octets(), octets, "{text}");
    };
    // Owner whole, ten fixed octets, data.
    check("ns A 192.0.2.1", 12 + 10 + 4);
    check("ns A 192.0.2.1\nns A 192.0.2.2", 26 + 2 + 10 + 4);
    check("ns A 192.0.2.1\nNS A 192.0.2.2", 26 + 3 + 2 + 10 + 4);
    check("ns A 192.0.2.1\n@ NS ns", 26 + 2 + 10 + 2);
    check("ns A 192.0.2.1\n@ MX 5 b.ns", 26 + 2 + 10 + 2 + 2 + 2);
    check(". NS .", 1 + 10 + 1);
    // Names of later types are never compressed in data (RFC 3597 section 4).
    check("ns A 192.0.2.1\nns NSEC ns A", 26 + 2 + 10 + 12 + 3);
    check("ns A 192.0.2.1\nns SRV 1 2 3 ns", 26 + 2 + 10 + 6 + 12);
}

#[test]
fn only_the_first_message_has_question_and_opt() {
    let sent = records("@ SOA ns host 7 2 3 4 5\nns A 192.0.2.1\n@ SOA ns host 7 2 3 4 5");
    let messages = replied(
        render_within(0, &name("example."), sent.iter()).unwrap(),
        "eXample.",
    );
    let heads: Vec<&[u8]> = messages.iter().map(|message| &message[..12]).collect();
    let later: &[u8] = b"\0\x07\x84\0\0\0\0\x01\0\0\0\0";
    assert_eq!(heads, [b"\0\x07\x84\0\0\x01\0\x01\0\0\0\x01", later, later]);
    assert!(messages[0][12..].starts_with(b"\x07eXample\0\0\xfc\0\x01"));
    assert!(messages[0].ends_with(b"\0\0\x29\x04\xd0\0\0\0\0\0\0"));
}

/// A record of an unknown type with so many octets of data.
fn large(octets: usize) -> Record {
    use domain::base::Ttl;
    use domain::base::UnknownRecordData;
    use domain::base::iana::Class;
    let data = UnknownRecordData::from_octets(Rtype::from_int(65_280), vec![7; octets].into());
    Record::new(
        name("example."),
        Class::IN,
        Ttl::from_secs(60),
        Data::Unknown(data.unwrap()),
    )
}

#[test]
fn a_record_as_large_as_a_message_is_sent_signed_and_a_larger_one_refused() {
    // The longest name of a key, and the longest MAC.
    let long = format!("{0}.{0}.{0}.{1}.", "k".repeat(63), "k".repeat(61));
    let key = Key::new(name(&long), Algorithm::HmacSha512, b"secret");
    assert_eq!(key.name().len(), 255);
    let soa = records("@ SOA ns host 7 2 3 4 5").remove(0);
    let render = |octets| {
        let all = [soa.clone(), large(octets)];
        Rendered::axfr(&Packed::new(&all).unwrap())
    };
    let most = (0..66_000)
        .rev()
        .find(|&octets| octets <= 65_535 && render(octets).is_ok())
        .unwrap();
    assert!(most > 65_000, "{most}");
    let oversized = render(most + 1).map(|_| ()).unwrap_err();
    assert_eq!(
        oversized.to_string(),
        "example TYPE65280 is too large for a message"
    );

    let mut request = axfr_query(&name("example."), 7);
    sign_request(&key, &mut request, NOW);
    let keys: Keys = [key].into_iter().collect();
    let Checked::Signed(signature) = check(&keys, &mut request, NOW) else {
        panic!("the request is not accepted");
    };
    let request = Request::parse(&request).unwrap();
    let mut reply = Reply::new(Arc::new(render(most).unwrap()), &request, Some(signature));
    let mut message = Vec::new();
    let mut largest = 0;
    while reply.next(NOW, &mut message) {
        largest = largest.max(message.len());
    }
    assert!(largest <= MESSAGE_OCTETS_MAX, "{largest}");
    assert!(largest > MESSAGE_OCTETS_MAX - 100, "{largest}");
}

#[test]
fn every_transfer_has_a_message() {
    let soa = records("@ SOA ns host 7 2 3 4 5").remove(0);
    let zone = Packed::new(std::slice::from_ref(&soa)).unwrap();
    for (rendered, records) in [
        (Rendered::axfr(&zone), 2),
        (Rendered::ixfr(&[], &soa), 1),
        (Rendered::current(&soa), 1),
    ] {
        let rendered = rendered.unwrap();
        assert_eq!((rendered.len(), rendered.is_empty()), (1, false));
        assert_eq!(answers(&replied(rendered, "example.")[0]).len(), records);
    }
}
