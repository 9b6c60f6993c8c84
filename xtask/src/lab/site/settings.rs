//! The configuration of a node, as an operator would write it, but for short times.
//!
//! Start reading at [`text`].

use super::bird::BFD_MS;
use super::plan::{DNS, End, NETWORKS, OPERATOR, PREFIXES, Place, SERVICE};
use super::servers::KEY;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The files of a node.
#[derive(Clone, Debug)]
pub(super) struct Files {
    /// What it is told.
    pub(super) configuration: PathBuf,
    /// The trust anchor of the zone.
    pub(super) anchors: PathBuf,
    /// What its cookies are made with.
    pub(super) cookies: PathBuf,
    /// Its state.
    pub(super) state: PathBuf,
    /// Its control socket.
    pub(super) control: PathBuf,
    /// What the keeper and BIRD share.
    pub(super) route: PathBuf,
}

impl Files {
    /// All of them below one folder.
    pub(super) fn in_folder(folder: &Path) -> Files {
        Files {
            configuration: folder.join("imrs.toml"),
            anchors: folder.join("anchors.ds"),
            cookies: folder.join("cookies"),
            state: folder.join("state"),
            control: folder.join("control"),
            route: folder.join("route"),
        }
    }

    /// What BIRD starts with.
    pub(super) fn bird_configuration(&self) -> PathBuf {
        self.route.join("bird.conf")
    }

    /// BIRD's control socket.
    pub(super) fn bird_socket(&self) -> PathBuf {
        self.route.join("bird.ctl")
    }
}

/// The whole text.
pub(super) fn text(place: Place, files: &Files) -> String {
    let own = [
        SocketAddr::new(place.ipv4().into(), DNS),
        SocketAddr::new(place.ipv6().into(), DNS),
    ];
    let services = SERVICE.map(|address| SocketAddr::new(address, DNS));
    let listen = services.into_iter().chain(own);
    let listen: Vec<String> = listen.map(|socket| format!("\"{socket}\"")).collect();
    let (site, number) = place.site().expect("only nodes have a configuration");
    let [v4, v6] = NETWORKS;
    let mut text = format!(
        "[node]
listen = [{}]
workers = 1
state = \"{}\"
control = \"{}\"
identity = \"{site}\"
[limit]
exempt = [\"{v4}\", \"{v6}\"]
[cookies]
secret-file = \"{}\"
[[key]]
name = \"{}\"
algorithm = \"{}\"
secret = \"{}\"
[[key]]
name = \"{SITE_KEY}\"
algorithm = \"{}\"
secret = \"{}\"
",
        listen.join(", "),
        files.state.display(),
        files.control.display(),
        files.cookies.display(),
        KEY.name,
        KEY.algorithm,
        KEY.base64,
        KEY.algorithm,
        KEY.base64,
    );
    text += &anycast(place, files);
    text += &site_table(number);
    text + &zone(place, files)
}

fn anycast(place: Place, files: &Files) -> String {
    let quoted = |all: [String; 2]| all.map(|one| format!("\"{one}\"")).join(", ");
    let addresses = quoted(SERVICE.map(|address| address.to_string()));
    let prefixes = quoted(PREFIXES.map(str::to_owned));
    let folder = files.route.display();
    let mut text = format!(
        "[anycast]
addresses = [{addresses}]
prefixes = [{prefixes}]
asn = {OPERATOR}
router-id = \"{}\"
folder = \"{folder}\"
drain = {{ leaving-seconds = {LEAVING}, patience-seconds = 10 }}
health = {{ probation-seconds = {PROBATION} }}
guard = {{ floor = {FLOOR}, alone = \"withdraw\" }}
",
        place.ipv4()
    );
    let link = place.home();
    let routed = Place::ROUTERS.iter().find(|(one, _)| *one == link.router);
    let (_, asn) = routed.expect("nodes are behind routers");
    let neighbors = [
        ("four", link.ipv4(End::Router).to_string()),
        ("six", link.ipv6(End::Router).to_string()),
    ];
    for (name, address) in neighbors {
        let _ = write!(
            text,
            "[[neighbor]]
name = \"{name}\"
address = \"{address}\"
asn = {asn}
bfd-milliseconds = {BFD_MS}
"
        );
    }
    text
}

/// All that announce stand in for each other.
fn site_table(number: Option<u8>) -> String {
    let entry = |place: &Place| {
        let identity = place.identity().expect("nodes have one");
        format!(
            "  {{ identity = \"{identity}\", address = \"{}\" }},\n",
            place.unicast()
        )
    };
    let mut text = "[site]\n".to_owned();
    if let Some(number) = number {
        let _ = writeln!(text, "node = {number}");
    }
    let _ = writeln!(text, "key = \"{SITE_KEY}\"");
    let _ = writeln!(text, "capacity-queries-per-second = {CAPACITY}");
    let nodes: String = Place::ANNOUNCING.iter().map(entry).collect();
    let _ = writeln!(text, "nodes = [\n{nodes}]");
    text
}

/// The first node of the Cluster fetches from the primary and gives the others the zone.
fn zone(place: Place, files: &Files) -> String {
    let behind_first = [Place::N2, Place::N3, Place::N4];
    let primary = if behind_first.contains(&place) {
        Place::N1
    } else {
        Place::Primary
    };
    let key = KEY.name;
    let mut text = format!(
        "[[zone]]
name = \".\"
anchors = \"{}\"
primaries = [{{ address = \"{}\", key = \"{key}\" }}]
",
        files.anchors.display(),
        primary.unicast()
    );
    if place == Place::N1 {
        let told = behind_first
            .map(|place| format!("{{ address = \"{}\", key = \"{key}\" }}", place.unicast()));
        let _ = writeln!(
            text,
            "allow-transfer = [{{ from = \"{}\", key = \"{key}\" }}]\nnotify = [{}]",
            NETWORKS[0],
            told.join(", ")
        );
    }
    text
}

/// Seconds for which a node that was unfit has to be well: short, so that scenes are.
pub(super) const PROBATION: u64 = 3;

/// Seconds between GRACEFUL_SHUTDOWN and the withdrawal.
pub(super) const LEAVING: u64 = 2;

/// Others that have to go on announcing while one withdraws for a soft reason.
pub(super) const FLOOR: usize = 2;

/// Queries a second that a node is said to answer.
const CAPACITY: u64 = 20_000;

/// The secret of cookies, the same on all nodes.
pub(super) const COOKIES: &str = "active 000102030405060708090a0b0c0d0e0f\n";

/// By which the nodes know each other.
const SITE_KEY: &str = "site-key";
