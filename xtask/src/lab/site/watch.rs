//! Where the routers lead, over time, as their kernels tell it.
//!
//! Start reading at [`Watch::start`]. This file does not know why a route changes.

use super::network::{Network, family_of};
use super::plan::Place;
use super::waiting::pause;
use crate::peers::tool_command;
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Watches the routes of one router to the service prefixes. Ends when dropped.
#[derive(Debug)]
pub(super) struct Watch {
    child: Child,
    thread: Option<JoinHandle<()>>,
    seen: Arc<Mutex<Vec<Change>>>,
    start: Instant,
}

/// From a time on, a prefix leads to these neighbors and to no other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// When, from the start of the lab.
    pub(super) at: Duration,
    /// Of which prefix, by its place in the list of all.
    pub(super) family: usize,
    /// Names of the neighbors.
    pub(super) to: BTreeSet<String>,
}

impl Watch {
    /// Begins, with what holds now.
    pub(super) fn start(network: &Network, router: Place, start: Instant) -> Result<Watch> {
        let namespace = network.at(router);
        let mut child = namespace.enter(|| {
            let mut command = tool_command("ip")?;
            command
                .args(["-o", "monitor", "route"])
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::null());
            command.spawn().context("cannot start `ip monitor`")
        })?;
        let output = child.stdout.take().context("no output of `ip monitor`")?;
        let seen = Arc::new(Mutex::new(namespace.enter(|| held(start))?));
        let noting = Arc::clone(&seen);
        let thread = thread::spawn(move || note(output, start, &noting));
        Ok(Watch {
            child,
            thread: Some(thread),
            seen,
            start,
        })
    }

    /// To whom the prefix leads now.
    pub(super) fn now(&self, family: usize) -> BTreeSet<String> {
        let seen = self.seen();
        let last = seen.iter().rev().find(|one| one.family == family);
        last.map(|one| one.to.clone()).unwrap_or_default()
    }

    /// Waits until both prefixes lead, or do not lead, to a neighbor; gives when the later did.
    pub(super) fn wait(&self, leads: Leads, neighbor: Place, limit: Duration) -> Result<Duration> {
        let from = Instant::now();
        let is_so = |family| self.now(family).contains(neighbor.name()) == (leads == Leads::There);
        while !(is_so(0) && is_so(1)) {
            if from.elapsed() > limit {
                bail!(
                    "after {limit:?} the routes lead to {:?} and {:?}, which is wrong of {}",
                    self.now(0),
                    self.now(1),
                    neighbor.name()
                );
            }
            pause(PAUSE)?;
        }
        let turned = [0, 1].map(|family| self.turned(leads, neighbor, family));
        let [four, six] = turned;
        Ok(four.max(six))
    }

    /// Since when a prefix leads, or does not lead, to a neighbor.
    pub(super) fn turned(&self, leads: Leads, neighbor: Place, family: usize) -> Duration {
        let seen = self.seen();
        let own: Vec<&Change> = seen.iter().filter(|one| one.family == family).collect();
        let is_so = |one: &&&Change| one.to.contains(neighbor.name()) == (leads == Leads::There);
        let held = own.iter().rev().take_while(is_so).last();
        held.map_or(self.start.elapsed(), |one| one.at)
    }

    fn seen(&self) -> MutexGuard<'_, Vec<Change>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leads {
    /// The neighbor is one of those that the route leads to.
    There,
    /// It is not.
    Elsewhere,
}

impl Drop for Watch {
    fn drop(&mut self) {
        // One that has ended by itself has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn note(output: ChildStdout, start: Instant, seen: &Mutex<Vec<Change>>) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        if let Some((family, to)) = read(&line) {
            let at = start.elapsed();
            let change = Change { at, family, to };
            seen.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(change);
        }
    }
}

/// What the kernel of this namespace holds now.
fn held(start: Instant) -> Result<Vec<Change>> {
    let mut held = Vec::new();
    for flag in ["-4", "-6"] {
        let mut command = tool_command("ip")?;
        let output = command.args([flag, "-o", "route", "show"]).output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let at = start.elapsed();
        let changes = text.lines().filter_map(read);
        held.extend(changes.map(|(family, to)| Change { at, family, to }));
    }
    Ok(held)
}

/// A line about a service prefix: which one, and where it leads.
fn read(line: &str) -> Option<(usize, BTreeSet<String>)> {
    let mut words = line.split_whitespace();
    let mut first = words.next()?;
    let is_deleted = first == "Deleted";
    if is_deleted {
        first = words.next()?;
    }
    let family = family_of(first)?;
    let mut to = BTreeSet::new();
    let rest: Vec<&str> = words.collect();
    // Others are put there by hand.
    if !rest.windows(2).any(|pair| pair == ["proto", "bird"]) {
        return None;
    }
    for pair in rest.windows(2) {
        if let ["dev", interface] = pair
            && !is_deleted
        {
            let name = interface.strip_prefix("to-").unwrap_or(interface);
            to.insert(name.to_owned());
        }
    }
    Some((family, to))
}

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Option<(usize, &[&str])>) {
        let to_names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let expected = expected.map(|(family, names)| (family, to_names(names)));
        assert_eq!(read(line), expected, "{line}");
    }

    #[test]
    fn a_route_to_several_is_read() {
        check(
            "192.0.2.0/24 proto bird metric 32 \\\tnexthop via 10.64.31.2 dev to-n1 weight 1 \
             \\\tnexthop via 10.64.32.2 dev to-n2 weight 1 ",
            Some((0, &["n1", "n2"])),
        );
        check(
            "2001:db8:53::/48 via fd64:0:0:1f::2 dev to-n1 proto bird metric 32 pref medium",
            Some((1, &["n1"])),
        );
    }

    #[test]
    fn a_route_that_is_gone_leads_nowhere() {
        check(
            "Deleted 192.0.2.0/24 via 10.64.31.2 dev to-n1 proto bird metric 32 ",
            Some((0, &[])),
        );
    }

    #[test]
    fn other_routes_are_passed_over() {
        check("10.64.1.0/30 dev to-ha scope link", None);
        check("192.0.2.0/24 nhid 10 proto static metric 10 ", None);
    }
}
