//! The response shapes by which root servers are measured (RSSAC047v2 section 5.3): exact, for
//! every delegation of every zone. The judge is the crate `imrs-probe`, which shares no code with
//! the server; here it is given zones as they are read from their files and real responses.

use super::Verdict;
use crate::differential::exchange::{Responses, Via, exchange};
use crate::differential::facts::Facts;
use crate::differential::query::{Kind, Query};
use anyhow::Result;
use domain::base::iana::Rtype;
use imrs_probe::Name;
use imrs_probe::judge::{Fault, Question, Zone, judge, questions};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Checks every zone.
pub(super) fn check(server: SocketAddr, zones: &[Facts]) -> Result<Vec<Verdict>> {
    let indices: Vec<Zone<'_>> = zones
        .iter()
        .map(|facts| Ok(Zone::new(&apex(facts)?, &facts.records)))
        .collect::<Result<_>>()?;
    let apexes: Vec<Name> = indices.iter().map(|zone| zone.apex().clone()).collect();
    let mut verdicts = Vec::new();
    for zone in &indices {
        let mut families = BTreeMap::<String, Vec<Question>>::new();
        for question in questions(zone, &apexes, SEED) {
            let family = families.entry(family(zone, &question)).or_default();
            family.push(question);
        }
        for (name, questions) in families {
            let failures = failures(server, zone, &questions)?;
            let name = format!("RSSAC047 {name}");
            verdicts.push(Verdict::of(name, questions.len(), &failures));
        }
    }
    Ok(verdicts)
}

fn apex(facts: &Facts) -> Result<Name> {
    Ok(Name::from_octets(facts.apex.clone().into())?)
}

/// The row of the table that a question belongs to.
fn family(zone: &Zone<'_>, question: &Question) -> String {
    let apex = zone.apex().fmt_with_dot();
    let rtype = question.rtype;
    if question.name == *zone.apex() {
        return format!("{apex} {rtype}");
    }
    match rtype {
        Rtype::NS | Rtype::DS => format!("delegations of {apex}, {rtype}"),
        _ => format!("names below {apex}, {rtype}"),
    }
}

/// Asks over UDP, and over TCP too: there as well where UDP would have done.
fn failures(server: SocketAddr, zone: &Zone<'_>, questions: &[Question]) -> Result<Vec<String>> {
    let query = |question: &Question| Query::new(Kind::ZoneName, question.query(0));
    let queries: Vec<Query> = questions.iter().map(query).collect();
    let udp: Responses = exchange(server, Via::Udp, &queries)?;
    let tcp: Responses = exchange(server, Via::Tcp, &queries)?;
    let mut failures = Vec::new();
    for (question, (udp, tcp)) in questions.iter().zip(udp.iter().zip(&tcp)) {
        for (via, octets) in [(Via::Udp, udp), (Via::Tcp, tcp)] {
            let response = octets.as_deref().unwrap_or_default();
            match judge(zone, question, response) {
                Ok(()) => {}
                Err(Fault::Truncated) if via == Via::Udp => {}
                Err(fault) => failures.push(format!("{question} over {}: {fault}", via.name())),
            }
        }
    }
    Ok(failures)
}

/// The seed of the names that do not exist.
const SEED: u64 = 47;
