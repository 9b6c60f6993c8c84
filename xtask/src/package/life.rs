//! The life of the package: installed, upgraded, rolled back, removed.

use super::flow::Flow;
use super::room::Room;
use anyhow::{Context, Result, ensure};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

/// Plays it; `said` is told of each step that went well.
pub(super) fn play(room: &Room, first: &Path, next: &Path, said: &dyn Fn(&str)) -> Result<()> {
    room.put(first, "/imrs_first.deb")?;
    room.put(next, "/imrs_next.deb")?;
    install(room, "/imrs_first.deb")?;
    installed(room)?;
    said("apt installs it, without a network: files, users, units and a configuration");
    serves(room)?;
    said("systemd starts the server with a test root, and it is well");
    changes(room, said)?;
    restarted(room)?;
    said("a server that was killed after all this is started again");
    room.told("apt-get --quiet --yes remove imrs && test -e /etc/imrs/imrs.toml")?;
    room.told("! test -e /usr/lib/imrs && ! test -e /usr/bin/imrs")?;
    room.told(
        "! systemctl is-active imrs.service && ! test -e /sys/fs/cgroup/system.slice/imrs.service",
    )?;
    room.told("dpkg --purge imrs && ! test -e /etc/imrs && ! test -e /var/lib/imrs")?;
    said("removed, it stops and leaves the configuration; purged, it leaves nothing");
    Ok(())
}

pub(super) fn install(room: &Room, what: &str) -> Result<()> {
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

/// The process that systemd takes for the server, and the version of its program.
pub(super) fn in_office(room: &Room) -> Result<(u32, String)> {
    room.told("systemctl is-active imrs.service")?;
    let told = room.told(
        "p=$(systemctl show --property=MainPID --value imrs.service) && echo $p $(readlink /proc/$p/exe)",
    )?;
    let (process, program) = told.trim().split_once(' ').context("no main process")?;
    let version = { program.trim_end_matches(" (deleted)").rsplit('/').nth(1) }
        .with_context(|| format!("{program} has no version"))?;
    Ok((process.parse()?, version.to_owned()))
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
        "systemctl is-active imrs.service",
        // Nothing is announced by a fresh package, and Debian's own BIRD is as it was.
        "! grep -q '^ *\\[anycast\\]' /etc/imrs/imrs.toml",
        "! systemctl is-active imrs-route.service",
        "systemctl is-enabled bird.service",
    ] {
        room.told(line)?;
    }
    Ok(())
}

/// Gives the server a test root, as there is no network to fetch the real one by.
fn serves(room: &Room) -> Result<()> {
    room.told(
        "imrs zone synth --tlds 20 --out /srv/zone >/dev/null && chmod -R a+rX /srv/zone \
             || exit 1
         sed -i 's|^name = \".\"|&\\nfile = \"/srv/zone/root.zone\"\\nanchors = \"/srv/zone/anchors.ds\"|' \
             /etc/imrs/imrs.toml
         imrs check-config /etc/imrs/imrs.toml && systemctl restart imrs.service",
    )?;
    let said = room.told("imrs ctl status")?;
    ensure!(
        said.contains("sandbox  user imrs, no capabilities"),
        "the server may do more than it should: {said}"
    );
    Ok(())
}

/// Everything that exchanges the program under queries: none of them may be lost.
fn changes(room: &Room, said: &dyn Fn(&str)) -> Result<()> {
    let flow = Flow::start(&room.network, SERVER)?;
    flow.go_on()?;
    let first = in_office(room)?;
    refused(room)?;
    ensure!(
        in_office(room)? == first,
        "a reload that failed changed something"
    );
    said("a reload with a mistake in the configuration fails, and the server goes on");
    room.told("echo '# ours' >> /etc/imrs/imrs.toml")?;
    // The package is there already; it tries again.
    room.told("dpkg-reconfigure imrs")?;
    let next = in_office(room)?;
    ensure!(
        next.0 != first.0 && next.1 == current(room)? && next.1 != first.1,
        "an upgrade left {first:?} in office: {next:?}"
    );
    ensure!(
        room.told("tail -n 1 /etc/imrs/imrs.toml")?.trim() == "# ours",
        "an upgrade changed the configuration"
    );
    flow.go_on()?;
    said("an upgrade has the new program take over, and keeps the configuration");
    install(room, "/imrs_next.deb --reinstall")?;
    let again = in_office(room)?;
    ensure!(again.1 == next.1, "installing again is a change");
    room.told("echo '[nonsense]' >> /etc/imrs/imrs.toml && ! imrs-rollback")?;
    ensure!(
        in_office(room)? == again && current(room)? == again.1,
        "a way back that failed has changed something"
    );
    room.told("cat /srv/kept.toml > /etc/imrs/imrs.toml && imrs-rollback")?;
    let back = in_office(room)?;
    ensure!(back.1 == first.1, "imrs-rollback left {back:?}");
    flow.go_on()?;
    room.told("imrs-rollback")?;
    ensure!(
        in_office(room)?.1 == next.1,
        "going forth again is no change"
    );
    flow.go_on()?;
    said("imrs-rollback has the program before take over, and again the one after it");
    let account = flow.end();
    ensure!(account.lost == 0, "queries were lost: {account:?}");
    said(&format!(
        "of {} queries over UDP and {} over TCP meanwhile, none was lost",
        account.udp, account.tcp
    ));
    Ok(())
}

/// A reload and an upgrade that cannot succeed.
fn refused(room: &Room) -> Result<()> {
    room.told(
        "cp --preserve /etc/imrs/imrs.toml /srv/kept.toml && echo '[nonsense]' >> /etc/imrs/imrs.toml",
    )?;
    room.told("! systemctl reload imrs.service")?;
    install(room, "/imrs_next.deb")?;
    room.told("! test -e /usr/lib/imrs/programs/previous && ! imrs-rollback")?;
    room.told("cat /srv/kept.toml > /etc/imrs/imrs.toml")?;
    Ok(())
}

/// The process that took over is one that systemd watches.
fn restarted(room: &Room) -> Result<()> {
    let (process, version) = in_office(room)?;
    room.told(&format!("kill -KILL {process}"))?;
    room.wait_for("imrs ctl status && systemctl is-active imrs.service")?;
    let after = in_office(room)?;
    ensure!(
        after.0 != process && after.1 == version,
        "systemd started something else: {after:?}"
    );
    Ok(())
}

/// Where a fresh package answers.
const SERVER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 5300);
