//! A secondary that holds a version, and a primary that is about to lie.

use crate::liar::{KEY, Liar, Tale};
use crate::zones;
use imrs_zone::Record;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// The serial that the secondary has from the start.
pub(crate) const HELD: u32 = 2_026_080_100;

/// The serial of the lies.
pub(crate) const NEXT: u32 = HELD + 1;

/// Long enough for a busy machine; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Both of them.
pub(crate) struct Trial {
    /// The primary.
    pub(crate) liar: Liar,
    child: Child,
    folder: TempDir,
    address: SocketAddr,
}

/// What an operator is told of a fetch.
#[derive(Debug)]
pub(crate) struct Told {
    /// Such as `swapped` or `refused`.
    pub(crate) result: String,
    /// The reason, by `imrs ctl zones`.
    pub(crate) reason: String,
    /// All that `imrs ctl zones` says of the zone.
    pub(crate) zone: Value,
}

impl Trial {
    /// Starts both, with the first version in service and requests not signed.
    pub(crate) fn start() -> Trial {
        Trial::start_with("", "")
    }

    /// The same with requests signed.
    pub(crate) fn start_signed() -> Trial {
        Trial::start_with(KEY, ", key = \"xfr-key\"")
    }

    /// The same with more of a configuration, and more of the entry of the primary.
    pub(crate) fn start_with(more: &str, primary: &str) -> Trial {
        let held = zones::version(HELD);
        let liar = Liar::start(&held);
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("state")).unwrap();
        fs::write(folder.path().join("anchors.ds"), &*zones::ANCHORS).unwrap();
        let config = folder.path().join("imrs.toml");
        let text = format!(
            "{more}
[node]
state = \"state\"
[verify]
at = \"{}\"
[[zone]]
name = \".\"
anchors = \"anchors.ds\"
primaries = [{{ address = \"{}\"{primary} }}]
",
            zones::NOW,
            liar.address
        );
        fs::write(&config, text).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_imrs"))
            .args(["serve", "--listen", "127.0.0.1:0", "--workers", "1"])
            .arg("--control")
            .arg(folder.path().join("control.sock"))
            .arg("--config")
            .arg(&config)
            .env_remove("RUST_LOG")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let address = address_of(&mut child);
        let trial = Trial {
            liar,
            child,
            folder,
            address,
        };
        // Waits for the round that began by itself.
        let _ = trial.ctl(&["refresh", "."]);
        assert_eq!(trial.serial(), Some(HELD));
        trial
    }

    /// The primary lies about the whole zone, and the secondary is made to fetch it.
    pub(crate) fn fetch(&self, soa: &Record, tale: Arc<Tale>) -> Told {
        self.liar.say(soa, tale);
        self.told("retransfer")
    }

    /// The primary lies about what changed, and the secondary is made to ask.
    pub(crate) fn refresh(&self, soa: &Record, tale: Arc<Tale>) -> Told {
        self.liar.say(soa, tale);
        self.told("refresh")
    }

    fn told(&self, request: &str) -> Told {
        let reply = self.ctl(&[request, "."]);
        let zones = self.ctl(&["zones", "."]);
        let zone = zones.pointer("/zones/0").unwrap().clone();
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        Told {
            result: text(reply.pointer("/zones/0/result")).unwrap(),
            reason: text(zone.pointer("/history/0/reason")).unwrap_or_default(),
            zone,
        }
    }

    /// What the secondary says over its control socket.
    pub(crate) fn ctl(&self, arguments: &[&str]) -> Value {
        let output = Command::new(env!("CARGO_BIN_EXE_imrs"))
            .args(["ctl", "--output", "json", "--socket"])
            .arg(self.folder.path().join("control.sock"))
            .args(arguments)
            .output()
            .unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
    }

    /// The serial that is in service; none where the zone is not served.
    pub(crate) fn serial(&self) -> Option<u32> {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let query = imrs_transfer::message::soa_query(&imrs_zone::Name::root_bytes(), 1);
        socket.send_to(&query, self.address).unwrap();
        let mut octets = [0; 4096];
        let length = socket.recv(&mut octets).unwrap();
        let root = imrs_zone::Name::root_bytes();
        let answer = imrs_transfer::message::read_soa(&octets[..length], &root, 1);
        answer.ok().map(|answer| answer.serial.0)
    }

    /// What was told is a refusal for this reason, and what was served is served still.
    #[track_caller]
    pub(crate) fn check_refused(&self, told: &Told, reason: &str) {
        assert!(
            told.reason.contains(reason),
            "`{}` does not say `{reason}`: {:#}",
            told.reason,
            told.zone
        );
        let is_refused = ["refused", "unanswered"].contains(&told.result.as_str());
        assert!(is_refused, "{told:?}");
        assert_eq!(self.serial(), Some(HELD));
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where a node answers, as it says when it is ready.
fn address_of(child: &mut Child) -> SocketAddr {
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut seen = Vec::new();
    let ready = loop {
        match lines.next() {
            Some(Ok(line)) if line.contains(" ready: ") => break line,
            Some(Ok(line)) => seen.push(line),
            _ => panic!("it ended before it was ready: {seen:#?}"),
        }
    };
    // It goes on to write, and must not be kept from it.
    std::thread::spawn(move || lines.for_each(drop));
    let (_, behind) = ready.split_once(" on ").unwrap();
    let address = behind.split([' ', ',']).next().unwrap();
    address.parse().unwrap()
}
