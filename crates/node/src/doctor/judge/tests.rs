//! The stories that `imrs doctor` is for.

use super::judge;
use crate::control::v1::{Brief, Health, Site, SiteNode};
use crate::doctor::evidence::{Evidence, Interface, Meant};
use crate::doctor::{Finding, Verdict};
use crate::route::v1::{Bird, FamilyName, Neighbor, Report, Stand};
use imrs_wire::{Both, Family};
use imrs_zone::record::UnixTime;
use std::net::IpAddr;

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
            passwords: vec!["host-v4".to_owned()],
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
        route: Err("not of this test".to_owned()),
        callers: None,
        site: None,
        // Noon.
        now: UnixTime(1_785_585_600),
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
    }
}

/// The finding of whether a family is seen.
fn seen(evidence: &Evidence, family: Family) -> Finding {
    let found = judge(evidence)
        .into_iter()
        .find(|finding| finding.check == "seen" && finding.seen.starts_with(&family.to_string()));
    found.unwrap_or_else(|| panic!("{family} is not judged"))
}

#[test]
fn a_family_that_reaches_nobody_is_named_with_neighbor_and_prefix() {
    let mut evidence = evidence();
    evidence.callers = Some(Both { v4: 0, v6: 500 });
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
fn whoever_may_be_this_machine_is_not_counted() {
    // The machine has asked from its own addresses, which are two of IPv4.
    for (v4, v6, expected) in [
        (2, 50, Verdict::Wrong),
        (2, 5, Verdict::Unsure),
        (0, 0, Verdict::Unsure),
        (3, 50, Verdict::Well),
    ] {
        let mut evidence = evidence();
        let own: [IpAddr; 2] = ["127.0.0.1", "203.0.113.10"].map(|text| text.parse().unwrap());
        evidence.interfaces.as_mut().unwrap()[0]
            .addresses
            .extend(own);
        evidence.callers = Some(Both { v4, v6 });
        assert_eq!(seen(&evidence, Family::V4).verdict, expected, "{v4} {v6}");
    }
}

#[test]
fn whoever_is_told_for_long_and_asked_by_nobody_is_kept_from_the_world() {
    for (since, expected) in [
        ("2026-08-01T11:50:00Z", Verdict::Unsure),
        ("2026-08-01T11:30:00Z", Verdict::Wrong),
        ("2026-07-01T00:00:00Z", Verdict::Wrong),
    ] {
        let mut evidence = evidence();
        evidence.callers = Some(Both { v4: 0, v6: 0 });
        for neighbor in &mut evidence.keeper.as_mut().unwrap().neighbors {
            neighbor.since = Some(since.to_owned());
        }
        let finding = seen(&evidence, Family::V6);
        assert_eq!(finding.verdict, expected, "{since}");
        let remedy = finding.remedy.unwrap();
        assert!(
            remedy.contains("onward") && remedy.contains("host-v6"),
            "{remedy}"
        );
        // A day begins with nobody having asked.
        evidence.now = UnixTime(1_785_585_600 - 12 * 3600 + 60);
        assert_eq!(seen(&evidence, Family::V6).verdict, Verdict::Unsure);
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
        ("", "the password of this session"),
    ] {
        let mut evidence = evidence();
        let report = evidence.keeper.as_mut().unwrap();
        report.neighbors[0].state = "active".to_owned();
        report.neighbors[0].trouble = Some(trouble.to_owned()).filter(|text| !text.is_empty());
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

#[test]
fn another_node_that_is_not_who_or_where_it_should_be_is_named() {
    let brief = |identity: &str| Brief {
        identity: identity.to_owned(),
        version: "1".to_owned(),
        serial: None,
        families: Vec::new(),
    };
    let not_signed = "its answer is not signed as it should be: BADSIG";
    for (told, trouble, expected, part) in [
        (
            Some(brief("aa01-ke-nbo-n2")),
            None,
            Verdict::Well,
            "answers",
        ),
        (
            Some(brief("aa01-ke-nbo-n3")),
            None,
            Verdict::Wrong,
            "-n3 in",
        ),
        (None, Some(not_signed), Verdict::Wrong, "BADSIG"),
        (None, Some("no answer"), Verdict::Unsure, "no answer"),
    ] {
        let mut evidence = evidence();
        let own = SiteNode {
            identity: "aa01-ke-nbo-n1".to_owned(),
            address: None,
            brief: Some(brief("aa01-ke-nbo-n1")),
            trouble: None,
        };
        let other = SiteNode {
            identity: "aa01-ke-nbo-n2".to_owned(),
            address: Some("10.1.0.12:53".to_owned()),
            brief: told,
            trouble: trouble.map(str::to_owned),
        };
        evidence.site = Some(Ok(Site {
            health: Health::Well,
            site: "aa01-ke-nbo".to_owned(),
            nodes: vec![own, other],
            capacity: None,
        }));
        let findings = judge(&evidence);
        let found: Vec<&Finding> = { findings.iter() }
            .filter(|one| one.check == "site")
            .collect();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].verdict, expected, "{found:?}");
        assert!(found[0].seen.contains(part), "{found:?}");
    }
}
