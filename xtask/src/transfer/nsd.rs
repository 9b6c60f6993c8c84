//! The configuration of NSD in transfers.

use super::{Part, Remote, zone_file};
use std::fmt::Write as _;
use std::path::Path;

/// A new master file becomes a difference, which IXFR is served from.
pub(super) fn configuration(part: &Part, directory: &Path) -> String {
    let (ip, port) = (part.address.ip(), part.address.port());
    let folder = directory.display();
    let mut text = format!(
        "server:
    ip-address: {ip}@{port}
    server-count: 1
    username: \"\"
    zonesdir: \"{folder}\"
    database: \"\"
    pidfile: \"{folder}/nsd.pid\"
    xfrdfile: \"{folder}/xfrd.state\"
    xfrdir: \"{folder}\"
    zonelistfile: \"{folder}/zone.list\"
    xfrd-reload-timeout: 0
    verbosity: 2
    rrl-ratelimit: 0
    rrl-whitelist-ratelimit: 0
"
    );
    if let Some((listen, certificate)) = &part.tls {
        let (ip, port) = (listen.ip(), listen.port());
        let _ = write!(
            text,
            "    ip-address: {ip}@{port}\n    tls-port: {port}\n    tls-service-key: \"{}\"\n    \
             tls-service-pem: \"{}\"\n",
            certificate.private_key.display(),
            certificate.certificate.display()
        );
    }
    if let Some((ca, _)) = part.from.as_ref().and_then(|from| from.tls.as_ref()) {
        let _ = writeln!(text, "    tls-cert-bundle: \"{}\"", ca.display());
    }
    text += "remote-control:\n    control-enable: no\n";
    for secret in &part.secrets {
        let _ = write!(
            text,
            "key:\n    name: \"{}\"\n    algorithm: {}\n    secret: \"{}\"\n",
            secret.name, secret.algorithm, secret.base64
        );
    }
    text + &zone(part, directory)
}

fn zone(part: &Part, directory: &Path) -> String {
    let mut text = String::new();
    if let Some((_, name)) = part.from.as_ref().and_then(|from| from.tls.as_ref()) {
        let _ = write!(
            text,
            "tls-auth:\n    name: \"xot\"\n    auth-domain-name: \"{name}\"\n"
        );
    }
    let _ = write!(
        text,
        "zone:
    name: \".\"
    zonefile: \"{}\"
    store-ixfr: yes
    create-ixfr: yes
",
        zone_file(directory).display()
    );
    let network = part.network;
    for key in &part.allow {
        let _ = writeln!(text, "    provide-xfr: {network} {key}");
    }
    if part.allow.is_empty() {
        let _ = writeln!(text, "    provide-xfr: {network} NOKEY");
    }
    for remote in &part.notified {
        let _ = writeln!(text, "    notify: {}", target(remote));
    }
    if let Some(primary) = &part.from {
        let tls = primary.tls.as_ref().map_or("", |_| " xot");
        let _ = writeln!(text, "    request-xfr: {}{tls}", target(primary));
        let key = primary.key.unwrap_or(NO_KEY);
        let _ = writeln!(text, "    allow-notify: {network} {key}");
    }
    text
}

fn target(remote: &Remote) -> String {
    let (ip, port) = (remote.address.ip(), remote.address.port());
    format!("{ip}@{port} {}", remote.key.unwrap_or(NO_KEY))
}

/// How NSD says that no key is used.
const NO_KEY: &str = "NOKEY";
