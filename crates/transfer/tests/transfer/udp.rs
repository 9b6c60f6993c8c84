//! Differences over UDP: whole, or the SOA record alone, or TC (RFC 1995 section 2).

use crate::bed::*;
use imrs_transfer::incoming::Received;
use imrs_transfer::key::{Algorithm, Key};
use imrs_transfer::message::{Request, ixfr_query};
use imrs_transfer::outgoing::{Rendered, Reply};
use imrs_transfer::tsig::{Checked, Keys, check, sign_request};
use std::sync::Arc;

/// What a client gets that says it takes `client` octets, where the server sends `server`: records
/// of the answer section, TC, and whether it holds to the limit.
fn sent(added: usize, client: Option<u16>, server: usize, key: Option<&Key>) -> (u16, bool) {
    let lines: Vec<String> = (0..added)
        .map(|number| format!("n{number} TXT \"{}\"", "x".repeat(80)))
        .collect();
    let step = Arc::new(difference(5, 7, "", &lines.join("\n")));
    let mut message = ixfr_query(&soa(5), ID);
    if let Some(client) = client {
        message[11] = 1;
        message.extend(b"\0\0\x29");
        message.extend(client.to_be_bytes());
        message.extend(b"\0\0\0\0\0\0");
    }
    let mut keys = Keys::default();
    if let Some(key) = key {
        keys = [key.clone()].into_iter().collect();
        sign_request(key, &mut message, NOW);
    }
    let signature = match check(&keys, &mut message, NOW) {
        Checked::Signed(signature) => Some(signature),
        Checked::Unsigned => None,
        Checked::Refused(refusal) => panic!("{}", refusal.error),
    };
    let request = Request::parse(&message).unwrap();
    let whole = Arc::new(Rendered::ixfr(&[step], &soa(7)).unwrap());
    let current = Arc::new(Rendered::current(&soa(7)).unwrap());
    let reply = Reply::over_udp(whole, current, &request, signature, server);
    let messages = messages(reply);
    let [message] = &messages[..] else {
        panic!("{} messages", messages.len());
    };
    let room = usize::from(client.unwrap_or(0)).max(512).min(server);
    assert!(message.len() <= room, "{} octets of {room}", message.len());
    let count = u16::from_be_bytes([message[6], message[7]]);
    (count, message[2] & 2 != 0)
}

#[test]
fn differences_that_do_not_fit_are_the_soa_record_alone() {
    let key = key(Algorithm::HmacSha256);
    let check = |found, expected| assert_eq!(found, expected);
    // Four SOA records and what was added; TXT records have about 100 octets.
    check(sent(2, None, 1232, None), (6, false));
    check(sent(4, None, 1232, None), (1, false));
    check(sent(4, Some(1232), 1232, None), (8, false));
    check(sent(9, Some(1232), 1232, None), (13, false));
    check(sent(9, Some(1232), 1232, Some(&key)), (13, false));
    check(sent(10, Some(1232), 1232, None), (14, false));
    // The signature counts, and so do the limits of both sides.
    check(sent(10, Some(1232), 1232, Some(&key)), (1, false));
    check(sent(10, Some(4096), 1232, Some(&key)), (1, false));
    check(sent(10, Some(4096), 4096, Some(&key)), (14, false));
    check(sent(10, Some(100), 4096, Some(&key)), (1, false));
    // What is more than a message does not fit anywhere.
    check(
        sent(300, Some(u16::MAX), usize::from(u16::MAX), None),
        (1, false),
    );
    // And where not even the SOA record fits, TC tells to come over TCP.
    check(sent(2, None, 70, None), (0, true));
}

#[test]
fn a_client_takes_what_came_over_udp() {
    let step = difference(5, 7, "", "ns A 192.0.2.1");
    let (incoming, request) = Wanted::Ixfr(5).ask(None);
    let request = Request::parse(&request).unwrap();
    let whole = Arc::new(Rendered::ixfr(&[Arc::new(step.clone())], &soa(7)).unwrap());
    let current = Arc::new(Rendered::current(&soa(7)).unwrap());
    let reply = Reply::over_udp(whole, current, &request, None, 1232);
    let received = receive(incoming, messages(reply));
    assert_eq!(received, Ok(Received::Differences(vec![step])));
}
