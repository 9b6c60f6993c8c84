//! The whole of a node: a server that watches itself, its keeper, BIRD, and the router of the host.

use super::bed::{Bed, V4, wait_until};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::Value;
use socket2::{Domain, Socket, Type};
use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The usual server of a node, and what is quick in it.
const SERVER: &str = r#"
[node]
identity = "aa01-ke-nbo"
listen = ["192.0.2.53:53", "[2001:db8:53::53]:53", "203.0.113.10:53"]
state = "state"
workers = 2
[anycast]
addresses = ["192.0.2.53", "2001:db8:53::53"]
prefixes = ["192.0.2.0/24", "2001:db8:53::/48"]
asn = 64500
folder = "run"
interface = "lo"
health = { interval-milliseconds = 200, probation-seconds = 1 }
drain = { leaving-seconds = 1 }
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
[[key]]
name = "site-key"
algorithm = "hmac-sha256"
secret = "c2l4dGVlbiBvY3RldHMgYXJlIG5vdCBlbm91Z2ghIQ=="
[[zone]]
name = "."
file = "zones/root.zone"
anchors = "zones/anchors.ds"
"#;

const SECOND_NEIGHBOR: &str = "[[neighbor]]
name = \"host-b\"
address = \"2001:db8::1\"
asn = 64510
bfd = false
";

/// A node that announces both prefixes.
fn announced(config: &str) -> Option<Bed> {
    let mut bed = Bed::running(config)?;
    make_zones(&bed, "zones", 1);
    bed.start_server("imrs.toml");
    bed.wait_until_heard(Some(("64500", "")));
    Some(bed)
}

/// Makes a test root, one other for each seed.
fn make_zones(bed: &Bed, folder: &str, seed: u64) {
    let mut synth = Command::new(env!("CARGO_BIN_EXE_imrs"));
    synth.args([
        "zone",
        "synth",
        "--tlds",
        "20",
        "--seed",
        &seed.to_string(),
        "--out",
    ]);
    let made = synth.arg(bed.path(folder)).output().unwrap();
    assert!(made.status.success(), "{made:?}");
}

/// What the server says on its control socket, as JSON.
fn ctl(bed: &Bed, state: &str, args: &[&str]) -> Option<Value> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imrs"));
    command.args(["ctl", "--output", "json", "--socket"]);
    command.arg(bed.path(state).join("control.sock")).args(args);
    serde_json::from_slice(&command.output().unwrap().stdout).ok()
}

/// How IPv4 stands.
fn standing(bed: &Bed) -> Option<String> {
    let told = ctl(bed, "state", &["route"])?;
    Some(told["families"][0]["standing"].as_str()?.to_owned())
}

fn wait_until_standing(bed: &Bed, expected: &str) {
    let what = format!("IPv4 to be {expected}");
    wait_until(&what, || (standing(bed)? == expected).then_some(()));
}

/// Answers on the service address of a node, with the question alone.
struct Liar {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Liar {
    fn start(bed: &Bed) -> Liar {
        let is_over = Arc::new(AtomicBool::new(false));
        let (over, namespace) = (Arc::clone(&is_over), bed.namespace_file());
        let lie = move || {
            let network = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(namespace.as_fd(), network).unwrap();
            let sockets: Vec<UdpSocket> = (0..32).map(|_| shared_socket()).collect();
            let mut room = [0; 512];
            while !over.load(Ordering::Relaxed) {
                for socket in &sockets {
                    if let Ok((length, peer)) = socket.recv_from(&mut room) {
                        room[2] |= 0x84;
                        socket.send_to(&room[..length], peer).unwrap();
                    }
                }
                thread::sleep(Duration::from_millis(1));
            }
        };
        let thread = Some(thread::spawn(lie));
        Liar { is_over, thread }
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

fn shared_socket() -> UdpSocket {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
    socket.set_reuse_port(true).unwrap();
    let address: SocketAddr = "192.0.2.53:53".parse().unwrap();
    socket.bind(&address.into()).unwrap();
    socket.set_nonblocking(true).unwrap();
    socket.into()
}

#[test]
fn a_server_whose_answers_are_right_is_announced_until_it_is_killed() {
    let Some(mut bed) = announced(SERVER) else {
        return;
    };
    wait_until_standing(&bed, "announced");
    bed.kill_server();
    bed.wait_until_heard(None);
}

#[test]
fn wrong_answers_withdraw_and_right_ones_come_back() {
    let Some(bed) = announced(SERVER) else {
        return;
    };
    // Somebody else answers on the same port, as a daemon that was forgotten would: of most flows
    // it gets the queries.
    let liar = Liar::start(&bed);
    bed.wait_until_heard_of(V4, None);
    let told = ctl(&bed, "state", &["route"]).unwrap();
    let family = &told["families"][0];
    assert_eq!(family["state"], "unfit", "{told:#}");
    let reason = family["reasons"][0]["text"].as_str().unwrap();
    assert!(reason.starts_with("wrong answer on IPv4"), "{reason}");
    assert_eq!(told["families"][1]["standing"], "announced", "{told:#}");
    drop(liar);
    bed.wait_until_heard(Some(("64500", "")));
}

#[test]
fn a_drain_leaves_then_withdraws_and_ends_when_it_is_told() {
    let Some(mut bed) = announced(SERVER) else {
        return;
    };
    ctl(&bed, "state", &["drain"]).unwrap();
    bed.wait_until_heard(Some(("64500", "(65535,0)")));
    bed.wait_until_heard(None);
    wait_until_standing(&bed, "drained");
    // It answers on, for whoever still asks.
    assert!(bed.asks("192.0.2.53").contains("aa01-ke-nbo"));
    // A restart is no end of it.
    bed.kill_server();
    bed.start_server("imrs.toml");
    wait_until_standing(&bed, "drained");
    ctl(&bed, "state", &["undrain"]).unwrap();
    bed.wait_until_heard(Some(("64500", "")));
    ctl(&bed, "state", &["neighbor", "host-a", "--prepend", "2"]).unwrap();
    bed.wait_until_heard_of(V4, Some(("64500 64500 64500", "")));
}

#[test]
fn a_server_that_is_told_to_stop_leaves_the_routes_first() {
    let Some(mut bed) = announced(SERVER) else {
        return;
    };
    bed.signal_server("TERM");
    bed.wait_until_heard(Some(("64500", "(65535,0)")));
    assert_eq!(bed.server_end(), Some(0));
    bed.wait_until_heard(None);
}

#[test]
fn routers_hear_nothing_of_a_server_that_takes_over() {
    let Some(mut bed) = announced(SERVER) else {
        return;
    };
    let since = bed.heard_since(V4);
    bed.take_over();
    wait_until_standing(&bed, "announced");
    assert_eq!(bed.heard_since(V4), since);
    bed.kill_server();
    bed.wait_until_heard(None);
}

#[test]
fn own_probes_are_in_no_statistics() {
    let Some(bed) = announced(SERVER) else {
        return;
    };
    bed.asks("192.0.2.53");
    let stats = ctl(&bed, "state", &["stats"]).unwrap();
    let received = stats["messages"]["udp-ipv4"]["received"].as_u64().unwrap();
    assert!(received > 10, "{received}");
    // Only the host has asked: it is the one source.
    let accounts = wait_until("the host to be counted", || {
        let stats = ctl(&bed, "state", &["stats"])?;
        let accounts = stats["accounts"].clone();
        (accounts["sources_ipv4"]["value"].as_u64()? > 0).then_some(accounts)
    });
    assert_eq!(accounts["sources_ipv4"]["value"], 1, "{accounts:#}");
    assert_eq!(accounts["sources_ipv6"]["value"], 0, "{accounts:#}");
    assert_eq!(accounts["unrecorded_responses"], 0, "{accounts:#}");
}

#[test]
fn a_drain_waits_for_another_node_to_stand_in() {
    let site = "[site]\nkey = \"site-key\"\nnodes = [\n\
        { identity = \"aa01-ke-nbo-n1\", address = \"203.0.113.10:53\" },\n\
        { identity = \"aa01-ke-nbo-n2\", address = \"203.0.113.10:54\" },\n]\n";
    let config = format!("{SERVER}{site}").replace(
        "key = \"site-key\"\nnodes",
        "node = 1\nkey = \"site-key\"\nnodes",
    );
    let Some(mut bed) = announced(&config) else {
        return;
    };
    ctl(&bed, "state", &["drain"]).unwrap();
    wait_until_standing(&bed, "held-up");
    // The other node has the same keeper, which is enough to be announced.
    bed.node_ip("address add 192.0.2.54/32 dev lo");
    let other = { config.replace("node = 1", "node = 2") }
        .replace(
            "\"192.0.2.53:53\", \"[2001:db8:53::53]:53\"",
            "\"192.0.2.54:53\"",
        )
        .replace("203.0.113.10:53\"]", "203.0.113.10:54\"]")
        .replace("[\"192.0.2.53\", \"2001:db8:53::53\"]", "[\"192.0.2.54\"]")
        .replace(", \"2001:db8:53::/48\"", "")
        .replace(SECOND_NEIGHBOR, "")
        .replace("state = \"state\"", "state = \"state-2\"");
    fs::write(bed.path("other.toml"), other).unwrap();
    bed.start_other("other.toml");
    wait_until_standing(&bed, "draining");
    let site = ctl(&bed, "state", &["site"]).unwrap();
    assert_eq!(site["nodes"][1]["identity"], "aa01-ke-nbo-n2", "{site:#}");
    assert_eq!(
        site["nodes"][1]["brief"]["families"][0]["standing"],
        "announced"
    );
    bed.kill_other();
    wait_until_standing(&bed, "held-up");
}
