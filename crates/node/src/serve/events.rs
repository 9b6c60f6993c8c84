//! What the node waits for: signals, requests, and loads that came to their end.

use crate::control::v1::{Command, Reply};
use crate::guard::{Blocked, BlocklistError};
use crate::hand_over::Asking;
use crate::hosting::load::LoadResult;
use crate::keeping;
use crate::metrics::Told;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel};
use std::thread;
use tokio::sync::oneshot;

/// One thing that happened.
#[derive(Debug)]
pub(super) enum Event {
    /// SIGHUP.
    Reload,
    /// SIGTERM or SIGINT, by name.
    Stop(&'static str),
    /// A request on the control socket, and where its reply goes.
    Asked(Command, SyncSender<Reply>),
    /// Somebody fetches metrics: where what is told of them goes.
    Observed(oneshot::Sender<Box<Told>>),
    /// Something happened to a zone that is kept current.
    Kept(keeping::Event),
    /// Another process is about to serve in our place.
    HandOver(Asking),
    /// A load ended.
    Loaded(Loaded),
}

/// What a load came to.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    /// What became of each zone.
    pub(super) zones: Vec<LoadResult>,
    /// What became of the file of blocked prefixes, if it was read.
    pub(super) blocked: Option<Result<Blocked, BlocklistError>>,
}

/// Where events are put.
#[derive(Clone, Debug)]
pub(super) struct Events(Sender<Event>);

/// Where events are put, and where the node takes them from.
pub(super) fn channel_pair() -> (Events, Receiver<Event>) {
    let (sender, inbox) = channel();
    (Events(sender), inbox)
}

/// Catches signals from now on: none ends the process any more, and none is lost.
pub(super) fn catch_signals() -> io::Result<Signals> {
    Signals::new([SIGHUP, SIGTERM, SIGINT])
}

impl Events {
    /// Puts an event. Nobody waits for it when the node has stopped.
    pub(super) fn put(&self, event: Event) {
        let _ = self.0.send(event);
    }

    /// Makes events of signals that were caught, and of all that come. The thread for it is under
    /// whatever its starter is under.
    pub(super) fn watch(&self, mut signals: Signals) -> io::Result<()> {
        let events = self.clone();
        let forward = move || {
            for signal in signals.forever() {
                events.put(match signal {
                    SIGHUP => Event::Reload,
                    SIGINT => Event::Stop("SIGINT"),
                    _ => Event::Stop("SIGTERM"),
                });
            }
        };
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(forward)
            .map(drop)
    }
}
