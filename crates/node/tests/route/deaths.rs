//! Whoever dies, nothing is announced that nobody wishes.

use crate::bed::{Bed, CONFIG, Wisher, both};
use imrs_fleet::anycast::Stand;
use imrs_node::route::v1;

#[test]
fn a_client_that_is_gone_takes_its_wish_with_it() {
    let Some(bed) = Bed::running(CONFIG) else {
        return;
    };
    let wisher = Wisher::start(&bed, both(Stand::Announced));
    bed.wait_until_heard(Some(("64500", "")));
    drop(wisher);
    bed.wait_until_heard(None);
}

#[test]
fn a_keeper_that_is_killed_takes_the_routes_with_it_and_its_successor_brings_them_back() {
    let Some(mut bed) = Bed::running(CONFIG) else {
        return;
    };
    let _wisher = Wisher::start(&bed, both(Stand::Announced));
    bed.wait_until_heard(Some(("64500", "")));
    bed.kill_keeper();
    bed.wait_until_heard(None);
    let withdrawn = bed.route(&["withdraw"]);
    let said = String::from_utf8(withdrawn.stdout).unwrap();
    assert!(said.contains("BIRD announces nothing"), "{said}");
    bed.start_keeper();
    bed.wait_until_heard(Some(("64500", "")));
}

#[test]
fn a_keeper_that_hangs_keeps_nothing_announced() {
    let Some(bed) = Bed::running(CONFIG) else {
        return;
    };
    let _wisher = Wisher::start(&bed, both(Stand::Announced));
    bed.wait_until_heard(Some(("64500", "")));
    bed.signal_keeper("STOP");
    bed.wait_until_heard(None);
    bed.signal_keeper("CONT");
    bed.wait_until_heard(Some(("64500", "")));
}

#[test]
fn a_keeper_that_is_told_to_end_withdraws_first() {
    let Some(mut bed) = Bed::running(CONFIG) else {
        return;
    };
    let _wisher = Wisher::start(&bed, both(Stand::Announced));
    bed.wait_until_heard(Some(("64500", "")));
    bed.signal_keeper("TERM");
    assert_eq!(bed.keeper_end(), Some(0));
    bed.wait_until_heard(None);
    // The configuration says so too, whoever may tell BIRD of the prefixes.
    let filter = bed.birdc("show protocols all imrs_keeper");
    assert!(filter.contains("imrs_keeper"), "{filter}");
    assert!(!bed.path("run/route.sock").exists());
}

#[test]
fn a_bird_that_is_killed_comes_up_withdrawn_and_is_told_again() {
    let Some(mut bed) = Bed::running(CONFIG) else {
        return;
    };
    let wisher = Wisher::start(&bed, both(Stand::Announced));
    bed.wait_until_heard(Some(("64500", "")));
    bed.kill_bird();
    bed.wait_until_heard(None);
    let report = bed.wait_for_report("the death of BIRD", |report| report.bird == v1::Bird::Down);
    assert_eq!(report.ipv4, v1::Stand::Withdrawn);
    assert!(report.trouble.unwrap().contains("BIRD does not answer"));
    bed.start_bird();
    bed.wait_until_heard(Some(("64500", "")));

    // Without a keeper it stays as it came up.
    drop(wisher);
    bed.kill_keeper();
    bed.kill_bird();
    bed.start_bird();
    let established = || {
        let said = bed.birdc("show protocols");
        said.matches("Established").count() == 2
    };
    crate::bed::wait_until("sessions of BIRD alone", || established().then_some(()));
    bed.wait_until_heard(None);
}
