//! Settings that are read again go on trial.

use crate::bed::{Bed, CONFIG, V4, Wisher, both};
use imrs_fleet::anycast::Stand;
use imrs_node::route::v1;
use std::fs;

#[test]
fn settings_that_lose_a_session_are_undone_and_better_ones_are_used() {
    let Some(bed) = Bed::running(CONFIG) else {
        return;
    };
    let _wisher = Wisher::start(&bed, both(Stand::Announced));
    bed.wait_until_heard(Some(("64500", "")));
    fs::write(bed.path("password"), "another\n").unwrap();
    bed.signal_keeper("HUP");
    bed.wait_for_report("the trial", |report| report.pending.is_some());
    let trouble = judged_now(&bed).unwrap();
    let expected = "the new settings are not in use, the old ones are: the session with host-a did \
                    not come back in 5 s";
    assert_eq!(trouble, expected);
    bed.wait_until_heard(Some(("64500", "")));

    fs::write(bed.path("password"), "s3c;ret}\n").unwrap();
    bed.configure(
        "source = \"203.0.113.10\"",
        "source = \"203.0.113.10\"\nprepend = 2",
    );
    bed.signal_keeper("HUP");
    bed.wait_until_heard_of(V4, Some(("64500 64500 64500", "")));
    bed.wait_for_report("their use", |report| {
        report.pending.is_none() && report.trouble.is_none()
    });
    let start = fs::read_to_string(bed.path("run/announced.conf")).unwrap();
    assert!(start.contains("bgp_path.prepend(64500);"), "{start}");
}

/// What is said once no trial is open.
fn judged_now(bed: &Bed) -> Option<String> {
    let report = bed.wait_for_report("the end of the trial", |report| report.pending.is_none());
    report.trouble
}

#[test]
fn a_wish_that_changes_ends_the_trial() {
    let Some(bed) = Bed::running(CONFIG) else {
        return;
    };
    let wisher = Wisher::start(&bed, both(Stand::Announced));
    bed.wait_until_heard(Some(("64500", "")));
    bed.configure("trial-seconds = 5", "trial-seconds = 600");
    fs::write(bed.path("password"), "another\n").unwrap();
    bed.signal_keeper("HUP");
    bed.wait_for_report("the trial", |report| report.pending.is_some());
    wisher.say(both(Stand::Leaving));
    bed.wait_until_heard(Some(("64500", "(65535,0)")));
    let trouble = judged_now(&bed).unwrap();
    assert!(trouble.contains("what is wished changed"), "{trouble}");
}

#[test]
fn settings_that_cannot_be_read_change_nothing_and_are_told_of() {
    let Some(bed) = Bed::running(CONFIG) else {
        return;
    };
    let _wisher = Wisher::start(&bed, both(Stand::Announced));
    bed.wait_until_heard(Some(("64500", "")));
    for (from, to, expected) in [
        ("asn = 64500", "asn = 0", "AS number 0 is nobody's"),
        ("asn = 0", "asn = 64500", ""),
        (
            "folder = \"run\"",
            "folder = \"other\"",
            "change with a restart",
        ),
        ("folder = \"other\"", "folder = \"run\"", ""),
    ] {
        bed.configure(from, to);
        bed.signal_keeper("HUP");
        bed.wait_for_report(to, |report| match &report.trouble {
            Some(trouble) => !expected.is_empty() && trouble.contains(expected),
            None => expected.is_empty(),
        });
        bed.wait_until_heard(Some(("64500", "")));
    }
}

#[test]
fn another_prefix_or_neighbor_is_taken_up_while_the_others_stay() {
    let more = CONFIG.replace(
        "\"192.0.2.53:53\"",
        "\"192.0.2.53:53\", \"198.51.100.53:53\"",
    );
    let Some(bed) = Bed::running(&more) else {
        return;
    };
    let _wisher = Wisher::start(&bed, both(Stand::Announced));
    bed.wait_until_heard(Some(("64500", "")));
    bed.configure("[\"192.0.2.53\",", "[\"192.0.2.53\", \"198.51.100.53\",");
    bed.configure(
        "[\"192.0.2.0/24\",",
        "[\"192.0.2.0/24\", \"198.51.100.0/24\",",
    );
    bed.signal_keeper("HUP");
    bed.wait_until_heard_of("198.51.100.0/24", Some(("64500", "")));
    bed.wait_until_heard(Some(("64500", "")));
    bed.wait_for_report("their use", |report| {
        let [a, b] = report.neighbors.as_slice() else {
            return false;
        };
        report.pending.is_none()
            && report.trouble.is_none()
            && report.ipv4 == v1::Stand::Announced
            && (a.exported, b.exported) == (2, 1)
    });
}
