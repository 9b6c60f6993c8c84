//! Configurations of the peers: as alike as their options allow.

use super::{Software, Zone};
use std::net::SocketAddr;
use std::path::Path;

/// The text of the configuration file of `software`; its working files go to `directory`.
pub(super) fn configuration(
    software: Software,
    zones: &[Zone],
    at: SocketAddr,
    directory: &Path,
) -> String {
    let directory = directory.display();
    let (ip, port) = (at.ip(), at.port());
    match software {
        Software::Nsd => nsd(zones, &format!("{ip}@{port}"), &directory.to_string()),
        Software::Knot => knot(zones, &format!("{ip}@{port}"), &directory.to_string()),
        Software::Bind => bind(zones, at, &directory.to_string()),
    }
}

/// Debian builds NSD with rate limits on, 200 responses a second: they are switched off here.
fn nsd(zones: &[Zone], listen: &str, directory: &str) -> String {
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
    rrl-ratelimit: 0
    rrl-whitelist-ratelimit: 0
    tcp-count: {TCP_CLIENTS}
    tcp-timeout: {TCP_IDLE_SECONDS}
    identity: \"peer\"
    nsid: \"ascii_peer\"
    version: \"peer\"
remote-control:
    control-enable: no
"
    );
    for Zone { origin, path } in zones {
        let path = path.display();
        text += &format!("zone:\n    name: \"{origin}\"\n    zonefile: \"{path}\"\n");
    }
    text
}

fn knot(zones: &[Zone], listen: &str, directory: &str) -> String {
    let mut text = format!(
        "server:
    listen: {listen}
    rundir: \"{directory}\"
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    udp-max-payload: {UDP_PAYLOAD}
    tcp-max-clients: {TCP_CLIENTS}
    tcp-idle-timeout: {TCP_IDLE_SECONDS}
    identity: \"peer\"
    nsid: \"peer\"
    version: \"peer\"
control:
    listen: \"{directory}/knot.sock\"
database:
    storage: \"{directory}\"
log:
  - target: stderr
    any: warning
template:
  - id: default
    storage: \"{directory}\"
    semantic-checks: off
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

fn bind(zones: &[Zone], at: SocketAddr, directory: &str) -> String {
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
    tcp-clients {TCP_CLIENTS};
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
        TCP_IDLE_SECONDS * 10
    );
    for Zone { origin, path } in zones {
        let path = path.display();
        text += &format!("zone \"{origin}\" {{ type primary; file \"{path}\"; }};\n");
    }
    text
}

/// Largest UDP response, in octets of DNS message (DNS flag day 2020).
const UDP_PAYLOAD: u16 = 1232;

/// TCP connections at once: more than any benchmark opens.
const TCP_CLIENTS: u32 = 1000;

/// Longer than the pauses between the bursts of a benchmark.
const TCP_IDLE_SECONDS: u32 = 60;
