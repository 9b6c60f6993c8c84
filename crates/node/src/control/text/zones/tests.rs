//! What operators see of zones.

use crate::control::text::render;
use crate::control::v1::*;
use std::collections::BTreeMap;

const PRIMARY: &str = "192.0.2.1:53";

fn when(in_seconds: i64) -> When {
    When {
        at: "2026-08-01T09:00:00Z".to_owned(),
        in_seconds,
    }
}

fn check_of(in_seconds: i64, result: CheckResult) -> Check {
    Check {
        when: when(in_seconds),
        primary: PRIMARY.to_owned(),
        result,
        serial: Some(2_026_080_101),
        reason: None,
    }
}

/// A root that is well, of one primary.
fn root() -> KeptZone {
    KeptZone {
        name: ".".to_owned(),
        state: ZoneState::Served,
        serial: Some(2_026_080_101),
        source: Some(format!("AXFR from {PRIMARY}")),
        received: Some(when(-7_500)),
        last_check: Some(check_of(-12, CheckResult::Level)),
        next_check: Some(when(1_788)),
        expires: Some(when(604_788)),
        signatures_end: Some(when(1_076_400)),
        primaries: vec![KnownPrimary {
            address: PRIMARY.to_owned(),
            key: Some("xfr-key".to_owned()),
            last: Some(check_of(-12, CheckResult::Level)),
            ..KnownPrimary::default()
        }],
        ..KeptZone::default()
    }
}

fn told(zones: Vec<KeptZone>) -> String {
    render(&Reply::Zones(Zones {
        health: Health::Well,
        now: "2026-08-01T09:00:00Z".to_owned(),
        zones,
    }))
}

fn check(zones: Vec<KeptZone>, expected: &str) {
    assert_eq!(told(zones), expected);
}

#[test]
fn a_zone_that_is_well_takes_few_lines() {
    check(
        vec![root()],
        "1 zone: 1 served

zone .  serial 2026080101  served
  age          2 h 5 min, AXFR from 192.0.2.1:53
  checked      192.0.2.1:53 12 s ago has the same serial
  next check   in 29 min 48 s
  expires      in 6 d 23 h, at 2026-08-01T09:00:00Z (if no primary confirms it)
  signatures   in 12 d 11 h, at 2026-08-01T09:00:00Z (the first ends)
  primaries    192.0.2.1:53 key xfr-key  12 s ago has the same serial
",
    );
}

#[test]
fn what_needs_attention_comes_first() {
    let refused = "ZONEMD of serial 2026080102 disagrees with the records";
    let zone = KeptZone {
        state: ZoneState::Degraded,
        attention: vec!["2026080102 was refused".to_owned()],
        going_on: Some("fetching 2026080102 from 192.0.2.2:853".to_owned()),
        next_check: None,
        primaries: vec![
            KnownPrimary {
                address: PRIMARY.to_owned(),
                last: Some(Check {
                    reason: Some("connection refused".to_owned()),
                    ..check_of(-3_600, CheckResult::Unanswered)
                }),
                failures: 3,
                again: Some(when(240)),
                ..KnownPrimary::default()
            },
            KnownPrimary {
                address: "192.0.2.2:853".to_owned(),
                tls: Some("rzm".to_owned()),
                ..KnownPrimary::default()
            },
        ],
        refusals: vec![RefusedSerial {
            serial: 2_026_080_102,
            primary: PRIMARY.to_owned(),
            reason: refused.to_owned(),
            count: 2,
            again: when(120),
        }],
        ..root()
    };
    let text = told(vec![zone]);
    let expected = "1 zone: 1 NEEDING ATTENTION

zone .  serial 2026080101  served, NEEDS ATTENTION
  ATTENTION    2026080102 was refused
";
    assert!(text.starts_with(expected), "{text}");
    for line in [
        "  now          fetching 2026080102 from 192.0.2.2:853\n",
        "  primaries    192.0.2.1:53  1 h 0 min ago did NOT ANSWER: connection refused; failed 3 \
         times in a row; again in 4 min 0 s\n",
        "               192.0.2.2:853 tls rzm  not asked yet\n",
        "  refused      2026080102 of 192.0.2.1:53, 2 times, not again before in 2 min 0 s: ZONEMD \
         of serial 2026080102 disagrees with the records\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
}

#[test]
fn zones_are_counted_by_state_the_gravest_first() {
    let in_state = |state| KeptZone { state, ..root() };
    let text = told(vec![
        in_state(ZoneState::Served),
        in_state(ZoneState::Alarm),
        in_state(ZoneState::Served),
        in_state(ZoneState::Expired),
        in_state(ZoneState::Waiting),
    ]);
    let summary = "5 zones: 1 EXPIRED, 1 WAITING, 1 in ALARM, 2 served\n";
    assert!(text.starts_with(summary), "{text}");
    check(vec![], "no zones\n");
}

#[test]
fn a_zone_without_a_copy_says_what_it_waits_for() {
    let zone = KeptZone {
        name: "arpa.".to_owned(),
        attention: vec!["no primary answered yet".to_owned()],
        ..KeptZone::default()
    };
    check(
        vec![zone],
        "1 zone: 1 WAITING

zone arpa.  WAITING for its first good copy, queries get SERVFAIL
  ATTENTION    no primary answered yet
",
    );
}

#[test]
fn a_deadline_that_is_over_says_so() {
    let zone = KeptZone {
        state: ZoneState::Expired,
        expires: Some(when(-90)),
        ..root()
    };
    let text = told(vec![zone]);
    let line = "  expires      OVER: 1 min 30 s ago, at 2026-08-01T09:00:00Z (if no primary confirms it)\n";
    assert!(text.contains(line), "{text}");
}

#[test]
fn observers_and_secondaries_take_a_line_each() {
    let heard = |serial| Heard {
        address: "198.41.0.4:53".to_owned(),
        serial,
        when: Some(when(-30)),
    };
    let observers = |verdict| Observers {
        verdict,
        ahead: 1,
        serial: Some(2_026_080_103),
        since: Some(when(-5_400)),
        heard: vec![heard(Some(2_026_080_103)), heard(None)],
    };
    let secondary = |told, rcode: Option<&str>| KnownSecondary {
        address: "192.0.2.9:53".to_owned(),
        serial: Some(2_026_080_101),
        told,
        rcode: rcode.map(str::to_owned),
    };
    let zone = |verdict| KeptZone {
        observers: Some(observers(verdict)),
        secondaries: vec![
            secondary(Told::Told, None),
            secondary(Told::Told, Some("NOTAUTH")),
            secondary(Told::GaveUp, None),
            secondary(Told::Untold, None),
        ],
        ..root()
    };
    let text = told(vec![
        zone(Verdict::Stale),
        zone(Verdict::Level),
        zone(Verdict::Unknown),
        zone(Verdict::Ahead),
    ]);
    for line in [
        "  observers    STALE: 1 ahead with 2026080103 for 1 h 30 min; 1 of 2 heard\n",
        "  observers    nobody is ahead; 1 of 2 heard\n",
        "  observers    nobody is heard of; 1 of 2 heard\n",
        "  observers    1 ahead with 2026080103 for 1 h 30 min; 1 of 2 heard\n",
        "  told         192.0.2.9:53  2026080101\n",
        "               192.0.2.9:53  2026080101, it said NOTAUTH\n",
        "               192.0.2.9:53  2026080101, NO ANSWER\n",
        "               192.0.2.9:53  nothing yet\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
}

#[test]
fn what_happened_comes_last_and_only_lately() {
    let happening = |kind, reason: Option<&str>, took_ms| Happening {
        at: "2026-08-01T08:00:00Z".to_owned(),
        kind,
        serial: Some(2_026_080_101),
        source: Some(format!("AXFR from {PRIMARY}")),
        reason: reason.map(str::to_owned),
        took_ms,
    };
    let mut history = vec![
        happening(HappeningKind::Swapped, None, Some(412)),
        happening(
            HappeningKind::Refused,
            Some("com. DS is not validly signed"),
            None,
        ),
    ];
    history.resize(20, happening(HappeningKind::Broken, Some("cut off"), None));
    let stored = |serial, in_service| StoredVersion {
        serial,
        octets: 1_500_000,
        in_service,
        ..StoredVersion::default()
    };
    let counts = |name: &str, count| BTreeMap::from([(name.to_owned(), count)]);
    let zone = KeptZone {
        history,
        stored: vec![stored(2_026_080_101, true), stored(2_026_080_100, false)],
        counters: BTreeMap::from([
            ("notify-in".to_owned(), counts("heard", 3)),
            ("transfer-out".to_owned(), counts("axfr", 0)),
        ]),
        ..root()
    };
    let text = told(vec![zone]);
    let expected = "
  history      2026-08-01T08:00:00Z in service 2026080101, AXFR from 192.0.2.1:53 in 412 ms
               2026-08-01T08:00:00Z REFUSED 2026080101, AXFR from 192.0.2.1:53: com. DS is not validly signed
";
    assert!(text.contains(expected), "{text}");
    assert_eq!(text.matches("BROKEN").count(), 6, "{text}");
    let end = "
  stored       2 versions, 2930 KiB: 2026080101 (served), 2026080100
  notify in    heard 3
";
    assert!(text.ends_with(end), "{text}");
}

#[test]
fn a_refresh_says_what_came_of_it() {
    let zone = |name: &str, serial, result, reason: Option<&str>| RefreshedZone {
        name: name.to_owned(),
        serial,
        result,
        reason: reason.map(str::to_owned),
    };
    let reply = Reply::Refresh(Refreshed {
        health: Health::Degraded,
        zones: vec![
            zone(".", Some(2), RefreshResult::Swapped, None),
            zone(
                "arpa.",
                Some(1),
                RefreshResult::Refused,
                Some("ZONEMD is wrong"),
            ),
            zone(
                "net.",
                None,
                RefreshResult::Unanswered,
                Some("192.0.2.1:53: no route"),
            ),
            zone("org.", Some(7), RefreshResult::NotFetched, None),
        ],
    });
    assert_eq!(
        render(&reply),
        "zone .  serial 2 is new and in service
zone arpa.  serial 1 stays in service: what came was REFUSED: ZONEMD is wrong
zone net.  no copy: NO primary answered: 192.0.2.1:53: no route
zone org.  serial 7 is of a file; `imrs ctl reload` loads it anew
the server is DEGRADED
"
    );
}

#[test]
fn requests_and_replies_keep_their_form() {
    let request = |command| {
        serde_json::to_string(&Request {
            schema: SCHEMA.to_owned(),
            command,
        })
        .unwrap()
    };
    let check = |command: Command, rest: &str| {
        let text = request(command.clone());
        assert_eq!(text, format!("{{\"schema\":\"imrs.control/1\",{rest}}}"));
        let read: Request = serde_json::from_str(&text).unwrap();
        assert_eq!(read.command, command);
    };
    check(Command::Status, "\"command\":\"status\"");
    check(Command::Zones { zone: None }, "\"command\":\"zones\"");
    let zone = || ".".to_owned();
    check(
        Command::Refresh { zone: Some(zone()) },
        "\"command\":\"refresh\",\"zone\":\".\"",
    );
    check(
        Command::Accept {
            zone: zone(),
            serial: 7,
        },
        "\"command\":\"accept\",\"zone\":\".\",\"serial\":7",
    );

    let reply = Reply::Zones(Zones {
        health: Health::Well,
        now: "2026-08-01T09:00:00Z".to_owned(),
        zones: vec![root()],
    });
    let text = serde_json::to_string(&Message {
        schema: SCHEMA.to_owned(),
        reply: reply.clone(),
    });
    let read: Message = serde_json::from_str(&text.unwrap()).unwrap();
    assert_eq!(read.reply, reply);
}
