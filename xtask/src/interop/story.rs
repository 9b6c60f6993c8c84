//! The cases of a pair that follow one another: a first transfer and what comes after it.
//!
//! Start reading at [`tell`]. Between the two stand taps: one at the primary's place, which tells
//! AXFR from IXFR, and one at the secondary's, which can lose its NOTIFY.

use super::cases::Case;
use super::pair::{AXFR, GRACE, IXFR, KEY_256, KEY_WRONG, NETWORK, Pair, SOA, describe, holds};
use super::report::Outcome;
use crate::peers::Software;
use crate::transfer::tap::Tap;
use crate::transfer::versions::Versions;
use crate::transfer::{Host, Program, notify};
use anyhow::{Result, ensure};
use std::thread;

/// Tries the cases that follow one another. What fails ends it.
pub(super) fn tell(pair: &Pair, versions: &Versions, set: &mut dyn FnMut(Case, Outcome)) {
    let mut running = None;
    for case in CASES {
        let outcome = match (case, &mut running) {
            (Case::Axfr, _) => Running::start(pair, versions).and_then(|started| {
                let seen = started.first(versions);
                running = Some(started);
                seen
            }),
            (_, None) => return,
            (Case::Notify, Some(running)) => running.notify(versions),
            (Case::Ixfr, Some(running)) => running.incremental(running.fetched_first),
            (Case::WrongNotify, Some(running)) => running.wrong_notify(versions),
            (Case::Chain, Some(running)) => running.chain(versions),
            (_, Some(_)) => match running.take().map(|running| running.restart(versions)) {
                Some(outcome) => outcome,
                None => return,
            },
        };
        let failed = outcome.is_err();
        set(case, outcome.into());
        if failed {
            return;
        }
    }
}

/// Two that run, with the taps between them.
struct Running {
    primary: Host,
    secondary: Host,
    /// At the primary's place.
    requests: Tap,
    /// At the secondary's place.
    notifies: Tap,
    /// How much was fetched before the second version.
    fetched_first: usize,
}

impl Running {
    fn start(pair: &Pair, versions: &Versions) -> Result<Running> {
        let requests = Tap::start(pair.address(1), pair.address(0))?;
        let notifies = Tap::start(pair.address(3), pair.address(2))?;
        let primary = Host::start(&pair.primary, pair.primary(versions, NETWORK)?)?;
        let part = pair.secondary(versions, Some(&KEY_256))?;
        let secondary = Host::start(&pair.secondary, part)?;
        Ok(Running {
            primary,
            secondary,
            requests,
            notifies,
            fetched_first: 0,
        })
    }

    fn first(&self, versions: &Versions) -> Result<String> {
        holds(&self.secondary, &versions.make_changed(0)?)?;
        Ok(String::new())
    }

    /// The second version is told at once.
    fn notify(&mut self, versions: &Versions) -> Result<String> {
        self.fetched_first = self.requests.exchanges().len();
        let version = versions.make_changed(1)?;
        self.primary.publish(&version.text())?;
        let took = holds(&self.secondary, &version)?;
        Ok(format!("{:.1} s", took.as_secs_f64()))
    }

    /// What was fetched since then were differences.
    fn incremental(&self, before: usize) -> Result<String> {
        let exchanges = &self.requests.exchanges()[before..];
        let seen = describe(exchanges);
        let fetched: Vec<u16> = exchanges
            .iter()
            .map(|one| one.qtype)
            .filter(|qtype| *qtype != SOA)
            .collect();
        let is_tried = fetched.contains(&IXFR);
        let is_nsd = self.primary.program == Program::Peer(Software::Nsd);
        // NSD 4.6.1 makes differences that add records of the apex that are there already. Who
        // minds has to take the whole zone.
        if is_tried && is_nsd && fetched.last() == Some(&AXFR) {
            return Ok(format!("{seen}, as the difference that NSD makes is wrong"));
        }
        ensure!(is_tried && !fetched.contains(&AXFR), "{seen}");
        Ok(seen)
    }

    /// A NOTIFY that nobody can have signed moves nothing.
    fn wrong_notify(&self, versions: &Versions) -> Result<String> {
        self.notifies.cut();
        let version = versions.make_changed(2)?;
        self.primary.publish(&version.text())?;
        self.primary.wait_for(version.serial)?;
        let rcode = notify::send(
            self.secondary.part.address,
            version.serial,
            Some(&KEY_WRONG),
        )?;
        thread::sleep(GRACE);
        let serial = self.secondary.daemon.serial(".")?;
        ensure!(
            serial == Some(versions.make_changed(1)?.serial),
            "the secondary went to {serial:?}"
        );
        Ok(rcode.map_or("no answer".to_owned(), |rcode| rcode.to_string()))
    }

    /// NOTIFY of one version brings those that were not told as well.
    fn chain(&self, versions: &Versions) -> Result<String> {
        let before = self.requests.exchanges().len();
        for number in 3..5 {
            let version = versions.make_changed(number)?;
            self.primary.publish(&version.text())?;
            self.primary.wait_for(version.serial)?;
        }
        self.notifies.mend();
        let version = versions.make_changed(4)?;
        // The primary may take its time to repeat what was lost.
        let address = self.secondary.part.address;
        let _ = notify::send(address, version.serial, Some(&KEY_256))?;
        holds(&self.secondary, &version)?;
        self.incremental(before)
    }

    /// Killed, and started again where it was.
    fn restart(self, versions: &Versions) -> Result<String> {
        let Running {
            primary,
            mut secondary,
            requests,
            notifies: _notifies,
            ..
        } = self;
        let directory = secondary.daemon.kill();
        let (program, part) = (secondary.program, secondary.part);
        let version = versions.make_changed(5)?;
        primary.publish(&version.text())?;
        primary.wait_for(version.serial)?;
        let before = requests.exchanges().len();
        let secondary = Host::start_in(&program, part, directory)?;
        holds(&secondary, &version)?;
        let seen = describe(&requests.exchanges()[before..]);
        // The peers do not store what they have received at once.
        let is_imrs = matches!(secondary.program, Program::Imrs(_));
        ensure!(!is_imrs || seen.contains("IXFR"), "{seen}");
        Ok(seen)
    }
}

/// The cases that follow one another, in this order.
pub(super) const CASES: [Case; 6] = [
    Case::Axfr,
    Case::Notify,
    Case::Ixfr,
    Case::WrongNotify,
    Case::Chain,
    Case::Restart,
];
