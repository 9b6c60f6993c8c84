//! The stories that `imrs doctor` is for.

use super::judge;
use crate::doctor::evidence::{Evidence, Interface, Meant, Sight};
use crate::doctor::{Finding, Verdict};
use crate::route::v1::{Bird, FamilyName, Neighbor, Report, Stand};
use imrs_fleet::{Both, Family};

fn neighbor(name: &str, address: &str, family: FamilyName) -> Neighbor {
    Neighbor {
        name: name.to_owned(),
        address: address.parse().unwrap(),
        asn: 64_510,
        family,
        state: "established".to_owned(),
        since: None,
        bfd: None,
        imported: 0,
        exported: 1,
        stand: Stand::Announced,
        trouble: None,
    }
}

/// A node of which all is well but that nobody was asked yet.
fn evidence() -> Evidence {
    let addresses = ["192.0.2.53", "2001:db8:53::53"].map(|text| text.parse().unwrap());
    Evidence {
        meant: Meant {
            identity: Some("aa01-ke-nbo".to_owned()),
            is_announced: true,
            asn: 64_500,
            addresses: addresses.to_vec(),
            prefixes: Both {
                v4: vec!["192.0.2.0/24".to_owned()],
                v6: vec!["2001:db8:53::/48".to_owned()],
            },
            ..Meant::default()
        },
        interfaces: Ok(vec![Interface {
            name: "lo".to_owned(),
            mtu: 65_536,
            addresses: addresses.to_vec(),
        }]),
        ways: Vec::new(),
        default_routes: Both {
            v4: Some("eth0".to_owned()),
            v6: Some("eth0".to_owned()),
        },
        answers: Vec::new(),
        is_clock_synchronised: Some(true),
        tracks_flows: false,
        status: Err("not of this test".to_owned()),
        queries: None,
        keeper: Ok(Report {
            bird: Bird::Up,
            ipv4: Stand::Announced,
            ipv6: Stand::Announced,
            neighbors: vec![
                neighbor("host-v4", "203.0.113.1", FamilyName::Ipv4),
                neighbor("host-v6", "2001:db8:1::1", FamilyName::Ipv6),
            ],
            ..Report::default()
        }),
        sights: Vec::new(),
    }
}

fn sight(v4: Option<&str>, v6: Option<&str>) -> Sight {
    Sight {
        witness: "aa02-de-fra".to_owned(),
        reached: Ok(Both {
            v4: v4.map(str::to_owned),
            v6: v6.map(str::to_owned),
        }),
    }
}

/// The finding of whether a family is seen.
fn seen(evidence: &Evidence, family: Family) -> Finding {
    let found = judge(evidence)
        .into_iter()
        .find(|finding| finding.check == "seen" && finding.seen.starts_with(&family.to_string()));
    found.unwrap_or_else(|| panic!("{family} is not judged"))
}

const US: Option<&str> = Some("aa01-ke-nbo");

#[test]
fn a_family_that_reaches_nobody_is_named_with_neighbor_and_prefix() {
    let mut evidence = evidence();
    evidence.sights = vec![sight(None, US)];
    let finding = seen(&evidence, Family::V4);
    assert_eq!(finding.verdict, Verdict::Wrong);
    assert!(
        finding.seen.contains("host-v4 (AS 64510, 203.0.113.1)"),
        "{finding:?}"
    );
    let remedy = finding.remedy.unwrap();
    for part in [
        "filter for IPv4",
        "192.0.2.0/24",
        "AS 64500",
        "registration",
    ] {
        assert!(remedy.contains(part), "{remedy}");
    }
    assert_eq!(seen(&evidence, Family::V6).verdict, Verdict::Well);
}

#[test]
fn a_host_that_passes_nothing_on_is_named_in_both_families() {
    let mut evidence = evidence();
    evidence.sights = vec![sight(None, None)];
    for (family, name) in [(Family::V4, "host-v4"), (Family::V6, "host-v6")] {
        let finding = seen(&evidence, family);
        assert_eq!(finding.verdict, Verdict::Wrong);
        let remedy = finding.remedy.unwrap();
        assert!(
            remedy.contains("onward") && remedy.contains(name),
            "{remedy}"
        );
    }
}

#[test]
fn without_witnesses_the_counts_tell_what_they_can() {
    for (v4, v6, expected) in [
        (0, 5_000, Verdict::Wrong),
        (0, 5, Verdict::Unsure),
        (0, 0, Verdict::Unsure),
        (7, 5_000, Verdict::Well),
    ] {
        let mut evidence = evidence();
        evidence.queries = Some(Both { v4, v6 });
        assert_eq!(seen(&evidence, Family::V4).verdict, expected, "{v4} {v6}");
    }
}

#[test]
fn witnesses_that_reach_other_sites_prove_nothing_against_us() {
    let other = Some("aa02-de-fra");
    for (v4, v6, expected) in [
        (other, other, Verdict::Unsure),
        (other, US, Verdict::Unsure),
        (US, other, Verdict::Well),
    ] {
        let mut evidence = evidence();
        evidence.sights = vec![sight(v4, v6)];
        assert_eq!(
            seen(&evidence, Family::V4).verdict,
            expected,
            "{v4:?} {v6:?}"
        );
    }
}

#[test]
fn a_session_that_is_down_says_which_end_is_wrong() {
    for (trouble, expected) in [
        ("BGP Error: Bad peer AS", "expect AS 64500"),
        ("Socket: Connection refused", "no BGP there for us"),
        ("Socket: No route to host", "no way to 203.0.113.1"),
        ("BGP Error: Hold timer expired", "fell silent"),
        ("Received: Administrative shutdown", "shut the session down"),
        ("something new", "compare address"),
    ] {
        let mut evidence = evidence();
        let report = evidence.keeper.as_mut().unwrap();
        report.neighbors[0].state = "active".to_owned();
        report.neighbors[0].trouble = Some(trouble.to_owned());
        let findings = judge(&evidence);
        let session = findings.iter().find(|one| one.check == "session").unwrap();
        assert_eq!(session.verdict, Verdict::Wrong);
        let remedy = session.remedy.as_ref().unwrap();
        assert!(remedy.contains(expected), "{trouble}: {remedy}");
        // What was not told cannot be seen.
        let is_seen = |one: &&Finding| one.check == "seen" && one.seen.starts_with("IPv4");
        assert!(!findings.iter().any(|one| is_seen(&one)));
    }
}

#[test]
fn an_address_on_no_interface_is_named() {
    let mut evidence = evidence();
    evidence.interfaces.as_mut().unwrap()[0].addresses.pop();
    let findings = judge(&evidence);
    let wrong: Vec<&Finding> = { findings.iter() }
        .filter(|one| one.check == "address" && one.verdict == Verdict::Wrong)
        .collect();
    assert_eq!(wrong.len(), 1);
    assert!(wrong[0].seen.contains("2001:db8:53::53"));
}
