//! The keeper as a service, and its commands.

use crate::bed::{Bed, CONFIG, Wisher, both, wait_until};
use imrs_fleet::anycast::Stand;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

#[test]
fn it_is_ready_with_its_socket_and_files_and_feeds_the_watchdog() {
    let Some(mut bed) = Bed::made(CONFIG) else {
        return;
    };
    let manager = UnixDatagram::bind(bed.path("notify")).unwrap();
    manager
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let mut keeper = bed.keeper_command(&[]);
    keeper
        .env("NOTIFY_SOCKET", bed.path("notify"))
        .env("WATCHDOG_USEC", "300000")
        .env_remove("WATCHDOG_PID");
    bed.start_keeper_by(&keeper);
    let said = || {
        let mut text = [0; 256];
        let count = manager.recv(&mut text).unwrap();
        String::from_utf8_lossy(&text[..count]).trim().to_owned()
    };
    assert_eq!(said(), "READY=1");
    for (name, mode) in [("run/bird.conf", 0o640), ("run/route.sock", 0o660)] {
        let metadata = std::fs::metadata(bed.path(name)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, mode, "{name}");
    }
    assert_eq!(said(), "WATCHDOG=1");
    assert_eq!(said(), "WATCHDOG=1");
    bed.signal_keeper("TERM");
    wait_until("its end", || (said() == "STOPPING=1").then_some(()));
    assert_eq!(bed.keeper_end(), Some(0));
}

#[test]
fn service_addresses_are_put_on_the_interface_and_stay_there() {
    let Some(mut bed) =
        Bed::made(&CONFIG.replace("asn = 64500", "asn = 64500\ninterface = \"lo\""))
    else {
        return;
    };
    bed.start_keeper();
    let shown = || bed.node_ip("address show dev lo");
    let has_both = || {
        let text = shown();
        text.contains("192.0.2.53/32") && text.contains("2001:db8:53::53/128")
    };
    wait_until("the addresses", || has_both().then_some(()));
    bed.node_ip("address delete 192.0.2.53/32 dev lo");
    wait_until("the address once more", || has_both().then_some(()));
    bed.kill_keeper();
    let text = bed.node_ip("address show dev lo");
    assert!(text.contains("192.0.2.53/32"), "{text}");
}

#[test]
fn its_commands_tell_how_things_are_and_hide_passwords() {
    let Some(mut bed) = Bed::running(CONFIG) else {
        return;
    };
    let _wisher = Wisher::start(&bed, both(Stand::Announced));
    bed.wait_until_heard(Some(("64500", "")));
    let text = |args: &[&str], code: i32| {
        let run = bed.route(args);
        assert_eq!(run.status.code(), Some(code), "{args:?}: {run:?}");
        String::from_utf8(run.stdout).unwrap()
    };
    let shown = text(&["show"], 0);
    assert!(shown.contains("IPv4  announced"), "{shown}");
    assert!(shown.contains("host-a  203.0.113.1 AS64510"), "{shown}");
    let shown = text(&["show", "--output", "json"], 0);
    let told: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(told["schema"], "imrs.route/1");
    assert_eq!(told["report"]["ipv6"], "announced");
    for (args, accepts) in [(&["config"][..], 2), (&["config", "--announced"], 4)] {
        let conf = text(args, 0);
        assert_eq!(conf.matches("accept;").count(), accepts, "{conf}");
        assert!(conf.contains("password \"(hidden)\";"), "{conf}");
        assert!(!conf.contains("s3c"), "{conf}");
    }
    // A second keeper leaves the first alone.
    let second = bed.route(&[]);
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(1));
    assert!(said.contains("another keeper has"), "{said}");
    bed.wait_until_heard(Some(("64500", "")));
    bed.kill_keeper();
    let gone = bed.route(&["show"]);
    assert_eq!(gone.status.code(), Some(1));
    bed.kill_bird();
    let run = bed.route(&["withdraw"]);
    let said = String::from_utf8(run.stdout).unwrap();
    assert!(said.contains("BIRD does not run"), "{said}");
}
