//! The running node: lends its sockets, and leaves once the other serves.

use super::{Passed, pass};
use crate::control::server::{refuse, send};
use crate::control::v1::{self, Command, Reply, Request};
use crate::limits::CONTROL_PATIENCE;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// What the node is asked, one after the other; it answers by what comes with each.
#[derive(Debug)]
pub(crate) enum Asking {
    /// For its sockets; it goes on serving them. Or why that cannot be.
    Lend(u32, SyncSender<Lending>),
    /// To go on as if nothing had been asked: the other did not come to serve.
    Resume(u32),
    /// To leave the sockets to the other; it answers when it reads none of them any more.
    Leave(u32, SyncSender<()>),
}

/// The node's sockets, or why there are none to have.
pub(crate) type Lending = Result<Vec<Passed>, String>;

/// Deals with the process `pid` at the other end of `stream` until one of both has all sockets.
/// What the node is asked is put by `ask`.
pub(crate) fn serve(stream: &UnixStream, pid: u32, ask: impl Fn(Asking)) {
    let (sender, lent) = sync_channel(1);
    ask(Asking::Lend(pid, sender));
    let passed = match lent.recv_timeout(CONTROL_PATIENCE) {
        Ok(Ok(passed)) => passed,
        refused => {
            let why = refused.map_or_else(|_| Some(BUSY.to_owned()), Result::err);
            let _ = send(stream, refuse(why.unwrap_or_default()));
            // It may yet lend them, late.
            return ask(Asking::Resume(pid));
        }
    };
    if lend(stream, passed).is_err() || !is_done(stream, pid) {
        return ask(Asking::Resume(pid));
    }
    let (sender, left): (_, Receiver<()>) = sync_channel(1);
    ask(Asking::Leave(pid, sender));
    // The node may be gone before it says so; the end of the connection says the same.
    if left.recv().is_ok() {
        let _ = send(stream, Reply::Sockets(told(Vec::new())));
    }
}

/// Sends all sockets.
fn lend(stream: &UnixStream, passed: Vec<Passed>) -> io::Result<()> {
    let (sockets, descriptors): (Vec<_>, Vec<_>) = { passed.into_iter() }
        .map(|one| (one.is, one.socket))
        .unzip();
    send(stream, Reply::Sockets(told(sockets)))?;
    descriptors
        .iter()
        .try_for_each(|descriptor| pass::send(stream, descriptor))
}

/// Waits for the other to serve, however long that takes it. Says whether it does.
fn is_done(stream: &UnixStream, pid: u32) -> bool {
    let forever = stream.set_read_timeout(None);
    let line = forever.and_then(|()| pass::Receiver::new(stream).line());
    let asked = line.ok().flatten().map(|line| Request::read(&line));
    asked == Some(Ok(Command::TakeOver { pid }))
}

fn told(sockets: Vec<v1::Socket>) -> v1::Sockets {
    v1::Sockets {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        sockets,
    }
}

const BUSY: &str = "the server is too busy to hand its sockets over; it goes on, try again";
