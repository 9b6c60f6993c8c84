//! The scenes of zone transfers.
//!
//! Start reading at [`Play::go`]. Each scene states facts; one that does not hold is noted, and
//! the play goes on. Times are told, and nothing depends on them but that nothing takes for ever.

use super::load::Load;
use super::made::{Length, Made};
use super::stage::{Stage, Way, asked};
use super::transcript::Transcript;
use crate::peers::Software;
use crate::transfer::imrs::kept;
use crate::transfer::versions::Version;
use crate::transfer::{Host, Program};
use anyhow::{Context, Result, ensure};
use domain::base::iana::Rcode;
use serde_json::Value;
use std::thread;
use std::time::{Duration, Instant};

/// The servers and the load on them.
pub(super) struct Play<'a> {
    stage: &'a Stage,
    /// Those to come.
    versions: Made,
    primary: Host,
    /// Whom all is about.
    pub(super) secondary: Host,
    /// What asks it.
    pub(super) load: Load,
    /// What is told.
    pub(super) transcript: Transcript,
    length: Length,
    /// How much held that ought to.
    pub(super) held: usize,
    /// What ought to hold and does not.
    pub(super) failures: Vec<String>,
    /// The serial that the secondary ought to serve.
    serial: u32,
}

impl<'a> Play<'a> {
    /// A primary, a secondary, the first transfer between them, and load from then on.
    pub(super) fn begin(
        stage: &'a Stage,
        mut versions: Made,
        program: &Program,
        rate: u32,
        length: Length,
    ) -> Result<Self> {
        let mut transcript = Transcript::new();
        let version = versions.good.next().context("no version was made")?;
        let knot = Program::Peer(Software::Knot);
        transcript.scene("first transfer");
        let primary = stage.start_primary(&knot, Way::Plain, &version)?;
        let what = format!("{} with serial {}", knot.version()?, version.serial);
        transcript.tell("primary", &what);
        let secondary = stage.start_secondary(program, Way::Plain, None)?;
        transcript.tell(
            "secondary",
            &format!("{}, without a zone", program.version()?),
        );
        stage.expect_version(&secondary, &version)?;
        let what = format!(
            "serves {}, {} records",
            version.serial,
            version.records.len()
        );
        transcript.tell("secondary", &what);
        let load = stage.start_load(rate, transcript.start)?;
        transcript.tell("client", &format!("asks {rate} times a second from now on"));
        Ok(Play {
            stage,
            versions,
            primary,
            secondary,
            load,
            transcript,
            length,
            held: 0,
            failures: Vec::new(),
            serial: version.serial,
        })
    }

    /// All scenes, one after the other.
    pub(super) fn go(&mut self) -> Result<()> {
        self.transcript.scene("nothing happens");
        self.load.everywhere(self.serial)?;
        thread::sleep(self.length.quiet());
        self.new_serial("a new serial")?;
        self.new_serial("another one")?;
        self.wrong_zones()?;
        self.new_serial("a good one again")?;
        self.lies()?;
        if self.length == Length::Full {
            self.new_serial("a true one after lies")?;
        }
        self.primary_dies()?;
        self.secondary_dies()?;
        self.primary_returns()?;
        if self.length == Length::Full {
            self.over_tls()?;
            self.new_serial("a new serial over TLS")?;
        }
        Ok(())
    }

    /// The primary gets a version, tells of it, and it is served.
    fn new_serial(&mut self, name: &'static str) -> Result<()> {
        self.transcript.scene(name);
        let version = self.next()?;
        let text = version.text();
        let published = self.transcript.start.elapsed();
        self.primary.publish(&text)?;
        let what = format!("loads serial {} and tells so", version.serial);
        self.transcript.tell("primary", &what);
        let (first, last) = self.load.everywhere(version.serial)?;
        let what = format!(
            "served {} ms after that was asked for, by all workers {} ms after",
            first.saturating_sub(published).as_millis(),
            last.saturating_sub(published).as_millis()
        );
        self.transcript.tell("secondary", &what);
        self.tell_swap()?;
        self.stage.expect_version(&self.secondary, &version)?;
        self.held += 1;
        let records = version.records.len();
        let what = format!("has the zone compared: all of {records} records are as made");
        self.transcript.tell("client", &what);
        self.serial = version.serial;
        Ok(())
    }

    /// What imrs says about its last swap.
    fn tell_swap(&self) -> Result<()> {
        if !self.is_imrs() {
            return Ok(());
        }
        let zone = kept(&self.secondary)?;
        let history = zone.get("history").and_then(Value::as_array);
        let swap = history
            .into_iter()
            .flatten()
            .find(|one| one.get("kind").and_then(Value::as_str) == Some("swapped"));
        let took = swap.and_then(|swap| swap.get("took_ms")?.as_u64());
        let source = zone.pointer("/source").and_then(Value::as_str);
        let took = took.map_or("no time".to_owned(), |took| format!("{took} ms"));
        let what = format!(
            "says: from {}, {took} from the wish to service",
            source.unwrap_or("nowhere")
        );
        self.transcript.tell("secondary", &what);
        Ok(())
    }

    /// NOTIFY of serials that do not exist, from the primary's address, and from a stranger.
    fn lies(&mut self) -> Result<()> {
        self.transcript.scene("lying serials");
        let (questions, transfers) = asked(&self.primary)?;
        let far = self.serial.wrapping_add(1 << 30);
        let rcode = self.stage.notify(far, true)?;
        let said = rcode.map_or("nothing".to_owned(), |rcode| rcode.to_string());
        let what = format!("is told of serial {far}, signed, and says {said}");
        self.transcript.tell("secondary", &what);
        self.fact(rcode == Some(Rcode::NOERROR), "a signed NOTIFY is taken");
        for number in 0..STORM {
            let _ = self.stage.notify(far.wrapping_add(number), true)?;
        }
        self.transcript
            .tell("secondary", &format!("is told of {STORM} more"));
        let rcode = self.stage.notify_as_stranger(far)?;
        let said = rcode.map_or("nothing".to_owned(), |rcode| rcode.to_string());
        let what = format!("is told by a stranger, unsigned, and says {said}");
        self.transcript.tell("secondary", &what);
        self.fact(rcode != Some(Rcode::NOERROR), "a stranger is refused");
        thread::sleep(self.length.chase());
        let (after, transfers_after) = asked(&self.primary)?;
        let (more, fetched) = (after - questions, transfers_after - transfers);
        let what = format!("was asked {more} times since, {fetched} times for a transfer");
        self.transcript.tell("primary", &what);
        self.fact(
            fetched == 0,
            "nothing is fetched for a serial that does not exist",
        );
        self.fact(
            more <= CHASE_MAX,
            "NOTIFY does not make questions without end",
        );
        self.expect_unmoved()
    }

    /// Versions that nobody should serve.
    fn wrong_zones(&mut self) -> Result<()> {
        for scene in ["wrong digest", "wrong signature, right digest"] {
            self.transcript.scene(scene);
            let bad = self.versions.bad.next();
            let (what, version) = bad.context("too few versions were made")?;
            self.refused(&version, what)?;
        }
        Ok(())
    }

    /// The primary gets a version that is to be refused for a reason with these words.
    fn refused(&mut self, version: &Version, words: &str) -> Result<()> {
        self.primary.publish(&version.text())?;
        let what = format!("loads serial {} and tells so", version.serial);
        self.transcript.tell("primary", &what);
        if !self.is_imrs() {
            thread::sleep(self.length.quiet());
            return self.expect_unmoved();
        }
        let start = Instant::now();
        let reason = loop {
            let zone = kept(&self.secondary)?;
            let refusals = zone.get("refusals").and_then(Value::as_array);
            let refusal = refusals.into_iter().flatten().find(|refusal| {
                refusal.get("serial").and_then(Value::as_u64) == Some(version.serial.into())
            });
            if let Some(refusal) = refusal {
                break refusal
                    .get("reason")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned();
            }
            ensure!(start.elapsed() < PATIENCE, "not refused: {zone}");
            thread::sleep(PAUSE);
        };
        self.transcript
            .tell("secondary", &format!("refuses: {reason}"));
        let what = format!("the reason tells of {words}");
        self.fact(reason.contains(words), &what);
        self.expect_unmoved()
    }

    /// The primary is gone; who asks is answered as before.
    fn primary_dies(&mut self) -> Result<()> {
        self.transcript.scene("primary dead");
        let _ = self.primary.daemon.kill();
        self.transcript.tell("primary", "is killed");
        if self.is_imrs() {
            let reply = self.secondary.control(&["refresh", "."])?;
            let reply: Value = serde_json::from_str(&reply)?;
            let zone = kept(&self.secondary)?;
            let failures = zone
                .pointer("/primaries/0/failures")
                .and_then(Value::as_u64);
            let check = zone.pointer("/last_check/reason").and_then(Value::as_str);
            let what = format!(
                "is told to refresh, and notes: {}",
                check.unwrap_or("nothing")
            );
            self.transcript.tell("secondary", &what);
            let result = reply.pointer("/zones/0/result").and_then(Value::as_str);
            self.fact(
                result == Some("unanswered"),
                "a refresh says that the primary is dead",
            );
            let is_counted = failures.is_some_and(|failures| failures > 0);
            self.fact(is_counted, "a dead primary is counted as failing");
        }
        thread::sleep(self.length.quiet());
        self.expect_unmoved()
    }

    /// The secondary is killed and started again, while the primary is dead still.
    fn secondary_dies(&mut self) -> Result<()> {
        self.transcript.window("secondary dead");
        // A query under way when it dies belongs here.
        thread::sleep(MARGIN);
        let directory = self.secondary.daemon.kill();
        let program = self.secondary.program.clone();
        let killed = Instant::now();
        self.transcript.tell("secondary", "is killed");
        self.secondary = self
            .stage
            .start_secondary(&program, Way::Plain, Some(directory))?;
        let started = self.transcript.start.elapsed();
        self.transcript.tell("secondary", "is started again");
        self.load.answered_since(started)?;
        let what = format!(
            "answers {} ms after its death",
            killed.elapsed().as_millis()
        );
        self.transcript.tell("secondary", &what);
        self.transcript.scene("secondary back, primary dead");
        thread::sleep(self.length.quiet());
        self.expect_unmoved()
    }

    /// The primary comes back with news.
    fn primary_returns(&mut self) -> Result<()> {
        self.transcript.scene("primary back");
        let version = self.next()?;
        let knot = Program::Peer(Software::Knot);
        self.primary = self.stage.start_primary(&knot, Way::Plain, &version)?;
        let what = format!("is back with serial {}", version.serial);
        self.transcript.tell("primary", &what);
        if self.is_imrs() {
            let _ = self.secondary.control(&["refresh", "."])?;
        } else {
            let _ = self.stage.notify(version.serial, true)?;
        }
        let _ = self.load.everywhere(version.serial)?;
        self.stage.expect_version(&self.secondary, &version)?;
        self.held += 1;
        let what = format!("serves {}, all records as made", version.serial);
        self.transcript.tell("secondary", &what);
        self.serial = version.serial;
        thread::sleep(self.length.quiet());
        Ok(())
    }

    /// Both begin anew, with TLS between them.
    fn over_tls(&mut self) -> Result<()> {
        self.transcript.window("a fresh start, over TLS");
        thread::sleep(MARGIN);
        let what = "Knot gives no transfers over TLS ahead of release 3.4: BIND takes its place";
        self.transcript.tell("primary", what);
        let _ = self.primary.daemon.kill();
        let program = self.secondary.program.clone();
        let _ = self.secondary.daemon.kill();
        let version = self.next()?;
        let bind = Program::Peer(Software::Bind);
        self.primary = self.stage.start_primary(&bind, Way::Tls, &version)?;
        let what = format!("{} with serial {}", bind.version()?, version.serial);
        self.transcript.tell("primary", &what);
        self.secondary = self.stage.start_secondary(&program, Way::Tls, None)?;
        self.transcript.tell("secondary", "without a zone");
        self.stage.expect_version(&self.secondary, &version)?;
        self.held += 1;
        let what = format!("serves {}, all records as made", version.serial);
        self.transcript.tell("secondary", &what);
        self.load.answered_since(self.transcript.start.elapsed())
    }

    fn is_imrs(&self) -> bool {
        matches!(self.secondary.program, Program::Imrs(_))
    }

    fn next(&mut self) -> Result<Version> {
        let next = self.versions.good.next();
        next.context("too few versions were made")
    }

    /// What the secondary serves is what it served.
    fn expect_unmoved(&mut self) -> Result<()> {
        let serial = self.stage.serial(&self.secondary)?;
        let told = serial.map_or("nothing".to_owned(), |serial| serial.to_string());
        let what = format!("serves {told}");
        self.transcript.tell("secondary", &what);
        let what = format!("{} is served on", self.serial);
        self.fact(serial == Some(self.serial), &what);
        // The rest of the play goes on from there.
        self.serial = serial.unwrap_or(self.serial);
        Ok(())
    }

    /// Notes what does not hold.
    fn fact(&mut self, holds: bool, what: &str) {
        if holds {
            self.held += 1;
        } else {
            self.transcript.tell("", &format!("does not hold: {what}"));
            self.failures.push(what.to_owned());
        }
    }
}

/// Questions within the time of a chase: one a second would be the most that NOTIFY may cause, and the
/// interval doubles.
const CHASE_MAX: u64 = 12;

/// NOTIFY messages in a storm.
const STORM: u32 = 200;

/// Longer than a query is under way.
const MARGIN: Duration = Duration::from_millis(50);

/// For all that ought to happen, on a crowded machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);
