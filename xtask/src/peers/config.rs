//! Configurations of the peers: as alike as their options allow.

use super::{CONTROL, Limits, Software, Tuning, Zone};
use std::net::SocketAddr;
use std::path::Path;

/// The text of the configuration file of `software`; its working files go to `directory`.
pub(super) fn configuration(
    software: Software,
    zones: &[Zone],
    at: SocketAddr,
    directory: &Path,
    tuning: &Tuning,
) -> String {
    let directory = directory.display().to_string();
    let listen = format!("{}@{}", at.ip(), at.port());
    match software {
        Software::Nsd => nsd(zones, &listen, &directory, tuning),
        Software::Knot => knot(zones, &listen, &directory, tuning),
        Software::Bind => bind(zones, at, &directory, tuning),
    }
}

/// Debian builds NSD with rate limits on, 200 responses a second: they are switched off unless
/// asked for. Its limits are those of a /24, whose queries of one kind count together.
fn nsd(zones: &[Zone], listen: &str, directory: &str, tuning: &Tuning) -> String {
    let (rate, slip, cookies) = match tuning.limits {
        Some(limits) => (limits.rate, limits.slip, "yes"),
        None => (0, 2, "no"),
    };
    let (clients, idle) = (tuning.tcp_clients, tuning.tcp_idle_seconds);
    let control = if tuning.is_controlled { "yes" } else { "no" };
    let mut text = format!(
        "server:
    ip-address: {listen}
    server-count: 1
    reuseport: yes
    username: \"\"
    zonesdir: \"{directory}\"
    database: \"\"
    pidfile: \"{directory}/nsd.pid\"
    xfrdfile: \"{directory}/xfrd.state\"
    xfrdir: \"{directory}\"
    zonelistfile: \"{directory}/zone.list\"
    ipv4-edns-size: {UDP_PAYLOAD}
    ipv6-edns-size: {UDP_PAYLOAD}
    minimal-responses: yes
    round-robin: no
    rrl-ratelimit: {rate}
    rrl-whitelist-ratelimit: 0
    rrl-slip: {slip}
    answer-cookie: {cookies}
    cookie-secret: \"{COOKIE_SECRET}\"
    cookie-secret-file: \"{directory}/cookies\"
    tcp-count: {clients}
    tcp-timeout: {idle}
    identity: \"peer\"
    nsid: \"ascii_peer\"
    version: \"peer\"
remote-control:
    control-enable: {control}
    control-interface: \"{directory}/{CONTROL}\"
"
    );
    for Zone { origin, path } in zones {
        let path = path.display();
        text += &format!("zone:\n    name: \"{origin}\"\n    zonefile: \"{path}\"\n");
    }
    text
}

/// A valid cookie exempts from limits where cookies are read first.
fn knot(zones: &[Zone], listen: &str, directory: &str, tuning: &Tuning) -> String {
    let (clients, idle) = (tuning.tcp_clients, tuning.tcp_idle_seconds);
    let (modules, used) = match tuning.limits {
        Some(Limits { rate, slip }) => (
            format!(
                "mod-rrl:
  - id: on
    rate-limit: {rate}
    slip: {slip}
mod-cookies:
  - id: on
    secret: 0x{COOKIE_SECRET}
"
            ),
            "    global-module: [mod-cookies/on, mod-rrl/on]\n",
        ),
        None => (String::new(), ""),
    };
    let mut text = format!(
        "server:
    listen: {listen}
    rundir: \"{directory}\"
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    udp-max-payload: {UDP_PAYLOAD}
    tcp-max-clients: {clients}
    tcp-idle-timeout: {idle}
    identity: \"peer\"
    nsid: \"peer\"
    version: \"peer\"
control:
    listen: \"{directory}/{CONTROL}\"
database:
    storage: \"{directory}\"
log:
  - target: stderr
    any: warning
{modules}template:
  - id: default
    storage: \"{directory}\"
{used}    semantic-checks: off
    journal-content: none
    zonefile-sync: -1
zone:
"
    );
    for Zone { origin, path } in zones {
        let path = path.display();
        text += &format!("  - domain: \"{origin}\"\n    file: \"{path}\"\n");
    }
    text
}

fn bind(zones: &[Zone], at: SocketAddr, directory: &str, tuning: &Tuning) -> String {
    let (ip, port) = (at.ip(), at.port());
    let (on, other) = if at.is_ipv4() {
        ("listen-on", "listen-on-v6")
    } else {
        ("listen-on-v6", "listen-on")
    };
    let mut text = format!(
        "options {{
    directory \"{directory}\";
    {on} port {port} {{ {ip}; }};
    {other} {{ none; }};
    pid-file none;
    lock-file none;
    session-keyfile none;
    recursion no;
    empty-zones-enable no;
    dnssec-validation no;
    minimal-responses yes;
    max-udp-size {UDP_PAYLOAD};
    notify no;
    tcp-clients {};
    tcp-idle-timeout {};
    server-id \"peer\";
    hostname \"peer\";
    version \"peer\";
    check-names primary ignore;
    check-integrity no;
    querylog no;
}};
controls {{ }};
logging {{ category default {{ default_stderr; }}; channel default_stderr {{ stderr; severity warning; }}; }};
",
        tuning.tcp_clients,
        tuning.tcp_idle_seconds * 10
    );
    for Zone { origin, path } in zones {
        let path = path.display();
        text += &format!("zone \"{origin}\" {{ type primary; file \"{path}\"; }};\n");
    }
    text
}

/// Largest UDP response, in octets of DNS message (DNS flag day 2020).
const UDP_PAYLOAD: u16 = 1232;

/// With it a server makes its cookies. Nobody forges them here.
const COOKIE_SECRET: &str = "000102030405060708090a0b0c0d0e0f";
