//! What is wished is what the router hears.

use crate::bed::{Bed, CONFIG, V4, V6, Wisher, both};
use imrs_fleet::anycast::{Policy, Scope, Stand, Wish};
use imrs_node::route::v1;
use imrs_wire::Both;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

#[test]
fn both_families_are_announced_left_and_withdrawn_to_a_router_with_bfd() {
    let Some(bed) = Bed::running(&CONFIG.replace("bfd = false", "")) else {
        return;
    };
    bed.wait_until_heard(None);
    let wisher = Wisher::start(&bed, both(Stand::Announced));
    bed.wait_until_heard(Some(("64500", "")));
    let report = bed.wait_for_report("BFD", |report| {
        let mut neighbors = report.neighbors.iter();
        neighbors.all(|neighbor| neighbor.bfd.as_deref() == Some("up") && neighbor.exported == 1)
    });
    assert_eq!(report.bird, v1::Bird::Up);
    assert_eq!(report.ipv4, v1::Stand::Announced);
    assert_eq!(report.trouble, None);
    wisher.say(both(Stand::Leaving));
    bed.wait_until_heard(Some(("64500", "(65535,0)")));
    wisher.say(both(Stand::Withdrawn));
    bed.wait_until_heard(None);
}

#[test]
fn a_report_answers_the_wish_that_it_replies_to() {
    let Some(bed) = Bed::running(CONFIG) else {
        return;
    };
    let mut link = bed.link().unwrap();
    for stand in [
        Stand::Announced,
        Stand::Leaving,
        Stand::Withdrawn,
        Stand::Announced,
    ] {
        let report = link.say(&both(stand)).unwrap();
        assert_eq!(report.ipv4, stand.into());
        assert_eq!(report.ipv6, stand.into());
        for neighbor in report.neighbors {
            assert_eq!(neighbor.stand, stand.into());
            assert_eq!(neighbor.exported, u64::from(stand != Stand::Withdrawn));
        }
    }
}

#[test]
fn a_family_or_a_neighbor_can_be_withdrawn_alone() {
    let Some(bed) = Bed::running(CONFIG) else {
        return;
    };
    let v6_only = Both {
        v4: Stand::Withdrawn,
        v6: Stand::Announced,
    };
    let wisher = Wisher::start(
        &bed,
        Wish {
            stands: v6_only,
            ..Wish::default()
        },
    );
    bed.wait_until_heard_of(V6, Some(("64500", "")));
    bed.wait_until_heard_of(V4, None);
    let policy = Policy {
        withdrawn: Both {
            v4: false,
            v6: true,
        },
        ..Policy::default()
    };
    wisher.say(Wish {
        neighbors: [("host-b".to_owned(), policy)].into(),
        ..both(Stand::Announced)
    });
    bed.wait_until_heard_of(V6, None);
    bed.wait_until_heard_of(V4, Some(("64500", "")));
}

#[test]
fn a_neighbor_hears_of_its_prepends_and_how_far_the_prefix_may_travel() {
    let Some(bed) = Bed::running(CONFIG) else {
        return;
    };
    let policy = |prepend, scope| Policy {
        prepend: Some(prepend),
        scope: Some(scope),
        ..Policy::default()
    };
    let neighbors = [
        ("host-a".to_owned(), policy(2, Scope::NoExport)),
        ("host-b".to_owned(), policy(1, Scope::NoAdvertise)),
    ];
    let _wisher = Wisher::start(
        &bed,
        Wish {
            neighbors: neighbors.into(),
            ..both(Stand::Leaving)
        },
    );
    bed.wait_until_heard_of(V4, Some(("64500 64500 64500", "(65535,0) (65535,65281)")));
    bed.wait_until_heard_of(V6, Some(("64500 64500", "(65535,0) (65535,65282)")));
}

#[test]
fn of_two_clients_the_greater_wish_holds_and_each_ends_alone() {
    let Some(bed) = Bed::running(CONFIG) else {
        return;
    };
    let greater = Wisher::start(&bed, both(Stand::Announced));
    bed.wait_until_heard(Some(("64500", "")));
    let _lesser = Wisher::start(&bed, both(Stand::Leaving));
    let mut third = bed.link().unwrap();
    let report = third.say(&both(Stand::Withdrawn)).unwrap();
    assert_eq!(report.ipv4, v1::Stand::Announced);
    drop(third);
    drop(greater);
    bed.wait_until_heard(Some(("64500", "(65535,0)")));
}

#[test]
fn a_wish_that_is_not_said_again_runs_out() {
    let Some(bed) = Bed::running(CONFIG) else {
        return;
    };
    let mut link = bed.link().unwrap();
    link.say(&both(Stand::Announced)).unwrap();
    bed.wait_for_report("the end of the wish", |report| {
        report.ipv4 == v1::Stand::Withdrawn
    });
    bed.wait_until_heard(None);
    // The connection was there all the time.
    link.say(&both(Stand::Announced)).unwrap();
}

#[test]
fn what_is_not_understood_is_refused_and_harms_nobody() {
    let Some(bed) = Bed::running(CONFIG) else {
        return;
    };
    let _wisher = Wisher::start(&bed, both(Stand::Announced));
    bed.wait_until_heard(Some(("64500", "")));
    let ask = |octets: &[u8]| {
        let mut stream = UnixStream::connect(bed.path("run/route.sock")).unwrap();
        // It may have had enough before all is written.
        let _ = stream.write_all(octets);
        let _ = stream.shutdown(Shutdown::Write);
        let mut reply = String::new();
        let _ = stream.read_to_string(&mut reply);
        reply
    };
    let wish = |rest: &str| {
        let line =
            "{\"schema\":\"imrs.route/1\",\"wish\":{\"ipv4\":\"withdrawn\",\"ipv6\":\"withdrawn\",";
        format!("{line}{rest}}}}}\n")
    };
    for (line, expected) in [
        ("hello\n", "the request is not of imrs.route/1"),
        (
            "{\"schema\":\"imrs.route/9\",\"show\":{}}\n",
            "imrs.route/9",
        ),
        (
            "{\"schema\":\"imrs.route/1\",\"fly\":{}}\n",
            "the request is not of imrs.route/1",
        ),
        (&wish("\"ttl_ms\":10001"), "10000 at most"),
        (&wish("\"ttl_ms\":-1"), "invalid value"),
        (
            &wish("\"ttl_ms\":1,\"neighbors\":{\"host-a\":{\"prepend\":11}}"),
            "10 at most",
        ),
        (&"[".repeat(5000), ""),
        (&"x".repeat(20_000), "a line of more than 16384 octets"),
    ] {
        let reply = ask(line.as_bytes());
        assert!(reply.contains(expected), "{line:.80}: {reply}");
    }
    ask(&[0xff; 1000]);
    let report = bed.report().unwrap();
    assert_eq!(report.ipv4, v1::Stand::Announced);
    bed.wait_until_heard(Some(("64500", "")));
}
