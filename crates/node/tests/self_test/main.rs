//! The engine's responses are right by the table of RSSAC047, for every question of every zone.

#![allow(clippy::unwrap_used, reason = "a test that fails here should stop")]

mod meaning;

use imrs_engine::{Service, Transport, respond};
use imrs_probe::judge::{self, Examined, Question, examine, judge, questions, sample};
use imrs_zone::record::UnixTime;
use imrs_zone::synth::{self, Plan};
use imrs_zone::verify::{Demand, Effort, Policy};
use imrs_zone::{Anchors, Candidate, Limits, Name, Verified, Zones, read};
use meaning::Meaning;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// 2026-08-01T12:00:00Z.
const NOON: UnixTime = UnixTime(1_785_585_600);

/// The octets of responses need no proof here; the proof has tests of its own.
fn unproven(records: Vec<imrs_zone::Record>) -> Verified {
    let policy = Policy {
        digest: Demand::Off,
        signatures: Demand::Off,
        anchors: Anchors::root(),
    };
    let candidate = Candidate::new(records, &Limits::default()).unwrap();
    candidate
        .verify(&policy, NOON, &Effort::silent(NonZeroUsize::MIN))
        .unwrap()
}

fn service(zones: &[Verified]) -> Service {
    let image = |zone: &Verified| (zone.apex().clone(), Some(Arc::new(zone.compile().unwrap())));
    Service {
        zones: Zones::new(zones.iter().map(image)),
        ..Service::default()
    }
}

fn apexes(zones: &[Verified]) -> Vec<Name> {
    zones.iter().map(|zone| zone.apex().clone()).collect()
}

fn ask(service: &Service, transport: judge::Transport, query: &[u8], room: &mut [u8]) -> usize {
    let transport = match transport {
        judge::Transport::Udp => Transport::Udp,
        judge::Transport::Tcp => Transport::Tcp { keepalive: 0 },
    };
    respond(service, transport.into(), query, room).len
}

/// Serves `zones`, and asks all questions about each of them.
fn check(zones: &[Verified]) -> Vec<Examined> {
    let service = service(zones);
    let apexes = apexes(zones);
    let examined = zones.iter().map(|zone| {
        let index = judge::Zone::new(zone.apex(), zone.records());
        let questions = questions(&index, &apexes, 1);
        examine(&index, &questions, |transport, query, room| {
            ask(&service, transport, query, room)
        })
        .unwrap_or_else(|failed| panic!("{failed}: {}", failed.fault))
    });
    examined.collect()
}

#[test]
fn every_question_about_a_test_root_and_its_companions_is_answered_right() {
    let made = synth::make(&Plan::new(NOON)).unwrap();
    let zones = [made.records, made.arpa, made.root_servers_net].map(unproven);
    let examined = check(&zones);
    assert!(examined[0].questions > 3000, "{examined:?}");
    assert!(examined[1].questions > 300, "{examined:?}");
    assert!(examined[2].questions > 300, "{examined:?}");
}

#[test]
fn every_question_about_the_real_root_is_answered_right() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = std::env::var_os("IMRS_DATA").map_or(beside, PathBuf::from);
    let Ok(text) = std::fs::read(folder.join("zones/root-2026073102.zone")) else {
        println!("skipped: no data folder; name one by IMRS_DATA");
        return;
    };
    let examined = check(&[unproven(read::read(&text, None).unwrap())]);
    assert_eq!(examined[0].questions, 3 + 2 * 1438 + 300);
}

/// Changes each octet of the response in a few ways: the judge sees it, unless the response still
/// says the same.
fn check_changes(zone: &judge::Zone<'_>, question: &Question, response: &[u8]) -> usize {
    let question_len = question.octets().len();
    let original = Meaning::of(response, question_len);
    assert!(original.is_some(), "{question} is not read");
    let mut changed = response.to_vec();
    let mut seen = 0;
    for at in 0..response.len() {
        // The last bit, the bit of letter case, the first bit, all bits.
        for change in [0x01, 0x20, 0x80, 0xff] {
            changed[at] ^= change;
            let verdict = judge(zone, question, &changed);
            let same = Meaning::of(&changed, question_len) == original;
            assert_eq!(verdict.is_ok(), same, "{question}: octet {at}: {verdict:?}");
            seen += usize::from(!same);
            changed[at] ^= change;
        }
    }
    seen
}

#[test]
fn every_octet_that_says_something_is_judged() {
    let plan = Plan {
        tlds: 60,
        ..Plan::new(NOON)
    };
    let made = synth::make(&plan).unwrap();
    let zones = [made.records, made.arpa, made.root_servers_net].map(unproven);
    let service = service(&zones);
    let mut room = vec![0; 65_535];
    for zone in &zones {
        let index = judge::Zone::new(zone.apex(), zone.records());
        let all = questions(&index, &apexes(&zones), 1);
        let mut seen = 0;
        for question in sample(&all, SAMPLED, 1) {
            let len = ask(
                &service,
                judge::Transport::Tcp,
                &question.query(7),
                &mut room,
            );
            let response = &room[..len];
            assert_eq!(judge(&index, &question, response), Ok(()), "{question}");
            seen += check_changes(&index, &question, response);
        }
        assert!(seen > 10_000, "{}: {seen}", zone.apex());
    }
}

/// Questions of each zone whose responses are changed octet by octet.
const SAMPLED: usize = 16;
