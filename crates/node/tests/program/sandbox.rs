//! A whole server under its sandbox: what the kernel says of its threads, and that it works.

use crate::support::{Server, TestRoot, failure, imrs, text_of};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// Longer than anything here takes; only a failing test waits for so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whoever runs the tests: only root can become another user.
fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// The number of a user without rights that every system has.
fn nobody() -> u32 {
    let output = Command::new("id").args(["-u", "nobody"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.trim().parse().unwrap()
}

/// `user` of a configuration, and a state folder of that user, as far as the tests may do so.
pub(crate) fn user(root: &Path) -> &'static str {
    let state = root.join("state");
    fs::create_dir(&state).unwrap();
    if !is_root() {
        println!("not root: the server stays who it is");
        return "";
    }
    fs::set_permissions(root, fs::Permissions::from_mode(0o755)).unwrap();
    chown(&state, Some(nobody()), None).unwrap();
    "user = \"nobody\""
}

/// What the kernel says of each thread, by the words of /proc.
fn check_threads(pid: u32, expected: &[(&str, &str)]) {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let mut count = 0;
    for thread in threads {
        // One that ended meanwhile says nothing.
        let Ok(status) = fs::read_to_string(thread.unwrap().path().join("status")) else {
            continue;
        };
        count += 1;
        let value = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap().trim_start_matches(':').trim().to_owned()
        };
        for (name, value_expected) in expected {
            assert_eq!(value(name), *value_expected, "{name} in {status}");
        }
        let is_worker = value("Name").starts_with("worker-");
        let filters: u32 = value("Seccomp_filters").parse().unwrap();
        assert_eq!(filters, 3 + u32::from(is_worker), "{status}");
    }
    assert!(count >= 5, "{count} threads");
}

const CONFINED: [(&str, &str); 6] = [
    ("CapInh", "0000000000000000"),
    ("CapPrm", "0000000000000000"),
    ("CapEff", "0000000000000000"),
    ("CapAmb", "0000000000000000"),
    ("NoNewPrivs", "1"),
    ("Seccomp", "2"),
];

#[test]
fn every_thread_is_confined_and_the_server_serves_reloads_and_is_told() {
    let root = TestRoot::new(1);
    let user = user(root.folder.path());
    let config = root.path("imrs.toml");
    let text = format!(
        "[node]\nstate = \"state\"\n{user}\n[sandbox]\nseccomp = \"require\"\n[[zone]]\nname = \
         \".\"\nfile = \"root.zone\"\nanchors = \"anchors.ds\"\n"
    );
    fs::write(&config, text).unwrap();
    let output = imrs(&["check-config", &config]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let server = Server::start(root.folder.path(), &["--config", &config]);
    check_threads(server.pid(), &CONFINED);
    if is_root() {
        let (uid, zero) = (nobody().to_string(), "0000000000000000");
        let all = [uid.as_str(); 4].join("\t");
        check_threads(server.pid(), &[("Uid", &all), ("CapBnd", zero)]);
    }
    assert_eq!(server.serial(), 1);
    // By another file of the same name, and by rewriting it.
    fs::write(root.path("root.zone.new"), text_of(2)).unwrap();
    fs::rename(root.path("root.zone.new"), root.path("root.zone")).unwrap();
    let (text, exit) = server.ctl(&["reload"]);
    assert_eq!(exit, 0, "{text}");
    assert_eq!(server.serial(), 2);
    root.put(&text_of(3));
    assert_eq!(server.ctl(&["reload"]).1, 0);
    assert_eq!(server.serial(), 3);
    check_threads(server.pid(), &CONFINED);

    let (text, _) = server.ctl(&["status"]);
    assert!(
        text.contains(", no capabilities, no new privileges\n"),
        "{text}"
    );
    let (text, _) = server.ctl(&["status", "--output", "json"]);
    let status: serde_json::Value = serde_json::from_str(&text).unwrap();
    let sandbox = &status["sandbox"];
    assert_eq!(sandbox["no_new_privs"], true);
    assert_eq!(sandbox["capabilities"].as_array().unwrap().len(), 0);
    assert!(sandbox["seccomp"]["workers"].is_string());
    if is_root() {
        assert_eq!(sandbox["user"], "nobody");
    }
    server.signal("TERM");
    server.wait_for_log("stopped");
    assert_eq!(server.wait(), 0);
}

/// Serving does not wait for the disk; this does.
pub(crate) fn wait_until_stored(server: &Server, serial: u32) {
    let began = Instant::now();
    loop {
        let (text, _) = server.ctl(&["zones", ".", "--output", "json"]);
        let told: serde_json::Value = serde_json::from_str(&text).unwrap();
        let stored = told["zones"][0]["stored"].as_array();
        if stored
            .into_iter()
            .flatten()
            .any(|version| version["serial"] == serial)
        {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{told:#}");
        thread::yield_now();
    }
}

#[test]
fn a_confined_server_fetches_from_a_confined_server_and_keeps_what_it_got() {
    let (first, second) = (TestRoot::new(7), TestRoot::new(7));
    let config = first.path("imrs.toml");
    let zone = "[[zone]]\nname = \".\"\nanchors = \"anchors.ds\"\n";
    let given = format!("{zone}file = \"root.zone\"\nallow-transfer = [\"127.0.0.0/8\"]\n");
    fs::write(&config, given).unwrap();
    let primary = Server::start(first.folder.path(), &["--config", &config]);

    let user = user(second.folder.path());
    let config = second.path("imrs.toml");
    let address = primary.address;
    let fetched = format!("[node]\nstate = \"state\"\n{user}\n{zone}primaries = [\"{address}\"]\n");
    fs::write(&config, fetched).unwrap();
    let secondary = Server::start(second.folder.path(), &["--config", &config]);
    let (text, _) = secondary.ctl(&["refresh", "."]);
    assert_eq!(secondary.serial(), 7, "{text}");
    check_threads(secondary.pid(), &CONFINED);
    check_threads(primary.pid(), &CONFINED);

    // The next version comes over a connection that the primary's worker hands over.
    first.put(&text_of(8));
    assert_eq!(primary.ctl(&["reload"]).1, 0);
    let (text, exit) = secondary.ctl(&["refresh", "."]);
    assert_eq!(exit, 0, "{text}");
    assert_eq!(secondary.serial(), 8);
    wait_until_stored(&secondary, 8);
    secondary.signal("TERM");
    assert_eq!(secondary.wait(), 0);
    drop(primary);
    let secondary = Server::start(second.folder.path(), &["--config", &config]);
    assert_eq!(secondary.serial(), 8, "what was kept is served");
}

#[test]
fn what_is_turned_off_is_off_and_told_so() {
    let root = TestRoot::new(1);
    let config = root.path("imrs.toml");
    let text = "[sandbox]\nlandlock = \"off\"\nseccomp = \"off\"\n[[zone]]\nname = \".\"\nfile = \
                \"root.zone\"\nanchors = \"anchors.ds\"\n";
    fs::write(&config, text).unwrap();
    let server = Server::start(root.folder.path(), &["--config", &config]);
    let (text, _) = server.ctl(&["status"]);
    assert!(text.contains("  files    not narrowed down\n"), "{text}");
    assert!(text.contains("  calls    not filtered\n"), "{text}");
    let (text, _) = server.ctl(&["status", "--output", "json"]);
    let status: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(status["sandbox"]["seccomp"].is_null());
    assert!(status["sandbox"]["landlock"].is_null());
}

#[test]
fn a_sandbox_that_cannot_work_is_refused_with_its_place() {
    let root = TestRoot::new(1);
    let config = root.path("imrs.toml");
    let check = |text: &str, expected: &str| {
        fs::write(&config, text).unwrap();
        let (error, exit) = failure(&["check-config", &config]);
        assert_eq!(exit, 2, "{error}");
        assert!(error.contains(expected), "{error}");
    };
    check(
        "[node]\nuser = \"nosuchuser\"\n",
        "imrs.toml:2:8: there is no user `nosuchuser` on this machine",
    );
    check(
        "[node]\nuser = \"root\"\n",
        "imrs.toml:2:8: `root` has all rights",
    );
    check(
        "[sandbox]\nlandlock = \"maybe\"\n",
        "imrs.toml:2:12: `maybe` is not one of `require`, `try`, `off`",
    );
    if !is_root() {
        println!("not root: what another user reaches is not tried");
        return;
    }
    fs::set_permissions(root.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(root.path("state")).unwrap();
    check(
        "[node]\nuser = \"nobody\"\nstate = \"state\"\n",
        "imrs.toml:3:9: nobody cannot write to ",
    );
    fs::set_permissions(root.path("root.zone"), fs::Permissions::from_mode(0o600)).unwrap();
    check(
        "[node]\nuser = \"nobody\"\n[[zone]]\nname = \".\"\nfile = \"root.zone\"\n",
        "imrs.toml:5:8: nobody reads it in service, and cannot read ",
    );
}
