//! The configuration of BIND in transfers.

use super::{Part, Remote, zone_file};
use std::fmt::Write as _;
use std::path::Path;

/// A new master file becomes a difference in the journal, which IXFR is served from. Refreshes
/// that fail are tried again within seconds, not minutes.
pub(super) fn configuration(part: &Part, directory: &Path) -> String {
    let (ip, port) = (part.address.ip(), part.address.port());
    let folder = directory.display();
    let mut text = String::new();
    for secret in &part.secrets {
        let _ = writeln!(
            text,
            "key \"{}\" {{ algorithm {}; secret \"{}\"; }};",
            secret.name, secret.algorithm, secret.base64
        );
    }
    let mut listen = format!("listen-on port {port} {{ {ip}; }};");
    if let Some((at, certificate)) = &part.tls {
        let _ = writeln!(
            text,
            "tls \"listener\" {{ cert-file \"{}\"; key-file \"{}\"; }};",
            certificate.certificate.display(),
            certificate.private_key.display()
        );
        let (ip, port) = (at.ip(), at.port());
        let _ = write!(
            listen,
            "\n    listen-on port {port} tls \"listener\" {{ {ip}; }};"
        );
    }
    if let Some((ca, name)) = part.from.as_ref().and_then(|from| from.tls.as_ref()) {
        let _ = writeln!(
            text,
            "tls \"xot\" {{ ca-file \"{}\"; remote-hostname \"{name}\"; }};",
            ca.display()
        );
    }
    let _ = write!(
        text,
        "options {{
    directory \"{folder}\";
    {listen}
    listen-on-v6 {{ none; }};
    pid-file none;
    lock-file none;
    session-keyfile none;
    recursion no;
    empty-zones-enable no;
    dnssec-validation no;
    check-names primary ignore;
    check-integrity no;
    notify-delay 0;
    serial-query-rate 100;
    max-retry-time 5;
    min-retry-time 1;
    querylog no;
}};
controls {{ }};
logging {{ category default {{ default_stderr; }}; channel default_stderr {{ stderr; severity info; }}; }};
"
    );
    text + &zone(part, directory)
}

fn zone(part: &Part, directory: &Path) -> String {
    let keys = |keys: &[&str]| -> String {
        let list = keys.iter().map(|key| format!("key \"{key}\"; "));
        list.collect()
    };
    let mut text = format!(
        "zone \".\" {{\n    file \"{}\";\n    masterfile-format text;\n    \
         ixfr-from-differences yes;\n",
        zone_file(directory).display()
    );
    let allow = match part.allow.as_slice() {
        [] => format!("{}; ", part.network),
        // Not from elsewhere, and then only by a key.
        allow => format!("!{{ !{}; any; }}; {}", part.network, keys(allow)),
    };
    let _ = writeln!(text, "    allow-transfer {{ {allow}}};");
    let notified: String = part.notified.iter().map(target).collect();
    text += "    notify explicit;\n";
    let _ = writeln!(text, "    also-notify {{ {notified}}};");
    match &part.from {
        None => text += "    type primary;\n",
        Some(primary) => {
            let _ = writeln!(text, "    type secondary;");
            let _ = writeln!(text, "    primaries {{ {}}};", target(primary));
            let allow = match primary.key {
                None => format!("{}; ", part.network),
                Some(key) => keys(&[key]),
            };
            let _ = writeln!(text, "    allow-notify {{ {allow}}};");
        }
    }
    text + "};\n"
}

fn target(remote: &Remote) -> String {
    let (ip, port) = (remote.address.ip(), remote.address.port());
    let key = remote
        .key
        .map_or_else(String::new, |key| format!(" key \"{key}\""));
    let tls = remote.tls.as_ref().map_or("", |_| " tls \"xot\"");
    format!("{ip} port {port}{key}{tls}; ")
}
