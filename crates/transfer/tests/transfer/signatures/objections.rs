//! What a client makes of the answer to a signed query.

use super::{keys, later};
use crate::bed::*;
use crate::signer::{Signer, Tsig};
use imrs_transfer::key::Algorithm;
use imrs_transfer::message::soa_query;
use imrs_transfer::tsig::{Checked, Complaint, Misformed, Unauthentic, check, sign_request};

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
