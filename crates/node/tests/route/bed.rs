//! A node with a keeper and BIRD, and the router of its host.

use crate::namespace::{Namespace, Process};
use imrs_fleet::anycast::{Stand, Wish};
use imrs_node::route::Link;
use imrs_node::route::v1::Report;
use imrs_wire::Both;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Long enough for a busy machine; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Time between two looks.
const PACE: Duration = Duration::from_millis(20);

/// A node and the router of its host.
pub(crate) struct Bed {
    // Dropped in this order: processes before their namespaces.
    server: Option<Process>,
    other: Option<Process>,
    keeper: Option<Process>,
    bird: Option<Process>,
    routers: Vec<Process>,
    node: Namespace,
    host: Namespace,
    folder: TempDir,
}

/// What the router has heard of a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) path: String,
    pub(crate) communities: String,
}

pub(crate) const V4: &str = "192.0.2.0/24";
pub(crate) const V6: &str = "2001:db8:53::/48";

/// The usual configuration of the node. Without BFD, which a busy machine would be too slow for.
pub(crate) const CONFIG: &str = r#"
[node]
listen = ["192.0.2.53:53", "[2001:db8:53::53]:53", "203.0.113.10:53"]
[anycast]
addresses = ["192.0.2.53", "2001:db8:53::53"]
prefixes = ["192.0.2.0/24", "2001:db8:53::/48"]
asn = 64500
folder = "run"
trial-seconds = 5
[[neighbor]]
name = "host-a"
address = "203.0.113.1"
source = "203.0.113.10"
asn = 64510
password-file = "password"
bfd = false
[[neighbor]]
name = "host-b"
address = "2001:db8::1"
asn = 64510
bfd = false
"#;

const ROUTER: &str = r#"
log stderr all;
router id 203.0.113.1;
protocol device { }
protocol bfd { interface "downlink" { interval 50 ms; multiplier 3; }; }
template bgp node {
  passive; direct; bfd BFD; hold time 9;
  connect delay time 1; error wait time 1, 2;
}
protocol bgp n4 from node {
  local 203.0.113.1 as 64510; neighbor 203.0.113.10 as 64500; password "s3c;ret}";
  ipv4 { import all; export none; };
}
protocol bgp n6 from node {
  local 2001:db8::1 as 64510; neighbor 2001:db8::10 as 64500;
  ipv6 { import all; export none; };
}
"#;

impl Bed {
    /// A bed with this configuration, whose keeper and BIRD run and whose sessions are there; none
    /// where there can be none.
    pub(crate) fn running(config: &str) -> Option<Bed> {
        let mut bed = Bed::made(config)?;
        bed.start_node();
        Some(bed)
    }

    /// Starts the keeper and BIRD, and waits for their sessions.
    pub(crate) fn start_node(&mut self) {
        let bed = self;
        bed.start_keeper();
        bed.start_bird();
        bed.wait_for_report("both sessions", |report| {
            let mut neighbors = report.neighbors.iter();
            neighbors.len() == 2 && neighbors.all(|neighbor| neighbor.state == "established")
        });
    }

    /// The same, of which only the router runs.
    pub(crate) fn made(config: &str) -> Option<Bed> {
        let bfd = if config.contains("bfd = false") {
            "off"
        } else {
            "on"
        };
        Bed::with_router(config, &ROUTER.replace("BFD", bfd))
    }

    /// The same, with a router of this configuration.
    pub(crate) fn with_router(config: &str, router: &str) -> Option<Bed> {
        let mut bed = Bed::bare(config)?;
        fs::write(bed.path("router.conf"), router).unwrap();
        let router = bird(bed.folder.path(), "router.conf", "router.ctl");
        bed.start_router(&router);
        let control = bed.path("router.ctl");
        wait_until("the router", || control.exists().then_some(()));
        Some(bed)
    }

    /// The same, of which nothing runs.
    pub(crate) fn bare(config: &str) -> Option<Bed> {
        let folder = tempfile::tempdir().unwrap();
        let (node, host) = match (Namespace::make("node"), Namespace::make("host")) {
            (Some(node), Some(host)) if has_bird() => (node, host),
            _ => {
                eprintln!("skipped: it takes BIRD 2 (package bird2) and network namespaces");
                return None;
            }
        };
        node.ip(
            "link add uplink type veth peer name downlink netns HOST",
            &host,
        );
        for (namespace, interface, last) in [(&node, "uplink", "10"), (&host, "downlink", "1")] {
            let ip = |command: &str| namespace.ip(command, &host);
            ip("link set lo up");
            ip(&format!("link set {interface} up"));
            ip(&format!("address add 203.0.113.{last}/24 dev {interface}"));
            ip(&format!(
                "address add 2001:db8::{last}/64 dev {interface} nodad"
            ));
        }
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("imrs.toml", config);
        write("password", "s3c;ret}\n");
        let password = folder.path().join("password");
        make_private(&password);
        Some(Bed {
            server: None,
            other: None,
            keeper: None,
            bird: None,
            routers: Vec::new(),
            node,
            host,
            folder,
        })
    }

    /// Starts a program on the host.
    pub(crate) fn start_router(&mut self, command: &Command) {
        self.routers.push(self.host.start(command));
    }

    /// What the kernel of the host does with a prefix.
    pub(crate) fn host_route(&self, prefix: &str) -> String {
        let family = if prefix.contains(':') { "-6" } else { "-4" };
        self.host
            .ip(&format!("{family} route show {prefix}"), &self.host)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The network namespace of the node.
    pub(crate) fn namespace_file(&self) -> fs::File {
        fs::File::open(Path::new("/run/netns").join(&self.node.0)).unwrap()
    }

    fn serve(&self, config: &str, args: &[&str]) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_imrs"));
        command.args(["serve", "--config"]).arg(self.path(config));
        command.args(args);
        self.node.start(&command)
    }

    /// Starts `imrs serve`.
    pub(crate) fn start_server(&mut self, config: &str) {
        self.host
            .ip("route replace 192.0.2.0/24 via 203.0.113.10", &self.host);
        self.server = Some(self.serve(config, &[]));
    }

    /// Starts the server of another node in the same namespace.
    pub(crate) fn start_other(&mut self, config: &str) {
        self.other = Some(self.serve(config, &[]));
    }

    /// Has another process take over from the server, and waits for the end of that one.
    pub(crate) fn take_over(&mut self) {
        let newer = self.serve("imrs.toml", &["--take-over"]);
        assert_eq!(self.server_end(), Some(0));
        self.server = Some(newer);
    }

    /// Since when the router has its route of a prefix, as it says.
    pub(crate) fn heard_since(&self, prefix: &str) -> String {
        let said = birdc(&self.path("router.ctl"), &format!("show route {prefix}"));
        let since = said
            .split_once('[')
            .and_then(|(_, rest)| rest.split_once(']'));
        since.unwrap_or_else(|| panic!("{said}")).0.to_owned()
    }

    pub(crate) fn kill_server(&mut self) {
        self.server = None;
    }

    pub(crate) fn kill_other(&mut self) {
        self.other = None;
    }

    pub(crate) fn signal_server(&self, signal: &str) {
        self.server.as_ref().unwrap().signal(signal);
    }

    /// How the server ended.
    pub(crate) fn server_end(&mut self) -> Option<i32> {
        let mut server = self.server.take().unwrap();
        wait_until("the end of the server", || server.0.try_wait().unwrap()).code()
    }

    /// What the host gets to a question for `id.server` (RFC 4892) at an address, as text.
    pub(crate) fn asks(&self, address: &str) -> String {
        let query = r"\0\7\0\0\0\1\0\0\0\0\0\0\2id\6server\0\0\20\0\3";
        let script = format!(
            "exec 3<>/dev/udp/{address}/53; printf '{query}' >&3; timeout 5 dd bs=512 count=1 <&3"
        );
        let mut bash = Command::new("bash");
        bash.args(["-c", &script]);
        let run = self.host.inside(&bash).output().unwrap();
        String::from_utf8_lossy(&run.stdout).into_owned()
    }

    /// Starts the keeper, and waits until its socket is there.
    pub(crate) fn start_keeper(&mut self) {
        let keeper = self.keeper_command(&[]);
        self.keeper = Some(self.node.start(&keeper));
        wait_until("the keeper", || self.link());
    }

    /// `imrs route` with the configuration, in no namespace yet.
    pub(crate) fn keeper_command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_imrs"));
        command
            .args(["route", "--config"])
            .arg(self.path("imrs.toml"))
            .args(args)
            .env_remove("RUST_LOG");
        command
    }

    /// Runs `imrs route` to its end.
    pub(crate) fn route(&self, args: &[&str]) -> Output {
        self.node
            .inside(&self.keeper_command(args))
            .output()
            .unwrap()
    }

    pub(crate) fn start_keeper_by(&mut self, command: &Command) {
        self.keeper = Some(self.node.start(command));
    }

    /// Starts BIRD as its unit does.
    pub(crate) fn start_bird(&mut self) {
        wait_until("bird.conf", || {
            self.path("run/bird.conf").exists().then_some(())
        });
        let bird = bird(self.folder.path(), "run/bird.conf", "run/bird.ctl");
        self.bird = Some(self.node.start(&bird));
    }

    pub(crate) fn kill_bird(&mut self) {
        self.bird = None;
    }

    pub(crate) fn kill_keeper(&mut self) {
        self.keeper = None;
    }

    pub(crate) fn signal_keeper(&self, signal: &str) {
        self.keeper.as_ref().unwrap().signal(signal);
    }

    /// How the keeper ended.
    pub(crate) fn keeper_end(&mut self) -> Option<i32> {
        let mut keeper = self.keeper.take().unwrap();
        wait_until("the end of the keeper", || keeper.0.try_wait().unwrap()).code()
    }

    /// Says something to the node's BIRD by hand.
    pub(crate) fn birdc(&self, command: &str) -> String {
        birdc(&self.path("run/bird.ctl"), command)
    }

    /// A connection to the keeper, if it is there.
    pub(crate) fn link(&self) -> Option<Link> {
        Link::open(&self.path("run/route.sock")).ok()
    }

    pub(crate) fn report(&self) -> Option<Report> {
        self.link()?.show().ok()
    }

    /// Waits for a report of which this is true.
    pub(crate) fn wait_for_report(&self, what: &str, is_so: impl Fn(&Report) -> bool) -> Report {
        wait_until(what, || self.report().filter(&is_so))
    }

    /// What the router has heard of a prefix.
    pub(crate) fn heard(&self, prefix: &str) -> Option<Heard> {
        let control = self.path("router.ctl");
        let said = birdc(&control, &format!("show route {prefix} all"));
        let value = |key: &str| {
            let line = said.lines().find_map(|line| line.trim().strip_prefix(key));
            line.unwrap_or_default().trim().to_owned()
        };
        said.contains(" unicast ").then(|| Heard {
            path: value("BGP.as_path:"),
            communities: value("BGP.community:"),
        })
    }

    /// Waits until the router has heard of both prefixes as this, or of neither.
    pub(crate) fn wait_until_heard(&self, expected: Option<(&str, &str)>) {
        for prefix in [V4, V6] {
            self.wait_until_heard_of(prefix, expected);
        }
    }

    /// The same of one prefix.
    pub(crate) fn wait_until_heard_of(&self, prefix: &str, expected: Option<(&str, &str)>) {
        let expected = expected.map(|(path, communities)| Heard {
            path: path.to_owned(),
            communities: communities.to_owned(),
        });
        let what = format!("{prefix} to be heard as {expected:?}");
        wait_until(&what, || (self.heard(prefix) == expected).then_some(()));
    }

    /// Changes the configuration.
    pub(crate) fn configure(&self, from: &str, to: &str) {
        let path = self.path("imrs.toml");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(path, text.replace(from, to)).unwrap();
    }

    pub(crate) fn node_ip(&self, arguments: &str) -> String {
        self.node.ip(arguments, &self.node)
    }
}

/// Says a wish again and again, until it is dropped.
pub(crate) struct Wisher {
    wishes: Sender<Wish>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Wisher {
    pub(crate) fn start(bed: &Bed, wish: Wish) -> Wisher {
        let (wishes, inbox) = channel();
        wishes.send(wish).unwrap();
        let path = bed.path("run/route.sock");
        let repeat = move || {
            let mut wish = Wish::default();
            let mut link = None;
            loop {
                match inbox.recv_timeout(Duration::from_millis(100)) {
                    Ok(new) => wish = new,
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return,
                }
                link = link.or_else(|| Link::open(&path).ok());
                let said = link.as_mut().map(|link: &mut Link| link.say(&wish));
                if !matches!(said, Some(Ok(_))) {
                    link = None;
                }
            }
        };
        Wisher {
            wishes,
            thread: Some(thread::spawn(repeat)),
        }
    }

    pub(crate) fn say(&self, wish: Wish) {
        self.wishes.send(wish).unwrap();
    }
}

impl Drop for Wisher {
    fn drop(&mut self) {
        (self.wishes, _) = channel();
        self.thread.take().unwrap().join().unwrap();
    }
}

pub(crate) fn both(stand: Stand) -> Wish {
    Wish {
        stands: Both {
            v4: stand,
            v6: stand,
        },
        ..Wish::default()
    }
}

/// A folder for what another user runs.
pub(crate) fn open_folder() -> TempDir {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    folder
}

pub(crate) fn wait_until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        thread::sleep(PACE);
    }
}

fn has_bird() -> bool {
    let run = Command::new("bird").arg("--version").output();
    run.is_ok_and(|run| String::from_utf8_lossy(&run.stderr).contains("version 2."))
}

fn bird(folder: &Path, config: &str, control: &str) -> Command {
    let mut command = Command::new("bird");
    command
        .args(["-f", "-c"])
        .arg(folder.join(config))
        .arg("-s")
        .arg(folder.join(control));
    command
}

fn birdc(control: &Path, command: &str) -> String {
    let mut run = Command::new("birdc");
    run.arg("-s").arg(control).args(command.split(' '));
    String::from_utf8(run.output().unwrap().stdout).unwrap()
}

fn make_private(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}
