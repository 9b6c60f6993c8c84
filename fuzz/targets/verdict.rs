//! Any octets as the response to a question about a small root, and right responses with changes.
//!
//! ```text
//! input     question (2) | change …        a right response, changed
//!           0xffff | response              any octets, to a question for the SOA record
//! change    place (2) | octet to XOR
//! ```
#![no_main]

use imrs_engine::{Transport, respond};
use imrs_fuzz::{root, service};
use imrs_probe::Name;
use imrs_probe::judge::{Question, Zone, judge, questions};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static ZONE: LazyLock<Zone<'static>> = LazyLock::new(|| Zone::new(&Name::root_bytes(), root()));

static QUESTIONS: LazyLock<Vec<Question>> = LazyLock::new(|| {
    let served = ["arpa.".parse().expect("a name")];
    questions(&ZONE, &served, 1)
});

fuzz_target!(|input: &[u8]| {
    let Some((&choice, rest)) = input.split_first_chunk() else {
        return;
    };
    if choice == [0xff; 2] {
        let _ = judge(&ZONE, &QUESTIONS[0], rest);
        return;
    }
    let question = &QUESTIONS[usize::from(u16::from_be_bytes(choice)) % QUESTIONS.len()];
    let mut room = [0; 4096];
    let transport = Transport::Tcp { keepalive: 0 };
    let len = respond(service(), transport.into(), &question.query(7), &mut room).len;
    let response = &mut room[..len];
    assert_eq!(judge(&ZONE, question, response), Ok(()), "{question}");
    for change in rest.chunks_exact(3) {
        let place = usize::from(u16::from_be_bytes([change[0], change[1]]));
        response[place % len] ^= change[2];
    }
    let _ = judge(&ZONE, question, response);
});
