//! BIRD as a router of a network, and as what a node has.
//!
//! Start reading at [`router`]. This file does not know what is announced at any time.

use super::plan::{End, LINKS, Link, OPERATOR, PREFIXES, Place};
use super::waiting::pause;
use crate::peers::{Daemon, Tool, tool_command};
use anyhow::{Context, Result, bail, ensure};
use std::fmt::Write as _;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A BIRD that runs. Ends when dropped.
#[derive(Debug)]
pub(super) struct Bird {
    /// Its process.
    pub(super) daemon: Daemon,
    socket: PathBuf,
}

impl Bird {
    /// Starts it with a configuration, in the namespace of this thread.
    pub(super) fn start(text: &str) -> Result<Bird> {
        let directory = Daemon::directory()?;
        let file = directory.path().join("bird.conf");
        fs::write(&file, text)?;
        let socket = directory.path().join("bird.ctl");
        Bird::start_at(&file, &socket, Arc::new(directory))
    }

    /// Starts it with a configuration file and a control socket.
    pub(super) fn start_at(file: &Path, socket: &Path, directory: Arc<TempDir>) -> Result<Bird> {
        let mut command = tool_command("bird")?;
        command.args(["-f", "-c"]).arg(file).arg("-s").arg(socket);
        let daemon = Daemon::start(&mut command, directory, NOWHERE, [])?;
        let bird = Bird {
            daemon,
            socket: socket.to_owned(),
        };
        let start = Instant::now();
        while bird.ask("show status").is_err() {
            ensure!(
                start.elapsed() < PATIENCE,
                "BIRD does not answer after {PATIENCE:?}; its log:\n{}",
                bird.daemon.log()
            );
            pause(PAUSE)?;
        }
        Ok(bird)
    }

    /// What it says to a command.
    pub(super) fn ask(&self, command: &str) -> Result<String> {
        let mut birdc = tool_command("birdc")?;
        birdc.arg("-s").arg(&self.socket);
        let output = birdc.args(command.split_whitespace()).output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() || text.contains("Unable to connect") {
            bail!("birdc {command}: {}", text.trim());
        }
        Ok(text)
    }

    /// Whether the session of this name is established.
    fn is_established(&self, session: &str) -> Result<bool> {
        let text = self.ask(&format!("show protocols {session}"))?;
        let line = text.lines().find(|line| line.starts_with(session));
        let line = line.with_context(|| format!("BIRD knows no session {session}: {text}"))?;
        Ok(line.contains("Established"))
    }

    /// Those of the sessions that are not established.
    pub(super) fn missing(&self, sessions: &[String]) -> Result<Vec<String>> {
        let mut missing = Vec::new();
        for session in sessions {
            if !self.is_established(session)? {
                missing.push(session.clone());
            }
        }
        Ok(missing)
    }
}

/// The sessions of a router with one neighbor.
pub(super) fn sessions_with(neighbor: Place) -> [String; 2] {
    let name = neighbor.name();
    [format!("{name}_4"), format!("{name}_6")]
}

/// The configuration of a router.
///
/// It spreads flows over equal routes, heeds GRACEFUL_SHUTDOWN (RFC 8326), and prefers the Cluster
/// to the Singles, so that it is known whose clients are whose.
pub(super) fn router(place: Place, asn: u32) -> String {
    let id = identifier(place);
    let [v4, v6] = PREFIXES;
    let mut text = format!(
        "router id {id};
protocol device {{ scan time 1; }}
protocol direct {{ ipv4; ipv6; }}
protocol kernel {{ merge paths on; ipv4 {{ import none; export where source != RTS_DEVICE; }}; }}
protocol kernel {{ merge paths on; ipv6 {{ import none; export where source != RTS_DEVICE; }}; }}
protocol bfd {{ interface \"*\" {{ interval {BFD_MS} ms; multiplier 3; }}; }}
function heed() {{ if (65535, 0) ~ bgp_community then bgp_local_pref = 0; }}
filter from_network {{ heed(); accept; }}
filter from_cluster {{ bgp_local_pref = 200; heed(); accept; }}
filter service4 {{ if net != {v4} then reject; heed(); accept; }}
filter service6 {{ if net != {v6} then reject; heed(); accept; }}
template bgp neighbor_of_{asn} {{
  local as {asn};
  hold time 9;
  keepalive time 3;
  connect delay time 1;
  connect retry time 2;
  error wait time 1, 5;
  error forget time 30;
  graceful restart off;
  bfd on;
}}
"
    );
    for (link, end) in neighbors(place) {
        let peer = peer(link, end);
        for family in [4, 6] {
            let _ = write!(text, "{}", session(peer, link, end, family, asn));
        }
    }
    text
}

fn session(peer: Place, link: Link, end: End, family: u8, asn: u32) -> String {
    let far = match end {
        End::Router => End::Other,
        End::Other => End::Router,
    };
    let address: IpAddr = match family {
        4 => link.ipv4(far).into(),
        _ => link.ipv6(far).into(),
    };
    let routed = Place::ROUTERS.iter().find(|(one, _)| *one == peer);
    let (its, import, export) = match routed {
        None => (OPERATOR, format!("service{family}"), "none"),
        Some((Place::Router, its)) => (*its, "from_cluster".to_owned(), "all"),
        Some((_, its)) => (*its, "from_network".to_owned(), "all"),
    };
    format!(
        "protocol bgp {}_{family} from neighbor_of_{asn} {{
  neighbor {address} as {its};
  ipv{family} {{ import filter {import}; export {export}; }};
}}
",
        peer.name()
    )
}

/// Who speaks BGP to a router, and at which end of the link the router is.
fn neighbors(place: Place) -> impl Iterator<Item = (Link, End)> {
    LINKS.into_iter().filter_map(move |link| {
        let speaks = |place: Place| {
            Place::ANNOUNCING.contains(&place)
                || Place::ROUTERS.iter().any(|(router, _)| *router == place)
        };
        if link.router == place && speaks(link.other) {
            return Some((link, End::Router));
        }
        (link.other == place).then_some((link, End::Other))
    })
}

fn peer(link: Link, end: End) -> Place {
    match end {
        End::Router => link.other,
        End::Other => link.router,
    }
}

fn identifier(place: Place) -> Ipv4Addr {
    let (link, end) = neighbors(place).next().expect("each router has a neighbor");
    link.ipv4(end)
}

/// BIRD and its client.
pub(super) const BIRD: Tool = Tool {
    command: "bird",
    package: "bird2",
};

/// Time between two BFD packets (RFC 5880); three that are missing end the session.
pub(super) const BFD_MS: u32 = 50;

/// BIRD answers no queries: this is free everywhere.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// BIRD starts within milliseconds; more only on a crowded machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_router_has_a_session_of_each_family_with_each_neighbor() {
        let text = router(Place::HostA, 64510);
        for neighbor in [Place::Upstream, Place::SingleA] {
            for name in sessions_with(neighbor) {
                assert!(text.contains(&format!("protocol bgp {name} ")), "{text}");
            }
        }
        assert_eq!(text.matches("protocol bgp").count(), 4);
    }

    #[test]
    fn nodes_are_believed_the_service_prefixes_alone() {
        let text = router(Place::Router, 64530);
        assert_eq!(text.matches("import filter service4").count(), 4);
        assert_eq!(text.matches("import filter from_network").count(), 2);
    }
}
