//! What happened to a node, for those who judge it. The node itself reads nothing of this.

use imrs_transfer::time::Moment;
use imrs_wire::Serial;
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
    /// Files that it dropped at its starts.
    pub dropped: usize,
    /// What it could not put on disk.
    pub troubles: Vec<String>,
    /// How often it refused what came.
    pub refused: usize,
    /// Why it did so the last time.
    pub refusal: Option<String>,
    /// When it fetched from each upstream within the last hour.
    fetches: Vec<Vec<Moment>>,
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
