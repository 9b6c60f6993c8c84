//! A Single on a host's network: what the doctor says of each mistake, and that it answers exactly
//! while it is announced.

use super::flow::Flow;
use super::host::{CLIENTS, Host, Session};
use super::life::{in_office, install};
use super::room::Room;
use anyhow::{Result, bail, ensure};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// Plays it; `said` is told of each step that went well.
pub(super) fn play(room: &Room, package: &Path, said: &dyn Fn(&str)) -> Result<()> {
    room.put(package, "/imrs.deb")?;
    let host = Host::build(&room.network, MISTYPED)?;
    install(room, "/imrs.deb")?;
    room.told("install -m 0640 -g imrs-route /dev/null /etc/imrs/host.password")?;
    mistakes_of_ours(room, said)?;
    mistakes_of_the_host(room, &host, said)?;
    announced(room, &host, said)?;
    failing(room, &host, said)?;
    room.told("apt-get --quiet --yes remove imrs")?;
    host.wait_for_route(IPV4, false)?;
    host.wait_for_route(IPV6, false)?;
    said("removing the package withdraws both");
    Ok(())
}

/// What is wrong in the configuration of the node.
fn mistakes_of_ours(room: &Room, said: &dyn Fn(&str)) -> Result<()> {
    configure(room, "192.0.3.0/24", 64511, "wrong")?;
    told(room, &["WRONG   configuration:", "192.0.2.53"])?;
    said("a prefix that no service address is in is refused, and the doctor says so");
    configure(room, "192.0.2.0/24", 64511, "wrong")?;
    room.told("imrs check-config /etc/imrs/imrs.toml")?;
    room.told("systemctl restart imrs-route.service imrs.service")?;
    told(
        room,
        &[
            "WRONG   session: host-ipv4 (AS 64510, 203.0.113.1) is in state connect",
            "the password of this session",
            "WRONG   session: host-ipv6 (AS 64511, 2001:db8:1::1) is in state",
            "Bad peer AS",
            "`asn` of this neighbor, now 64511",
        ],
    )?;
    said("the doctor names a wrong AS number of the neighbor, and a wrong password");
    configure(room, "192.0.2.0/24", 64510, "right")?;
    room.told("systemctl reload imrs-route.service imrs.service")?;
    Ok(())
}

/// A host whose filter has another prefix: the session stands, the prefix is told, and nobody comes.
fn mistakes_of_the_host(room: &Room, host: &Host, said: &dyn Fn(&str)) -> Result<()> {
    host.wait_for_route(IPV6, true)?;
    all_answered(host, IPV6)?;
    told(
        room,
        &[
            "well    session: host-ipv4",
            "well    told: host-ipv4 (AS 64510, 203.0.113.1) is told of 1 IPv4 prefixes",
            "WRONG   seen: IPv4 is told to host-ipv4 (AS 64510, 203.0.113.1), and reaches nobody",
            "compare 192.0.2.0/24 in [anycast], digit by digit, with your registration",
            "well    seen: IPv6: at least",
        ],
    )?;
    ensure!(
        !host.has_route(IPV4)?,
        "the host takes what its filter has not"
    );
    said("a host that mistyped the IPv4 prefix in its filter is named by the doctor");
    host.change(Session {
        ipv4: "192.0.2.0/24",
        ..MISTYPED
    })?;
    host.wait_for_route(IPV4, true)?;
    all_answered(host, IPV4)?;
    let announced = "wish: IPv4 is to be announced";
    let text = told(room, &["well    seen: IPv4: at least", announced])?;
    // What the doctor sees of the clock the server has to see too, within all that confines it.
    let is_unkept = text.contains("WRONG   clock");
    let wish = text.lines().find(|line| line.contains(announced));
    ensure!(
        is_unkept == wish.is_some_and(|line| line.contains("clock")),
        "the server and the doctor differ about the clock:\n{text}"
    );
    // The machine's clock and its packet filter are those of whoever runs this.
    let is_ours = |line: &&str| {
        let is_of_clock = line.contains("clock") || line.contains(" kernel: ");
        let is_told_of_it = is_unkept && line.contains(" server: needs attention");
        !is_of_clock && !is_told_of_it
    };
    let marked = |line: &&str| line.starts_with("WRONG") || line.starts_with("unsure");
    if let Some(line) = text.lines().filter(is_ours).find(marked) {
        bail!("all is well, but for `{line}`:\n{text}");
    }
    said(
        "with the filter as it should be, both families are answered through BGP, and all is well",
    );
    Ok(())
}

/// A take-over of an announced node.
fn announced(room: &Room, host: &Host, said: &dyn Fn(&str)) -> Result<()> {
    let flows = [IPV4, IPV6].map(|to| Flow::start(&host.client, (to, 53).into()));
    let before = in_office(room)?;
    for flow in flows.iter().flatten() {
        flow.go_on()?;
    }
    room.told("systemctl reload imrs.service")?;
    for flow in flows.iter().flatten() {
        flow.go_on()?;
    }
    ensure!(in_office(room)?.0 != before.0, "the reload was none");
    for flow in flows {
        let account = flow?.end();
        ensure!(
            account.lost == 0,
            "queries through BGP were lost: {account:?}"
        );
    }
    said("a take-over loses no query that comes through BGP");
    Ok(())
}

/// What becomes of the route with the server.
fn failing(room: &Room, host: &Host, said: &dyn Fn(&str)) -> Result<()> {
    let start = Instant::now();
    room.told("systemctl kill --signal=KILL --kill-whom=main imrs.service")?;
    host.wait_for_route(IPV4, false)?;
    host.wait_for_route(IPV6, false)?;
    let gone = start.elapsed();
    host.wait_for_route(IPV4, true)?;
    host.wait_for_route(IPV6, true)?;
    all_answered(host, IPV4)?;
    said(&format!(
        "a server that is killed is withdrawn within {} ms, started again, and announced again",
        gone.as_millis()
    ));
    for (unit, what) in [
        ("imrs.service", "a server"),
        ("imrs-route.service", "a keeper"),
    ] {
        let main = format!("systemctl show --property=MainPID --value {unit}");
        let before = room.told(&main)?;
        room.told(&format!("kill -STOP {before}"))?;
        room.wait_for(&format!("p=$({main}); test $p != 0 && test $p != {before}"))?;
        let log = room.told(&format!("journalctl --no-pager --unit={unit}"))?;
        ensure!(log.contains("Watchdog timeout"), "no watchdog: {log}");
        host.wait_for_route(IPV4, true)?;
        host.wait_for_route(IPV6, true)?;
        all_answered(host, IPV4)?;
        said(&format!(
            "{what} that hangs is started anew by its watchdog"
        ));
    }
    Ok(())
}

/// Has all clients ask, all of whom have to be answered.
fn all_answered(host: &Host, to: IpAddr) -> Result<()> {
    let answered = host.ask_from_all((to, 53).into())?;
    ensure!(
        answered == CLIENTS,
        "of {CLIENTS} clients {answered} are answered at {to}"
    );
    Ok(())
}

/// Writes the configuration of the node.
fn configure(room: &Room, ipv4: &str, asn: u32, password: &str) -> Result<()> {
    let text = format!(
        "[node]
identity = \"aa01-ke-nbo\"
listen = [\"192.0.2.53:53\", \"[2001:db8:53::53]:53\", \"203.0.113.10:53\", \"[2001:db8:1::10]:53\"]
state = \"/var/lib/imrs\"
user = \"imrs\"
[[zone]]
name = \".\"
file = \"/srv/zone/root.zone\"
anchors = \"/srv/zone/anchors.ds\"
[anycast]
addresses = [\"192.0.2.53\", \"2001:db8:53::53\"]
prefixes = [\"{ipv4}\", \"2001:db8:53::/48\"]
asn = 64500
router-id = \"203.0.113.10\"
interface = \"lo\"
health = {{ probation-seconds = 2 }}
[[neighbor]]
name = \"host-ipv4\"
address = \"203.0.113.1\"
asn = 64510
password-file = \"/etc/imrs/host.password\"
[[neighbor]]
name = \"host-ipv6\"
address = \"2001:db8:1::1\"
asn = {asn}
"
    );
    fs::write(room.path("/etc/imrs/imrs.toml"), text)?;
    fs::write(room.path("/etc/imrs/host.password"), password)?;
    Ok(())
}

/// Waits until the doctor says all of this; what it says.
fn told(room: &Room, parts: &[&str]) -> Result<String> {
    let start = Instant::now();
    loop {
        let output = room.run("imrs doctor")?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let Some(missing) = parts.iter().find(|part| !text.contains(*part)) else {
            return Ok(text);
        };
        if start.elapsed() > PATIENCE {
            bail!("the doctor does not say `{missing}`:\n{text}");
        }
        thread::sleep(PAUSE);
    }
}

/// The service addresses.
const IPV4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 53));
const IPV6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0x53, 0, 0, 0, 0, 0x53));

/// A host that mistyped the IPv4 prefix in its filter.
const MISTYPED: Session = Session {
    ipv4: "192.0.12.0/24",
    ipv6: "2001:db8:53::/48",
    password: "right",
};

/// Sessions are there within seconds.
const PATIENCE: Duration = Duration::from_secs(40);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(500);
