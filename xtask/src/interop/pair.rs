//! A primary and a secondary, and all that is tried between them.
//!
//! Start reading at [`Pair::run`]. Cases that follow one another are in `story`; each of those here
//! begins anew.

use super::cases::Case;
use super::direct;
use super::report::{Outcome, Row};
use super::story;
use crate::peers::Software;
use crate::transfer::imrs::kept;
use crate::transfer::tap::{Exchange, Tap};
use crate::transfer::versions::{Version, Versions, difference};
use crate::transfer::{Host, Part, Program, Remote, Secret, certificates, fetch};
use anyhow::{Result, bail, ensure};
use serde_json::Value;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

/// Ports that a pair has for itself.
pub(super) const PORTS: usize = 10;

/// Who serves and who fetches.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    /// Who serves.
    pub(super) primary: Program,
    /// Who fetches.
    pub(super) secondary: Program,
    /// First of its ports.
    pub(super) port: u16,
}

impl Pair {
    /// Tries all of `cases`.
    pub(super) fn run(&self, versions: &Versions, cases: &[Case]) -> Result<Row> {
        let mut outcomes = vec![None; cases.len()];
        let mut set = |case: Case, outcome: Outcome| {
            if let Some(index) = cases.iter().position(|one| *one == case) {
                outcomes[index] = Some(outcome);
            }
        };
        if cases.iter().any(|case| story::CASES.contains(case)) {
            story::tell(self, versions, &mut set);
        }
        for case in cases.iter().filter(|case| !story::CASES.contains(case)) {
            let outcome = self.alone(*case, versions);
            set(*case, outcome);
        }
        let never = || Outcome::Failed("not reached, as one before it failed".to_owned());
        Ok(Row {
            primary: self.primary.name(),
            secondary: self.secondary.name(),
            outcomes: outcomes
                .into_iter()
                .map(|outcome| outcome.unwrap_or_else(never))
                .collect(),
        })
    }

    fn alone(&self, case: Case, versions: &Versions) -> Outcome {
        let tls = || self.impossible_tls();
        let outcome = match case {
            Case::Relay => self.relay(versions),
            Case::Sha512 => self.fetches(versions, &KEY_512),
            Case::NoKey => self.fails(versions, NETWORK, None),
            Case::UnknownKey => self.fails(versions, NETWORK, Some(&KEY_UNKNOWN)),
            Case::WrongSecret => self.fails(versions, NETWORK, Some(&KEY_WRONG)),
            Case::WrongAddress => self.fails(versions, ELSEWHERE, Some(&KEY_256)),
            Case::Tls => match tls() {
                Some(why) => return Outcome::Impossible(why),
                None => self.over_tls(versions, SERVER_NAME),
            },
            Case::WrongTls => match tls() {
                Some(why) => return Outcome::Impossible(why),
                None => self.over_tls(versions, OTHER_NAME),
            },
            Case::Direct => match &self.primary {
                Program::Imrs(_) => self.direct(versions),
                Program::Peer(_) => return Outcome::Impossible("asked of imrs alone"),
            },
            _ => return Outcome::Impossible("part of the story"),
        };
        outcome.into()
    }

    pub(super) fn address(&self, number: u16) -> SocketAddr {
        ([127, 0, 0, 1], self.port + number).into()
    }

    /// A primary of the first version, that notifies one who is not there unless `notified` is.
    pub(super) fn primary(&self, versions: &Versions, network: &'static str) -> Result<Part> {
        let notified = Remote {
            address: self.address(3),
            key: Some(KEY_256.name),
            tls: None,
        };
        Ok(Part {
            address: self.address(0),
            secrets: vec![KEY_256, KEY_512],
            network,
            allow: vec![KEY_256.name, KEY_512.name],
            tls: None,
            anchors: versions.anchors.clone(),
            zone: Some(versions.make_changed(0)?.text()),
            from: None,
            notified: vec![notified],
        })
    }

    /// A secondary that signs by this secret.
    pub(super) fn secondary(&self, versions: &Versions, secret: Option<&Secret>) -> Result<Part> {
        let primary = Remote {
            address: self.address(1),
            key: secret.map(|secret| secret.name),
            tls: None,
        };
        Ok(Part {
            address: self.address(2),
            secrets: secret.into_iter().cloned().collect(),
            network: NETWORK,
            allow: secret.map(|secret| secret.name).into_iter().collect(),
            tls: None,
            anchors: versions.anchors.clone(),
            zone: None,
            from: Some(primary),
            notified: Vec::new(),
        })
    }

    /// The first version comes when signed by this secret.
    fn fetches(&self, versions: &Versions, secret: &Secret) -> Result<String> {
        let _requests = Tap::start(self.address(1), self.address(0))?;
        let _primary = Host::start(&self.primary, self.primary(versions, NETWORK)?)?;
        let secondary = Host::start(&self.secondary, self.secondary(versions, Some(secret))?)?;
        holds(&secondary, &versions.make_changed(0)?)?;
        Ok(String::new())
    }

    /// The primary is itself a secondary, of Knot, and passes on what it gets.
    fn relay(&self, versions: &Versions) -> Result<String> {
        let requests = Tap::start(self.address(1), self.address(0))?;
        let told = |port| Remote {
            address: self.address(port),
            key: Some(KEY_256.name),
            tls: None,
        };
        let source = Part {
            address: self.address(5),
            notified: vec![told(0)],
            ..self.primary(versions, NETWORK)?
        };
        let source = Host::start(&Program::Peer(Software::Knot), source)?;
        let relay = Part {
            zone: None,
            from: Some(told(5)),
            notified: vec![told(2)],
            ..self.primary(versions, NETWORK)?
        };
        let relay = Host::start(&self.primary, relay)?;
        relay.wait_for(versions.make_changed(0)?.serial)?;
        let part = self.secondary(versions, Some(&KEY_256))?;
        let secondary = Host::start(&self.secondary, part)?;
        secondary.wait_for(versions.make_changed(0)?.serial)?;
        let before = requests.exchanges().len();
        let version = versions.make_changed(1)?;
        source.publish(&version.text())?;
        holds(&secondary, &version)?;
        let seen = describe(&requests.exchanges()[before..]);
        ensure!(!seen.contains("AXFR"), "{seen}");
        Ok(seen)
    }

    /// Nothing comes, though it is asked for.
    fn fails(
        &self,
        versions: &Versions,
        network: &'static str,
        secret: Option<&Secret>,
    ) -> Result<String> {
        let requests = Tap::start(self.address(1), self.address(0))?;
        let _primary = Host::start(&self.primary, self.primary(versions, network)?)?;
        let secondary = Host::start(&self.secondary, self.secondary(versions, secret)?)?;
        let start = Instant::now();
        while requests.questions() == 0 {
            ensure!(
                start.elapsed() < PATIENCE,
                "the primary was not asked; the secondary's log:\n{}",
                secondary.log_end()
            );
            thread::sleep(PAUSE);
        }
        has_nothing(&secondary)
    }

    /// Why a transfer over TLS cannot be expected, if so.
    fn impossible_tls(&self) -> Option<&'static str> {
        let is = |program: &Program, software| *program == Program::Peer(software);
        if is(&self.primary, Software::Knot) || is(&self.secondary, Software::Knot) {
            return Some("Knot transfers over TLS from release 3.4 on, Debian has 3.2");
        }
        // RFC 9103 section 7.1 demands it. NSD itself does not mind.
        (is(&self.primary, Software::Nsd) && !is(&self.secondary, Software::Nsd))
            .then_some("NSD 4.6.1 selects no ALPN token, which its secondaries must insist on")
    }

    /// The primary has a certificate of [`SERVER_NAME`], the secondary wants `expected`.
    fn over_tls(&self, versions: &Versions, expected: &'static str) -> Result<String> {
        let folder = tempfile::tempdir()?;
        let certificate = certificates::make(folder.path(), SERVER_NAME)?;
        let mut part = self.secondary(versions, Some(&KEY_256))?;
        part.from = Some(Remote {
            address: self.address(4),
            key: Some(KEY_256.name),
            tls: Some((certificate.ca.clone(), expected)),
        });
        let primary = Part {
            tls: Some((self.address(4), certificate)),
            ..self.primary(versions, NETWORK)?
        };
        let _primary = Host::start(&self.primary, primary)?;
        let secondary = Host::start(&self.secondary, part)?;
        if expected == SERVER_NAME {
            holds(&secondary, &versions.make_changed(0)?)?;
            return Ok(String::new());
        }
        has_nothing(&secondary)
    }

    fn direct(&self, versions: &Versions) -> Result<String> {
        let primary = Host::start(&self.primary, self.primary(versions, NETWORK)?)?;
        direct::ask(&primary, versions)
    }
}

/// What was asked for, and how much came.
pub(super) fn describe(exchanges: &[Exchange]) -> String {
    let words = exchanges.iter().map(|one| match one.qtype {
        SOA => "SOA".to_owned(),
        IXFR => format!("IXFR of {} octets", one.octets),
        AXFR => format!("AXFR of {} octets", one.octets),
        other => format!("type {other}"),
    });
    words.collect::<Vec<_>>().join(", ")
}

/// Waits until a server has a version, and compares all its records.
pub(super) fn holds(host: &Host, version: &Version) -> Result<Duration> {
    let took = host.wait_for(version.serial)?;
    let records = fetch::zone(host.part.address, host.secret())?;
    match difference(&version.records, &records) {
        None => Ok(took),
        Some(difference) => bail!("{}: {difference}", host.program.name()),
    }
}

/// Gives a secondary time to fetch what it should not get. Tells what imrs says about it.
fn has_nothing(secondary: &Host) -> Result<String> {
    thread::sleep(GRACE);
    if let Some(serial) = secondary.daemon.serial(".")? {
        bail!("the secondary has serial {serial}, and ought to have nothing");
    }
    if secondary.program.name() != "imrs" {
        return Ok(String::new());
    }
    // An error that is not signed may be forged over UDP: imrs waits for a better answer.
    let start = Instant::now();
    loop {
        let zone = kept(secondary)?;
        // The last question may have gone well, and the transfer before it not.
        let places = ["/primaries/0/last/reason", "/history/0/reason"];
        let reason = places.iter().find_map(|place| zone.pointer(place));
        if let Some(reason) = reason.and_then(Value::as_str) {
            return Ok(reason.to_owned());
        }
        ensure!(
            start.elapsed() < PATIENCE,
            "imrs ctl zones gives no reason: {zone}"
        );
        thread::sleep(PAUSE);
    }
}

impl From<Result<String>> for Outcome {
    fn from(result: Result<String>) -> Self {
        match result {
            Ok(seen) => Outcome::Held(seen),
            Err(error) => Outcome::Failed(format!("{error:#}")),
        }
    }
}

/// All trials are on loopback.
pub(super) const NETWORK: &str = "127.0.0.0/8";

/// A network where nobody is (RFC 5737).
const ELSEWHERE: &str = "192.0.2.0/24";

/// The key of most trials.
pub(super) const KEY_256: Secret = Secret {
    name: "trial-256",
    algorithm: "hmac-sha256",
    base64: "dGhlIGZpcnN0IHNlY3JldCBvZiB0cmlhbHMsIHB1YmxpYw==",
};

/// A key of another algorithm.
const KEY_512: Secret = Secret {
    name: "trial-512",
    algorithm: "hmac-sha512",
    base64: "dGhlIHNlY29uZCBzZWNyZXQgb2YgdHJpYWxzLCB3aGljaCBpcyBwdWJsaWMgYXMgd2VsbCBhbmQgbG9uZw==",
};

/// A key that no primary has.
pub(super) const KEY_UNKNOWN: Secret = Secret {
    name: "trial-unknown",
    ..KEY_256
};

/// The name of the first, and not its secret.
pub(super) const KEY_WRONG: Secret = Secret {
    base64: "dGhlIHRoaXJkIHNlY3JldCBvZiB0cmlhbHMsIHB1YmxpYw==",
    ..KEY_256
};

/// The name in certificates.
const SERVER_NAME: &str = "primary.example";

/// The name in no certificate.
const OTHER_NAME: &str = "other.example";

pub(super) const SOA: u16 = 6;
pub(super) const IXFR: u16 = 251;
pub(super) const AXFR: u16 = 252;

/// A secondary asks soon after its start.
const PATIENCE: Duration = Duration::from_secs(20);

/// Time in which what must not happen would have happened.
pub(super) const GRACE: Duration = Duration::from_millis(1500);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);
