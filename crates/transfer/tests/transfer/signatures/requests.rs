//! What a server makes of the signature of a request.

use super::{is_name, keys, later};
use crate::bed::*;
use crate::signer::{Signer, Tsig};
use imrs_transfer::key::{Algorithm, Key};
use imrs_transfer::message::{Request, axfr_query};
use imrs_transfer::tsig::{Checked, Keys, TsigError, check, sign_request};
use imrs_zone::record::UnixTime;

/// What the server says to a request: the name of the error, and the RCODE, TSIG error and
/// whether there is a MAC in the response; RCODE alone where there is no TSIG record.
#[track_caller]
fn refused(request: &[u8], now: UnixTime, expected: (&str, u8, Option<(u16, bool)>)) {
    let keys = keys(&key(Algorithm::HmacSha256));
    let mut message = request.to_vec();
    let Checked::Refused(refusal) = check(&keys, &mut message, now) else {
        panic!("not refused, but {expected:?} was expected");
    };
    assert_eq!(message, request, "a request that is refused stays");
    let response = &refusal.response;
    let error = match &refusal.error {
        TsigError::Misformed(misformed) => format!("{misformed:?}"),
        TsigError::UnknownKey { .. } => "UnknownKey".to_owned(),
        TsigError::BadSignature { .. } => "BadSignature".to_owned(),
        TsigError::BadTime { .. } => "BadTime".to_owned(),
        TsigError::Truncated { .. } => "Truncated".to_owned(),
    };
    assert_eq!(response[..2], request[..2], "the ID is the request's");
    assert_eq!(response[2], 0x80);
    assert_eq!(
        response[12..25],
        request[12..25],
        "the question is the request's"
    );
    let tsig = Tsig::read(response);
    let found = tsig.map(|tsig| (tsig.error, !tsig.mac.is_empty()));
    assert_eq!(
        (error.as_str(), response[3] & 0xf, found),
        expected,
        "{}",
        refusal.error
    );
}

/// A request signed in our test's own way, with its TSIG record changed before or after that.
fn request(before: impl FnOnce(&mut Tsig), after: impl FnOnce(&mut Tsig)) -> Vec<u8> {
    let bare = axfr_query(&name("example."), ID);
    let mut tsig = Tsig::of(Algorithm::HmacSha256);
    before(&mut tsig);
    let mut signed = Signer::new(Algorithm::HmacSha256).request(&bare, tsig);
    after(&mut signed);
    signed.append(&bare)
}

const BADSIG: Option<(u16, bool)> = Some((16, false));
const BADKEY: Option<(u16, bool)> = Some((17, false));
const BADTIME: Option<(u16, bool)> = Some((18, true));
const BADTRUNC: Option<(u16, bool)> = Some((22, true));

#[test]
fn a_request_that_is_not_signed_well_gets_its_error() {
    let unchanged = |_: &mut Tsig| {};
    let key_error = ("UnknownKey", 9, BADKEY);
    refused(
        &request(|tsig| tsig.name = b"\x01x\0".to_vec(), unchanged),
        NOW,
        key_error,
    );
    for other in [
        b"\x0bhmac-sha512\0".to_vec(),
        b"\x09hmac-sha1\0\0\0".to_vec(),
    ] {
        let other = other.strip_suffix(b"\0\0").unwrap_or(&other).to_vec();
        refused(
            &request(unchanged, |tsig| tsig.algorithm = other),
            NOW,
            key_error,
        );
    }
    let old = b"\x08hmac-md5\x07sig-alg\x03reg\x03int\0".to_vec();
    refused(
        &request(unchanged, |tsig| tsig.algorithm = old),
        NOW,
        key_error,
    );
    refused(
        &request(unchanged, |tsig| tsig.mac[0] ^= 1),
        NOW,
        ("BadSignature", 9, BADSIG),
    );
    // A bad MAC goes before a bad time.
    refused(
        &request(unchanged, |tsig| tsig.mac[0] ^= 1),
        later(301),
        ("BadSignature", 9, BADSIG),
    );
    refused(
        &request(unchanged, unchanged),
        later(301),
        ("BadTime", 9, BADTIME),
    );
    refused(
        &request(unchanged, unchanged),
        UnixTime(NOW.0 - 301),
        ("BadTime", 9, BADTIME),
    );
    refused(
        &request(|tsig| tsig.fudge = 9, unchanged),
        later(10),
        ("BadTime", 9, BADTIME),
    );
    // Truncated: a bad one, one out of time, a good one.
    let cut = |tsig: &mut Tsig| tsig.mac.truncate(16);
    refused(
        &request(unchanged, |tsig| {
            cut(tsig);
            tsig.mac[0] ^= 1;
        }),
        NOW,
        ("BadSignature", 9, BADSIG),
    );
    refused(
        &request(unchanged, cut),
        later(301),
        ("BadTime", 9, BADTIME),
    );
    refused(&request(unchanged, cut), NOW, ("Truncated", 9, BADTRUNC));
}

#[test]
fn a_tsig_record_that_is_not_as_it_must_be_is_a_format_error() {
    let unchanged = |_: &mut Tsig| {};
    fn formerr(error: &str) -> (&str, u8, Option<(u16, bool)>) {
        (error, 1, None)
    }
    let mac = |octets: usize| request(unchanged, |tsig| tsig.mac.resize(octets, 7));
    for octets in [0, 9, 15, 33, 64] {
        let error = format!("MacLength {{ octets: {octets} }}");
        refused(&mac(octets), NOW, formerr(&error));
    }
    refused(
        &request(unchanged, |tsig| tsig.class = 1),
        NOW,
        formerr("Fixed"),
    );
    refused(
        &request(unchanged, |tsig| tsig.ttl = 1),
        NOW,
        formerr("Fixed"),
    );
    refused(
        &request(unchanged, |tsig| tsig.other = vec![0; 5]),
        NOW,
        formerr("Other"),
    );
    let good = request(unchanged, unchanged);
    refused(&[&good[..], b"\0"].concat(), NOW, formerr("Trailing"));
    // Another record behind it; two of it; one in the answer section.
    let (bare, record) = good.split_at(25);
    let mut followed = [bare, record, b"\0\0\x29\x04\xd0\0\0\0\0\0\0"].concat();
    followed[11] = 2;
    refused(&followed, NOW, formerr("Position"));
    let mut twice = [bare, record, record].concat();
    twice[11] = 2;
    refused(&twice, NOW, formerr("Position"));
    let mut elsewhere = good.clone();
    elsewhere[7] = 1;
    elsewhere[11] = 0;
    refused(&elsewhere, NOW, formerr("Position"));
    // The name of the algorithm as a pointer; data that ends early.
    let pointer = |tsig: &mut Tsig| tsig.algorithm = vec![0xc0, 12];
    refused(&request(unchanged, pointer), NOW, formerr("Data"));
    let mut short = good.clone();
    short.truncate(good.len() - 1);
    short[25 + 9 + 9] -= 1;
    refused(&short, NOW, formerr("Data"));
}

#[test]
fn signatures_of_an_accepted_form_are_accepted() {
    let check = |request: Vec<u8>, now| {
        let mut message = request.clone();
        let found = check(&keys(&key(Algorithm::HmacSha256)), &mut message, now);
        let Checked::Signed(signature) = found else {
            panic!("{found:?}");
        };
        assert_eq!(
            message,
            axfr_query(
                &name("example."),
                u16::from_be_bytes([request[0], request[1]])
            )
        );
        assert_eq!(signature.key().name(), &name("xfr-key."));
    };
    let unchanged = |_: &mut Tsig| {};
    check(request(unchanged, unchanged), NOW);
    check(request(unchanged, unchanged), later(300));
    check(request(unchanged, unchanged), UnixTime(NOW.0 - 300));
    // Names are names: letter case is nothing, and the owner may be compressed.
    check(
        request(unchanged, |tsig| tsig.name.make_ascii_uppercase()),
        NOW,
    );
    check(
        request(unchanged, |tsig| tsig.algorithm.make_ascii_uppercase()),
        NOW,
    );
    // A forwarder gave it another ID; the response must have that one.
    let mut forwarded = request(unchanged, unchanged);
    forwarded[0] ^= 0xff;
    check(forwarded, NOW);
}

#[test]
fn every_octet_of_a_request_counts() {
    let keys = keys(&key(Algorithm::HmacSha256));
    let mut request = axfr_query(&name("example."), ID);
    sign_request(&key(Algorithm::HmacSha256), &mut request, NOW);
    for at in 2..request.len() {
        for flip in [0x01, 0x20, 0x80, 0xff] {
            let mut message = request.clone();
            message[at] ^= flip;
            let is_case = message[at].eq_ignore_ascii_case(&request[at]) && is_name(at, 25);
            let found = check(&keys, &mut message, NOW);
            let is_signed = matches!(found, Checked::Signed(_));
            assert_eq!(is_signed, is_case, "octet {at}, {flip:#x}");
        }
    }
}

#[test]
fn a_message_that_cannot_be_read_counts_as_unsigned_and_asks_nothing() {
    let mut request = axfr_query(&name("example."), ID);
    sign_request(&key(Algorithm::HmacSha256), &mut request, NOW);
    let keys = keys(&key(Algorithm::HmacSha256));
    for len in 0..request.len() {
        let mut cut = request[..len].to_vec();
        assert!(matches!(check(&keys, &mut cut, NOW), Checked::Unsigned));
        let asks = Request::parse(&cut).map(|request| request.asks);
        assert!(
            asks.is_none_or(|asks| matches!(asks, imrs_transfer::message::Asks::Unfit(_))),
            "{len} octets"
        );
    }
}

#[test]
fn keys_are_found_by_name() {
    let keys: Keys = [key(Algorithm::HmacSha1), key(Algorithm::HmacSha384)]
        .into_iter()
        .collect();
    let found = keys.get(&name("XFR-key.")).map(Key::algorithm);
    assert_eq!(found, Some(Algorithm::HmacSha384));
    assert!(keys.get(&name("other.")).is_none());
    assert!(Keys::default().is_empty());
}
