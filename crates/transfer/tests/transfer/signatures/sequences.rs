//! What a client makes of the signatures of a transfer.

use super::{is_name, keys, later};
use crate::bed::*;
use crate::signer::{Signer, Tsig};
use imrs_transfer::incoming::{Incoming, Received, TransferError};
use imrs_transfer::key::Algorithm;
use imrs_transfer::tsig::{Misformed, Unauthentic};

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
