//! What happens in a run, and when.
//!
//! ```text
//! one day      half of the captures; malformed, EDNS, truncated, pipelined, transfers, encrypted;
//!              the other half while another zone comes in by a reload
//! midnight     nobody sends for a moment
//! next day     some of the captures; a restart; the same again; a flood; the end
//! ```
//!
//! The clock of the server is ahead of that of the machine, so that its midnight is where it is wanted.

use super::Args;
use super::capture::Capture;
use super::corpus::Corpus;
use super::numbers::{self, Numbers};
use super::replay::replay;
use super::server::{self, Setup};
use super::stage::Stage;
use super::{client, scenes};
use crate::bench::queries::Delegations;
use crate::imrs::Imrs;
use crate::peers::tool_command;
use crate::root;
use crate::transfer::certificates;
use anyhow::{Context, Result, ensure};
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What a run left.
#[derive(Debug)]
pub(super) struct Played {
    /// All packets.
    pub(super) capture: PathBuf,
    /// How many.
    pub(super) packets: u64,
    /// By how much the clock of the server was ahead.
    pub(super) ahead_s: u64,
    /// The secrets of encrypted sessions.
    pub(super) keys: PathBuf,
    /// What imrs counted.
    pub(super) statistics: PathBuf,
    /// What it captured, in C-DNS and in dnstap.
    pub(super) captures: [PathBuf; 2],
    /// What the metrics of both its lives came to.
    pub(super) metrics: Numbers,
}

/// Plays all of it.
pub(super) fn play(args: &Args, program: &Path, folder: &Path) -> Result<Played> {
    let zones = zones(program, folder)?;
    let delegations = Delegations::read(&zones.versions[1])?;
    let mut corpora = Corpus::halves(folder, &delegations, args.seed)?;
    for corpus in &mut corpora {
        corpus.packets.truncate(args.packets.unwrap_or(usize::MAX));
    }
    let stage = Stage::build()?;
    let certificate = certificates::make(folder, "ns.example")?;
    let (begin, midnight, ahead) = clock(args, &corpora)?;
    let setup = Setup::make(program, ahead, folder, zones.anchors, certificate)?;
    fs::copy(&zones.versions[0], setup.zone())?;
    let capture = Capture::start(&stage, folder)?;
    let file = capture.file.clone();
    let keys = folder.join("keys");
    File::create(&keys)?;
    let run = Run {
        stage,
        setup,
        corpora,
        midnight,
        begin,
        keys,
    };
    let server = run.one_day(args, &zones.versions[1])?;
    let metrics = run.next_day(args, server)?;
    let packets = capture.finish()?;
    run.tell("tcpdump", &format!("{packets} packets, none lost"));
    Ok(Played {
        capture: file,
        packets,
        ahead_s: ahead.as_secs(),
        keys: run.keys,
        statistics: run.setup.statistics(),
        captures: run.setup.captures(),
        metrics,
    })
}

/// When the run begins, when its midnight is, and by how much the server's clock is ahead for that.
fn clock(args: &Args, corpora: &[Corpus; 2]) -> Result<(Instant, Instant, Duration)> {
    let length = |corpus: &Corpus| corpus.packets.last().map_or(Duration::ZERO, |last| last.at);
    let replays = (length(&corpora[0]) + length(&corpora[1])) / args.speed;
    let (begin, now) = (
        Instant::now(),
        SystemTime::now().duration_since(UNIX_EPOCH)?,
    );
    let wanted = now + replays + SCENES;
    // To whole seconds, as the clock is moved by whole seconds.
    let ahead = DAY - wanted.as_secs() % DAY;
    let midnight = Duration::from_secs(wanted.as_secs()) - now;
    Ok((begin, begin + midnight, Duration::from_secs(ahead)))
}

/// What a run needs all the while.
struct Run {
    stage: Stage,
    setup: Setup,
    corpora: [Corpus; 2],
    midnight: Instant,
    begin: Instant,
    keys: PathBuf,
}

impl Run {
    /// Until midnight.
    fn one_day(&self, args: &Args, next_zone: &Path) -> Result<Imrs> {
        let server = self.setup.start(&self.stage)?;
        self.tell("imrs", "serves");
        self.replay(0, args.speed, usize::MAX)?;
        let midnight = self.midnight;
        self.scene("malformed, by UDP and TCP", || {
            scenes::odd(midnight, args.seed)
        })?;
        self.scene("EDNS and cookies", || scenes::edns(midnight))?;
        self.scene("truncated, then by TCP", || scenes::truncated(midnight))?;
        self.scene("pipelined and octet by octet", || {
            scenes::pipelined(midnight)
        })?;
        self.scene("transfers", || scenes::transfers(midnight))?;
        self.scene("TLS and QUIC", || scenes::encrypted(midnight, &self.keys))?;
        thread::scope(|scope| -> Result<()> {
            let asking = scope.spawn(|| self.replay(1, args.speed, usize::MAX));
            thread::sleep(BEFORE_RELOAD);
            fs::copy(next_zone, self.setup.zone())?;
            server::reload(&server)?;
            self.tell("imrs", "has another version of the zone by a reload");
            asking
                .join()
                .map_err(|_| anyhow::anyhow!("a client panicked"))?
        })?;
        Ok(server)
    }

    /// From midnight on. Gives what the metrics came to.
    fn next_day(&self, args: &Args, server: Imrs) -> Result<Numbers> {
        if Instant::now() > self.midnight {
            self.tell("clock", "it was midnight within what was sent last");
        }
        thread::sleep(self.midnight.saturating_duration_since(Instant::now()));
        client::shun(self.midnight);
        self.tell("clock", "it is the next day");
        self.replay(0, args.speed, AFTER_MIDNIGHT)?;
        let mut metrics = numbers::metrics(&self.setup.metrics())?;
        drop(server);
        self.tell("imrs", "was stopped");
        let server = self.setup.start(&self.stage)?;
        self.tell("imrs", "serves again");
        self.replay(0, args.speed, AFTER_MIDNIGHT)?;
        let clients = self.flooders();
        let flood = args.flood as usize;
        self.scene("flood of a server that is held", || {
            scenes::flood(self.midnight, &server, &clients, flood)
        })?;
        for (name, count) in numbers::metrics(&self.setup.metrics())? {
            *metrics.entry(name).or_default() += count;
        }
        drop(server);
        self.tell("imrs", "was stopped");
        Ok(metrics)
    }

    /// Clients that were answered on the next day.
    fn flooders(&self) -> Vec<SocketAddr> {
        let packets = self.corpora[0].packets.iter().take(AFTER_MIDNIGHT);
        let datagrams = packets.filter(|packet| packet.connection.is_none());
        let clients = datagrams.map(|packet| packet.client);
        clients.filter(|client| client.port() > 1023).collect()
    }

    fn replay(&self, half: usize, speed: u32, packets: usize) -> Result<()> {
        let corpus = &self.corpora[half];
        let part = Corpus {
            name: corpus.name.clone(),
            packets: corpus.packets.iter().take(packets).cloned().collect(),
        };
        let replay = || replay(&part, speed, self.midnight);
        let sent = self.stage.client.enter(replay)?;
        let what = format!(
            "{} datagrams and {} connections of {}",
            sent.datagrams, sent.connections, part.name
        );
        self.tell("clients", &what);
        Ok(())
    }

    fn scene(&self, name: &str, scene: impl FnOnce() -> Result<usize> + Send) -> Result<()> {
        let sent = self
            .stage
            .client
            .enter(scene)
            .with_context(|| name.to_owned())?;
        self.tell("clients", &format!("{name}: {sent} messages"));
        Ok(())
    }

    fn tell(&self, who: &str, what: &str) {
        let now = self.begin.elapsed().as_secs_f64();
        println!("{now:>7.3} s  {who:<10} {what}");
    }
}

/// Two versions of the root and, where they are made, their trust anchor.
struct Zones {
    versions: [PathBuf; 2],
    anchors: Option<PathBuf>,
}

/// Takes two real ones, otherwise makes two.
fn zones(program: &Path, folder: &Path) -> Result<Zones> {
    let [old, new] = REAL.map(|name| root::data_folder().join(name));
    if old.is_file() && new.is_file() {
        let plain = folder.join("old.zone");
        let status = tool_command("xz")?
            .args(["--decompress", "--stdout", "--keep"])
            .arg(&old)
            .stdout(File::create(&plain)?)
            .status()?;
        ensure!(status.success(), "xz of {}: {status}", old.display());
        return Ok(Zones {
            versions: [plain, new],
            anchors: None,
        });
    }
    let [old, new] = [("old", "2026010100"), ("new", "2026010200")].map(|(name, serial)| {
        let out = folder.join(name);
        let mut command = Command::new(program);
        command.args(["zone", "synth", "--algorithm", "8", "--at", MADE_AT]);
        let made = command
            .args(["--serial", serial, "--out"])
            .arg(&out)
            .output();
        made.map(|output| (out, output.status))
    });
    let ((old, _), (new, made)) = (old?, new?);
    ensure!(made.success(), "imrs zone synth failed: {made}");
    Ok(Zones {
        anchors: Some(new.join("anchors.ds")),
        versions: [old, new].map(|folder| folder.join("root.zone")),
    })
}

/// Roots of different years, below the data folder.
const REAL: [&str; 2] = [
    "zones/root-signed-2023042001.zone.xz",
    "zones/root-2026073102.zone",
];

const MADE_AT: &str = "2026-01-01T00:00:00Z";

/// What all scenes before midnight take, but for the replays.
const SCENES: Duration = Duration::from_secs(5);

/// For some to be answered from the zone before.
const BEFORE_RELOAD: Duration = Duration::from_secs(1);

/// Packets that are sent before a restart, and again after it.
const AFTER_MIDNIGHT: usize = 2000;

/// Seconds of a day.
const DAY: u64 = 86_400;
