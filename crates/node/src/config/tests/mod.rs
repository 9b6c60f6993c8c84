//! Each mistake in a configuration gets one message with its place and remedy.

mod anycast;
mod captures;
mod defence;
mod encrypted;
mod marked;
mod metrics;
mod secrets;
mod site;
mod transfers;

use super::Config;
use imrs_zone::verify::Demand;
use std::path::Path;

fn check(text: &str, expected: &str) {
    let error = Config::parse(Path::new("imrs.toml"), text.as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), expected, "{text}");
}

#[test]
fn unknown_keys_are_refused_with_the_nearest_known_one() {
    check(
        "[node]\nlisten_ = []",
        "imrs.toml:2:1: unknown key `listen_`; did you mean `listen`?",
    );
    check(
        "[node]\n  worker = 2",
        "imrs.toml:2:3: unknown key `worker`; did you mean `workers`?",
    );
    check(
        "[nodes]\n",
        "imrs.toml:1:2: unknown key `nodes`; did you mean `node`?",
    );
    check(
        "[verify]\nclock = 1",
        "imrs.toml:2:1: unknown key `clock`; known here are `at`, `records-limit`, `octets-limit`",
    );
    check(
        "[[zone]]\nname = \".\"\nfile = \"x\"\nZoneMD = \"off\"",
        "imrs.toml:4:1: unknown key `ZoneMD`; known here are `name`, `file`, `anchors`, `zonemd`, \
         `dnssec`, `primaries`, `notify-from`, `allow-transfer`, `notify`, `plausible`, \
         `observers`, `observers-limit-seconds`",
    );
}

#[test]
fn keys_of_later_versions_are_refused_as_such() {
    check(
        "[xdp]\nmode = \"auto\"",
        "imrs.toml:1:2: `xdp` is not supported yet by this version of imrs; remove it",
    );
}

#[test]
fn values_out_of_range_say_what_the_range_is() {
    check(
        "[node]\nworkers = 0",
        "imrs.toml:2:11: 0 is out of range; it may be 1 to 256",
    );
    check(
        "[node]\nworkers = -1",
        "imrs.toml:2:11: -1 is out of range; it may be 1 to 256",
    );
    check(
        "[node]\nudp-payload-ipv4 = 511",
        "imrs.toml:2:20: 511 is out of range; it may be 512 to 4096",
    );
    check(
        "[node]\ntcp-idle-seconds = 601",
        "imrs.toml:2:20: 601 is out of range; it may be 1 to 600",
    );
    check(
        &format!("[node]\nidentity = \"{}\"", "x".repeat(256)),
        "imrs.toml:2:12: the text has 256 octets; it may have 255",
    );
    check(
        "[node]\nversion = \"\"",
        "imrs.toml:2:11: the text is empty; leave the key out to tell nothing",
    );
}

#[test]
fn values_of_the_wrong_kind_say_which_kind_is_right() {
    check(
        "[node]\nworkers = \"two\"",
        "imrs.toml:2:11: invalid type: string \"two\", expected a whole number",
    );
    check(
        "[node]\nlisten = \"127.0.0.1:53\"",
        "imrs.toml:2:10: invalid type: string \"127.0.0.1:53\", expected a list",
    );
    check(
        "[node]\npin = \"yes\"",
        "imrs.toml:2:7: invalid type: string \"yes\", expected true or false",
    );
    check(
        "[verify]\nat = 2026-08-01T09:00:00Z",
        "imrs.toml:2:6: this is not a string; write it in quotation marks",
    );
    check(
        "[node]\nworkers = 99999999999999999999",
        "imrs.toml:2:11: invalid type: integer `99999999999999999999`, expected a whole number",
    );
    check(
        "[zone]\nname = \".\"\nfile = \"x\"",
        "imrs.toml:1:1: a zone is written under [[zone]], in two brackets, as there may be several",
    );
    check(
        "[[zone]]\nname = \".\"\nfile = 5",
        "imrs.toml:3:8: invalid type: integer `5`, expected a string",
    );
    check(
        "node = 5",
        "imrs.toml:1:8: invalid type: integer `5`, expected a table such as [node]",
    );
}

#[test]
fn addresses_names_times_and_demands_are_checked() {
    check(
        "[node]\nlisten = [\"[::1]:53\", \"192.0.2.1\"]",
        "imrs.toml:2:23: `192.0.2.1` is not an address and port; write it as 192.0.2.1:53 or \
         [2001:db8::1]:53",
    );
    check(
        "[node]\nlisten = []",
        "imrs.toml:2:10: `listen` is empty; name an address and port, such as \"192.0.2.1:53\"",
    );
    check(
        "[node]\nlisten = [\"[::1]:53\", \"[::1]:53\"]",
        "imrs.toml:2:23: `[::1]:53` is listed twice; keep one of the two",
    );
    check(
        "[verify]\nat = \"tomorrow\"",
        "imrs.toml:2:6: `tomorrow` is not a time; write it in RFC 3339, such as \
         2026-08-01T09:00:00Z",
    );
    check(
        "[[zone]]\nname = \".\"\nfile = \"x\"\ndnssec = \"always\"",
        "imrs.toml:4:10: `always` is not one of `require`, `warn`, `off`",
    );
    check(
        "[[zone]]\nname = \"\"\nfile = \"x\"",
        "imrs.toml:2:8: the name of the zone is empty; the root is \".\"",
    );
}

#[test]
fn a_zone_needs_a_name_and_comes_once() {
    check(
        "[[zone]]\nfile = \"x\"\n",
        "imrs.toml:1:1: `name` is missing here; add `name = \"…\"`",
    );
    check(
        "[[zone]]\nname=\"arpa\"\nfile=\"x\"\n[[zone]]\nname=\"ARPA.\"\nfile=\"y\"",
        "imrs.toml:5:6: zone `ARPA.` is configured twice; keep one of the two",
    );
}

#[test]
fn what_is_not_toml_is_refused_with_its_place() {
    let parse = |octets: &[u8]| Config::parse(Path::new("imrs.toml"), octets).unwrap_err();
    let message = parse(b"[node]\nworkers = = 2\n").to_string();
    assert!(message.starts_with("imrs.toml:2:11: "), "{message}");
    assert_eq!(
        parse(b"[node]\nidentity = \"\xFF\"").to_string(),
        "imrs.toml:2:13: the text is not UTF-8, as TOML is"
    );
}

#[test]
fn a_whole_configuration_is_read() {
    let text = r#"
        [node]
        listen = ["127.0.0.1:5300", "[::1]:5300"]
        workers = 2
        pin = true
        state = "/var/lib/imrs"
        control = "/run/imrs/control.sock"
        identity = "aa01-ke-nbo"
        version = "imrs"
        udp-payload-ipv4 = 1232
        udp-payload-ipv6 = 1220
        tcp-idle-seconds = 10
        tcp-connections = 100
        tcp-connections-per-prefix = 10

        [[zone]]
        name = "."
        file = "/etc/imrs/root.zone"
        anchors = "/etc/imrs/anchors.xml"
        zonemd = "require"
        dnssec = "warn"

        [verify]
        at = "2026-08-01T09:00:00Z"
    "#;
    let config = Config::parse(Path::new("imrs.toml"), text.as_bytes()).unwrap();
    assert_eq!(config.node.addresses.len(), 2);
    assert_eq!(config.node.udp_payload_ipv6.unwrap().0, 1220);
    assert_eq!(config.zones[0].dnssec.unwrap().0, Demand::Warn);
    assert_eq!(config.verify.at.unwrap().0.0, 1_785_574_800);
}
