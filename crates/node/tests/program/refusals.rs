//! What is wrong gets one clear error with its place, and an exit code.

use super::support::{TestRoot, data, failure, imrs, read_text, with_a_ds_digit_changed};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

fn serve(args: &[&str]) -> (String, i32) {
    failure(&[&["serve", "--listen", "127.0.0.1:0"], args].concat())
}

/// The last line of what was printed: the log may stand before.
fn last_line(text: &str) -> &str {
    text.lines().last().unwrap_or_default()
}

#[test]
fn a_wrong_configuration_is_refused_with_place_and_code_2() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("imrs.toml");
    let file = path.to_str().unwrap();
    for (text, expected) in [
        (
            "[node]\nlissten = []\n",
            ":2:1: unknown key `lissten`; did you mean `listen`?",
        ),
        (
            "[xdp]\n",
            ":1:2: `xdp` is not supported yet by this version of imrs; remove it",
        ),
        (
            "[metrics]\nlisten = \"192.0.2.1:9353\"\n",
            ":2:10: `192.0.2.1:9353` is not loopback, and whoever reaches it reads metrics without a \
             password; write `127.0.0.1:9353`, or `beyond-loopback = true` here if a packet filter \
             lets nobody but your Prometheus through",
        ),
    ] {
        std::fs::write(&path, text).unwrap();
        for args in [&["check-config", file][..], &["serve", "--config", file]] {
            let (error, exit) = failure(args);
            assert_eq!(exit, 2, "{error}");
            assert_eq!(error, format!("imrs: {file}{expected}\n"));
        }
    }
    std::fs::write(&path, "[[zone]]\nname = \".\"\nfile = \"absent.zone\"\n").unwrap();
    let (error, exit) = failure(&["check-config", file]);
    assert_eq!(exit, 2, "{error}");
    assert!(error.contains(":3:8: cannot read "), "{error}");
    std::fs::write(&path, "[[zone]]\nname = \".\"\nfile = \"/\"\n").unwrap();
    let (error, exit) = failure(&["check-config", file]);
    assert_eq!(exit, 2, "{error}");
    assert!(
        error.contains(":3:8: cannot read /: is a directory"),
        "{error}"
    );
    let (error, exit) = failure(&["check-config", "/nonexistent/imrs.toml"]);
    assert_eq!(exit, 2);
    assert!(
        error.contains("cannot read /nonexistent/imrs.toml: No such file"),
        "{error}"
    );
}

#[test]
fn a_file_that_is_named_and_holds_something_else_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("imrs.toml");
    std::fs::write(
        folder.path().join("blocked"),
        "192.0.2.0/24\n192.0.2.300/8\n",
    )
    .unwrap();
    std::fs::write(&path, "[access]\nblocklist = \"blocked\"\n").unwrap();
    let (error, exit) = failure(&["check-config", path.to_str().unwrap()]);
    assert_eq!(exit, 2, "{error}");
    assert!(error.contains("blocked:2"), "{error}");
    std::fs::write(&path, "[cookies]\nsecret-file = \"blocked\"\n").unwrap();
    let (error, exit) = failure(&["check-config", path.to_str().unwrap()]);
    assert_eq!(exit, 2, "{error}");
    assert!(error.contains("blocked"), "{error}");
}

#[test]
fn a_good_configuration_passes() {
    let root = TestRoot::new(1);
    let file = root.path("imrs.toml");
    std::fs::write(&file, "[[zone]]\nname = \".\"\nfile = \"root.zone\"\n").unwrap();
    let output = imrs(&["check-config", &file]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

/// What is good to announce.
const ROUTE: &str = r#"
[node]
identity = "aa01-ke-nbo"
listen = ["192.0.2.53:53", "203.0.113.10:53"]
[anycast]
addresses = ["192.0.2.53"]
prefixes = ["192.0.2.0/24"]
asn = 64500
[[neighbor]]
name = "host-a"
address = "203.0.113.1"
asn = 64510
password-file = "password"
[[zone]]
name = "."
file = "root.zone"
"#;
/// A folder in which that is good, and the files of the configuration and of the password.
fn with_a_password() -> (TestRoot, String, String) {
    let root = TestRoot::new(1);
    let (file, password) = (root.path("imrs.toml"), root.path("password"));
    write_private(&password, "s3cret\n", 0o600);
    (root, file, password)
}

fn write_private(path: &str, text: &str, mode: u32) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_would_be_announced_wrongly_is_refused_with_what_would_be_right() {
    let (_root, file, _) = with_a_password();
    for (from, to, expected) in [
        ("aa01-ke-nbo", "nairobi", "as in \"aa01-ke-nbo\""),
        ("192.0.2.0/24", "192.0.2.53/24", "write 192.0.2.0/24"),
        (
            "192.0.2.0/24",
            "192.0.3.0/24",
            "`192.0.2.53` is in none of `prefixes`",
        ),
        (
            "192.0.2.0/24",
            "192.0.2.0/25",
            "write the prefix that contains it",
        ),
        (
            "asn = 64510",
            "asn = 23456",
            "write the one that you were given",
        ),
        (
            "203.0.113.1\"",
            "203.0.113.10\"",
            "is an address of this node; write the router's",
        ),
        (
            "203.0.113.1\"",
            "2001:db8::1\"",
            "there is no IPv6 prefix to tell",
        ),
        (
            "\"192.0.2.53:53\", ",
            "",
            "add \"192.0.2.53:53\" to `listen`",
        ),
        ("\"password\"", "\"missing\"", "No such file"),
    ] {
        std::fs::write(&file, ROUTE.replace(from, to)).unwrap();
        let (error, exit) = failure(&["check-config", &file]);
        assert_eq!(exit, 2, "{error}");
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn passwords_of_neighbors_are_checked_and_what_is_announced_is_told() {
    let (_root, file, password) = with_a_password();
    std::fs::write(&file, ROUTE).unwrap();
    for (text, mode, expected) in [
        ("s3cret\n", 0o644, "run chmod o="),
        (
            "two words\n",
            0o600,
            "the password of a BGP session is one line",
        ),
    ] {
        write_private(&password, text, mode);
        let (error, exit) = failure(&["check-config", &file]);
        assert_eq!(exit, 2, "{error}");
        assert!(error.contains(expected), "{error}");
    }
    write_private(&password, "s3cret\n", 0o600);
    let output = imrs(&["check-config", &file]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let expected = "announce 192.0.2.0/24 as AS64500 to host-a (AS64510)\n";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn anchors_and_addresses_are_checked_with_the_configuration() {
    let root = TestRoot::new(1);
    let (file, zone) = (root.path("imrs.toml"), root.path("root.zone"));
    let zone = format!("[[zone]]\nname = \"net\"\nfile = \"{zone}\"\n");
    for (text, expected) in [
        (
            format!("[node]\nlisten = [\"0.0.0.0:15598\", \"127.0.0.1:15598\"]\n{zone}"),
            "127.0.0.1:15598 is already covered by 0.0.0.0:15598",
        ),
        (
            format!("{zone}anchors = \"anchors.ds\"\n"),
            "anchors.ds are of ., not of net.; name the right file",
        ),
        (format!("{zone}anchors = \"root.zone\"\n"), "trust anchors "),
    ] {
        std::fs::write(&file, text).unwrap();
        let (error, exit) = failure(&["check-config", &file]);
        assert_eq!(exit, 2, "{error}");
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn wrong_options_are_usage_errors() {
    for args in [
        &["--at", "tomorrow"][..],
        &["--listen", "127.0.0.1"],
        &["--workers", "0"],
        &["--nonsense"],
    ] {
        let (error, exit) = serve(args);
        assert_eq!(exit, 2, "{args:?}: {error}");
    }
    for args in [
        &["zone", "check", "x", "--origin", "a..b"][..],
        &["zone", "synth", "--out", "/nonexistent", "--tlds", "1"],
        &[
            "zone",
            "synth",
            "--out",
            "/nonexistent",
            "--algorithm",
            "13,13",
        ],
    ] {
        let (error, exit) = failure(args);
        assert_eq!(exit, 2, "{args:?}: {error}");
    }
    let (error, exit) = failure(&["serve", "--listen", "127.0.0.1"]);
    assert_eq!(exit, 2);
    assert!(error.contains("write it as 192.0.2.1:53"), "{error}");
    let (error, exit) = failure(&["serve", "--listen", "0.0.0.0:15599"]);
    assert_eq!(exit, 2);
    assert!(error.contains("0.0.0.0:15599 is not loopback"), "{error}");
}

#[test]
fn a_wrong_zone_file_is_refused_with_its_place() {
    let root = TestRoot::new(1);
    let (zone, anchors) = (root.path("root.zone"), root.path("anchors.ds"));
    let args = ["--zone", &zone, "--anchors", &anchors];
    root.put(". 86400 IN SOA a. b. 1 2 3 4 x\n");
    let (error, exit) = serve(&args);
    assert_eq!(exit, 1);
    assert!(last_line(&error).contains("root.zone:1:"), "{error}");
    let (error, exit) = serve(&["--zone", "/nonexistent/root.zone"]);
    assert_eq!(exit, 1);
    assert!(
        last_line(&error).contains("cannot read /nonexistent/root.zone"),
        "{error}"
    );
    let (error, exit) = serve(&["--zone", &zone, "--anchors", "/nonexistent/anchors"]);
    assert_eq!(exit, 1, "{error}");
}

#[test]
fn wrong_anchors_are_refused() {
    let root = TestRoot::new(1);
    let zone = root.path("root.zone");
    // The built-in anchors are of the real root.
    let (error, exit) = serve(&["--zone", &zone]);
    assert_eq!(exit, 1);
    assert!(
        last_line(&error).contains("zone . of serial 1 is not proven: "),
        "{error}"
    );
    let bad = root.path("bad.ds");
    std::fs::write(&bad, ". IN NS a.\n").unwrap();
    let (error, exit) = serve(&["--zone", &zone, "--anchors", &bad]);
    assert_eq!(exit, 1);
    assert!(
        last_line(&error).contains("bad.ds: line 1, column 1: "),
        "{error}"
    );
}

#[test]
fn the_same_zone_twice_is_refused() {
    let root = TestRoot::new(1);
    let (zone, anchors) = (root.path("root.zone"), root.path("anchors.ds"));
    let (error, exit) = serve(&["--zone", &zone, "--zone", &zone, "--anchors", &anchors]);
    assert_eq!(exit, 1);
    assert!(
        last_line(&error).contains("which another file holds as well"),
        "{error}"
    );
}

#[test]
fn nobody_answers_on_an_absent_control_socket() {
    let (error, exit) = failure(&["ctl", "status", "--socket", "/nonexistent/control.sock"]);
    assert_eq!(exit, 1);
    assert!(
        error.contains("cannot reach a server at /nonexistent/control.sock"),
        "{error}"
    );
}

const REAL: &str = "zones/root-2026073102.zone";
const THEN: &str = "2026-08-01T09:00:00Z";

#[test]
fn the_real_root_with_one_digit_of_a_ds_changed_is_refused_by_name() {
    let Some(path) = data(REAL) else { return };
    let folder = tempfile::tempdir().unwrap();
    let changed = folder.path().join("root.zone");
    let text = read_text(&path);
    std::fs::write(&changed, with_a_ds_digit_changed(&text, "com.")).unwrap();
    let (error, exit) = serve(&["--zone", changed.to_str().unwrap(), "--at", THEN]);
    assert_eq!(exit, 1);
    assert!(
        last_line(&error).contains("com. DS is not validly signed"),
        "{error}"
    );
}

#[test]
fn the_real_root_a_month_later_is_refused_for_expiry() {
    let Some(path) = data(REAL) else { return };
    let (error, exit) = serve(&["--zone", &path, "--at", "2026-09-01T09:00:00Z"]);
    assert_eq!(exit, 1);
    assert!(last_line(&error).contains("expired at 2026-08-"), "{error}");
}
