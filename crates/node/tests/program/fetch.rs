//! `imrs zone fetch` against a stand-in for the public service: another server of this machine.

use super::support::{Server, TestRoot, failure, imrs, with_a_ds_digit_changed};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Output;

/// A key that both sides know.
const KEY: &str = "[[key]]\nname = \"xfr-key\"\nalgorithm = \"hmac-sha256\"\n\
                   secret = \"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0MTI=\"\n";

/// Gives a small root and its `arpa` to this machine; `access` are rules in the form of the
/// configuration.
fn primary(root: &TestRoot, checks: &str, access: &str) -> Server {
    let text = format!(
        "{KEY}[[zone]]\nname = \".\"\nfile = \"root.zone\"\nanchors = \"anchors.ds\"\n{checks}\
         allow-transfer = [{access}]\n\
         [[zone]]\nname = \"arpa\"\nfile = \"arpa.zone\"\n{checks}allow-transfer = [{access}]\n"
    );
    fs::write(root.path("primary.toml"), text).unwrap();
    Server::start(
        root.folder.path(),
        &["--config", &root.path("primary.toml")],
    )
}

/// Fetches into `out.zone` under the anchors of the root.
fn fetch(root: &TestRoot, from: &[String], args: &[&str]) -> Output {
    let (out, anchors) = (root.path("out.zone"), root.path("anchors.ds"));
    let mut all = vec!["zone", "fetch", "--out", &out, "--anchors", &anchors];
    for address in from {
        all.extend(["--from", address]);
    }
    all.extend(args);
    imrs(&all)
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Nothing was written, and this was said of the primary.
fn check_refused(root: &TestRoot, output: &Output, expected: &str) {
    let text = text(output);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(text.contains("NOT fetched; nothing is written"), "{text}");
    assert!(text.contains(expected), "{text}");
    assert!(!fs::exists(root.path("out.zone")).unwrap());
}

/// An address at which whoever comes is sent away after the first octets.
fn closing() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 19];
            let _ = stream.read_exact(&mut request);
            let _ = stream.write_all(&[0, 200, request[2], request[3]]);
        }
    });
    address
}

#[test]
fn a_zone_that_is_proven_is_written_as_it_was_served() {
    let root = TestRoot::new(7);
    let server = primary(&root, "", "\"127.0.0.0/8\"");
    let from = [server.address.to_string()];
    let output = fetch(&root, &from, &[]);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(said.starts_with("zone . of serial 7, "), "{said}");
    assert!(
        said.ends_with(&format!("asked    {}: it sent the zone\n", from[0])),
        "{said}"
    );
    let (written, anchors) = (root.path("out.zone"), root.path("anchors.ds"));
    let checked = imrs(&["zone", "check", &written, "--anchors", &anchors]);
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
    // The heading is comments; the records are those of the file that is served.
    let records = |path: &str| {
        let text = fs::read_to_string(path).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with(';'));
        let mut lines: Vec<String> = lines.map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(records(&written), records(&root.path("root.zone")));
}

#[test]
fn the_root_vouches_for_a_zone_below_it() {
    let root = TestRoot::new(7);
    let server = primary(&root, "", "\"127.0.0.0/8\"");
    let from = [server.address.to_string()];
    let output = fetch(&root, &from, &["--zone", "arpa", "--output", "json"]);
    let said = text(&output);
    let report: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(report["schema"], "imrs.zone-fetch/1", "{said}");
    assert_eq!(report["verdict"], "good", "{said}");
    assert_eq!(report["tries"][0]["zone"], ".", "{said}");
    assert_eq!(report["tries"][1]["zone"], "arpa.", "{said}");
    assert!(report["signatures"].as_u64().unwrap() > 0, "{said}");
}

#[test]
fn what_is_not_proven_is_not_written() {
    let root = TestRoot::new(7);
    root.put(&with_a_ds_digit_changed(&root.text(), ""));
    let server = primary(
        &root,
        "zonemd = \"off\"\ndnssec = \"off\"\n",
        "\"127.0.0.0/8\"",
    );
    let from = [server.address.to_string()];
    check_refused(
        &root,
        &fetch(&root, &from, &[]),
        "what it sent is REFUSED: zone . of serial 7 is not proven: ",
    );
    check_refused(
        &root,
        &fetch(&root, &from, &["--zone", "arpa"]),
        "for zone .: what it sent is REFUSED: ",
    );
    check_refused(
        &root,
        &fetch(&root, &from, &["--at", "2020-01-01T00:00:00Z"]),
        "is not proven: ",
    );
}

#[test]
fn the_next_primary_is_asked_when_one_fails() {
    let root = TestRoot::new(7);
    let server = primary(&root, "", "\"127.0.0.0/8\"");
    let from = [closing(), server.address.to_string()];
    check_refused(&root, &fetch(&root, &from[..1], &[]), ": FAILED: ");
    let output = fetch(&root, &from, &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = text(&output);
    assert!(
        said.contains(&format!("asked    {}: FAILED: ", from[0])),
        "{said}"
    );
}

#[test]
fn a_primary_that_asks_for_a_key_is_given_it_from_the_configuration() {
    let root = TestRoot::new(7);
    let server = primary(&root, "", "{ from = \"127.0.0.0/8\", key = \"xfr-key\" }");
    let address = server.address.to_string();
    check_refused(
        &root,
        &fetch(&root, std::slice::from_ref(&address), &[]),
        ": FAILED: ",
    );
    let config = root.path("fetch.toml");
    let zone = format!(
        "{KEY}[[zone]]\nname = \".\"\nprimaries = [{{ address = \"{address}\", key = \"xfr-key\" }}]\n"
    );
    fs::write(&config, zone).unwrap();
    for from in [&[][..], &["--from", &address, "--key", "xfr-key"]] {
        let args = [&["--config", &config], from].concat();
        let output = fetch(&root, &[], &args);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        fs::remove_file(root.path("out.zone")).unwrap();
    }
}

#[test]
fn wrong_options_of_fetch_are_usage_errors() {
    let root = TestRoot::new(7);
    let config = root.path("fetch.toml");
    fs::write(&config, KEY).unwrap();
    for (args, expected) in [
        (&["--zone", "a..b"][..], "--zone a..b: "),
        (&["--zone", "example"], "name a primary by --from"),
        (
            &["--from", "primary.example"],
            "`primary.example` is not an address",
        ),
        (&["--key", "xfr-key"], "--from <ADDR>"),
        (
            &["--from", "::1", "--config", &config, "--key", "xfrkey"],
            "--key: there is no key `xfrkey`; did you mean `xfr-key`?",
        ),
        (
            &["--from", "::1", "--config", &config, "--tls", "rzm"],
            "--tls: there is no tls `rzm`; define it under [[tls]]",
        ),
        (
            &["--anchors", "/nonexistent", "--from", "::1"],
            "cannot read /nonexistent",
        ),
    ] {
        let (error, exit) = failure(&[&["zone", "fetch"], args].concat());
        assert_eq!(exit, 2, "{args:?}: {error}");
        assert!(error.contains(expected), "{error}");
    }
}
