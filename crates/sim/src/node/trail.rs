//! What happened to a node, for those who judge it. The node itself reads nothing of this.

use imrs_transfer::time::Moment;
use imrs_wire::Serial;
use std::cell::Cell;
use std::time::Duration;

/// What happened to a node.
#[derive(Clone, Debug, Default)]
pub struct Trail {
    /// How often it was started.
    pub boots: u64,
    /// Versions that it put into service, and when.
    pub swaps: Vec<(Moment, Serial)>,
    /// The newest serial that it served since it was started.
    pub highest: Option<Serial>,
    /// The newest serial that its disk said is safe.
    pub saved: Option<Serial>,
    /// What the node itself was told last: that its serial is current, or a newer version.
    pub confirmed: Option<Moment>,
    /// Questions that it asked its upstreams.
    pub asks: usize,
    /// Transfers that it asked for.
    pub fetched: usize,
    /// Versions that came as differences.
    pub incremental: usize,
    /// Files that it dropped at its starts.
    pub dropped: usize,
    /// What came of its last start.
    pub start: Option<Start>,
    /// Whether its clock was ever wrong, so that times on its disk are.
    pub clock_was_wrong: bool,
    /// How often it stopped serving while it ran.
    pub outages: usize,
    /// What it could not put on disk.
    pub troubles: Vec<String>,
    /// How often it refused what came.
    pub refused: usize,
    /// Why it did so the last time.
    pub refusal: Option<String>,
    /// Of which start and swap what is served was compared with what was published.
    pub(crate) judged: Cell<Option<(u64, usize)>>,
    /// When it fetched from each upstream within the last hour.
    fetches: Vec<Vec<Moment>>,
}

/// What came of a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// When it was.
    pub at: Moment,
    /// The newest serial that the disk had said was safe.
    pub saved: Option<Serial>,
    /// The serial that was found good.
    pub held: Option<Serial>,
    /// Whether it was served at once.
    pub is_served: bool,
    /// Whether every copy could be read.
    pub is_readable: bool,
    /// When an upstream had last confirmed what was served.
    pub confirmed: Option<Moment>,
}

const HOUR: Duration = Duration::from_secs(3600);

impl Trail {
    pub(super) fn fetch(&mut self, now: Moment, upstream: usize) {
        if self.fetches.len() <= upstream {
            self.fetches.resize(upstream + 1, Vec::new());
        }
        let times = &mut self.fetches[upstream];
        times.retain(|at| now.since(*at) < HOUR);
        times.push(now);
        self.fetched += 1;
    }

    /// The most fetches from one upstream in the hour before the last one.
    pub fn fetches(&self) -> usize {
        self.fetches.iter().map(Vec::len).max().unwrap_or_default()
    }

    pub(super) fn swap(&mut self, now: Moment, serial: Serial) {
        self.swaps.push((now, serial));
        self.confirmed = Some(now);
    }
}
