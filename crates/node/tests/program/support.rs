//! Starts the real program and talks to it, for the tests beside this folder.

use imrs_wire::Serial;
use imrs_zone::record::UnixTime;
use imrs_zone::synth::{self, Algorithm, Plan};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, SystemTime};

/// Long enough for a busy machine; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs `imrs` to its end.
pub(crate) fn imrs(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_imrs"))
        .args(args)
        .output()
        .unwrap()
}

/// What a run printed on standard error and its exit code.
pub(crate) fn failure(args: &[&str]) -> (String, i32) {
    let output = imrs(args);
    (
        String::from_utf8(output.stderr).unwrap(),
        output.status.code().unwrap(),
    )
}

/// A running `imrs serve`; killed when dropped.
pub(crate) struct Server {
    child: Child,
    log: Receiver<String>,
    socket: PathBuf,
    /// Where it answers.
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts it on a port that the system chooses and waits until it is ready.
    pub(crate) fn start(folder: &Path, args: &[&str]) -> Server {
        Server::start_at(folder, "127.0.0.1:0", "1", args)
    }

    /// The same at an address, with so many workers.
    pub(crate) fn start_at(folder: &Path, listen: &str, workers: &str, args: &[&str]) -> Server {
        let mut server = Server::spawn(folder, listen, workers, args);
        let ready = server.wait_for_log(" ready: ");
        let address = ready
            .split_once(" on ")
            .unwrap()
            .1
            .split([' ', ','])
            .next()
            .unwrap();
        server.address = address.parse().unwrap();
        server
    }

    /// The same, without waiting for anything: its address is not known.
    pub(crate) fn spawn(folder: &Path, listen: &str, workers: &str, args: &[&str]) -> Server {
        let socket = folder.join("control.sock");
        let mut child = Command::new(env!("CARGO_BIN_EXE_imrs"))
            .args([
                "serve",
                "--listen",
                listen,
                "--workers",
                workers,
                "--control",
            ])
            .arg(&socket)
            .args(args)
            .env_remove("RUST_LOG")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (sender, log) = channel();
        std::thread::spawn(move || {
            while let Some(Ok(line)) = lines.next() {
                let _ = sender.send(line);
            }
        });
        Server {
            child,
            log,
            socket,
            address: ([127, 0, 0, 1], 0).into(),
        }
    }

    /// The first line of the log from here on that contains `words`.
    pub(crate) fn wait_for_log(&self, words: &str) -> String {
        let mut seen = Vec::new();
        loop {
            match self.log.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(words) => return line,
                Ok(line) => seen.push(line),
                Err(_) => panic!("no log line contains {words:?}: {seen:#?}"),
            }
        }
    }

    /// Asks over UDP for a name and type with DO set; gives the RCODE and the whole response.
    pub(crate) fn query(&self, labels: &[&str], qtype: u16) -> (u8, Vec<u8>) {
        let mut query = vec![0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1];
        for label in labels {
            query.push(u8::try_from(label.len()).unwrap());
            query.extend_from_slice(label.as_bytes());
        }
        query.push(0);
        query.extend_from_slice(&qtype.to_be_bytes());
        query.extend_from_slice(&[0, 1]);
        query.extend_from_slice(&[0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 0]);
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.send_to(&query, self.address).unwrap();
        let mut response = vec![0; 4096];
        let (octets, from) = socket.recv_from(&mut response).unwrap();
        assert_eq!(from, self.address);
        response.truncate(octets);
        assert_eq!(response[..2], query[..2]);
        (response[3] & 15, response)
    }

    /// The serial of the root in service, by asking for its SOA.
    pub(crate) fn serial(&self) -> u32 {
        let (rcode, response) = self.query(&[], 6);
        assert_eq!(rcode, 0);
        // Header, question (5), then root owner (1), type, class, TTL and length (10), then the
        // two names of the SOA, of which the serial is the first number behind.
        let mut at = 12 + 5 + 11;
        for _ in 0..2 {
            loop {
                match response[at] {
                    0 => break at += 1,
                    pointer if pointer >= 0xC0 => break at += 2,
                    label => at += 1 + usize::from(label),
                }
            }
        }
        u32::from_be_bytes(response[at..at + 4].try_into().unwrap())
    }

    /// Runs `imrs ctl` against it; gives what it printed and its exit code.
    pub(crate) fn ctl(&self, args: &[&str]) -> (String, i32) {
        let socket = self.socket.to_str().unwrap();
        let output = imrs(&[&["ctl", "--socket", socket], args].concat());
        let text = String::from_utf8(output.stdout).unwrap();
        (text, output.status.code().unwrap())
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", name, &pid])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Waits for its end; gives its exit code.
    pub(crate) fn wait(mut self) -> i32 {
        self.child.wait().unwrap().code().unwrap()
    }

    /// Where its control socket is.
    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// Its process identifier.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A small test root on disk.
pub(crate) struct TestRoot {
    /// The folder of its files.
    pub(crate) folder: tempfile::TempDir,
    made: synth::TestRoot,
}

impl TestRoot {
    /// Makes one of this serial at the present time.
    pub(crate) fn new(serial: u32) -> Self {
        let root = TestRoot {
            folder: tempfile::tempdir().unwrap(),
            made: make(serial),
        };
        fs::write(root.path("anchors.ds"), &root.made.anchors_ds).unwrap();
        fs::write(root.path("arpa.zone"), synth::text(&root.made.arpa)).unwrap();
        root.put(&root.text());
        root
    }

    /// The root zone's text.
    pub(crate) fn text(&self) -> String {
        self.made.text()
    }

    /// Replaces the zone file.
    pub(crate) fn put(&self, text: &str) {
        fs::write(self.path("root.zone"), text).unwrap();
    }

    /// A file in the folder.
    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Starts a server of it.
    pub(crate) fn serve(&self, args: &[&str]) -> Server {
        let (zone, anchors) = (self.path("root.zone"), self.path("anchors.ds"));
        let all = [&["--zone", &zone, "--anchors", &anchors], args].concat();
        Server::start(self.folder.path(), &all)
    }
}

/// The text of the same root with another serial: Ed25519 keys follow the seed.
pub(crate) fn text_of(serial: u32) -> String {
    make(serial).text()
}

fn make(serial: u32) -> synth::TestRoot {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let plan = Plan {
        tlds: 20,
        algorithms: vec![Algorithm::Ed25519],
        serial: Serial(serial),
        ..Plan::new(UnixTime(now))
    };
    synth::make(&plan).unwrap()
}

/// A file of real data, or none with a word about it.
pub(crate) fn data(name: &str) -> Option<String> {
    let folder = std::env::var_os("IMRS_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let path = folder.join(name);
    if path.exists() {
        return Some(path.to_str().unwrap().to_owned());
    }
    println!("skipped: {} is absent", path.display());
    None
}

/// The unpacked text of a file.
pub(crate) fn read_text(path: &str) -> String {
    let mut text = String::new();
    fs::File::open(path)
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    text
}

/// The zone with the last digit of the first DS record of `owner`, or of any, changed.
pub(crate) fn with_a_ds_digit_changed(text: &str, owner: &str) -> String {
    let is_it =
        |line: &&str| line.starts_with(owner) && line.split_whitespace().any(|field| field == "DS");
    let line = text.lines().find(is_it).unwrap();
    let (start, digit) = line.split_at(line.len() - 1);
    let other = if digit == "0" { "1" } else { "0" };
    text.replacen(line, &format!("{start}{other}"), 1)
}
