//! The host of a Single: a router with a real BIRD, and a client beyond it.
//!
//! ```text
//! room ── host router ── client
//! ```

use super::flow::over_udp;
use crate::lab::namespace::Namespace;
use crate::peers::{Daemon, tool_command};
use anyhow::{Result, ensure};
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// The network of a host. Gone when dropped.
#[derive(Debug)]
pub(super) struct Host {
    // Ends ahead of the namespace that it is in.
    bird: Daemon,
    router: Namespace,
    /// Where clients are.
    pub(super) client: Namespace,
}

/// What the host's router lets through and asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Session {
    /// The IPv4 prefix that it takes from the node.
    pub(super) ipv4: &'static str,
    /// The IPv6 prefix.
    pub(super) ipv6: &'static str,
    /// The password of the IPv4 session (RFC 2385).
    pub(super) password: &'static str,
}

impl Host {
    /// Makes it beside the network of a node, which gets addresses and default routes.
    pub(super) fn build(node: &Namespace, session: Session) -> Result<Host> {
        let router = Namespace::make("host")?;
        let client = Namespace::make("client")?;
        node.join(
            ("eth0", "203.0.113.10/24"),
            &router,
            ("node0", "203.0.113.1/24"),
        )?;
        client.join(
            ("eth0", "198.51.100.1/24"),
            &router,
            ("out0", "198.51.100.254/24"),
        )?;
        let address = |at: &Namespace, address: &str, interface: &str| {
            let add = ["address", "add", address, "dev", interface];
            // No time for the search for others that have it.
            match address.contains(':') {
                true => at.ip(&[&add[..], &["nodad"]].concat()),
                false => at.ip(&add),
            }
        };
        address(node, "2001:db8:1::10/64", "eth0")?;
        address(&router, "2001:db8:1::1/64", "node0")?;
        address(&router, "2001:db8:9::ffff/64", "out0")?;
        for number in 1..=CLIENTS {
            address(&client, &format!("2001:db8:9::{number}/64"), "eth0")?;
            if number > 1 {
                address(&client, &format!("198.51.100.{number}/24"), "eth0")?;
            }
        }
        for (at, ipv4, ipv6) in [
            (node, "203.0.113.1", "2001:db8:1::1"),
            (&client, "198.51.100.254", "2001:db8:9::ffff"),
        ] {
            at.ip(&["route", "add", "default", "via", ipv4])?;
            at.ip(&["-6", "route", "add", "default", "via", ipv6])?;
        }
        let bird = router.enter(|| {
            fs::write("/proc/sys/net/ipv4/ip_forward", "1")?;
            fs::write("/proc/sys/net/ipv6/conf/all/forwarding", "1")?;
            let directory = Daemon::directory()?;
            let file = directory.path().join(CONF);
            fs::write(&file, conf(session))?;
            let mut command = tool_command("bird")?;
            command.args(["-f", "-c"]).arg(&file);
            command.arg("-s").arg(directory.path().join(SOCKET));
            // It answers no queries: this is free everywhere.
            Daemon::start(&mut command, directory, ([127, 0, 0, 1], 0).into(), [])
        })?;
        Ok(Host {
            bird,
            router,
            client,
        })
    }

    /// Has its router go by other rules.
    pub(super) fn change(&self, session: Session) -> Result<()> {
        fs::write(self.bird.path().join(CONF), conf(session))?;
        let mut birdc = tool_command("birdc")?;
        birdc.arg("-s").arg(self.bird.path().join(SOCKET));
        let said = birdc.arg("configure").output()?;
        let text = String::from_utf8_lossy(&said.stdout);
        ensure!(text.contains("Reconfigur"), "the host's BIRD: {text}");
        Ok(())
    }

    /// Whether its kernel has a route by BGP to an address of the node.
    pub(super) fn has_route(&self, to: IpAddr) -> Result<bool> {
        let output = self.router.enter(|| {
            let mut ip = Command::new("ip");
            ip.args(["route", "get", &to.to_string()]);
            Ok(ip.output()?)
        })?;
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(text.contains("203.0.113.10") || text.contains("dev node0"))
    }

    /// Waits until its kernel has such a route, or has none.
    pub(super) fn wait_for_route(&self, to: IpAddr, there: bool) -> Result<()> {
        let start = Instant::now();
        while self.has_route(to)? != there {
            ensure!(
                start.elapsed() < PATIENCE,
                "the host's route to {to} is {} after {PATIENCE:?}",
                if there { "missing" } else { "still there" }
            );
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// Asks from each address of the client's in the family of the server; how many are answered.
    pub(super) fn ask_from_all(&self, server: SocketAddr) -> Result<usize> {
        let asked = (1..=CLIENTS).map(|number| {
            let source: IpAddr = match server {
                SocketAddr::V4(_) => format!("198.51.100.{number}").parse()?,
                SocketAddr::V6(_) => format!("2001:db8:9::{number}").parse()?,
            };
            Ok(self.client.enter(|| Ok(over_udp(source, server)))?.is_ok())
        });
        let answered: Result<Vec<bool>> = asked.collect();
        Ok(answered?
            .into_iter()
            .filter(|is_answered| *is_answered)
            .count())
    }
}

/// The configuration of its BIRD.
fn conf(session: Session) -> String {
    let Session {
        ipv4,
        ipv6,
        password,
    } = session;
    format!(
        "router id 203.0.113.1;
protocol device {{ scan time 1; }}
protocol direct {{ ipv4; ipv6; }}
protocol kernel {{ ipv4 {{ import none; export where source = RTS_BGP; }}; }}
protocol kernel {{ ipv6 {{ import none; export where source = RTS_BGP; }}; }}
protocol bfd {{ }}
template bgp node {{
  local as 64510;
  hold time 9; keepalive time 3; connect delay time 1; connect retry time 2;
  error wait time 1, 5; error forget time 30; graceful restart off; bfd on;
}}
protocol bgp node4 from node {{
  neighbor 203.0.113.10 as 64500;
  password \"{password}\";
  ipv4 {{ import where net = {ipv4}; export none; }};
}}
protocol bgp node6 from node {{
  neighbor 2001:db8:1::10 as 64500;
  ipv6 {{ import where net = {ipv6}; export none; }};
}}
"
    )
}

/// Addresses of the client in each family: more than the node has itself, by ten.
pub(super) const CLIENTS: usize = 16;

const CONF: &str = "bird.conf";

const SOCKET: &str = "bird.ctl";

/// For what takes seconds where the machine is not crowded.
const PATIENCE: Duration = Duration::from_secs(90);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);
