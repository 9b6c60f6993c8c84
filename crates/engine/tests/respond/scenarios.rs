//! Every scenario holds.

use crate::reply::{Entry, Reply, SECTIONS};
use crate::scenario::{Case, Expected, Pattern, all};
use imrs_engine::{Service, respond};

#[test]
fn every_scenario_holds() {
    let mut cases = 0;
    let mut failures = Vec::new();
    for scenario in all() {
        for case in &scenario.cases {
            cases += 1;
            if let Err(failure) = run(&scenario.service, case) {
                failures.push(format!("{}: {failure}", case.place));
            }
        }
    }
    assert!(cases > 100, "only {cases} cases found");
    assert!(
        failures.is_empty(),
        "{} of {cases} fail\n{}",
        failures.len(),
        failures.join("\n")
    );
}

fn run(service: &Service, case: &Case) -> Result<(), String> {
    let mut out = vec![0xee; case.limit];
    let outcome = respond(service, case.transport.into(), &case.packet, &mut out);
    let Some(expected) = &case.expected else {
        return match outcome.len {
            0 => Ok(()),
            len => Err(format!("{len} octets instead of silence")),
        };
    };
    if outcome.len == 0 {
        return Err("silence".to_owned());
    }
    if out[outcome.len..].iter().any(|octet| *octet != 0xee) && !outcome.truncated {
        return Err("octets written behind the response".to_owned());
    }
    let reply = Reply::read(&case.packet, &out[..outcome.len]);
    if (outcome.rcode.0, outcome.truncated) != (reply.rcode, reply.flags.contains(&"tc")) {
        return Err(format!("{outcome:?} of\n{reply}"));
    }
    compare(expected, &reply, case.has_opt, outcome.len)
        .map_err(|wrong| format!("{wrong}\n{reply}"))
}

fn compare(expected: &Expected, reply: &Reply, has_opt: bool, len: usize) -> Result<(), String> {
    if reply.rcode != expected.rcode {
        return Err(format!("rcode is not {}", expected.rcode));
    }
    if reply.flags != expected.flags {
        return Err(format!("flags are not {:?}", expected.flags));
    }
    let found = reply.opt.as_ref();
    if found.is_some() != (has_opt && !expected.no_opt) {
        return Err("OPT record".to_owned());
    }
    if found.is_some_and(|opt| opt.options != expected.options || opt.version != 0) {
        return Err(format!("options are not {:?}", expected.options));
    }
    if let Some((octets, exact)) = expected.octets
        && (len > octets || exact && len != octets)
    {
        return Err(format!("{len} octets, not {octets}"));
    }
    let mut records: Vec<(usize, &Entry)> = (0..3)
        .flat_map(|at| reply.sections[at].iter().map(move |entry| (at, entry)))
        .collect();
    for pattern in &expected.records {
        for _ in 0..pattern.count {
            let at = records
                .iter()
                .position(|(section, entry)| matches(pattern, *section, entry));
            let Some(at) = at else {
                return Err(format!("no {} {}", SECTIONS[pattern.section], pattern.text));
            };
            records.remove(at);
        }
    }
    match records.first() {
        None => Ok(()),
        Some((section, entry)) => Err(format!("not expected: {} {entry}", SECTIONS[*section])),
    }
}

fn matches(pattern: &Pattern, section: usize, entry: &Entry) -> bool {
    let words = || entry.data.split_whitespace();
    pattern.section == section
        && (pattern.owner == "*" || pattern.owner == entry.owner)
        && pattern.ttl.is_none_or(|ttl| ttl == entry.ttl)
        && pattern.rtype == entry.rtype
        && pattern.data.len() <= words().count()
        && pattern
            .data
            .iter()
            .zip(words())
            .all(|(left, right)| left.eq_ignore_ascii_case(right))
}
