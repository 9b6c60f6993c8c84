//! The templates for routers, with a real node as their neighbor.

use crate::bed::{Bed, CONFIG, V4, V6, Wisher, both, open_folder, wait_until};
use imrs_fleet::anycast::Stand;
use std::fs;
use std::path::Path;
use std::process::Command;

const BIRD: &str = include_str!("../../../../packaging/bird/site-router.conf");
const FRR: &str = include_str!("../../../../packaging/frr/site-router.conf");

/// With BFD, and without a password.
fn config() -> String {
    let config = CONFIG.replace("bfd = false", "");
    config.replace("password-file = \"password\"", "")
}

/// Follows a node through all its stands; `routes` shows what the router makes of both families.
fn follow(bed: &Bed, routes: impl Fn() -> String) {
    let wisher = Wisher::start(bed, both(Stand::Announced));
    for prefix in [V4, V6] {
        let has_hop = || bed.host_route(prefix).contains(" via ").then_some(());
        wait_until("the kernel's route", has_hop);
    }
    bed.wait_for_report("BFD", |report| {
        let mut neighbors = report.neighbors.iter();
        neighbors.all(|neighbor| neighbor.bfd.as_deref() == Some("up"))
    });
    let is_usual = || !routes().contains("preference 0");
    assert!(is_usual(), "{}", routes());
    wisher.say(both(Stand::Leaving));
    let is_last_resort = || routes().matches("preference 0").count() == 2;
    wait_until("the last resort", || is_last_resort().then_some(()));
    // Where there is no other, it is used.
    let is_used = || bed.host_route(V4).contains(" via 203.0.113.10 ");
    wait_until("its use", || is_used().then_some(()));
    drop(wisher);
    for prefix in [V4, V6] {
        let is_gone = || bed.host_route(prefix).is_empty().then_some(());
        wait_until("the end of the kernel's route", is_gone);
    }
}

#[test]
fn a_router_by_the_template_of_bird_follows_a_node() {
    let Some(mut bed) = Bed::with_router(&config(), BIRD) else {
        return;
    };
    bed.start_node();
    let control = bed.path("router.ctl");
    follow(&bed, || {
        let mut run = Command::new("birdc");
        run.arg("-s").arg(&control).args(["show", "route", "all"]);
        let said = String::from_utf8(run.output().unwrap().stdout).unwrap();
        said.replace("BGP.local_pref: 0", "preference 0")
    });
}

/// Where Debian has the daemons of FRR.
const FRR_FOLDER: &str = "/usr/lib/frr";

#[test]
fn a_router_by_the_template_of_frr_follows_a_node() {
    let Some(mut bed) = Bed::bare(&config()) else {
        return;
    };
    if !Path::new(FRR_FOLDER).join("bgpd").exists() {
        eprintln!("skipped: there is no FRR here (package frr)");
        return;
    }
    let folder = open_folder();
    let place = |name: &str| folder.path().join(name);
    fs::write(place("bgpd.conf"), FRR).unwrap();
    fs::write(place("none.conf"), "").unwrap();
    for (daemon, config) in [
        ("zebra", "none.conf"),
        ("bfdd", "none.conf"),
        ("bgpd", "bgpd.conf"),
    ] {
        let mut command = Command::new(Path::new(FRR_FOLDER).join(daemon));
        command.arg("-f").arg(place(config));
        command.arg("-i").arg(place(&format!("{daemon}.pid")));
        command.arg("-z").arg(place("zserv.api"));
        command.arg("--vty_socket").arg(folder.path());
        if daemon == "bfdd" {
            command.arg("--bfdctl").arg(place("bfdd.sock"));
        }
        bed.start_router(&command);
        let socket = place(&format!("{daemon}.vty"));
        wait_until(daemon, || socket.exists().then_some(()));
    }
    bed.start_node();
    follow(&bed, || {
        let mut run = Command::new("vtysh");
        run.arg("--vty_socket").arg(folder.path());
        for (family, prefix) in [("ipv4", V4), ("ipv6", V6)] {
            run.args(["-c", &format!("show bgp {family} unicast {prefix}")]);
        }
        let said = String::from_utf8(run.output().unwrap().stdout).unwrap();
        said.replace("localpref 0", "preference 0")
    });
}
