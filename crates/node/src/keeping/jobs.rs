//! Asks, fetches and tells: each on a thread of its own, which ends with what came of it.
//!
//! A machine has one such thing outstanding at a time, so that there are as many threads as zones,
//! secondaries and observers at most.

use super::peers::Peer;
use super::{Event, Happened, Post};
use crate::clock::present;
use crate::dial::{self, Patience, Question, Session};
use crate::{chain, system};
use domain::base::iana::Rcode;
use domain::rdata::ZoneRecordData;
use imrs_transfer::incoming::{Incoming, Limits, Progress, Received};
use imrs_transfer::message::{self, AnswerError, SoaAnswer};
use imrs_transfer::tsig;
use imrs_wire::Serial;
use imrs_zone::{Name, Record};
use std::panic::{self, AssertUnwindSafe};
use std::thread;

/// Why a transfer came to nothing.
#[derive(Debug)]
pub(crate) struct Fault {
    /// What went wrong.
    pub(crate) reason: String,
    /// Whether the whole zone may be had from the same primary.
    pub(crate) wants_axfr: bool,
}

/// Starts what is to be done beside.
#[derive(Clone)]
pub(crate) struct Jobs {
    patience: Patience,
    limits: Limits,
    /// Workers that are kept on a core each, which jobs keep off.
    pinned: usize,
    post: Post,
}

impl Jobs {
    /// What primaries and secondaries may take and send, and where to put what came of it.
    pub(super) fn new(patience: Patience, limits: Limits, pinned: usize, post: Post) -> Self {
        Jobs {
            patience,
            limits,
            pinned,
            post,
        }
    }

    /// Asks a primary for the SOA record of a zone.
    pub(super) fn ask(&self, zone: usize, name: &Name, primary: usize, peer: &Peer) {
        let question = self.soa_question(name, peer);
        let answered = move |result| Happened::Answered { primary, result };
        let failed = move |reason| answered(Err(reason));
        self.spawn(zone, "ask", failed, move || answered(question()));
    }

    /// Asks an observer for the SOA record of a zone.
    pub(super) fn observe(&self, zone: usize, name: &Name, observer: usize, peer: &Peer) {
        let question = self.soa_question(name, peer);
        let observed = move |result| Happened::Observed { observer, result };
        let failed = move |reason| observed(Err(reason));
        self.spawn(zone, "observe", failed, move || observed(question()));
    }

    /// Fetches a zone from a primary: what changed since the version with the SOA record `held`,
    /// or all of it.
    pub(super) fn fetch(
        &self,
        zone: usize,
        name: &Name,
        primary: usize,
        peer: &Peer,
        held: Option<Record>,
    ) {
        let (jobs, name, peer) = (self.clone(), name.clone(), peer.clone());
        let from = held.as_ref().and_then(serial_of);
        let received = move |result| Happened::Received {
            primary,
            from,
            result,
        };
        let failed = move |reason| {
            received(Err(Fault {
                reason,
                wants_axfr: false,
            }))
        };
        self.spawn(zone, "fetch", failed, move || {
            received(receive(
                &name,
                &peer,
                held.as_ref(),
                &jobs.patience,
                jobs.limits,
            ))
        });
    }

    /// Tells a secondary that there is a new serial.
    pub(super) fn tell(
        &self,
        zone: usize,
        name: &Name,
        secondary: usize,
        peer: &Peer,
        serial: Serial,
        soa: Option<&Record>,
    ) {
        let (name, peer, patience) = (name.clone(), peer.clone(), self.patience);
        let id = rand::random();
        let query = message::notify(&name, soa, id);
        let told = move |result| Happened::Told {
            secondary,
            serial,
            result,
        };
        let failed = move |reason| told(Err(reason));
        self.spawn(zone, "notify", failed, move || {
            let answer = exchange(&peer, query, &patience, NOTIFY_ATTEMPTS);
            told(answer.and_then(|answer| notify_rcode(&answer, &name, id)))
        });
    }

    fn soa_question(
        &self,
        name: &Name,
        peer: &Peer,
    ) -> impl FnOnce() -> Result<SoaAnswer, String> + Send + 'static {
        let (name, peer, patience) = (name.clone(), peer.clone(), self.patience);
        move || {
            let id = rand::random();
            let query = message::soa_query(&name, id);
            let answer = exchange(&peer, query, &patience, dial::UDP_ATTEMPTS)?;
            message::read_soa(&answer, &name, id).map_err(|error| chain(&error))
        }
    }

    /// Does `work` on a thread of its own. Where there is none to be had, or a library panics, that
    /// is what happened: whoever waits for an answer gets one.
    fn spawn(
        &self,
        zone: usize,
        name: &'static str,
        failed: impl Fn(String) -> Happened + Copy + Send + 'static,
        work: impl FnOnce() -> Happened + Send + 'static,
    ) {
        let (post, pinned) = (self.post.clone(), self.pinned);
        let run = move || {
            system::yield_to_workers(pinned);
            let what = panic::catch_unwind(AssertUnwindSafe(work))
                .unwrap_or_else(|_| failed("the server panicked over it".to_owned()));
            post.put(Event { zone, what });
        };
        if let Err(cause) = thread::Builder::new().name(name.to_owned()).spawn(run) {
            let what = failed(format!("cannot start a thread: {cause}"));
            self.post.put(Event { zone, what });
        }
    }
}

/// Receives one transfer: what changed since the version with the SOA record `held`, or the whole
/// zone.
pub(crate) fn receive(
    name: &Name,
    peer: &Peer,
    held: Option<&Record>,
    patience: &Patience,
    limits: Limits,
) -> Result<Received, Fault> {
    let key = peer.key.as_ref();
    let id = rand::random();
    let (mut incoming, request) = match held {
        Some(held) => Incoming::ixfr(name, held, key, limits, id, present()),
        None => Incoming::axfr(name, key, limits, id, present()),
    };
    let mut session = Session::open(&peer.target, patience).map_err(|error| broken(&error))?;
    session.send(&request).map_err(|error| broken(&error))?;
    loop {
        let message = match session.receive() {
            Ok(message) => message,
            Err(error) => {
                // What the end means depends on what came before it.
                let end = incoming.handle_end();
                return Err(Fault {
                    reason: format!("{}: {}", chain(&end), chain(&error)),
                    wants_axfr: end.wants_axfr(),
                });
            }
        };
        match incoming.handle_message(message, present()) {
            Ok(Progress::More) => {}
            Ok(Progress::Done(received)) => return Ok(received),
            Err(error) => {
                return Err(Fault {
                    wants_axfr: error.wants_axfr(),
                    reason: chain(&error),
                });
            }
        }
    }
}

/// Sends one message and gives the answer to it, whose signature held if the peer has a key.
///
/// Over UDP anybody may answer as the peer, so what is not signed as it should be is waited past;
/// where nothing else comes, it is told.
fn exchange(
    peer: &Peer,
    mut query: Vec<u8>,
    patience: &Patience,
    attempts: u32,
) -> Result<Vec<u8>, String> {
    let transaction =
        { peer.key.as_ref() }.map(|key| tsig::sign_request(key, &mut query, present()));
    let mut unauthentic = None;
    let mut accept = |answer: &mut Vec<u8>| {
        let verified = { transaction.as_ref() }
            .map_or(Ok(()), |transaction| transaction.verify(answer, present()));
        unauthentic = verified.as_ref().err().map(|error| chain(error));
        verified.is_ok()
    };
    let question = Question {
        query: &query,
        patience,
        attempts,
    };
    let answer = question.put_to(&peer.target, &mut accept);
    answer.map_err(|error| unauthentic.unwrap_or_else(|| chain(&error)))
}

/// What a secondary said to a NOTIFY. An error that it tells is an answer as well.
fn notify_rcode(answer: &[u8], name: &Name, id: u16) -> Result<Rcode, String> {
    match message::read_notify_answer(answer, name, id) {
        Ok(()) => Ok(Rcode::NOERROR),
        Err(AnswerError::Rcode(rcode)) => Ok(Rcode::masked_from_int(rcode.0 as u8)),
        Err(error) => Err(chain(&error)),
    }
}

fn broken(error: &dial::DialError) -> Fault {
    Fault {
        reason: chain(error),
        wants_axfr: false,
    }
}

fn serial_of(soa: &Record) -> Option<Serial> {
    match soa.data() {
        ZoneRecordData::Soa(soa) => Some(Serial(soa.serial().into_int())),
        _ => None,
    }
}

/// The machine that tells secondaries sends a NOTIFY again in its own time.
const NOTIFY_ATTEMPTS: u32 = 1;
