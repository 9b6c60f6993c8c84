//! A running server is watched: once, line by line, and on a terminal.

use super::super::support::{Server, imrs};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::tcgetattr;
use serde_json::Value;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

fn socket(folder: &Path) -> String {
    folder.join("control.sock").to_str().unwrap().to_owned()
}

/// Asks a server again and again while it is measured.
fn while_asked<T>(server: &Server, measure: impl FnOnce() -> T) -> T {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Relaxed) {
                server.query(&["no-such-domain"], 1);
            }
        });
        let measured = measure();
        is_over.store(true, Relaxed);
        measured
    })
}

#[test]
fn one_measurement_tells_what_is_asked_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let socket = socket(folder.path());
    let run = |args: &[&str]| {
        let output = imrs(&[&["stats", "--socket", &socket], args].concat());
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let (text, json) = while_asked(&server, || (run(&["--once"]), run(&["--output", "json"])));
    assert!(text.starts_with("imrs up "), "{text}");
    assert!(text.contains("NXDOMAIN"), "{text}");
    let found: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(found["schema"], "imrs.stats-live/1");
    let rate = |value: &Value| value.as_f64().unwrap();
    assert!(rate(&found["queries"]) > 0.0, "{json}");
    assert_eq!(found["queries"], found["flows"]["udp-ipv4"]["queries"]);
    assert!(rate(&found["rcodes"]["3"]) > 0.0, "{json}");
    assert!(found["measured_ms"].as_u64().unwrap() >= 1000, "{json}");
}

#[test]
fn without_a_terminal_each_measurement_is_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let _server = Server::start(folder.path(), &[]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_imrs"))
        .args(["stats", "--socket", &socket(folder.path())])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for _ in 0..2 {
        let line = lines.next().unwrap().unwrap();
        assert!(
            line.contains("  queries 0  responses 0  held back 0  lost 0"),
            "{line}"
        );
    }
    // Who reads goes away, and it ends well.
    drop(lines);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// Watches on a terminal until it has drawn once, presses a key, and gives what was drawn.
fn watch(socket: &str, key: &[u8]) -> String {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let open = || {
        let mut options = OpenOptions::new();
        options
            .read(true)
            .write(true)
            .open(name.to_str().unwrap())
            .unwrap()
    };
    let terminal = open();
    let before = tcgetattr(&terminal).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_imrs"))
        .args(["stats", "--socket", socket])
        .stdin(open())
        .stdout(open())
        .spawn()
        .unwrap();
    let mut master = File::from(master);
    let mut drawn = Vec::new();
    let mut octets = [0; 4096];
    let has = |drawn: &[u8], words: &str| String::from_utf8_lossy(drawn).contains(words);
    while !has(&drawn, "A SECOND") {
        let read = master.read(&mut octets).unwrap();
        drawn.extend_from_slice(&octets[..read]);
    }
    master.write_all(key).unwrap();
    while !has(&drawn, "\x1b[?1049l") {
        let read = master.read(&mut octets).unwrap();
        drawn.extend_from_slice(&octets[..read]);
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let after = tcgetattr(&terminal).unwrap();
    assert_eq!(after.local_modes, before.local_modes);
    String::from_utf8(drawn).unwrap()
}

#[test]
fn a_terminal_is_as_it_was_after_q_and_after_control_c() {
    let folder = tempfile::tempdir().unwrap();
    let _server = Server::start(folder.path(), &[]);
    for key in [b"q", b"\x03"] {
        let drawn = watch(&socket(folder.path()), key);
        assert!(drawn.starts_with("\x1b[?1049h\x1b[?25l"), "{drawn}");
        assert!(drawn.ends_with("\x1b[?25h\x1b[?1049l"), "{drawn}");
        assert!(drawn.contains("queries, 0 responses"), "{drawn}");
    }
}

#[test]
fn without_a_server_it_says_where_it_looked() {
    let output = imrs(&["stats", "--once", "--socket", "/nowhere/control.sock"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("cannot reach a server at /nowhere/control.sock"),
        "{text}"
    );
}
