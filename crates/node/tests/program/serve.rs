//! The real program serves, reloads, tells and stops.

use super::support::{Server, TestRoot, imrs, text_of, with_a_ds_digit_changed};
use std::fs::File;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::Duration;

const NS: u16 = 2;
const SOA: u16 = 6;

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn without_zones_a_test_root_answers_on_loopback() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    assert_eq!(server.query(&[], NS).0, 0);
    assert_eq!(server.query(&["nosuch-name-here"], NS).0, 3);
    let (text, exit) = server.ctl(&["status", "--output", "json"]);
    assert_eq!(exit, 0);
    let status = json(&text);
    assert_eq!(status["schema"], "imrs.control/1");
    assert_eq!(status["kind"], "status");
    assert_eq!(status["health"], "well");
    assert_eq!(status["time"]["is_present"], true);
    let names: Vec<_> = status["zones"]
        .as_array()
        .unwrap()
        .iter()
        .map(|z| &z["name"])
        .collect();
    assert_eq!(names, [".", "arpa.", "root-servers.net."]);
    // The root's word on arpa makes it a signed zone; nothing vouches for root-servers.net.
    assert!(status["zones"][1]["proof"]["signatures"].as_u64().unwrap() > 0);
    assert_eq!(status["zones"][2]["proof"]["signatures"], 0);
}

#[test]
fn a_stop_signal_ends_it_well_and_takes_the_socket_away() {
    for signal in ["TERM", "INT"] {
        let root = TestRoot::new(1);
        let server = root.serve(&[]);
        let socket = server.socket().to_owned();
        assert!(socket.exists());
        server.signal(signal);
        server.wait_for_log("stopped");
        assert_eq!(server.wait(), 0);
        assert!(!socket.exists());
    }
}

#[test]
fn a_good_new_file_is_served_after_a_reload() {
    let root = TestRoot::new(10);
    let server = root.serve(&[]);
    assert_eq!(server.serial(), 10);
    root.put(&text_of(11));
    server.signal("HUP");
    server.wait_for_log("serial 11, ");
    assert_eq!(server.serial(), 11);
    root.put(&text_of(12));
    let (text, exit) = server.ctl(&["reload"]);
    assert_eq!(exit, 0);
    assert!(text.contains("zone .  serial 12 in service"), "{text}");
    assert_eq!(server.serial(), 12);
    let (text, _) = server.ctl(&["reload", "--output", "json"]);
    assert_eq!(json(&text)["zones"][0]["result"], "unchanged");
}

#[test]
fn a_bad_new_file_leaves_the_zone_in_service_and_status_says_why() {
    let root = TestRoot::new(10);
    let server = root.serve(&[]);
    let next = text_of(11);
    for (bad, why) in [
        ("nonsense\n".to_owned(), "root.zone:1:"),
        (
            with_a_ds_digit_changed(&next, ""),
            "DS is not validly signed",
        ),
        (
            next.lines()
                .filter(|line| !line.contains(" ZONEMD "))
                .fold(String::new(), |text, line| text + line + "\n"),
            "ZONEMD",
        ),
        (text_of(9), "serial 9 is older than 10"),
        (String::new(), "no SOA record"),
    ] {
        root.put(&bad);
        let (text, exit) = server.ctl(&["reload", "--output", "json"]);
        assert_eq!(exit, 3, "{text}");
        assert_eq!(json(&text)["zones"][0]["result"], "refused");
        server.wait_for_log("refused, serial 10 stays in service");
        let (text, exit) = server.ctl(&["status", "--output", "json"]);
        assert_eq!(exit, 3, "{text}");
        let zone = &json(&text)["zones"][0];
        assert_eq!(zone["serial"], 10);
        assert_eq!(zone["served"], true);
        let reason = zone["last_attempt"]["reason"].as_str().unwrap().to_owned();
        assert!(reason.contains(why), "{why}: {reason}");
        assert_eq!(server.serial(), 10);
    }
    root.put(&next);
    assert_eq!(server.ctl(&["reload"]).1, 0);
    assert_eq!(server.ctl(&["status"]).1, 0);
    assert_eq!(server.serial(), 11);
}

#[test]
fn no_query_is_lost_while_zones_are_loaded() {
    let root = TestRoot::new(10);
    let server = root.serve(&[]);
    let socket = server.socket().to_str().unwrap().to_owned();
    let texts: Vec<String> = (11..16).map(text_of).collect();
    std::thread::scope(|scope| {
        let reloads = scope.spawn(|| {
            for text in &texts {
                root.put(text);
                let reload = imrs(&["ctl", "reload", "--socket", &socket]);
                assert_eq!(reload.status.code(), Some(0), "{reload:?}");
            }
        });
        let mut last = 10;
        while !reloads.is_finished() {
            let serial = server.serial();
            assert!(serial >= last, "{serial} after {last}");
            last = serial;
        }
    });
    assert_eq!(server.serial(), 15);
}

#[test]
fn the_log_can_be_json() {
    let folder = tempfile::tempdir().unwrap();
    let zone = folder.path().join("absent.zone");
    let zone = zone.to_str().unwrap();
    let args = [
        "serve",
        "--log",
        "json",
        "--zone",
        zone,
        "--at",
        "2026-08-01T09:00:00Z",
    ];
    let (log, exit) = super::support::failure(&args);
    assert_eq!(exit, 1);
    let line = json(log.lines().next().unwrap());
    assert_eq!(line["level"], "WARN");
    assert!(
        line["message"]
            .as_str()
            .unwrap()
            .contains("NOT the present"),
        "{log}"
    );
}

#[test]
fn a_child_is_judged_by_its_hosted_parent() {
    let root = TestRoot::new(10);
    let arpa = root.path("arpa.zone");
    // Named before its parent all the same.
    let (zone, anchors) = (root.path("root.zone"), root.path("anchors.ds"));
    let args = ["--zone", &arpa, "--zone", &zone, "--anchors", &anchors];
    let server = Server::start(root.folder.path(), &args);
    assert_eq!(server.query(&["arpa"], SOA).0, 0);
    drop(server);
    let text = super::support::read_text(&arpa);
    std::fs::write(&arpa, with_a_ds_digit_changed(&text, "")).unwrap();
    let all = [&["serve", "--listen", "127.0.0.1:0"][..], &args[..]].concat();
    let (error, exit) = super::support::failure(&all);
    assert_eq!(exit, 1, "{error}");
    assert!(
        error.contains("zone arpa. of serial 10 is not proven: "),
        "{error}"
    );
}

#[test]
fn a_child_stays_under_its_parent_when_both_files_change() {
    let root = TestRoot::new(10);
    let arpa = root.path("arpa.zone");
    let server = root.serve(&["--zone", &arpa]);
    let good = super::support::read_text(&arpa);
    std::fs::write(&arpa, "nonsense\n").unwrap();
    root.put(&text_of(11));
    assert_eq!(server.ctl(&["reload"]).1, 3);
    assert_eq!(server.serial(), 11);
    // The new parent still vouches for the child, which is judged by its signatures.
    std::fs::write(&arpa, with_a_ds_digit_changed(&good, "")).unwrap();
    let (text, exit) = server.ctl(&["reload"]);
    assert_eq!(exit, 3, "{text}");
    assert!(text.contains("DS is not validly signed"), "{text}");
    std::fs::write(&arpa, good).unwrap();
    assert_eq!(server.ctl(&["reload"]).1, 0);
}

#[test]
fn a_stalled_control_client_keeps_nobody_from_anything() {
    let root = TestRoot::new(10);
    let server = root.serve(&[]);
    let mut stalled = UnixStream::connect(server.socket()).unwrap();
    stalled.write_all(b"{\"schema\"").unwrap();
    assert_eq!(server.query(&[], SOA).0, 0);
    assert_eq!(server.ctl(&["status"]).1, 0);
    assert_eq!(server.ctl(&["reload"]).1, 0);
    drop(stalled);
}

#[test]
fn stats_count_what_was_asked() {
    let root = TestRoot::new(10);
    let server = root.serve(&[]);
    for _ in 0..3 {
        server.query(&[], SOA);
    }
    server.query(&["nosuch-name-here"], SOA);
    let (text, exit) = server.ctl(&["stats", "--output", "json"]);
    assert_eq!(exit, 0);
    let counted = &json(&text)["messages"]["udp-ipv4"];
    assert_eq!(counted["received"], 4);
    assert_eq!(counted["kinds"]["answer"], 3);
    assert_eq!(counted["kinds"]["nxdomain"], 1);
    assert_eq!(counted["rcodes"]["3"], 1);
    assert!(server.ctl(&["stats"]).0.contains("udp-ipv4"));
}

#[test]
fn a_fixed_time_is_told_in_log_and_status() {
    let root = TestRoot::new(10);
    let now = jiff::Timestamp::now().to_string();
    let zone = root.path("root.zone");
    let anchors = root.path("anchors.ds");
    let args = ["--zone", &zone, "--anchors", &anchors, "--at", &now];
    let server = Server::start(root.folder.path(), &args);
    let (text, exit) = server.ctl(&["status"]);
    assert_eq!(exit, 0);
    assert!(text.contains("standing still: NOT the present"), "{text}");
}

#[test]
fn a_configuration_is_served_and_options_win_over_it() {
    let root = TestRoot::new(10);
    let config = root.path("imrs.toml");
    let text = "[node]\nlisten = [\"127.0.0.1:1\"]\nidentity = \"aa01-ke-nbo\"\n\
                [[zone]]\nname = \".\"\nfile = \"root.zone\"\nanchors = \"anchors.ds\"\n";
    std::fs::write(&config, text).unwrap();
    let server = Server::start(root.folder.path(), &["--config", &config]);
    assert_ne!(server.address.port(), 1);
    assert_eq!(server.serial(), 10);
    assert!(server.pid() > 0);
}

#[test]
fn a_log_that_cannot_be_written_ends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("control.sock");
    let mut child = Command::new(env!("CARGO_BIN_EXE_imrs"))
        .args(["serve", "--listen", "127.0.0.1:0", "--workers", "1"])
        .arg("--control")
        .arg(&socket)
        .stderr(File::create("/dev/full").unwrap())
        .spawn()
        .unwrap();
    let ask = ["ctl", "status", "--socket", socket.to_str().unwrap()];
    let ended = loop {
        let ended = child.try_wait().unwrap();
        if ended.is_some() || imrs(&ask).status.success() {
            break ended;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    let _ = child.kill();
    let _ = child.wait();
    assert_eq!(ended, None);
}
