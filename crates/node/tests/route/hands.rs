//! What somebody does to BIRD by hand is undone, and what cannot be configured is withdrawn still.

use crate::bed::{Bed, CONFIG, Wisher, both};
use imrs_fleet::anycast::Stand;
use imrs_node::route::v1;
use std::fs;

#[test]
fn what_is_done_to_bird_by_hand_is_repaired() {
    let Some(bed) = Bed::running(CONFIG) else {
        return;
    };
    let _wisher = Wisher::start(&bed, both(Stand::Announced));
    bed.wait_until_heard(Some(("64500", "")));
    for (command, expected) in [
        ("configure", "Reconf"),
        ("disable n_host_a", "disabled"),
        ("disable imrs_keeper", "disabled"),
        ("disable all", "disabled"),
        ("restart n_host_b", "restarted"),
    ] {
        let said = bed.birdc(command);
        assert!(said.contains(expected), "{command}: {said}");
        bed.wait_for_report(command, |report| {
            report.trouble.is_none()
                && report.ipv4 == v1::Stand::Announced
                && report
                    .neighbors
                    .iter()
                    .all(|neighbor| neighbor.exported == 1)
        });
        bed.wait_until_heard(Some(("64500", "")));
    }
}

#[test]
fn what_cannot_be_configured_leaves_the_old_and_is_withdrawn_nevertheless() {
    let Some(bed) = Bed::running(CONFIG) else {
        return;
    };
    let wisher = Wisher::start(&bed, both(Stand::Announced));
    bed.wait_until_heard(Some(("64500", "")));
    let file = bed.path("run/announced.conf");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    wisher.say(both(Stand::Leaving));
    let report = bed.wait_for_report("trouble", |report| report.trouble.is_some());
    let trouble = report.trouble.unwrap();
    assert!(trouble.contains("cannot write what BIRD"), "{trouble}");
    // It is what is in force, not what is wished.
    assert_eq!(report.ipv4, v1::Stand::Announced);
    bed.wait_until_heard(Some(("64500", "")));
    wisher.say(both(Stand::Withdrawn));
    bed.wait_until_heard(None);
    wisher.say(both(Stand::Leaving));
    fs::remove_dir(&file).unwrap();
    bed.wait_until_heard(Some(("64500", "(65535,0)")));
    bed.wait_for_report("the end of trouble", |report| report.trouble.is_none());
}

#[test]
fn a_configuration_of_somebody_else_is_replaced() {
    let Some(bed) = Bed::running(CONFIG) else {
        return;
    };
    let _wisher = Wisher::start(&bed, both(Stand::Announced));
    bed.wait_until_heard(Some(("64500", "")));
    let file = bed.path("other.conf");
    fs::write(&file, "router id 203.0.113.10; protocol device { }").unwrap();
    let said = bed.birdc(&format!("configure \"{}\"", file.display()));
    assert!(said.contains("Reconf"), "{said}");
    bed.wait_until_heard(Some(("64500", "")));
    bed.wait_for_report("its own", |report| {
        report.trouble.is_none() && report.ipv6 == v1::Stand::Announced
    });
}
