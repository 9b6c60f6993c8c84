//! What a client reads in the answers to SOA queries and NOTIFY messages.

use crate::bed::*;
use imrs_transfer::message::{
    AnswerError, Request, SoaAnswer, notify, notify_response, read_notify_answer, read_soa,
};
use imrs_wire::{Rcode, Serial};
use std::time::Duration;

const SOA: Option<u16> = Some(6);

#[track_caller]
fn check(answer: &[u8], expected: Result<u32, AnswerError>) {
    let found = read_soa(answer, &name("example."), ID);
    assert_eq!(found.map(|soa| soa.serial.0), expected);
}

fn changed(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut answer = message(SOA, &[soa(7)]);
    change(&mut answer);
    answer
}

#[test]
fn a_soa_answer_says_serial_and_timers() {
    let found = read_soa(&message(SOA, &[soa(7)]), &name("EXAMPLE."), ID);
    let expected = SoaAnswer {
        serial: Serial(7),
        refresh: Duration::from_secs(2),
        retry: Duration::from_secs(3),
        expire: Duration::from_secs(4),
        minimum: Duration::from_secs(5),
    };
    assert_eq!(found, Ok(expected));
    assert_eq!(SoaAnswer::of(&soa(7)), Some(expected));
    assert_eq!(SoaAnswer::of(&records("@ NS ns")[0]), None);
    // Other records may come with it, and the question in any letter case.
    let mut with = records("@ RRSIG SOA 8 1 60 20300101000000 20200101000000 7 @ YWJj");
    with.push(soa(8));
    check(&message(SOA, &with), Ok(8));
    check(&changed(|answer| answer[13] = b'E'), Ok(7));
}

#[test]
fn an_answer_that_is_none_is_told() {
    check(&[0; 11], Err(AnswerError::Short { octets: 11 }));
    check(
        &changed(|answer| answer[2] &= 0x7f),
        Err(AnswerError::NoResponse),
    );
    check(
        &changed(|answer| answer[0] ^= 1),
        Err(AnswerError::OtherId {
            expected: ID,
            found: ID ^ 0x100,
        }),
    );
    check(
        &changed(|answer| answer[2] |= 0x20),
        Err(AnswerError::OtherOpcode {
            expected: 0,
            found: 4,
        }),
    );
    check(
        &changed(|answer| answer[3] |= 9),
        Err(AnswerError::Rcode(Rcode::NOTAUTH)),
    );
    check(
        &changed(|answer| answer[2] |= 2),
        Err(AnswerError::Truncated),
    );
    check(&changed(|answer| answer[2] &= !4), Err(AnswerError::Lame));
    for at in [13, 22, 24] {
        check(
            &changed(|answer| answer[at] ^= 2),
            Err(AnswerError::OtherQuestion),
        );
    }
    check(&message(None, &[soa(7)]), Err(AnswerError::OtherQuestion));
    check(&message(SOA, &[]), Err(AnswerError::NoSoa));
    check(
        &message(SOA, &records("@ NS ns\nsub SOA ns host 7 2 3 4 5")),
        Err(AnswerError::NoSoa),
    );
    check(
        &changed(|answer| answer.truncate(60)),
        Err(AnswerError::Unreadable),
    );
}

#[test]
fn an_error_may_lack_the_question_but_not_have_another() {
    let mut bare = message(None, &[]);
    bare[3] |= 1;
    check(&bare, Err(AnswerError::Rcode(Rcode::FORMERR)));
    let mut other = message(AXFR, &[]);
    other[3] |= 1;
    check(&other, Err(AnswerError::OtherQuestion));
}

#[test]
fn what_may_come_from_somebody_else_is_stray() {
    let check = |error: AnswerError, expected| assert_eq!(error.is_stray(), expected, "{error}");
    check(AnswerError::Short { octets: 3 }, true);
    check(AnswerError::NoResponse, true);
    check(
        AnswerError::OtherId {
            expected: 1,
            found: 2,
        },
        true,
    );
    check(AnswerError::OtherQuestion, true);
    check(AnswerError::Rcode(Rcode::REFUSED), false);
    check(AnswerError::Truncated, false);
    check(AnswerError::NoSoa, false);
}

#[test]
fn an_acknowledged_notify_is_known_as_such() {
    let zone = name("example.");
    let told = notify(&zone, Some(&soa(7)), ID);
    let request = Request::parse(&told).unwrap();
    let check = |rcode, expected| {
        let answer = notify_response(&request, rcode);
        assert_eq!(read_notify_answer(&answer, &zone, ID), expected);
    };
    check(Rcode::NOERROR, Ok(()));
    check(Rcode::NOTAUTH, Err(AnswerError::Rcode(Rcode::NOTAUTH)));
    assert_eq!(
        read_notify_answer(&message(SOA, &[]), &zone, ID),
        Err(AnswerError::OtherOpcode {
            expected: 4,
            found: 0
        })
    );
}
