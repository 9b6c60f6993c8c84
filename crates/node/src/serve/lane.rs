//! Loads, one after the other: what one zone proves another may rest on.

use crate::control::v1::Reply;
use crate::keeping::Delivery;
use std::collections::VecDeque;
use std::sync::mpsc::SyncSender;

/// One load.
#[derive(Debug)]
pub(super) enum Work {
    /// The zone files; these wait for its end.
    Files(Vec<SyncSender<Reply>>),
    /// What arrived for one zone.
    Delivery(Delivery),
}

/// The load that runs, and those that wait for it.
#[derive(Debug, Default)]
pub(super) struct Lane {
    running: Option<Work>,
    waiting: VecDeque<Work>,
}

impl Lane {
    /// Adds a load. One of the zone files that is running may have read them before they were
    /// changed, so another is due after it; one that waits will do for all who ask meanwhile.
    pub(super) fn add(&mut self, work: Work) {
        if let Work::Files(more) = &work
            && let Some(Work::Files(waiting)) = self
                .waiting
                .iter_mut()
                .find(|waiting| matches!(waiting, Work::Files(_)))
        {
            waiting.extend(more.iter().cloned());
            return;
        }
        self.waiting.push_back(work);
    }

    /// Begins the next load, if none runs.
    pub(super) fn begin(&mut self) -> Option<&mut Work> {
        if self.running.is_some() {
            return None;
        }
        self.running = self.waiting.pop_front();
        self.running.as_mut()
    }

    /// Takes the load that ran.
    pub(super) fn end(&mut self) -> Option<Work> {
        self.running.take()
    }
}
