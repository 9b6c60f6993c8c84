//! A newer process takes the sockets of the running one over, under load and without a query lost.

use super::support::{Server, TestRoot, failure, text_of};
use imrs_telemetry::counts::{Flow, Transport};
use imrs_telemetry::day::Account;
use imrs_telemetry::limits::SOURCES_OCTETS;
use imrs_wire::Family;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Long enough for a busy machine; who waits this long has lost something.
const PATIENCE: Duration = Duration::from_secs(20);

/// Between two queries of a flow: what is tested is not speed.
const PACE: Duration = Duration::from_millis(1);

/// A query for the SOA record of the root.
const QUERY: [u8; 17] = [0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 1];

/// Flows of queries that go on until they are told to end.
struct Load {
    shared: Arc<Shared>,
    flows: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    ends: AtomicBool,
    udp: AtomicU64,
    tcp: AtomicU64,
    lost: AtomicU64,
}

impl Load {
    /// Some flows over UDP, each from a port of its own, and over TCP, a connection each query.
    fn start(server: SocketAddr) -> Load {
        let shared = Arc::<Shared>::default();
        let mut flows = Vec::new();
        for _ in 0..8 {
            let shared = Arc::clone(&shared);
            flows.push(thread::spawn(move || over_udp(server, &shared)));
        }
        for _ in 0..2 {
            let shared = Arc::clone(&shared);
            flows.push(thread::spawn(move || over_tcp(server, &shared)));
        }
        Load { shared, flows }
    }

    /// Waits until so many more were asked over each.
    fn wait_for(&self, more: u64) {
        let began = Instant::now();
        let (udp, tcp) = self.sent();
        loop {
            let now = self.sent();
            if now.0 >= udp + more && now.1 >= tcp + more / 4 {
                return;
            }
            assert!(began.elapsed() < PATIENCE * 3, "{now:?}");
            thread::sleep(PACE);
        }
    }

    /// What was asked so far over UDP and TCP.
    fn sent(&self) -> (u64, u64) {
        (self.shared.udp.load(Relaxed), self.shared.tcp.load(Relaxed))
    }

    /// Ends all flows; gives what was asked over UDP and TCP, and what was not answered.
    fn end(self) -> (u64, u64, u64) {
        self.shared.ends.store(true, Relaxed);
        for flow in self.flows {
            flow.join().unwrap();
        }
        let count = |number: &AtomicU64| number.load(Relaxed);
        let Shared { udp, tcp, lost, .. } = &*self.shared;
        (count(udp), count(tcp), count(lost))
    }
}

fn over_udp(server: SocketAddr, shared: &Shared) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE / 4)).unwrap();
    socket.connect(server).unwrap();
    let mut response = [0; 4096];
    while !shared.ends.load(Relaxed) {
        shared.udp.fetch_add(1, Relaxed);
        let answered = socket.send(&QUERY).is_ok() && socket.recv(&mut response).is_ok();
        shared.lost.fetch_add(u64::from(!answered), Relaxed);
        thread::sleep(PACE);
    }
}

fn over_tcp(server: SocketAddr, shared: &Shared) {
    while !shared.ends.load(Relaxed) {
        shared.tcp.fetch_add(1, Relaxed);
        let answered = TcpStream::connect(server).and_then(|stream| ask(&stream));
        if let Err(error) = answered {
            println!("over TCP: {error}");
            shared.lost.fetch_add(1, Relaxed);
        }
        thread::sleep(PACE * 4);
    }
}

/// Asks once on a connection.
fn ask(mut stream: &TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE / 4))?;
    let length = u16::try_from(QUERY.len()).unwrap().to_be_bytes();
    stream.write_all(&[&length, &QUERY[..]].concat())?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut response = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut response)
}

/// A configuration of a root with a state folder.
fn configure(root: &TestRoot, more: &str) -> String {
    let file = root.path("imrs.toml");
    fs::create_dir_all(root.path("state")).unwrap();
    let zone = "[[zone]]\nname = \".\"\nfile = \"root.zone\"\nanchors = \"anchors.ds\"\n";
    fs::write(&file, format!("{more}\n[node]\nstate = \"state\"\n{zone}")).unwrap();
    file
}

/// Takes a server over, and waits until the new one is ready.
fn take_over(root: &TestRoot, server: &Server, workers: &str, config: &str) -> Server {
    let listen = server.address.to_string();
    let args = ["--config", config, "--take-over"];
    let newer = Server::start_at(root.folder.path(), &listen, workers, &args);
    assert_eq!(newer.address, server.address);
    newer
}

/// Queries that are kept as counted over UDP and over TCP, on all open days.
fn kept(root: &TestRoot) -> (u64, u64) {
    let entries = fs::read_dir(root.path("state/statistics/open")).unwrap();
    let (mut udp, mut tcp) = (0, 0);
    for entry in entries {
        let octets = fs::read(entry.unwrap().path()).unwrap();
        let account = Account::decode(&octets, SOURCES_OCTETS).unwrap();
        let over = |transport| account.counts.flow(Flow::new(transport, Family::V4));
        udp += over(Transport::Udp).queries();
        tcp += over(Transport::Tcp).queries();
    }
    (udp, tcp)
}

/// Takes over under load from so many workers to so many, and again.
fn check(older_workers: &str, newer_workers: &str) {
    let root = TestRoot::new(7);
    let config = configure(&root, "");
    let folder = root.folder.path();
    let args = ["--config", &config];
    let older = Server::start_at(folder, "127.0.0.1:0", older_workers, &args);
    let load = Load::start(older.address);
    let lasting = TcpStream::connect(older.address).unwrap();
    ask(&lasting).unwrap();
    load.wait_for(400);

    root.put(&text_of(8));
    let newer = take_over(&root, &older, newer_workers, &config);
    older.wait_for_log("ends with its connections");
    load.wait_for(400);
    // The connection that the older one had accepted goes on there.
    ask(&lasting).unwrap();
    drop(lasting);
    assert_eq!(older.wait(), 0);
    assert!(
        newer.socket().exists(),
        "it is not the older one's any more"
    );
    newer.wait_for_log("counting goes on");
    assert_eq!(newer.ctl(&["status"]).1, 0);

    let newest = take_over(&root, &newer, older_workers, &config);
    load.wait_for(400);
    assert_eq!(newer.wait(), 0);
    assert_eq!(newest.serial(), 8);
    let (udp, tcp, lost) = load.end();
    assert_eq!(lost, 0, "of {udp} and {tcp}");
    newest.signal("TERM");
    assert_eq!(newest.wait(), 0);
    assert!(!folder.join("control.sock").exists());
    // Two over the connection that lasted, and the one for the serial.
    assert_eq!(kept(&root), (udp + 1, tcp + 2));
}

#[test]
fn no_query_is_lost_or_counted_twice_with_one_worker() {
    check("1", "1");
}

#[test]
fn no_query_is_lost_or_counted_twice_with_two_workers() {
    check("2", "2");
}

#[test]
fn no_query_is_lost_when_the_number_of_workers_changes() {
    check("1", "3");
    check("3", "2");
}

#[test]
fn a_newer_one_that_cannot_start_leaves_the_older_one_serving() {
    let root = TestRoot::new(7);
    let config = configure(&root, "");
    let older = Server::start(root.folder.path(), &["--config", &config]);
    let load = Load::start(older.address);
    let broken = text_of(8).replace(" 8 ", " 9 ");
    root.put(&broken);
    let control = root.path("control.sock");
    let listen = older.address.to_string();
    let args = [
        "serve",
        "--take-over",
        "--config",
        &config,
        "--listen",
        &listen,
        "--control",
        &control,
    ];
    let (error, exit) = failure(&args);
    assert_eq!(exit, 1, "{error}");
    assert!(error.contains("nothing is served"), "{error}");
    older.wait_for_log("this one goes on as before");
    load.wait_for(100);

    // One that is killed while it loads: making a root of its own takes it a second.
    let killed = Server::spawn(root.folder.path(), &listen, "1", &["--take-over"]);
    older.wait_for_log("lending");
    drop(killed);
    older.wait_for_log("this one goes on as before");
    load.wait_for(100);

    // Nobody else gets them meanwhile.
    let mut first = UnixStream::connect(&control).unwrap();
    let mut reader = BufReader::new(first.try_clone().unwrap());
    let request = b"{\"schema\":\"imrs.control/1\",\"command\":\"take-over\",\"pid\":1}\n";
    first.write_all(request).unwrap();
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert!(line.contains("\"kind\":\"sockets\""), "{line}");
    let (error, exit) = failure(&args);
    assert_eq!(exit, 1);
    assert!(
        error.contains("process 1 is taking over already"),
        "{error}"
    );
    drop((first, reader));
    older.wait_for_log("this one goes on as before");

    let (_, _, lost) = load.end();
    assert_eq!(lost, 0);
    older.signal("TERM");
    assert_eq!(older.wait(), 0);
}

#[test]
fn what_cannot_hand_over_is_told_with_the_remedy_and_nobody_is_no_mistake() {
    let root = TestRoot::new(7);
    let control = root.path("control.sock");
    let older = UnixListener::bind(&control).unwrap();
    let reply = thread::spawn(move || {
        let (mut stream, _) = older.accept().unwrap();
        let mut line = String::new();
        BufReader::new(&stream).read_line(&mut line).unwrap();
        let said = "the request is not of imrs.control/1: unknown variant `take-over`, expected \
                    one of `status`, `reload`";
        let reply = format!(
            "{{\"schema\":\"imrs.control/1\",\"kind\":\"error\",\"message\":\"{said}\"}}\n"
        );
        stream.write_all(reply.as_bytes()).unwrap();
    });
    let config = configure(&root, "");
    let (error, exit) = failure(&[
        "serve",
        "--take-over",
        "--config",
        &config,
        "--listen",
        "127.0.0.1:0",
        "--control",
        &control,
    ]);
    reply.join().unwrap();
    assert_eq!(exit, 1);
    assert!(error.contains("cannot hand its sockets over"), "{error}");
    assert!(error.contains("systemctl restart imrs"), "{error}");

    fs::remove_file(&control).unwrap();
    let args = ["--config", &config, "--take-over"];
    let server = Server::start(root.folder.path(), &args);
    assert_eq!(server.serial(), 7);
}

/// Whether a client over TLS or QUIC is answered; none where there is no such client.
fn is_answered(over: &str, port: u16) -> Option<bool> {
    let port = port.to_string();
    let args = [
        "@127.0.0.1",
        "-p",
        &port,
        over,
        ".",
        "SOA",
        "+short",
        "+timeout=10",
    ];
    let Ok(output) = Command::new("kdig").args(args).output() else {
        println!("skipped: kdig is not installed");
        return None;
    };
    Some(String::from_utf8_lossy(&output.stdout).contains(" 1800 900 "))
}

/// Asks for metrics over HTTP.
fn fetch(metrics: SocketAddr) -> String {
    let mut stream = TcpStream::connect(metrics).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    page
}

#[test]
fn what_only_one_process_can_have_changes_hands() {
    let root = TestRoot::new(7);
    let encrypted = super::encrypted::configure(&root, super::encrypted::free_port());
    let encrypted = fs::read_to_string(encrypted).unwrap();
    let encrypted = encrypted.split("[[zone]]").next().unwrap();
    let [metrics, transfers] = [(); 2].map(|()| super::encrypted::free_port());
    let more = format!(
        "{encrypted}[metrics]\nlisten = [\"127.0.0.1:{metrics}\"]\nsocket = \"metrics.sock\"\n\
         [transfer.tls]\nlisten = [\"127.0.0.1:{transfers}\"]\ncertificate = \
         \"certificate.pem\"\nprivate-key = \"key.pem\"\n"
    );
    let config = configure(&root, &more);
    let port: u16 = encrypted.split("127.0.0.1:").nth(1).unwrap()[..5]
        .trim_end_matches('"')
        .parse()
        .unwrap();
    let metrics = SocketAddr::from(([127, 0, 0, 1], metrics));
    let older = Server::start(root.folder.path(), &["--config", &config]);
    for over in ["+tls", "+quic"] {
        assert_ne!(is_answered(over, port), Some(false), "{over}");
    }
    let newer = take_over(&root, &older, "1", &config);
    assert_eq!(older.wait(), 0);
    for over in ["+tls", "+quic"] {
        assert_ne!(is_answered(over, port), Some(false), "{over}");
    }
    assert!(fetch(metrics).contains("200 OK"));
    TcpStream::connect(("127.0.0.1", transfers)).unwrap();
    UnixStream::connect(root.path("metrics.sock")).unwrap();
    let (text, exit) = newer.ctl(&["status"]);
    assert_eq!(exit, 0, "{text}");
    assert!(text.contains(&format!("process {}", newer.pid())), "{text}");
    newer.signal("TERM");
    assert_eq!(newer.wait(), 0);
    assert!(!Path::new(&root.path("metrics.sock")).exists());
}

#[test]
fn a_confined_secondary_is_taken_over_with_what_it_has_on_disk() {
    let (first, second) = (TestRoot::new(7), TestRoot::new(7));
    let zone = "[[zone]]\nname = \".\"\nanchors = \"anchors.ds\"\n";
    let given = first.path("given.toml");
    let text = format!("{zone}file = \"root.zone\"\nallow-transfer = [\"127.0.0.0/8\"]\n");
    fs::write(&given, text).unwrap();
    let primary = Server::start(first.folder.path(), &["--config", &given]);
    let user = super::sandbox::user(second.folder.path());
    let config = second.path("imrs.toml");
    let text = format!(
        "[node]\nstate = \"state\"\n{user}\n[sandbox]\nlandlock = \"try\"\nseccomp = \
         \"require\"\n{zone}primaries = [\"{}\"]\n",
        primary.address
    );
    fs::write(&config, text).unwrap();
    let older = Server::start(second.folder.path(), &["--config", &config]);
    older.ctl(&["refresh", "."]);
    assert_eq!(older.serial(), 7);
    super::sandbox::wait_until_stored(&older, 7);

    let newer = take_over(&second, &older, "2", &config);
    assert_eq!(older.wait(), 0);
    assert_eq!(newer.serial(), 7, "what was on disk is served at once");
    first.put(&text_of(8));
    assert_eq!(primary.ctl(&["reload"]).1, 0);
    let (text, exit) = newer.ctl(&["refresh", "."]);
    assert_eq!(exit, 0, "{text}");
    super::sandbox::wait_until_stored(&newer, 8);
    assert_eq!(newer.ctl(&["status"]).1, 0);
    drop(primary);
    let newest = take_over(&second, &newer, "1", &config);
    assert_eq!(newer.wait(), 0);
    assert_eq!(newest.serial(), 8);
}

#[test]
fn a_reload_by_the_service_manager_returns_when_the_newer_one_serves() {
    let root = TestRoot::new(7);
    let config = configure(&root, "");
    let older = Server::start(root.folder.path(), &["--config", &config]);
    let (control, listen) = (root.path("control.sock"), older.address.to_string());
    let mut args = vec![
        "serve",
        "--take-over",
        "--detach",
        "--config",
        &config,
        "--listen",
        &listen,
        "--control",
        &control,
        "--workers",
        "1",
    ];
    // What systemd is told, and when it knows.
    let told = UnixDatagram::bind(root.path("notify.sock")).unwrap();
    let run = Command::new(env!("CARGO_BIN_EXE_imrs"))
        .args(&args)
        .env("NOTIFY_SOCKET", root.path("notify.sock"))
        .stderr(fs::File::create(root.path("log")).unwrap())
        .spawn();
    let mut run = run.unwrap();
    told.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut octets = [0; 1024];
    let length = told.recv(&mut octets).unwrap();
    let said = String::from_utf8_lossy(&octets[..length]).into_owned();
    let pid = said
        .strip_prefix("MAINPID=")
        .unwrap()
        .lines()
        .next()
        .unwrap();
    assert!(said.contains("READY=1"), "{said}");
    let length = told.recv(&mut octets).unwrap();
    assert_eq!(&octets[..length], b"BARRIER=1");
    assert_eq!(run.wait().unwrap().code(), Some(0));
    let process = Process(pid.to_owned());
    let (text, _) = older.ctl(&["status"]);
    assert!(text.contains(&format!("process {pid}")), "{text}");
    assert_eq!(older.wait(), 0);

    // One that cannot serve is told to who asked, and the running one goes on.
    root.put("nonsense");
    args.retain(|option| *option != "--workers" && *option != "1");
    let (error, exit) = failure(&args);
    assert_eq!(exit, 1, "{error}");
    assert!(error.contains("what ran before goes on"), "{error}");
    let ask = ["ctl", "--socket", &control, "status"];
    let text = String::from_utf8(super::support::imrs(&ask).stdout).unwrap();
    assert!(text.contains(&format!("process {pid}")), "{text}");
    drop(process);
}

/// A process that nobody waits for, ended when dropped.
struct Process(String);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-s", "TERM", &self.0]).status();
    }
}
