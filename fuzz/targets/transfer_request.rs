//! Any octets as a request of a secondary, as a NOTIFY message, and as an answer to our own SOA
//! query or NOTIFY message.
#![no_main]

use domain::base::Message;
use imrs_transfer::key::{Algorithm, Key};
use imrs_transfer::message::{
    AnswerError, Asks, Request, axfr_query, notify_response, read_notify_answer, read_soa, refusal,
    soa_query,
};
use imrs_transfer::tsig::{Checked, Keys, Transaction, check, sign_request};
use imrs_wire::{Ede, Rcode};
use imrs_zone::Name;
use imrs_zone::record::UnixTime;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

const NOW: UnixTime = UnixTime(1_790_000_000);
const ID: u16 = 0x1d1d;

static ZONE: LazyLock<Name> = LazyLock::new(|| "example.".parse().expect("a name"));

static KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| {
    let key = |algorithm| Key::new("xfr-key.".parse().expect("a name"), algorithm, b"no secret");
    vec![key(Algorithm::HmacSha256), key(Algorithm::HmacSha512)]
});

/// Our SOA query, waiting for its answer.
static ASKED: LazyLock<Transaction> =
    LazyLock::new(|| sign_request(&KEYS[0], &mut soa_query(&ZONE, ID), NOW));

fuzz_target!(|octets: &[u8]| {
    judge_request(octets);
    judge_signature(octets);
    let soa = read_soa(octets, &ZONE, ID);
    if let Err(AnswerError::Short { .. }) = soa {
        assert!(octets.len() < 12);
    }
    if soa.is_ok() {
        assert_eq!(octets[..2], ID.to_be_bytes());
        let other = read_soa(octets, &ZONE, !ID);
        assert!(other.is_err_and(|error| error.is_stray()));
        assert!(read_notify_answer(octets, &ZONE, ID).is_err());
    }
    let mut answer = octets.to_vec();
    match ASKED.verify(&mut answer, NOW) {
        Ok(()) => assert!(answer.len() < octets.len(), "a signature has octets"),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});

/// A request can be answered by what was read of it.
fn judge_request(octets: &[u8]) {
    let Some(request) = Request::parse(octets) else {
        assert!(
            octets.len() < 12 || octets[2] & 0x80 != 0,
            "a request was dropped"
        );
        return;
    };
    assert!(octets[12..].starts_with(request.question()));
    if !matches!(request.asks, Asks::Unfit(_) | Asks::Other) {
        assert!(!request.question().is_empty());
    }
    for response in [
        notify_response(&request, Rcode::NOERROR),
        refusal(&request, Rcode::REFUSED, Some(Ede::Prohibited)),
    ] {
        judge_response(octets, &response, request.edns.is_some());
        assert!(response[12..].starts_with(request.question()));
    }
}

fn judge_response(request: &[u8], response: &[u8], has_opt: bool) {
    assert_eq!(response[..2], request[..2], "the ID is the request's");
    assert_eq!(
        response[2] & 0xf8,
        request[2] & 0x78 | 0x80,
        "so is the opcode, with QR"
    );
    let message = Message::from_octets(response).expect("a response has a header");
    let mut section = message.additional().expect("the sections parse");
    for record in section.by_ref() {
        record.expect("the record parses");
    }
    assert_eq!(
        section.pos(),
        response.len(),
        "nothing follows the last record"
    );
    assert_eq!(message.opt().is_some(), has_opt);
}

/// What is signed well is what we signed ourselves; what is refused has a response that says so.
fn judge_signature(octets: &[u8]) {
    let keys: Keys = KEYS.iter().cloned().collect();
    let mut message = octets.to_vec();
    match check(&keys, &mut message, NOW) {
        Checked::Unsigned => assert_eq!(message, octets),
        Checked::Signed(mut signature) => {
            assert!(message.len() < octets.len());
            assert_eq!(message[..10], octets[..10], "all but the count stays");
            let mut response = axfr_query(&ZONE, ID);
            let len = response.len();
            signature.sign(&mut response, NOW);
            assert_eq!(response.len(), len + signature.octets());
        }
        Checked::Refused(refusal) => {
            assert_eq!(message, octets, "what is refused stays");
            assert!(!refusal.error.to_string().is_empty());
            if octets[2] & 0x80 != 0 {
                assert!(refusal.response.is_empty(), "a response was answered");
            } else {
                let edns = Request::parse(octets).and_then(|request| request.edns);
                judge_response(octets, &refusal.response, edns.is_some());
            }
        }
    }
}
