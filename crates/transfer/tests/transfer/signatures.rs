//! Signatures of requests, responses and sequences, right and wrong.

use crate::bed::*;
use crate::signer::{Signer, Tsig};
use imrs_transfer::incoming::{Incoming, Received, TransferError};
use imrs_transfer::key::{Algorithm, Key};
use imrs_transfer::message::{Request, axfr_query, soa_query};
use imrs_transfer::tsig::{
    Checked, Complaint, Keys, Misformed, Sequence, TsigError, Unauthentic, check, sign_request,
};
use imrs_zone::record::UnixTime;

/// MACs that dnspython 2.9.2 made of the messages in `known_messages`: of the request, of three
/// responses in sequence a second apart, and of BADTIME.
const KNOWN: &[(Algorithm, [&str; 5])] = &[
    (
        Algorithm::HmacSha1,
        [
            "ac13745e911b9b123e2be4ae03be19037f46ebb5",
            "9d1995f5889f794ab301a1f3c16837388960659a",
            "d3f6a91cc65bba58a240dd6a118743f85c35ecff",
            "08b3681745c1c2eeac1cf5c699f2c605232f2d0f",
            "607bfb6b7caa3c90a7c8faba9db8e0def6af899d",
        ],
    ),
    (
        Algorithm::HmacSha256,
        [
            "47b8538cd552b7a378e65a92f99bf8bddb58e726f37fbc84e447f975d40723c5",
            "f7d1e5e14728da2d97f546f3dfa1b229557ac0d0e4e44a1323ceae5531d4a72c",
            "b5c4995d63672644d33c63d281fc5abfdc93c477fcca7129faba6a62174ed2b1",
            "f95933910cc3f62da7240883f24817c3d09da7eec0a36dbadccabe9e97c552c4",
            "91e2f1d698e76222c2fef2221276b075f1fc24a0693c485e8243a5ec79055516",
        ],
    ),
    (
        Algorithm::HmacSha384,
        [
            "656e874de3014e248814f866eb0dd965d15474dfa0f49bfa\
             8c17f5f694a38e963c792d8668b7da2c708c1582d7d2b43f",
            "b5a127ee6fc93bb5f0dbb985649b560fcc863238a0112dea\
             1addea4e6eaf9869c7961eb24a273fb51de817f1b81bac2e",
            "9bec254574c340a47f65a431c538192370bff1d0b4f8913f\
             c305aa120fc70fd7c3a476a7912b55659fc822cc35135118",
            "3050fea3baf599ffe9774e5baedecd13cce0c5e0a4354892\
             6e7fa2dc343411d77a250715e98d28e19d05da29dd69469d",
            "f53f5741f281610b9172518e698cd87948674b5d8fe91ceb\
             ad87e1abaef518ea5beeda2c212d354303aee767843df493",
        ],
    ),
    (
        Algorithm::HmacSha512,
        [
            "f947d1c6c8c75bf2c8a83b2b3118b0a97101a744f5e164e5057c467fe1d5c8b5\
             e00fc11850ac1f962d025ab31bf199e6e700b9591e31dc5b5bdd3760f2996a5f",
            "6d2731c8eb15bcb7d5373b09d28f910f499343825f0f0dbb7007ff7e166aec6f\
             f43546f488fa85e3bc74282d962f5e0c8ebafdb0cafbbe0f33f5466c050e2cd8",
            "882d3379615b721467b50a530acc44f76bd8b3b2af84bd5c2026c677f872bca6\
             257d6809bd2ad0e076af394068d19310f78e37d531274a3dd98cf47359bef91a",
            "346e51168eb4133f4958127f3d33bed67370732bcfe10b75d67f8bd09f9ac5e2\
             3a6146bc3ba35e5947fd86e13604d096054ff83ae5da3ee2b45628c67a87234b",
            "18d0be2f7943e5c6b9f42c7a525fd7ff19da07d30768345e606e9e31bc773529\
             142b7dcf953956caf959738b9bca5172fdbee4ad5be709921ff40c158f8944b2",
        ],
    ),
];

fn known_messages() -> [Vec<u8>; 3] {
    let soa: &[u8] =
        b"\0\x06\0\x01\0\0\x0e\x10\0\x1a\x01m\0\x01r\0\0\0\0\x05\0\0\x0e\x10\0\0\x0e\x10\0\0\x0e\x10\0\0\x0e\x10";
    let zone: &[u8] = b"\x07example\0";
    [
        [
            b"\x1d\x1d\x84\0\0\x01\0\x01\0\0\0\0",
            zone,
            b"\0\xfc\0\x01",
            zone,
            soa,
        ]
        .concat(),
        [
            b"\x1d\x1d\x84\0\0\0\0\x01\0\0\0\0",
            zone,
            b"\0\x01\0\x01\0\0\0\x05\0\x04\xc0\0\x02\x01",
        ]
        .concat(),
        [b"\x1d\x1d\x84\0\0\0\0\x01\0\0\0\0", zone, soa].concat(),
    ]
}

fn octets(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn later(seconds: u64) -> UnixTime {
    UnixTime(NOW.0 + seconds)
}

fn keys(key: &Key) -> Keys {
    [key.clone()].into_iter().collect()
}

#[test]
fn signatures_are_those_of_another_implementation() {
    for (algorithm, macs) in KNOWN {
        let key = key(*algorithm);
        let messages = known_messages();
        let tsig = Tsig::of(*algorithm);
        let known = |message: &[u8], mac: &str, seconds| {
            let tsig = Tsig {
                time: NOW.0 + seconds,
                mac: octets(mac),
                ..tsig.clone()
            };
            tsig.append(message)
        };
        // The request.
        let mut request = axfr_query(&name("example."), ID);
        let mut sequence = Sequence::sign_request(&key, &mut request, NOW);
        let bare = axfr_query(&name("example."), ID);
        assert_eq!(request, known(&bare, macs[0], 0), "{algorithm}");
        let mut stripped = request.clone();
        let Checked::Signed(mut signature) = check(&keys(&key), &mut stripped, NOW) else {
            panic!("{algorithm}: the request is not accepted");
        };
        assert_eq!(stripped, bare);
        // The responses, made and checked.
        for (seconds, (message, mac)) in (1..).zip(messages.iter().zip(&macs[1..4])) {
            let known = known(message, mac, seconds);
            let mut made = message.clone();
            signature.sign(&mut made, later(seconds));
            assert_eq!(made, known, "{algorithm} {seconds}");
            let mut checked = known;
            assert_eq!(sequence.verify(&mut checked, later(seconds)), Ok(()));
            assert_eq!(checked, *message);
        }
        assert_eq!(sequence.verify_end(), Ok(()));
        // BADTIME, made and checked.
        let Checked::Refused(refusal) = check(&keys(&key), &mut request.clone(), later(4000))
        else {
            panic!("{algorithm}: a late request is accepted");
        };
        let mut bare = bare;
        bare[2..4].copy_from_slice(&[0x80, 9]);
        let tsig = Tsig {
            error: 18,
            other: (NOW.0 + 4000).to_be_bytes()[2..].to_vec(),
            mac: octets(macs[4]),
            ..tsig
        };
        let known = tsig.append(&bare);
        assert_eq!(refusal.response, known, "{algorithm}");
        let mut sequence =
            Sequence::sign_request(&key, &mut axfr_query(&name("example."), ID), NOW);
        let server = later(4000);
        assert_eq!(
            sequence.verify(&mut known.clone(), NOW),
            Err(Unauthentic::Complaint(Complaint::BadTime { server }))
        );
    }
}

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

/// Whether the name of the key or of the algorithm is there, whose letter case is nothing.
fn is_name(at: usize, tsig_at: usize) -> bool {
    (0..9).chain(19..32).any(|name_at| tsig_at + name_at == at)
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

/// A transfer of three messages, one record each, signed by the test's own signer.
struct Signed {
    incoming: Incoming,
    signer: Signer,
    messages: Vec<Vec<u8>>,
}

impl Signed {
    fn new(messages: usize) -> Self {
        let (incoming, request) = Wanted::Axfr.ask(Some(&key(Algorithm::HmacSha256)));
        let mut signer = Signer::new(Algorithm::HmacSha256);
        signer.begin(&Tsig::read(&request).unwrap().mac);
        let mut sent = vec![soa(7)];
        for number in 2..messages {
            sent.extend(records(&format!("n{number} A 192.0.2.1")));
        }
        sent.push(soa(7));
        let messages = sent.chunks(1).enumerate();
        let messages = messages.map(|(at, part)| message(AXFR.filter(|_| at == 0), part));
        Signed {
            incoming,
            signer,
            messages: messages.collect(),
        }
    }

    /// Signs those messages that `signs` says, changes what was made, and receives it all.
    fn receive(
        mut self,
        signs: impl Fn(usize) -> bool,
        change: impl Fn(usize, &mut Tsig),
    ) -> Result<Received, TransferError> {
        let mut sent = Vec::new();
        for (at, message) in self.messages.into_iter().enumerate() {
            sent.push(match signs(at) {
                true => {
                    let mut tsig = self.signer.next(&message, Tsig::of(Algorithm::HmacSha256));
                    change(at, &mut tsig);
                    tsig.append(&message)
                }
                false => {
                    self.signer.skip(&message);
                    message
                }
            });
        }
        receive(self.incoming, sent)
    }
}

fn unauthentic(error: Unauthentic) -> Result<Received, TransferError> {
    Err(TransferError::Unauthentic(error))
}

fn bad_signature() -> Result<Received, TransferError> {
    unauthentic(Unauthentic::BadSignature {
        name: "xfr-key".to_owned(),
    })
}

#[test]
fn a_sequence_may_have_99_unsigned_messages_between_signed_ones() {
    let every = |interval: usize, messages: usize| {
        let last = messages - 1;
        Signed::new(messages).receive(|at| at % interval == 0 || at == last, |_, _| {})
    };
    assert!(every(1, 5).is_ok());
    assert!(every(2, 6).is_ok());
    assert!(every(100, 301).is_ok());
    assert_eq!(every(101, 301), unauthentic(Unauthentic::TooManyUnsigned));
    let rcode = imrs_wire::Rcode::NOERROR;
    assert_eq!(
        Signed::new(3).receive(|at| at > 0, |_, _| {}),
        unauthentic(Unauthentic::Unsigned { rcode })
    );
    assert_eq!(
        Signed::new(3).receive(|at| at < 2, |_, _| {}),
        unauthentic(Unauthentic::EndsUnsigned)
    );
    assert_eq!(
        Signed::new(1).receive(|_| false, |_, _| {}),
        unauthentic(Unauthentic::Unsigned { rcode })
    );
}

#[test]
fn a_signature_that_is_wrong_in_any_message_is_told() {
    let changed = |at: usize, change: fn(&mut Tsig)| {
        let change_at = move |place, tsig: &mut Tsig| {
            if place == at {
                change(tsig);
            }
        };
        Signed::new(3).receive(|_| true, change_at)
    };
    for at in 0..3 {
        assert!(changed(at, |_| {}).is_ok());
        assert_eq!(changed(at, |tsig| tsig.mac[31] ^= 1), bad_signature());
        assert_eq!(changed(at, |tsig| tsig.time += 1), bad_signature());
        assert_eq!(changed(at, |tsig| tsig.fudge += 1), bad_signature());
        assert_eq!(
            changed(at, |tsig| tsig.mac.truncate(16)),
            unauthentic(Unauthentic::Truncated { octets: 16 })
        );
        assert_eq!(
            changed(at, |tsig| tsig.mac.truncate(15)),
            unauthentic(Misformed::MacLength { octets: 15 }.into())
        );
        assert_eq!(
            changed(at, |tsig| tsig.ttl = 1),
            unauthentic(Misformed::Fixed.into())
        );
        assert_eq!(
            changed(at, |tsig| tsig.other = vec![0]),
            unauthentic(Misformed::Other.into())
        );
        assert_eq!(
            changed(at, |tsig| tsig.name = b"\x01x\0".to_vec()),
            unauthentic(Unauthentic::OtherKey {
                name: "x".to_owned(),
                algorithm: "hmac-sha256".to_owned(),
                expected: "xfr-key with hmac-sha256".to_owned(),
            })
        );
    }
}

#[test]
fn messages_of_a_sequence_cannot_be_swapped_repeated_or_left_out() {
    let sequence = |order: &[usize]| {
        let mut signed = Signed::new(5);
        let messages = std::mem::take(&mut signed.messages);
        let made: Vec<Vec<u8>> = messages
            .iter()
            .map(|message| {
                let tsig = signed.signer.next(message, Tsig::of(Algorithm::HmacSha256));
                tsig.append(message)
            })
            .collect();
        receive(signed.incoming, order.iter().map(|&at| made[at].clone()))
    };
    assert!(sequence(&[0, 1, 2, 3, 4]).is_ok());
    assert_eq!(sequence(&[0, 2, 1, 3, 4]), bad_signature());
    assert_eq!(sequence(&[0, 1, 1, 2, 3, 4]), bad_signature());
    assert_eq!(sequence(&[0, 1, 3, 4]), bad_signature());
    assert_eq!(sequence(&[1, 2, 3, 4]), bad_signature());
}

#[test]
fn every_octet_of_a_response_counts() {
    let (_, request) = Wanted::Axfr.ask(Some(&key(Algorithm::HmacSha256)));
    let keys = keys(&key(Algorithm::HmacSha256));
    let zone = zone(7, "@ NS ns\nns A 192.0.2.1");
    let rendered = imrs_transfer::outgoing::Rendered::axfr(&zone).unwrap();
    let messages = reply(request, &keys, rendered);
    let [good] = &messages[..] else {
        panic!("{} messages", messages.len());
    };
    let tsig_at = good.len() - Tsig::of(Algorithm::HmacSha256).octets(32);
    for at in 0..good.len() {
        for flip in [0x01, 0x20, 0xff] {
            let mut message = good.clone();
            message[at] ^= flip;
            let is_case = message[at].eq_ignore_ascii_case(&good[at]) && is_name(at, tsig_at);
            let (incoming, _) = Wanted::Axfr.ask(Some(&key(Algorithm::HmacSha256)));
            let received = receive(incoming, vec![message]);
            assert_eq!(received.is_ok(), is_case, "octet {at}, {flip:#x}");
        }
    }
}

#[test]
fn a_response_out_of_time_is_told() {
    for (now, ok) in [(later(300), true), (later(301), false)] {
        let (mut incoming, request) = Wanted::Axfr.ask(Some(&key(Algorithm::HmacSha256)));
        let keys = keys(&key(Algorithm::HmacSha256));
        let zone = zone(7, "@ NS ns");
        let rendered = imrs_transfer::outgoing::Rendered::axfr(&zone).unwrap();
        let message = reply(request, &keys, rendered).remove(0);
        let received = incoming.handle_message(message, now);
        let expected = TransferError::Unauthentic(Unauthentic::BadTime {
            signed: NOW,
            fudge: 300,
            now,
        });
        match ok {
            true => assert!(received.is_ok()),
            false => assert_eq!(received, Err(expected)),
        }
    }
}

/// What a client makes of an answer to its signed SOA query.
#[track_caller]
fn complains(error: u16, other: &[u8], signed: bool, expected: Unauthentic) {
    let key = key(Algorithm::HmacSha256);
    let mut request = soa_query(&name("example."), ID);
    let transaction = sign_request(&key, &mut request, NOW);
    let mut answer = soa_query(&name("example."), ID);
    answer[2..4].copy_from_slice(&[0x80, 9]);
    let tsig = Tsig {
        error,
        other: other.to_vec(),
        ..Tsig::of(Algorithm::HmacSha256)
    };
    let tsig = match signed {
        true => {
            let mut signer = Signer::new(Algorithm::HmacSha256);
            signer.begin(&Tsig::read(&request).unwrap().mac);
            signer.next(&answer, tsig)
        }
        false => tsig,
    };
    let mut answer = tsig.append(&answer);
    assert_eq!(transaction.verify(&mut answer, NOW), Err(expected));
}

#[test]
fn what_a_server_objects_to_is_told() {
    let complaint = Unauthentic::Complaint;
    complains(17, b"", false, complaint(Complaint::BadKey));
    complains(16, b"", false, complaint(Complaint::BadSignature));
    complains(22, b"", true, complaint(Complaint::Truncated));
    let server = later(4000);
    let time = &server.0.to_be_bytes()[2..];
    complains(18, time, true, complaint(Complaint::BadTime { server }));
    complains(18, b"", true, Misformed::Other.into());
    complains(5, b"", true, complaint(Complaint::Other(5)));
    // What should be signed and is not.
    complains(18, time, false, complaint(Complaint::BadTime { server }));
    complains(22, b"", false, complaint(Complaint::Truncated));
}

#[test]
fn an_objection_with_a_wrong_mac_is_none() {
    let key = key(Algorithm::HmacSha256);
    for error in [16, 17, 18, 22] {
        let mut request = soa_query(&name("example."), ID);
        let transaction = sign_request(&key, &mut request, NOW);
        let tsig = Tsig {
            error,
            other: vec![0; 6],
            mac: vec![7; 32],
            ..Tsig::of(Algorithm::HmacSha256)
        };
        let mut answer = tsig.append(&soa_query(&name("example."), ID));
        let name = "xfr-key".to_owned();
        assert_eq!(
            transaction.verify(&mut answer, NOW),
            Err(Unauthentic::BadSignature { name })
        );
    }
}

#[test]
fn an_unsigned_answer_is_told_with_its_rcode() {
    let key = key(Algorithm::HmacSha256);
    let mut request = soa_query(&name("example."), ID);
    let transaction = sign_request(&key, &mut request, NOW);
    let mut answer = soa_query(&name("example."), ID);
    answer[2..4].copy_from_slice(&[0x80, 5]);
    let rcode = imrs_wire::Rcode::REFUSED;
    assert_eq!(
        transaction.verify(&mut answer, NOW),
        Err(Unauthentic::Unsigned { rcode })
    );
}

#[test]
fn a_server_answers_a_signed_query_and_the_client_believes_it() {
    let key = key(Algorithm::HmacSha512);
    let mut request = soa_query(&name("example."), ID);
    let transaction = sign_request(&key, &mut request, NOW);
    let Checked::Signed(mut signature) = check(&keys(&key), &mut request, NOW) else {
        panic!("the request is not accepted");
    };
    let bare = message(Some(6), &[soa(7)]);
    let mut answer = bare.clone();
    signature.sign(&mut answer, NOW);
    assert_eq!(answer.len(), bare.len() + signature.octets());
    assert_eq!(transaction.verify(&mut answer, NOW), Ok(()));
    assert_eq!(answer, bare);
    // The same answer to another query.
    signature.sign(&mut answer, NOW);
    let mut request = soa_query(&name("example."), ID);
    let other = sign_request(&key, &mut request, later(1));
    assert!(other.verify(&mut answer, NOW).is_err());
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
