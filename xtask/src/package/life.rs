//! The life of the package: installed, upgraded, rolled back, removed.

use super::room::Room;
use anyhow::{Context, Result, ensure};
use std::path::Path;

/// Plays it; `said` is told of each step that went well.
pub(super) fn play(room: &Room, first: &Path, next: &Path, said: &dyn Fn(&str)) -> Result<()> {
    room.put(first, "/imrs_first.deb")?;
    room.put(next, "/imrs_next.deb")?;
    install(room, "/imrs_first.deb")?;
    installed(room)?;
    said("apt installs it: files, users, links, units and a configuration that is good");
    serves(room)?;
    said(
        "the first program answers, by the ExecStart of its unit and as its user, and outlives a bad reload",
    );
    let before = current(room)?;
    room.told("echo '# ours' >> /etc/imrs/imrs.toml")?;
    install(room, "/imrs_next.deb")?;
    let after = current(room)?;
    ensure!(after != before, "an upgrade left {before} current");
    ensure!(
        room.told("tail -n 1 /etc/imrs/imrs.toml")?.trim() == "# ours",
        "an upgrade changed the configuration"
    );
    said("an upgrade makes the new program current and keeps the configuration");
    install(room, "/imrs_next.deb --reinstall")?;
    ensure!(current(room)? == after, "installing again is a change");
    room.told("imrs-rollback")?;
    ensure!(current(room)? == before, "imrs-rollback left {after}");
    room.told("imrs --version && imrs-rollback && imrs-rollback")?;
    ensure!(current(room)? == before, "going forth and back is a change");
    said("imrs-rollback makes the program before current again");
    room.told("apt-get --quiet --yes remove imrs && test -e /etc/imrs/imrs.toml")?;
    room.told("! test -e /usr/lib/imrs && ! test -e /usr/bin/imrs")?;
    room.told("dpkg --purge imrs && ! test -e /etc/imrs && ! test -e /var/lib/imrs")?;
    said("removed, it leaves the configuration; purged, nothing");
    Ok(())
}

fn install(room: &Room, what: &str) -> Result<()> {
    room.told(&format!(
        "apt-get --quiet --yes --no-install-recommends install {what}"
    ))?;
    Ok(())
}

/// The version that is current.
fn current(room: &Room) -> Result<String> {
    let link = room.told("readlink /usr/lib/imrs/programs/current")?;
    Ok(link.trim().to_owned())
}

/// What is there once the package is installed.
fn installed(room: &Room) -> Result<()> {
    for line in [
        "imrs --version",
        "imrs check-config /etc/imrs/imrs.toml",
        "id imrs && id imrs-route && id bird",
        "test \"$(stat -c '%U:%G %a' /etc/imrs/imrs.toml)\" = 'root:imrs 640'",
        "test \"$(stat -c '%U:%G %a' /var/lib/imrs)\" = 'imrs:imrs 700'",
        "test -e /usr/share/man/man1/imrs-serve.1.gz",
        "systemctl is-enabled imrs.service imrs-route.service",
        // Nothing is announced by a fresh package, and Debian's own BIRD is as it was.
        "! grep -q '^ *\\[anycast\\]' /etc/imrs/imrs.toml",
        "systemctl is-enabled bird.service",
    ] {
        room.told(line)?;
    }
    Ok(())
}

/// Starts the server as its unit does, with a test root, and asks it.
fn serves(room: &Room) -> Result<()> {
    let start = line_of(room, "imrs.service", "ExecStart")?;
    let capabilities = line_of(room, "imrs.service", "AmbientCapabilities")?;
    let capabilities: Vec<String> = { capabilities.split_whitespace() }
        .map(|name| format!("+{}", name.trim_start_matches("CAP_").to_lowercase()))
        .collect();
    let capabilities = capabilities.join(",");
    // No network: the zone is one that was made.
    let line = format!(
        "set -e; imrs zone synth --tlds 20 --out /srv/zone >/dev/null; chmod -R a+rX /srv/zone
         cp /etc/imrs/imrs.toml /srv/kept.toml
         sed -i 's|^name = \".\"|&\\nfile = \"/srv/zone/root.zone\"\\nanchors = \"/srv/zone/anchors.ds\"|' \
             /etc/imrs/imrs.toml
         setpriv --reuid imrs --regid imrs --init-groups --no-new-privs \
             --bounding-set -all,{capabilities} \
             --inh-caps -all,{capabilities} --ambient-caps -all,{capabilities} {start} 2>/srv/log &
         for i in $(seq 100); do
             imrs ctl status >/srv/status 2>&1 && break
             sleep 0.1
         done
         IMRS_CONFIG=/absent.toml /usr/lib/imrs/reload 2>&1 || echo reload failed
         cat /srv/status /srv/log; perl -e '{ASK}' || echo no answer
         kill $!; wait $! || true
         cat /srv/kept.toml > /etc/imrs/imrs.toml; rm -r /srv/zone"
    );
    let said = room.told(&line)?;
    // A program that cannot start leaves the running one alone, and the reload says so.
    let parts = [
        "sandbox  user imrs, no capabilities",
        "the running one goes on",
        "reload failed",
        "answer 0 1",
    ];
    for part in parts {
        ensure!(said.contains(part), "`{part}` is missing in: {said}");
    }
    Ok(())
}

/// Asks for the SOA of the root over UDP, and prints RCODE and count of answers (RFC 1035 section
/// 4.1.1). A fresh Debian has no better client.
const ASK: &str = "use IO::Socket::INET; \
    my $s = IO::Socket::INET->new(PeerAddr => q(127.0.0.1:5300), Proto => q(udp)) or die; \
    $s->send(pack(q(n6Cn2), 4242, 0, 1, 0, 0, 0, 0, 6, 1)); alarm 5; $s->recv(my $a, 4096); \
    my @h = unpack(q(n6), $a); printf qq(answer %d %d\\n), $h[1] & 15, $h[3] if $h[0] == 4242;";

/// The value of a key of a unit that is installed.
fn line_of(room: &Room, unit: &str, key: &str) -> Result<String> {
    let text = room.told(&format!("cat /lib/systemd/system/{unit}"))?;
    let start = format!("{key}=");
    let line = text.lines().find_map(|line| line.strip_prefix(&start));
    Ok(line
        .with_context(|| format!("{unit} has no {key}"))?
        .to_owned())
}
