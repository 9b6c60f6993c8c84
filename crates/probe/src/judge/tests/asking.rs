//! Questions, queries, and putting them to something that answers.

use super::*;

#[test]
fn questions_are_those_of_the_table() {
    let zone = root();
    let asked = |others: &[Name]| questions(&zone, others, 1);
    let text = |questions: &[Question]| {
        let lines: Vec<String> = questions.iter().map(Question::to_string).collect();
        lines.join(", ")
    };
    let all = asked(&[]);
    assert_eq!(
        text(&all[..9]),
        ". SOA, . DNSKEY, . NS, com. NS, com. DS, net. NS, net. DS, org. NS, org. DS"
    );
    assert_eq!(all.len(), 9 + crate::limits::NEGATIVES);
    for negative in &all[9..] {
        let labels: Vec<_> = negative
            .name
            .iter()
            .map(|label| label.to_string())
            .collect();
        assert_eq!((&*labels[0], &*labels[1]), ("www", "rssac047-test"));
        assert!(labels[2].len() == 10 && labels.len() == 4);
        assert_eq!(negative.rtype, Rtype::A);
    }
    let served = ["NET.".parse().unwrap()];
    assert_eq!(
        text(&asked(&served)[..8]),
        ". SOA, . DNSKEY, . NS, com. NS, com. DS, net. DS, org. NS, org. DS"
    );
    assert_ne!(questions(&zone, &[], 2)[9..], all[9..]);
    let deep = Zone::new(&"z.".parse().unwrap(), records(DEEP));
    assert_eq!(
        text(&questions(&deep, &[], 1)[..9]),
        "z. SOA, z. DNSKEY, z. NS, cut.z. NS, cut.z. DS, a.b.z. TXT, a.b.z. NSEC, ns.z. A, ns.z. NSEC"
    );
}

#[test]
fn a_sample_has_the_apex_and_its_share_of_the_rest() {
    let all = questions(&root(), &[], 1);
    let check = |count, expected: usize| {
        let sample = sample(&all, count, 5);
        assert_eq!(sample.len(), expected);
        assert_eq!(sample[..3], all[..3]);
        let mut distinct: Vec<String> = sample.iter().map(Question::to_string).collect();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), expected);
    };
    check(0, 3);
    check(3, 3);
    check(20, 20);
    check(all.len(), all.len());
    check(all.len() + 1, all.len());
}

#[test]
fn a_round_has_one_question_of_each_kind() {
    let zone = root();
    let served: [Name; 1] = ["NET.".parse().unwrap()];
    for seed in 0..50 {
        let round = round(&zone, &served, seed);
        let types: Vec<Rtype> = round.iter().map(|question| question.rtype).collect();
        assert_eq!(types, [Rtype::SOA, Rtype::NS, Rtype::DS, Rtype::A]);
        assert_eq!(round[1].name, round[2].name);
        assert!(!round[1].name.name_eq(&served[0]), "{}", round[1]);
    }
    let of = |seed| round(&zone, &[], seed);
    assert!((1..50).any(|seed| of(seed)[1] != of(0)[1]));
    assert_ne!(of(1)[3], of(2)[3]);
}

#[test]
fn a_query_is_as_probes_send_it() {
    let query = question("com. DS").query(0x1234);
    let expected = b"\x12\x34\0\0\0\x01\0\0\0\0\0\x01\x03com\0\0\x2b\0\x01\
        \0\0\x29\x04\xc4\0\0\x80\0\0\0";
    assert_eq!(query, expected);
}

#[test]
fn a_truncated_response_is_asked_for_again_over_tcp() {
    let zone = root();
    let asked = [question("com. DS"), question(". SOA")];
    let answer = |question: &str, id: &[u8], truncated: bool| {
        let mut response = right(question);
        response.header[..2].copy_from_slice(id);
        response.header[2] |= u8::from(truncated) << 1;
        response.octets()
    };
    let ask = |via: Transport, query: &[u8], room: &mut [u8], tcp_too: bool| {
        let name = if query[12] == 0 { ". SOA" } else { "com. DS" };
        let truncated = name == ". SOA" && (via == Transport::Udp || tcp_too);
        let octets = answer(name, &query[..2], truncated);
        room[..octets.len()].copy_from_slice(&octets);
        octets.len()
    };
    let examined = examine(&zone, &asked, |via, query, room| {
        ask(via, query, room, false)
    });
    let expected = Examined {
        questions: 2,
        truncated: 1,
    };
    assert_eq!(examined, Ok(expected));
    let failed = examine(&zone, &asked, |via, query, room| {
        ask(via, query, room, true)
    });
    let failed = failed.unwrap_err();
    assert_eq!(failed.to_string(), ". SOA over TCP");
    assert_eq!(failed.fault, Fault::Truncated);
}

#[test]
fn no_response_a_foreign_one_and_a_large_one_are_faults() {
    let zone = root();
    let asked = [question("com. DS")];
    let check = |len: usize, id: [u8; 2], expected: &str| {
        let failed = examine(&zone, &asked, |_, _, room| {
            room[..2].copy_from_slice(&id);
            len
        });
        assert_eq!(failed.unwrap_err().fault.to_string(), expected);
    };
    check(0, [0, 0], "no response with the ID of the query");
    check(600, [0, 1], "no response with the ID of the query");
    check(1221, [0, 0], "1221 octets, and the query takes 1220");
}
