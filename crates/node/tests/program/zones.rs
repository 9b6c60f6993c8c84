//! `imrs zone`: checks, makes and counts zones without a server.

use super::support::{data, failure, imrs};
use std::path::Path;

/// What `imrs zone check --output json` printed, and its exit code.
fn check(args: &[&str]) -> (serde_json::Value, i32) {
    let output = imrs(&[&["zone", "check", "--output", "json"], args].concat());
    let exit = output.status.code().unwrap();
    let json = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{args:?}: {}", String::from_utf8_lossy(&output.stderr)));
    (json, exit)
}

/// The result of one check by name.
fn result(checked: &serde_json::Value, name: &str) -> String {
    let checks = checked["checks"].as_array().unwrap();
    let found = checks.iter().find(|check| check["name"] == name);
    found
        .map_or("absent", |check| check["result"].as_str().unwrap())
        .to_owned()
}

#[test]
fn a_made_root_is_checked_good_and_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("made");
    let out = out.to_str().unwrap();
    let synth = [
        "zone",
        "synth",
        "--out",
        out,
        "--tlds",
        "20",
        "--algorithm",
        "13,15",
    ];
    assert_eq!(imrs(&synth).status.code(), Some(0));
    let anchors = format!("{out}/anchors.ds");
    let root = format!("{out}/root.zone");
    let (checked, exit) = check(&[&root, "--anchors", &anchors]);
    assert_eq!(exit, 0, "{checked}");
    assert_eq!(checked["schema"], "imrs.zone-check/1");
    assert_eq!(checked["verdict"], "good");
    let left = checked["expires_in_seconds"].as_i64().unwrap();
    assert!((12 * 86_400..=13 * 86_400).contains(&left), "{left}");
    for name in ["shape", "keys", "signatures", "nsec", "zonemd"] {
        assert_eq!(result(&checked, name), "passed", "{name}");
    }
    let before = std::fs::read(&root).unwrap();
    let (error, exit) = failure(&synth);
    assert_eq!(exit, 1);
    assert!(
        error.contains("exists; choose another folder, or replace it by --force"),
        "{error}"
    );
    assert_eq!(std::fs::read(&root).unwrap(), before);
    assert_eq!(
        imrs(&[&synth[..], &["--force"]].concat()).status.code(),
        Some(0)
    );
}

#[test]
fn versions_of_a_made_root_differ_in_serial_and_digest_alone() {
    let folder = tempfile::tempdir().unwrap();
    let version = |serial: &str| {
        let out = folder.path().join(serial);
        let options = "zone synth --tlds 4 --algorithm 8 --at 2026-08-01T12:00:00Z --out";
        let mut made: Vec<&str> = options.split(' ').collect();
        made.extend([out.to_str().unwrap(), "--serial", serial]);
        assert_eq!(imrs(&made).status.code(), Some(0));
        std::fs::read_to_string(out.join("root.zone")).unwrap()
    };
    let (old, new) = (version("4294967295"), version("0"));
    let old: Vec<&str> = old.lines().collect();
    let changed: Vec<&str> = new.lines().filter(|line| !old.contains(line)).collect();
    // SOA, ZONEMD, and the signatures over them.
    assert_eq!(changed.len(), 4, "{changed:?}");
}

#[test]
fn a_wrong_digest_is_refused_for_any_zone() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("made");
    let made = [
        "zone",
        "synth",
        "--tlds",
        "2",
        "--out",
        out.to_str().unwrap(),
    ];
    assert_eq!(imrs(&made).status.code(), Some(0));
    let file = out.join("root-servers.net.zone");
    let (_, exit) = check(&[file.to_str().unwrap()]);
    assert_eq!(exit, 0);
    let text = std::fs::read_to_string(&file).unwrap();
    let other = format!("{text}n.root-servers.net. 60 IN A 192.0.2.1\n");
    std::fs::write(&file, other).unwrap();
    let (checked, exit) = check(&[file.to_str().unwrap()]);
    assert_eq!((exit, result(&checked, "zonemd").as_str()), (1, "failed"));
}

#[test]
fn a_zone_without_a_digest_is_refused_as_root_and_served_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("zone");
    std::fs::write(
        &file,
        "example. 60 IN SOA a. b. 1 2 3 4 5\nexample. 60 IN NS a.\n",
    )
    .unwrap();
    let (checked, exit) = check(&[file.to_str().unwrap()]);
    assert_eq!((exit, result(&checked, "zonemd").as_str()), (3, "failed"));
    std::fs::write(&file, ". 60 IN SOA a. b. 1 2 3 4 5\n. 60 IN NS a.\n").unwrap();
    let (checked, exit) = check(&[file.to_str().unwrap()]);
    assert_eq!((exit, checked["verdict"].as_str()), (1, Some("refused")));
}

#[test]
fn every_real_root_gives_the_documented_result() {
    // File, time, anchors, signatures, digest.
    for (file, at, anchors, signatures, digest) in [
        (
            "root-2026073102.zone",
            "2026-08-01T09:00:00Z",
            None,
            "passed",
            "passed",
        ),
        (
            "root-signed-2023042001.zone.xz",
            "2023-04-25T00:00:00Z",
            None,
            "passed",
            "failed",
        ),
        (
            "root-signed-2020101902.zone.xz",
            "2020-10-25T00:00:00Z",
            None,
            "passed",
            "failed",
        ),
        (
            "root-signed-2019121300.zone.xz",
            "2019-12-20T00:00:00Z",
            None,
            "passed",
            "failed",
        ),
        (
            "root-signed-2017112902.zone.xz",
            "2017-12-05T00:00:00Z",
            Some("anchors/root-anchors.xml"),
            "passed",
            "failed",
        ),
        (
            "root-zonemd-demo-2021011901.zone.xz",
            "2021-01-25T00:00:00Z",
            Some("zones/root-zonemd-demo-2021011901.dnskeys"),
            "passed",
            "passed",
        ),
    ] {
        let Some(path) = data(&format!("zones/{file}")) else {
            return;
        };
        let anchors = anchors.map(|anchors| data(anchors).unwrap());
        let anchors: Vec<&str> = anchors
            .iter()
            .flat_map(|anchors| ["--anchors", anchors])
            .collect();
        let (checked, _) = check(&[&[&path, "--at", at], &anchors[..]].concat());
        assert_eq!(result(&checked, "signatures"), signatures, "{checked:#}");
        assert_eq!(result(&checked, "nsec"), "passed", "{checked:#}");
        assert_eq!(result(&checked, "zonemd"), digest, "{checked:#}");
    }
}

#[test]
fn every_zonemd_case_gives_the_documented_result() {
    let Some(table) = data("zonemd-cases/expected.tsv") else {
        return;
    };
    let folder = Path::new(&table).parent().unwrap().to_owned();
    let mut cases = 0;
    for line in std::fs::read_to_string(&table).unwrap().lines().skip(1) {
        let [case, file, origin, expected] =
            line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let path = folder.join(case).join(file);
        let path = path.to_str().unwrap();
        let args = [path, "--origin", origin, "--at", "2021-01-25T00:00:00Z"];
        cases += 1;
        // One that cannot even be read proves nothing, either.
        let output = imrs(&[&["zone", "check", "--output", "json"], &args[..]].concat());
        let checked = serde_json::from_slice(&output.stdout).unwrap_or(serde_json::Value::Null);
        let passed = !checked.is_null() && result(&checked, "zonemd") == "passed";
        // Neither is read in the form it has: case 22 has types that can only be read in generic
        // form (and two other implementations find that its digest is wrong), case 80 names the
        // class 255 `ANY`, which is the name of a type.
        let is_read = !matches!(case, "22-lots-rr-types" | "80-mixed-classes");
        let expects = expected == "success" && is_read;
        assert_eq!(passed, expects, "{case}: {output:?}");
    }
    assert_eq!(cases, 27);
}

#[test]
fn stats_count_the_real_root() {
    let Some(path) = data("zones/root-2026073102.zone") else {
        return;
    };
    let output = imrs(&["zone", "stats", "--output", "json", &path]);
    let counted: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(counted["records"], 24_877);
    assert_eq!(counted["delegations"], 1438);
    assert_eq!(counted["types"]["RRSIG"], 2792);
}

#[test]
fn the_command_that_serves_a_made_root_has_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let time = ["--at", "2026-08-01T09:00:00Z"];
    let output = imrs(&[&["zone", "synth", "--out", out, "--tlds", "2"][..], &time].concat());
    let text = String::from_utf8_lossy(&output.stdout);
    let expected = format!(
        "imrs serve --zone {out}/root.zone --anchors {out}/anchors.ds --at 2026-08-01T09:00:00Z\n"
    );
    assert!(text.ends_with(&expected), "{text}");
}
