//! One node after another on the same sockets: what the newer one does to have them alone, and what
//! the older one does to leave them.
//!
//! ```text
//! newer   reads its configuration ── asks ── loads, starts workers ── done ──────── the rest starts
//! older   serves ─────────────────── lends ─ serves ──────────────── leaves: reads no more ── ends
//! ```

use super::doors;
use super::encrypted;
use super::events::{Event, Events};
use super::node::Node;
use super::notify::{notify, notify_main};
use crate::chain;
use crate::control::server::Bound;
use crate::control::v1::{Socket, UsedFor};
use crate::encrypted::{Encrypted, Medium};
use crate::hand_over::{Asking, Lending, Passed, TakingOver};
use crate::limits::{LEAVE_LOOK, TRANSFERS_LEAVE};
use crate::metrics;
use crate::transport::LentFor;
use sd_notify::NotifyState;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::Instant;
use tracing::{error, info, warn};

/// What starts once nobody else serves the same sockets: what only one process at a time can do.
pub(super) struct Waiting {
    /// The node that serves them, if one does.
    pub(super) taking_over: Option<TakingOver>,
    pub(super) control: Bound,
    pub(super) metrics: Option<metrics::Bound>,
    /// Packets of QUIC are of use to the process that has their connection.
    pub(super) encrypted: Option<crate::encrypted::Bound>,
}

impl Node {
    /// Has the node that ran so far leave once this one is well; to be called again and again.
    /// An error is that it will not be.
    pub(super) fn settle_when_well(&mut self, events: &Events) -> anyhow::Result<()> {
        if self.waiting.is_none() || self.running.is_over() || !self.is_fit_to_follow()? {
            return Ok(());
        }
        if let Err(error) = self.settle(events) {
            error!("{error:#}");
        }
        Ok(())
    }

    /// Has the node that ran so far leave, if there is one, and starts what waits for that. Workers
    /// answer already.
    ///
    /// Where that one has left, nothing that fails now ends this one: nobody else would serve.
    pub(super) fn settle(&mut self, events: &Events) -> anyhow::Result<()> {
        let Some(waiting) = self.waiting.take() else {
            return Ok(());
        };
        let follows = waiting.taking_over.is_some();
        if let Some(taking_over) = waiting.taking_over {
            notify_main();
            taking_over.done();
            self.keeping.take_over();
        }
        let bear = |error: anyhow::Error| match follows {
            true => {
                error!("{error:#}");
                Ok(())
            }
            false => Err(error),
        };
        let crowding = self.running.crowding();
        match encrypted::start(waiting.encrypted, &self.service, crowding) {
            Ok(started) => self.encrypted = started,
            Err(error) => bear(error)?,
        }
        match doors::obey(waiting.control, events) {
            Ok(started) => self.control = Some(started),
            Err(error) => bear(error)?,
        }
        match doors::observe(waiting.metrics, self.pinned, events) {
            Ok(started) => self.metrics = started,
            Err(error) => bear(error)?,
        }
        if !follows {
            notify(&[NotifyState::Ready]);
        }
        Ok(())
    }

    /// Answers a process that is about to serve in our place. What comes back is that it serves, and
    /// where it waits for us to leave.
    pub(super) fn hand_over(&mut self, asking: Asking) -> Option<(u32, SyncSender<()>)> {
        match asking {
            Asking::Lend(pid, reply) => {
                let lending = match self.lent_to {
                    Some(other) => Err(format!(
                        "process {other} is taking over already; wait until it serves, or stop it"
                    )),
                    None => self.lend(),
                };
                if let Ok(lent) = &lending {
                    info!("lending {} sockets to process {pid}", lent.len());
                    self.lent_to = Some(pid);
                }
                // Who asked may have gone away, and says so next.
                let _ = reply.try_send(lending);
            }
            Asking::Resume(pid) if self.lent_to == Some(pid) => {
                self.lent_to = None;
                warn!("process {pid} ended before it served: this one goes on as before");
                if let Err(cause) = self.running.resume() {
                    error!("cannot put the socket filter back: {cause}");
                }
            }
            Asking::Leave(pid, left) if self.lent_to == Some(pid) => return Some((pid, left)),
            Asking::Resume(_) | Asking::Leave(..) => {}
        }
        None
    }

    /// All sockets. Nothing changes for who serves them.
    fn lend(&self) -> Lending {
        self.all_sockets().map_err(|cause| {
            let cause = chain(&cause);
            format!("cannot hand its sockets over: {cause}; it goes on")
        })
    }

    fn all_sockets(&self) -> io::Result<Vec<Passed>> {
        let mut all = Vec::new();
        let mut add = |used_for, at: String, dropped, socket: OwnedFd| {
            let is = Socket {
                used_for,
                at,
                dropped,
            };
            all.push(Passed { is, socket });
        };
        if let Some(control) = &self.control {
            let path = control.path().display().to_string();
            add(UsedFor::Control, path, 0, control.lend()?);
        }
        if let Some(metrics) = &self.metrics {
            for (at, socket) in metrics.lend()? {
                add(UsedFor::Metrics, at.to_string(), 0, socket);
            }
            if let Some((path, socket)) = metrics.lend_socket()? {
                add(
                    UsedFor::MetricsSocket,
                    path.display().to_string(),
                    0,
                    socket,
                );
            }
        }
        if let Some(transfers) = &self.transfers {
            for (at, socket) in transfers.lend()? {
                add(UsedFor::TransfersTls, at.to_string(), 0, socket);
            }
        }
        for lent in self
            .encrypted
            .as_ref()
            .map_or(Ok(Vec::new()), Encrypted::lend)?
        {
            let used_for = match lent.medium {
                Medium::Tls => UsedFor::Tls,
                Medium::Quic => UsedFor::Quic,
            };
            for socket in lent.sockets {
                add(used_for, lent.address.to_string(), 0, socket);
            }
        }
        // Last: what the kernel drops from here on is for the other to count.
        for lent in self.running.lend()? {
            let (used_for, dropped) = match lent.used_for {
                LentFor::Udp { dropped } => (UsedFor::Udp, dropped),
                LentFor::Tcp => (UsedFor::Tcp, 0),
            };
            add(used_for, lent.address.to_string(), dropped, lent.socket);
        }
        Ok(all)
    }

    /// Leaves the sockets to process `pid`, and says so. Ends when the connections have, after a
    /// limit at the latest, or when told to.
    pub(super) fn leave(mut self, pid: u32, left: &SyncSender<()>, inbox: &Receiver<Event>) {
        info!("process {pid} serves in place of this one, which ends with its connections");
        drop(self.watch.take());
        self.running.leave();
        if let Some(control) = self.control.take() {
            control.leave();
        }
        if let Some(metrics) = self.metrics.take() {
            metrics.leave();
        }
        drop(self.transfers.take());
        if let Some(encrypted) = &mut self.encrypted {
            encrypted.leave();
        }
        self.keeping.leave();
        // The other may be gone; nobody else serves then, and the service manager starts anew.
        let _ = left.try_send(());
        let transfers_by = Instant::now() + TRANSFERS_LEAVE;
        loop {
            let is_sending = self.outbound.is_sending() && Instant::now() < transfers_by;
            let is_over = self.encrypted.as_ref().is_none_or(Encrypted::is_over);
            if self.running.is_over() && is_over && !is_sending {
                break;
            }
            if let Ok(Event::Stop(signal)) = inbox.recv_timeout(LEAVE_LOOK) {
                info!("{signal}: closing connections");
                break;
            }
        }
        self.encrypted.map(Encrypted::stop);
        self.running.stop();
        self.statistics.stop();
        if let Some(captures) = Arc::into_inner(self.captures) {
            captures.finish();
        }
        info!("stopped; process {pid} serves");
    }
}
