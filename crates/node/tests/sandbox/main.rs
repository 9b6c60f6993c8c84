//! What a packet worker and the process can no longer do, tried from inside.
//!
//! A worker answers queries of these tests with what it was just refused: the closure that
//! responds runs on its thread. What holds for the whole process is tried in a process of its own,
//! which is this program once more, with one test.
#![expect(
    clippy::unwrap_used,
    reason = "the lint spares only functions marked as tests, not what they call"
)]

use arc_swap::ArcSwap;
use imrs_engine::{Client, Kind, Outcome, Service};
use imrs_node::sandbox::{self, Confinement, Filter, Landlock, Mode};
use imrs_node::transport::{Opened, Running, Settings};
use imrs_wire::Rcode;
use std::fs::{self, File};
use std::io;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::num::NonZeroUsize;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

/// Opens the sockets of a worker.
fn open() -> Opened {
    let settings = Settings {
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        workers: NonZeroUsize::MIN,
        pinned: true,
        udp_payload_ipv4: 1232,
        udp_payload_ipv6: 1232,
        tcp_idle: PATIENCE,
        tcp_connections: 10,
        tcp_connections_per_prefix: 10,
        tcp_new_per_prefix: 1000,
        tcp_busy_per_prefix: Duration::from_secs(1),
        tcp_queries: None,
        proxies: Vec::new(),
    };
    Opened::new(&settings).unwrap()
}

/// Starts workers that try something for each query, and respond with what came of it.
fn start(
    opened: Opened,
    is_confined: bool,
    try_it: impl Fn() -> io::Result<()> + Send + Sync + 'static,
) -> Running {
    let respond = move |_: &Service, _: Client, _: &[u8], room: &mut [u8]| {
        let told = match try_it() {
            Ok(()) => "done".to_owned(),
            Err(error) => format!("{:?}", error.kind()),
        };
        room[..told.len()].copy_from_slice(told.as_bytes());
        Outcome {
            len: told.len(),
            kind: Kind::Answer,
            rcode: Rcode::NOERROR,
            ..Outcome::DROPPED
        }
    };
    let opened = match is_confined {
        true => {
            let filter = Filter::for_workers().unwrap();
            opened.confined(move || filter.apply())
        }
        false => opened,
    };
    let service = Arc::new(ArcSwap::from_pointee(Service::default()));
    opened.start_with(service, respond).unwrap()
}

fn ask(server: &Running) -> String {
    let address = server.addresses()[0];
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.send_to(b"try", address).unwrap();
    let mut room = [0; 100];
    let octets = client.recv(&mut room).unwrap();
    String::from_utf8(room[..octets].to_vec()).unwrap()
}

/// A worker can do it as long as it is not confined, and cannot when it is.
fn check(try_it: impl Fn() -> io::Result<()> + Clone + Send + Sync + 'static) {
    let free = start(open(), false, try_it.clone());
    assert_eq!(ask(&free), "done");
    drop(free);
    let confined = start(open(), true, try_it);
    // It goes on to serve all the same.
    for _ in 0..3 {
        assert_eq!(ask(&confined), "PermissionDenied");
    }
    confined.stop();
}

#[test]
fn a_worker_cannot_open_a_file() {
    check(|| File::open("/dev/null").map(drop));
    check(|| fs::metadata("/dev/null").map(drop));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made");
    check(move || fs::write(&path, "x"));
}

#[test]
fn a_worker_cannot_run_a_program() {
    check(|| Command::new("/bin/true").status().map(drop));
}

#[test]
fn a_worker_cannot_connect_or_open_a_socket() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap();
    check(move || TcpStream::connect(address).map(drop));
    check(|| UdpSocket::bind("127.0.0.1:0").map(drop));
}

#[test]
fn a_worker_cannot_start_a_thread() {
    check(|| thread::Builder::new().spawn(|| ()).map(drop));
}

#[test]
fn a_worker_goes_on_to_serve_over_tcp_and_to_use_memory() {
    use std::io::{Read, Write};
    let large = || {
        let octets = vec![1_u8; 64 << 20];
        let sum: u64 = octets.iter().map(|&octet| u64::from(octet)).sum();
        assert_eq!(sum, 64 << 20);
        Ok(())
    };
    let server = start(open(), true, large);
    let mut client = TcpStream::connect(server.addresses()[0]).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    for _ in 0..3 {
        client.write_all(b"\0\x03try").unwrap();
        let mut room = [0; 6];
        client.read_exact(&mut room).unwrap();
        assert_eq!(&room, b"\0\x04done");
        assert_eq!(ask(&server), "done");
    }
    server.stop();
}

/// Says which test runs in a process of its own.
const ALONE: &str = "IMRS_TEST_ALONE";

/// Runs a test of this program again, by its name, in a process that may be confined for good.
fn again(test: &str) -> std::process::ExitStatus {
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program)
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(ALONE, test)
        .output()
        .unwrap();
    println!("{}", String::from_utf8_lossy(&output.stdout));
    println!("{}", String::from_utf8_lossy(&output.stderr));
    output.status
}

fn is_alone(test: &str) -> bool {
    std::env::var(ALONE).is_ok_and(|named| named == test)
}

fn confine(folder: &std::path::Path) -> sandbox::InForce {
    let confinement = Confinement {
        landlock: Mode::Try,
        seccomp: Mode::Require,
        read: vec![folder.join("file")],
        ..Confinement::default()
    };
    sandbox::enter(&confinement).unwrap()
}

#[test]
fn a_confined_process_starts_threads_and_connects_and_little_else() {
    const NAME: &str = "a_confined_process_starts_threads_and_connects_and_little_else";
    if !is_alone(NAME) {
        assert!(again(NAME).success());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "x").unwrap();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap();
    let in_force = confine(folder.path());
    assert!(in_force.no_new_privs);
    assert_eq!(in_force.capabilities, Vec::<String>::new());
    assert!(in_force.workers.is_some() && in_force.process.is_some());
    let tried = move || {
        assert!(TcpStream::connect(address).is_ok());
        assert!(UdpSocket::bind("127.0.0.1:0").is_ok());
        assert!(File::open(folder.path().join("file")).is_ok());
        let run = Command::new("/bin/true").status().map(drop);
        assert_eq!(run.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        let raw = socket2::Socket::new(
            socket2::Domain::IPV4,
            socket2::Type::RAW,
            Some(socket2::Protocol::ICMPV4),
        );
        assert_eq!(raw.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        if matches!(in_force.landlock, Landlock::InForce { .. }) {
            assert!(fs::write(folder.path().join("file"), "y").is_err());
            assert!(File::open("/etc/passwd").is_err());
        }
        let mode = fs::Permissions::from_mode(0o777);
        assert!(fs::set_permissions(folder.path(), mode).is_err());
    };
    // What this thread is under, others that it starts are under.
    thread::spawn(tried).join().unwrap();
}

#[test]
fn whoever_runs_a_program_in_its_place_ends_a_confined_process() {
    const NAME: &str = "whoever_runs_a_program_in_its_place_ends_a_confined_process";
    const SIGSYS: i32 = 31;
    if !is_alone(NAME) {
        assert_eq!(again(NAME).signal(), Some(SIGSYS));
        return;
    }
    confine(std::path::Path::new("/nonexistent"));
    let refused = Command::new("/bin/true").exec();
    panic!("it went on: {refused}");
}

#[test]
fn a_confined_worker_that_panics_ends_the_process_as_any_does() {
    const NAME: &str = "a_confined_worker_that_panics_ends_the_process_as_any_does";
    const SIGABRT: i32 = 6;
    if !is_alone(NAME) {
        assert_eq!(again(NAME).signal(), Some(SIGABRT));
        return;
    }
    let opened = open();
    confine(std::path::Path::new("/nonexistent"));
    let server = start(opened, true, || panic!("a mistake"));
    // Whoever asks waits for the end.
    let _ = ask(&server);
}
