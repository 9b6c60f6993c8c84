//! Any messages as those of a transfer: see `check` for what holds of whatever comes out.
//!
//! ```text
//! input     choice | (length, message) …
//! choice    1 differences   2 with a key   4 the messages are answer sections   8 and are signed
//! ```
#![no_main]

use imrs_transfer::incoming::{Incoming, Limits, Progress, Received, TransferError};
use imrs_transfer::key::{Algorithm, Key};
use imrs_transfer::message::{Request, axfr_query, ixfr_query};
use imrs_transfer::outgoing::{Rendered, Reply};
use imrs_transfer::tsig::{Checked, Keys, Signature, check as check_signature};
use imrs_wire::Serial;
use imrs_zone::packed::{Packed, pack, unpack};
use imrs_zone::record::{UnixTime, canonical_cmp};
use imrs_zone::{Name, Record};
use libfuzzer_sys::fuzz_target;
use std::sync::{Arc, LazyLock};

const NOW: UnixTime = UnixTime(1_790_000_000);
const ID: u16 = 0x1d1d;
const LIMITS: Limits = Limits {
    messages: 40,
    records: 500,
    octets: 100_000,
};

static KEY: LazyLock<Key> = LazyLock::new(|| {
    let name = "xfr-key.".parse().expect("a name");
    Key::new(name, Algorithm::HmacSha256, b"not a secret")
});

/// The SOA record that the secondary holds.
static HELD: LazyLock<Record> = LazyLock::new(|| {
    let text = "example. 60 IN SOA ns.example. host.example. 5 2 3 4 5\n";
    let mut records = imrs_zone::read::read(text.as_bytes(), None).expect("a zone file");
    records.remove(0)
});

fuzz_target!(|input: &[u8]| {
    let Some((&choice, mut rest)) = input.split_first() else {
        return;
    };
    let is_chosen = |bit: u8| choice & bit != 0;
    let zone = HELD.owner();
    let key = is_chosen(2).then(|| &*KEY);
    let (mut incoming, request) = match is_chosen(1) {
        true => Incoming::ixfr(zone, &HELD, key, LIMITS, ID, NOW),
        false => Incoming::axfr(zone, key, LIMITS, ID, NOW),
    };
    let mut signature = signature(request);
    let mut is_first = true;
    while let Some((message, behind)) = next(rest) {
        rest = behind;
        let mut message = message.to_vec();
        if is_chosen(4) {
            message = around(&message, is_first, is_chosen(1));
        }
        if is_chosen(8)
            && message.len() >= 12
            && message[10..12] != [0xff; 2]
            && let Some(signature) = &mut signature
        {
            signature.sign(&mut message, NOW);
        }
        is_first = false;
        match incoming.handle_message(message, NOW) {
            Ok(Progress::More) => {}
            Ok(Progress::Done(received)) => {
                assert!(
                    key.is_none() || is_chosen(8),
                    "unsigned messages were taken for signed ones"
                );
                check(&received, is_chosen(1));
                break;
            }
            Err(error) => {
                assert_ne!(error, TransferError::Over);
                assert!(!error.to_string().is_empty());
                break;
            }
        }
    }
    incoming.handle_end();
    let more = incoming.handle_message(Vec::new(), NOW);
    assert_eq!(more, Err(TransferError::Over));
});

/// The primary's signature, if the request is signed.
fn signature(mut request: Vec<u8>) -> Option<Signature> {
    let keys: Keys = [KEY.clone()].into_iter().collect();
    match check_signature(&keys, &mut request, NOW) {
        Checked::Signed(signature) => Some(signature),
        Checked::Unsigned => None,
        Checked::Refused(refusal) => panic!("{}", refusal.error),
    }
}

/// The next message, and what is behind it.
fn next(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = octets.split_first_chunk::<2>()?;
    let len = usize::from(u16::from_be_bytes(*len)).min(rest.len());
    Some(rest.split_at(len))
}

/// A response whose answer section is these octets, of which the first tells how many records
/// there are.
fn around(section: &[u8], is_first: bool, is_ixfr: bool) -> Vec<u8> {
    let (&count, section) = section.split_first().unwrap_or((&0, &[]));
    let mut message = ID.to_be_bytes().to_vec();
    message.extend([0x84, 0, 0, is_first.into(), 0, count, 0, 0, 0, 0]);
    if is_first {
        message.extend(HELD.owner().as_slice());
        message.extend([0, if is_ixfr { 251 } else { 252 }, 0, 1]);
    }
    message.extend(section);
    message
}

fn check(received: &Received, is_ixfr: bool) {
    match received {
        Received::Zone(records) => check_zone(records),
        Received::Current(serial) => {
            assert!(is_ixfr && !serial.is_newer_than(Serial(5)));
        }
        Received::Differences(chain) => {
            assert!(is_ixfr && !chain.is_empty());
            let mut at = Serial(5);
            for step in chain {
                assert_eq!(step.from, at);
                assert!(step.to.is_newer_than(step.from));
                at = step.to;
                for (half, serial) in [(&step.removed, step.from), (&step.added, step.to)] {
                    check_records(half);
                    let soas: Vec<Serial> = half.iter().filter_map(serial_of).collect();
                    assert_eq!(soas, [serial]);
                    let sorted = half
                        .windows(2)
                        .all(|pair| canonical_cmp(&pair[0], &pair[1]).is_lt());
                    assert!(sorted, "not in canonical order, or twice the same");
                }
            }
            let last = chain.last().map(|step| &step.added);
            let soa = last
                .into_iter()
                .flatten()
                .find(|record| serial_of(record).is_some());
            let chain: Vec<_> = chain.iter().cloned().map(Arc::new).collect();
            let rendered = Rendered::ixfr(&chain, soa.expect("checked above"));
            let again = again(rendered.expect("it came in messages"), true);
            assert_eq!(&again, received);
        }
    }
}

fn check_zone(records: &[Record]) {
    check_records(records);
    assert!(serial_of(&records[0]).is_some());
    assert!(
        records[1..]
            .iter()
            .all(|record| serial_of(record).is_none())
    );
    let packed = Packed::new(records).expect("it has a SOA record");
    let rendered = Rendered::axfr(&packed).expect("it came in messages");
    match again(rendered, false) {
        Received::Zone(again) => assert_eq!(pack(&again), pack(records)),
        other => panic!("{other:?}"),
    }
}

fn check_records(records: &[Record]) {
    assert!(records.len() <= LIMITS.records);
    let octets = bytes::Bytes::from(pack(records));
    assert!(octets.len() <= LIMITS.octets);
    let again = unpack(&octets).expect("packed records can be read");
    assert_eq!(again, records);
    let zone = HELD.owner();
    for record in records {
        assert!(record.owner().ends_with(zone));
        assert_eq!(record.class().to_int(), 1);
    }
}

fn serial_of(record: &Record) -> Option<Serial> {
    match record.data() {
        domain::rdata::ZoneRecordData::Soa(soa) => Some(Serial(soa.serial().into_int())),
        _ => None,
    }
}

/// Sends what was received, and receives it.
fn again(rendered: Rendered, is_ixfr: bool) -> Received {
    let zone: &Name = HELD.owner();
    let (mut incoming, _) = match is_ixfr {
        true => Incoming::ixfr(zone, &HELD, None, Limits::default(), ID, NOW),
        false => Incoming::axfr(zone, None, Limits::default(), ID, NOW),
    };
    let request = match is_ixfr {
        true => ixfr_query(&HELD, ID),
        false => axfr_query(zone, ID),
    };
    let request = Request::parse(&request).expect("our own request");
    let mut reply = Reply::new(Arc::new(rendered), &request, None);
    let mut message = Vec::new();
    while reply.next(NOW, &mut message) {
        match incoming.handle_message(message.clone(), NOW) {
            Ok(Progress::More) => {}
            Ok(Progress::Done(received)) => return received,
            Err(error) => panic!("{error}"),
        }
    }
    panic!("{}", incoming.handle_end());
}
