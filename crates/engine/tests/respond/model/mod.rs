//! Random small zones against a naive server: names of any depth that share their first octets,
//! differ in case or have octets at both ends of the range; empty non-terminals, cuts, glue.

mod oracle;
mod zones;

use crate::query::Ask;
use crate::reply::{Entry, Reply, SECTIONS};
use crate::world;
use domain::base::iana::Rtype;
use imrs_engine::{Service, Transport, respond};
use oracle::{Expected, Oracle, Qname};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeSet;
use zones::{Tweak, ZonePlan, tweak, zone};

/// One question to a zone.
#[derive(Clone, Debug)]
struct Question {
    name: Tweak,
    rtype: Rtype,
    dnssec: bool,
    /// A size limit to try beside none.
    limit: usize,
}

fn question() -> impl Strategy<Value = Question> {
    let rtype = proptest::sample::select(vec![
        Rtype::A,
        Rtype::AAAA,
        Rtype::NS,
        Rtype::DS,
        Rtype::SOA,
        Rtype::TXT,
        Rtype::MX,
        Rtype::NSEC,
        Rtype::RRSIG,
        Rtype::ANY,
    ]);
    (tweak(), rtype, any::<bool>(), 12..1400usize).prop_map(|(name, rtype, dnssec, limit)| {
        Question {
            name,
            rtype,
            dnssec,
            limit,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(768))]

    #[test]
    fn a_compiled_zone_answers_as_a_naive_server_does(
        plan in zone(),
        questions in vec(question(), 48),
    ) {
        check_zone(&plan, &questions);
    }
}

fn check_zone(plan: &ZonePlan, questions: &[Question]) {
    let records = plan.records();
    let oracle = Oracle::new(&records);
    let (apex, image) = world::compile(records);
    let service = world::service([(apex, Some(image))]);
    let names = oracle.names();
    for question in questions {
        let Some(qname) = question.name.apply(&names) else {
            continue;
        };
        if qname.ends_with(&oracle.apex) {
            check_question(&service, &oracle, &qname, question);
        }
    }
}

fn check_question(service: &Service, oracle: &Oracle, qname: &Qname, question: &Question) {
    let mut ask = Ask::new(qname.clone(), question.rtype);
    if question.dnssec {
        ask = ask.dnssec(4096);
    }
    let packet = ask.packet();
    let whole = reply(service, &packet, 65_535).expect("a response");
    let about = || {
        format!(
            "{} {} {}\n{whole}",
            qname.fmt_with_dot(),
            ask.qtype,
            question.dnssec
        )
    };
    let expected = oracle.expect(qname, question.rtype, question.dnssec);
    let (required, groups) = check_whole(&expected, &whole, &about);
    check_limit(
        &whole,
        required,
        &groups,
        reply(service, &packet, question.limit),
        &packet,
        question.limit,
        &about,
    );
}

fn reply(service: &Service, packet: &[u8], limit: usize) -> Option<Reply> {
    let mut out = vec![0; limit];
    let outcome = respond(
        service,
        Transport::Tcp { keepalive: 0 }.into(),
        packet,
        &mut out,
    );
    (outcome.len > 0).then(|| Reply::read(packet, &out[..outcome.len]))
}

/// Compares a response without a limit. Gives how many records of its additional section are
/// required, and after how many records of it each RRset that is not ends.
fn check_whole(
    expected: &Expected,
    whole: &Reply,
    about: &dyn Fn() -> String,
) -> (usize, Vec<usize>) {
    assert_eq!(
        whole.rcode,
        if expected.exists { 0 } else { 3 },
        "rcode of {}",
        about()
    );
    let flags: &[_] = if expected.authoritative { &["aa"] } else { &[] };
    assert_eq!(whole.flags, flags, "flags of {}", about());
    let set = |entries: &[Entry]| entries.iter().cloned().collect::<BTreeSet<_>>();
    let [answer, authority, additional] = whole.sections.each_ref().map(|section| set(section));
    for (name, section, found) in [
        (SECTIONS[0], &whole.sections[0], &answer),
        (SECTIONS[1], &whole.sections[1], &authority),
        (SECTIONS[2], &whole.sections[2], &additional),
    ] {
        assert_eq!(
            section.len(),
            found.len(),
            "{name} has a record twice in {}",
            about()
        );
    }
    assert!(
        expected.answers.contains(&answer),
        "answer of {}\nexpected {:#?}",
        about(),
        expected.answers
    );
    assert_eq!(authority, expected.authority, "authority of {}", about());
    let required = expected.glue.len();
    assert!(whole.sections[2].len() >= required, "glue of {}", about());
    let (first, rest) = whole.sections[2].split_at(required);
    assert_eq!(set(first), expected.glue, "glue of {}", about());
    assert_eq!(set(rest), expected.addresses, "additional of {}", about());
    let groups = (0..rest.len())
        .filter(|at| rest.get(at + 1).is_none_or(|next| next.rtype != "RRSIG"))
        .filter(|at| {
            let same =
                |next: &Entry| (&next.owner, &next.rtype) == (&rest[*at].owner, &rest[*at].rtype);
            rest[*at].rtype == "RRSIG" || !rest.get(at + 1).is_some_and(same)
        })
        .map(|at| required + at + 1);
    let groups: Vec<usize> = groups.collect();
    // A referral keeps one address RRset at least.
    let is_referral = !whole.flags.contains(&"aa");
    let required = match groups.first() {
        Some(first) if is_referral && required == 0 => *first,
        _ => required,
    };
    (required, groups)
}

/// Compares a response under a limit with the one without: as much as fits, glue whole or TC.
fn check_limit(
    whole: &Reply,
    required: usize,
    groups: &[usize],
    limited: Option<Reply>,
    packet: &[u8],
    limit: usize,
    about: &dyn Fn() -> String,
) {
    // The response to a query of this form has the query's own header, question and OPT record.
    let Some(limited) = limited else {
        assert!(
            limit < packet.len(),
            "silence at {limit} octets to {}",
            about()
        );
        return;
    };
    let opt = if whole.opt.is_some() { 11 } else { 0 };
    let len = |records: usize| match records {
        0 => whole.additional_start + opt,
        _ => whole.ends[records - 1] + opt,
    };
    let fitting = groups
        .iter()
        .copied()
        .chain([required])
        .filter(|records| len(*records) <= limit);
    match fitting.max() {
        Some(records) => {
            assert_eq!(
                limited.flags,
                whole.flags,
                "flags at {limit} octets of {}",
                about()
            );
            assert_eq!(
                limited.sections[..2],
                whole.sections[..2],
                "{limit} octets of {}",
                about()
            );
            assert_eq!(
                limited.sections[2],
                whole.sections[2][..records],
                "{limit} octets of {}",
                about()
            );
        }
        None => {
            assert!(
                limited.flags.contains(&"tc"),
                "{limit} octets of {}",
                about()
            );
            assert!(
                limited.sections.iter().all(Vec::is_empty),
                "{limit} octets of {}",
                about()
            );
        }
    }
}
